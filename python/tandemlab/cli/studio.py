"""``tandemlab studio``: the workspace in the browser."""

from __future__ import annotations

import click

from tandemlab.cli.commands import output_option, pass_session, verb, workspace_option
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

_COLUMNS = (Column("url", whole=True), Column("link", whole=True), Column("started"))


@verb("studio", "tandemlab studio", "tandemlab studio --workspace lab --no-browser")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@workspace_option
@output_option
@pass_session
def studio(session: Session, no_browser: bool) -> None:
    """Open the workspace in the browser.

    A server is started on this machine unless one runs; only this machine reaches it, and
    `tandemlab server stop` ends it. Where the server asks for tokens, the printed link lets one
    browser in, once, within two minutes: whoever may write the workspace's folder is its owner.
    """
    from tandemlab.server.opening import open_studio

    opened = open_studio(session.workspace(), browse=not no_browser)
    row = {"url": opened.url, "link": opened.link, "started": opened.was_started}
    session.screen.record(_COLUMNS, row)
    if opened.was_opened:
        session.screen.note("The browser opens it.")
    else:
        session.screen.note("Open the link in a browser.")
