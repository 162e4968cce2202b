"""Schedules, which R keeps as plain data and finds again by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.domain.schedules import FiringState
from tandemlab.r_interface.configurations import script_run_config
from tandemlab.r_interface.handles import open_workspace, run_handles
from tandemlab.r_interface.published import parameter
from tandemlab.schedules import Schedule, ScheduleRecurrence
from tandemlab.schedules.autostart import (
    Installation,
    agent_status,
    install_agent,
    uninstall_agent,
)


def _handle(found: Schedule) -> object:
    definition = found.definition
    return {
        "name": found.name,
        "workspace": found.workspace.address,
        "status": found.status,
        "fires": str(definition.trigger),
        "runs": str(definition.action),
        "next": Vector(found.next_times(), "time"),
        "experiment": definition.experiment,
        "start": definition.start,
        "end": definition.end,
        "catch_up": definition.catch_up.value,
        "overlap": definition.overlap.value,
        "description": found.description,
    }


def _open(workspace: str, name: str) -> Schedule:
    return Schedule.get(open_workspace(workspace), name)


def _recurrence(settings: Mapping[str, Any] | None) -> ScheduleRecurrence | None:
    return None if settings is None else ScheduleRecurrence.from_dict(settings)


def _next(recurrence: Mapping[str, Any], number: int, after: datetime) -> object:
    found = ScheduleRecurrence.from_dict(recurrence).starting(after)
    return Vector(found.next(number, after=after), "time")


def _create(
    workspace: str,
    name: str,
    config: Mapping[str, Any] | None,
    pipeline: str | None,
    recurrence: Mapping[str, Any] | None,
    pipeline_parameters: Mapping[str, Any],
    after_schedule: str | None,
    after: str | None,
    **options: Any,
) -> object:
    lab = open_workspace(workspace)
    source = after if after_schedule is None else Schedule.get(lab, after_schedule)
    made = Schedule.create(
        lab,
        name,
        pipeline if config is None else script_run_config(config),
        recurrence=_recurrence(recurrence),
        pipeline_parameters={key: parameter(each) for key, each in pipeline_parameters.items()},
        after=source,
        **options,
    )
    return _handle(made)


def _get(workspace: str, name: str) -> object:
    return _handle(_open(workspace, name))


def _list(workspace: str, active_only: bool) -> object:
    found = Schedule.list(open_workspace(workspace), active_only=active_only)
    following = [next(iter(each.next_times(1)), None) for each in found]
    return Table(
        {
            "name": Vector([each.name for each in found], "character"),
            "status": Vector([each.status for each in found], "character"),
            "fires": Vector([str(each.definition.trigger) for each in found], "character"),
            "runs": Vector([str(each.definition.action) for each in found], "character"),
            "next": Vector(following, "time"),
            "description": Vector([each.description for each in found], "character"),
        }
    )


def _update(
    workspace: str,
    name: str,
    recurrence: Mapping[str, Any] | None,
    pipeline_parameters: Mapping[str, Any] | None,
    **options: Any,
) -> object:
    values = pipeline_parameters
    if values is not None:
        values = {key: parameter(each) for key, each in values.items()}
    changed = _open(workspace, name).update(
        recurrence=_recurrence(recurrence), pipeline_parameters=values, **options
    )
    return _handle(changed)


def _change(workspace: str, name: str, change: str) -> object:
    found = _open(workspace, name)
    return _handle(found.pause() if change == "pause" else found.resume())


def _delete(workspace: str, name: str) -> None:
    _open(workspace, name).delete()


def _run_now(workspace: str, name: str) -> object:
    return _open(workspace, name).run_now()


def _firings(workspace: str, name: str, limit: int | None) -> object:
    found = _open(workspace, name).get_firings(limit)
    has_run = (FiringState.SUBMITTED, FiringState.ENDED)
    return Table(
        {
            "due": Vector([each.due for each in found], "time"),
            "state": Vector([each.state.value for each in found], "character"),
            "run_id": Vector(
                [each.run_id if each.state in has_run else None for each in found], "character"
            ),
            "reason": Vector([each.reason for each in found], "character"),
            "slot": Vector([each.slot for each in found], "character"),
        }
    )


def _runs(workspace: str, name: str, limit: int | None) -> object:
    return run_handles(_open(workspace, name).get_runs(limit))


def _install_agent(workspace: str, way: str | None) -> object:
    return _installation(install_agent(open_workspace(workspace), way))


def _uninstall_agent(workspace: str) -> object:
    return _installation(uninstall_agent(open_workspace(workspace)))


def _installation(found: Installation | None) -> object:
    if found is None:
        return None
    notes = Vector(found.notes, "character")
    return {"way": found.way, "place": found.place, "content": found.content, "notes": notes}


def _agent_status(workspace: str) -> object:
    found = agent_status(open_workspace(workspace))
    return {
        "pid": found.pid,
        "schedules": found.schedules,
        "installation": _installation(found.installation),
    }


CALLS: dict[str, Callable[..., object]] = {
    "agent.install": _install_agent,
    "agent.status": _agent_status,
    "agent.uninstall": _uninstall_agent,
    "schedule.change": _change,
    "schedule.create": _create,
    "schedule.delete": _delete,
    "schedule.firings": _firings,
    "schedule.get": _get,
    "schedule.list": _list,
    "schedule.next": _next,
    "schedule.run_now": _run_now,
    "schedule.runs": _runs,
    "schedule.update": _update,
}
