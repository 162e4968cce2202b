"""Trained pipelines that answer requests, and score tables, as they were trained."""

from __future__ import annotations

from pathlib import Path

import numpy
import pandas
import pytest

from tandemlab import Dataset, Workspace
from tandemlab.data import TabularDataset
from tandemlab.designer import ComponentStep
from tandemlab.designer.inference import (
    batch_pipeline,
    deploy_pipeline_run,
    inference_pipeline,
    register_inference_pipeline,
)
from tandemlab.domain import InvalidInput, InvalidState
from tandemlab.pipelines import Pipeline, PipelineParameter, PipelineRun

SECONDS = 180


def table(rows: int = 120) -> pandas.DataFrame:
    chance = numpy.random.default_rng(0)
    size = chance.normal(100, 20, rows).round(1)
    town = chance.choice(["a", "b"], rows)
    price = 3 * size + 50 * (town == "b") + chance.normal(0, 1, rows)
    made = pandas.DataFrame({"size": size, "town": town, "note": "x", "price": price.round(2)})
    made.loc[3, "size"] = None
    assert isinstance(made, pandas.DataFrame)
    return made


def trained(*, ends: int = 1) -> Pipeline:
    rows = ComponentStep("rows", "dataset", {"dataset": "houses"})
    columns = ComponentStep(
        "columns",
        "select_columns",
        {"columns": ["note"], "exclude": PipelineParameter("without_note", True)},
        inputs={"data": rows.output()},
    )
    clean = ComponentStep(
        "clean", "clean_missing_data", {"mode": "median"}, inputs={"data": columns.output()}
    )
    scale = ComponentStep("scale", "normalize_data", inputs={"data": clean.output("data")})
    wide = ComponentStep(
        "wide", "one_hot_encode", {"columns": ["town"]}, inputs={"data": scale.output("data")}
    )
    split = ComponentStep("split", "split_data", inputs={"data": wide.output("data")})
    learner = ComponentStep("linear", "linear_regression")
    train = ComponentStep(
        "train",
        "train_model",
        {"label": "price"},
        inputs={"learner": learner.output(), "data": split.output("first")},
    )
    scored = [
        ComponentStep(
            f"score{number}",
            "score_model",
            inputs={"model": train.output(), "data": split.output("second")},
        )
        for number in range(ends)
    ]
    return Pipeline(scored or [train])


def run_of(workspace: Workspace, pipeline: Pipeline) -> PipelineRun:
    run = workspace.experiment("houses").submit(pipeline)
    run.wait_for_completion(raise_on_error=False, timeout_seconds=SECONDS)
    assert isinstance(run, PipelineRun)
    return run


@pytest.fixture
def houses(workspace: Workspace, tmp_path: Path) -> pandas.DataFrame:
    table().to_parquet(tmp_path / "houses.parquet")
    Dataset.Tabular.from_parquet_files(tmp_path / "houses.parquet").register(workspace, "houses")
    return table()


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_trained_pipeline_answers_and_scores_as_it_was_trained(
    workspace: Workspace, houses: pandas.DataFrame
) -> None:
    run = run_of(workspace, trained())
    path = inference_pipeline(run)
    assert [link.name for link in path.links] == ["columns", "clean", "scale", "wide", "score0"]
    assert list(path.columns) == list(houses.columns) and path.optional == ["price"]
    expected = run.get_output("score0")["scored_label"].reset_index(drop=True)
    again = path.score(houses).loc[run.get_output("split", "second").index]["scored_label"]
    assert len(again) == len(expected)
    with pytest.raises(InvalidInput, match="lack 1 of the columns that the pipeline takes: size"):
        path.predict(houses.drop(columns="size"))
    service = deploy_pipeline_run(run, "houses")
    service.wait_for_deployment()
    asked = [{"size": 100.0, "town": "b", "note": "y"}, {"size": None, "town": "z", "note": "y"}]
    answer = service.run(asked)["predictions"]
    mean, spread = houses["price"].mean(), houses["price"].std(ddof=0)
    found = answer[0]["scored_label"] * spread + mean
    assert found == pytest.approx(350, abs=8) and len(answer) == 2
    model = register_inference_pipeline(run, "houses-model")
    assert model.signature is not None
    batch = run_of(workspace, batch_pipeline(run, model, "houses", "houses-scored"))
    assert batch.status.value == "Completed", [each.error for each in batch.get_steps()]
    scored = Dataset.get_by_name(workspace, "houses-scored")
    assert isinstance(scored, TabularDataset)
    assert len(scored) == len(houses) and "scored_label" in scored.columns


@pytest.mark.full
@pytest.mark.timeout(600)
def test_what_cannot_answer_says_why(workspace: Workspace, houses: pandas.DataFrame) -> None:
    with pytest.raises(InvalidInput, match="No step scores"):
        inference_pipeline(run_of(workspace, trained(ends=0)))
    two = run_of(workspace, trained(ends=2))
    with pytest.raises(InvalidInput, match="2 steps could answer: score0, score1"):
        inference_pipeline(two)
    assert inference_pipeline(two, "score1").links[-1].name == "score1"
    with pytest.raises(InvalidInput, match="no step 'nope'"):
        inference_pipeline(two, "nope")
    broken = ComponentStep("sort", "sort_rows", {"by": ["nope"]}, inputs={"data": _rows().output()})
    with pytest.raises(InvalidState, match="has to be Completed"):
        inference_pipeline(run_of(workspace, Pipeline([broken])))


def _rows() -> ComponentStep:
    return ComponentStep("rows", "dataset", {"dataset": "houses"})
