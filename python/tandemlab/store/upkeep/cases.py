"""Cases: findings with what may be done about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tandemlab.domain import InvalidState
from tandemlab.domain.findings import Finding
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.sql import SqlStore


@dataclass(frozen=True, slots=True)
class Case:
    """A finding, and its repair.

    Attributes:
        mend: does the repair; None where there is none.
        needs_quiet: whether nobody else may work on the folder meanwhile.
        is_fatal: whether no later check makes sense before this is repaired.
    """

    finding: Finding
    mend: Callable[[], object] | None = None
    needs_quiet: bool = False
    is_fatal: bool = False


def case(
    code: str,
    where: str,
    problem: str,
    repair: str,
    mend: Callable[[], object] | None = None,
    *,
    needs_quiet: bool = False,
    is_fatal: bool = False,
) -> Case:
    """A case of something wrong."""
    finding = Finding(code, where, problem, repair, can_repair=mend is not None)
    return Case(finding, mend, needs_quiet, is_fatal)


def note(code: str, where: str, problem: str, repair: str) -> Case:
    """A case of something that is good to know and does no harm."""
    return Case(Finding(code, where, problem, repair, is_note=True))


def inside(folder: WorkspaceFolder, path: Path) -> str:
    """A path as findings name it."""
    return path.relative_to(folder.path).as_posix()


def set_aside(path: Path) -> Path:
    """A free name beside `path` for what was damaged."""
    target = path.with_name(f"{path.name}.damaged")
    number = 2
    while target.exists():
        target = path.with_name(f"{path.name}.damaged-{number}")
        number += 1
    return target


def sql_store(folder: WorkspaceFolder) -> SqlStore:
    """The store of the folder.

    Raises:
        InvalidState: it is somewhere else.
    """
    store = folder.store
    if not isinstance(store, SqlStore):
        raise InvalidState(
            "The store of this workspace is on a server.", hint="Check it on that machine."
        )
    return store
