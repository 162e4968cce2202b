"""What everything that a workspace has registered tells of itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset


class Registered:
    """A version of something that is registered, as it was when it was looked at."""

    _asset: Asset | None

    @property
    def version(self) -> int | None:
        """1, 2, 3 … within the name; None for what is registered nowhere."""
        return self._asset.version if self._asset else None

    @property
    def id(self) -> str | None:
        """``NAME:VERSION``; None likewise."""
        return self._asset.reference if self._asset else None

    @property
    def description(self) -> str | None:
        """What it is for, in words."""
        return self._asset.description if self._asset else None

    @property
    def tags(self) -> dict[str, str]:
        """Labels."""
        return dict(self._asset.tags) if self._asset else {}

    @property
    def created_time(self) -> datetime | None:
        """When this version was registered, in UTC; None likewise."""
        return self._asset.created if self._asset else None

    @property
    def created_by(self) -> str | None:
        """Who registered it."""
        return self._asset.user if self._asset else None
