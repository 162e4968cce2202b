"""The life cycle of a run: its states and the moves between them."""

from __future__ import annotations

from enum import Enum


class RunStatus(str, Enum):
    """State of a run.

    >>> RunStatus.QUEUED.may_become(RunStatus.PREPARING)
    True
    >>> RunStatus.COMPLETED.may_become(RunStatus.RUNNING)
    False
    """

    NOT_STARTED = "NotStarted"
    QUEUED = "Queued"
    PREPARING = "Preparing"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"

    def __str__(self) -> str:
        return self.value

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended for good."""
        return not MOVES[self]

    @property
    def ending(self) -> str:
        """How a run ended, as the end of a sentence.

        >>> RunStatus.CANCELED.ending
        'was canceled'
        """
        return "was canceled" if self is RunStatus.CANCELED else f"has {self.value.lower()}"

    def may_become(self, target: RunStatus) -> bool:
        """Whether a run in this state may move to `target` in one step."""
        return target in MOVES[self]


_S = RunStatus
_ENDS = frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELED})

MOVES: dict[RunStatus, frozenset[RunStatus]] = {
    _S.NOT_STARTED: frozenset({_S.QUEUED, _S.PREPARING, _S.RUNNING, _S.CANCEL_REQUESTED}) | _ENDS,
    _S.QUEUED: frozenset({_S.PREPARING, _S.RUNNING, _S.CANCEL_REQUESTED, _S.FAILED, _S.CANCELED}),
    _S.PREPARING: frozenset({_S.QUEUED, _S.RUNNING, _S.CANCEL_REQUESTED, _S.FAILED, _S.CANCELED}),
    _S.RUNNING: frozenset({_S.FINALIZING, _S.CANCEL_REQUESTED}) | _ENDS,
    _S.FINALIZING: _ENDS | {_S.CANCEL_REQUESTED},
    _S.CANCEL_REQUESTED: _ENDS,
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELED: frozenset(),
}

TERMINAL = _ENDS
ACTIVE = frozenset(RunStatus) - TERMINAL
