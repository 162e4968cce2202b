"""Runs that the agent takes forward itself: what they log, say and keep."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress

from tandemlab.compute.work_folders import SPARE, remove
from tandemlab.domain import (
    FileRecord,
    InvalidState,
    NewRun,
    RunError,
    RunRecord,
    RunStatus,
)
from tandemlab.store.durable import storage_errors
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.run_files import LOG_FILE
from tandemlab.store.spool import SpoolWriter, settle
from tandemlab.tracking.agent import wake


class DrivenRun:
    """The own run of a pipeline or a sweep, whose work is done by other runs.

    Attributes:
        spool: takes what is logged to the run.
    """

    def __init__(self, folder: WorkspaceFolder, run_id: str) -> None:
        self._folder = folder
        self._id = run_id
        self._directory = folder.run_directory(run_id)
        self._lines: list[str] = []
        self._queued: list[RunRecord] = []
        self._canceled: set[str] = set()
        self.spool = SpoolWriter(self._directory)

    def queue(self, new: Sequence[NewRun]) -> list[RunRecord]:
        """Make runs that do a part of the work, all at once."""
        for run in new:
            # What the store does not know is what an agent has left that was killed as it made it.
            if (directory := self._folder.run_directory(run.id)).exists():
                shutil.rmtree(directory, ignore_errors=True)
        records = self._folder.add_runs(new, are_sources_kept=True)
        self._queued += records
        return records

    def cancel(self, run_id: str) -> None:
        """Have such a run be canceled, unless it has ended or was asked to end before."""
        if run_id not in self._canceled:
            with suppress(InvalidState):  # it has just ended
                self._folder.store.move_run(run_id, RunStatus.CANCEL_REQUESTED)
            self._canceled.add(run_id)
            wake(self._folder)

    def take_queued(self) -> list[RunRecord]:
        """The runs that were queued since this was last asked."""
        queued, self._queued = self._queued, []
        return queued

    def say(self, text: str) -> None:
        """A line of the run's log, which `write_log` writes with all others of a turn."""
        self._lines.append(f"{text}\n")

    def write_log(self) -> None:
        """Append to the run's log what was said since."""
        if not self._lines:
            return
        log = self._directory / "files" / LOG_FILE
        with storage_errors(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as stream:
                stream.write("".join(self._lines))
        self._lines.clear()

    def end(
        self, status: RunStatus, error: RunError | None, files: Sequence[FileRecord] = ()
    ) -> None:
        """Write and keep the log, take in what was logged, and give the run its last status.

        Args:
            files: others that the run keeps.
        """
        self.write_log()
        log = self._directory / "files" / LOG_FILE
        kept = [*files, FileRecord(LOG_FILE, *self._folder.blobs.adopt(log))]
        self.spool.close()
        self._folder.catch_up(self._id)
        self._folder.store.add_files(self._id, kept)
        self._folder.blobs.commit([each.digest for each in kept])
        remove(self._directory / SPARE)
        self._folder.store.move_run(self._id, status, error=error)
        settle(self._directory)
