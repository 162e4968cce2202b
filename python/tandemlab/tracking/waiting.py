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

_SHORTEST, _LONGEST = 0.005, 0.5
_SHARE = 0.1  # of the time since the last news: by so much the next are noticed late
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
    record = run.workspace.store.get_run(run.id) or run.record
    offset, attended, heard = 0, time.monotonic(), time.monotonic()
    while True:
        # The whole record of a pipeline is long, and only its status changes.
        status = run.workspace.store.known_runs([run.id]).get(run.id, record.status)
        news = 0
        if show_output:
            before, offset = offset, _show(run, offset)
            news = offset - before
        if status.is_terminal:
            return
        if deadline is not None and time.monotonic() > deadline:
            raise InvalidState(
                f"Run {run.id} is {status} after {timeout_seconds} seconds of waiting.",
                hint="It goes on; wait again or cancel it.",
                details={"run_id": run.id, "status": status.value},
            )
        if not record.is_submitted:
            run.workspace.place.catch_up(run.id)
        elif time.monotonic() - attended > _ATTEND_EVERY:
            run.workspace.attend()
            attended = time.monotonic()
        if news:
            heard = time.monotonic()
        pause = _SHARE * (time.monotonic() - heard)
        time.sleep(min(max(_SHORTEST, pause), _LONGEST))


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
    output = "" if "\n".join(lines) in reason else "\n".join(f"  | {line}" for line in lines)
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
