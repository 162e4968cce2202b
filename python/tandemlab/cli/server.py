"""``tandemlab server``: serve a workspace to other machines, and log in to servers."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import Noun, output_option, pass_session, verb, yes_option
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.server.process import Running
    from tandemlab.server.tokens import Token

server = Noun("server")
token = Noun("token", help="Make, list and revoke the tokens of a server.")

_RUNNING = (
    Column("url", whole=True),
    Column("status"),
    Column("root", whole=True),
    Column("workspaces"),
    Column("pid", right=True),
    Column("version"),
)
_TOKEN = (
    Column("id", whole=True),
    Column("name"),
    Column("role"),
    Column("created", rank=1),
    Column("expires"),
    Column("valid"),
)
_NEW_TOKEN = (*_TOKEN[:5], Column("token", whole=True))
_THIS_MACHINE = ("127.0.0.1", "::1")

_root_option = click.option(
    "--root",
    metavar="DIR",
    help="A workspace folder, or a folder of workspaces. Without it, the workspace that commands "
    "use here.",
)


def _root(root: str | None) -> Path:
    """The folder that a server serves."""
    from tandemlab.server.library import served_folder

    return served_folder(root)


def _row(running: Running, status: str = "running") -> dict[str, Any]:
    from tandemlab.server.library import Library

    return {
        "url": running.url,
        "status": status,
        "root": running.root,
        "workspaces": Library(Path(running.root)).names(),
        "pid": running.pid,
        "version": running.version,
    }


@verb(
    "start",
    "tandemlab server start",
    "tandemlab server start --root labs --port 0 --detach",
    "tandemlab server start --root labs --host 0.0.0.0 --certificate cert.pem --key key.pem",
    "tandemlab server start --root labs --public-url https://lab.example.org",
)
@_root_option
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at. Another than this machine's own needs a token first.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="The port to listen at; 0 takes any free one.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A host name by which clients may reach the server. May be given several times.",
)
@click.option(
    "--max-upload",
    type=click.IntRange(1),
    default=10 << 30,
    metavar="BYTES",
    help="The largest content that may be uploaded.  [default: 10 GiB]",
)
@click.option("--certificate", metavar="FILE", help="A PEM file with a certificate, for HTTPS.")
@click.option("--key", metavar="FILE", help="The certificate's key, a PEM file.")
@click.option(
    "--public-url",
    metavar="URL",
    help="What clients call the server where a proxy stands before it: https://HOST[:PORT]. It "
    "needs a token first.",
)
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="An address or network of proxies that say by X-Forwarded-For for whom they ask. May be "
    "given several times.  [default with --public-url: this machine]",
)
@click.option("--detach", is_flag=True, help="Return once it answers; it goes on by itself.")
@output_option
@pass_session
def start(
    session: Session,
    root: str | None,
    host: str,
    port: int,
    names: Sequence[str],
    max_upload: int,
    certificate: str | None,
    key: str | None,
    public_url: str | None,
    proxies: Sequence[str],
    detach: bool,
) -> None:
    """Serve a workspace, or a folder of workspaces.

    Others then open it by URL, in Python, in R and with --workspace. Scripts that they submit run
    on this machine. Without --detach it serves until Ctrl-C or SIGTERM, and what it does goes to
    standard error as lines of JSON.

    As long as no token was made, only programs of this machine are served, and each of them may do
    everything. From the first token on everybody needs one.
    """
    if (certificate is None) is not (key is None):
        raise click.UsageError("Give both --certificate and --key, or neither.")
    if proxies and public_url is None:
        raise click.UsageError("--trusted-proxy goes with --public-url.")
    from tandemlab.server import process
    from tandemlab.server.settings import ServerSettings
    from tandemlab.web.addresses import network, public_origin

    settings = ServerSettings(
        _root(root),
        host,
        port,
        frozenset(name.lower() for name in names),
        max_upload,
        None if certificate is None else Path(certificate).absolute(),
        None if key is None else Path(key).absolute(),
        None if public_url is None else public_origin(public_url),
        tuple(network(proxy) for proxy in proxies or (_THIS_MACHINE if public_url else ())),
    )
    if not detach:
        process.serve(settings, tell=lambda running: _tell(session, running))
    else:
        _tell(session, process.start(settings))


def _tell(session: Session, running: Running) -> None:
    row = _row(running)
    session.screen.record(_RUNNING, row)
    if row["workspaces"]:
        session.screen.suggest(f"run list --workspace {running.url}/{row['workspaces'][0]}")


@verb("stop", "tandemlab server stop", "tandemlab server stop --root labs")
@_root_option
@output_option
@pass_session
def stop(session: Session, root: str | None) -> None:
    """End the server of a workspace or folder.

    What it has begun to answer is answered first.
    """
    from tandemlab.server import process

    session.screen.record(_RUNNING, _row(process.stop(_root(root)), "stopped"))


@verb("status", "tandemlab server status", "tandemlab server status http://lab.example.org:8765")
@click.argument("url", required=False)
@_root_option
@output_option
@pass_session
def status(session: Session, url: str | None, root: str | None) -> None:
    """Show the server of a folder, or the one at URL.

    The exit status is 5 if none runs, and 10 if the one at URL cannot be reached.
    """
    if url is not None:
        session.screen.record(_RUNNING, _remote_row(url))
        return
    from tandemlab.domain import InvalidState
    from tandemlab.server import process

    folder = _root(root)
    running = process.find_running(folder)
    if running is None:
        raise InvalidState(
            f"No server of {folder} runs on this machine.",
            hint="`tandemlab server start` starts one.",
        )
    session.screen.record(_RUNNING, _row(running))
    session.screen.suggest("server stop" + (f" --root {shlex.quote(root)}" if root else ""))


def _remote_row(url: str) -> dict[str, Any]:
    from tandemlab.store.http.client import Address, Client
    from tandemlab.store.http.wire import decode

    address = Address.of(url)
    client = Client(address.server, patience=0)
    names = decode(client.request("GET", "/workspaces").content, list[dict[str, Any]])
    version = decode(client.request("GET", "/session").content, dict[str, Any])["version"]
    client.close()
    return {
        "url": address.server,
        "status": "running",
        "root": None,
        "workspaces": [item["name"] for item in names],
        "pid": None,
        "version": version,
    }


@verb(
    "login",
    "tandemlab server login http://lab.example.org:8765",
)
@click.argument("url")
@output_option
@pass_session
def login(session: Session, url: str) -> None:
    """Keep a token for the server at URL.

    It goes into a file that only you may read. The token is asked for, or read from standard
    input; it is not an argument, since others could see it there. It is tried before it is kept.
    TANDEMLAB_TOKEN goes before what is kept.
    """
    import getpass

    from tandemlab.domain import InvalidInput
    from tandemlab.store.http.client import Address, Client
    from tandemlab.store.http.credentials import keep_token
    from tandemlab.store.http.wire import decode

    address = Address.of(url)
    prompt = f"Token for {address.server}: "
    text = (getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not text:
        raise InvalidInput("No token was given.")
    client = Client(address.server, patience=0, token=text)
    found = decode(client.request("GET", "/session").content, dict[str, Any])
    client.close()
    keep_token(address.server, text)
    row = {"url": address.server, "user": found["user"], "role": found["role"]}
    session.screen.record((Column("url"), Column("user"), Column("role")), row)
    session.screen.suggest(f"server status {address.server}")


@verb("logout", "tandemlab server logout http://lab.example.org:8765")
@click.argument("url")
@pass_session
def logout(session: Session, url: str) -> None:
    """Forget the token that is kept for the server at URL."""
    from tandemlab.domain import NotFound
    from tandemlab.store.http.client import Address
    from tandemlab.store.http.credentials import forget_token

    address = Address.of(url)
    if not forget_token(address.server):
        raise NotFound(f"No token is kept for {address.server}.")
    session.screen.note(f"Forgot the token for {address.server}.")


# Tokens


def _token_row(found: Token) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "role": found.role.value,
        "created": found.created,
        "expires": found.expires,
        "valid": found.is_valid,
    }


@verb(
    "create",
    "tandemlab server token create ana --role contributor --days 90",
    "tandemlab server token create build-robot -o json",
)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["reader", "contributor", "owner"]),
    default="contributor",
    show_default=True,
    help="A reader sees everything but secrets; a contributor also logs, submits, cancels and has "
    "the secrets; an owner also makes, repairs and deletes workspaces.",
)
@click.option("--days", type=float, help="How long it is valid; for ever without it.")
@_root_option
@output_option
@pass_session
def create(session: Session, name: str, role: str, days: float | None, root: str | None) -> None:
    """Make a token for NAME, and show it this once.

    NAME is a person or a program. From the first token on, the server asks everybody for one; a
    server that runs need not be started again.
    """
    from tandemlab.server.settings import make_state_folder
    from tandemlab.server.tokens import Role, Tokens

    made, text = Tokens(make_state_folder(_root(root))).create(name, Role(role), days=days)
    session.screen.record(_NEW_TOKEN, {**_token_row(made), "token": text})
    session.screen.note("It is not shown again. Its user keeps it with `tandemlab server login`.")


@verb("list", "tandemlab server token list", "tandemlab server token list --root labs -o json")
@_root_option
@output_option
@pass_session
def list_(session: Session, root: str | None) -> None:
    """List the tokens of a server, without their secrets."""
    from tandemlab.server.settings import state_folder
    from tandemlab.server.tokens import Tokens

    rows = [_token_row(found) for found in Tokens(state_folder(_root(root))).list()]
    session.screen.rows(_TOKEN, rows, empty="No tokens yet.")


@verb("revoke", "tandemlab server token revoke 3f9a0c51d2e7")
@click.argument("token_id", metavar="ID")
@_root_option
@yes_option
@output_option
@pass_session
def revoke(session: Session, token_id: str, root: str | None, yes: bool) -> None:
    """End the token ID; whoever shows it is refused from now on."""
    from tandemlab.domain import NotFound
    from tandemlab.server.settings import state_folder
    from tandemlab.server.tokens import Tokens

    tokens = Tokens(state_folder(_root(root)))
    named = {found.id: found.name for found in tokens.list()}
    if token_id not in named:
        raise NotFound(
            f"There is no token {token_id!r}.", hint="`tandemlab server token list` shows them."
        )
    if session.screen.confirm(f"Revoke the token of {named[token_id]!r}?", yes=yes):
        revoked = {**_token_row(tokens.revoke(token_id)), "valid": False}
        session.screen.record(_TOKEN, revoked)


for command in (create, list_, revoke):
    token.add_command(command)
for command in (start, stop, status, login, logout):
    server.add_command(command)
server.add_command(token)
