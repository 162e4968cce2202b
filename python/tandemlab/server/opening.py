"""To open the studio: a server for the workspace, and an address that lets one browser in."""

from __future__ import annotations

import os
import sys
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from tandemlab.domain import AlreadyExists, InvalidState
from tandemlab.server import process
from tandemlab.server.library import Library
from tandemlab.server.process import Running
from tandemlab.server.sessions import Sessions
from tandemlab.server.settings import DEFAULT_PORT, ServerSettings, make_state_folder
from tandemlab.server.tokens import STUDIO_OF, Role, Token, Tokens
from tandemlab.tracking import Workspace
from tandemlab.tracking.provenance import own_user
from tandemlab.web.addresses import listen

_HOST = "127.0.0.1"
_DAYS = 1.0
_STUDIO = "/studio/"


@dataclass(frozen=True, slots=True)
class OpenStudio:
    """A studio that can be opened.

    Attributes:
        url: of the workspace's page.
        link: what a browser is to open; where the server asks for tokens it lets one browser in,
            once, within two minutes.
        was_started: whether its server did not run before.
        was_opened: whether a browser was told to open it.
    """

    url: str
    link: str
    was_started: bool = False
    was_opened: bool = False


def open_studio(workspace: Workspace | None = None, *, browse: bool = True) -> OpenStudio:
    """Open the studio: all of a workspace in the browser.

    A server of the workspace is started on this machine, unless one of it, or of the folder that it
    is in, runs; `tandemlab server stop` ends it. Whoever may write the workspace's folder is its
    owner, and is let in without a token.

    Args:
        workspace: the one that the working directory belongs to if None.
        browse: whether to have the browser open it, where there is one.

    Raises:
        NotFound: the working directory belongs to no workspace.
        StorageError: the server did not start.

    Example:
        >>> import tandemlab
        >>> tandemlab.open_studio(workspace, browse=False).url  # doctest: +SKIP
        'http://127.0.0.1:8765/studio/lab/'
    """
    found = Workspace.from_config() if workspace is None else workspace
    studio = _remote(found) if found.is_remote else _local(found)
    if browse and can_browse() and webbrowser.open(studio.link):
        return OpenStudio(studio.url, studio.link, studio.was_started, True)
    return studio


def can_browse() -> bool:
    """Whether this machine has a screen with a browser."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _remote(workspace: Workspace) -> OpenStudio:
    server, _, name = workspace.address.rpartition("/")
    url = f"{server}{_STUDIO}{name}/"
    return OpenStudio(url, url)


def _local(workspace: Workspace) -> OpenStudio:
    running = _server_of(workspace.path)
    was_started = running is None
    if running is None:
        running = _start(workspace.path)
    library = Library(Path(running.root))
    name = workspace.name if library.is_single else workspace.path.name
    path = f"{_STUDIO}{quote(name, safe='')}/"
    url = f"{running.url}{path}"
    return OpenStudio(url, _link(running, path) or url, was_started)


def _server_of(folder: Path) -> Running | None:
    """The server of a workspace folder, or of the folder of workspaces that it is in."""
    return process.find_running(folder) or process.find_running(folder.parent)


def _start(folder: Path) -> Running:
    try:
        return process.start(ServerSettings(folder, _HOST, _free_port()))
    except InvalidState:
        running = _server_of(folder)  # somebody else was quicker
        if running is None:
            raise
        return running


def _free_port() -> int:
    """The usual port, or any free one."""
    with suppress(AlreadyExists):
        listen(_HOST, DEFAULT_PORT).close()
        return DEFAULT_PORT
    return 0


def _link(running: Running, path: str) -> str | None:
    """An address that lets a browser in; None where nobody needs a token."""
    folder = make_state_folder(Path(running.root))
    tokens = Tokens(folder)
    if not tokens.are_required:
        return None
    ticket = Sessions.of(folder, tokens).ticket(_token(tokens))
    return f"{running.url}/login?{urlencode({'ticket': ticket, 'next': path})}"


def _token(tokens: Tokens) -> Token:
    """The token of the user's studio, made anew once a day."""
    name = f"{STUDIO_OF}{own_user()}"
    for token in tokens.list():
        if token.name == name and token.role is Role.OWNER:
            if token.is_valid:
                return token
            tokens.revoke(token.id)
    return tokens.create(name, Role.OWNER, days=_DAYS)[0]
