"""``run.json``: who a run is, in its directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tandemlab.domain import NewRun, RunStatus
from tandemlab.domain.times import from_micros, to_micros
from tandemlab.store.durable import write_file

_FORMAT = 1
_FILE = "run.json"


def write_identity(directory: Path, run: NewRun, workspace: str) -> None:
    """Write a run's ``run.json``: all of the run, so that a store may be told of it later.

    A power cut takes the store's last transactions too: flushing it would not help.

    Args:
        workspace: path or URL of the workspace.
    """
    identity: dict[str, Any] = {
        "format": _FORMAT,
        "id": run.id,
        "experiment": run.experiment,
        "created": to_micros(run.created),
        "type": run.type,
        "display_name": run.display_name,
        "parent": run.parent,
        "workspace": workspace,
        "target": run.target,
        "description": run.description,
        "snapshot": run.snapshot,
        "definition": dict(run.definition),
        "context": dict(run.context),
        "tags": dict(run.tags),
        "properties": dict(run.properties),
        "params": dict(run.params),
    }
    text = json.dumps(identity, ensure_ascii=False) + "\n"  # indented, it takes ten times as long
    write_file(directory / _FILE, text.encode(), flush=False)


def read_identity(directory: Path) -> NewRun | None:
    """The run that a directory's ``run.json`` describes, as a running one.

    None if it is missing, damaged, or that of another run.
    """
    try:
        identity = json.loads((directory / _FILE).read_text("utf-8"))
        if identity["id"] != directory.name:
            return None
        return NewRun(
            id=directory.name,
            experiment=str(identity["experiment"]),
            type=str(identity["type"]),
            display_name=str(identity["display_name"]),
            created=from_micros(identity["created"]),
            status=RunStatus.RUNNING,
            parent=identity.get("parent"),
            target=identity.get("target"),
            snapshot=identity.get("snapshot"),
            description=identity.get("description"),
            definition=identity.get("definition") or {},
            context=identity.get("context") or {},
            tags=identity.get("tags") or {},
            properties=identity.get("properties") or {},
            params=identity.get("params") or {},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
