"""What jobs on a Ray cluster tell in Ray's logs of them."""

from __future__ import annotations

import base64
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.compute.packages import record_answer
from tandemlab.compute.remote.following import take_part
from tandemlab.domain.jobs import Job
from tandemlab.store.durable import storage_errors

if TYPE_CHECKING:
    from typing_extensions import Self

_MARK = b'{"tandemlab":'


class Lines(ABC):
    """The lines of JSON that are ours in a log; whatever has been read before changes nothing.

    Attributes:
        has_ended: whether all is here.
        is_closed: whether nothing is taken in any more.
    """

    def __init__(self) -> None:
        self.has_ended = False
        self.is_closed = False
        self._rest = b""
        self._lock = threading.Lock()

    @abstractmethod
    def anew(self) -> Self:
        """One that reads the log from its start, and knows what this one has known."""

    @abstractmethod
    def take(self, told: Mapping[str, Any]) -> None:
        """Take in a line."""

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
                    self.take(json.loads(line))


class Journal(Lines):
    """What ``relay.py`` tells of a job.

    Attributes:
        has_begun: whether the script was started.
        is_unbuilt: whether the environment could not be built, so that it was not.
        status: the exit status that the script has left in the end, if any.
        memory: bytes that its processes used when they were last asked; None if nobody asks.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.has_begun = False
        self.is_unbuilt = False
        self.status: int | None = None
        self.memory: int | None = None
        self._job = job

    def anew(self) -> Self:
        """As `Lines` says."""
        found = type(self)(self._job)
        found.has_begun, found.memory = self.has_begun, self.memory
        return found

    def take(self, told: Mapping[str, Any]) -> None:
        """As `Lines` says."""
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

    def _take_file(self, told: Mapping[str, Any]) -> None:
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


def _data(told: Mapping[str, Any]) -> bytes:
    return told["text"].encode() if "text" in told else base64.b64decode(told["base64"])
