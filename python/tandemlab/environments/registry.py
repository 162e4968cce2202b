"""Environments by name and version: assets of a workspace, and the curated ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.asset_names import AssetReference
from tandemlab.domain.assets import Asset, AssetRole, AssetUsage
from tandemlab.domain.documents import read_document
from tandemlab.domain.environments import Environment
from tandemlab.environments.files import environment_schema

if TYPE_CHECKING:
    from tandemlab.store.place import Place
    from tandemlab.tracking import Workspace

KIND = "environment"


@dataclass(frozen=True, slots=True)
class RegisteredEnvironment:
    """An environment as a workspace keeps it.

    Attributes:
        version: 1, 2, 3, …; None for a curated one.
        created: when it was registered, in UTC; None for a curated one.
    """

    environment: Environment
    version: int | None = None
    created: datetime | None = None

    @property
    def name(self) -> str:
        """Name of the environment."""
        return self.environment.name


def register_environment(workspace: Workspace, environment: Environment) -> RegisteredEnvironment:
    """Keep an environment in a workspace, under its name and the next version.

    One that is the same as the newest version is that version; nothing is written then.

    Raises:
        InvalidInput: a name that cannot be that of an asset, such as one with a ``:``.

    >>> workspace = getfixture("workspace")
    >>> register_environment(workspace, Environment("study", variables={"A": "1"})).version
    1
    """
    return _registered(workspace.assets.register(KIND, environment.name, environment.to_dict()))


def get_environment(
    workspace: Workspace, name: str, version: int | str | None = None
) -> RegisteredEnvironment:
    """A registered environment, or else the curated one of that name.

    Args:
        name: of the environment, ``"NAME:VERSION"`` or ``"NAME@ALIAS"``.
        version: its number or an alias; the newest that is not archived if None.

    Raises:
        NotFound: there is none; the hint has the nearest name, or the versions that there are.
    """
    wanted = AssetReference.of(name, kind=KIND)
    if wanted.version is not None and version is not None:
        raise InvalidInput(
            f"{name!r} names a version already.",
            hint="Leave out version, or what follows the name.",
        )
    version = wanted.version if version is None else version
    curated = curated_environments()
    if version is None and wanted.name in curated:
        found = workspace.assets.find(KIND, wanted.name)
        return _registered(found) if found else RegisteredEnvironment(curated[wanted.name])
    return _registered(workspace.assets.get(KIND, wanted.name, version, beside=curated))


def list_environments(workspace: Workspace) -> list[RegisteredEnvironment]:
    """The newest version of each registered environment by name, and the curated ones."""
    found = {name: RegisteredEnvironment(each) for name, each in curated_environments().items()}
    found.update({each.name: _registered(each) for each in workspace.assets.list(KIND)})
    return [found[name] for name in sorted(found)]


def record_environment(place: Place, run_id: str, definition: Mapping[str, Any]) -> None:
    """Record that a run uses a registered environment, if its definition names one."""
    version = definition.get("environment_version")
    if version is not None:
        name = definition["environment"]["name"]
        place.add_usage(AssetUsage(run_id, AssetRole.INPUT, KIND, KIND, name, version))


def _registered(asset: Asset) -> RegisteredEnvironment:
    environment = Environment.from_dict(asset.definition)
    return RegisteredEnvironment(environment, asset.version, asset.created)


@cache
def curated_environments() -> dict[str, Environment]:
    """The environments that are there in every workspace."""
    file = files(__package__).joinpath("curated.yaml")
    document = read_document(file.read_text(encoding="utf-8"), "curated.yaml")
    content = document.conforming({"type": "object", "additionalProperties": environment_schema()})
    return {name: Environment.from_dict({"name": name, **each}) for name, each in content.items()}
