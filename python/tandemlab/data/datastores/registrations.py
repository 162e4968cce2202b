"""How a workspace keeps its datastores: what they are among its assets, credentials in its vault.

The definition of a datastore is ``{"kind": …, "settings": {…}, "credentials": [names]}``; the vault
has the values under ``datastore.NAME``, as one JSON object, so that they change all at once. Which
datastore is the default is an asset of its own: ``{"datastore": NAME}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, InvalidState, NotFound
from tandemlab.domain.schemas import nearest
from tandemlab.tracking import credentials

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace

KIND = "datastore"
OWN = "workspaceblobstore"
FOLDER = "datastore"
_DEFAULT = ("default", "datastore")


def check_datastore_name(name: object) -> str:
    """Name of a datastore: letters, digits, ``_``, ``-`` and ``.``, at most 80 characters.

    Raises:
        InvalidInput: another name.

    >>> check_datastore_name("sales_2026")
    'sales_2026'
    """
    return credentials.check_registered_name(name, what="datastore")


def own_definition(workspace: Workspace) -> dict[str, Any]:
    """What the workspace's own folder is, which is registered nowhere."""
    path = workspace.address if workspace.is_remote else str(workspace.path / FOLDER)
    return {"kind": "folder", "settings": {"path": path}, "credentials": []}


def keep(
    workspace: Workspace,
    name: str,
    definition: Mapping[str, Any],
    values: Mapping[str, str],
    *,
    description: str | None,
    tags: Mapping[str, str] | None,
) -> Asset:
    """Register a datastore, or its next version; credentials that it had before are replaced."""
    if name == OWN:
        raise InvalidInput(f"{OWN!r} is the workspace's own folder.", hint="Choose another name.")
    return credentials.register_with_credentials(
        workspace, KIND, name, definition, values, description=description, tags=tags
    )


def find(workspace: Workspace, name: str) -> Asset | None:
    """The newest version of a datastore; None if it was never registered."""
    return workspace.assets.find(KIND, check_datastore_name(name))


def all_of(workspace: Workspace) -> list[Asset]:
    """The newest version of each datastore, by name."""
    return workspace.assets.list(KIND)


def missing(workspace: Workspace, name: str) -> NotFound:
    """The error for a name that no datastore has."""
    names = [OWN, *(asset.name for asset in all_of(workspace))]
    meant = nearest(name, names)
    return NotFound(
        f"There is no datastore {name!r} in the workspace {workspace.name!r}.",
        hint=f"Did you mean {meant!r}?" if meant else f"There are {', '.join(names)}.",
        details={"name": name},
    )


def credentials_of(workspace: Workspace, name: str, kept: list[str]) -> dict[str, str]:
    """The credentials of a datastore.

    Raises:
        NotFound: they are gone from the vault.
        NotAllowed: the workspace is at a server that shows secrets only to contributors.
    """
    again = "Register the datastore again with its credentials."
    return credentials.credentials_of(workspace, KIND, name, kept, again)


def forget(workspace: Workspace, name: str) -> None:
    """Forget all versions of a datastore, and its credentials. What it holds stays.

    Raises:
        NotFound: there is none of that name.
        InvalidState: it is the default, or the workspace's own folder.
    """
    if name == OWN:
        raise InvalidState(f"{OWN!r} is the workspace's own folder, and stays.")
    check_datastore_name(name)
    if not workspace.assets.list(KIND, name, archived=True, all_versions=True):
        raise missing(workspace, name)
    if default_name(workspace) == name:
        raise InvalidState(
            f"{name!r} is the default datastore of the workspace.",
            hint=f"Make another one the default first, such as {OWN!r}.",
            details={"name": name},
        )
    credentials.forget_with_credentials(workspace, KIND, name)


def default_name(workspace: Workspace) -> str:
    """Name of the default datastore."""
    found = workspace.assets.find(*_DEFAULT)
    return OWN if found is None else str(found.definition[KIND])


def make_default(workspace: Workspace, name: str) -> None:
    """Have a datastore be the default."""
    workspace.assets.register(*_DEFAULT, {KIND: name})
