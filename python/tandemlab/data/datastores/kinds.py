"""The kinds of datastores: what each needs to know, and how it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.data.datastores.protocol import Files
from tandemlab.domain import InvalidInput, VersionMismatch

if TYPE_CHECKING:
    from tandemlab.data.datastores.settings import Description
    from tandemlab.data.datastores.sql import Database

KINDS = ("folder", "s3", "sftp", "sql")


def open_files(kind: str, settings: Mapping[str, Any], credentials: Mapping[str, str]) -> Files:
    """The files of a datastore; nothing is connected to yet.

    Raises:
        InvalidInput: the datastore is a database.
        VersionMismatch: a newer program has registered it.
    """
    if kind == "folder":
        from tandemlab.data.datastores.folder import FolderFiles

        return FolderFiles(Path(settings["path"]))
    if kind == "s3":
        from tandemlab.data.datastores.s3 import S3Files

        options = {name: settings[name] for name in settings if name not in ("bucket", "prefix")}
        return S3Files(settings["bucket"], settings["prefix"], options, credentials)
    if kind == "sftp":
        from tandemlab.data.datastores.sftp import SftpFiles

        return SftpFiles(settings, credentials)
    if kind == "sql":
        raise InvalidInput(
            "This datastore is a database, which has no files.",
            hint="Dataset.Tabular.from_sql_query() reads a table from it.",
        )
    raise _unknown(kind)


def open_database(
    kind: str, settings: Mapping[str, Any], credentials: Mapping[str, str]
) -> Database:
    """The database that a datastore is; nothing is connected to yet.

    Raises:
        InvalidInput: the datastore holds files.
    """
    if kind != "sql":
        raise InvalidInput(
            "This datastore holds files, and is no database.",
            hint="Dataset.Tabular.from_delimited_files() and others read tables in files.",
        )
    from tandemlab.data.datastores.sql import Database

    return Database(settings["url"], credentials.get("password"))


def validated(kind: str, described: Description, *, create: bool) -> dict[str, Any]:
    """What else is known of a datastore once it has been looked at, as settings.

    Args:
        create: whether the folder or bucket is made if it is not there.

    Raises:
        TandemlabError: it cannot be used.
    """
    if kind == "sql":
        open_database(kind, described.settings, described.credentials).check()
        return {}
    files = open_files(kind, described.settings, described.credentials)
    files.check(create=create)
    return files.found


def location_of(kind: str, settings: Mapping[str, Any]) -> str:
    """Where a datastore is, for people; without any secret."""
    if kind == "sql":
        return str(settings["url"])
    return open_files(kind, settings, {}).location


def _unknown(kind: str) -> VersionMismatch:
    return VersionMismatch(
        f"This tandemlab knows no datastores of kind {kind!r}.", hint="Upgrade tandemlab."
    )
