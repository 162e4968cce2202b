"""Measures the bridge between R and Python, beside other libraries and what cannot be beaten.

    .venv/bin/python bench/bridge.py [--quick] [--section NAME]...

Writes results-bridge.json and bridge.md beside this file, unless --quick. A section that is not
measured keeps its former results.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import crossings
import files
import frames
import memory
import run_r
from crossings import BUILD, HERE, R_LIBRARY, Bench, Section
from harness import describe_machine

SECTIONS: tuple[Section, ...] = (
    frames.SECTION,
    memory.SECTION,
    files.SECTION,
    run_r.SECTION,
)
RESULTS = HERE / "results-bridge.json"


def measure(section: Section, *, quick: bool) -> dict[str, Any]:
    """One section: what the page shows, and the samples."""
    machine = describe_machine(BUILD)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="bench-") as folder:
        found = section.measure(Bench(Path(folder), quick))
    machine["load_after"] = round(os.getloadavg()[0], 2)
    return {
        "title": section.title,
        "about": section.about,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine,
        "versions": dict(found.versions),
        "rows": crossings.summarize(section, found),
        "wrong": sorted(found.wrong),
        "samples": {
            key: [float(f"{value:.4g}") for value in values]
            for key, values in found.samples.items()
        },
    }


def main() -> None:
    names = [section.name for section in SECTIONS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small round; writes no page")
    parser.add_argument("--section", action="append", choices=names, help="only this; repeatable")
    options = parser.parse_args()
    if not (R_LIBRARY / "tandemlab").exists():
        sys.exit("bench: the R package is missing; tools/install-r-package installs it")
    BUILD.mkdir(exist_ok=True)
    former = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results = {}
    for section in SECTIONS:
        if section.name in (options.section or names):
            print(f"bench: {section.title}", file=sys.stderr, flush=True)
            results[section.name] = measure(section, quick=options.quick)
            print(crossings.table(results[section.name]["rows"]))
        elif section.name in former:
            results[section.name] = former[section.name]
    if not options.quick:
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        (HERE / "bridge.md").write_text(crossings.page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
