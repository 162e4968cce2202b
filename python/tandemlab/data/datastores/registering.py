"""How each kind of datastore is registered."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tandemlab.data.datastores import registrations, settings
from tandemlab.data.datastores.handle import DatastoreHandle
from tandemlab.data.datastores.kinds import validated

if TYPE_CHECKING:
    from typing_extensions import Self

    from tandemlab.data.datastores.settings import Description
    from tandemlab.tracking import Workspace


class DatastoreRegistering(DatastoreHandle):
    """The ways into the registry that `Datastore` has, one for each kind."""

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
    ) -> Self:
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
    ) -> Self:
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
    ) -> Self:
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
    ) -> Self:
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
    ) -> Self:
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
