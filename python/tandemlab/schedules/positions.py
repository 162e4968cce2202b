"""Where a schedule begins: what was there before it does not fire."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tandemlab.domain.schedules import (
    DatasetTrigger,
    DataTrigger,
    ScheduleDefinition,
    SchedulePosition,
)
from tandemlab.domain.times import now, to_micros
from tandemlab.schedules.watching import list_data

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace


def first_position(workspace: Workspace, asset: Asset, since: datetime) -> dict[str, Any]:
    """What the trigger of a schedule that begins at `since` needs to know."""
    trigger = ScheduleDefinition.from_dict(asset.definition).trigger
    if isinstance(trigger, DataTrigger):
        return {"files": list_data(workspace, trigger), "number": _last_number(workspace, asset)}
    if isinstance(trigger, DatasetTrigger):
        newest = workspace.assets.find("dataset", trigger.dataset)
        return {"dataset_version": newest.version if newest else 0}
    return {"cursor": to_micros(since)}


def is_whole(position: SchedulePosition, definition: ScheduleDefinition) -> bool:
    """Whether all is there that the trigger needs: a store that was built anew has times alone."""
    needed = {DataTrigger: "files", DatasetTrigger: "dataset_version"}
    return needed.get(type(definition.trigger), "cursor") in position.content


def data_slot(asset: Asset, number: int) -> str:
    """The slot of a change of data."""
    return f"data {asset.version}.{number}"


def _last_number(workspace: Workspace, asset: Asset) -> int:
    """How often this version has fired on data: a slot is not used again."""
    start = data_slot(asset, 0)[:-1]
    slots = [each.slot for each in workspace.folder.store.find_firings(asset.name)]
    numbers = [slot.removeprefix(start) for slot in slots if slot.startswith(start)]
    return max((int(number) for number in numbers), default=0)


def begin(workspace: Workspace, asset: Asset, since: datetime | None = None) -> None:
    """Have a schedule, or a new version of one, begin, in the workspace's own folder.

    Args:
        since: what was due before does not fire; when the version was made if None.
    """
    store = workspace.folder.store
    position = first_position(workspace, asset, since or asset.created)
    content = {**position, "version": asset.version}
    known = store.schedule_position(asset.name)
    while store.decide_firings(asset.name, known, content, [], now()) is None:
        known = store.schedule_position(asset.name)
