"""Sweeps: their trials, and the pictures of these."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from tandemlab.domain import NotFound, RunStatus
from tandemlab.domain.early_termination import PrimaryMetricGoal
from tandemlab.server.access import READER, Found
from tandemlab.server.api.run_tables import PanelContent
from tandemlab.store.http.wire import encode
from tandemlab.sweeps import HyperDriveRun

router = APIRouter(prefix="/workspaces/{workspace}/runs/{run}/trials", tags=["sweeps"])


class TrialContent(BaseModel):
    """A trial of a sweep, and how it is doing; see `tandemlab.sweeps.TrialState`."""

    number: int
    run_id: str
    status: RunStatus | Literal["Stopped"]
    hyperparameters: dict[str, bool | int | float | str | None]
    value: float | None = Field(description="The best finite value of the primary metric.")
    values: int
    duration: float | None
    reason: str | None
    error: str | None


class TrialsContent(BaseModel):
    """What a sweep searches for, and its trials, the best first."""

    primary_metric: str
    goal: PrimaryMetricGoal
    hyperparameters: list[str]
    trials: list[TrialContent]


@router.get("", dependencies=[READER])
def list_trials(found: Found, run: str) -> TrialsContent:
    """The trials of a sweep, the best first; those without a value come last."""
    sweep = HyperDriveRun.get(found, run)
    settings = sweep.settings
    plain = {
        field for field in TrialContent.model_fields if field not in ("run_id", "hyperparameters")
    }
    return TrialsContent(
        primary_metric=settings.primary_metric_name,
        goal=settings.primary_metric_goal,
        hyperparameters=list(settings.sampling.space.names),
        trials=[
            TrialContent(
                run_id=trial.run.id,
                hyperparameters=dict(trial.hyperparameters),
                **{field: getattr(trial, field) for field in plain},
            )
            for trial in sweep.sorted_trials()
        ],
    )


@router.get("/panels", dependencies=[READER], response_model=list[PanelContent])
def list_trial_panels(found: Found, run: str, kind: str | None = None) -> Response:
    """What a picture of the sweep shows; `kind` is history, parallel or importance."""
    sweep = HyperDriveRun.get(found, run)
    try:
        panels = sweep.panels(kind)
    except NotFound:  # no trial has a value yet
        panels = []
    return Response(encode(panels), media_type="application/json")
