"""What R asks of keyvaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tandemlab.bridge.values import Vector
from tandemlab.domain.secrets import Secret
from tandemlab.r_interface.handles import open_run, open_workspace


def _set(workspace: str, secrets: Mapping[str, str]) -> None:
    open_workspace(workspace).get_default_keyvault().set_secrets(secrets)


def _get(workspace: str, names: Sequence[str]) -> object:
    return _values(open_workspace(workspace).get_default_keyvault().get_secrets(names))


def _get_of_run(workspace: str, run: str, names: Sequence[str]) -> object:
    return _values(open_run(workspace, run).get_secrets(names))


def _values(found: Mapping[str, Secret | None]) -> object:
    return {name: value and str(value) for name, value in found.items()}


def _list(workspace: str) -> object:
    names = open_workspace(workspace).get_default_keyvault().list_secrets()
    return Vector(names, "character")


def _delete(workspace: str, names: Sequence[str]) -> None:
    open_workspace(workspace).get_default_keyvault().delete_secrets(names)


CALLS: dict[str, Callable[..., object]] = {
    "keyvault.delete": _delete,
    "keyvault.get": _get,
    "keyvault.list": _list,
    "keyvault.set": _set,
    "run.secrets": _get_of_run,
}
