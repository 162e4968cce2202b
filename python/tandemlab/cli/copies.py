"""``prune`` of the nouns whose things are copied to the user's cache folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import click

from tandemlab.cli.commands import output_option, pass_session, verb
from tandemlab.cli.forms import size
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

_COPIES = (Column("path", whole=True), Column("used"), Column("size", right=True, form=size))


def unused_days_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option of commands that remove what was not used for long."""
    return click.option(
        "--unused-days",
        type=click.FloatRange(min=0),
        default=30,
        show_default=True,
        metavar="DAYS",
        help=help,
    )


def prune_command(noun: str, kind: str) -> click.Command:
    """The command that removes copies of a kind."""

    @verb("prune", f"tandemlab {noun} prune --unused-days 7")
    @unused_days_option("Remove what was not used for so many days.")
    @output_option
    @pass_session
    def prune(session: Session, unused_days: float) -> None:
        from tandemlab.store.copies import prune

        rows = [
            {
                "path": str(each.path),
                "used": datetime.fromtimestamp(each.used, timezone.utc),
                "size": each.size,
            }
            for each in prune(kind, unused_days=unused_days)
        ]
        session.screen.rows(_COPIES, rows, empty="Nothing to remove.")

    prune.help = (
        f"Remove copies of {kind} that have not been used for long.\n\n"
        "They are in the cache folder; what needs one copies it again. Copies that take more than "
        "20 GB, or TANDEMLAB_CACHE_SIZE, are removed without being asked, the last used last; "
        "never those of the last day, or that the links of a run lead to."
    )
    return prune
