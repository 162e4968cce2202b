"""Checking a workspace, with its agent in mind."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidState, RunQuery
from tandemlab.domain.findings import Finding
from tandemlab.domain.records import JOBS
from tandemlab.domain.status import ACTIVE
from tandemlab.domain.times import now
from tandemlab.store import daemons
from tandemlab.store.upkeep import check_folder
from tandemlab.tracking.agent import take_lock

if TYPE_CHECKING:
    from tandemlab.tracking.workspace import Workspace


def check(
    workspace: Workspace, *, repair: bool, deep: bool, is_served: bool = False
) -> list[Finding]:
    """See `Workspace.check`. While it repairs, no agent can start and no server open the folder.

    Args:
        is_served: whether a server asks, which goes on using the folder meanwhile.
    """
    folder = workspace.folder
    is_writable = os.access(folder.path, os.W_OK)
    if repair and not is_writable:
        raise InvalidState(
            f"{folder.path} is read-only for this user; nothing can be repaired.",
            hint="Check it without repair.",
        )
    findings = [] if repair else check_folder(folder, repair=False, quiet=False, deep=deep)
    begin, lock = now(), take_lock(folder) if is_writable else None
    unserved = None if is_served or not repair else daemons.take_lock(folder.server_lock)
    if lock is not None or repair:
        try:
            if repair:
                quiet = lock is not None and unserved is not None
                findings = check_folder(folder, repair=True, quiet=quiet, deep=deep)
            findings += [] if lock is None else _stale_owner(lock, repair=repair)
        finally:
            for held in (lock, unserved):
                if held is not None:
                    os.close(held)
    is_store_whole = not any(f.is_open and f.code.startswith("store_") for f in findings)
    if lock is not None and is_store_whole:
        findings += _unattended(workspace, begin, repair=repair)
    return findings


def _stale_owner(lock: int, *, repair: bool) -> list[Finding]:
    """The lock is ours, so that whoever it names has died without taking the name back."""
    if not os.fstat(lock).st_size:
        return []
    finding = Finding(
        "agent_lock",
        "agent/lock",
        "It names an agent that was killed.",
        "The name is removed.",
        can_repair=True,
    )
    if repair:
        os.ftruncate(lock, 0)
    return [finding.done() if repair else finding]


def _unattended(workspace: Workspace, begin: datetime, *, repair: bool) -> list[Finding]:
    """No agent had the lock, so nobody looks after submitted runs.

    Those that came while we had it are our own doing: an agent is started for them.
    """
    active = workspace.store.find_runs(RunQuery(status=ACTIVE, type=JOBS, include_children=True))
    are_old = any(record.created < begin for record in active)
    if active and (repair or not are_old):
        workspace.attend()
    if not are_old:
        return []
    finding = Finding(
        "runs_unattended",
        "agent",
        "Submitted runs are active, and no agent looks after them.",
        "An agent is started, which goes on with them.",
        can_repair=True,
    )
    return [finding.done() if repair else finding]
