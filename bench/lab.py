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
from tandemlab.domain import Event, EventBatch, NewRun
from tandemlab.domain.times import now, to_micros

clock = time.perf_counter
Samples = defaultdict[str, list[float]]


class Stopwatch:
    """Seconds of the clock and of the processor since it was made."""

    def __init__(self) -> None:
        self._start = clock(), time.process_time()

    def read(self, count: int = 1) -> tuple[float, float]:
        """Both, for each of `count` repetitions."""
        wall, processor = clock(), time.process_time()
        return (wall - self._start[0]) / count, (processor - self._start[1]) / count


def keep(found: Samples, key: str, times: tuple[float, float]) -> None:
    found[key].append(times[0])
    found[f"{key}_cpu"].append(times[1])


def time_log(run: Run, calls: int) -> tuple[float, float]:
    watch = Stopwatch()
    for step in range(calls):
        run.log("loss", step * 0.123456789, step=step)
    return watch.read(calls)


def time_write(path: Path, line: bytes, calls: int) -> tuple[float, float]:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC)
    try:
        watch = Stopwatch()
        for _ in range(calls):
            os.write(descriptor, line)
        return watch.read(calls)
    finally:
        os.close(descriptor)


def logging(experiment: Experiment, folder: Path, calls: int, repeats: int) -> Samples:
    """A log call and the bare write(2) of a line of the same length, by turns."""
    found: Samples = defaultdict(list)
    run = experiment.create_run(type="interactive")
    watch = Stopwatch()
    run.log("first", 0.5)
    keep(found, "first_log", watch.read())
    time_log(run, calls)
    (spool,) = (run.directory / "spool").iterdir()
    line = spool.read_bytes().splitlines(keepends=True)[-1]
    scratch = folder / "scratch"
    time_write(scratch, line, calls)
    for _ in range(repeats):
        logged, written = time_log(run, calls), time_write(scratch, line, calls)
        keep(found, "log", logged)
        keep(found, "write", written)
        keep(found, "beyond", (logged[0] - written[0], logged[1] - written[1]))
    scratch.unlink()
    return found


def creating(experiment: Experiment, runs: int, repeats: int) -> Samples:
    found: Samples = defaultdict(list)
    experiment.create_run(type="interactive")
    for _ in range(repeats):
        watch = Stopwatch()
        for _ in range(runs):
            experiment.create_run(type="interactive")
        keep(found, "create", watch.read(runs))
    return found


def history(folder: Path, points: int, names: int, repeats: int) -> Samples:
    """Taking in and reading the points of a run, spread over `names` metrics in turn."""
    found: Samples = defaultdict(list)
    suffix = "" if names == 1 else "_mixed"
    workspace = Workspace.create(folder / f"history{names}")
    for _ in range(repeats):
        run = workspace.experiment("bench").create_run(type="interactive")
        run.log("first", 0.5)
        run.get_metrics()
        before = size_of_store(workspace)
        for step in range(points):
            run.log(f"loss{step % names}", step * 0.123456789, step=step // names)
        watch, whole = Stopwatch(), Stopwatch()
        workspace.folder.catch_up(run.id)
        keep(found, f"ingest{suffix}", watch.read(points))
        values = run.get_metrics()
        keep(found, f"ingest_and_read{suffix}", whole.read())
        assert sum(len(value) for value in values.values() if isinstance(value, list)) == points
        del values
        for _ in range(2):
            watch = Stopwatch()
            run.get_metrics()
            keep(found, f"read{suffix}", watch.read())
            watch = Stopwatch()
            run.get_metric_history("loss0", max_points=1000)
            keep(found, f"sample{suffix}", watch.read())
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
    watch = Stopwatch()
    workspace.runs_frame("bench")
    keep(found, "frame_first", watch.read())
    for _ in range(repeats):
        watch = Stopwatch()
        frame = workspace.runs_frame("bench")
        keep(found, "frame", watch.read())
    assert frame.shape[0] == runs
    return found


def search(folder: Path, runs: int, repeats: int) -> Samples:
    """Many runs that have ended, with two metrics each: their frame, and a page of them."""
    found: Samples = defaultdict(list)
    workspace = Workspace.create(folder / "search")
    batches = []
    for number in range(runs):
        new = NewRun(f"bench_{number}", "bench", "interactive", f"run {number}", now())
        workspace.store.create_run(new)
        events = [
            Event(seq, to_micros(new.created), "metric", name, number * 0.25)
            for seq, name in enumerate(("loss", "accuracy"), 1)
        ]
        batches.append(EventBatch(new.id, "w", events, 1, {}))
    workspace.store.ingest_all(batches)
    for _ in range(repeats + 1):
        watch = Stopwatch()
        frame = workspace.runs_frame("bench")
        keep(found, "frame_many", watch.read())
        watch = Stopwatch()
        page = workspace.get_runs(order_by="metrics.accuracy desc", limit=50)
        keep(found, "page", watch.read())
    assert (frame.shape[0], page[0].number) == (runs, runs)
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
    result |= search(folder, 10 * runs, repeats)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
