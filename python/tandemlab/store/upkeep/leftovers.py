"""What programs that were killed have left: temporary files, and the name of a dead agent."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.upkeep.cases import Case, case, inside

_DAY = 86_400


def leftover_cases(folder: WorkspaceFolder) -> Iterator[Case]:
    """Temporary files that nobody can still be writing."""
    before = time.time() - _DAY
    for path in _temporary(folder):
        if path.lstat().st_mtime < before:
            yield case(
                "temporary",
                inside(folder, path),
                "A temporary file older than a day, left by a program that was killed.",
                "It is removed.",
                partial(_remove, path),
            )


def _temporary(folder: WorkspaceFolder) -> Iterator[Path]:
    yield from sorted(folder.temporary.iterdir() if folder.temporary.is_dir() else [])
    for pattern in (".*.tmp", "store.new", "runs/*/.*.tmp", "runs/*/spool/.*.tmp"):
        yield from sorted(folder.path.glob(pattern))
    yield from sorted(folder.path.glob("runs/*/files/**/.*.tmp"))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
