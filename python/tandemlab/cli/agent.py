"""``tandemlab agent``: have the workspace's agent stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import Noun, output_option, pass_session, verb, workspace_option
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.schedules.autostart import Installation

agent = Noun("agent")

_INSTALLED = (
    Column("way", whole=True),
    Column("place", whole=True),
    Column("content"),
    Column("script", whole=True),
)
_STATUS = (
    Column("agent", whole=True),
    Column("pid"),
    Column("schedules"),
    Column("installed", whole=True),
    Column("place"),
)


@verb("install", "tandemlab agent install", "tandemlab agent install --with cron")
@click.option(
    "--with",
    "way",
    type=click.Choice(["systemd", "cron"]),
    help="A unit of systemd's manager for users, or a line of the crontab. Without it, the first "
    "that this machine has.",
)
@workspace_option
@output_option
@pass_session
def install(session: Session, way: str | None) -> None:
    """Have the agent come back whenever this machine starts.

    It starts now, too, and stays. What was written is shown; `tandemlab agent uninstall` takes it
    away again.
    """
    from tandemlab.schedules.autostart import install_agent

    made = install_agent(session.workspace(), way)
    _show(session, made)
    for note in made.notes:
        session.screen.note(note)
    session.suggest("agent status")


@verb("uninstall", "tandemlab agent uninstall")
@workspace_option
@output_option
@pass_session
def uninstall(session: Session) -> None:
    """Have the agent not come back when this machine starts."""
    from tandemlab.schedules.autostart import uninstall_agent

    found = uninstall_agent(session.workspace())
    if found is None:
        session.screen.note("The agent was not installed.")
    else:
        session.screen.note(f"Removed from {found.place}.")


@verb("status", "tandemlab agent status")
@workspace_option
@output_option
@pass_session
def status(session: Session) -> None:
    """Say whether the agent is at work, and whether it comes back.

    It comes back when this machine starts, if it was installed.
    """
    from tandemlab.schedules.autostart import agent_status

    found = agent_status(session.workspace())
    session.screen.record(
        _STATUS,
        {
            "agent": "idle" if found.pid is None else "at work",
            "pid": found.pid,
            "schedules": found.schedules,
            "installed": found.installation.way if found.installation else None,
            "place": found.installation.place if found.installation else None,
        },
    )
    if found.installation is None and found.schedules:
        session.suggest("agent install")


def _show(session: Session, made: Installation) -> None:
    row: dict[str, Any] = {
        "way": made.way,
        "place": made.place,
        "content": made.content,
        "script": made.script,
    }
    if not session.screen.is_for_people:
        session.screen.record(_INSTALLED, row)
        return
    session.screen.text(f"{made.place}:\n{made.content}")


for command in (install, status, uninstall):
    agent.add_command(command)
