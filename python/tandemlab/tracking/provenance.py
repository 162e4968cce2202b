"""Where a run comes from: host, user, versions and the state of its source in git."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import subprocess
import sys
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from tandemlab.version import __version__

acting_user: ContextVar[str | None] = ContextVar("acting_user", default=None)
"""For whom this process acts, where that is another than its own user: who asks a server."""


def describe_process() -> dict[str, Any]:
    """Host, user, versions and working directory of this process."""
    return {
        **_machine(),
        "user": acting_user.get() or own_user(),
        "pid": os.getpid(),
        "program": sys.argv[0] if sys.argv else "",
        "directory": _directory(),
    }


@cache
def _machine() -> dict[str, str]:
    """What stays the same as long as the process lives."""
    return {
        "host": socket.gethostname(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "tandemlab": __version__,
    }


@cache
def own_user() -> str:
    """Name of the user whose process this is."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def git_state(folder: Path) -> tuple[dict[str, Any] | None, bytes]:
    """Commit, branch and remote of the repository that holds `folder`, and its uncommitted diff.

    Returns:
        None and nothing when the folder is in no repository or git is not installed.
    """
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None, b""
    commit = _git(folder, "rev-parse", "HEAD").decode().strip()
    if not commit:
        return None, b""
    status = _git(folder, "status", "--porcelain", "--", ".")
    state = {
        "commit": commit,
        "branch": _git(folder, "rev-parse", "--abbrev-ref", "HEAD").decode().strip(),
        "remote": _without_password(_git(folder, "remote", "get-url", "origin").decode().strip()),
        "dirty": bool(status),
    }
    return state, _git(folder, "diff", "HEAD", "--", ".") if status else b""


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=20,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return result.stdout if result.returncode == 0 else b""


def _without_password(address: str) -> str:
    """A remote's address without the user and password that it may hold."""
    scheme, separator, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if separator else address
