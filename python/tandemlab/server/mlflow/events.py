"""Events of a writer of the server's own: what MLflow's clients have it log for them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import cache
from secrets import token_hex
from typing import Any

from tandemlab.domain import Event, InvalidInput
from tandemlab.domain.scalars import to_json
from tandemlab.server.api.checks import check_events
from tandemlab.server.mlflow.messages import Point
from tandemlab.tracking import Workspace

Entry = tuple[str, str, Any]
"""Kind, name and value of an event that is logged now."""

_WORDS = {"nan": "nan", "infinity": "inf", "inf": "inf", "-infinity": "-inf", "-inf": "-inf"}


@cache
def _writer() -> str:
    """This process as a writer: none other goes by its name, so that its events have no gaps."""
    return f"mlflow-{os.getpid()}-{token_hex(4)}"


def append(
    workspace: Workspace,
    run_id: str,
    entries: Sequence[Entry],
    points: Sequence[Point] = (),
) -> int:
    """Have a run log; how much it was.

    Only one thread of a workspace may be here at a time.

    Raises:
        InvalidInput: a name or a value that cannot be one; nothing was logged.
        NotFound: no such run.
    """
    last, _ = workspace.store.positions(run_id).get(_writer(), (0, 0))
    now = time.time_ns() // 1000
    events = [
        Event(seq, 1000 * point.timestamp, "metric", point.key, value_of(point.value), point.step)
        for seq, point in enumerate(points, last + 1)
    ]
    events += [
        Event(seq, now, kind, name, value)
        for seq, (kind, name, value) in enumerate(entries, last + len(points) + 1)
    ]
    check_events(events)
    return workspace.store.ingest(run_id, _writer(), events, end=0)


def value_of(value: Any) -> Any:
    """A number as MLflow sends it, in the spool's form."""
    if isinstance(value, str) and value.lower() in _WORDS:
        return {"float": _WORDS[value.lower()]}
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInput(f"The value of a metric is a number, not {value!r:.60}.")
    return to_json(float(value))
