"""Processes that outlive the one that starts them, one for each lock."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from tandemlab.store.durable import storage_errors

_LOG_BYTES = 5_000_000


def take_lock(path: Path) -> int | None:
    """The descriptor of a lock file, now held; None while somebody else holds it.

    It is None, too, for a user who may only read. Whoever holds it is the daemon, or starts one
    and hands it the descriptor: however many try at once, one daemon starts. The kernel gives the
    lock back when the last process that has it ends.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as problem:
        if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return None
        with storage_errors(path):
            raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def share_lock(path: Path) -> int | None:
    """The descriptor of a lock file that several hold at once; None while one has it alone.

    It is -1, which need not be closed, for a user who may not make the file.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        return -1
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def start_daemon(
    command: Sequence[str], lock: int, log: Path, environment: Mapping[str, str]
) -> None:
    """Start a program of Python's in a session of its own; it has the lock, and writes to the log.

    The shell in between ends at once, which leaves no child behind here.
    """
    with storage_errors(log):
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
    with storage_errors(log), log.open("ab") as output:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(lock,),
            check=True,
            cwd="/",
            env=_with_own_library(environment),
        )


def _with_own_library(environment: Mapping[str, str]) -> dict[str, str]:
    """Have a child find the library of this very Python: R puts the system's folders first."""
    found = dict(environment)
    folders = found.get("LD_LIBRARY_PATH", "")
    if folders and sysconfig.get_config_var("Py_ENABLE_SHARED"):
        own = str(sysconfig.get_config_var("LIBDIR"))
        found["LD_LIBRARY_PATH"] = os.pathsep.join([own, folders])
    return found
