"""`Datastore`: a place for data that a workspace knows by name."""

from __future__ import annotations

import builtins
import os
from typing import TYPE_CHECKING

from tandemlab.data.datastores import registrations
from tandemlab.data.datastores.contents import DatastoreContents
from tandemlab.data.datastores.registering import DatastoreRegistering
from tandemlab.data.definition import DataPath

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace


class Datastore(DatastoreRegistering, DatastoreContents):
    """A place for data: a folder, a bucket in S3, a folder behind SFTP, or a database.

    Every workspace has one from the start, ``workspaceblobstore``, a folder of its own. Others are
    registered by `register_folder`, `register_s3`, `register_sftp` and `register_sql`. Passwords
    and keys go to the workspace's keyvault, and nowhere else. Whoever uses a datastore reaches it
    from their own machine, also where the workspace is at a server.

    Attributes:
        workspace: the workspace that knows it.
        name: its name.
        kind: ``folder``, ``s3``, ``sftp`` or ``sql``.
        settings: where it is: plain data without secrets.
        version: 1, 2, 3 … as registered; None for ``workspaceblobstore``, as for the next.
        created_time: when this version was registered, in UTC.
        description: what it is for.
        tags: labels, text to text.

    >>> workspace, folder = getfixture("workspace"), getfixture("tmp_path") / "cars"
    >>> folder.mkdir()
    >>> _ = (folder / "a.csv").write_text("speed,dist")
    >>> datastore = Datastore.get_default(workspace)
    >>> datastore.upload(folder, "cars/2026").copied
    ('cars/2026/a.csv',)
    >>> [file.name for file in datastore.files_below("cars")]
    ['cars/2026/a.csv']
    """

    # Finding

    @classmethod
    def get(cls, workspace: Workspace, name: str) -> Datastore:
        """The newest version of the datastore of that name.

        Raises:
            NotFound: there is none.
        """
        asset = None if name == registrations.OWN else registrations.find(workspace, name)
        if asset is None and name != registrations.OWN:
            raise registrations.missing(workspace, name)
        return cls(workspace, name, asset)

    @classmethod
    def get_default(cls, workspace: Workspace) -> Datastore:
        """The default datastore: ``workspaceblobstore`` until another one is chosen."""
        return cls.get(workspace, registrations.default_name(workspace))

    @classmethod
    def set_default(cls, workspace: Workspace, name: str) -> Datastore:
        """Make a datastore the default.

        Raises:
            NotFound: there is none of that name.
        """
        found = cls.get(workspace, name)
        registrations.make_default(workspace, name)
        return found

    @classmethod
    def list(cls, workspace: Workspace) -> builtins.list[Datastore]:
        """All datastores of a workspace: its own folder, then the registered ones by name."""
        own = cls(workspace, registrations.OWN, None)
        known = registrations.all_of(workspace)
        return [own, *(cls(workspace, asset.name, asset) for asset in known)]

    @classmethod
    def at(cls, path: DataPath) -> Datastore:
        """The datastore that a path is in.

        The workspace is that of the path, or else of the run that this is, or else the one that
        the working directory belongs to.
        """
        from tandemlab.tracking import Workspace

        address = path.workspace or os.environ.get("TANDEMLAB_WORKSPACE")
        workspace = Workspace.open(address) if address else Workspace.from_config()
        return cls.get(workspace, path.datastore)

    def unregister(self) -> None:
        """Have the workspace forget the datastore, with its credentials. What it holds stays.

        Raises:
            InvalidState: it is the default, or the workspace's own folder.
        """
        registrations.forget(self.workspace, self.name)

    def set_as_default(self) -> None:
        """Make it the default of its workspace."""
        registrations.make_default(self.workspace, self.name)
