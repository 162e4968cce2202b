"""What MLflow's clients send. Times are milliseconds since 1970-01-01 UTC."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Page(Struct, kw_only=True):
    """Which part of a list is asked for."""

    max_results: int | None = None
    page_token: str = ""


class Named(Struct, kw_only=True):
    """A name and what belongs to it, both as text: a tag, a parameter."""

    key: str
    value: str = ""


# Experiments


class OfExperiment(Struct, kw_only=True):
    """A request about an experiment."""

    experiment_id: str = ""


class ExperimentName(Struct, kw_only=True):
    """An experiment by its name."""

    experiment_name: str


class NewExperiment(Struct, kw_only=True):
    """An experiment to make."""

    name: str
    artifact_location: str = ""
    tags: list[Named] = []


class ExperimentSearch(Page, kw_only=True):
    """Which experiments to find."""

    filter: str = ""
    order_by: list[str] = []
    view_type: str = "ACTIVE_ONLY"


# Runs


class OfRun(Struct, kw_only=True):
    """A request about a run; older clients say `run_uuid`."""

    run_id: str = ""
    run_uuid: str = ""

    @property
    def run(self) -> str:
        """The run's id."""
        return self.run_id or self.run_uuid


class NewRun(Struct, kw_only=True):
    """A run to begin."""

    experiment_id: str = "0"
    user_id: str = ""
    run_name: str = ""
    start_time: int | None = None
    tags: list[Named] = []


class RunChange(OfRun, kw_only=True):
    """What becomes of a run."""

    status: str | None = None
    end_time: int | None = None
    run_name: str = ""


class RunSearch(Page, kw_only=True):
    """Which runs to find."""

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str = "ACTIVE_ONLY"
    order_by: list[str] = []


# What runs log


class Point(OfRun, kw_only=True):
    """One value of a metric; what is not finite comes as text."""

    key: str
    value: Any
    timestamp: int
    step: int = 0
    model_id: str = ""


class NameOfRun(OfRun, kw_only=True):
    """A tag or a parameter of a run."""

    key: str
    value: str = ""


class Key(OfRun, kw_only=True):
    """A tag of a run by its name."""

    key: str


class LogBatch(OfRun, kw_only=True):
    """Several things that a run logs."""

    metrics: list[Point] = []
    params: list[Named] = []
    tags: list[Named] = []


class History(OfRun, kw_only=True):
    """A part of a run's metric."""

    metric_key: str
    max_results: int | None = None
    page_token: str = ""


class Dataset(Struct, kw_only=True):
    """Which data a run has used."""

    dataset: dict[str, str]
    tags: list[Named] = []


class ModelOfRun(Struct, kw_only=True):
    """A model that a run has used or made."""

    model_id: str
    step: int = 0


class LogInputs(OfRun, kw_only=True):
    """What a run has used."""

    datasets: list[Dataset] = []
    models: list[ModelOfRun] = []


class LogOutputs(OfRun, kw_only=True):
    """Models that a run has made."""

    models: list[ModelOfRun] = []


class OldModel(OfRun, kw_only=True):
    """A model as clients before MLflow 3 tell of it."""

    model_json: str


class ArtifactList(OfRun, kw_only=True):
    """A folder of a run's files."""

    path: str = ""


# Models


class NewModel(Struct, kw_only=True):
    """A model to keep with the run that made it."""

    experiment_id: str = "0"
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Named] = []
    tags: list[Named] = []


class OfModel(Struct, kw_only=True):
    """A request about a model."""

    model_id: str = ""


class ModelStatus(OfModel, kw_only=True):
    """What became of a model's files."""

    status: str


class ModelNames(OfModel, kw_only=True):
    """Tags or parameters of a model."""

    tags: list[Named] = []
    params: list[Named] = []


class ModelKey(OfModel, kw_only=True):
    """A tag of a model by its name."""

    tag_key: str


class ModelOrder(Struct, kw_only=True):
    """What models are sorted by."""

    field_name: str
    ascending: bool = True


class ModelSearch(Page, kw_only=True):
    """Which models to find."""

    experiment_ids: list[str] = []
    filter: str = ""
    datasets: list[Any] = []
    order_by: list[ModelOrder] = []


# Registered models


class NewRegisteredModel(Struct, kw_only=True):
    """A name for versions of a model."""

    name: str
    tags: list[Named] = []
    description: str = ""


class OfRegisteredModel(Struct, kw_only=True):
    """A request about a registered model."""

    name: str


class RegisteredModelChange(OfRegisteredModel, kw_only=True):
    """What a registered model is for."""

    description: str = ""


class RegisteredModelTag(OfRegisteredModel, kw_only=True):
    """A tag of a registered model."""

    key: str
    value: str = ""


class RegisteredModelAlias(OfRegisteredModel, kw_only=True):
    """An alias of a version; which version, where it is set."""

    alias: str
    version: str = ""


class LatestVersions(OfRegisteredModel, kw_only=True):
    """The newest versions of a registered model, by stage."""

    stages: list[str] = []


class RegistrySearch(Page, kw_only=True):
    """Which registered models, or versions of them, to find."""

    filter: str = ""
    order_by: list[str] = []


class NewVersion(OfRegisteredModel, kw_only=True):
    """A version to register, and where its files are."""

    source: str
    run_id: str = ""
    run_link: str = ""
    model_id: str = ""
    description: str = ""
    tags: list[Named] = []


class OfVersion(OfRegisteredModel, kw_only=True):
    """A request about a version of a registered model."""

    version: str


class VersionChange(OfVersion, kw_only=True):
    """What a version is for."""

    description: str = ""


class VersionTag(OfVersion, kw_only=True):
    """A tag of a version."""

    key: str
    value: str = ""
