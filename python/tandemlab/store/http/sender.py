"""The sender: a process that brings to a server what this machine logs to its workspace.

``python -m tandemlab.store.http.sender URL LOCK``; a run's beginning starts it, and hands it the
descriptor of the lock. It needs none of the processes that log: what they leave is sent, however
they end. It ends when there is nothing left to send, or when the server has been away for long;
the next run, or ``tandemlab sync``, starts anew.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time

from tandemlab.domain import TandemlabError
from tandemlab.store.daemons import start_daemon, take_lock
from tandemlab.store.http.blobs import prune
from tandemlab.store.http.place import RemoteWorkspace
from tandemlab.store.identity import read_identity
from tandemlab.store.spool import (
    has_living_writer,
    live_runs,
    mark_live,
    process_lives,
    spool_files,
)

_log = logging.getLogger("tandemlab.sender")
_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_AWAY_SECONDS = 600.0
_CACHE_BYTES = 2 << 30


def start_sender(place: RemoteWorkspace) -> None:
    """See to it that a sender works for this machine and workspace."""
    lock = take_lock(place.path / "sender.lock")
    if lock is None:
        return
    command = [sys.executable, "-m", "tandemlab.store.http.sender", place.address, str(lock)]
    try:
        start_daemon(command, lock, place.path / "sender.log", os.environ)
    finally:
        os.close(lock)


def send_all(place: RemoteWorkspace) -> list[str]:
    """Send everything, and remove what the server has wholly; the runs that are still followed.

    Raises:
        Unavailable: the server cannot be reached; what was not sent stays.
    """
    before = live_runs(place.path)
    place.catch_up_all()
    after = live_runs(place.path)
    for run_id, positions in _settled(place, set(before) - set(after)).items():
        if any(end > positions.get(writer, 0) for writer, end in _ends(place, run_id).items()):
            mark_live(place.run_directory(run_id))  # more came while the rest was sent
        else:
            place.forget_run(run_id)
    return after


def _settled(place: RemoteWorkspace, run_ids: set[str]) -> dict[str, dict[str, int]]:
    """What the server has of runs that have ended: the offset by run and writer."""
    known = place.store.known_runs(run_ids) if run_ids else {}
    positions = place.store.positions_of(list(known)) if known else {}
    return {
        run_id: {writer: end for writer, (_, end) in positions.get(run_id, {}).items()}
        for run_id in known
    }


def _ends(place: RemoteWorkspace, run_id: str) -> dict[str, int]:
    """The size of each spool file of a run on this machine."""
    files = spool_files(place.run_directory(run_id))
    return {path.stem: path.stat().st_size for path in files}


def _is_busy(place: RemoteWorkspace, run_id: str) -> bool:
    """Whether a process of this machine may still log to a run."""
    directory = place.run_directory(run_id)
    run = read_identity(directory)
    context = {} if run is None else run.context
    is_ours = context.get("host") == socket.gethostname()
    began = is_ours and process_lives(int(context.get("pid") or 0))
    return began or has_living_writer(directory)


def _work(place: RemoteWorkspace, idle_seconds: float) -> None:
    """Send as long as there is news, and leave when nobody is left who may log."""
    seen: dict[str, dict[str, int]] | None = None
    pause, last = _PAUSE, time.monotonic()
    while place.path.exists():
        sizes = {run_id: _ends(place, run_id) for run_id in live_runs(place.path)}
        is_over = time.monotonic() - last > idle_seconds
        if sizes != seen or is_over:
            try:
                left = send_all(place)
            except TandemlabError as problem:
                _log.warning("%s", problem.message)
                pause = min(2 * pause, _LONGEST_PAUSE)
                if time.monotonic() - last > _AWAY_SECONDS:
                    return
            else:
                seen, pause, last = sizes, _PAUSE, time.monotonic()
                if is_over and not any(_is_busy(place, run_id) for run_id in left):
                    prune(place.path / "blobs", _CACHE_BYTES)
                    return
        time.sleep(pause)


def main() -> None:
    """Send for the workspace and with the lock that the arguments name."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.set_inheritable(int(sys.argv[2]), False)
    place = RemoteWorkspace(sys.argv[1])
    idle = float(os.environ.get("TANDEMLAB_IDLE_SECONDS") or 10.0)
    _log.info("sender %d works for %s", os.getpid(), place.address)
    _work(place, idle)
    _log.info("sender %d ends", os.getpid())


if __name__ == "__main__":
    main()
