"""Steps of pipelines that search for hyper-parameters, with a real agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tandemlab import ScriptRunConfig, Workspace
from tandemlab.domain import InvalidInput, RunFailed
from tandemlab.pipelines import CommandStep, HyperDriveStep, Pipeline, PipelineParameter
from tandemlab.sweeps import GridParameterSampling, HyperDriveConfig, HyperDriveRun, choice

pytestmark = pytest.mark.full

TRIAL = """
import os, sys
from pathlib import Path
from tandemlab import Run
n = int(sys.argv[2])
start = int(Path(os.environ["TANDEMLAB_INPUT_start"]).read_text())
if n == 0:
    sys.exit("no")
Run.get_context().log("score", start - n)
Path(os.environ["TANDEMLAB_OUTPUT_model"], "model.txt").write_text(f"n is {n}")
"""


def search(source: Path, *options: int) -> Pipeline:
    (source / "trial.py").write_text(TRIAL)
    start = CommandStep("echo 10 > ${outputs.start}", "start", outputs={"start": "json"})
    sweep = HyperDriveConfig(
        ScriptRunConfig(source, "trial.py"), GridParameterSampling({"n": choice(*options)}), "score"
    )
    tune = HyperDriveStep("tune", sweep, inputs=[start.output()], outputs={"model": "model"})
    use = CommandStep(
        "cat ${inputs.model}/model.txt > ${outputs.text}",
        "use",
        inputs=[tune.output("model")],
        outputs={"text": "file"},
    )
    return Pipeline([use])


def test_the_best_model_of_a_sweep_goes_on_and_is_reused(
    workspace: Workspace, source: Path
) -> None:
    pipeline = search(source, 3, 0, 2)
    assert pipeline.validate(workspace) == []
    run = workspace.experiment("study").submit(pipeline)
    run.wait_for_completion(timeout_seconds=120)
    assert run.get_output("use").read_text() == "n is 2"
    (sweep,) = run.find_step_run("tune")
    assert isinstance(sweep, HyperDriveRun)
    assert [each.status for each in sweep.get_trials()] == ["Completed", "Failed", "Completed"]
    metrics = run.get_output("tune", "metrics")
    assert metrics["best"]["hyperparameters"] == {"n": 2}
    assert [each["score"] for each in metrics["trials"]] == [7, None, 8]
    again = workspace.experiment("study").submit(search(source, 3, 0, 2))
    again.wait_for_completion(timeout_seconds=120)
    assert [each.reused for each in again.get_steps()] == [True] * 3
    other = workspace.experiment("study").submit(search(source, 5))
    other.wait_for_completion(timeout_seconds=120)
    assert other.get_output("use").read_text() == "n is 5"
    assert [each.part for each in other.why("tune").changes] == ["sweep.hyperparameter_sampling"]


def test_options_and_limits_of_a_sweep_may_be_parameters(
    workspace: Workspace, source: Path
) -> None:
    (source / "trial.py").write_text(
        "import sys; from tandemlab import Run; Run.get_context().log('score', int(sys.argv[2]))"
    )
    best = PipelineParameter("best", 3)
    sweep = HyperDriveConfig(
        ScriptRunConfig(source, "trial.py"),
        GridParameterSampling({"n": choice(1, best, 0)}),
        "score",
        max_total_runs=PipelineParameter("runs", type="integer"),
    )
    pipeline = Pipeline([HyperDriveStep("tune", sweep)])
    assert pipeline.validate(workspace) == []
    experiment = workspace.experiment("study")
    for given in (3, 5, 5):
        run = experiment.submit(pipeline, pipeline_parameters={"best": given, "runs": 2})
        run.wait_for_completion(timeout_seconds=120)
        metrics = run.get_output("tune", "metrics")
        assert metrics["best"]["hyperparameters"] == {"n": given}
        assert len(metrics["trials"]) == 2
    assert [each.reused for each in run.get_steps()] == [True]
    for wrong, says in (({"runs": 0}, "max_total_runs"), ({"best": 1, "runs": 2}, "twice")):
        with pytest.raises(InvalidInput, match=says):
            experiment.submit(pipeline, pipeline_parameters=wrong)
    with pytest.raises(InvalidInput, match="only a pipeline has parameters"):
        experiment.submit(sweep)


def test_a_sweep_without_results_fails_its_step(workspace: Workspace, source: Path) -> None:
    run = workspace.experiment("study").submit(search(source, 0))
    with pytest.raises(RunFailed, match="All 1 trials have failed"):
        run.wait_for_completion(timeout_seconds=120)
