"""Runs of sweeps, with a real agent and real trials."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from plugins.waiting import wait_until
from plugins.workspaces import agent_pid
from tandemlab import ScriptRunConfig, Workspace
from tandemlab.domain import InvalidInput, InvalidState, NotFound, RunFailed, RunStatus
from tandemlab.domain.search_spaces import Values
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.sweeps import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveRun,
    RandomParameterSampling,
    choice,
    driver,
    randint,
    uniform,
)
from tandemlab.sweeps.samplers import Tried

pytestmark = pytest.mark.full

SCRIPT = """
import argparse, os, sys, time
from pathlib import Path
from tandemlab import Run
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--kind")
given = parser.parse_args()
run = Run.get_context()
"""

Submit = Callable[..., HyperDriveRun]


@pytest.fixture
def submit(workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch) -> Submit:
    monkeypatch.setenv("TANDEMLAB_SLOTS", "2")

    def submit_sweep(
        code: str, space: dict[str, Any] | None = None, **settings: Any
    ) -> HyperDriveRun:
        (source / "trial.py").write_text(SCRIPT + code)
        settings.setdefault("hyperparameter_sampling", None)
        if settings["hyperparameter_sampling"] is None:
            settings["hyperparameter_sampling"] = GridParameterSampling(space or {})
        config = HyperDriveConfig(
            ScriptRunConfig(source, "trial.py"),
            **{"primary_metric_name": "score", "primary_metric_goal": "maximize", **settings},
        )
        return workspace.experiment("study").submit(config)

    return submit_sweep


def test_a_sweep_finds_the_best_of_its_trials(submit: Submit, workspace: Workspace) -> None:
    run = submit(
        "for step in (1, 2):\n    run.log('score', -(given.x - 3) ** 2 - 1 / step, step=step)",
        {"x": randint(5), "kind": choice("line").only_if(x=3)},
    )
    run.wait_for_completion()
    assert run.type == "sweep"
    trials = run.get_trials()
    assert [each.status for each in trials] == ["Completed"] * 5
    assert [each.hyperparameters for each in trials][2:4] == [{"x": 2}, {"x": 3, "kind": "line"}]
    best = run.get_best_run_by_primary_metric()
    assert best is not None
    assert best == trials[3].run
    assert (best.params, best.parent) == ({"x": 3, "kind": "line"}, run)
    ranked = run.get_children_sorted_by_primary_metric(top=2)
    assert [each["best_primary_metric"] for each in ranked] == [-0.5, -1.5]
    assert ranked[0] == {
        "run_id": best.id,
        "hyperparameters": {"x": 3, "kind": "line"},
        "best_primary_metric": -0.5,
        "status": "Completed",
    }
    worst = run.get_children_sorted_by_primary_metric(reverse=True)[0]
    assert worst["hyperparameters"] == {"x": 0}
    assert run.get_hyperparameters()[best.id] == {"x": 3, "kind": "line"}
    assert run.get_child_run_metrics()[best.id] == {"score": [-1.0, -0.5]}
    frame = run.to_frame()
    assert list(frame["metrics.score"]) == [-9.5, -4.5, -1.5, -0.5, -1.5]
    assert list(frame["params.x"]) == [0, 1, 2, 3, 4]
    assert run.metrics["score"].values[-1] == -0.5
    assert run.properties == {"best_run": best.id}
    assert f"The best is trial 4, run {best.id}: score -0.5\n" in run.read_log()[0]
    assert workspace.experiment("study").get_runs(filter="type = 'sweep'") == [run]
    assert run.get_importance().keys() == {"x"}
    with pytest.raises(InvalidInput, match="no sweep"):
        HyperDriveRun.get(workspace, best.id)


def test_pictures_show_what_there_is(submit: Submit) -> None:
    run = submit(
        "run.log('score', given.x)", {"x": choice(1, 2, 4), "kind": choice("a").only_if(x=2)}
    )
    run.wait_for_completion()
    assert len(run.plot_sweep().axes) == 3
    (axes,) = run.plot_sweep("history").axes
    dots, best = axes.get_lines()
    assert list(dots.get_ydata()) == list(best.get_ydata()) == [1, 2, 4]
    (axes,) = run.plot_sweep("parallel").axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["x", "kind", "score"]
    assert sorted(float(line.get_ydata()[0]) for line in axes.get_lines()[:3]) == [0, 0.5, 1]  # type: ignore[index]
    assert math.isnan(axes.get_lines()[0].get_ydata()[1])  # type: ignore[index]
    with pytest.raises(InvalidInput, match="'pie'"):
        run.plot_sweep("pie")


def test_hopeless_trials_are_asked_to_end_and_then_ended(submit: Submit) -> None:
    """The first sets the mark, the second ends by itself, the third has to be ended."""
    run = submit(
        """
run.log("score", given.x)
if given.x < 1:
    while given.kind == "deaf" or not run.should_stop():
        time.sleep(0.02)
    Path("outputs/saved.txt").write_text("all that there is")
