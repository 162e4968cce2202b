"""Which run this process is in: a job's, the innermost interactive one, or an off-line one."""

from __future__ import annotations

import atexit
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidState, RunError

if TYPE_CHECKING:
    from tandemlab.tracking.run import Run
    from tandemlab.tracking.workspace import Workspace

_active: list[Run] = []
_own: Run | None = None
_offline: Run | None = None


def get_current_run(*, allow_offline: bool = True) -> Run:
    """The run that code logs to when it names none.

    In order: the innermost interactive run of this process, the run of the job that this process
    belongs to, or an off-line run, kept under ``.tandemlab/offline`` in the working directory.

    Args:
        allow_offline: whether to make an off-line run, with one visible warning.

    Raises:
        InvalidState: there is no run, and off-line runs are not allowed.
    """
    run = current_run()
    if run is not None:
        return run
    if not allow_offline:
        raise InvalidState(
            "This process is not part of a run.",
            hint="Submit the script, or use `with experiment.start_logging() as run`.",
        )
    return _offline_run()


def current_run() -> Run | None:
    """The innermost interactive run of this process, or the run of its job, or None."""
    return _active[-1] if _active else own_run()


def current_run_in(workspace: Workspace) -> Run | None:
    """The current run if it is one of that workspace; else None."""
    run = current_run()
    return run if run is not None and run.workspace.address == workspace.address else None


def own_run() -> Run | None:
    """The run of the job that this process belongs to, from its environment."""
    global _own
    run_id = os.environ.get("TANDEMLAB_RUN_ID")
    if not run_id:
        return None
    if _own is None or _own.id != run_id:
        from tandemlab.tracking.run import Run
        from tandemlab.tracking.workspace import Workspace

        workspace = Workspace(Path(os.environ["TANDEMLAB_WORKSPACE"]))
        _own = Run(workspace, run_id, experiment=os.environ.get("TANDEMLAB_EXPERIMENT"))
    return _own


def enter(run: Run) -> None:
    """Make `run` the current one."""
    _active.append(run)


def leave(run: Run) -> None:
    """`run` is over; the one around it is current again."""
    if run in _active:
        _active.remove(run)


def _offline_run() -> Run:
    global _offline
    if _offline is None:
        from tandemlab.tracking.workspace import Workspace

        workspace = Workspace.ensure(_offline_place())
        _offline = workspace.experiment("offline").create_run(type="offline")
        atexit.register(_end, _offline)
        warnings.warn(
            f"No run is active: logging to the off-line run {_offline.id}, "
            f"kept in {_offline.directory}.",
            stacklevel=3,
        )
    return _offline


def _offline_place() -> Path:
    """Below the working directory, or the user's cache where that cannot be written."""
    if os.access(Path.cwd(), os.W_OK):
        return Path.cwd() / ".tandemlab" / "offline"
    from platformdirs import user_cache_path

    return user_cache_path("tandemlab") / "offline"


def _end(run: Run) -> None:
    """End the off-line run as the process ends."""
    problem = getattr(sys, "last_value", None)
    if problem is None:
        run.complete()
    else:
        run.fail(RunError(f"{type(problem).__name__}: {problem}", "exception"))
