"""The sender of contents: a process that brings them from a workspace folder to their place.

``python -m tandemlab.store.artifacts.sender FOLDER LOCK``; whoever records a content starts it, and
hands it the descriptor of the lock. It ends when nothing is left to send, or when the place has
been away for long; the next content, or ``tandemlab sync``, starts anew.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.domain import NotAllowed, TandemlabError
from tandemlab.store.artifacts.blobs import ArtifactBlobs
from tandemlab.store.daemons import start_daemon, take_lock

if TYPE_CHECKING:
    from tandemlab.store.folder import WorkspaceFolder

_log = logging.getLogger("tandemlab.sender")
_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_AWAY_SECONDS = 600.0
_COPIES_BYTES = 2 << 30


def start_sender(folder: Path) -> None:
    """See to it that a sender works for a workspace folder."""
    lock = take_lock(folder / "agent" / "sender.lock")
    if lock is None:
        return
    command = [sys.executable, "-m", "tandemlab.store.artifacts.sender", str(folder), str(lock)]
    try:
        start_daemon(command, lock, folder / "agent" / "sender.log", os.environ)
    finally:
        os.close(lock)


def _work(folder: WorkspaceFolder, blobs: ArtifactBlobs, idle_seconds: float) -> None:
    """Send as long as there is something to send, and a little longer."""
    pause, last = _PAUSE, time.monotonic()
    while folder.exists and time.monotonic() - last < _AWAY_SECONDS:
        try:
            count = blobs.send()
        except NotAllowed as problem:
            _log.warning("%s", problem.message)
            return  # somebody else may have keys that suffice
        except TandemlabError as problem:
            _log.warning("%s", problem.message)
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            pause = _PAUSE
            if count:
                _log.info("%d contents are at %s", count, blobs.place.address)
                last = time.monotonic()
            elif time.monotonic() - last > idle_seconds:
                blobs.prune(_COPIES_BYTES)
                return
        time.sleep(pause)


def main() -> None:
    """Send for the folder and with the lock that the arguments name."""
    from tandemlab.store.folder import WorkspaceFolder

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    folder, lock = WorkspaceFolder(Path(sys.argv[1])), int(sys.argv[2])
    os.set_inheritable(lock, False)
    blobs = folder.blobs
    assert isinstance(blobs, ArtifactBlobs)
    idle = float(os.environ.get("TANDEMLAB_IDLE_SECONDS") or 10.0)
    _log.info("sender %d works for %s", os.getpid(), folder.path)
    _work(folder, blobs, idle)
    _log.info("sender %d ends", os.getpid())


if __name__ == "__main__":
    main()
