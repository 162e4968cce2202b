"""What R asks of datastores. R keeps a datastore by name and workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.data import DataPath, Datastore
from tandemlab.data.datastores.protocol import check_path
from tandemlab.data.datastores.transfer import Transfer
from tandemlab.r_interface.handles import open_workspace, place_handle
from tandemlab.store.copies import prune

_REGISTER: dict[str, Callable[..., Datastore]] = {
    "folder": Datastore.register_folder,
    "s3": Datastore.register_s3,
    "sftp": Datastore.register_sftp,
    "sql": Datastore.register_sql,
}


def data_path(path: str | Mapping[str, str]) -> str | DataPath:
    """A path as R sends it: text, or a path in a datastore."""
    if isinstance(path, str):
        return path
    return DataPath(**{**path, "path": check_path(path["path"])})


def _open(workspace: str, name: str) -> Datastore:
    return Datastore.get(open_workspace(workspace), name)


def _default(workspace: str) -> object:
    return place_handle(Datastore.get_default(open_workspace(workspace)))


def _register(workspace: str, kind: str, name: str, settings: Mapping[str, Any]) -> object:
    return place_handle(_REGISTER[kind](open_workspace(workspace), name, **settings))


def _list(workspace: str) -> object:
    opened = open_workspace(workspace)
    found, default = Datastore.list(opened), Datastore.get_default(opened).name
    return Table(
        {
            "name": [each.name for each in found],
            "kind": [each.kind for each in found],
            "location": [each.location for each in found],
            "default": [each.name == default for each in found],
            "version": Vector([each.version for each in found], "integer"),
            "description": Vector([each.description for each in found], "character"),
        }
    )


def _set_default(workspace: str, name: str) -> None:
    Datastore.set_default(open_workspace(workspace), name)


def _copied(done: Transfer) -> object:
    return {
        "copied": Vector(done.copied, "character"),
        "unchanged": Vector(done.unchanged, "character"),
        "bytes": float(done.bytes),
    }


def _upload(workspace: str, name: str, source: str, target: str | None, **options: Any) -> object:
    return _copied(_open(workspace, name).upload(source, target, **options))


def _upload_files(
    workspace: str,
    name: str,
    files: Sequence[str],
    root: str | None,
    target: str | None,
    **options: Any,
) -> object:
    return _copied(_open(workspace, name).upload_files(files, root, target, **options))


def _download(workspace: str, name: str, target: str, prefix: str | None, **options: Any) -> object:
    return _copied(_open(workspace, name).download(target, prefix, **options))


def _files(workspace: str, name: str, prefix: str) -> object:
    found = _open(workspace, name).files_below(prefix)
    return Table(
        {
            "name": Vector([each.name for each in found], "character"),
            "size": Vector([float(each.size) for each in found], "double"),
            "modified": [each.time for each in found],
        }
    )


def _prune(kind: str, unused_days: float) -> object:
    removed = prune(kind, unused_days=unused_days)
    return Table(
        {
            "path": Vector([str(each.path) for each in removed], "character"),
            "used": [datetime.fromtimestamp(each.used, timezone.utc) for each in removed],
            "size": [float(each.size) for each in removed],
        }
    )


CALLS: dict[str, Callable[..., object]] = {
    "copies.prune": _prune,
    "data_path.name": lambda path: DataPath(**path).name,
    "datastore.default": lambda workspace: place_handle(
        Datastore.get_default(open_workspace(workspace))
    ),
    "datastore.download": _download,
    "datastore.files": _files,
    "datastore.get": lambda workspace, name: place_handle(_open(workspace, name)),
    "datastore.list": _list,
    "datastore.register": _register,
    "datastore.set_default": _set_default,
    "datastore.unregister": lambda workspace, name: _open(workspace, name).unregister(),
    "datastore.upload": _upload,
    "datastore.upload_files": _upload_files,
}
