"""What a parallel run does in its job: parts the input, and puts together what processes give.

Results are files in ``logs/mini_batches``, named by place and content of the mini-batch: what an
earlier attempt has left there is taken over and not run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from tandemlab.domain import TandemlabError
from tandemlab.domain.jobs import place_variable
from tandemlab.pipelines.gathering import gather_tables
from tandemlab.pipelines.mini_batch_processes import MiniBatchProcess
from tandemlab.store.blobs import digest_of

FINISHED = "finished_mini_batches_"  # inputs: where earlier attempts have left theirs
LEFT = "logs/mini_batches"
SUMMARY = "logs/mini_batches.json"
SCRIPT = """\
from tandemlab.pipelines.mini_batches import run_mini_batches

run_mini_batches()
"""
SUFFIXES = {"table": ".arrow", "json": ".json", "file": ".json", None: ".done"}


@dataclass
class MiniBatch:
    """A part of the input.

    Attributes:
        name: by which its result is found again.
        request: what a process is told: ``paths``, ``rows`` (from, to) or ``items``.
        size: how many files, rows or items it has.
    """

    name: str
    request: Mapping[str, Any]
    size: int
    tries: int = 0
    error: str = ""


@dataclass
class _Progress:
    waiting: deque[MiniBatch]
    done: list[str] = field(default_factory=list)
    failed: list[MiniBatch] = field(default_factory=list)
    stopped: str = ""
    lock: Lock = field(default_factory=Lock)


def run_mini_batches() -> None:
    """Run the script of a parallel run for all its mini-batches, as the first argument says.

    Exits with an error if more has failed than may.
    """
    call, words = json.loads(sys.argv[1]), sys.argv[2:]
    began = time.monotonic()
    batches = list(part(call))
    folder = Path(LEFT)
    folder.mkdir(parents=True, exist_ok=True)
    suffix = SUFFIXES[call["output_type"]]
    taken = _take_over(batches, folder, suffix)
    progress = _Progress(deque(each for each in batches if each.name not in taken))
    print(f"{len(batches)} mini-batches, {len(taken)} of them done before.", flush=True)
    number = min(_process_count(call), len(progress.waiting)) or 1
    with ThreadPoolExecutor(number) as pool:
        futures = [pool.submit(_work, call, words, progress, suffix) for _ in range(number)]
    for future in futures:
        future.result()
    _summarize(batches, taken, progress, time.monotonic() - began)
    if progress.stopped:
        raise SystemExit(progress.stopped)
    _put_together(call, [folder / f"{each.name}{suffix}" for each in batches])
    shutil.rmtree(folder)


def part(call: Mapping[str, Any]) -> Iterator[MiniBatch]:
    """The mini-batches of the input.

    Raises:
        InvalidInput: it is no table and no list, and is to be one.
    """
    path, size = Path(os.environ[place_variable("inputs", call["input"])]), call["mini_batch_size"]
    if call["input_type"] == "table" or path.suffix in (".arrow", ".parquet"):
        from tandemlab.bridge import read_frame

        count, key, state = read_frame(path).num_rows, "rows", _content_of(path)
        whole: list[Any] = []
    elif call["input_type"] == "json":
        whole = json.loads(path.read_text(encoding="utf-8"))
        count, key, state = len(whole), "items", ""
    else:
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*"))
        whole = [str(each) for each in files if each.is_file()]
        count, key, state = len(whole), "paths", ""
    for place, start in enumerate(range(0, count, size)):
        end = min(start + size, count)
        value: list[Any] = [start, end] if key == "rows" else whole[start:end]
        told = [_content_of(Path(each)) for each in value] if key == "paths" else [state, value]
        digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
        yield MiniBatch(f"{place:06d}-{digest}", {key: value, "input": str(path)}, end - start)


def _content_of(path: Path) -> str:
    return f"{path.name} {digest_of(path)}"


def _process_count(call: Mapping[str, Any]) -> int:
    given = call["process_count_per_node"] or os.environ.get("OMP_NUM_THREADS")
    return int(given or len(os.sched_getaffinity(0)))


def _take_over(batches: list[MiniBatch], folder: Path, suffix: str) -> set[str]:
    prefix = place_variable("inputs", FINISHED)
    earlier = [Path(path) for name, path in os.environ.items() if name.startswith(prefix)]
    taken = set()
    for batch in batches:
        name = f"{batch.name}{suffix}"
        found = next((each / name for each in earlier if (each / name).exists()), None)
        if found is not None:
            shutil.copyfile(found, folder / f".{name}")
            (folder / f".{name}").replace(folder / name)
            taken.add(batch.name)
    return taken


def _work(call: Mapping[str, Any], words: list[str], progress: _Progress, suffix: str) -> None:
    """Have one process run mini-batches until there are none; a new one after it has died."""
    process: MiniBatchProcess | None = None
    try:
        while (batch := _next(progress)) is not None:
            if process is None:
                process = MiniBatchProcess(call, words)
            result = Path(LEFT, f"{batch.name}{suffix}").absolute()
            answer = process.run({**batch.request, "result": str(result)})
            if answer is None or "error" in answer:
                _note_failure(call, progress, batch, answer, process.end_note)
            else:
                with progress.lock:
                    progress.done.append(batch.name)
            if answer is None:
                process.close()
                process = None
    finally:
        if process is not None:
            process.close()


def _next(progress: _Progress) -> MiniBatch | None:
    with progress.lock:
        return progress.waiting.popleft() if progress.waiting and not progress.stopped else None


def _note_failure(
    call: Mapping[str, Any],
    progress: _Progress,
    batch: MiniBatch,
    answer: Mapping[str, Any] | None,
    end_note: str,
) -> None:
    batch.tries += 1
    batch.error = end_note if answer is None else str(answer["error"])
    print(f"Mini-batch {batch.name}: try {batch.tries} failed. {batch.error}", flush=True)
    with progress.lock:
        if answer is not None and answer.get("is_init"):
            progress.stopped = f"init() failed. {_first_line(batch.error)}"
        elif batch.tries < call["run_max_try"]:
            progress.waiting.append(batch)
            return
        progress.failed.append(batch)
        lost, most = sum(each.size for each in progress.failed), call["error_threshold"]
        if 0 <= most < lost and not progress.stopped:
            progress.stopped = (
                f"{lost} {_unit(batch)} are of mini-batches that failed, more than the "
                f"{most} of error_threshold. {_first_line(batch.error)}"
            )


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0]


def _unit(batch: MiniBatch) -> str:
    return next({"paths": "files"}.get(key, key) for key in batch.request if key != "input")


def _summarize(
    batches: list[MiniBatch], taken: set[str], progress: _Progress, seconds: float
) -> None:
    from tandemlab.tracking import Run

    content = {
        "mini_batches": len(batches),
        "mini_batches_taken_over": len(taken),
        "mini_batches_failed": len(progress.failed),
        "seconds": round(seconds, 3),
        "failed": [
            {"name": each.name, **each.request, "tries": each.tries, "error": each.error}
            for each in progress.failed
        ],
    }
    Path(SUMMARY).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    run = Run.get_context()
    for name in ("mini_batches", "mini_batches_taken_over", "mini_batches_failed"):
        run.log(name, content[name])


def _put_together(call: Mapping[str, Any], results: list[Path]) -> None:
    """Write the output from the results of mini-batches, those that have one, in their order."""
    if call["output"] is None:
        return
    target = Path(os.environ[place_variable("outputs", call["output"])])
    there = [path for path in results if path.exists()]
    if call["output_type"] == "table":
        try:
            gather_tables(there, target)
        except TandemlabError as problem:
            raise SystemExit(f"What run() has given does not fit together. {problem}") from None
        return
    rows = [row for path in there for row in json.loads(path.read_text(encoding="utf-8"))]
    if call["output_type"] == "json":
        text = json.dumps(rows, ensure_ascii=False)
    else:
        text = "".join(f"{row}\n" for row in rows)
    target.write_text(text, encoding="utf-8")
