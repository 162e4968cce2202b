"""What comes back from a target while a job runs: its state, and what it has logged since."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tandemlab.domain import RunError
from tandemlab.domain.jobs import Job, JobState
from tandemlab.store.durable import storage_errors, write_json
from tandemlab.store.run_files import LOG_FILE
from tandemlab.store.spool import mark_live, spool_files

LIMIT = 8 << 20  # as in remote.sh
_WITH_FILE = {"file", "image"}
_ENDED = "ended.json"


@dataclass
class News:
    """What a target has said of one job.

    Attributes:
        state: words such as ``["ended", "0"]``; none if nothing was said.
        parts: of its files: path in the run's directory, place, bytes.
        left: paths of the files that it has left, if these were asked for.
    """

    state: list[str] = field(default_factory=list)
    parts: list[tuple[str, int, bytes]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def question(jobs: Sequence[Job]) -> str:
    """The lines that ask after jobs: a `follow` of ``remote.sh`` for each."""
    return "\n".join(f"({shlex.join(['follow', *_known(job)])})" for job in jobs)


def _known(job: Job) -> list[str]:
    log = job.directory / "files" / LOG_FILE
    known = [job.run_id, str(int(job.max_memory is not None)), str(_size(log))]
    for path in spool_files(job.directory):
        known += [path.name, str(_size(path))]
    return known


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def read_news(answer: bytes) -> dict[str, News]:
    r"""What ``remote.sh`` has answered, by run.

    >>> read_news(b"state r1 ended 3\npart r1 spool/a.jsonl 0 4\nabc\n")["r1"].parts
    [('spool/a.jsonl', 0, b'abc\n')]
    """
    found: dict[str, News] = {}
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        kind, run_id, *words = answer[at:end].decode("utf-8", "replace").split(" ")
        at = end + 1
        news = found.setdefault(run_id, News())
        if kind == "state":
            news.state = words
        elif kind == "left":
            news.left.append(" ".join(words))
        elif kind == "part":
            path, start, length = words[0], int(words[1]), int(words[2])
            news.parts.append((path, start, _whole(path, answer[at : at + length])))
            at += length
    return found


def _whole(path: str, data: bytes) -> bytes:
    """Of a spool whole lines alone, so that an event's file comes before the event."""
    if not path.startswith("spool/") or (len(data) == LIMIT and b"\n" not in data):
        return data
    return data[: data.rfind(b"\n") + 1]


def files_in(news: News, job: Job) -> list[str]:
    """Files that the events in a job's news tell of and that are not here."""
    named = {
        name
        for path, _, data in news.parts
        if path.startswith("spool/")
        for name in _files_of(data)
    }
    return sorted(name for name in named if not (job.directory / "files" / name).exists())


def _files_of(data: bytes) -> Iterator[str]:
    for line in data.split(b"\n"):
        if not any(f'"kind":"{kind}"'.encode() in line for kind in _WITH_FILE):
            continue
        event = json.loads(line)
        if event.get("kind") in _WITH_FILE:
            yield event["name"] if event["kind"] == "file" else event["value"]["file"]


def take_parts(news: News, job: Job) -> None:
    """Write a job's news where a job of this machine would have written it."""
    for path, start, data in news.parts:
        take_part(job, path, start, data)


def take_part(job: Job, path: str, start: int, data: bytes) -> None:
    """Write what the log or a spool of a job has from a place on, as far as it is not here."""
    target = job.directory / path
    if path != f"files/{LOG_FILE}" and path != f"spool/{target.name}":
        return
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    if path.startswith("spool/"):
        mark_live(job.directory)
    with storage_errors(target):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with open(descriptor, "wb") as stream:
            here = os.fstat(descriptor).st_size
            if start <= here < start + len(data):
                stream.seek(here)
                stream.write(data[here - start :])


def kept_end(job: Job) -> JobState | None:
    """How a job has ended, once all that it left is here."""
    path = job.directory / "job" / _ENDED
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    problem = RunError(*found["problem"]) if "problem" in found else None
    return JobState(is_running=False, exit_code=found["exit_code"], problem=problem)


def keep_end(job: Job, state: JobState) -> None:
    """All that a job has left is here."""
    kept: dict[str, Any] = {"exit_code": state.exit_code}
    if state.problem is not None:
        kept["problem"] = [state.problem.message, state.problem.code]
    write_json(job.directory / "job" / _ENDED, kept)
