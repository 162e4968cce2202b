"""A run by its id: where it is kept, and what the store knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, NotFound, RunRecord, RunStatus
from tandemlab.domain.scalars import as_scalars
from tandemlab.domain.secrets import Secret, as_public_text
from tandemlab.store.run_files import LOG_FILE, STOP_FILE
from tandemlab.store.spool import SpoolWriter

if TYPE_CHECKING:
    from tandemlab.tracking.experiment import Experiment
    from tandemlab.tracking.keyvault import Keyvault
    from tandemlab.tracking.run import Run
    from tandemlab.tracking.workspace import Workspace


class RunHandle:
    """What every part of `Run` stands on: its id, directory, record and spool."""

    def __init__(self, workspace: Workspace, run_id: str, *, experiment: str | None = None) -> None:
        self.id = run_id
        self.workspace = workspace
        self._experiment = experiment

    def __repr__(self) -> str:
        return f"Run({self.id!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RunHandle):
            return NotImplemented
        return (self.id, self.workspace.address) == (other.id, other.workspace.address)

    def __hash__(self) -> int:
        return hash(self.id)

    @cached_property
    def directory(self) -> Path:
        """The directory that the run owns on this machine; its files are in ``files/`` there.

        In a workspace at a server it holds only what this machine logs.
        """
        return self.workspace.place.run_directory(self.id)

    @cached_property
    def _spool(self) -> SpoolWriter:
        return SpoolWriter(self.directory)

    @property
    def record(self) -> RunRecord:
        """The run as the store knows it now."""
        return self.workspace.get_record(self.id)

    @property
    def status(self) -> RunStatus:
        """Where the run is in its life cycle."""
        return self.record.status

    def get_status(self) -> str:
        """The status as text."""
        return self.record.status.value

    @property
    def number(self) -> int:
        """1, 2, 3 … within the experiment."""
        return self.record.number

    @property
    def type(self) -> str:
        """``script``, ``pipeline``, ``sweep``, ``interactive``, ``offline`` or ``child``."""
        return self.record.type

    @property
    def experiment(self) -> Experiment:
        """The experiment that the run belongs to."""
        from tandemlab.tracking.experiment import Experiment

        return Experiment(self.workspace, self._experiment or self.record.experiment)

    @property
    def parent(self) -> Run | None:
        """The run that this one is a child of, or None."""
        parent = self.record.parent
        from tandemlab.tracking.run import Run

        return None if parent is None else Run(self.workspace, parent)

    @property
    def display_name(self) -> str:
        """A name for people; may be set."""
        return self.record.display_name

    @display_name.setter
    def display_name(self, value: str) -> None:
        self._spool.append("attribute", "display_name", _text(value, "display_name"))

    @property
    def description(self) -> str | None:
        """What the run is about; may be set."""
        return self.record.description

    @description.setter
    def description(self, value: str) -> None:
        self._spool.append("attribute", "description", _text(value, "description"))

    def get_file_names(self) -> list[str]:
        """Names of the run's files, sorted."""
        self.workspace.place.catch_up(self.id)
        return [file.name for file in self.workspace.store.list_files(self.id)]

    def get_details(self) -> dict[str, Any]:
        """Everything known about the run.

        Keys are ``runId``, ``target``, ``status``, ``startTimeUtc``, ``endTimeUtc``,
        ``properties``, ``params``, ``tags``, ``runDefinition``, ``logFiles``, ``submittedBy``,
        ``exitCode``, ``error``, ``context`` and more.
        """
        record = self.record
        return {
            "runId": record.id,
            "experiment": record.experiment,
            "number": record.number,
            "displayName": record.display_name,
            "description": record.description,
            "type": record.type,
            "parent": record.parent,
            "target": record.target,
            "status": record.status.value,
            "createdTimeUtc": _iso(record.created),
            "startTimeUtc": _iso(record.started),
            "endTimeUtc": _iso(record.ended),
            "exitCode": record.exit_code,
            "error": None
            if record.error is None
            else {"message": record.error.message, "code": record.error.code},
            "tags": dict(record.tags),
            "properties": dict(record.properties),
            "params": as_scalars(record.params),
            "runDefinition": dict(record.definition),
            "snapshotId": record.snapshot,
            "submittedBy": record.context.get("user"),
            "context": dict(record.context),
            "logFiles": {name: str(self.directory / "files" / name) for name in self._log_names()},
            "directory": str(self.directory),
        }

    def get_details_with_logs(self) -> dict[str, Any]:
        """`get_details` with the text of each log file."""
        details = self.get_details()
        details["logFiles"] = {
            name: (self.read_file(name) or b"").decode("utf-8", "replace")
            for name in details["logFiles"]
        }
        return details

    def _log_names(self) -> list[str]:
        folders = ("logs", "user_logs")
        return [name for name in self.get_file_names() if name.split("/", 1)[0] in folders]

    def read_file(self, name: str, offset: int = 0, limit: int | None = None) -> bytes | None:
        """A part of one of the run's files, also of one that still grows; None if it is not there.

        Args:
            offset: the first byte; counted from the end if negative.
            limit: at most that many bytes.
        """
        return self.workspace.place.read_file(self.id, name, offset, limit)

    def get_environment(self) -> dict[str, Any] | None:
        """What was installed where a submitted run's script ran; None for other runs.

        Keys are ``language``, ``version``, ``interpreter`` and ``packages`` (name to version).
        """
        import json

        from tandemlab.store.run_files import ENVIRONMENT_FILE

        content = self.read_file(ENVIRONMENT_FILE)
        return None if content is None else dict(json.loads(content))

    def local_file(self, name: str) -> Path:
        """A file of this machine with the content of one of the run's files; not to be changed.

        Raises:
            NotFound: the run has no such file.
        """
        from tandemlab.tracking.downloads import digests_of

        path = self.directory / "files" / name
        if not self.workspace.is_remote and path.is_file():
            return path
        return self.workspace.place.blobs.find(digests_of(self, [name])[name])

    def get_secret(self, name: str) -> Secret:
        """A secret of the workspace, for the script that runs; see `Keyvault.get_secret`.

        An off-line run asks the workspace that its script would be submitted to: the one that
        `Workspace.from_config` finds, if it finds one. Beware of printing the value: what a job
        prints is kept as it is.
        """
        return self._keyvault.get_secret(name)

    def get_secrets(self, secrets: Sequence[str]) -> dict[str, Secret | None]:
        """Several secrets by name, None for those that are not there; see `get_secret`."""
        return self._keyvault.get_secrets(secrets)

    @property
    def _keyvault(self) -> Keyvault:
        if self.type == "offline":
            from tandemlab.tracking.workspace import Workspace

            with suppress(NotFound):
                return Workspace.from_config().get_default_keyvault()
        return self.workspace.get_default_keyvault()

    def should_stop(self) -> bool:
        """Whether the script of this run has been asked to end, as a sweep asks hopeless trials.

        A script that looks at it now and then can save what it has and end by itself; whoever
        does not is ended some seconds later. It costs microseconds, and needs no connection.

        >>> getfixture("workspace").experiment("demo").start_logging().should_stop()
        False
        """
        return (self.directory / STOP_FILE).exists()

    @property
    def log_path(self) -> Path:
        """Where the standard output and error of a submitted run go, together."""
        return self.directory / "files" / LOG_FILE

    def read_log(self, offset: int = 0, limit: int = 1 << 20) -> tuple[str, int]:
        """What a submitted run has printed, from a byte offset on.

        Invalid UTF-8 is shown as ``�``. At most `limit` bytes are read at once.

        Returns:
            The text, and the offset behind it.
        """
        from tandemlab.tracking.logs import read_text

        return read_text(self, offset, limit)


def _iso(time: Any) -> str | None:
    return None if time is None else str(time.isoformat().replace("+00:00", "Z"))


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{what} must be text, not {type(value).__name__}.")
    return as_public_text(value, what)
