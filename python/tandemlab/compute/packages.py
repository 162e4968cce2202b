"""What is installed where a job runs: asked of the job's own interpreter."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tandemlab.domain.jobs import Job
from tandemlab.store.durable import write_json
from tandemlab.store.run_files import ENVIRONMENT_FILE

_FRESH_SECONDS = 60.0
_TIMEOUT = 60
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
_lock = threading.Lock()
_known: dict[tuple[str, ...], tuple[float, dict[str, Any]]] = {}


def record_packages(job: Job, language: str) -> None:
    """Write the versions of a job's language and packages to its run's `ENVIRONMENT_FILE`.

    An answer is used again for a minute, so that many small jobs are not slowed down.
    """
    target = job.directory / "files" / ENVIRONMENT_FILE
    if target.exists():
        return
    found = _ask(job.command[0], language, job.environment)
    if found:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_json(target, found)


def _ask(interpreter: str, language: str, environment: Mapping[str, str]) -> dict[str, Any]:
    paths = ("PYTHONPATH", "R_LIBS", "R_LIBS_USER", "R_LIBS_SITE")
    key = (interpreter, language, *(environment.get(name, "") for name in paths))
    with _lock:
        asked, answer = _known.get(key, (-_FRESH_SECONDS, {}))
        if time.monotonic() - asked > _FRESH_SECONDS:
            lines = _lines([interpreter, *_QUESTIONS[language]], environment)
            answer = _parse(interpreter, language, lines)
            _known[key] = (time.monotonic(), answer)
    return answer


def _lines(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    try:
        result = subprocess.run(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=True,
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError):
        return []  # the job itself will say what is wrong with its interpreter
    return result.stdout.decode("utf-8", "replace").splitlines()


def _parse(interpreter: str, language: str, lines: Sequence[str]) -> dict[str, Any]:
    pairs = [line.split("\t") for line in lines if line.count("\t") == 1]
    if not pairs:
        return {}
    (_, version), *packages = pairs
    return {
        "language": language,
        "version": version,
        "interpreter": interpreter,
        "packages": dict(sorted(packages)),
    }
