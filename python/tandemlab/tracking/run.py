"""Run: one execution, and everything that it logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from tandemlab.domain import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    Metric,
    NotFound,
    RunError,
    RunQuery,
    RunRecord,
    RunStatus,
    Scalar,
)
from tandemlab.domain.names import check_file_name
from tandemlab.domain.scalars import as_scalar
from tandemlab.store.spool import SpoolWriter
from tandemlab.tracking import charts, context

if TYPE_CHECKING:
    from tandemlab.tracking.experiment import Experiment, Submittable
    from tandemlab.tracking.workspace import Workspace


Problem: TypeAlias = type[BaseException]


class Run:
    """One execution: a submitted script, an interactive session, an off-line script, or a child.

    Logging appends to a file in the run's directory and needs nothing else. Whatever reads
    (`status`, `get_metrics`, …) asks the workspace's store, which first takes in what was logged.

    >>> workspace = getfixture("workspace")
    >>> with workspace.experiment("demo").start_logging() as run:
    ...     for step, loss in enumerate([0.5, 0.25]):
    ...         run.log("loss", loss, step=step)
    >>> run.get_metrics(), run.status.value
    ({'loss': [0.5, 0.25]}, 'Completed')
    """

    def __init__(self, workspace: Workspace, run_id: str, *, experiment: str | None = None) -> None:
        self.id = run_id
        self.workspace = workspace
        self._experiment = experiment
        self._outputs: Path | None = None

    def __repr__(self) -> str:
        return f"Run({self.id!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        return (self.id, self.workspace.path) == (other.id, other.workspace.path)

    def __hash__(self) -> int:
        return hash(self.id)

    @staticmethod
    def get_context(allow_offline: bool = True) -> Run:
        """The run that this process is in; see `tandemlab.get_current_run`."""
        return context.get_current_run(allow_offline=allow_offline)

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """The run of that id; see `Workspace.get_run`."""
        return workspace.get_run(run_id)

    # What it is

    @cached_property
    def directory(self) -> Path:
        """The directory that the run owns; its files are in ``files/`` there."""
        return self.workspace.folder.run_directory(self.id)

    @cached_property
    def _spool(self) -> SpoolWriter:
        return SpoolWriter(self.directory)

    @property
    def record(self) -> RunRecord:
        """The run as the store knows it now."""
        self.workspace.folder.catch_up(self.id)
        record = self.workspace.store.get_run(self.id)
        if record is None:
            self.workspace.folder.catch_up_all()
            record = self.workspace.store.get_run(self.id)
        if record is None:
            raise NotFound(f"The run {self.id!r} is not in {self.workspace.path} any more.")
        return record

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
        """``script``, ``interactive``, ``offline`` or ``child``."""
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

    def get_details(self) -> dict[str, Any]:
        """Everything known about the run.

        Keys are ``runId``, ``target``, ``status``, ``startTimeUtc``, ``endTimeUtc``,
        ``properties``, ``tags``, ``runDefinition``, ``logFiles``, ``submittedBy``, ``exitCode``,
        ``error``, ``context`` and more.
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
            "runDefinition": dict(record.definition),
            "snapshotId": record.snapshot,
            "submittedBy": record.context.get("user"),
            "context": dict(record.context),
            "logFiles": {
                name: str(self.directory / "files" / name)
                for name in self.get_file_names()
                if name.split("/", 1)[0] in ("logs", "user_logs")
            },
            "directory": str(self.directory),
        }

    def get_details_with_logs(self) -> dict[str, Any]:
        """`get_details` with the text of each log file."""
        details = self.get_details()
        details["logFiles"] = {
            name: Path(path).read_text(encoding="utf-8", errors="replace")
            for name, path in details["logFiles"].items()
        }
        return details

    def get_environment(self) -> dict[str, Any] | None:
        """What was installed where a submitted run's script ran; None for other runs.

        Keys are ``language``, ``version``, ``interpreter`` and ``packages`` (name to version).
        """
        import json

        from tandemlab.store.run_files import ENVIRONMENT_FILE

        file = self.directory / "files" / ENVIRONMENT_FILE
        if not file.exists():
            return None
        return dict(json.loads(file.read_text(encoding="utf-8")))

    # Logging

    def log(self, name: str, value: object, description: str = "", step: int | None = None) -> None:
        """Log a scalar; the same name again makes a series.

        Args:
            name: any printable text up to 250 characters.
            value: a number, text, a boolean, None (missing) or a numpy scalar.
            description: what it means.
            step: where in the training it belongs, such as the epoch.

        Raises:
            InvalidInput: several values, a type that is no scalar, or a name in other use.
            StorageError: it could not be written, and is not there.
        """
        scalar = as_scalar(value)
        if step is not None:
            step = _step(step)
        if description:
            self._spool.append("metric", name, _json(scalar), description=description)
        else:
            self._spool.log_scalar(name, scalar, step)

    def log_list(self, name: str, value: Sequence[object], description: str = "") -> None:
        """Log several scalars at once; they are appended to the series of that name."""
        values = [_json(as_scalar(item)) for item in charts.as_items(value)]
        self._spool.append("list", name, values, description=description)

    def log_row(self, name: str, description: str = "", **columns: object) -> None:
        """Append one row to a table; a column that a row lacks is None there."""
        if not columns:
            raise InvalidInput("A row needs at least one column.", hint="log_row(name, x=1, y=2)")
        row = {column: _json(as_scalar(value)) for column, value in columns.items()}
        self._spool.append("row", name, row, description=description)

    def log_table(self, name: str, value: object, description: str = "") -> None:
        """Append rows to a table.

        Args:
            value: a dict column → list (a scalar counts as one row), or a data frame.
        """
        self._spool.append("table", name, charts.as_columns(value), description=description)

    def log_image(
        self, name: str, path: str | Path | None = None, plot: Any = None, description: str = ""
    ) -> None:
        """Keep an image: a file, or a matplotlib figure (or anything with ``savefig``).

        The image becomes the file ``images/NAME.EXT`` of the run, with a number where the name
        is taken.

        Raises:
            InvalidInput: neither or both given, or a file that is not an image.
        """
        source, suffix = charts.as_image(path, plot)
        for file_name in charts.image_names(name, suffix):
            with suppress(AlreadyExists):
                self._put(file_name, source())
                break
        self._spool.append("image", name, {"file": file_name}, description=description)

    def log_confusion_matrix(self, name: str, value: object, description: str = "") -> None:
        """Log a confusion matrix; its rows are the true classes.

        Args:
            value: ``{"class_labels": […], "matrix": [[…]]}``, with or without SDK v1's schema
                around it, or the same as JSON text.
        """
        self._log_chart("confusion_matrix", name, value, description)

    def log_accuracy_table(self, name: str, value: object, description: str = "") -> None:
        """Log true and false positives and negatives by threshold, in SDK v1's schema."""
        self._log_chart("accuracy_table", name, value, description)

    def log_residuals(self, name: str, value: object, description: str = "") -> None:
        """Log a histogram of residuals: ``bin_edges`` (n+1) and ``bin_counts`` (n)."""
        self._log_chart("residuals", name, value, description)

    def log_predictions(self, name: str, value: object, description: str = "") -> None:
        """Log predictions by bins of the truth.

        Args:
            value: ``bin_averages``, ``bin_errors``, ``bin_counts`` (n each) and ``bin_edges``
                (n+1).
        """
        self._log_chart("predictions", name, value, description)

    def _log_chart(self, kind: str, name: str, value: object, description: str) -> None:
        self._spool.append(kind, name, charts.as_chart(kind, value), description=description)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Do nothing: what was logged is written already. Kept for scripts that call it."""

    # Metrics

    @property
    def metrics(self) -> dict[str, Metric]:
        """Everything logged, by name, with times and steps."""
        self.workspace.folder.catch_up(self.id)
        return self.workspace.store.get_metrics(self.id)

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, populate: bool = False
    ) -> dict[str, Any]:
        """Plain values by name.

        A scalar if logged once, a list if more often, a dict of columns for a table, the JSON
        object for a chart, ``{"file": …}`` for an image.

        Args:
            name: only this metric.
            recursive: give a dict run id → metrics for this run and all below it.
            populate: give images as bytes.
        """
        if recursive:
            runs = [self, *self.get_children(recursive=True)]
            return {run.id: run.get_metrics(name, populate=populate) for run in runs}
        self.workspace.folder.catch_up(self.id)
        found = self.workspace.store.get_metrics(self.id, name)
        values = {key: metric.value for key, metric in found.items()}
        if populate:
            for value in values.values():
                if isinstance(value, dict) and set(value) == {"file"}:
                    value["content"] = (self.directory / "files" / value["file"]).read_bytes()
        return values

    # Tags and properties

    @property
    def tags(self) -> dict[str, str | None]:
        """The run's tags."""
        return dict(self.record.tags)

    def get_tags(self) -> dict[str, str | None]:
        """The run's tags."""
        return self.tags

    def tag(self, name: str, value: str | None = None) -> None:
        """Mark the run; an existing tag is replaced."""
        self._spool.append("tag", name, None if value is None else str(value))

    def set_tags(self, tags: Mapping[str, str | None]) -> None:
        """Add or replace several tags."""
        for name, value in tags.items():
            self.tag(name, value)

    def remove_tags(self, names: Sequence[str]) -> None:
        """Remove tags."""
        for name in [names] if isinstance(names, str) else names:
            self._spool.append("untag", name)

    @property
    def properties(self) -> dict[str, str]:
        """The run's properties."""
        return dict(self.record.properties)

    def get_properties(self) -> dict[str, str]:
        """The run's properties."""
        return self.properties

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties, which never change.

        Raises:
            AlreadyExists: one of them has another value already; none was added.
        """
        present = self.properties
        for name, value in properties.items():
            if present.get(name, str(value)) != str(value):
                raise AlreadyExists(
                    f"The property {name!r} of run {self.id} is {present[name]!r} already.",
                    hint="Properties do not change; use a tag for what may.",
                    details={"name": name},
                )
        for name, value in properties.items():
            self._spool.append("property", name, str(value))

    # Files

    def upload_file(self, name: str, path_or_stream: str | Path | BinaryIO) -> None:
        """Keep a copy of a local file, or of what a binary stream holds, under `name`.

        Raises:
            InvalidInput: the name cannot be one, or there is no such local file.
            AlreadyExists: the run has a file of that name.
        """
        if isinstance(path_or_stream, str):
            path_or_stream = Path(path_or_stream)
        self._put(name, path_or_stream)

    def upload_files(self, names: Sequence[str], paths: Sequence[str | Path]) -> None:
        """Keep several files; `names` and `paths` go together."""
        if len(names) != len(paths):
            raise InvalidInput(f"{len(names)} names do not fit {len(paths)} paths.")
        for name in names:
            check_file_name(name)
        for name, path in zip(names, paths, strict=True):
            self.upload_file(name, path)

    def upload_folder(self, name: str, path: str | Path) -> None:
        """Keep all files below a local folder, under ``name/``."""
        from tandemlab.store.run_files import folder_files

        folder = Path(path)
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder.", hint="upload_file takes files.")
        for file in folder_files(folder):
            self.upload_file(f"{name}/{file}", folder / file)

    def _put(self, name: str, source: Path | BinaryIO) -> None:
        from tandemlab.store.run_files import put_file

        size = put_file(self.directory, name, source)
        self._spool.append("file", name, {"size": size})

    def get_file_names(self) -> list[str]:
        """Names of the run's files, sorted."""
        self.workspace.folder.catch_up(self.id)
        return [file.name for file in self.workspace.store.list_files(self.id)]

    def download_file(self, name: str, output_file_path: str | Path | None = None) -> Path:
        """Copy one file of the run; its local path.

        Args:
            output_file_path: file or folder to write to; the name's last part if None.

        Raises:
            NotFound: the run has no such file.
        """
        from tandemlab.tracking.downloads import download

        target = Path(output_file_path or Path(name).name)
        if target.is_dir():
            target = target / Path(name).name
        return download(self, {name: target})[0]

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | Path | None = None,
        output_paths: Sequence[str | Path] | None = None,
        append_prefix: bool = True,
    ) -> list[Path]:
        """Copy the files whose names start with `prefix`; their local paths.

        Args:
            output_directory: where they go, the working directory if None.
            output_paths: exact local paths instead, one for each file.
            append_prefix: whether `prefix` stays part of the local paths.
        """
        from tandemlab.tracking.downloads import download, local_paths

        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        directory = Path(output_directory or ".")
        return download(
            self, local_paths(names, prefix or "", directory, output_paths, append_prefix)
        )

    # Log text

    @property
    def log_path(self) -> Path:
        """Where the standard output and error of a submitted run go, together."""
        return self.directory / "files" / "user_logs" / "std_log.txt"

    def read_log(self, offset: int = 0, limit: int = 1 << 20) -> tuple[str, int]:
        """What a submitted run has printed, from a byte offset on.

        Invalid UTF-8 is shown as ``�``. At most `limit` bytes are read at once.

        Returns:
            The text, and the offset behind it.
        """
        from tandemlab.tracking.logs import read_text

        return read_text(self.log_path, offset, limit)

    # Life cycle

    def __enter__(self) -> Run:
        if self not in context._active:
            self.activate()
        return self

    def __exit__(
        self,
        kind: Problem | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ended_well = problem is None or (
            isinstance(problem, SystemExit) and problem.code in (0, None)
        )
        if ended_well:
            self.complete()
        else:
            self.fail(RunError(f"{type(problem).__name__}: {problem}", "exception"))

    def activate(self) -> Run:
        """Make this the current run of the process; returns itself."""
        context.enter(self)
        return self

    def collect_at_end(self, folder: Path | None) -> None:
        """Have the files of a local folder become files of the run when it ends."""
        self._outputs = folder

    @property
    def is_own_job(self) -> bool:
        """Whether this process is the job of this run: then the process decides how it ends."""
        own = context.own_run()
        return own is not None and own.id == self.id

    def start(self) -> None:
        """Say that a child run has begun."""
        self._report(RunStatus.RUNNING)

    def complete(self) -> None:
        """End the run as Completed. Inside its own job this changes nothing: the exit code does."""
        if not self.is_own_job:
            self._end(RunStatus.COMPLETED)

    def fail(
        self,
        error_details: str | BaseException | RunError | None = None,
        error_code: str | None = None,
    ) -> None:
        """End the run as Failed.

        Inside its own job the run goes on, and is Failed when the process ends, however it ends.
        """
        if isinstance(error_details, RunError):
            error = error_details
        else:
            error = RunError(str(error_details or "The run was failed."), error_code or "failed")
        if self.is_own_job:
            self._report(RunStatus.FAILED, error)
        else:
            self._end(RunStatus.FAILED, error)

    def cancel(self) -> None:
        """Cancel the run: a submitted one is stopped with all its processes.

        Raises:
            InvalidState: it has ended already.
        """
        record = self.record
        if record.type != "script":
            self._end(RunStatus.CANCELED)
        elif record.status is not RunStatus.CANCEL_REQUESTED:
            self.workspace.store.move_run(self.id, RunStatus.CANCEL_REQUESTED)
            self.workspace.attend()

    def wait_for_completion(
        self,
        show_output: bool = False,
        raise_on_error: bool = True,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Wait until the run has ended; its details.

        An interrupt (Ctrl-C) leaves the run alive and says so.

        Args:
            show_output: print what the script prints, as it does.
            raise_on_error: raise when the run did not complete.
            timeout_seconds: how long to wait at most.

        Raises:
            RunFailed: it failed or was canceled, with the script's last lines.
            InvalidState: it had not ended in time; it goes on.
        """
        from tandemlab.tracking.waiting import wait

        return wait(self, show_output, raise_on_error, timeout_seconds)

    def _end(self, status: RunStatus, error: RunError | None = None) -> None:
        context.leave(self)
        current = self.record.status
        if current is status:
            return
        if not current.may_become(status):
            raise InvalidState(
                f"Run {self.id} is {current} and cannot become {status}.",
                hint="A run that has ended stays as it is.",
                details={"run_id": self.id, "status": current.value},
            )
        if self._outputs is not None:
            self._collect(self._outputs)
        self._report(status, error)
        self._spool.close()
        self.workspace.folder.catch_up(self.id)

    def _collect(self, folder: Path) -> None:
        from tandemlab.store.run_files import folder_files

        self._outputs = None
        for file in folder_files(folder) if folder.is_dir() else []:
            with suppress(AlreadyExists):
                self.upload_file(f"{folder.name}/{file}", folder / file)

    def _report(self, status: RunStatus, error: RunError | None = None) -> None:
        reason = None if error is None else {"message": error.message, "code": error.code}
        self._spool.append("status", "status", {"status": status.value, "error": reason})

    # Children

    def child_run(self, name: str | None = None, *, run_id: str | None = None) -> Run:
        """Start a child run, for use with ``with`` or by itself.

        Args:
            name: its display name; made up if None.
            run_id: its id; made up if None.
        """
        return self.experiment.create_run(
            type="child", parent=self.id, display_name=name, run_id=run_id
        )

    def create_children(
        self,
        count: int | None = None,
        tag_key: str | None = None,
        tag_values: Sequence[str] | None = None,
    ) -> list[Run]:
        """Create several children: `count` of them, or one for each of `tag_values`.

        Raises:
            InvalidInput: both forms, or neither.
        """
        by_tags = tag_key is not None and tag_values is not None
        if (count is None) is not by_tags or (tag_key is None) is not (tag_values is None):
            raise InvalidInput("Give either count, or tag_key and tag_values.")
        if count is not None:
            return [self.child_run() for _ in range(count)]
        return [
            self.experiment.create_run(type="child", parent=self.id, tags={str(tag_key): value})
            for value in tag_values or ()
        ]

    def submit_child(
        self, config: Submittable, tags: Mapping[str, str | None] | None = None
    ) -> Run:
        """Submit a configuration as a child of this run."""
        from tandemlab.tracking.experiment import check_tags

        return config.submit_to(self.experiment, check_tags(tags), parent=self.id)

    def get_children(
        self,
        recursive: bool = False,
        tags: str | Mapping[str, str | None] | None = None,
        properties: Mapping[str, str] | None = None,
        type: str | None = None,
        status: RunStatus | str | None = None,
    ) -> list[Run]:
        """Children, newest first; with `recursive` all runs below."""
        from tandemlab.tracking.experiment import as_statuses

        return list(
            self._children(
                recursive,
                RunQuery(
                    parent=self.id,
                    tags={tags: None} if isinstance(tags, str) else dict(tags or {}),
                    properties=dict(properties or {}),
                    type=type,
                    status=as_statuses(status),
                ),
            )
        )

    def _children(self, recursive: bool, query: RunQuery) -> Iterator[Run]:
        yield from self.workspace.find_runs(query)
        if recursive:
            for child in self.workspace.find_runs(RunQuery(parent=self.id)):
                yield from child.get_children(
                    True, query.tags, query.properties, query.type, _one(query.status)
                )

    def delete(self) -> None:
        """Delete a run that has ended, with its files.

        Raises:
            InvalidState: it has not ended, or has children.
        """
        import shutil

        if self.workspace.find_runs(RunQuery(parent=self.id, limit=1)):
            raise InvalidState(f"Run {self.id} has children.", hint="Delete them first.")
        self.workspace.store.delete_run(self.id)
        self._spool.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def _one(statuses: frozenset[RunStatus] | None) -> RunStatus | None:
    return next(iter(statuses)) if statuses else None


def _iso(time: Any) -> str | None:
    return None if time is None else str(time.isoformat().replace("+00:00", "Z"))


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{what} must be text, not {type(value).__name__}.")
    return value


def _step(step: object) -> int:
    number = as_scalar(step, what="step")
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number != int(number):
        raise InvalidInput(f"A step is a whole number, not {number!r}.")
    return int(number)


def _json(value: Scalar) -> Any:
    from tandemlab.domain.scalars import to_json

    return to_json(value)
