"""The workspace folder: where things are in it, and how what runs left there is taken in."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import AlreadyExists, NewRun, RunRecord, StorageError, VersionMismatch
from tandemlab.domain.names import check_file_name
from tandemlab.store.blobs import BlobStore
from tandemlab.store.durable import storage_errors, write_json
from tandemlab.store.identity import write_identity
from tandemlab.store.intake import Intake
from tandemlab.store.snapshots import read_manifest
from tandemlab.store.spool import live_runs, spool_files

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset, AssetChange, AssetUsage, NewAsset
    from tandemlab.store.artifacts import ArtifactPlace
    from tandemlab.store.registry import FolderRegistry
    from tandemlab.store.sql import SqlStore

FORMAT = 3
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


@contextmanager
def _claimed(
    artifacts: str | None, workspace_id: str, store: str | None, folder: Path, *, join: bool
) -> Iterator[None]:
    """Have a place for contents belong to a new workspace, unless making it fails."""
    if artifacts is None:
        yield
        return
    from tandemlab.store.artifacts import claim, open_place

    place = open_place(artifacts)
    is_new = claim(place, workspace_id, store, folder, join=join)
    try:
        yield
    except BaseException:
        if is_new:
            place.remove_marker()
        raise


@dataclass(frozen=True)
class WorkspaceFolder:
    """Paths of a workspace, and its blobs and store, opened when they are first needed."""

    path: Path

    @property
    def address(self) -> str:
        """The folder's path: what opens the workspace again."""
        return str(self.path)

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

    @property
    def server_lock(self) -> Path:
        """Held by servers while they have the workspace open, and by who builds its store anew."""
        return self.agent / "server.lock"

    def run_directory(self, run_id: str) -> Path:
        """The directory that a run owns."""
        return self._runs / run_id

    @cached_property
    def _runs(self) -> Path:
        return self.path / "runs"

    @cached_property
    def blobs(self) -> BlobStore:
        """File contents: in this folder, or at what the marker's ``artifacts`` names."""
        if not self.exists or self.read_marker().get("artifacts") is None:
            return BlobStore(self.path / "blobs", self.temporary)
        from tandemlab.store.artifacts import ArtifactBlobs
        from tandemlab.store.artifacts.sender import start_sender

        return ArtifactBlobs(
            self.path / "blobs",
            self.temporary,
            self.path / "unsent",
            opened=lambda: self._artifacts,
            start=partial(start_sender, self.path),
        )

    @cached_property
    def _artifacts(self) -> ArtifactPlace:
        from tandemlab.store.artifacts import open_place

        marker = self.read_marker()
        return open_place(marker["artifacts"], secrets=(self.path, marker["id"]))

    @cached_property
    def store(self) -> SqlStore:
        """The database: ``store.db`` in this folder, or what the marker's ``store`` names.

        Raises:
            NotFound: it is missing.
            StorageError: it cannot be reached.
            VersionMismatch: a newer program made it.
        """
        from tandemlab.store.sql import SqlStore

        store = SqlStore.open(self.read_marker().get("store") or self.path / "store.db")
        if (self.path / "environments").is_dir():
            from tandemlab.store.former_environments import migrate_environments

            migrate_environments(self.path / "environments", store)
        return store

    def owns_run(self, run_id: str) -> bool:
        """Whether a run was made in this folder: a store may serve folders on several machines."""
        return os.path.isfile(f"{self.path}/runs/{run_id}/run.json")

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
        self,
        marker: Mapping[str, Any],
        *,
        store: str | None = None,
        artifacts: str | None = None,
        join: bool = False,
    ) -> None:
        """Make a folder that may be filled a workspace, once; the marker comes last.

        Args:
            store: address of a PostgreSQL database; None makes a SQLite file.
            artifacts: address of a place for contents; None keeps them in the folder.
            join: whether a database, and its place, may belong to other folders already.

        Raises:
            AlreadyExists: the database or the place holds a workspace, and `join` is False.
        """
        with storage_errors(self.path), _locked(self.path):
            if self.exists:
                return
            with _claimed(artifacts, str(marker["id"]), store, self.path, join=join):
                if store is None:
                    self._make_parts()
                    self._create_file()
                else:
                    _create_in_database(store, join=join)
                    self._make_parts()
                # Programs that do not know of these shall not look for them here.
                known = 3 if artifacts else 2 if store else 1
                places = {"store": store, "artifacts": artifacts}
                named = {name: place for name, place in places.items() if place is not None}
                write_json(self.marker, {"format": known, **marker, **named})

    def _make_parts(self) -> None:
        for part in _PARTS:
            (self.path / part).mkdir(exist_ok=True)

    def _create_file(self) -> None:
        from tandemlab.store.sql import SqlStore

        new_store = self.path / _NEW_STORE
        shutil.rmtree(new_store, ignore_errors=True)
        new_store.mkdir()
        SqlStore.create(new_store / "store.db")
        if len(os.listdir(new_store)) > 1:  # SQLite could not bring its journal into the file
            raise StorageError(
                f"The database of {self.path} could not be made: there is no space left.",
                hint="Make room on the disk, and try again.",
            )
        (new_store / "store.db").replace(self.path / "store.db")
        new_store.rmdir()

    def add_run(self, run: NewRun) -> None:
        """Make a run's directory with its ``run.json``, then tell the store; both or neither."""
        self.add_runs([run])

    def add_runs(self, new: Sequence[NewRun], *, are_sources_kept: bool = False) -> list[RunRecord]:
        """`add_run` several at once, which takes less time; all or none.

        Args:
            are_sources_kept: whether a run that there is already needs the contents of their
                sources, so that no collection of garbage takes them.
        """
        made: list[Path] = []
        try:
            for run in new:
                directory = self.run_directory(run.id)
                with storage_errors(directory):
                    try:
                        directory.mkdir(parents=True)
                    except FileExistsError:
                        raise AlreadyExists(f"There is a run {run.id!r} already.") from None
                made.append(directory)
            snapshots = dict.fromkeys(run.snapshot for run in new if run.snapshot is not None)
            kept = () if are_sources_kept else snapshots
            sources = [digest for each in kept for digest in self._renewed(each)]
            for run, directory in zip(new, made, strict=True):
                with storage_errors(directory):
                    write_identity(directory, run, str(self.path))
            records = self.store.create_runs(new)
        except BaseException:
            for directory in made:
                shutil.rmtree(directory, ignore_errors=True)
            raise
        if sources:
            self.blobs.commit(dict.fromkeys(sources))
        return records

    def _renewed(self, snapshot: str) -> list[str]:
        """The contents of a source that is about to be recorded, made young as after a put."""
        files = read_manifest(snapshot, self.blobs)
        digests = [*dict.fromkeys(file.digest for file in files), snapshot]
        for digest in digests:
            self.blobs.renew(digest)
        return digests

    def remove_run(self, run_id: str) -> None:
        """Forget a run that has ended, with its files."""
        self.store.delete_run(run_id)
        shutil.rmtree(self.run_directory(run_id), ignore_errors=True)

    def register_asset(self, new: NewAsset) -> Asset:
        """Register an asset whose contents are in the blobs; see `Place.register_asset`."""
        if new.run_id is not None:
            self.catch_up(new.run_id)
        return self.registry.register(new)

    def change_asset(self, kind: str, name: str, version: int, change: AssetChange) -> Asset:
        """Change what may change of an asset, in the store and in its file."""
        return self.registry.change(kind, name, version, change)

    def delete_asset(self, kind: str, name: str, version: int) -> None:
        """Forget a version of an asset."""
        self.registry.delete(kind, name, version)

    def add_usage(self, usage: AssetUsage) -> None:
        """Record that a run uses an asset, in the store and in its directory."""
        from tandemlab.store.asset_files import note_usage

        self.catch_up(usage.run_id)
        self.store.add_usage(usage)
        if self.owns_run(usage.run_id):
            note_usage(self.run_directory(usage.run_id), usage)

    @property
    def registry(self) -> FolderRegistry:
        """Keeps the assets: the store, their files and their contents."""
        from tandemlab.store.registry import FolderRegistry

        return FolderRegistry(self.path, self.store, self.blobs)

    def catch_up(self, run_id: str) -> None:
        """Take in what a run's spool holds and the store does not have yet."""
        if spool_files(self.run_directory(run_id)) and self.is_writable:
            self._intake.catch_up(run_id)

    def catch_up_all(self) -> None:
        """Take in what every live run has logged, and adopt runs that the store does not know."""
        if live_runs(self.path) and self.is_writable:
            self._intake.catch_up_all()

    def forget_store(self) -> None:
        """Let go of the database; it is opened anew when it is next needed."""
        self.__dict__.pop("_intake", None)
        store = self.__dict__.pop("store", None)
        if store is not None:
            store.close()

    @cached_property
    def _intake(self) -> Intake:
        return Intake(self.path, self.store, self.blobs)

    def read_file(
        self, run_id: str, name: str, offset: int = 0, limit: int | None = None
    ) -> bytes | None:
        """A part of a run's file; see `Place.read_file`. Links out of its folder are not followed.

        Raises:
            InvalidInput: the name cannot be that of a file.
        """
        files = self.run_directory(run_id).resolve() / "files"
        path = files / check_file_name(name)
        if path.resolve() != path or not path.is_file():
            content = self._content_elsewhere(run_id, name)
            if content is None:
                return None
            path = content
        with storage_errors(path), path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size + offset) if offset < 0 else offset)
            return stream.read(-1 if limit is None else limit)

    def _content_elsewhere(self, run_id: str, name: str) -> Path | None:
        """The content of a file that another machine's run has left at the place for contents."""
        if self.read_marker().get("artifacts") is None or self.owns_run(run_id):
            return None
        digests = {file.name: file.digest for file in self.store.list_files(run_id)}
        return self.blobs.find(digests[name]) if name in digests else None
