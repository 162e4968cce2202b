"""Where a schedule begins: what was there before it does not fire."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tandemlab.domain.schedules import DatasetTrigger, DataTrigger, ScheduleDefinition
from tandemlab.domain.times import now, to_micros
from tandemlab.schedules.watching import list_data

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace


def first_position(
    workspace: Workspace, definition: ScheduleDefinition, since: datetime
) -> dict[str, Any]:
    """What the trigger of a schedule that begins at `since` needs to know."""
    trigger = definition.trigger
    if isinstance(trigger, DataTrigger):
        return {"files": list_data(workspace, trigger), "number": 0}
    if isinstance(trigger, DatasetTrigger):
        newest = workspace.assets.find("dataset", trigger.dataset)
        return {"dataset_version": newest.version if newest else 0}
    return {"cursor": to_micros(since)}


def begin(workspace: Workspace, asset: Asset, since: datetime | None = None) -> None:
    """Have a schedule, or a new version of one, begin, in the workspace's own folder.

    Args:
        since: what was due before does not fire; when the version was made if None.
    """
    store = workspace.folder.store
    definition = ScheduleDefinition.from_dict(asset.definition)
    position = first_position(workspace, definition, since or asset.created)
    content = {**position, "version": asset.version}
    known = store.schedule_position(asset.name)
    while store.decide_firings(asset.name, known, content, [], now()) is None:
        known = store.schedule_position(asset.name)
