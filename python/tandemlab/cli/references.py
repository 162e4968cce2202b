"""How runs and experiments are named on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tandemlab.domain import ExperimentRecord, InvalidInput, NotFound, RunQuery, RunRecord

if TYPE_CHECKING:
    from tandemlab.tracking import Run, Workspace

LATEST = "latest"
_SHOWN = 5
_CHANCE = 16


def reference_of(record: RunRecord) -> str:
    """The short name of a run: ``EXPERIMENT/NUMBER``."""
    return f"{record.experiment}/{record.number}"


def newest_references(workspace: Workspace, limit: int = 50) -> list[str]:
    """Short names of the newest runs."""
    runs = workspace.store.find_runs(RunQuery(include_children=True, limit=limit))
    return [LATEST, *(reference_of(record) for record in runs)]


def find_run(workspace: Workspace, reference: str) -> Run:
    """The run behind a reference.

    Args:
        reference: an id, the unique start of an id or of its part behind the ``_``,
            ``EXPERIMENT/NUMBER``, ``EXPERIMENT/latest`` or ``latest``.

    Raises:
        NotFound: no run fits.
        InvalidInput: several do.
    """
    experiment, slash, number = reference.rpartition("/")
    if slash:
        return _run_of_experiment(workspace, reference, experiment, number)
    if reference == LATEST:
        newest = workspace.find_runs(RunQuery(limit=1))
        return _first(newest, workspace, reference)
    fitting = [run_id for run_id in _run_ids(workspace) if _fits(run_id, reference)]
    if reference in fitting or not fitting:
        return _by_id(workspace, reference)
    if len(fitting) > 1:
        shown = ", ".join(sorted(fitting)[:_SHOWN])
        raise InvalidInput(
            f"{reference!r} stands for {len(fitting)} runs: "
            f"{shown}{', …' if len(fitting) > _SHOWN else ''}.",
            hint="Give more of the id, or EXPERIMENT/NUMBER.",
            details={"reference": reference, "run_ids": sorted(fitting)},
        )
    return _by_id(workspace, fitting[0])


def _run_of_experiment(workspace: Workspace, reference: str, experiment: str, number: str) -> Run:
    name = find_experiment(workspace, experiment).name
    if number == LATEST:
        found = workspace.find_runs(RunQuery(experiment=name, limit=1))
    elif number.isdecimal():
        query = RunQuery(experiment=name, number=int(number), include_children=True)
        found = workspace.find_runs(query)
    else:
        raise InvalidInput(
            f"{reference!r} names no run: behind the slash is neither a number nor {LATEST!r}.",
            hint=f"Write {experiment}/1, or {experiment}/{LATEST}.",
            details={"reference": reference},
        )
    return _first(found, workspace, reference)


def _first(runs: Sequence[Run], workspace: Workspace, reference: str) -> Run:
    if not runs:
        raise _no_run(workspace, reference)
    return runs[0]


def _run_ids(workspace: Workspace) -> list[str]:
    """Ids of all runs: every run of a folder has a directory of its own."""
    if workspace.is_remote:
        query = RunQuery(include_children=True)
        return [record.id for record in workspace.store.find_runs(query)]
    runs = workspace.folder.run_directory("id").parent
    return [path.name for path in runs.iterdir()]


def _fits(run_id: str, start: str) -> bool:
    unique = run_id.rpartition("_")[2]
    return any(text.startswith(start) for text in (run_id, unique, unique[-_CHANCE:]))


def _by_id(workspace: Workspace, run_id: str) -> Run:
    try:
        return workspace.get_run(run_id)
    except NotFound as error:
        raise _no_run(workspace, run_id) from error


def _no_run(workspace: Workspace, reference: str) -> NotFound:
    return NotFound(
        f"No run {reference!r} in the workspace {workspace.name!r}.",
        hint="`tandemlab run list` shows the runs that exist. A run is named by its id, the start "
        "of its id, EXPERIMENT/NUMBER, or latest.",
        details={"reference": reference},
    )


def find_experiment(workspace: Workspace, name: str) -> ExperimentRecord:
    """The experiment of that name; it is not created.

    Raises:
        NotFound: there is none.
        InvalidInput: the name cannot be one.
    """
    from tandemlab.domain.names import check_name

    workspace.place.catch_up_all()
    found = workspace.store.get_experiment(check_name(name, what="experiment"))
    if found is not None:
        return found
    names = [record.name for record in workspace.store.list_experiments()]
    raise NotFound(
        f"No experiment {name!r} in the workspace {workspace.name!r}.",
        hint=_similar(name, names),
        details={"name": name},
    )


def _similar(name: str, names: list[str]) -> str:
    from difflib import get_close_matches

    if not names:
        return (
            "There are none yet; `tandemlab run submit` and `tandemlab experiment create` make one."
        )
    close = get_close_matches(name, names, n=3)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return "`tandemlab experiment list` shows the experiments that exist."
