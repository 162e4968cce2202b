"""What tandemlab does in one process, timed. Prints JSON: samples by measure, in seconds.

python lab.py FOLDER CALLS POINTS RUNS REPEATS
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

from tandemlab import Experiment, Run, Workspace

clock = time.perf_counter
Samples = defaultdict[str, list[float]]


def time_log(run: Run, calls: int) -> float:
    start = clock()
    for step in range(calls):
        run.log("loss", step * 0.123456789, step=step)
    return (clock() - start) / calls


def time_write(path: Path, line: bytes, calls: int) -> float:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC)
    try:
        start = clock()
        for _ in range(calls):
            os.write(descriptor, line)
        return (clock() - start) / calls
    finally:
        os.close(descriptor)


def logging(experiment: Experiment, folder: Path, calls: int, repeats: int) -> Samples:
    """A log call and the bare write(2) of a line of the same length, by turns."""
    found: Samples = defaultdict(list)
    run = experiment.create_run(type="interactive")
    start = clock()
    run.log("first", 0.5)
    found["first_log"].append(clock() - start)
    time_log(run, calls)
    (spool,) = (run.directory / "spool").iterdir()
    line = spool.read_bytes().splitlines(keepends=True)[-1]
    scratch = folder / "scratch"
    time_write(scratch, line, calls)
    for _ in range(repeats):
        logged, written = time_log(run, calls), time_write(scratch, line, calls)
        found["log"].append(logged)
        found["write"].append(written)
        found["beyond"].append(logged - written)
    scratch.unlink()
    return found


def creating(experiment: Experiment, runs: int, repeats: int) -> Samples:
    found: Samples = defaultdict(list)
    experiment.create_run(type="interactive")
    for _ in range(repeats):
        start = clock()
        for _ in range(runs):
            experiment.create_run(type="interactive")
        found["create"].append((clock() - start) / runs)
    return found


def history(folder: Path, points: int, names: int, repeats: int) -> Samples:
    """Taking in and reading the points of one run, spread over `names` metrics in turn."""
    found: Samples = defaultdict(list)
    workspace = Workspace.create(folder / f"history{names}")
    run = workspace.experiment("bench").create_run(type="interactive")
    run.log("first", 0.5)
    run.get_metrics()
    before = size_of_store(workspace)
    for step in range(points):
        run.log(f"loss{step % names}", step * 0.123456789, step=step // names)
    start = clock()
    workspace.folder.catch_up(run.id)
    taken_in = clock()
    values = run.get_metrics()
    end = clock()
    assert sum(len(v) for v in values.values() if isinstance(v, list)) == points
    del values
    suffix = "" if names == 1 else "_mixed"
    found[f"ingest{suffix}"].append((taken_in - start) / points)
    found[f"ingest_and_read{suffix}"].append(end - start)
    for _ in range(repeats):
        start = clock()
        run.get_metrics()
        found[f"read{suffix}"].append(clock() - start)
    found[f"bytes{suffix}"].append((size_of_store(workspace) - before) / points)
    return found


def size_of_store(workspace: Workspace) -> int:
    """Bytes of the database alone: closing it moves the rest of its log there."""
    workspace.store.close()
    return (workspace.path / "store.db").stat().st_size


def table(folder: Path, runs: int, repeats: int) -> Samples:
    """The frame of many runs with two metrics and a tag each: first with their news, then as is."""
    import pandas

    pandas.DataFrame({"warm": [1]})
    found: Samples = defaultdict(list)
    workspace = Workspace.create(folder / "frame")
    experiment = workspace.experiment("bench")
    for number in range(runs):
        run = experiment.create_run(type="interactive", tags={"fold": str(number % 5)})
        run.log("loss", number * 0.25)
        run.log("accuracy", number * 0.5)
    start = clock()
    workspace.runs_frame("bench")
    found["frame_first"].append(clock() - start)
    for _ in range(repeats):
        start = clock()
        frame = workspace.runs_frame("bench")
        found["frame"].append(clock() - start)
    assert frame.shape[0] == runs
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    calls, points, runs, repeats = map(int, sys.argv[2:])
    experiment = Workspace.create(folder / "logging").experiment("bench")
    result: dict[str, list[float]] = {}
    result |= logging(experiment, folder, calls, repeats)
    result |= creating(experiment, 200, repeats)
    result |= history(folder, points, 1, repeats)
    result |= history(folder, points, 10, repeats)
    result |= table(folder, runs, repeats)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
