"""Waiting for a run, with its output on the screen."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidState, RunFailed, RunStatus
from tandemlab.store.run_files import LOG_FILE
from tandemlab.tracking.logs import TAIL_BYTES, last_lines

if TYPE_CHECKING:
    from tandemlab.tracking.run import Run

_SHORTEST, _LONGEST = 0.02, 0.5
_ATTEND_EVERY = 2.0


def wait(
    run: Run, show_output: bool, raise_on_error: bool, timeout_seconds: float | None
) -> dict[str, Any]:
    """See `Run.wait_for_completion`."""
    try:
        _follow(run, show_output, timeout_seconds)
    except KeyboardInterrupt:
        sys.stderr.write(
            f"\nStopped waiting; run {run.id} goes on. `tandemlab run cancel {run.id}` ends it.\n"
        )
        raise
    if raise_on_error:
        raise_if_failed(run)
    return run.get_details()


def _follow(run: Run, show_output: bool, timeout_seconds: float | None) -> None:
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    pause, offset, attended = _SHORTEST, 0, time.monotonic()
    while True:
        record = run.workspace.store.get_run(run.id) or run.record
        news = 0
        if show_output:
            before, offset = offset, _show(run, offset)
            news = offset - before
        if record.status.is_terminal:
            return
        if deadline is not None and time.monotonic() > deadline:
            raise InvalidState(
                f"Run {run.id} is {record.status} after {timeout_seconds} seconds of waiting.",
                hint="It goes on; wait again or cancel it.",
                details={"run_id": run.id, "status": record.status.value},
            )
        if not record.is_submitted:
            run.workspace.place.catch_up(run.id)
        elif time.monotonic() - attended > _ATTEND_EVERY:
            run.workspace.attend()
            attended = time.monotonic()
        pause = _SHORTEST if news else min(pause * 1.5, _LONGEST)
        time.sleep(pause)


def _show(run: Run, offset: int) -> int:
    while True:
        text, end = run.read_log(offset)
        if end == offset:
            return offset
        sys.stdout.write(text)
        sys.stdout.flush()
        offset = end


def raise_if_failed(run: Run) -> None:
    """Raise for a run that ended otherwise than Completed.

    Raises:
        RunFailed: with the reason, the exit code and the last lines of the log.
    """
    record = run.record
    if record.status is RunStatus.COMPLETED:
        return
    lines = last_lines(run.read_file(LOG_FILE, -TAIL_BYTES))
    reason = f": {record.error.message}" if record.error else ""
    output = "\n".join(f"  | {line}" for line in lines)
    raise RunFailed(
        f"Run {run.id} {'was canceled' if record.status is RunStatus.CANCELED else 'failed'}"
        f"{reason}" + (f"\n{output}" if output else ""),
        hint=f"The whole log: `tandemlab run logs {run.id}`"
        if run.workspace.is_remote
        else f"The whole log: {run.log_path}",
        details={
            "run_id": run.id,
            "status": record.status.value,
            "exit_code": record.exit_code,
            "error_code": record.error.code if record.error else None,
            "log_tail": lines,
        },
    )
