"""A datastore as the registry has it: what is known of it, and the way to what it holds."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.data.datastores import registrations
from tandemlab.data.datastores.kinds import location_of, open_database, open_files
from tandemlab.data.datastores.protocol import Files, check_path
from tandemlab.data.definition import DataPath
from tandemlab.domain import InvalidState
from tandemlab.tracking.registered import Registered

if TYPE_CHECKING:
    from tandemlab.data.datastores.sql import Database
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace


class DatastoreHandle(Registered):
    """What `Datastore` stands on: a datastore as it was when it was looked at.

    Attributes:
        workspace: the workspace that knows it.
        name: its name.
        kind: ``folder``, ``s3``, ``sftp`` or ``sql``.
        settings: where it is: plain data without secrets.
    """

    def __init__(self, workspace: Workspace, name: str, asset: Asset | None) -> None:
        definition = asset.definition if asset else registrations.own_definition(workspace)
        self._asset = asset
        self.workspace = workspace
        self.name = name
        self.kind = str(definition["kind"])
        self.settings: dict[str, Any] = dict(definition["settings"])
        self._credentials = list(definition["credentials"])

    def __repr__(self) -> str:
        return f"Datastore({self.name!r}, {self.kind!r}, {self.location!r})"

    @property
    def description(self) -> str | None:
        """What it is for."""
        return super().description if self._asset else "The workspace's own folder."

    @property
    def location(self) -> str:
        """Where it is, for people: a path or an address, never with a secret."""
        return location_of(self.kind, self.settings)

    @property
    def is_default(self) -> bool:
        """Whether it is the default of its workspace."""
        return registrations.default_name(self.workspace) == self.name

    @property
    def has_credentials(self) -> bool:
        """Whether the keyvault has credentials for it."""
        return bool(self._credentials)

    @cached_property
    def files(self) -> Files:
        """What reads and writes its files.

        Raises:
            InvalidInput: it is a database.
            NotAllowed: the workspace's server does not show you its credentials.
        """
        if self.version is None:
            self._check_own()
        return open_files(self.kind, self.settings, self._secrets())

    @cached_property
    def database(self) -> Database:
        """What reads from it, if it is a database; raises as `files` does."""
        return open_database(self.kind, self.settings, self._secrets())

    def _secrets(self) -> dict[str, str]:
        return registrations.credentials_of(self.workspace, self.name, self._credentials)

    def _check_own(self) -> None:
        if self.workspace.is_remote:
            raise InvalidState(
                f"{self.name!r} is the folder of the workspace, and that is at a server.",
                hint="Register a datastore that this machine reaches too, such as one in S3, and "
                "make it the default.",
            )
        Path(self.settings["path"]).mkdir(exist_ok=True)

    def path(self, path: str = "", name: str | None = None) -> DataPath:
        """A path in it, for datasets, and for inputs and arguments of runs.

        Args:
            path: of a file or a folder below its root, or a pattern (``*``, ``?``, ``**``).
            name: of the input that it is in a run; the words of the path if None.

        Raises:
            InvalidInput: it is absolute, or leads out.
        """
        return DataPath(self.name, check_path(path), self.workspace.address, name)
