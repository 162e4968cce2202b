"""Data that schedules look at: what is there, and whether it is complete."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.data import Datastore
from tandemlab.data.datastores.parts import is_part
from tandemlab.data.datastores.reading import find_files

if TYPE_CHECKING:
    from tandemlab.domain.schedules import DataTrigger
    from tandemlab.tracking import Workspace

_log = logging.getLogger("tandemlab.schedules")
Listing = Mapping[str, str]
"""Names of files with a text that changes with their content."""


def list_data(workspace: Workspace, trigger: DataTrigger) -> dict[str, str]:
    """The files that a trigger looks at; those that are being copied are left out."""
    files = Datastore.get(workspace, trigger.datastore).files
    _, found = find_files(files, trigger.path)
    return {file.name: file.version for file in found if not is_part(file.name)}


def changed_files(before: Listing, now: Listing) -> list[str]:
    """Files that are new or changed; those that are gone do not count."""
    return sorted(name for name, version in now.items() if before.get(name) != version)


@dataclass
class Watched:
    """A path that is looked at until nothing changes any more.

    Attributes:
        seen: what was there at the last look.
        since: how long it has been like that.
        due: when it is looked at again.
    """

    seen: dict[str, str] | None = None
    since: datetime | None = None
    due: datetime | None = None
    hint: threading.Event = field(default_factory=threading.Event)

    def look(
        self, now: datetime, trigger: DataTrigger, ask: Callable[[], dict[str, str]], base: Listing
    ) -> tuple[dict[str, str], list[str]] | None:
        """What is there and what has changed since `base`, once it is complete; else None."""
        if self.due is not None and now < self.due and not self.hint.is_set():
            return None
        self.hint.clear()
        found = ask()
        if found != self.seen:
            self.seen, self.since = found, now
        assert self.since is not None
        changed = changed_files(base, found)
        settle = timedelta(seconds=trigger.settle_seconds)
        pause = timedelta(seconds=trigger.polling_seconds)
        if not changed:
            self.due = now + pause
            return (found, []) if base.keys() - found.keys() else None
        if now - self.since < settle:
            self.due = min(self.since + settle, now + pause)
            return None
        self.due = now + pause
        return found, changed


class FolderWatch:
    """Tells of changes below a folder of this machine at once, where watchfiles is installed."""

    def __init__(self, root: Path, told: Callable[[], None]) -> None:
        self._ended = threading.Event()
        try:
            from watchfiles import watch
        except ImportError:  # then it is looked at as often as the schedule says
            return

        def follow() -> None:
            try:
                for _ in watch(root, stop_event=self._ended, ignore_permission_denied=True):
                    told()
            except OSError as problem:  # the folder is gone, or the system watches no more
                _log.warning("%s is looked at, but not watched: %s", root, problem)

        logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells of every change

        threading.Thread(target=follow, daemon=True).start()

    def close(self) -> None:
        """Watch no more."""
        self._ended.set()


def watched_root(workspace: Workspace, trigger: DataTrigger) -> Path | None:
    """The folder of this machine that holds what a trigger looks at; None if it is elsewhere."""
    root = Datastore.get(workspace, trigger.datastore).files.root
    if root is None:
        return None
    fixed = []
    for part in trigger.path.split("/"):
        if any(sign in part for sign in "*?["):
            break
        fixed.append(part)
    folder = root.joinpath(*fixed)
    while not folder.is_dir() and folder != root:
        folder = folder.parent
    return folder if folder.is_dir() else None
