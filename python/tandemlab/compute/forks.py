"""Processes that are forked for jobs: one for each interpreter and its variables."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tandemlab.domain.jobs import Job

_log = logging.getLogger("tandemlab.agent")
_MOST = 4
_PROGRAMS = {
    "python": ["-m", "tandemlab.compute.fork_server"],
    "r": [
        "--no-save",
        *("-e", "tandemlab:::run_fork_server()"),
        *("-e", "tandemlab:::run_forked_job()"),
        *("-e", "tandemlab:::end_forked_job()"),
    ],
}
_OWN_PREFIX = "TANDEMLAB_"  # variables that differ from job to job, and matter to nothing before


class ForkServers:
    """Starts jobs as forks of processes that have loaded what they need.

    Args:
        wake: the FIFO that the end of a job is written to.
        environment: variables that all jobs find, beside their own.
    """

    def __init__(self, wake: Path, environment: Mapping[str, str]) -> None:
        self._wake = wake
        self._own, self._shared = _parted(environment)
        self._lock = threading.Lock()
        self._servers: dict[tuple[object, ...], _Server] = {}

    def start(self, job: Job) -> int | None:
        """Start a job whose directories are there; its pid, None if no fork will do."""
        if job.language not in _PROGRAMS or (job.language == "r" and _has_profile(job)):
            return None
        own, shared = _parted(job.environment)
        server = self._server(job.command[0], job.language, shared)
        request = {
            "place": str(job.directory),
            "command": list(job.command[1:]),
            "variables": {**self._own, **own},
            "modules": list(job.warm or ()),
            "sharing": job.sharing,
            "wake": str(self._wake),
        }
        pid = server.ask(json.dumps(request)) if server.is_alive else None
        if pid is not None:
            server.modules.update(job.warm or ())
        return pid

    def are_warm(self, modules: Sequence[str]) -> bool:
        """Whether there is a process that has loaded them, so that forks of it begin at once."""
        with self._lock:
            return any(each.modules.issuperset(modules) for each in self._servers.values())

    def _server(self, interpreter: str, language: str, environment: Mapping[str, str]) -> _Server:
        """The one that serves, or one that never has: an interpreter may have none."""
        key = (interpreter, language, *sorted(environment.items()))
        with self._lock:
            found = self._servers.pop(key, None)
            if found is None or (found.has_answered and not found.is_alive):
                command = [interpreter, *_PROGRAMS[language]]
                found = _Server(command, {**self._shared, **environment})
            self._servers[key] = found  # the one that was used last is the last
            for unused in list(self._servers)[:-_MOST]:
                del self._servers[unused]
            return found


def _has_profile(job: Job) -> bool:
    """Whether R would read settings in the job's folder as it starts."""
    return any((job.directory / "work" / name).exists() for name in (".Rprofile", ".Renviron"))


def _parted(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The variables that differ from job to job, and the others."""
    own = {key: value for key, value in environment.items() if key.startswith(_OWN_PREFIX)}
    return own, {key: value for key, value in environment.items() if key not in own}


# Threads of OpenMP that wait for each other would else spin on the processors of other steps.
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}


class _Server:
    """The other end of `fork_server`; it ends when nobody has this any more."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        theirs, self._requests = os.pipe()
        self._answers, theirs_too = os.pipe()
        self._lock = threading.Lock()
        self._program = command[0]
        self._process: subprocess.Popen[bytes] | None = None
        self.has_answered = False
        self.modules: set[str] = set()
        try:
            self._process = subprocess.Popen(
                [*command, str(theirs), str(theirs_too)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs, theirs_too),
                start_new_session=True,
                cwd="/",
                env={**_PATIENT, **environment},
            )
        except OSError as problem:
            _log.warning("%s cannot be started: %s", command[0], problem)
        finally:
            os.close(theirs)
            os.close(theirs_too)

    def __del__(self) -> None:
        for descriptor in (self._requests, self._answers):
            os.close(descriptor)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask(self, request: str) -> int | None:
        """The pid of the process that was forked; None if there is no server any more."""
        text = request.encode()
        with self._lock, suppress(OSError, EOFError):
            _write(self._requests, len(text).to_bytes(4, "little") + text)
            head = _read(self._answers, 4)
            answer = json.loads(_read(self._answers, int.from_bytes(head, "little")))
            self.has_answered = True
            return int(answer["pid"])
        _log.warning("the process that %s is forked from has ended", self._program)
        return None


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _read(descriptor: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = os.read(descriptor, size - len(found))
        if not part:
            raise EOFError(descriptor)
        found += part
    return found
