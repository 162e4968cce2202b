"""What a workspace knows by name and reaches by credentials, such as datastores.

These are assets, whose definitions name their credentials. A secret for each has the values, so
that all change at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, NotFound

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking.workspace import Workspace

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def check_registered_name(name: object, *, what: str) -> str:
    """A name that the keyvault can hold, too: letters, digits, ``_``, ``-`` and ``.``, at most 80.

    Args:
        what: it is the name of, for people.

    Raises:
        InvalidInput: another name.

    >>> check_registered_name("sales_2026", what="datastore")
    'sales_2026'
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{str(name)[:100]!r} cannot be the name of a {what}.",
            hint="Use letters, digits, '_', '-' and '.', at most 80, and start with a letter or a "
            "digit.",
        )
    return name


def register_with_credentials(
    workspace: Workspace,
    kind: str,
    name: str,
    definition: Mapping[str, Any],
    credentials: Mapping[str, str],
    *,
    description: str | None,
    tags: Mapping[str, str] | None,
) -> Asset:
    """Register something, or its next version; credentials that it had before are replaced."""
    definition = {**definition, "credentials": sorted(credentials)}
    keep_credentials(workspace, kind, name, credentials)
    found = workspace.assets.register(kind, name, definition, description=description, tags=tags)
    return workspace.assets.change(found, description=description, tags=tags)


def forget_with_credentials(workspace: Workspace, kind: str, name: str) -> None:
    """Forget all versions of something, and its credentials."""
    workspace.assets.forget(kind, name)
    keep_credentials(workspace, kind, name, {})


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
