"""Artifacts: the files of runs, up, down and in lists, by way of the server."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tandemlab.domain import FileRecord, InvalidInput, NotFound
from tandemlab.domain.names import check_file_name
from tandemlab.server.api.checks import check_run_file
from tandemlab.server.api.stored import keep_files, target_of
from tandemlab.server.mlflow import answers, messages
from tandemlab.server.mlflow.answers import Answer
from tandemlab.tracking import Workspace

_ROOT = "runs/"


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
    check_run_file(name, is_script=record.type == "script")
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


def list_folder(workspace: Workspace, path: str) -> Answer:
    """A folder of a run's files, with the paths from the folder on."""
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
