"""Automated runs: their leaderboard, and what was found in the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from tandemlab.automl import AutoMLConfig, AutoMLRun
from tandemlab.automl.fitting import task_of
from tandemlab.automl.frames import as_frame
from tandemlab.data import Dataset
from tandemlab.data.tabular import TabularDataset
from tandemlab.domain import InvalidInput, InvalidState, RunRecord
from tandemlab.domain.early_termination import PrimaryMetricGoal
from tandemlab.domain.names import check_name
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.server.api.request_content import RequestContent
from tandemlab.store.http.wire import encode

router = APIRouter(prefix="/workspaces/{workspace}/runs/{run}/leaderboard", tags=["automl"])
searches_router = APIRouter(prefix="/workspaces/{workspace}/automl", tags=["automl"])
_GUESS_ROWS = 5000


class AutoMLSubmission(RequestContent, BaseModel):
    """What a model is looked for, and for how long."""

    dataset: str = Field(description="NAME or NAME:VERSION of a dataset of a table.")
    label: str = Field(description="The column to predict.")
    task: Literal["classification", "regression"] | None = Field(
        None, description="Found out from the label if null."
    )
    seconds: float = Field(60.0, ge=5, le=86_400, description="That it may take.")
    primary_metric: str | None = None
    experiment: str | None = Field(None, description="The dataset's name if null.")


class ModelChoice(RequestContent, BaseModel):
    """A model of an automated run that is to be registered."""

    name: str
    iteration: int | None = Field(None, description="The best if null.")


class ModelReference(BaseModel):
    """A version of a model."""

    name: str
    version: int


class AutoMLTrialContent(BaseModel):
    """A trial of an automated run; see `tandemlab.automl.AutoMLRun.leaderboard_rows`."""

    iteration: int
    run_id: str
    algorithm: str
    status: str = Field(description="completed, stopped or failed.")
    score: float | None = Field(description="The primary metric, where it is finite.")
    metrics: dict[str, float | None]
    seconds: float | None
    folds: int
    pipeline: list[str]
    error: str | None


class GuardrailContent(BaseModel):
    """Something that was looked at in the data, and what was done about it."""

    check: str
    status: str = Field(description="passed, done or alerted.")
    description: str
    columns: list[str]


class LeaderboardContent(BaseModel):
    """What an automated run searches for, its trials, the best first, and what it has found."""

    primary_metric: str
    goal: PrimaryMetricGoal
    trials: list[AutoMLTrialContent]
    best: str | None = Field(description="Run of the best trial; null until the model is made.")
    guardrails: list[GuardrailContent]
    importance: dict[str, float] = Field(description="By column, the greatest first.")


@router.get("", dependencies=[READER])
def get_leaderboard(found: Found, run: str) -> LeaderboardContent:
    """The trials of an automated run, the best first, and once it has a model, what it found."""
    search = AutoMLRun.get(found, run)
    metric = search.config.metric
    summary = _summary(search)
    importance = summary.get("explanation", {}).get("importance", {})
    return LeaderboardContent(
        primary_metric=metric.name,
        goal=PrimaryMetricGoal.MAXIMIZE if metric.greater_is_better else PrimaryMetricGoal.MINIMIZE,
        trials=[_trial(row) for row in search.leaderboard_rows()],
        best=summary.get("best", {}).get("run_id"),
        guardrails=summary.get("guardrails", []),
        importance={name: value for name, value in importance.items() if math.isfinite(value)},
    )


@router.post("/model", status_code=201, dependencies=[CONTRIBUTOR])
def register_best(found: Found, run: str, body: ModelChoice) -> ModelReference:
    """Keep a model of an automated run as the next version of a name."""
    made = AutoMLRun.get(found, run).register_model(body.name, iteration=body.iteration)
    return ModelReference(name=made.name, version=made.version)


@searches_router.post(
    "/runs", status_code=201, dependencies=[CONTRIBUTOR], response_model=RunRecord
)
def submit_search(found: Found, body: AutoMLSubmission) -> Response:
    """Queue a search for the best model of a registered dataset."""
    dataset = Dataset.get_by_name(found, body.dataset)
    if not isinstance(dataset, TabularDataset):
        raise InvalidInput(f"The dataset {body.dataset!r} is of files, not a table.")
    if body.label not in dataset.columns:
        raise InvalidInput(
            f"The dataset has no column {body.label!r}.",
            hint=f"Its columns are {', '.join(dataset.columns)}.",
        )
    task = body.task or task_of(as_frame(dataset.take(_GUESS_ROWS)), body.label)
    config = AutoMLConfig(
        task,
        dataset,
        body.label,
        primary_metric=body.primary_metric,
        experiment_timeout_minutes=body.seconds / 60,
    )
    experiment = check_name(body.experiment or dataset.name, what="experiment")
    run = found.experiment(experiment).submit(config)
    record = found.get_record(run.id)
    return Response(encode(record), status_code=201, media_type="application/json")


def _summary(search: AutoMLRun) -> Mapping[str, Any]:
    try:
        return search.summary
    except InvalidState:  # it goes on, or has found nothing
        return {}


def _trial(row: Mapping[str, Any]) -> AutoMLTrialContent:
    """A row of the leaderboard, without numbers that JSON has not."""
    plain = {name: row[name] for name in AutoMLTrialContent.model_fields}
    plain["metrics"] = {name: _finite(value) for name, value in row["metrics"].items()}
    return AutoMLTrialContent(**{**plain, "score": _finite(row["score"])})


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
