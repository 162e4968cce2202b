"""``tandemlab doctor``: what this machine offers, and how to repair what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import output_option, pass_session, verb, workspace_option
from tandemlab.cli.forms import counted
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from pathlib import Path

_REPORT = (
    Column("ok", colours={"yes": "green", "no": "red"}),
    Column("python", whole=True),
    Column("python_why"),
    Column("r", whole=True),
    Column("r_why"),
    Column("workspace"),
    Column("versions", spread=True),
    Column("places", in_table=False),
    Column("findings", in_table=False),
)
_PLACES = (
    Column("language"),
    Column("place", whole=True),
    Column("path", whole=True),
    Column("exists"),
)


@verb("doctor", "tandemlab doctor", "tandemlab doctor --workspace lab -o json")
@workspace_option
@output_option
@pass_session
def doctor(session: Session) -> None:
    """Say what Python and R are used, and what is to be repaired.

    Each place that may name a Python or an R is listed in the order in which it is looked at.
    Both parts of tandemlab are asked for their versions, the packages that frames need are
    imported, and the folder of the workspace is tried. What is wrong comes with its repair; the
    exit status is 1 then.
    """
    from tandemlab.doctor import examine

    report = examine(_workspace(session))
    screen = session.screen
    screen.record(_REPORT, report)
    if screen.is_for_people:
        click.echo()
        screen.rows(_PLACES, report["places"])
        for finding in report["findings"]:
            _tell(finding)
    if not report["ok"]:
        screen.note(f"\n{counted(len(report['findings']), 'thing')} to repair.")
        raise click.exceptions.Exit(1)
    screen.suggest("workspace create lab" if report["workspace"] is None else "run list")


def _workspace(session: Session) -> Path | None:
    from tandemlab.domain import NotFound

    try:
        return session.workspace().path
    except NotFound:
        if session.workspace_name is not None:
            raise
        return None


def _tell(finding: Mapping[str, Any]) -> None:
    click.echo(f"\nProblem: {finding['problem']}\n Repair: {finding['repair']}")
