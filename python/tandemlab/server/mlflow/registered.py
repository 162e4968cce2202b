"""Registered models: names that models are registered under, and what is known of each name.

A name is there as soon as it has a version, from whomever. What MLflow keeps of the name itself,
its description and tags, is an asset of a kind of its own, which also stands for a name that has
no version yet.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tandemlab.domain import AlreadyExists, InvalidInput, NotFound
from tandemlab.domain.asset_names import check_asset_name
from tandemlab.domain.assets import Asset
from tandemlab.domain.filters import Field, Value
from tandemlab.models.registering import KIND
from tandemlab.server.mlflow import answers, messages, search, versions
from tandemlab.server.mlflow.answers import Answer
from tandemlab.services.guarding import check_unused
from tandemlab.tracking import Workspace

_NAME = "model_name"
_MOST = 1000
_PROMPT = "mlflow.prompt.is_prompt"
_FIELDS = {
    "name": "display_name",
    "creation_timestamp": "created",
    "last_updated_timestamp": "ended",
    "timestamp": "ended",
}


@dataclass(frozen=True, slots=True)
class _Registered:
    """A name: its versions, the newest first, and what is kept of the name itself."""

    name: str
    versions: list[Asset]
    about: Asset | None

    @property
    def assets(self) -> list[Asset]:
        return [*self.versions, *([self.about] if self.about else [])]

    @property
    def tags(self) -> dict[str, str]:
        return dict(self.about.tags) if self.about else {}

    @property
    def created(self) -> int:
        return min(answers.millis(asset.created) for asset in self.assets)

    @property
    def updated(self) -> int:
        return max(answers.millis(asset.updated) for asset in self.assets)

    def answer(self) -> Answer:
        """It as MLflow has it."""
        aliases = [(alias, each.version) for each in self.versions for alias in each.aliases]
        return {
            "name": self.name,
            "creation_timestamp": self.created,
            "last_updated_timestamp": self.updated,
            "user_id": min(self.assets, key=lambda asset: asset.created).user or "",
            "description": (self.about.description if self.about else None) or "",
            "latest_versions": [versions.answer_of(each) for each in self.versions[:1]],
            "tags": answers.named(self.tags),
            "aliases": [{"alias": alias, "version": str(n)} for alias, n in sorted(aliases)],
        }


def _find(workspace: Workspace, name: str) -> _Registered:
    """A name.

    Raises:
        NotFound: it has no version, and was not made.
    """
    name = check_asset_name(name, kind=KIND)
    about = workspace.assets.find(_NAME, name)
    found = workspace.assets.list(KIND, name, all_versions=True)
    if about is None and not found:
        raise NotFound(f"There is no registered model {name!r}.", details={"what": KIND})
    return _Registered(name, found, about)


def _about(workspace: Workspace, name: str) -> Asset:
    """What is kept of a name itself, made when it is first needed."""
    return _find(workspace, name).about or workspace.assets.register(_NAME, name, {})


def create(found: Workspace, ask: messages.NewRegisteredModel) -> Answer:
    """Make a name that has no version yet."""
    name = check_asset_name(ask.name, kind=KIND)
    tags = {tag.key: tag.value for tag in ask.tags}
    if _PROMPT in tags:
        raise InvalidInput("Prompts are not kept here.")
    if found.assets.find(_NAME, name) or found.assets.list(KIND, name):
        raise AlreadyExists(f"There is a registered model {name!r} already.")
    found.assets.register(_NAME, name, {}, tags=tags, description=ask.description or None)
    return get(found, messages.OfRegisteredModel(name=name))


def get(found: Workspace, ask: messages.OfRegisteredModel) -> Answer:
    """A name."""
    return {"registered_model": _find(found, ask.name).answer()}


def change(found: Workspace, ask: messages.RegisteredModelChange) -> Answer:
    """Say what the models of a name are for."""
    found.assets.change(_about(found, ask.name), description=ask.description)
    return get(found, ask)


def set_tag(found: Workspace, ask: messages.RegisteredModelTag) -> Answer:
    """Set a tag of a name."""
    found.assets.change(_about(found, ask.name), tags={ask.key: ask.value})
    return {}


def delete_tag(found: Workspace, ask: messages.RegisteredModelTag) -> Answer:
    """Take a tag off a name."""
    about = _find(found, ask.name).about
    if about is not None:
        found.assets.change(about, tags={ask.key: None})
    return {}


def delete(found: Workspace, ask: messages.OfRegisteredModel) -> Answer:
    """Forget a name with all its versions, unless a service uses one."""
    registered = _find(found, ask.name)
    for version in registered.versions:
        check_unused(found, version)
    for asset in registered.assets:
        found.assets.delete(asset)
    return {}


def create_version(found: Workspace, ask: messages.NewVersion) -> Answer:
    """Register the next version of a name, which must be there."""
    _find(found, ask.name)
    return versions.create(found, ask)


def get_latest(found: Workspace, ask: messages.LatestVersions) -> Answer:
    """The newest version of a name; versions have no stages."""
    newest = _find(found, ask.name).versions[:1]
    shown = newest if not ask.stages or "none" in map(str.lower, ask.stages) else []
    return {"model_versions": [versions.answer_of(each) for each in shown]}


def find(found: Workspace, ask: messages.RegistrySearch) -> Answer:
    """Names that match, by name unless another order is asked for."""
    limit, offset = answers.place_of(ask.page_token, ask.max_results, most=_MOST)
    matching = search.matching(_all(found), ask.filter, ask.order_by, _value, _FIELDS)
    shown, more = answers.page(matching[offset : offset + limit + 1], limit, offset)
    return {"registered_models": [each.answer() for each in shown], **more}


def _all(workspace: Workspace) -> list[_Registered]:
    abouts = {asset.name: asset for asset in workspace.assets.list(_NAME)}
    by_name: defaultdict[str, list[Asset]] = defaultdict(list)
    for asset in workspace.assets.list(KIND, all_versions=True):
        by_name[asset.name].append(asset)
    return [
        _Registered(name, by_name[name], abouts.get(name)) for name in sorted({*abouts, *by_name})
    ]


def _value(item: _Registered, field: Field) -> Value | None:
    if field.group == "tags":
        return {_PROMPT: "false", **item.tags}.get(field.name)
    known: dict[str, Value] = {
        "display_name": item.name,
        "created": 1000 * item.created,
        "ended": 1000 * item.updated,
    }
    if field.group or field.name not in known:
        raise InvalidInput("Registered models are searched by name and tags.")
    return known[field.name]
