"""What is installed where a job runs: asked of the job's own interpreter."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from tandemlab.domain import TandemlabError
from tandemlab.domain.jobs import Job
from tandemlab.store.blobs import BlobStore
from tandemlab.store.durable import link_or_copy, storage_errors, write_file
from tandemlab.store.run_files import ENVIRONMENT_FILE

_FRESH_SECONDS = 60.0
_QUESTIONS = {
    "python": [
        "-c",
        "import importlib.metadata as m, platform as p\n"
        "print('Python', p.python_version(), sep='\\t')\n"
        "for d in m.distributions(): print(d.metadata['Name'], d.version, sep='\\t')",
    ],
    "r": [
        "--vanilla",
        "-e",
        "cat('R\\t', paste0(R.version$major, '.', R.version$minor), '\\n', sep = '');"
        "p <- installed.packages(noCache = TRUE);"
        "cat(paste0(p[, 'Package'], '\\t', p[, 'Version'], '\\n'), sep = '')",
    ],
}
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_known: dict[tuple[str, ...], tuple[float, bytes]] = {}


@runtime_checkable
class Asked(Protocol):
    """A target whose interpreters answer questions beside the jobs.

    Attributes:
        name: of the target.
    """

    name: str

    def ask(self, job: Job, arguments: Sequence[str]) -> list[str]:
        """The lines that a job's interpreter prints for other arguments; none if it fails."""


def record_packages(job: Job, language: str, target: Asked) -> None:
    """Write the versions of a job's language and packages to its run's `ENVIRONMENT_FILE`.

    An answer is used again for a minute, so that many small jobs are not slowed down.
    """
    if not _file(job).exists():
        _keep(job, _ask(job, language, target))


def record_known_packages(job: Job, language: str, target: Asked, blobs: BlobStore) -> bool:
    """As `record_packages`, if that needs no question now; whether it was done.

    The file is a link from the beginning: on some file systems a new one takes longest of all.
    """
    asked, answer = _known.get(_key_of(job, language, target), (-_FRESH_SECONDS, b""))
    if time.monotonic() - asked > _FRESH_SECONDS:
        return False
    file = _file(job)
    if answer and not file.exists():
        with storage_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(blobs.path(blobs.put_bytes(answer)), file)
    return True


def question_of(job: Job) -> list[str] | None:
    """Command that prints the versions of a job's language and packages; None for no language."""
    return None if job.language is None else [job.command[0], *_QUESTIONS[job.language]]


def record_answer(job: Job, lines: Sequence[str]) -> None:
    """Write what that command has printed where the job ran."""
    if job.language is not None and not _file(job).exists():
        _keep(job, _parse(job.command[0], job.language, lines))


def _file(job: Job) -> Path:
    return job.directory / "files" / ENVIRONMENT_FILE


def _keep(job: Job, content: bytes) -> None:
    if content:
        _file(job).parent.mkdir(parents=True, exist_ok=True)
        write_file(_file(job), content, flush=False)


def _ask(job: Job, language: str, target: Asked) -> bytes:
    """The content of the file; empty if the interpreter does not answer."""
    key = _key_of(job, language, target)
    with _locks[target.name]:
        asked, answer = _known.get(key, (-_FRESH_SECONDS, b""))
        if time.monotonic() - asked > _FRESH_SECONDS:
            try:
                lines = target.ask(job, _QUESTIONS[language])
            except TandemlabError:
                return b""  # it is away: the next job asks
            answer = _parse(job.command[0], language, lines)
            _known[key] = (time.monotonic(), answer)
    return answer


def _key_of(job: Job, language: str, target: Asked) -> tuple[str, ...]:
    """What an answer depends on."""
    paths = ("PYTHONPATH", "R_LIBS", "R_LIBS_USER", "R_LIBS_SITE")
    libraries = (job.environment.get(name, "") for name in paths)
    return (target.name, job.command[0], language, *libraries)


def _parse(interpreter: str, language: str, lines: Sequence[str]) -> bytes:
    pairs = [line.split("\t") for line in lines if line.count("\t") == 1]
    if not pairs:
        return b""
    (_, version), *packages = pairs
    found = {
        "language": language,
        "version": version,
        "interpreter": interpreter,
        "packages": dict(sorted(packages)),
    }
    return f"{json.dumps(found, indent=2, ensure_ascii=False)}\n".encode()
