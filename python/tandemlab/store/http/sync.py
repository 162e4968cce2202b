"""Sending at a user's word: what waits on this machine, and the runs of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tandemlab.domain import FileRecord, NewRun, RunQuery, RunRecord, RunStatus
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.http.place import RemoteWorkspace
from tandemlab.store.http.sender import send_all
from tandemlab.store.intake import Intake
from tandemlab.store.snapshots import read_manifest
from tandemlab.store.spool import live_runs, spool_files
from tandemlab.store.user import data_folder


def places() -> list[RemoteWorkspace]:
    """The workspaces at servers for which something may wait on this machine."""
    return list(_places(data_folder() / "servers"))


def _places(servers: Path) -> Iterator[RemoteWorkspace]:
    for marker in sorted(servers.glob("*/*/address")):
        place = RemoteWorkspace(marker.read_text(encoding="utf-8"))
        if live_runs(place.path):
            yield place


def send(place: RemoteWorkspace) -> dict[str, RunStatus]:
    """Send everything that waits; the status of the runs that it belongs to.

    Raises:
        Unavailable: the server cannot be reached; what was not sent stays.
    """
    waiting = live_runs(place.path)
    send_all(place)
    return place.store.known_runs(waiting) if waiting else {}


def copy_runs(folder: WorkspaceFolder, place: RemoteWorkspace) -> dict[str, RunStatus]:
    """Copy the interactive and off-line runs of a folder to a server, with all that they logged.

    Those that are there already are brought up to date. Submitted runs stay where they ran.
    """
    folder.catch_up_all()
    found = folder.store.find_runs(RunQuery(include_children=True, oldest_first=True))
    records = [record for record in found if not record.is_submitted]
    place.read_marker()
    intake = Intake(folder.path, place.store, place.blobs)
    for record in records:
        _copy_snapshot(folder, place, record.snapshot)
        place.store.create_run(_as_new(record))
        if spool_files(folder.run_directory(record.id)):
            intake.catch_up(record.id)
        _copy_files(folder, place, record.id)
        _copy_end(place, record)
    return place.store.known_runs([record.id for record in records]) if records else {}


def _as_new(record: RunRecord) -> NewRun:
    """The run as it began; what it logged since is in its spool."""
    return NewRun(
        id=record.id,
        experiment=record.experiment,
        type=record.type,
        display_name=record.display_name,
        created=record.created,
        status=RunStatus.RUNNING,
        parent=record.parent,
        snapshot=record.snapshot,
        definition=record.definition,
        context=record.context,
        tags=record.tags,
        properties=record.properties,
        params=record.params,
    )


def _copy_snapshot(folder: WorkspaceFolder, place: RemoteWorkspace, snapshot: str | None) -> None:
    if snapshot is None:
        return
    digests = {snapshot, *(file.digest for file in read_manifest(snapshot, folder.blobs))}
    for digest in digests:
        place.blobs.put_copy(folder.blobs.find(digest))
    place.blobs.send(sorted(digests))


def _copy_files(folder: WorkspaceFolder, place: RemoteWorkspace, run_id: str) -> None:
    present = {file.name for file in place.store.list_files(run_id)}
    missing = [file for file in folder.store.list_files(run_id) if file.name not in present]
    for file in missing:
        place.blobs.put_copy(folder.blobs.find(file.digest))
    if missing:
        place.blobs.send([file.digest for file in missing])
        records = [FileRecord(file.name, file.digest, file.size) for file in missing]
        place.store.add_files(run_id, records)


def _copy_end(place: RemoteWorkspace, record: RunRecord) -> None:
    """End the copy of a run that was not ended by what it logged."""
    status = place.store.known_runs([record.id])[record.id]
    if record.status.is_terminal and not status.is_terminal:
        place.store.move_run(
            record.id,
            record.status,
            time=record.ended,
            error=record.error,
            exit_code=record.exit_code,
        )
