"""Versions of registered models: assets of the kind ``model``, as every client of ours has them."""

from __future__ import annotations

from typing import Any

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.asset_names import AssetReference, check_asset_name
from tandemlab.domain.assets import Asset
from tandemlab.domain.filters import Field, Value
from tandemlab.models.registering import KIND, describe, register_from_run
from tandemlab.server.mlflow import answers, artifacts, messages, models, search
from tandemlab.server.mlflow.answers import Answer
from tandemlab.services.guarding import check_unused
from tandemlab.tracking import Workspace

_SOURCE, _MODEL_ID, _RUN_LINK = "mlflow.source", "mlflow.modelId", "mlflow.runLink"
_MOST = 10_000
_FIELDS = {
    "name": "display_name",
    "version_number": "number",
    "run_id": "parent",
    "source_path": "text",
    "creation_timestamp": "created",
    "last_updated_timestamp": "ended",
}


def answer_of(asset: Asset) -> Answer:
    """A version as MLflow has it."""
    facts = asset.properties
    return {
        "name": asset.name,
        "version": str(asset.version),
        "creation_timestamp": answers.millis(asset.created),
        "last_updated_timestamp": answers.millis(asset.updated),
        "user_id": asset.user or "",
        "current_stage": "None",
        "description": asset.description or "",
        "source": _source(asset),
        "run_id": asset.run_id or "",
        "run_link": facts.get(_RUN_LINK, ""),
        "status": "READY",
        "tags": answers.named(asset.tags),
        "aliases": list(asset.aliases),
        "model_id": facts.get(_MODEL_ID, ""),
    }


def _source(asset: Asset) -> str:
    uri = answers.model_uri(asset.name, asset.version)
    return asset.properties.get(_SOURCE, uri)


def _find(workspace: Workspace, name: str, version: str) -> Asset:
    """A version.

    Raises:
        NotFound: there is none.
        InvalidInput: it is no number.
    """
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise InvalidInput(f"A version is a whole number from 1, not {version[:60]!r}.")
    return workspace.assets.get(KIND, name, int(version))


def create(found: Workspace, ask: messages.NewVersion) -> Answer:
    """Register files of a run, or of another version, as the next version of a name.

    Raises:
        InvalidInput: the files are elsewhere.
        NotFound: there are none.
    """
    facts = {_SOURCE: ask.source, _MODEL_ID: ask.model_id, _RUN_LINK: ask.run_link}
    about: dict[str, Any] = {
        "tags": {tag.key: tag.value for tag in ask.tags},
        "properties": {name: value for name, value in facts.items() if value},
        "description": ask.description or None,
    }
    other = _version_at(found, ask.source)
    if other is not None:
        made = found.assets.register(
            KIND,
            ask.name,
            other.definition,
            files=other.files,
            run_id=ask.run_id or other.run_id,
            always_new=True,
            **about,
        )
    else:
        run_id, path = _files_at(found, ask)
        run = found.get_run(run_id)
        made = register_from_run(run, ask.name, path, describe(found), **about)
    return {"model_version": answer_of(made)}


def _version_at(workspace: Workspace, source: str) -> Asset | None:
    """The registered version that a source means, if it means one."""
    path = source.removeprefix("models:/")
    if path != source and ("/" in path or "@" in path):
        name, _, version = path.partition("/")
        if version:
            return _find(workspace, name, version)
        reference = AssetReference.of(path, kind=KIND)
        return workspace.assets.get(KIND, reference.name, reference.version)
    path = source.removeprefix(answers.ARTIFACTS)
    if path != source and artifacts.is_model(path):
        return artifacts.find_model(workspace, path)[0]
    return None


def _files_at(workspace: Workspace, ask: messages.NewVersion) -> tuple[str, str]:
    """The run, and the path in it, that a source means."""
    source = ask.source
    if source.startswith("models:/"):
        return models.place_of(workspace, source.removeprefix("models:/"))
    if source.startswith("runs:/"):
        run_id, _, path = source.removeprefix("runs:/").partition("/")
        return models.folder_in(workspace.get_record(run_id), path)
    path = source.removeprefix(answers.ARTIFACTS)
    if path == source:
        raise InvalidInput(
            f"{source[:200]!r} is no place that the server can take a model from.",
            hint="Log the model to a run first: models are registered from files of runs.",
        )
    return artifacts.locate(path)


