"""`Datastore`: a place for data that a workspace knows by name."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.data.datastores import registrations, settings
from tandemlab.data.datastores.kinds import location_of, open_database, open_files, validated
from tandemlab.data.datastores.protocol import Files, StoredFile, check_path
from tandemlab.data.definition import DataPath
from tandemlab.domain import InvalidInput, InvalidState, NotFound

if TYPE_CHECKING:
    from tandemlab.data.datastores.settings import Description
    from tandemlab.data.datastores.sql import Database
    from tandemlab.data.datastores.transfer import Transfer, Watcher
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace


class Datastore:
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
        version: 1, 2, 3 … as registered; None for ``workspaceblobstore``.
        created: when this version was registered, in UTC, or None.
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

    def __init__(self, workspace: Workspace, name: str, asset: Asset | None) -> None:
        definition = asset.definition if asset else _own(workspace)
        self.workspace = workspace
        self.name = name
        self.kind = str(definition["kind"])
        self.settings: dict[str, Any] = dict(definition["settings"])
        self.version = asset.version if asset else None
        self.created: datetime | None = asset.created if asset else None
        self.description = asset.description if asset else "The workspace's own folder."
        self.tags = dict(asset.tags) if asset else {}
        self._credentials = list(definition["credentials"])

    def __repr__(self) -> str:
        return f"Datastore({self.name!r}, {self.kind!r}, {self.location!r})"

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

    # Registering

    @classmethod
    def register_folder(
        cls,
        workspace: Workspace,
        datastore_name: str,
        path: str | os.PathLike[str],
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> Datastore:
        """Register a folder of this machine, or one that is mounted.

        Registering a name again makes its next version, which is used from then on.

        Args:
            workspace: the workspace that is to know it.
            datastore_name: letters, digits, ``_``, ``-`` and ``.``, at most 80 characters.
            path: the folder.
            description: what it is for.
            tags: labels, text to text.
            create_if_not_exists: whether the folder is made if it is not there.
            skip_validation: whether it is registered without looking whether it can be used.

        Raises:
            InvalidInput: a name or a path that cannot be one.
            NotFound: there is no such folder.
        """
        described = settings.folder(path)
        return cls._register(
            workspace,
            datastore_name,
            "folder",
            described,
            (description, tags),
            create=create_if_not_exists,
            validate=not skip_validation,
        )

    @classmethod
    def register_s3(
        cls,
        workspace: Workspace,
        datastore_name: str,
        bucket: str,
        *,
        prefix: str = "",
        endpoint: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        session_token: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> Datastore:
        """Register a bucket of Amazon S3 or of a server that is like it, such as MinIO.

        Args:
            workspace: as the others, see `register_folder`.
            datastore_name: as there.
            bucket: name of the bucket.
            prefix: what is below this folder of it alone is the datastore.
            endpoint: URL of the server; Amazon's if None.
            region: as the server calls it.
            profile: of the user's AWS settings, for keys that every user has for themselves.
            access_key_id: goes to the keyvault, as the two others do. Without keys, those of each
                user's environment and AWS settings are used.
            secret_access_key: belongs to the access key.
            session_token: of temporary keys.
            description: what it is for.
            tags: labels, text to text.
            create_if_not_exists: whether the bucket is made if it is not there.
            skip_validation: whether it is registered without looking whether it can be used.

        Raises:
            InvalidInput: a value that cannot be one, or an endpoint that holds a key.
            StorageError: there is no such bucket.
            NotAllowed: the keys do not suffice.
            Unavailable: the server does not answer.
            MissingDependency: s3fs is not installed.
        """
        described = settings.s3(
            bucket,
            prefix,
            endpoint=endpoint,
            region=region,
            profile=profile,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
            session_token=session_token,
        )
        return cls._register(
            workspace,
            datastore_name,
            "s3",
            described,
            (description, tags),
            create=create_if_not_exists,
            validate=not skip_validation,
        )

    @classmethod
    def register_sftp(
        cls,
        workspace: Workspace,
        datastore_name: str,
        host: str,
        path: str,
        *,
        port: int = 22,
        username: str | None = None,
        password: str | None = None,
        private_key: str | os.PathLike[str] | None = None,
        passphrase: str | None = None,
        host_key: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> Datastore:
        """Register a folder of a machine that is reached by SSH.

        The server must show the host key that was registered, on every machine and each time.

        Args:
            workspace: as the others, see `register_folder`.
            datastore_name: as there.
            host: name or address.
            path: absolute path of the folder there.
            port: of the SSH server.
            username: there; each user's own if None.
            password: goes to the keyvault, as the two others do. Without password and key, each
                user's agent and keys are used.
            private_key: its text, or the path of its file.
            passphrase: of the private key.
            host_key: type and key, such as ``"ssh-ed25519 AAAA…"``; if None, the one that this
                user's ``~/.ssh/known_hosts`` has.
            description: what it is for.
            tags: labels, text to text.
            create_if_not_exists: whether the folder is made if it is not there.
            skip_validation: whether it is registered without looking whether it can be used.

        Raises:
            InvalidInput: a value that cannot be one.
            NotAllowed: the host key is unknown or another one, or the credentials do not suffice.
            NotFound: there is no such folder.
            Unavailable: the server does not answer.
            MissingDependency: asyncssh is not installed.
        """
        described = settings.sftp(
            host,
            path,
            port=port,
            username=username,
            password=password,
            private_key=private_key,
            passphrase=passphrase,
            host_key=host_key,
        )
        return cls._register(
            workspace,
            datastore_name,
            "sftp",
            described,
            (description, tags),
            create=create_if_not_exists,
            validate=not skip_validation,
        )

    @classmethod
    def register_sql(
        cls,
        workspace: Workspace,
        datastore_name: str,
        url: str,
        *,
        password: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        skip_validation: bool = False,
    ) -> Datastore:
        """Register a database, by SQLAlchemy's address of it.

        Args:
            workspace: as the others, see `register_folder`.
            datastore_name: as there.
            url: such as ``"postgresql://ana@host/sales"`` or ``"sqlite:////data/sales.db"``. A
                password in it goes to the keyvault. The driver must be installed.
            password: goes to the keyvault. Without one, the driver's usual places are asked, such
                as ``~/.pgpass``.
            description: what it is for.
            tags: labels, text to text.
            skip_validation: whether it is registered without looking whether it can be used.

        Raises:
            InvalidInput: it is no address, or has a password in an option.
            NotAllowed: the database does not let the user in.
            Unavailable: it does not answer.
            MissingDependency: its driver is not installed.
        """
        described = settings.sql(url, password)
        return cls._register(
            workspace,
            datastore_name,
            "sql",
            described,
            (description, tags),
            create=False,
            validate=not skip_validation,
        )

    @classmethod
    def _register(
        cls,
        workspace: Workspace,
        name: str,
        kind: str,
        described: Description,
        about: tuple[str | None, Mapping[str, str] | None],
        *,
        create: bool,
        validate: bool,
    ) -> Datastore:
        registrations.check_datastore_name(name)
        found = dict(described.settings)
        if validate:
            found |= validated(kind, described, create=create)
        asset = registrations.keep(
            workspace,
            name,
            {"kind": kind, "settings": found},
            described.credentials,
            description=about[0],
            tags=about[1],
        )
        return cls(workspace, name, asset)

    def unregister(self) -> None:
        """Have the workspace forget the datastore, with its credentials. What it holds stays.

        Raises:
            InvalidState: it is the default, or the workspace's own folder.
        """
        registrations.forget(self.workspace, self.name)

    def set_as_default(self) -> None:
        """Make it the default of its workspace."""
        registrations.make_default(self.workspace, self.name)

    # What it holds

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

    def path(self, path: str = "") -> DataPath:
        """A path in it, for datasets.

        Args:
            path: of a file or a folder below its root, or a pattern (``*``, ``?``, ``**``).

        Raises:
            InvalidInput: it is absolute, or leads out.
        """
        return DataPath(self.name, check_path(path), self.workspace.address)

    def files_below(self, prefix: str = "") -> builtins.list[StoredFile]:
        """The files whose names begin with a text, by name."""
        _check_prefix(prefix)
        return sorted(self.files.find(prefix), key=lambda file: file.name)

    def upload(
        self,
        src_dir: str | os.PathLike[str],
        target_path: str | None = None,
        *,
        overwrite: bool = False,
        show_progress: bool = True,
        watch: Watcher | None = None,
    ) -> Transfer:
        """Copy all files below a folder into the datastore.

        What is there already with the same content is not copied again, and what an interrupted
        copy has sent of a large file is used. A file has its name once all of it is there.

        Args:
            src_dir: the folder.
            target_path: a folder of the datastore; its root if None.
            overwrite: whether files with another content may be replaced.
            show_progress: whether a line of progress is shown where standard error is a terminal.
            watch: hears of the progress instead.

        Raises:
            NotFound: there is no such folder.
            AlreadyExists: files with another content are there; nothing was copied.
            StorageError: a file could not be copied; those before it are there.
        """
        from tandemlab.data.datastores import transfer
        from tandemlab.data.datastores.progress import watched

        sources = transfer.below(_local(src_dir), check_path(target_path or ""))
        with watched(watch, shown=show_progress) as told:
            return transfer.upload(self.files, sources, overwrite=overwrite, watch=told)

    def upload_files(
        self,
        files: Sequence[str | os.PathLike[str]],
        relative_root: str | os.PathLike[str] | None = None,
        target_path: str | None = None,
        *,
        overwrite: bool = False,
        show_progress: bool = True,
        watch: Watcher | None = None,
    ) -> Transfer:
        """Copy files into the datastore; as `upload`, but for what is said here.

        Args:
            files: paths of the files.
            relative_root: a folder above all of them: they keep their paths below it as names. If
                None, each has its own name alone.
            target_path: as there.
            overwrite: as there.
            show_progress: as there.
            watch: as there.
        """
        from tandemlab.data.datastores import transfer
        from tandemlab.data.datastores.progress import watched

        if isinstance(files, (str, os.PathLike)):
            raise InvalidInput("Give a list of files.", hint="upload takes a folder.")
        sources = transfer.each(files, relative_root, check_path(target_path or ""))
        with watched(watch, shown=show_progress) as told:
            return transfer.upload(self.files, sources, overwrite=overwrite, watch=told)

    def download(
        self,
        target_path: str | os.PathLike[str],
        prefix: str | None = None,
        *,
        overwrite: bool = False,
        show_progress: bool = True,
        watch: Watcher | None = None,
    ) -> Transfer:
        """Copy files of the datastore into a folder, where they have their names below it.

        Args:
            target_path: the folder; it is made if it is not there.
            prefix: only files whose names begin with this; all if None.
            overwrite: as for `upload`.
            show_progress: as there.
            watch: as there.

        Raises:
            NotFound: no file's name begins with the prefix.
            InvalidInput: a name there would lead out of the folder; nothing was copied.
            AlreadyExists: files with another content are there; nothing was copied.
        """
        from tandemlab.data.datastores import transfer
        from tandemlab.data.datastores.progress import watched

        folder, found = _local(target_path), self.files_below(prefix or "")
        if not found and prefix:
            raise NotFound(
                f"No file in the datastore {self.name!r} begins with {prefix!r}.",
                details={"prefix": prefix},
            )
        targets = {file: folder / check_path(file.name, "name") for file in found}
        with watched(watch, shown=show_progress) as told:
            return transfer.download(self.files, targets, overwrite=overwrite, watch=told)


def _own(workspace: Workspace) -> dict[str, Any]:
    path = workspace.address if workspace.is_remote else str(workspace.path / registrations.FOLDER)
    return {"kind": "folder", "settings": {"path": path}, "credentials": []}


def _local(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.abspath(os.path.expanduser(path)))


def _check_prefix(prefix: object) -> None:
    if not isinstance(prefix, str):
        raise InvalidInput(f"A prefix is text, not {type(prefix).__name__}.")
    check_path(prefix, "prefix")
