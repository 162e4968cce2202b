"""``tandemlab sync``: send what waits on this machine to servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import output_option, pass_session, verb, workspace_option
from tandemlab.cli.forms import counted
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.store.http import RemoteWorkspace

_COLUMNS = (Column("run", whole=True), Column("workspace"), Column("status"))


@verb(
    "sync",
    "tandemlab sync",
    "tandemlab sync --workspace http://lab.example.org:8765/crashes",
    "tandemlab sync --workspace http://lab.example.org:8765/crashes --from .tandemlab/offline",
)
@click.option(
    "--from",
    "folder",
    metavar="DIR",
    help="A workspace folder whose runs are copied to the server, such as that of off-line runs.",
)
@workspace_option
@output_option
@pass_session
def sync(session: Session, folder: str | None) -> None:
    """Send to servers what runs have logged on this machine.

    This happens by itself while a server can be reached. Without --workspace it is done for every
    workspace at a server that this machine has logged to. It may be repeated and interrupted:
    everything arrives once. The contents of a folder that keeps them in S3 are sent with its
    --workspace.

    With --from the runs of a folder, such as .tandemlab/offline, are copied to the workspace of
    --workspace.
    """
    from tandemlab.domain import InvalidInput
    from tandemlab.store.http.sync import copy_runs, places, send

    if folder is not None or session.workspace_name is not None:
        found = session.workspace()
        if folder is None and not found.is_remote:
            from tandemlab.tracking.sending import send as send_from

            send_from(found)
            artifacts = found.get_details()["artifacts"]
            session.screen.rows(_COLUMNS, [], empty=f"All contents are at {artifacts}.")
            return
        if not found.is_remote:
            raise InvalidInput(
                f"The workspace {found.address} is a folder of this machine.",
                hint="Name one at a server: --workspace http://HOST:PORT/NAME.",
            )
        chosen: list[RemoteWorkspace] = [found.place]  # type: ignore[list-item]
    else:
        chosen = places()
    rows: list[dict[str, Any]] = []
    for place in chosen:
        if folder is not None:
            from tandemlab.tracking import Workspace

            runs = copy_runs(Workspace.open(folder).folder, place)
        else:
            runs = send(place)
        rows += [
            {"run": run_id, "workspace": place.address, "status": str(state)}
            for run_id, state in runs.items()
        ]
    session.screen.rows(_COLUMNS, rows, empty="Nothing waits to be sent.")
    if rows:
        session.screen.note(f"The servers have all of {counted(len(rows), 'run')}.")
