"""The objects behind what R keeps of them: paths, names and ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from tandemlab.store.place import is_url
from tandemlab.tracking import Experiment, Run, Workspace

if TYPE_CHECKING:
    from tandemlab.compute import ComputeTarget
    from tandemlab.data import Datastore

TagFilter: TypeAlias = str | Mapping[str, str | None] | None


_served: dict[str, Workspace] = {}
_opened: dict[str, tuple[tuple[int, int], Workspace]] = {}


def open_workspace(path: str) -> Workspace:
    """The workspace at a path or URL that R keeps; opened once while it is the same folder."""
    if is_url(path):
        if path not in _served:
            _served[path] = Workspace.open(path)
        return _served[path]
    folder = Workspace.open(path).folder if path not in _opened else _opened[path][1].folder
    try:
        status = folder.marker.stat()
    except OSError:
        _opened.pop(path, None)
        return Workspace.open(path)
    identity = (status.st_dev, status.st_ino)
    if path not in _opened or _opened[path][0] != identity:
        _opened[path] = (identity, Workspace(path))
    return _opened[path][1]


def forget_workspace(path: str) -> None:
    """Let go of a workspace that has been deleted."""
    _opened.pop(path, None)
    _served.pop(path, None)


def place_handle(place: ComputeTarget | Datastore) -> dict[str, object]:
    """What R keeps of a compute target or a datastore."""
    return {
        "name": place.name,
        "kind": place.kind,
        "location": place.location,
        "version": place.version,
        "description": place.description,
        "tags": place.tags,
        "workspace": place.workspace.address,
    }


def open_run(workspace: str, run: str) -> Run:
    """The run of that id in the workspace at a path."""
    return open_workspace(workspace).get_run(run)


def workspace_handle(workspace: Workspace) -> object:
    """What R keeps of a workspace."""
    return {"name": workspace.name, "path": workspace.address}


def run_handle(run: Run) -> object:
    """What R keeps of a run."""
    return {
        "id": run.id,
        "experiment": run.experiment.name,
        "directory": str(run.directory),
    }


def run_handles(runs: Iterable[Run]) -> object:
    """What R keeps of several runs."""
    return [run_handle(run) for run in runs]


def open_experiment(workspace: str, experiment: str) -> Experiment:
    """The experiment of that name in the workspace at a path."""
    return open_workspace(workspace).experiment(experiment)
