"""Artifacts: the files of runs and of registered models, by way of the server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tandemlab.domain import FileRecord, InvalidInput, NotFound
from tandemlab.domain.assets import Asset
from tandemlab.domain.names import check_file_name
from tandemlab.models.registering import KIND
from tandemlab.server.api.checks import check_run_file
from tandemlab.server.api.stored import keep_files, target_of
from tandemlab.server.mlflow import answers, messages
from tandemlab.server.mlflow.answers import Answer
from tandemlab.tracking import Workspace

_ROOT = "runs/"
_MODELS = "models/"


def locate(path: str) -> tuple[str, str]:
    """The run and the file that a path of `answers.artifact_uri` means.

    Raises:
        NotFound: it is no such path.
        InvalidInput: the name cannot be that of a file.

    >>> locate("runs/demo_1/model/MLmodel")
    ('demo_1', 'model/MLmodel')
    """
    run_id, _, name = path.removeprefix(_ROOT).partition("/")
    if not path.startswith(_ROOT) or not run_id:
        raise NotFound(f"There are no artifacts at {path[:200]!r}.", details={"what": "file"})
    return run_id, check_file_name(name)


def keep(workspace: Workspace, path: str, content: Path) -> None:
    """Make a local file a file of a run, in the place of one of that name.

    Raises:
        InvalidInput: the name cannot be one, or a folder and a file would have the same.
        NotFound: no such run.
    """
    run_id, name = locate(path)
    record = workspace.get_record(run_id)
    check_run_file(name, is_script=record.is_submitted)
    for other in workspace.store.list_files(record.id):
        if other.name.startswith(f"{name}/") or name.startswith(f"{other.name}/"):
            raise InvalidInput(f"{name!r} cannot be a file: the run has {other.name!r}.")
    target_of(workspace, record.id, name)
    file = FileRecord(name, *workspace.place.blobs.adopt(content))
    keep_files(workspace, record.id, [file], replace=True)
    workspace.store.add_files(record.id, [file])
    workspace.place.blobs.commit([file.digest])


def list_files(found: Workspace, ask: messages.ArtifactList) -> Answer:
    """A folder of a run's files, with the paths from the run on."""
    record = found.get_record(ask.run)
    prefix = f"{ask.path.strip('/')}/" if ask.path.strip("/") else ""
    files = [
        {**entry, "path": prefix + entry["path"]}
        for entry in _entries(found.store.list_files(record.id), prefix)
    ]
    return {"root_uri": answers.artifact_uri(record.id), "files": files}


def is_model(path: str) -> bool:
    """Whether a path is one of `answers.model_uri`."""
    return path.strip("/").startswith(_MODELS)


def find_model(workspace: Workspace, path: str) -> tuple[Asset, str]:
    """The version of a registered model that a path means, and what is below it.

    Raises:
        NotFound: there is none.
    """
    name, _, below = path.strip("/").removeprefix(_MODELS).partition("/")
    version, _, below = below.partition("/")
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise NotFound(f"There are no artifacts at {path[:200]!r}.", details={"what": "file"})
    return workspace.assets.get(KIND, name, int(version)), below


def find_model_file(workspace: Workspace, path: str) -> FileRecord:
    """The file of a registered model at a path.

    Raises:
        NotFound: there is none.
    """
    asset, below = find_model(workspace, path)
    for file in _model_files(asset):
        if file.name == below:
            return file
    raise NotFound(f"There are no artifacts at {path[:200]!r}.", details={"what": "file"})


def _model_files(asset: Asset) -> list[FileRecord]:
    """Files of a registered model, with names from its folder on."""
    return [replace(file, name=file.name.partition("/")[2] or file.name) for file in asset.files]


def list_folder(workspace: Workspace, path: str) -> Answer:
    """A folder of files of a run or a registered model, with the paths from the folder on."""
    if is_model(path):
        asset, below = find_model(workspace, path)
        return {"files": _entries(_model_files(asset), f"{below}/" if below else "")}
    run_id, _, folder = path.strip("/").removeprefix(_ROOT).partition("/")
    if folder:
        check_file_name(folder)
    record = workspace.get_record(run_id)
    prefix = f"{folder}/" if folder else ""
    return {"files": _entries(workspace.store.list_files(record.id), prefix)}


def _entries(files: Iterable[FileRecord], prefix: str) -> list[Answer]:
    """What is right below a folder."""
    found: dict[str, Answer] = {}
    for file in files:
        if file.name.startswith(prefix):
            child, slash, _ = file.name[len(prefix) :].partition("/")
            size = {} if slash else {"file_size": file.size}
            found[child] = {"path": child, "is_dir": bool(slash), **size}
    return list(found.values())
