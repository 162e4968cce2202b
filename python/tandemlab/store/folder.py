"""The workspace folder: where things are in it, and how what runs left there is taken in."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tandemlab.domain import (
    AlreadyExists,
    Event,
    FileRecord,
    NewRun,
    RunStatus,
    StorageError,
    VersionMismatch,
)
from tandemlab.domain.times import from_micros, to_micros
from tandemlab.store.blobs import BlobStore
from tandemlab.store.durable import storage_errors, write_json
from tandemlab.store.protocol import Store
from tandemlab.store.spool import live_runs, read_events, settle, spool_files

FORMAT = 2
_RUN_FORMAT = 1
MARKER = "workspace.json"
_PARTS = ("runs", "blobs", "agent", "tmp", "live")
_NEW_STORE = "store.new"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from making the same workspace."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create_in_database(address: str, *, join: bool) -> None:
    from tandemlab.store.sql import SqlStore

    if not SqlStore.create(address) and not join:
        raise AlreadyExists(
            f"The database {address} holds a workspace already.",
            hint="Join it with ensure() or exist_ok=True, or name another database.",
            details={"store": address},
        )


@dataclass(frozen=True)
class WorkspaceFolder:
    """Paths of a workspace, and its blobs and store, opened when they are first needed."""

    path: Path

    @property
    def marker(self) -> Path:
        """``workspace.json``: what makes a folder a workspace."""
        return self.path / MARKER

    @property
    def exists(self) -> bool:
        """Whether there is a workspace here."""
        return self.marker.is_file()

    @property
    def is_writable(self) -> bool:
        """Whether this user may write here, and into the store."""
        return os.access(self.path, os.W_OK) and self.store.is_writable

    @property
    def temporary(self) -> Path:
        """Where files are written under names of no meaning."""
        return self.path / "tmp"

    @property
    def agent(self) -> Path:
        """What the workspace's agent needs."""
        return self.path / "agent"

    def run_directory(self, run_id: str) -> Path:
        """The directory that a run owns."""
        return self.path / "runs" / run_id

    @cached_property
    def blobs(self) -> BlobStore:
        """File contents."""
        return BlobStore(self.path / "blobs", self.temporary)

    @cached_property
    def store(self) -> Store:
        """The database: ``store.db`` in this folder, or what the marker's ``store`` names.

        Raises:
            NotFound: it is missing.
            StorageError: it cannot be reached.
            VersionMismatch: a newer program made it.
        """
        from tandemlab.store.sql import SqlStore

        return SqlStore.open(self.read_marker().get("store") or self.path / "store.db")

    def owns_run(self, run_id: str) -> bool:
        """Whether a run was made in this folder: a store may serve folders on several machines."""
        return (self.run_directory(run_id) / "run.json").is_file()

    def read_marker(self) -> dict[str, Any]:
        """The content of ``workspace.json``.

        Raises:
            StorageError: it cannot be read.
            VersionMismatch: its format is newer than this program.
        """
        with storage_errors(self.marker):
            text = self.marker.read_text(encoding="utf-8")
        try:
            content = json.loads(text)
            found = content["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(
                f"{self.marker} is damaged: {error}.",
                hint="Restore it from a backup.",
                details={"path": str(self.marker)},
            ) from error
        if found > FORMAT:
            raise VersionMismatch(
                f"{self.path} has workspace format {found}; this tandemlab knows {FORMAT}.",
                hint="Upgrade tandemlab.",
                details={"found": found, "known": FORMAT},
            )
        return dict(content)

    @property
    def may_be_filled(self) -> bool:
        """Whether the folder is empty, or holds nothing but parts of an unfinished workspace."""
        parts = {*_PARTS, _NEW_STORE, "store.db"}
        return self.path.is_dir() and {*os.listdir(self.path)} <= parts

    def fill(
        self, marker: Mapping[str, Any], *, store: str | None = None, join: bool = False
    ) -> None:
        """Make a folder that may be filled a workspace, once; the marker comes last.

        Args:
            store: address of a PostgreSQL database; None makes a SQLite file.
            join: whether a database may belong to other folders already.

        Raises:
            AlreadyExists: the database holds a workspace, and `join` is False.
        """
        with storage_errors(self.path), _locked(self.path):
            if self.exists:
                return
            if store is None:
                self._make_parts()
                self._create_file()
                write_json(self.marker, {"format": 1, **marker})
            else:
                _create_in_database(store, join=join)
                self._make_parts()
                # Programs that know only SQLite shall not look for a file here.
                write_json(self.marker, {"format": FORMAT, **marker, "store": store})

    def _make_parts(self) -> None:
        for part in _PARTS:
            (self.path / part).mkdir(exist_ok=True)

    def _create_file(self) -> None:
        from tandemlab.store.sql import SqlStore

        new_store = self.path / _NEW_STORE
        shutil.rmtree(new_store, ignore_errors=True)
        new_store.mkdir()
        SqlStore.create(new_store / "store.db")
        (new_store / "store.db").replace(self.path / "store.db")
        new_store.rmdir()

    def add_run(self, run: NewRun) -> None:
        """Make a run's directory with its ``run.json``, then tell the store; both or neither."""
        directory = self.run_directory(run.id)
        with storage_errors(directory):
            try:
                directory.mkdir(parents=True)
            except FileExistsError:
                raise AlreadyExists(f"There is a run {run.id!r} already.") from None
        try:
            with storage_errors(directory):
                # A power cut takes the store's last transactions too: flushing would not help.
                write_json(directory / "run.json", self._identity(run), flush=False)
            self.store.create_run(run)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise

    def _identity(self, run: NewRun) -> dict[str, Any]:
        return {
            "format": _RUN_FORMAT,
            "id": run.id,
            "experiment": run.experiment,
            "created": to_micros(run.created),
            "type": run.type,
            "display_name": run.display_name,
            "parent": run.parent,
            "workspace": str(self.path),
        }

    def catch_up(self, run_id: str) -> None:
        """Take in what a run's spool holds and the store does not have yet."""
        if self.is_writable and spool_files(self.run_directory(run_id)):
            self._take_in(run_id, self.store.positions(run_id))

    def _take_in(self, run_id: str, positions: Mapping[str, tuple[int, int]]) -> None:
        directory = self.run_directory(run_id)
        for path in spool_files(directory):
            _, offset = positions.get(path.stem, (0, 0))
            if path.stat().st_size > offset:
                for events, end in read_events(path, offset):
                    files = self._adopt_files(directory, events)
                    self.store.ingest(run_id, path.stem, events, end=end, files=files)

    def catch_up_all(self) -> None:
        """Take in what every live run has logged, and adopt runs that the store does not know."""
        live = live_runs(self.path)
        if not live or not self.is_writable:
            return
        known = self.store.known_runs(live)
        positions = self.store.positions_of(live)
        for run_id in live:
            if run_id in known or self._adopt(run_id):
                self._take_in(run_id, positions.get(run_id, {}))
            else:
                self._forget(run_id)
        for run_id, status in self.store.known_runs(live).items():
            if status.is_terminal:
                settle(self.run_directory(run_id))

    def _forget(self, run_id: str) -> None:
        """Drop the marker of a run that has been removed."""
        if not self.run_directory(run_id).exists():
            with suppress(OSError):
                (self.path / "live" / run_id).unlink()

    def _adopt(self, run_id: str) -> bool:
        """Tell the store of a run that was made without it, from its ``run.json``."""
        try:
            identity = json.loads((self.run_directory(run_id) / "run.json").read_text("utf-8"))
        except (OSError, ValueError):
            return False
        self.store.create_run(
            NewRun(
                id=run_id,
                experiment=identity["experiment"],
                type=identity["type"],
                display_name=identity["display_name"],
                created=from_micros(identity["created"]),
                status=RunStatus.RUNNING,
                parent=identity.get("parent"),
                context=identity.get("context") or {},
            )
        )
        return True

    def _adopt_files(self, directory: Path, events: Sequence[Event]) -> dict[str, FileRecord]:
        names = [event.name for event in events if event.kind == "file"]
        names += [event.value["file"] for event in events if event.kind == "image"]
        found = {}
        for name in names:
            path = directory / "files" / name
            if path.is_file():
                found[name] = FileRecord(name, *self.blobs.adopt(path))
        return found
