"""The life cycle of a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandemlab.domain import RunStatus
from tandemlab.domain.status import ACTIVE, MOVES, TERMINAL

statuses = st.sampled_from(list(RunStatus))


def test_every_status_is_in_the_table() -> None:
    assert set(MOVES) == set(RunStatus)


def test_only_the_three_ends_are_terminal() -> None:
    assert {status for status in RunStatus if status.is_terminal} == TERMINAL
    assert {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED} == TERMINAL


@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_every_active_run_can_be_canceled_and_can_fail(status: RunStatus) -> None:
    assert status.may_become(RunStatus.FAILED)
    assert (
        status.may_become(RunStatus.CANCELED)
        or status is RunStatus.FINALIZING
        or status.may_become(RunStatus.CANCEL_REQUESTED)
    )


@given(statuses)
def test_an_end_is_reachable_from_everywhere(status: RunStatus) -> None:
    reached, frontier = {status}, [status]
    while frontier:
        for following in MOVES[frontier.pop()] - reached:
            reached.add(following)
            frontier.append(following)
    assert reached & TERMINAL


@given(statuses, statuses)
def test_nothing_leaves_an_end(start: RunStatus, target: RunStatus) -> None:
    assert not (start.is_terminal and start.may_become(target))
