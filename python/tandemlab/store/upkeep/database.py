"""Is the store whole? If a SQLite file is not, it is built anew from the runs' directories."""

from __future__ import annotations

from collections.abc import Iterator

from tandemlab.domain import NotFound, StorageError
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.upkeep.cases import Case, case, sql_store
from tandemlab.store.upkeep.rebuild import rebuild

_SIGNS = ("malformed", "not a database", "no such table", "no such column", "corrupt")
_ANEW = (
    "The store is built anew from what the directories of the runs hold and from what can still "
    "be read of the old one, which is kept beside it. Sessions that have it open must be started "
    "anew."
)


def database_cases(folder: WorkspaceFolder) -> Iterator[Case]:
    """Whether the database passes its own check."""
    try:
        problems = sql_store(folder).check()
    except NotFound:
        yield case(
            "store_missing",
            "store.db",
            "The store is not there.",
            _ANEW,
            lambda: rebuild(folder),
            needs_quiet=True,
            is_fatal=True,
        )
        return
    except StorageError as error:
        if not any(sign in error.message for sign in _SIGNS):
            raise
        problems = [error.message]
    if not problems:
        return
    shown = "; ".join(problems[:3]) + (f"; and {len(problems) - 3} more" if problems[3:] else "")
    is_file = (folder.path / "store.db").exists()
    yield case(
        "store_damaged",
        "store.db" if is_file else "the store",
        f"The store is damaged: {shown.rstrip('.')}.",
        _ANEW if is_file else "Restore the database from a backup; then repeat this.",
        (lambda: rebuild(folder)) if is_file else None,
        needs_quiet=True,
        is_fatal=True,
    )
