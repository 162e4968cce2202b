"""What a job on a Ray cluster tells of itself in Ray's log of it."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

from tandemlab.compute.packages import record_answer
from tandemlab.compute.remote.following import take_part
from tandemlab.domain.jobs import Job
from tandemlab.store.durable import storage_errors

_MARK = b'{"tandemlab":'


class Journal:
    """Reads the lines of ``relay.py``; whatever has been read before changes nothing.

    Attributes:
        has_begun: whether the script was started.
        is_unbuilt: whether the environment could not be built, so that it was not.
        has_ended: whether all is here.
        status: the exit status that the script has left then, if any.
        memory: bytes that its processes used when they were last asked; None if nobody asks.
        is_closed: whether nothing is taken in any more.
    """

    def __init__(self, job: Job) -> None:
        self.has_begun = False
        self.is_unbuilt = False
        self.has_ended = False
        self.status: int | None = None
        self.memory: int | None = None
        self.is_closed = False
        self._job = job
        self._rest = b""
        self._lock = threading.Lock()

    def anew(self) -> Journal:
        """One that reads the log from its start, and knows what this one has known."""
        found = Journal(self._job)
        found.has_begun, found.memory = self.has_begun, self.memory
        return found

    def close(self) -> None:
        """Take in nothing any more, whoever still reads."""
        with self._lock:
            self.is_closed = True

    def feed(self, data: bytes) -> None:
        """Take in what comes next in the log."""
        with self._lock:
            if self.is_closed:
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                if line.startswith(_MARK):  # others are Ray's
                    self._take(json.loads(line))

    def _take(self, told: dict[str, Any]) -> None:
        kind = told["tandemlab"]
        if kind == "part":
            take_part(self._job, told["path"], told["at"], _data(told))
        elif kind == "file":
            self._take_file(told)
        elif kind == "begun":
            self.has_begun = True
        elif kind == "packages":
            record_answer(self._job, told["lines"])
        elif kind == "memory":
            self.memory = told["used"]
        elif kind == "unbuilt":
            self.is_unbuilt = True
        elif kind == "ended":
            self.status, self.has_ended = told["status"], True

    def _take_file(self, told: dict[str, Any]) -> None:
        """A piece of a file, which appears whole. What is there already stays."""
        name = Path(told["path"])
        target = self._job.directory / name
        if name.is_absolute() or ".." in name.parts or target.exists():
            return
        part = target.with_name(f".{name.name[:80]}.part")
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with part.open("r+b" if told["at"] else "wb") as stream:
                stream.seek(told["at"])
                stream.write(_data(told))
            if told["is_last"]:
                part.replace(target)


def _data(told: dict[str, Any]) -> bytes:
    return told["text"].encode() if "text" in told else base64.b64decode(told["base64"])