""",
        {"x": choice(1, 0), "kind": choice("polite", "deaf")},
        policy=BanditPolicy(slack_factor=0.5),
        max_concurrent_runs=1,
        stop_grace_seconds=0.5,
    )
    run.wait_for_completion(timeout_seconds=120)
    trials = run.get_trials()
    assert [each.status for each in trials] == ["Completed", "Completed", "Stopped", "Stopped"]
    polite, deaf = trials[2:]
    says = "stopped by policy: bandit at value 1: 0 is not within the slack, 0.666667"
    assert (polite.reason, deaf.reason) == (says, says)
    assert polite.run.status is RunStatus.COMPLETED
    assert polite.run.get_file_names()[0] == "outputs/saved.txt"
    assert deaf.run.status is RunStatus.CANCELED
    assert deaf.error is None
    assert "trial 4: stopped, score 0" in run.read_log()[0]
    assert run.get_best_run_by_primary_metric(include_canceled=False) == trials[0].run


def test_a_sweep_survives_its_client_and_its_agents_and_repeats_nothing(
    workspace: Workspace, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed are the client when it has submitted, and the agents while trials run."""
    monkeypatch.setenv("TANDEMLAB_SLOTS", "2")
    log, gates = tmp_path / "log", tmp_path / "gates"
    gates.mkdir()
    (source / "trial.py").write_text(
        SCRIPT
        + f"""
number = run.id.rpartition(".")[2]
with open({str(log)!r}, "a") as stream:
    stream.write(number + "\\n")
while not Path({str(gates)!r}, number).exists():
    time.sleep(0.02)
run.log("score", given.x)
"""
    )
    client = (
        "import os, signal, sys; from tandemlab import Workspace, ScriptRunConfig\n"
        "from tandemlab.sweeps import *\n"
        "sampling = BayesianParameterSampling({'x': uniform(0, 1)}, seed=1)\n"
        "config = HyperDriveConfig(ScriptRunConfig(sys.argv[2], 'trial.py'), sampling, 'score',\n"
        "                          max_total_runs=4, max_concurrent_runs=2)\n"
        "Workspace(sys.argv[1]).experiment('study').submit(config)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", client, workspace.address, str(source)]
    subprocess.run(command, check=False)
    (found,) = workspace.experiment("study").get_runs(type="sweep")
    run = HyperDriveRun.get(workspace, found.id)

    def has_begun(number: int) -> bool:
        workspace.attend()
        return log.exists() and str(number) in log.read_text().split()

    for number in (2, 3, 4):
        wait_until(lambda number=number: has_begun(number))
        pid = agent_pid(workspace)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        (gates / str(number - 1)).touch()
    (gates / "4").touch()
    run.wait_for_completion(timeout_seconds=120)
    assert sorted(log.read_text().split()) == ["1", "2", "3", "4"]
    trials = run.get_trials()
    assert [each.status for each in trials] == ["Completed"] * 4
    assert [each.value for each in trials] == [each.hyperparameters["x"] for each in trials]
    assert run.metrics["score"].values == sorted(set(run.metrics["score"].values))


def test_trials_that_fail_or_log_no_number_do_not_hide_the_others(submit: Submit) -> None:
    run = submit(
        """
if given.x == 0:
    sys.exit("no")
run.log("score", float("nan") if given.x == 1 else given.x)
if given.x == 3:
    sys.exit("too late")
""",
        {"x": randint(4)},
    )
    run.wait_for_completion()
    states = {each.hyperparameters["x"]: each for each in run.get_trials()}
    assert [states[x].status for x in range(4)] == ["Failed", "Completed", "Completed", "Failed"]
    assert [states[x].value for x in range(4)] == [None, None, 2.0, 3.0]
    assert "no" in (states[0].error or "")
    best = run.get_best_run_by_primary_metric()
    assert best == states[3].run
    assert run.get_best_run_by_primary_metric(include_failed=False) == states[2].run
    assert run.properties["best_run"] == states[2].run.id
    assert len(run.get_children_sorted_by_primary_metric(discard_no_metric=True)) == 2


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("sys.exit('broken')", r"All 3 trials have failed. The first: .*broken"),
        ("run.log('scores', 1)", "No trial has logged the metric 'score'. Did you mean 'scores'"),
        ("run.log('score', float('inf'))", "No trial has logged a finite number as 'score'"),
        ("", "No trial has logged the metric 'score'. They have logged nothing; run.log"),
    ],
)
def test_a_sweep_without_results_gives_up_and_says_why(
    submit: Submit, code: str, says: str
) -> None:
    sampling = RandomParameterSampling({"x": uniform(0, 1)}, seed=1)
    run = submit(code, hyperparameter_sampling=sampling, max_total_runs=50, max_concurrent_runs=1)
    with pytest.raises(RunFailed, match=says):
        run.wait_for_completion(timeout_seconds=120)
    assert len(run.get_trials()) == 3
    assert run.get_best_run_by_primary_metric() is None
    with pytest.raises(NotFound, match="No trial"):
        run.plot_sweep()


