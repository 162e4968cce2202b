"""ChildLog: a child run that is told of by its parent's spool."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, InvalidState, RunStatus
from tandemlab.domain.events import SHAPES, MetricShape
from tandemlab.domain.ids import new_display_name, new_run_id
from tandemlab.domain.names import check_metric_name, check_name
from tandemlab.domain.scalars import Scalar, to_json
from tandemlab.tracking.run_log import RunLog

if TYPE_CHECKING:
    from tandemlab.tracking.run import Run

_LOGGED = frozenset({*SHAPES, "tag", "untag", "param", "property", "status"} - {"image"})


class _Buffer:
    """What a child has logged and its parent has not told yet."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._shapes: dict[str, MetricShape] = {}

    def append(
        self, kind: str, name: str, value: Any = None, *, description: str | None = None
    ) -> None:
        """As that of a spool."""
        if kind not in _LOGGED:
            raise InvalidState(
                f"A child run that its parent reports has no {kind}.",
                hint="child_run() makes one that has a directory of its own.",
            )
        check_metric_name(name)
        shape = SHAPES.get(kind)
        if shape is not None and self._shapes.setdefault(name, shape) is not shape:
            raise InvalidInput(
                f"The metric {name!r} is a {self._shapes[name]} in this run, and cannot be a "
                f"{shape} as well.",
                hint="Log it under another name.",
            )
        event = {"time": _now(), "kind": kind, "name": name, "value": value}
        self.events.append({**event, "description": description} if description else event)

    def log_scalar(self, name: str, value: Scalar, step: int | None = None) -> None:
        """As that of a spool."""
        self.append("metric", name, to_json(value))
        if step is not None:
            self.events[-1]["step"] = step


class ChildLog(RunLog):
    """A child run whose metrics, parameters, charts and tags its parent's job tells of.

    It needs neither the store nor a directory of its own, so that it works wherever the job runs.
    Nothing of it is seen before `report`, or its end.

    >>> parent = getfixture("workspace").experiment("demo").create_run(type="interactive")
    >>> with parent.report_child("fold 1") as child:
    ...     child.log("loss", 0.25)
    >>> [(run.display_name, run.get_metrics()) for run in parent.get_children()]
    [('fold 1', {'loss': 0.25})]
    """

    def __init__(
        self, parent: Run, run_id: str | None, name: str | None, seconds: float = 0.0
    ) -> None:
        found = new_run_id(parent.id) if run_id is None else check_name(run_id, what="run")
        super().__init__(parent.workspace, found)
        self._parent = parent
        self._identity = {
            "display_name": name or new_display_name(),
            "created": _now() - int(seconds * 1e6),
        }
        self._spool = _Buffer()  # type: ignore[assignment]

    def __enter__(self) -> ChildLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if problem is None:
            self.complete()
        else:
            self.fail(f"{type(problem).__name__}: {problem}")

    def set_properties(self, properties: Mapping[str, str]) -> None:
        """Properties of the child, which never change."""
        for name, value in properties.items():
            self._spool.append("property", name, str(value))

    def report(self) -> None:
        """Tell of what was logged so far."""
        buffer: _Buffer = self._spool  # type: ignore[assignment]
        events, buffer.events = buffer.events, []
        value = {"run": self._identity, "events": events}
        self._parent._spool.append("child", self.id, value)

    def complete(self) -> None:
        """End it as Completed."""
        self._end(RunStatus.COMPLETED)

    def cancel(self) -> None:
        """End it as Canceled."""
        self._end(RunStatus.CANCELED)

    def fail(self, message: str, code: str = "failed") -> None:
        """End it as Failed."""
        self._end(RunStatus.FAILED, {"message": message, "code": code})

    def _end(self, status: RunStatus, error: Mapping[str, str] | None = None) -> None:
        self._spool.append("status", "status", {"status": status.value, "error": error})
        self.report()


def _now() -> int:
    return time.time_ns() // 1000
