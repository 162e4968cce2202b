"""An agent that stays: ``python -m tandemlab.compute.stay WORKSPACE``.

What the system starts after a reboot (`tandemlab.schedules.autostart`). While another agent of the
workspace is at work this one waits, and takes its place when that has ended.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

from tandemlab.compute.agent import Agent
from tandemlab.compute.settings import AgentSettings
from tandemlab.store.folder import WorkspaceFolder


def main() -> None:
    """Be the agent of the workspace that the argument names, until told to stop."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    folder = WorkspaceFolder(Path(sys.argv[1]))
    if not folder.exists:
        logging.error("there is no workspace at %s any more", folder.path)
        return
    lock = os.open(folder.agent / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)
    settings = replace(AgentSettings.from_environment(), idle_seconds=float("inf"))
    Agent(folder, settings).serve(lock)


if __name__ == "__main__":
    main()
