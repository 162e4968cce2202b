"""What a workspace's agent works by until it is paused: schedules and notifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tandemlab.domain import AlreadyExists
from tandemlab.tracking.registered import Registered

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace


@dataclass(frozen=True)
class Pausable(Registered):
    """The newest version of a name, which the registry keeps as archived while it is paused.

    Attributes:
        asset: what the registry keeps of it.
    """

    workspace: Workspace
    asset: Asset

    def __post_init__(self) -> None:
        object.__setattr__(self, "_asset", self.asset)

    @property
    def name(self) -> str:
        """Its name."""
        return self.asset.name

    @property
    def status(self) -> str:
        """``Active`` or ``Paused``."""
        return "Paused" if self.asset.archived else "Active"


def newest(workspace: Workspace, kind: str, name: str) -> Asset:
    """The newest version of a name, paused or not.

    Raises:
        NotFound: there is none.
    """
    known = workspace.assets.list(kind, name, archived=True)
    return known[0] if known else workspace.assets.get(kind, name)  # which says what there is


def check_is_new(workspace: Workspace, kind: str, name: str) -> None:
    """Refuse a name that is taken.

    Raises:
        AlreadyExists: it is.
    """
    if workspace.assets.list(kind, name, archived=True):
        raise AlreadyExists(
            f"There is a {kind} {name!r} already.",
            hint="Give another name, or exist_ok=True to change it.",
            details={"name": name},
        )
