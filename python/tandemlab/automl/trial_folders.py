"""Temporary folders for trials, which go with their process, or with the next one."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "tandemlab-trials-"
_LOCK = "lock"
_YOUNG = 60.0  # seconds in which a folder may not have its lock yet


@contextmanager
def temporary_trials() -> Iterator[Path]:
    """A folder that is removed in the end.

    If this process is killed, the next one that asks for such a folder removes it: the lock of the
    file in it is then gone.
    """
    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as text:
        lock = os.open(Path(text, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Path(text)
        finally:
            os.close(lock)


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # it is another user's, or somebody else removes it
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _YOUNG
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
