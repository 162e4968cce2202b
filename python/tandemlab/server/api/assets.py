"""Assets: what a workspace keeps under a kind, a name and a version, and which runs use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response

from tandemlab.domain.asset_names import check_aliases, check_asset_name, check_kind, check_version
from tandemlab.domain.assets import Asset, AssetChange, AssetUsage, NewAsset
from tandemlab.domain.notifications import KIND as NOTIFICATION
from tandemlab.domain.notifications import NotificationDefinition
from tandemlab.domain.schedules import KIND as SCHEDULE
from tandemlab.domain.schedules import ScheduleDefinition
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.services.guarding import check_unused
from tandemlab.store.http.wire import encode

router = APIRouter(prefix="/workspaces/{workspace}", tags=["assets"])
Version = Annotated[int, Path(ge=1, lt=2**31)]
_CHECKS: dict[str, Callable[[Mapping[str, Any]], object]] = {  # of what the agent works by
    SCHEDULE: ScheduleDefinition.from_dict,
    NOTIFICATION: NotificationDefinition.from_dict,
}


def _json(value: object) -> Response:
    return Response(encode(value), media_type="application/json")


@router.get("/assets", dependencies=[READER], response_model=list[Asset])
def list_assets(
    found: Found,
    kind: str | None = None,
    name: str | None = None,
    archived: bool = False,
    all_versions: bool = False,
) -> Response:
    """Assets by kind and name: the newest version of each name, or all."""
    return _json(found.store.list_assets(kind, name, archived=archived, all_versions=all_versions))


@router.post("/assets", dependencies=[CONTRIBUTOR], response_model=Asset)
def register_asset(found: Found, new: Annotated[NewAsset, Body()]) -> Response:
    """Register the next version of a name; the newest is given back if it is the same.

    Its contents must have been uploaded. Sent again with the same key, it is done once.
    """
    if new.kind in _CHECKS:
        _CHECKS[new.kind](new.definition)
    return _json(found.place.register_asset(new))


@router.get("/assets/{kind}/{name}", dependencies=[READER], response_model=Asset)
def get_asset(found: Found, kind: str, name: str, version: str | None = None) -> Response:
    """A version of a name: by its number or an alias; else the newest that is not archived."""
    return _json(found.assets.get(kind, name, read_version(version)))


def read_version(text: str | None) -> int | str | None:
    """The number or alias that a query has."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        return check_version(int(text[:12]))
    return check_aliases([text])[0]


@router.patch("/assets/{kind}/{name}/{version}", dependencies=[CONTRIBUTOR], response_model=Asset)
def update_asset(
    found: Found, kind: str, name: str, version: Version, change: Annotated[AssetChange, Body()]
) -> Response:
    """Change the description, tags, properties, aliases or archiving of a version."""
    name = check_asset_name(name, kind=check_kind(kind))
    return _json(found.place.change_asset(kind, name, version, change))


@router.delete("/assets/{kind}/{name}/{version}", status_code=204, dependencies=[CONTRIBUTOR])
def delete_asset(found: Found, kind: str, name: str, version: Version) -> None:
    """Forget a version, whose number is not used again; a service of the server's may need it."""
    name = check_asset_name(name, kind=check_kind(kind))
    check_unused(found, found.assets.get(kind, name, version))
    found.place.delete_asset(kind, name, version)


@router.get("/usages", dependencies=[READER], response_model=list[AssetUsage])
def list_usages(
    found: Found,
    run_id: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    version: int | None = None,
) -> Response:
    """Which runs use which assets; those that match all that is given."""
    return _json(found.store.find_usages(run_id=run_id, kind=kind, name=name, version=version))


@router.post("/usages", status_code=204, dependencies=[CONTRIBUTOR])
def add_usage(found: Found, usage: Annotated[AssetUsage, Body()]) -> None:
    """Record that a run uses an asset, or has made it."""
    found.place.add_usage(usage)


@router.get("/runs/{run}/assets", dependencies=[READER], response_model=list[Asset])
def list_made_assets(found: Found, run: str) -> Response:
    """The assets that a run has made."""
    return _json(found.store.made_assets(found.get_record(run).id))
