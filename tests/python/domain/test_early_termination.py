"""The arithmetic of each policy of early termination."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from tandemlab.domain import InvalidInput
from tandemlab.domain.early_termination import (
    POLICIES,
    ASHAPolicy,
    BanditPolicy,
    History,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    PrimaryMetricGoal,
    TerminationPolicy,
    TruncationSelectionPolicy,
    policy_of,
)

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def histories(
    *trials: Sequence[float], goal: PrimaryMetricGoal = MAX, start: int = 0
) -> list[History]:
    """Trials that log side by side, a value each at the times 1, 2, 3 and so on."""
    return [History(goal, each, range(start + 1, start + len(each) + 1)) for each in trials]


def is_stopped(
    policy: TerminationPolicy,
    trial: Sequence[float],
    *others: Sequence[float],
    goal: PrimaryMetricGoal = MAX,
) -> bool:
    first, *rest = histories(trial, *others, goal=goal)
    return policy.reason_to_stop(first, rest, goal) is not None


@pytest.mark.parametrize(
    ("policy", "best", "goal", "bound"),
    [
        (BanditPolicy(slack_factor=0.25), 0.8, MAX, 0.64),
        (BanditPolicy(slack_factor=0.25), 0.8, MIN, 1.0),
        (BanditPolicy(slack_factor=0.25), -0.8, MAX, -1.0),
        (BanditPolicy(slack_factor=0.25), -0.8, MIN, -0.64),
        (BanditPolicy(slack_amount=0.1), 0.8, MAX, 0.7),
        (BanditPolicy(slack_amount=0.1), 0.8, MIN, 0.9),
        (BanditPolicy(slack_factor=0.25), 0.0, MAX, 0.0),
    ],
)
def test_bandit_tolerates_what_is_within_the_slack(
    policy: BanditPolicy, best: float, goal: PrimaryMetricGoal, bound: float
) -> None:
    assert policy.bound(best, goal) == pytest.approx(bound)
    worse = -1e-6 if goal is MAX else 1e-6
    assert not is_stopped(policy, [policy.bound(best, goal)], [best], goal=goal)
    assert is_stopped(policy, [policy.bound(best, goal) + worse], [best], goal=goal)


def test_bandit_compares_the_best_of_each_up_to_the_same_interval() -> None:
    policy = BanditPolicy(slack_amount=0.05)
    assert not is_stopped(policy, [0.5, 0.2], [0.5, 0.4])
    assert not is_stopped(policy, [0.5], [0.5, 0.9])
    assert is_stopped(policy, [0.5, 0.5], [0.5, 0.9])
    assert is_stopped(policy, [0.5, 0.5, 0.5], [0.9])  # one that has ended sooner


def test_what_others_log_later_does_not_count() -> None:
    (slow,) = histories([0.9], start=10)
    (trial,) = histories([0.1, 0.1])
    for policy in (BanditPolicy(slack_factor=0.1), TruncationSelectionPolicy(50), ASHAPolicy()):
        assert policy.reason_to_stop(trial, [slow], MAX) is None
        assert policy.reason_to_stop(slow, [trial], MAX) is None


def test_median_stopping_compares_with_the_median_of_running_means() -> None:
    policy = MedianStoppingPolicy()
    others = [[0.2, 0.4], [0.4, 0.6], [0.9, 0.9]]  # means at 2: 0.3, 0.5, 0.9
    first, *rest = histories([0.1, 0.39], *others)
    # The trial's own mean is 0.245: the median of all four is 0.4.
    assert policy.verdict(2, first, rest, MAX) == "0.39 is worse than the median of means, 0.4"
    first, *rest = histories([0.1, 0.4], *others)
    assert policy.verdict(2, first, rest, MAX) is None  # 0.25: the median is 0.4
    assert is_stopped(policy, [0.7], [0.2], [0.3], goal=MIN)
    assert not is_stopped(policy, [0.3], [0.2], [0.3], goal=MIN)
    assert not is_stopped(policy, [0.1])


def test_median_stopping_leaves_out_who_has_not_come_so_far() -> None:
    assert not is_stopped(MedianStoppingPolicy(evaluation_interval=2), [0.1, 0.1], [0.9], [0.9])


def test_truncation_ends_the_given_share_of_those_at_an_interval() -> None:
    values = [[0.1], [0.2], [0.3], [0.4], [0.5]]
    for percentage, stopped in ((20, 1), (39, 1), (40, 2), (99, 4), (10, 0)):
        policy = TruncationSelectionPolicy(percentage)
        ended = [
            is_stopped(policy, each, *(other for other in values if other is not each))
            for each in values
        ]
        assert ended == [True] * stopped + [False] * (5 - stopped)
    assert is_stopped(TruncationSelectionPolicy(50), [0.9], [0.1], goal=MIN)


def test_asha_keeps_one_in_so_many_at_each_rung() -> None:
    policy = ASHAPolicy(reduction_factor=2)
    assert list(policy.intervals(20)) == [1, 2, 4, 8, 16]
    assert list(policy.intervals(20, since=4)) == [8, 16]
    assert list(ASHAPolicy(reduction_factor=4, min_resource=3).intervals(50)) == [3, 12, 48]
    values = [[0.1], [0.2], [0.3], [0.4]]
    kept = [
        not is_stopped(policy, each, *(other for other in values if other is not each))
        for each in values
    ]
    assert kept == [False, False, True, True]
    assert not is_stopped(policy, [0.5])
    assert is_stopped(ASHAPolicy(reduction_factor=3), [0.1], [0.5])  # the best of a few goes on


@pytest.mark.parametrize(
    ("interval", "delay", "judged"),
    [(1, 0, [1, 2, 3, 4, 5, 6, 7]), (2, 0, [2, 4, 6]), (2, 5, [6]), (3, 3, [3, 6]), (1, 7, [7])],
)
def test_intervals_are_counted_in_logged_values(
    interval: int, delay: int, judged: list[int]
) -> None:
    policy = MedianStoppingPolicy(interval, delay)
    assert list(policy.intervals(7)) == judged
    assert list(policy.intervals(7, since=4)) == [each for each in judged if each > 4]


def test_values_that_are_not_finite_are_intervals_and_nothing_else() -> None:
    (history,) = histories([math.nan, 0.5, math.inf, 0.4])
    assert (len(history), history.best, history.best_at(1)) == (4, 0.5, None)
    assert history.mean_at(4) == pytest.approx(0.45)
    others = [[0.2], [0.3]]
    for policy in (
        BanditPolicy(slack_factor=9.0),
        MedianStoppingPolicy(),
        TruncationSelectionPolicy(40),
        ASHAPolicy(reduction_factor=2),
    ):
        assert is_stopped(policy, [math.nan], *others)
        assert not is_stopped(policy, [math.nan], [math.nan])
        assert not is_stopped(policy, [0.3], [math.nan])


def test_without_a_policy_nothing_is_stopped() -> None:
    assert not is_stopped(NoTerminationPolicy(), [0.0], [1.0])


def test_a_verdict_says_where_and_why() -> None:
    first, *rest = histories([0.9, 0.2, 0.2], [0.9, 0.95, 0.99])
    policy = BanditPolicy(evaluation_interval=3, slack_amount=0.05)
    reason = policy.reason_to_stop(first, rest, MAX)
    assert reason == "bandit at value 3: 0.9 is not within the slack, 0.94"
    assert policy.reason_to_stop(first, rest, MAX, since=3) is None


def test_policies_are_documents_and_back() -> None:
    for policy in (
        NoTerminationPolicy(),
        BanditPolicy(2, slack_amount=0.5),
        MedianStoppingPolicy(delay_evaluation=5),
        TruncationSelectionPolicy(30, 2, 4),
        ASHAPolicy(min_resource=2),
    ):
        assert policy_of(policy.to_dict()) == policy
    assert set(POLICIES) == {"none", "bandit", "median_stopping", "truncation_selection", "asha"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"bandit": {}}, "either slack_factor or slack_amount"),
        ({"bandit": {"slack_factor": 0.1, "slack_amount": 1}}, "either"),
        ({"bandit": {"slack_factor": -1}}, "above 0"),
        ({"bandit": {"slack": 1}}, "cannot be used"),
        ({"bandti": {}}, "no policy 'bandti'"),
        ({"median_stopping": {"evaluation_interval": 0}}, "from 1 on"),
        ({"truncation_selection": {"truncation_percentage": 100}}, "1 to 99"),
        ({"asha": {"reduction_factor": 1}}, "from 2 on"),
        ({"asha": {}, "none": {}}, "one of"),
    ],
)
def test_what_is_no_policy_is_refused(content: dict[str, dict[str, float]], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        policy_of(content)
