"""What several handlers do with a run of a workspace."""

from __future__ import annotations

from contextlib import suppress

from tandemlab.domain import AlreadyExists, FileRecord
from tandemlab.server.api.checks import check_files
from tandemlab.store.durable import storage_errors
from tandemlab.store.run_files import place_file
from tandemlab.tracking import Workspace


def keep_files(workspace: Workspace, run_id: str, files: list[FileRecord]) -> None:
    """Have contents appear as files in the run's directory, as they do in a workspace folder."""
    record = workspace.get_record(run_id)
    check_files(files, workspace.place.blobs, is_script=record.type == "script")
    folder = workspace.place.run_directory(run_id) / "files"
    for file in files:
        target = folder / file.name
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(AlreadyExists):  # files of a run do not change
                place_file(workspace.place.blobs.find(file.digest), target, file.name)