def get(found: Workspace, ask: messages.OfVersion) -> Answer:
    """A version."""
    return {"model_version": answer_of(_find(found, ask.name, ask.version))}


def get_uri(found: Workspace, ask: messages.OfVersion) -> Answer:
    """Where a version's files are downloaded from."""
    asset = _find(found, ask.name, ask.version)
    return {"artifact_uri": answers.model_uri(asset.name, asset.version)}


def change(found: Workspace, ask: messages.VersionChange) -> Answer:
    """Say what a version is for."""
    asset = _find(found, ask.name, ask.version)
    return {"model_version": answer_of(found.assets.change(asset, description=ask.description))}


def set_tag(found: Workspace, ask: messages.VersionTag) -> Answer:
    """Set a tag of a version."""
    found.assets.change(_find(found, ask.name, ask.version), tags={ask.key: ask.value})
    return {}


def delete_tag(found: Workspace, ask: messages.VersionTag) -> Answer:
    """Take a tag off a version."""
    found.assets.change(_find(found, ask.name, ask.version), tags={ask.key: None})
    return {}


def delete(found: Workspace, ask: messages.OfVersion) -> Answer:
    """Forget a version, unless a service uses it."""
    asset = _find(found, ask.name, ask.version)
    check_unused(found, asset)
    found.assets.delete(asset)
    return {}


# Aliases


def set_alias(found: Workspace, ask: messages.RegisteredModelAlias) -> Answer:
    """Have an alias name a version."""
    asset = _find(found, ask.name, ask.version)
    found.assets.change(asset, aliases=[*asset.aliases, ask.alias])
    return {}


def delete_alias(found: Workspace, ask: messages.RegisteredModelAlias) -> Answer:
    """Have an alias name nothing any more."""
    asset = found.assets.find(KIND, ask.name, ask.alias)
    if asset is not None:
        found.assets.change(asset, aliases=[each for each in asset.aliases if each != ask.alias])
    return {}


def get_by_alias(found: Workspace, ask: messages.RegisteredModelAlias) -> Answer:
    """The version that an alias names."""
    asset = found.assets.find(KIND, ask.name, ask.alias)
    if asset is None:
        raise NotFound(
            f"The registered model {check_asset_name(ask.name, kind=KIND)!r} has no alias "
            f"{ask.alias[:60]!r}.",
            details={"what": KIND},
        )
    return {"model_version": answer_of(asset)}


# Stages


def move_to_stage(found: Workspace, ask: messages.OfVersion) -> Answer:
    """Refuse it: versions have aliases here."""
    raise InvalidInput(
        "Versions of models have no stages here.",
        hint=f"Use an alias: set_registered_model_alias({ask.name!r}, 'production', "
        f"{ask.version!r}), and models:/{ask.name}@production.",
    )


def find(found: Workspace, ask: messages.RegistrySearch) -> Answer:
    """Versions that match, the newest of each name first."""
    limit, offset = answers.place_of(ask.page_token, ask.max_results, most=_MOST)
    assets = found.assets.list(KIND, all_versions=True)
    matching = search.matching(assets, ask.filter, ask.order_by, _value, _FIELDS)
    shown, more = answers.page(matching[offset : offset + limit + 1], limit, offset)
    return {"model_versions": [answer_of(asset) for asset in shown], **more}


def _value(asset: Asset, field: Field) -> Value | None:
    if field.group == "tags":
        return asset.tags.get(field.name)
    known: dict[str, Value | None] = {
        "display_name": asset.name,
        "number": asset.version,
        "parent": asset.run_id,
        "text": _source(asset),
        "created": 1000 * answers.millis(asset.created),
        "ended": 1000 * answers.millis(asset.updated),
    }
    if field.group or field.name not in known:
        raise InvalidInput(f"Versions are searched by {', '.join(_FIELDS)} and tags.")
    return known[field.name]
