"""Runs that have ended lately, each of which is read once however often it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tandemlab.domain import RunQuery, RunRecord, RunStatus
from tandemlab.domain.filters import Comparison, Field

if TYPE_CHECKING:
    from tandemlab.store.folder import WorkspaceFolder

LATE = timedelta(hours=1)
"""How long after its end a run may be heard of: clocks differ, and a store is told later."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class EndedRun:
    """What there is to know of a run that has ended, by those who act on that."""

    id: str
    experiment: str
    status: RunStatus
    ended: datetime
    is_submitted: bool
    is_child: bool
    properties: Mapping[str, str]

    @classmethod
    def of(cls, record: RunRecord) -> EndedRun:
        """A run that has ended."""
        assert record.ended is not None
        return cls(
            record.id,
            record.experiment,
            record.status,
            record.ended,
            record.is_submitted,
            record.parent is not None,
            dict(record.properties),
        )


class EndedRuns:
    """Reads the runs of a workspace that have ended."""

    def __init__(self, folder: WorkspaceFolder) -> None:
        self._folder = folder
        self._known: dict[str, EndedRun] = {}

    def since(self, time: datetime) -> list[EndedRun]:
        """Those that have ended behind a time, the first one first."""
        ended = self._folder.store.ended_since(time)
        new = [each for each in ended if each not in self._known]
        for start in range(0, len(new), _AT_ONCE):
            self._read(new[start : start + _AT_ONCE])
        return [self._known[each] for each in ended if each in self._known]

    def forget(self, time: datetime) -> None:
        """Keep in mind only what has ended less than two hours before a time."""
        edge = time - 2 * LATE
        self._known = {id: each for id, each in self._known.items() if each.ended > edge}

    def _read(self, ids: Sequence[str]) -> None:
        is_one = Comparison(Field("", "id"), "in", tuple(ids))
        query = RunQuery(filter=is_one, include_children=True)
        for record in self._folder.store.find_runs(query):
            if record.ended is not None:
                self._known[record.id] = EndedRun.of(record)
