"""Keeps what services of this machine need from being deleted."""

from __future__ import annotations

from tandemlab.domain import InvalidState, NotFound
from tandemlab.domain.assets import Asset
from tandemlab.services.folder import service_folders
from tandemlab.tracking import Workspace


def check_unused(workspace: Workspace, asset: Asset) -> None:
    """See to it that no service of the workspace on this machine has an asset as its model.

    Raises:
        InvalidState: one has.
    """
    if asset.kind != "model":
        return
    for folder in service_folders(workspace.path):
        try:
            models = folder.read().models
        except NotFound:  # it was removed meanwhile
            continue
        if asset.reference in [model.id for model in models]:
            raise InvalidState(
                f"The service {folder.path.name!r} uses the model {asset.reference}.",
                hint="Change or delete the service first; `tandemlab service list` shows all.",
                details={"service": folder.path.name},
            )
