"""Finding registered models by what they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.asset_names import AssetReference
from tandemlab.domain.assets import Asset
from tandemlab.models.registering import KIND

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

Labels: TypeAlias = str | Sequence[str] | Mapping[str, str | None]


def find(
    workspace: Workspace, name: str | None, version: int | str | None, wanted: Mapping[str, Any]
) -> Asset:
    """The model of a name and version, or else the one registered last that has all that is wanted.

    Raises:
        NotFound: there is none.
        InvalidInput: nothing says which.
    """
    name, version = named(name, version)
    if any(value is not None for value in wanted.values()):
        return _newest(workspace, name, version, wanted)
    if name is None:
        raise InvalidInput("Say which model: by its name, tags, properties or run.")
    return workspace.assets.get(KIND, name, version)


def named(name: str | None, version: int | str | None) -> tuple[str | None, int | str | None]:
    """Name and version, from ``NAME:VERSION`` or ``NAME@ALIAS``, too."""
    if name is None:
        if version is not None:
            raise InvalidInput("A version is one of a name: give the name, too.")
        return None, None
    reference = AssetReference.of(name, kind=KIND)
    return reference.name, reference.version if version is None else _number(version)


def _number(version: int | str) -> int | str:
    """A version that came as text."""
    is_number = isinstance(version, str) and version.isascii() and version.isdecimal()
    return int(version) if is_number else version


def _newest(
    workspace: Workspace, name: str | None, version: int | str | None, wanted: Mapping[str, Any]
) -> Asset:
    if name is not None and version is not None:
        candidates = [workspace.assets.get(KIND, name, version)]
    else:
        candidates = workspace.assets.list(KIND, name, all_versions=True)
    found = [asset for asset in candidates if has(asset, wanted)]
    if found:
        return max(found, key=lambda asset: (asset.created, asset.version))
    told = ", ".join(f"{key} {value!r}" for key, value in wanted.items() if value is not None)
    of = f" {name!r}" if name else ""
    raise NotFound(
        f"There is no model{of} with {told} in the workspace.",
        hint="`tandemlab model list` shows the models that there are.",
        details={"what": KIND, "name": name},
    )


def has(asset: Asset, wanted: Mapping[str, Any]) -> bool:
    """Whether a model has all that is asked for."""
    definition = asset.definition
    datasets = [f"{each['name']}:{each['version']}" for each in definition.get("datasets", ())]
    tags, properties = wanted.get("tags"), wanted.get("properties")
    if tags is not None and not _labelled(asset.tags, tags):
        return False
    if properties is not None and not _labelled(asset.properties, properties):
        return False
    facts = {
        "run_id": (asset.run_id,),
        "dataset_id": datasets,
        "model_framework": (definition.get("framework"),),
    }
    return all(wanted.get(key) is None or wanted[key] in known for key, known in facts.items())


def _labelled(labels: Mapping[str, str], wanted: Labels) -> bool:
    if isinstance(wanted, str):
        wanted = [wanted]
    if not isinstance(wanted, Mapping):
        wanted = dict.fromkeys(wanted)
    return all(name in labels and value in (None, labels[name]) for name, value in wanted.items())
