"""What several handlers do with a run of a workspace."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tandemlab.domain import AlreadyExists, FileRecord, InvalidInput
from tandemlab.server.api.checks import check_files
from tandemlab.store.durable import storage_errors
from tandemlab.store.run_files import place_file, replace_file
from tandemlab.tracking import Workspace


def keep_files(
    workspace: Workspace, run_id: str, files: list[FileRecord], *, replace: bool = False
) -> None:
    """Have contents appear as files in the run's directory, as they do in a workspace folder.

    Args:
        replace: whether a file takes the place of one of its name, which otherwise stays.

    Raises:
        InvalidInput: a name that cannot be one, or leads out of the run's directory.
    """
    record = workspace.get_record(run_id)
    check_files(files, workspace.place.blobs, is_script=record.is_submitted)
    for file in files:
        target = target_of(workspace, run_id, file.name)
        blob = workspace.place.blobs.find(file.digest)
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if replace:
                replace_file(blob, target)
            else:
                with suppress(AlreadyExists):  # files of a run do not change
                    place_file(blob, target, file.name)


def target_of(workspace: Workspace, run_id: str, name: str) -> Path:
    """Where a file of a run goes.

    Raises:
        InvalidInput: out of the run's directory, or to where there is a folder.
    """
    folder = workspace.place.run_directory(run_id).resolve() / "files"
    target = folder / name
    if target.parent.resolve() != target.parent or target.is_dir():
        raise InvalidInput(f"{name[:80]!r} is a folder of the run, or leads out of its folder.")
    return target
