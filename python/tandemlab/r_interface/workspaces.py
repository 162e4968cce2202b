"""What R asks of workspaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeAlias

from tandemlab.bridge.values import Table
from tandemlab.domain import NotFound
from tandemlab.r_interface.handles import (
    forget_workspace,
    open_workspace,
    run_handles,
    workspace_handle,
)
from tandemlab.tracking import Workspace
from tandemlab.tracking.known import known_workspaces

TagFilter: TypeAlias = str | Mapping[str, str | None] | None


def _create(
    name: str,
    friendly_name: str | None,
    description: str | None,
    tags: Mapping[str, str],
    store: str | None,
    artifacts: str | None,
    exist_ok: bool,
) -> object:
    workspace = Workspace.create(
        name,
        friendly_name=friendly_name,
        description=description,
        tags=tags,
        store=store,
        artifacts=artifacts,
        exist_ok=exist_ok,
    )
    return workspace_handle(workspace)


def _get(name: str) -> object:
    try:
        return workspace_handle(Workspace.get(name))
    except NotFound:
        return None


def _from_config(path: str, file_name: str | None) -> object:
    return workspace_handle(Workspace.from_config(path, file_name))


def _list() -> object:
    # By what is known here: a server that is away must not be waited for.
    found = sorted(known_workspaces().items())
    return Table({"name": [name for _, name in found], "path": [path for path, _ in found]})


def _delete(workspace: str) -> None:
    open_workspace(workspace).delete()
    forget_workspace(workspace)


def _sync(workspace: str) -> object:
    from tandemlab.tracking.sending import send

    sent = send(open_workspace(workspace))
    return Table({"run": list(sent), "status": [status.value for status in sent.values()]})


def _runs(
    workspace: str,
    filter: str | None,
    order_by: Sequence[str],
    limit: int | None,
    offset: int,
    include_children: bool,
) -> object:
    return run_handles(
        open_workspace(workspace).get_runs(
            filter,
            order_by=order_by,
            limit=limit,
            offset=offset,
            include_children=include_children,
        )
    )


def _write_config(workspace: str, path: str, file_name: str | None) -> object:
    return str(open_workspace(workspace).write_config(path, file_name))


def _details(workspace: str) -> object:
    return open_workspace(workspace).get_details()


def _check(workspace: str, repair: bool, deep: bool) -> object:
    findings = open_workspace(workspace).check(repair, deep)
    columns = ("code", "where", "problem", "repair", "is_note", "repaired")
    return Table({name: [getattr(found, name) for found in findings] for name in columns})


def _gc(workspace: str, older_than_seconds: float, dry_run: bool, take_over: bool) -> object:
    found = open_workspace(workspace)
    return asdict(found.gc(older_than_seconds, dry_run, take_over=take_over))


CALLS: dict[str, Callable[..., object]] = {
    "workspace.check": _check,
    "workspace.create": _create,
    "workspace.delete": _delete,
    "workspace.details": _details,
    "workspace.from_config": _from_config,
    "workspace.gc": _gc,
    "workspace.get": _get,
    "workspace.list": _list,
    "workspace.runs": _runs,
    "workspace.sync": _sync,
    "workspace.write_config": _write_config,
}
