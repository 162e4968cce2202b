"""Addresses of machines on the command line, and secrets, which are no arguments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click


def ask_secret(what: str) -> str:
    """A secret, asked for without showing it; where the input is no terminal, its next line."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def ssh_host(
    address: str, *, private_key: str | None, host_key: str | None, asks_secret: bool
) -> dict[str, Any]:
    """What an address such as ``sftp://ana@host:22/data`` says, with the credentials.

    Args:
        asks_secret: whether the password, or the passphrase of the private key, is asked for.

    Raises:
        InvalidInput: the address holds a password, or its port is no number.
    """
    from tandemlab.domain import InvalidInput

    parts = urlsplit(address)
    if parts.password is not None:
        raise InvalidInput(
            "The address holds a password, which the shell keeps.", hint="--secret asks for it."
        )
    try:
        port = parts.port or 22
    except ValueError:
        raise InvalidInput("The port in the address is no number.") from None
    found: dict[str, Any] = {"private_key": Path(private_key) if private_key else None}
    if asks_secret:
        what = "passphrase" if private_key else "password"
        found[what] = ask_secret(what.capitalize())
    return {
        "host": parts.hostname or "",
        "port": port,
        "username": unquote(parts.username) if parts.username else None,
        "path": unquote(parts.path) or "/",
        "host_key": host_key,
        **found,
    }
