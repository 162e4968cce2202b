"""Credentials of what a workspace knows by name: a secret for each, so that all change at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from tandemlab.domain import NotFound

if TYPE_CHECKING:
    from tandemlab.tracking.workspace import Workspace


def keep_credentials(
    workspace: Workspace, kind: str, name: str, credentials: Mapping[str, str]
) -> None:
    """Have these be the credentials of something; none takes away those that it had."""
    vault = workspace.get_default_keyvault()
    if credentials:
        vault.set_secret(f"{kind}.{name}", json.dumps(dict(credentials)))
        return
    with suppress(NotFound):
        vault.delete_secret(f"{kind}.{name}")


def credentials_of(
    workspace: Workspace, kind: str, name: str, kept: Sequence[str], again: str
) -> dict[str, str]:
    """The credentials of something, by the names that its definition has.

    Args:
        again: what the user is to do if they are gone.

    Raises:
        NotFound: they are gone from the vault.
        NotAllowed: the workspace is at a server that shows secrets only to contributors.
    """
    if not kept:
        return {}
    secret = f"{kind}.{name}"
    found = workspace.get_default_keyvault().get_secrets([secret])[secret]
    values = json.loads(found) if found else {}
    if not set(kept) <= values.keys():
        raise NotFound(
            f"The credentials of the {kind} {name!r} are not in the workspace's keyvault.",
            hint=again,
            details={"name": name},
        )
    return {each: values[each] for each in kept}
