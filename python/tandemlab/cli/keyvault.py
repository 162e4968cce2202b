"""``tandemlab keyvault``: the secrets of a workspace."""

from __future__ import annotations

import sys

import click

from tandemlab.cli.commands import (
    Noun,
    complete_secret,
    output_option,
    pass_session,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.forms import counted
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

keyvault = Noun("keyvault")

_NAMES = (Column("name", whole=True),)
_SECRET = (Column("name"), Column("value"))


@verb(
    "set",
    "tandemlab keyvault set db-password",
    "tandemlab keyvault set api-token < token.txt",
)
@click.argument("name")
@workspace_option
@output_option
@pass_session
def set_(session: Session, name: str) -> None:
    """Add a secret, or replace it.

    The value is asked for without showing it, twice. Where the input is not a terminal it is
    read from there, without the line's end behind it. It is no argument: other users could see
    those in the list of processes, and the shell would keep them.
    """
    vault = session.workspace().get_default_keyvault()
    vault.set_secret(name, _ask(name) if sys.stdin.isatty() else _read())
    session.screen.record(_NAMES, {"name": name})
    session.suggest("keyvault list")


def _ask(name: str) -> str:
    return str(
        click.prompt(
            f"Value of {name}",
            hide_input=True,
            confirmation_prompt="The same again",
            err=True,
        )
    )


def _read() -> str:
    from tandemlab.domain import InvalidInput

    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise InvalidInput(
            "The value is not text in UTF-8.", hint="Encode it first, for example with base64."
        ) from None
    return text.removesuffix("\n").removesuffix("\r")


@verb(
    "get",
    "tandemlab keyvault get db-password",
    "tandemlab keyvault get deploy-key > key.pem",
)
@click.argument("name", shell_complete=complete_secret)
@workspace_option
@output_option
@pass_session
def get(session: Session, name: str) -> None:
    """Print the value of a secret, and nothing else.

    Scripts read theirs without it: run.get_secret(name) in Python, and get_secrets_from_run() in
    R.
    """
    value = session.workspace().get_default_keyvault().get_secret(name)
    if session.screen.is_for_people:
        sys.stdout.write(f"{value}\n")
    else:
        session.screen.record(_SECRET, {"name": name, "value": value})


@verb("list", "tandemlab keyvault list", "tandemlab keyvault list -o json")
@workspace_option
@output_option
@pass_session
def list_(session: Session) -> None:
    """List the names of the secrets, never their values."""
    names = session.workspace().get_default_keyvault().list_secrets()
    session.screen.rows(
        _NAMES, [{"name": name} for name in names], empty="The workspace has no secrets."
    )
    session.suggest("keyvault get" if names else "keyvault set", *(names[:1] or ["db-password"]))


@verb(
    "delete",
    "tandemlab keyvault delete db-password",
    "tandemlab keyvault delete old-token older-token --yes",
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_secret)
@yes_option
@workspace_option
@output_option
@pass_session
def delete(session: Session, names: tuple[str, ...], yes: bool) -> None:
    """Delete secrets.

    All that are named, or none when one of them is not there. There is no way back, so this
    asks first.
    """
    vault = session.workspace().get_default_keyvault()
    question = f"Delete {counted(len(names), 'secret')}: {', '.join(names)}?"
    if session.screen.confirm(question, yes=yes):
        vault.delete_secrets(names)
        session.screen.rows(_NAMES, [{"name": name} for name in names])
        session.suggest("keyvault list")


for command in (set_, get, list_, delete):
    keyvault.add_command(command)