WAITING = "run.log('score', given.x)\nwhile not run.should_stop(): time.sleep(0.02)"


def test_a_sweep_whose_time_is_over_ends_with_what_it_has(submit: Submit) -> None:
    run = submit(WAITING, {"x": randint(9)}, max_duration_minutes=2 / 60, max_concurrent_runs=2)
    run.wait_for_completion(timeout_seconds=120)
    trials = run.get_trials()
    assert len(trials) == 2
    assert [each.reason for each in trials] == ["the sweep has taken 0.0333333 minutes"] * 2
    assert run.get_best_run_by_primary_metric() == trials[1].run


def test_a_sweep_that_is_canceled_is_resumed_where_it_was(submit: Submit, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = submit(
        "run.log('score', given.x)\n"
        f"while given.x > 0 and not Path({str(gate)!r}).exists(): time.sleep(0.02)",
        {"x": randint(3)},
        max_concurrent_runs=1,
    )
    with pytest.raises(InvalidState, match="has ended"):
        run.resume()
    wait_until(lambda: len(run.get_trials()) == 2 and run.get_trials()[1].value == 1)
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    assert run.status is RunStatus.CANCELED
    assert [each.status for each in run.get_trials()] == ["Completed", "Canceled"]
    gate.touch()
    again = run.resume(tags={"again": None})
    again.wait_for_completion(timeout_seconds=120)
    assert [each.hyperparameters for each in again.get_trials()] == [{"x": 1}, {"x": 2}]
    everything = again.get_trials(include_resume_from_runs=True)
    assert [each.value for each in everything] == [0, 1, 2]
    assert again.properties["resumes"] == run.id
    with pytest.raises(InvalidState, match="left to try: 3 trials have ended well, of 3"):
        again.resume()
    with pytest.raises(InvalidInput, match="max_total_runs"):
        again.resume(max_total_runs=0)


def test_a_sweep_starts_from_what_earlier_ones_have_found(
    submit: Submit, workspace: Workspace, source: Path
) -> None:
    earlier = submit("run.log('score', given.x)", {"x": choice(0.5, 0.25, 0.75)})
    earlier.wait_for_completion()
    first = earlier.get_trials()[0].run
    config = HyperDriveConfig(
        ScriptRunConfig(source, "trial.py"),
        BayesianParameterSampling({"x": choice(0.5, 0.25, 0.75, 0.1, 0.2)}, seed=1),
        "score",
        resume_from=earlier,
        resume_child_runs=[first],
    )
    run = workspace.experiment("study").submit(config)
    run.wait_for_completion()
    tried = [each.hyperparameters["x"] for each in run.get_trials()]
    assert tried[0] == 0.5  # again, since it was asked for
    assert sorted(tried[1:]) == [0.1, 0.2]  # those that are new
    best = run.get_best_run_by_primary_metric()
    assert best == earlier.get_best_run_by_primary_metric()
    alone = run.get_best_run_by_primary_metric(include_resume_from_runs=False)
    assert alone == run.get_trials()[0].run
    other = HyperDriveConfig(
        ScriptRunConfig(source, "trial.py"),
        RandomParameterSampling({"y": uniform(0, 1)}),
        "score",
        max_total_runs=1,
        resume_child_runs=[first],
    )
    with pytest.raises(InvalidInput, match="not of this search space"):
        workspace.experiment("study").submit(other)


def test_a_sweep_runs_in_a_workspace_that_is_reached_by_url(
    remote: Workspace, source: Path
) -> None:
    (source / "trial.py").write_text(SCRIPT + "run.log('score', given.x)")
    config = HyperDriveConfig(
        ScriptRunConfig(source, "trial.py"), GridParameterSampling({"x": randint(2)}), "score"
    )
    run = remote.experiment("study").submit(config)
    run.wait_for_completion(timeout_seconds=120)
    assert [each.value for each in run.get_trials()] == [0, 1]
    best = run.get_best_run_by_primary_metric()
    assert best is not None
    assert best.params == {"x": 1}


def test_the_agent_does_not_wait_for_values(
    submit: Submit, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_known = threading.Event()

    class Slow:
        def suggest(self, number: int, tried: Sequence[Tried]) -> Values | None:
            is_known.wait(30)
            return {"x": number} if number < 3 else None

    monkeypatch.setattr(Workspace, "attend", lambda self: None)
    monkeypatch.setattr(driver, "sampler_of", lambda *_: Slow())
    run = submit("run.log('score', given.x)", {"x": choice(1, 2)})
    folder = workspace.place
    assert isinstance(folder, WorkspaceFolder)
    made = driver.SweepDriver(folder, run.record)
    assert made.advance() == []
    assert made.advance() == []
    assert run.get_trials() == []
    is_known.set()
    wait_until(lambda: made.advance() is not None and len(run.get_trials()) == 2)
    assert [each.hyperparameters for each in run.get_trials()] == [{"x": 1}, {"x": 2}]
