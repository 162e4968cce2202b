"""A workspace at a server, as its users on this machine have it."""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tandemlab.domain import (
    AlreadyExists,
    Garbage,
    InvalidInput,
    NewRun,
    NotFound,
    RunRecord,
    Unavailable,
)
from tandemlab.domain.assets import Asset, AssetChange, AssetUsage, NewAsset
from tandemlab.domain.findings import Finding
from tandemlab.domain.names import check_file_name, check_name
from tandemlab.store.durable import storage_errors, write_file, write_json
from tandemlab.store.http.blobs import HttpBlobs
from tandemlab.store.http.client import Address, Client, part
from tandemlab.store.http.secrets import HttpSecrets
from tandemlab.store.http.store import HttpStore
from tandemlab.store.http.wire import decode, encode
from tandemlab.store.identity import write_identity
from tandemlab.store.intake import Intake
from tandemlab.store.snapshots import read_manifest
from tandemlab.store.spool import mark_live
from tandemlab.store.user import data_folder

_PARTS = ("runs", "live", "tmp", "blobs")
_MARKER = "workspace.json"
_ADDRESS = "address"
_ANNOUNCED = "announced"
_log = logging.getLogger("tandemlab.sender")


class Sending(Intake):
    """Takes in what runs have logged on this machine, into the store of a server."""

    blobs: HttpBlobs

    def announce(self, run: NewRun) -> RunRecord:
        """Tell the server of a run; with its source, if any was kept."""
        if run.snapshot is not None:
            files = read_manifest(run.snapshot, self.blobs)
            self.blobs.send([*dict.fromkeys(file.digest for file in files), run.snapshot])
        record = self.store.create_run(run)
        (self._directory(run.id) / _ANNOUNCED).touch()
        return record

    def adopt(self, run_id: str) -> bool:
        """Tell the server of a run that it has not heard of; one that it had is gone there."""
        directory = self._directory(run_id)
        if (directory / _ANNOUNCED).exists():
            _log.warning("run %s was deleted at the server; %s is left", run_id, directory)
            (self.folder / "live" / run_id).unlink(missing_ok=True)
            return False
        return super().adopt(run_id)

    def _announce(self, run: NewRun) -> None:
        self.announce(run)


