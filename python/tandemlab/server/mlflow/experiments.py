"""Experiments."""

from __future__ import annotations

from tandemlab.domain import AlreadyExists, ExperimentRecord, InvalidInput, NotFound
from tandemlab.domain.names import check_name
from tandemlab.domain.times import now
from tandemlab.server.mlflow import answers
from tandemlab.server.mlflow.answers import Answer, experiment_name
from tandemlab.server.mlflow.messages import (
    ExperimentName,
    ExperimentSearch,
    NewExperiment,
    OfExperiment,
)
from tandemlab.server.mlflow.search import find_experiments
from tandemlab.tracking import Workspace

_MOST = 50_000


def create(found: Workspace, ask: NewExperiment) -> Answer:
    """Make an experiment."""
    if ask.artifact_location:
        raise InvalidInput(
            "Artifacts are kept in the workspace, and nowhere else.",
            hint="Leave artifact_location out.",
        )
    if ask.tags:
        raise InvalidInput("Experiments have no tags here.", hint="Tag their runs.")
    name = check_name(ask.name, what="experiment")
    if found.store.get_experiment(name) is not None:
        raise AlreadyExists(f"There is an experiment {name!r} already.")
    return {"experiment_id": answers.experiment_id(found.store.ensure_experiment(name).name)}


def record_of(workspace: Workspace, id: str) -> ExperimentRecord:
    """The experiment of an id; the default one is always there.

    Raises:
        NotFound: there is none.
    """
    name = experiment_name(id)
    record = workspace.store.get_experiment(name)
    if record is None and name == answers.DEFAULT:
        return ExperimentRecord(name, now())
    if record is None:
        raise NotFound(f"No experiment of the id {id[:128]!r}.", details={"what": "experiment"})
    return record


def get(found: Workspace, ask: OfExperiment) -> Answer:
    """An experiment by its id."""
    found.place.catch_up_all()
    return {"experiment": answers.experiment_of(record_of(found, ask.experiment_id))}


def get_by_name(found: Workspace, ask: ExperimentName) -> Answer:
    """An experiment by its name."""
    return get(found, OfExperiment(experiment_id=answers.experiment_id(ask.experiment_name)))


def search(found: Workspace, ask: ExperimentSearch) -> Answer:
    """Experiments that match, the newest first."""
    found.place.catch_up_all()
    limit, offset = answers.place_of(ask.page_token, ask.max_results, most=_MOST)
    records = find_experiments(
        found.store.list_experiments(), ask.filter, ask.order_by, ask.view_type
    )
    shown, more = answers.page(records[offset : offset + limit + 1], limit, offset)
    return {"experiments": [answers.experiment_of(record) for record in shown], **more}


def delete(found: Workspace, ask: OfExperiment) -> Answer:
    """Archive an experiment; its runs stay."""
    return _archive(found, ask, archived=True)


def restore(found: Workspace, ask: OfExperiment) -> Answer:
    """Show an archived experiment again."""
    return _archive(found, ask, archived=False)


def _archive(workspace: Workspace, ask: OfExperiment, *, archived: bool) -> Answer:
    name = experiment_name(ask.experiment_id)
    workspace.store.archive_experiment(name, archived=archived)
    return {}
