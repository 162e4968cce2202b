"""Measure what targets add to their engines: starting jobs, and bringing back what they print.

    .venv/bin/python bench/compute.py [--targets local ssh slurm ray spark] [--repeats 10]

Each target has a module ``compute_NAME.py`` with ``running(folder, workspace)``: a context that
attaches it, and gives what starts a script without tandemlab; and perhaps ``extra(folder,
workspace, repeats)`` with further samples. The engines are those of the tests, on this machine.
Writes ``compute.json`` and README.md if all targets were measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timezone
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import report
from harness import describe_machine

from tandemlab import ScriptRunConfig, Workspace

HERE = Path(__file__).parent
TARGETS = ("local", "ssh", "slurm", "ray", "spark")
LINES = 10
STARTED = "import time; open({path!r}, 'w').write(repr(time.time()))"
PRINTING = """
import time
for _ in range({lines}):
    time.sleep(0.37)
    print(time.time(), flush=True)
"""
Samples = dict[str, list[float]]


def _delay(start: Callable[[], object], told: Path) -> float:
    """Seconds until a script that was started has begun to run."""
    told.unlink(missing_ok=True)
    begin = time.time()
    start()
    while not told.exists() or not (text := told.read_text()):
        time.sleep(0.005)
    return float(text) - begin


def _latencies(config: ScriptRunConfig, workspace: Workspace) -> list[float]:
    """Seconds from printing a line until it can be read here."""
    run, offset, found = workspace.experiment("print").submit(config), 0, []
    while len(found) < LINES:
        text, offset = run.read_log(offset)
        seen = time.time()
        found += [seen - float(line) for line in text.splitlines()]
        time.sleep(0.005)
    run.wait_for_completion()
    return found


def measure_target(name: str, folder: Path, repeats: int) -> Samples:
    """Samples of one target, their names beginning with its name."""
    module = import_module(f"compute_{name}")
    workspace = Workspace.create(folder / "lab")
    source, told = folder / "source", folder / "told"
    source.mkdir()
    (source / "started.py").write_text(STARTED.format(path=str(told)))
    (source / "printing.py").write_text(PRINTING.format(lines=LINES))
    config = ScriptRunConfig(source, "started.py", compute_target=name)
    found: Samples = defaultdict(list)
    with module.running(folder, workspace) as start:
        for repeat in range(repeats + 1):
            bare = _delay(lambda: start(source / "started.py"), told)
            whole = _delay(lambda: workspace.experiment("start").submit(config), told)
            if repeat:  # the first sends tandemlab, and opens connections
                found[f"{name}_bare"].append(bare)
                found[f"{name}_start"].append(whole - bare)
        found[f"{name}_log"] += _latencies(config.replace(script="printing.py"), workspace)
    if hasattr(module, "extra"):
        (folder / "extra").mkdir()
        samples = module.extra(folder, workspace, repeats)
        found |= {f"{name}_{key}": samples[key] for key in samples if "beside" not in key}
        found |= {f"beside_{name}_{key[7:]}": samples[key] for key in samples if "beside" in key}
    return found


def measure(targets: list[str], repeats: int) -> dict[str, Any]:
    """All targets, one after the other."""
    samples: Samples = {}
    sys.path.insert(0, str(HERE.parent / "tests"))
    os.environ["TANDEMLAB_IDLE_SECONDS"] = "30"
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as place:
        machine = describe_machine(Path(place))
        os.environ["TANDEMLAB_CONFIG_DIR"] = f"{place}/config"
        for name in targets:
            folder = Path(place, name)
            folder.mkdir(0o755)
            Path(place).chmod(0o755)  # munge wants to see what is above its socket
            samples |= measure_target(name, folder, repeats)
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine,
        "versions": {"asyncssh": version("asyncssh")},
        "sizes": {"repeats": repeats, "targets": targets},
        "rows": report.summarize(samples, report.compute_rows(targets)),
        "samples": {key: [float(f"{value:.6g}") for value in samples[key]] for key in samples},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=TARGETS)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    result = measure(options.targets, options.repeats)
    print(report.table(result["rows"], "tar"))
    if options.targets == list(TARGETS):
        text = json.dumps(result, indent=1, ensure_ascii=False)
        (HERE / "compute.json").write_text(f"{text}\n", encoding="utf-8")
        report.write_page(HERE)


if __name__ == "__main__":
    main()
