"""Sending at a user's word what waits on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.domain import InvalidInput, RunStatus

if TYPE_CHECKING:
    from tandemlab.tracking.workspace import Workspace


def send(workspace: Workspace) -> dict[str, RunStatus]:
    """Send everything; the status of the runs of which something waited for a server."""
    if workspace.is_remote:
        from tandemlab.store.http import RemoteWorkspace, sync

        assert isinstance(workspace.place, RemoteWorkspace)
        return sync.send(workspace.place)
    folder = workspace.folder
    from tandemlab.store.artifacts import ArtifactBlobs

    if not isinstance(folder.blobs, ArtifactBlobs):
        raise InvalidInput(
            f"The workspace {workspace.address} is a folder of this machine: there is nothing to "
            "send.",
            hint="Name one at a server: --workspace http://HOST:PORT/NAME.",
        )
    folder.catch_up_all()
    while folder.blobs.send():
        pass
    return {}