@dataclass(frozen=True, init=False)
class RemoteWorkspace:
    """Reaches a workspace by URL.

    Runs that this machine logs to have their directories in a local folder, laid out as in a
    workspace folder. A process beside (`tandemlab.store.http.sender`), and every reader, sends what
    they log. While the server cannot be reached everything waits there.

    Args:
        url: ``http(s)://HOST[:PORT]/NAME``.
    """

    where: Address

    def __init__(self, url: str) -> None:
        where = Address.of(url)
        if not where.name:
            raise InvalidInput(
                f"{url!r} is a server, not a workspace.",
                hint=f"Add the workspace's name: {where.server}/NAME. "
                f"`tandemlab server status {where.server}` shows what it has.",
                details={"url": url},
            )
        check_name(where.name, what="workspace")
        object.__setattr__(self, "where", where)

    @property
    def address(self) -> str:
        """The URL: what opens the workspace again."""
        return self.where.url

    @cached_property
    def path(self) -> Path:
        """The local folder of what this machine logs."""
        scheme, _, host = self.where.server.partition("://")
        secure = "" if scheme == "http" else "https_"
        server = secure + host.replace(":", "_").strip("[]")
        return data_folder() / "servers" / server / self.where.name

    @cached_property
    def client(self) -> Client:
        """Talks to the server."""
        return Client(self.where.server)

    @cached_property
    def store(self) -> HttpStore:
        """Experiments and runs."""
        return HttpStore(self.client, self.where.name)

    @cached_property
    def blobs(self) -> HttpBlobs:
        """File contents."""
        return HttpBlobs(self.client, self.where.name, self.path / "blobs", self.path / "tmp")

    @property
    def _base(self) -> str:
        return f"/workspaces/{part(self.where.name)}"

    @property
    def exists(self) -> bool:
        """Whether the server has the workspace.

        Raises:
            Unavailable: it cannot be asked, and never could from this machine.
        """
        try:
            self.read_marker()
        except NotFound:
            return False
        return True

    def read_marker(self) -> dict[str, Any]:
        """What the server says of the workspace; what it said last, while it cannot be reached.

        Raises:
            NotFound: the server has no such workspace.
        """
        kept = self.path / _MARKER
        try:
            marker = decode(self.client.request("GET", self._base).content, dict[str, Any])
        except Unavailable:
            try:
                return dict(json.loads(kept.read_text(encoding="utf-8")))
            except (OSError, ValueError):
                pass
            raise
        self._prepare()
        write_json(kept, marker, flush=False)
        return marker

    def _prepare(self) -> None:
        with storage_errors(self.path):
            if not self.path.exists():
                self.path.mkdir(parents=True, mode=0o700)
            for name in _PARTS:
                (self.path / name).mkdir(exist_ok=True)
            if not (self.path / _ADDRESS).exists():
                write_file(self.path / _ADDRESS, self.address.encode(), flush=False)

    def create(self, settings: Mapping[str, Any]) -> bool:
        """Have the server make the workspace; whether it was not there before."""
        body = encode({"name": self.where.name, **settings})
        answer = self.client.request("POST", "/workspaces", content=body)
        return bool(answer.status_code == 201)

    def delete(self) -> None:
        """Have the server delete the workspace with everything in it."""
        self.client.request("DELETE", self._base)
        self.store.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def attend(self) -> None:
        """Have the server see to it that an agent works on queued runs."""
        self.client.request("POST", f"{self._base}/agent", content=b"{}")

    def targets(self) -> dict[str, dict[str, str | None]]:
        """The compute targets of the server; for each, the interpreter of each language."""
        answer = self.client.request("GET", f"{self._base}/targets")
        return decode(answer.content, dict[str, dict[str, str | None]])

    def run_pipeline(self, name: str, settings: Mapping[str, Any]) -> RunRecord:
        """Have the server queue a run of a published pipeline."""
        path = f"{self._base}/pipelines/{part(name)}/runs"
        return decode(
            self.client.request("POST", path, content=encode(settings)).content, RunRecord
        )

    def _schedule(self, name: str) -> str:
        return f"{self._base}/schedules/{part(name)}"

    def begin_schedule(self, name: str) -> None:
        """Have the server begin with a schedule, or its new version."""
        self.client.request("POST", f"{self._schedule(name)}/begin", content=b"{}")

    def resume_schedule(self, name: str) -> None:
        """Have the server go on with a schedule that was paused."""
        self.client.request("POST", f"{self._schedule(name)}/resume", content=b"{}")

    def run_schedule(self, name: str) -> str:
        """Have the server fire a schedule once, now; the id of the run."""
        answer = self.client.request("POST", f"{self._schedule(name)}/runs", content=b"{}")
        return str(decode(answer.content, dict[str, str])["run_id"])

    def delete_schedule(self, name: str) -> None:
        """Have the server forget a schedule."""
        self.client.request("DELETE", self._schedule(name))

    def test_notification(self, name: str) -> str | None:
        """Have the server tell of a made-up event, once; why it did not arrive, or None."""
        path = f"{self._base}/notifications/{part(name)}/test"
        answer = self.client.request("POST", path, content=b"{}")
        return decode(answer.content, dict[str, str | None])["problem"]

    def collect_garbage(self, older_than: float, *, dry_run: bool, take_over: bool) -> Garbage:
        """Have the server remove contents that no run needs; see `Workspace.gc`."""
        query = {"older_than_seconds": older_than, "dry_run": dry_run, "take_over": take_over}
        body = encode(query)
        return decode(
            self.client.request("POST", f"{self._base}/gc", content=body).content, Garbage
        )

    def check(self, *, repair: bool, deep: bool) -> list[Finding]:
        """Have the server check the workspace; see `Workspace.check`."""
        body = encode({"repair": repair, "deep": deep})
        answer = self.client.request("POST", f"{self._base}/check", content=body)
        return decode(answer.content, list[Finding])

    @property
    def secrets(self) -> HttpSecrets:
        """The workspace's secrets."""
        return HttpSecrets(self.client, self.where.name)

    # Runs

    def run_directory(self, run_id: str) -> Path:
        """The local directory of a run, with its spool and the files that wait to be sent."""
        return self.path / "runs" / run_id

    def add_run(self, run: NewRun) -> None:
        """Make a run's local directory with its ``run.json``, and tell the server.

        While the server cannot be reached, a run of this machine begins all the same, and the
        server hears of it later; a script that is to run at the server does not.

        Raises:
            AlreadyExists: the id is taken.
            Unavailable: the server cannot be reached, and the run needs it.
        """
        self._prepare()
        directory = self.run_directory(run.id)
        taken = AlreadyExists(f"There is a run {run.id!r} already.")
        with storage_errors(directory):
            try:
                directory.mkdir(parents=True)
            except FileExistsError:
                raise taken from None
        try:
            with storage_errors(directory):
                write_identity(directory, run, self.address)
                mark_live(directory)
            self._announce(run, taken)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            with suppress(OSError):
                (self.path / "live" / run.id).unlink()
            raise
        self._start_sender()

    def _announce(self, run: NewRun, taken: AlreadyExists) -> None:
        try:
            record = self._sending.announce(run)
        except Unavailable as problem:
            if run.is_submitted:
                raise
            warnings.warn(
                f"{problem.message} The run {run.id} begins without it; what it logs is kept in "
                f"{self.path} and sent later.",
                stacklevel=5,
            )
        else:
            if (record.created, record.display_name) != (run.created, run.display_name):
                raise taken

    def remove_run(self, run_id: str) -> None:
        """Forget a run that has ended, at the server and here."""
        self.store.delete_run(run_id)
        self.forget_run(run_id)

    def forget_run(self, run_id: str) -> None:
        """Remove what this machine keeps of a run."""
        shutil.rmtree(self.run_directory(run_id), ignore_errors=True)
        with suppress(OSError):
            (self.path / "live" / run_id).unlink()

    # Assets

    def register_asset(self, new: NewAsset) -> Asset:
        """Send what the server lacks of an asset, and have it register that."""
        if new.run_id is not None:
            self.catch_up(new.run_id)
        if new.files:
            self.blobs.send([file.digest for file in new.files])
        return self.store.register_asset(new)

    def change_asset(self, kind: str, name: str, version: int, change: AssetChange) -> Asset:
        """Have the server change an asset."""
        return self.store.change_asset(kind, name, version, change)

    def delete_asset(self, kind: str, name: str, version: int) -> None:
        """Have the server forget a version of an asset."""
        self.store.delete_asset(kind, name, version)

    def add_usage(self, usage: AssetUsage) -> None:
        """Have the server record that a run uses an asset."""
        self.catch_up(usage.run_id)
        self.store.add_usage(usage)

    # What runs log

    def catch_up(self, run_id: str) -> None:
        """Send what a run has logged on this machine and the server does not have yet."""
        self._sending.catch_up(run_id)

    def catch_up_all(self) -> None:
        """Send what all runs of this machine have logged."""
        self._sending.catch_up_all()

    @cached_property
    def _sending(self) -> Sending:
        return Sending(self.path, self.store, self.blobs)

    def _start_sender(self) -> None:
        from tandemlab.store.http.sender import start_sender

        start_sender(self)

    def read_file(
        self, run_id: str, name: str, offset: int = 0, limit: int | None = None
    ) -> bytes | None:
        """A part of a run's file at the server; see `tandemlab.store.place.Place.read_file`."""
        path = "/".join(part(word) for word in check_file_name(name).split("/"))
        params: dict[str, Any] = {"offset": offset}
        if limit is not None:
            params["limit"] = limit
        try:
            answer = self.client.request(
                "GET", f"{self._base}/runs/{part(run_id)}/content/{path}", params=params
            )
        except NotFound as error:
            if error.details.get("what") == "file":
                return None
            raise
        return bytes(answer.content)
