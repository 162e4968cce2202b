"""Taking in what runs left in their spools, into whatever store and blobs the workspace has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tandemlab.domain import Event, FileRecord, NewRun, NotFound
from tandemlab.store.children import lay_out_child
from tandemlab.store.identity import read_identity
from tandemlab.store.place import Blobs
from tandemlab.store.protocol import Store
from tandemlab.store.spool import live_runs, read_events, settle, spool_files


@dataclass(frozen=True)
class Intake:
    """Reads the spools below a folder.

    It may be repeated, interrupted and done from several places at once: the store passes over
    what it has.

    Attributes:
        folder: what holds ``runs/`` and ``live/``.
    """

    folder: Path
    store: Store
    blobs: Blobs

    def catch_up(self, run_id: str) -> None:
        """Take in what a run's spool holds and the store does not have yet."""
        if spool_files(self._directory(run_id)):
            try:
                self._take_in(run_id, self.store.positions(run_id))
            except NotFound:
                if not self.adopt(run_id):
                    raise
                self._take_in(run_id, {})

    def catch_up_all(self) -> None:
        """Take in what every live run has logged, and adopt runs that the store does not know."""
        live = live_runs(self.folder)
        if not live:
            return
        known = self.store.known_runs(live)
        positions = self.store.positions_of(live)
        for run_id in live:
            if run_id in known or self.adopt(run_id):
                self._take_in(run_id, positions.get(run_id, {}))
            else:
                self._forget(run_id)
        for run_id, status in self.store.known_runs(live).items():
            if status.is_terminal:
                settle(self._directory(run_id))

    def adopt(self, run_id: str) -> bool:
        """Tell the store of a run that was made without it, from its ``run.json``."""
        run = read_identity(self._directory(run_id))
        if run is None:
            return False
        self._announce(run)
        return True

    def _announce(self, run: NewRun) -> None:
        self.store.create_run(run)

    def _directory(self, run_id: str) -> Path:
        return self.folder / "runs" / run_id

    def _take_in(self, run_id: str, positions: Mapping[str, tuple[int, int]]) -> None:
        directory = self._directory(run_id)
        for path in spool_files(directory):
            _, offset = positions.get(path.stem, (0, 0))
            if path.stat().st_size > offset:
                for events, end in read_events(path, offset):
                    self._take_in_children(directory, path.stem, events)
                    files = self._adopt_files(directory, events)
                    self.store.ingest(run_id, path.stem, events, end=end, files=files)
                    if files:
                        self.blobs.commit([file.digest for file in files.values()])

    def _take_in_children(self, directory: Path, writer: str, events: Sequence[Event]) -> None:
        for event in events:
            if event.kind == "child":
                child = lay_out_child(directory, writer, event)
                if child is not None:
                    self.catch_up(child)

    def _adopt_files(self, directory: Path, events: Sequence[Event]) -> dict[str, FileRecord]:
        names = [event.name for event in events if event.kind == "file"]
        names += [event.value["file"] for event in events if event.kind == "image"]
        found = {}
        for name in names:
            path = directory / "files" / name
            if path.is_file():
                found[name] = FileRecord(name, *self.blobs.adopt(path))
        return found

    def _forget(self, run_id: str) -> None:
        """Drop the marker of a run that has been removed."""
        if not self._directory(run_id).exists():
            with suppress(OSError):
                (self.folder / "live" / run_id).unlink()
