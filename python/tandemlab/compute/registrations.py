"""How a workspace keeps its compute targets: among its assets, with credentials in its vault.

The definition of a target is ``{"kind": …, "settings": {…}, "credentials": [names]}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tandemlab.compute.kinds import kind_of
from tandemlab.compute.remote.probing import Step
from tandemlab.compute.targets import LOCAL, Target
from tandemlab.domain import InvalidInput, NotFound, TandemlabError
from tandemlab.domain.schemas import nearest
from tandemlab.tracking import credentials

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.store.folder import WorkspaceFolder
    from tandemlab.tracking import Workspace

KIND = "compute"


def check_target_name(name: object) -> str:
    """Name of a target: letters, digits, ``_``, ``-`` and ``.``, at most 80 characters.

    Raises:
        InvalidInput: another name, or ``local``.

    >>> check_target_name("big_vm")
    'big_vm'
    """
    found = credentials.check_registered_name(name, what="compute target")
    if found == LOCAL:
        raise InvalidInput(f"{LOCAL!r} is this machine.", hint="Choose another name.")
    return found


def keep(
    workspace: Workspace,
    name: str,
    definition: Mapping[str, Any],
    values: Mapping[str, str],
    *,
    description: str | None,
    tags: Mapping[str, str] | None,
) -> Asset:
    """Register a target, or its next version; credentials that it had before are replaced."""
    return credentials.register_with_credentials(
        workspace, KIND, name, definition, values, description=description, tags=tags
    )


def get(workspace: Workspace, name: str) -> Asset:
    """The newest version of a target.

    Raises:
        NotFound: there is none.
    """
    found = workspace.assets.find(KIND, check_target_name(name))
    if found is None:
        names = [LOCAL, *(asset.name for asset in all_of(workspace))]
        meant = nearest(name, names)
        raise NotFound(
            f"There is no compute target {name!r} in the workspace {workspace.name!r}.",
            hint=f"Did you mean {meant!r}?" if meant else f"There are {', '.join(names)}.",
            details={"name": name},
        )
    return found


def all_of(workspace: Workspace) -> list[Asset]:
    """The newest version of each target, by name."""
    return workspace.assets.list(KIND)


def forget(workspace: Workspace, name: str) -> None:
    """Forget all versions of a target, and its credentials."""
    credentials.forget_with_credentials(workspace, KIND, name)


def version_of(name: str, folder: WorkspaceFolder) -> int | None:
    """The version of a target that counts now; None for one that was not attached."""
    asset = folder.store.get_asset(KIND, name)
    return None if asset is None else asset.version


def open_target(name: str, folder: WorkspaceFolder) -> Target | None:
    """The target that was attached under a name; nothing is connected to yet. None for none.

    Raises:
        VersionMismatch: a newer program has attached it.
    """
    asset = folder.store.get_asset(KIND, name)
    if asset is None:
        return None
    kind, settings = asset.definition["kind"], asset.definition["settings"]
    return kind_of(kind).open(name, settings, _credentials(folder, asset), folder)


def _credentials(folder: WorkspaceFolder, asset: Asset) -> dict[str, str]:
    from tandemlab.tracking import Workspace

    return _credentials_in(Workspace(folder.path), asset) if asset.definition["credentials"] else {}


def _credentials_in(workspace: Workspace, asset: Asset) -> dict[str, str]:
    again = "Attach the target again with its credentials."
    kept = asset.definition["credentials"]
    return credentials.credentials_of(workspace, KIND, asset.name, kept, again)


def steps(workspace: Workspace, name: str) -> list[Step]:
    """What is right and wrong with a target, in the order in which it is repaired."""
    asset = get(workspace, name)
    kind, settings = asset.definition["kind"], asset.definition["settings"]
    try:
        return kind_of(kind).steps(settings, _credentials_in(workspace, asset))
    except TandemlabError as problem:
        return [Step("connection", problem=problem.message, repair=problem.hint, is_needed=True)]
