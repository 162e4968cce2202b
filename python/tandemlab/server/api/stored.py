"""What several handlers do with a run of a workspace."""

from __future__ import annotations

from contextlib import suppress

from tandemlab.domain import AlreadyExists, FileRecord, NotFound, RunRecord
from tandemlab.server.api.checks import check_files
from tandemlab.store.durable import storage_errors
from tandemlab.store.run_files import place_file
from tandemlab.tracking import Workspace


def find_run(workspace: Workspace, run_id: str) -> RunRecord:
    """A run as the store knows it, once what it has logged was taken in.

    Raises:
        NotFound: there is no such run.
    """
    workspace.place.catch_up(run_id)
    record = workspace.store.get_run(run_id)
    if record is None:
        workspace.place.catch_up_all()
        record = workspace.store.get_run(run_id)
    if record is None:
        raise NotFound(
            f"No run {run_id[:128]!r} in the workspace {workspace.name!r}.",
            hint="`tandemlab run list` shows the runs that exist.",
            details={"what": "run", "run_id": run_id[:128]},
        )
    return record


def keep_files(workspace: Workspace, run_id: str, files: list[FileRecord]) -> None:
    """Have contents appear as files in the run's directory, as they do in a workspace folder."""
    record = find_run(workspace, run_id)
    check_files(files, workspace.place.blobs, is_script=record.type == "script")
    folder = workspace.place.run_directory(run_id) / "files"
    for file in files:
        target = folder / file.name
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(AlreadyExists):  # files of a run do not change
                place_file(workspace.place.blobs.find(file.digest), target, file.name)
