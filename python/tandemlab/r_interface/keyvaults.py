"""What R asks of keyvaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tandemlab.domain.secrets import Secret
from tandemlab.r_interface.handles import open_run, open_workspace
from tandemlab.r_interface.wire import Json, clean, vector


def _set(workspace: str, secrets: Mapping[str, str]) -> Json:
    open_workspace(workspace).get_default_keyvault().set_secrets(secrets)


def _get(workspace: str, names: Sequence[str]) -> Json:
    return _values(open_workspace(workspace).get_default_keyvault().get_secrets(names))


def _get_of_run(workspace: str, run: str, names: Sequence[str]) -> Json:
    return _values(open_run(workspace, run).get_secrets(names))


def _values(found: Mapping[str, Secret | None]) -> Json:
    return {"$map": [[name, value and clean(value)] for name, value in found.items()]}


def _list(workspace: str) -> Json:
    names = open_workspace(workspace).get_default_keyvault().list_secrets()
    return vector(names, "character")


def _delete(workspace: str, names: Sequence[str]) -> Json:
    open_workspace(workspace).get_default_keyvault().delete_secrets(names)


CALLS: dict[str, Callable[..., Json]] = {
    "keyvault.delete": _delete,
    "keyvault.get": _get,
    "keyvault.list": _list,
    "keyvault.set": _set,
    "run.secrets": _get_of_run,
}
