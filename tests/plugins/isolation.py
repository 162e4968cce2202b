"""Keeps the tests away from the user's settings, and child processes on this checkout's packages.

Variables named ``TANDEMLAB_TEST_…`` are for the tests themselves and stay.

A shell starts what it runs in the background deaf to interrupts; the tests send some. Machines for
tests often keep Python from caching what it compiles; the tests start it hundreds of times.

Set for the whole session, so that R, jobs and the command line inherit it.
"""

from __future__ import annotations

import locale
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = pytest.StashKey["tempfile.TemporaryDirectory[str]"]()
ENVIRONMENT = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[ENVIRONMENT] = dict(os.environ)
    folder = tempfile.TemporaryDirectory(prefix="tandemlab-tests-", ignore_cleanup_errors=True)
    config.stash[FOLDER] = folder
    for name in list(os.environ):
        if name.startswith("TANDEMLAB_") and not name.startswith("TANDEMLAB_TEST_"):
            del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    os.environ |= dict(_isolated(config.rootpath, Path(folder.name)))


def _isolated(root: Path, folder: Path) -> Iterator[tuple[str, str]]:
    yield "TANDEMLAB_CONFIG_DIR", str(folder / "config")
    yield "TANDEMLAB_DATA_DIR", str(folder / "data")
    yield "TANDEMLAB_CACHE_DIR", str(folder / "cache")
    yield "TANDEMLAB_PYTHON", sys.executable
    yield "PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring"  # not the user's own
    if locale.getpreferredencoding(False).upper() != "UTF-8":
        # A bare machine has no locale; R would then read and print ASCII only.
        yield "LC_ALL", "C.UTF-8"
    libraries = [str(root / ".rlib"), os.environ.get("R_LIBS", "")]
    yield "R_LIBS", os.pathsep.join(filter(None, dict.fromkeys(libraries)))
    for role in ("AUTHOR", "COMMITTER"):
        yield f"GIT_{role}_NAME", "Test"
        yield f"GIT_{role}_EMAIL", "test@example.org"


def pytest_unconfigure(config: pytest.Config) -> None:
    if FOLDER in config.stash:
        config.stash[FOLDER].cleanup()
        before = config.stash[ENVIRONMENT]
        os.environ.clear()
        os.environ.update(before)
