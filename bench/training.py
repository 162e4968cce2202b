"""Measures jobs, environments and datasets, beside pandas.read_csv and data.table::fread.

    .venv/bin/python bench/training.py [--rows 10000000] [--repeats 5]

Writes training.json and its part of README.md beside this file, unless --rows are fewer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import report
from harness import describe_machine, run_json
from lab import Samples, Stopwatch, keep

from tandemlab import ScriptRunConfig, Workspace
from tandemlab.data import Dataset
from tandemlab.domain.environments import Environment, PythonSection
from tandemlab.environments import EnvironmentCache

HERE = Path(__file__).resolve().parent
R_LIBRARY = HERE.parent / ".rlib"
ROWS = 10_000_000
SCRIPTS = {"python": ("job.py", 'print("here")'), "r": ("job.R", 'cat("here\\n")')}


def measure_jobs(folder: Path, repeats: int) -> Samples:
    """From `submit` to the first line of a script, in a workspace that has run such a script."""
    found: Samples = defaultdict(list)
    experiment = Workspace.create(folder / "lab").experiment("jobs")
    source = folder / "source"
    source.mkdir()
    for repeat in range(repeats + 1):
        for language, (name, code) in SCRIPTS.items():
            (source / name).write_text(code)
            begin = time.perf_counter()
            run = experiment.submit(ScriptRunConfig(source, name))
            log = run.directory / "files" / "user_logs" / "std_log.txt"
            while not (log.exists() and "here" in log.read_text()):
                time.sleep(0.001)
            seconds = time.perf_counter() - begin
            run.wait_for_completion(timeout_seconds=60)
            if repeat:
                found[f"job_{language}"].append(seconds)
    return found


def measure_environment(repeats: int) -> Samples:
    """Asking for an environment that is built."""
    found: Samples = defaultdict(list)
    environment = Environment("bench", PythonSection(("six",)))
    EnvironmentCache().build(environment)
    for _ in range(repeats):
        watch = Stopwatch()
        EnvironmentCache().build(environment)
        keep(found, "environment", watch.read())
    return found


def write_rows(path: Path, rows: int) -> None:
    """Delimited text with whole numbers, doubles, texts and dates."""
    import duckdb

    duckdb.sql(
        f"""COPY (
          SELECT i AS id, hash(i) % 100 AS count, (hash(i) % 1000000) / 1000 AS value,
            (['north', 'south', 'east', 'west'])[1 + (hash(i + 1) % 4)::INT] AS region,
            DATE '2020-01-01' + (i % 1000)::INT AS day
          FROM range({rows}) numbers(i)) TO '{path}' (HEADER)"""
    )


def measure_tables(path: Path, repeats: int) -> Samples:
    """The table as a data frame of pandas, by turns with pandas' own reader."""
    import pandas

    found: Samples = defaultdict(list)
    readers = {
        "table": lambda: Dataset.Tabular.from_delimited_files(path).to_pandas_dataframe(),
        "beside_table": lambda: pandas.read_csv(path),
    }
    for repeat in range(repeats + 1):
        for key, read in readers.items():
            watch = Stopwatch()
            frame = read()
            times = watch.read()
            del frame
            if repeat:
                keep(found, key, times)
    return found


def measure_r_tables(path: Path, repeats: int) -> Samples:
    """The table as a data frame of R, by turns with data.table's reader."""
    command = ["Rscript", "--no-init-file", HERE / "training.R", path, str(repeats)]
    return defaultdict(
        list,
        run_json(command, {"R_LIBS": str(R_LIBRARY), "TANDEMLAB_PYTHON": sys.executable}),
    )


def measure(rows: int, repeats: int) -> dict[str, Any]:
    """All of it."""
    samples: Samples = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder, path = Path(place), Path(place, "rows.csv")
        machine = describe_machine(folder)
        os.environ["TANDEMLAB_CONFIG_DIR"] = str(folder / "config")
        samples |= measure_jobs(folder, 4 * repeats)
        samples |= measure_environment(10 * repeats)
        write_rows(path, rows)
        samples |= measure_tables(path, repeats)
        samples |= measure_r_tables(path, repeats)
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine,
        "versions": {name: version(name) for name in ("duckdb", "pyarrow", "pandas")},
        "sizes": {"rows": rows, "repeats": repeats},
        "rows": report.summarize(samples, report.TRAINING_ROWS),
        "samples": {key: [float(f"{value:.6g}") for value in samples[key]] for key in samples},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    result = measure(options.rows, options.repeats)
    print(report.table(result["rows"], "read_csv, fread"))
    if options.rows >= ROWS:
        text = json.dumps(result, indent=1, ensure_ascii=False)
        (HERE / "training.json").write_text(f"{text}\n", encoding="utf-8")
        report.write_page(HERE)


if __name__ == "__main__":
    main()
