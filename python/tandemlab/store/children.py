"""Runs below a run that have logged into its spool, since a job has no other way to tell of them.

An event of the kind ``child`` has the child's id as its name, and as its value
``{"run": {…}, "events": [{…}, …]}``: who it is, as in ``run.json``, and what it has logged since,
as lines of a spool are, without ``seq``. Whoever takes in the parent's spool makes a run directory
of it, once, as the child itself would have done; from there on it is a run like others.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tandemlab.domain import Event, InvalidInput, NewRun, RunStatus
from tandemlab.domain.names import check_name
from tandemlab.domain.times import from_micros
from tandemlab.store.durable import storage_errors, write_file
from tandemlab.store.identity import read_identity, write_identity
from tandemlab.store.spool import mark_live

_log = logging.getLogger("tandemlab.store")


def lay_out_child(parent: Path, writer: str, event: Event) -> str | None:
    """Make what a child has logged its own; its id, or None if there is nothing to take in.

    May be repeated: what an event tells becomes one file in the child's spool, under a name that
    follows from the event.

    Args:
        parent: the directory of the run that has told of it.
        writer: of the parent's spool.
    """
    try:
        child = check_name(event.name, what="run")
        identity, events = event.value["run"], event.value["events"]
        lines = [
            json.dumps({"seq": seq, **each}, ensure_ascii=False, separators=(",", ":"))
            for seq, each in enumerate(events, 1)
        ]
        of_parent = json.loads((parent / "run.json").read_text(encoding="utf-8"))
        new = _run_of(child, parent.name, of_parent, identity)
    except (OSError, ValueError, KeyError, TypeError, InvalidInput) as problem:
        _log.warning("a child of %s cannot be taken in: %s", parent.name, problem)
        return None
    directory = parent.parent / child
    spool = directory / "spool" / f"child-{event.seq}-{writer[-8:]}.jsonl"
    if spool.exists():
        return child
    if directory.exists() and not _is_child_of(directory, parent.name):
        _log.warning("%s is a run already, and no child of %s", child, parent.name)
        return None
    with storage_errors(directory):
        spool.parent.mkdir(parents=True, exist_ok=True)
    if read_identity(directory) is None:
        write_identity(directory, new, str(of_parent.get("workspace", "")))
    mark_live(directory)
    write_file(spool, "".join(f"{line}\n" for line in lines).encode(), flush=False)
    return child


def _run_of(
    child: str, parent: str, of_parent: Mapping[str, Any], identity: Mapping[str, Any]
) -> NewRun:
    return NewRun(
        id=child,
        experiment=str(of_parent["experiment"]),
        type="child",
        display_name=str(identity["display_name"]),
        created=from_micros(int(identity["created"])),
        status=RunStatus.RUNNING,
        parent=parent,
        definition=dict(identity.get("definition") or {}),
        tags=dict(identity.get("tags") or {}),
        properties=dict(identity.get("properties") or {}),
        params=dict(identity.get("params") or {}),
    )


def _is_child_of(directory: Path, parent: str) -> bool:
    found = read_identity(directory)
    return found is None or found.parent == parent
