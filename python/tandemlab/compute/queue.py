"""The runs that wait for a target, as the agent knows them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from tandemlab.domain import RunRecord, RunStatus
from tandemlab.domain.records import JOBS
from tandemlab.store.folder import WorkspaceFolder

_PAGE = 20


@dataclass(slots=True)
class _Page:
    """The oldest queued runs of a target, by id.

    Attributes:
        is_all: whether there were no more.
    """

    runs: dict[str, RunRecord]
    is_all: bool


class Queue:
    """Queued runs of a folder by target, the oldest first, read from the store by the page.

    What was read counts until `forget`: what others queue meanwhile is seen after that.
    """

    def __init__(self, folder: WorkspaceFolder) -> None:
        self._folder = folder
        self._pages: dict[str, _Page] = {}

    def forget(self) -> None:
        """Ask the store anew: others may have changed it."""
        self._pages.clear()

    def add(self, records: Iterable[RunRecord]) -> None:
        """Runs that were queued just now, behind all others."""
        for record in records:
            page = self._pages.get(record.target or "")
            if page is not None and page.is_all and record.type in JOBS:
                page.runs[record.id] = record

    def remove(self, record: RunRecord) -> None:
        """A run that waits no more."""
        if (page := self._pages.get(record.target or "")) is not None:
            page.runs.pop(record.id, None)

    def waiting(self, target: str, busy: Container[str]) -> Iterator[RunRecord]:
        """Runs that may be started.

        Args:
            busy: those that wait no more, whatever the store still says.
        """
        limit = _PAGE
        told: set[str] = set()
        while True:
            page = self._pages.get(target) or self._read(target, limit, busy)
            new = [each for each in page.runs.values() if each.id not in told]
            told.update(each.id for each in new)
            yield from (each for each in new if each.id not in busy)
            if page.is_all:
                return
            del self._pages[target]
            limit = 2 * max(limit, len(told))

    def _read(self, target: str, limit: int, busy: Container[str]) -> _Page:
        found = self._folder.store.submitted_runs(RunStatus.QUEUED, target, limit=limit)
        # The page outlasts the start of those that are busy, and would have them start again.
        waiting = [each for each in found if each.id not in busy]
        own = {each.id: each for each in waiting if self._folder.owns_run(each.id)}
        page = self._pages[target] = _Page(own, len(found) < limit)
        return page
