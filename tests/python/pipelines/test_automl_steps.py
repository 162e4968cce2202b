"""Steps of pipelines that look for the best model, with a real agent."""

from __future__ import annotations

from typing import Any

import pytest

from tandemlab import Workspace
from tandemlab.automl import AutoMLConfig, AutoMLRun
from tandemlab.domain import InvalidInput, RunFailed
from tandemlab.domain.pipelines import StepOutput
from tandemlab.models import Model
from tandemlab.pipelines import (
    AutoMLStep,
    CommandStep,
    Pipeline,
    PipelineParameter,
    PythonFunctionStep,
)

pytestmark = pytest.mark.full


def rows(*, is_constant: bool = False) -> Any:
    import numpy as np
    import pandas as pd

    size = np.random.default_rng(7).normal(size=60)
    price = np.zeros(60) if is_constant else 3 * size
    return pd.DataFrame({"size": size, "price": price})


def search(*, is_constant: bool = False, iterations: int = 1) -> Pipeline:
    made = PythonFunctionStep(
        rows, "rows", arguments={"is_constant": is_constant}, outputs={"rows": "table"}
    )
    config = AutoMLConfig(
        "regression",
        made.output(),
        "price",
        iterations=PipelineParameter("iterations", iterations),
        allowed_models=PipelineParameter("models", ["Linear"]),
        n_cross_validations=2,
    )
    found = AutoMLStep(
        "search", config, outputs={"model": StepOutput("model", register_as="prices")}
    )
    use = CommandStep(
        "ls ${inputs.model} > ${outputs.names}",
        "use",
        inputs=[found.output("model")],
        outputs={"names": "file"},
    )
    return Pipeline([use])


def test_the_best_model_is_registered_goes_on_and_is_reused(workspace: Workspace) -> None:
    pipeline = search()
    assert pipeline.validate(workspace) == []
    run = workspace.experiment("study").submit(pipeline)
    run.wait_for_completion(timeout_seconds=120)

    assert run.get_output("use").read_text() == "model.joblib\n"
    (automl,) = run.find_step_run("search")
    assert isinstance(automl, AutoMLRun)
    assert automl.get_output()[0].parent == automl
    assert run.get_output("search", "metrics")["r2_score"] > 0.9
    assert run.get_output("search", "leaderboard")["algorithm"][0] == "Linear"
    with pytest.raises(InvalidInput, match="iterations: must be at least 1"):
        workspace.experiment("study").submit(pipeline, pipeline_parameters={"iterations": 0})
    model = Model(workspace, "prices")
    assert [column.name for column in model.signature.inputs.columns] == ["size"]
    assert model.load(trusted=True).predict([{"size": 1.0}]) == pytest.approx([3], abs=0.3)

    again = workspace.experiment("study").submit(search())
    again.wait_for_completion(timeout_seconds=120)
    assert [each.reused for each in again.get_steps()] == [True] * 3


def test_data_without_anything_to_learn_fail_the_step(workspace: Workspace) -> None:
    run = workspace.experiment("study").submit(search(is_constant=True))
    with pytest.raises(RunFailed, match="in all rows"):
        run.wait_for_completion(timeout_seconds=120)


def test_data_in_memory_are_no_input_of_a_step() -> None:
    with pytest.raises(InvalidInput, match="only a pipeline has parameters"):
        AutoMLConfig("regression", "x.csv", "y", iterations=PipelineParameter("n", 1)).save("x.yml")
    with pytest.raises(InvalidInput, match="must be a whole number"):  # the others are checked
        AutoMLConfig("regression", iterations=PipelineParameter("n", 1), seed="x")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="training_data is a data frame"):
        AutoMLStep("search", AutoMLConfig("regression", rows(), "price"))
