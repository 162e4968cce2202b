"""Run: one execution, and everything that it logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    Metric,
    RunError,
    RunQuery,
    RunStatus,
    Unavailable,
)
from tandemlab.tracking import context
from tandemlab.tracking.run_log import RunLog, metrics_of

if TYPE_CHECKING:
    from tandemlab.domain.lineage import Lineage
    from tandemlab.tracking.child_log import ChildLog
    from tandemlab.tracking.experiment import Submittable, SubmittedRun
    from tandemlab.tracking.workspace import Workspace


Problem: TypeAlias = type[BaseException]


class Run(RunLog):
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
        super().__init__(workspace, run_id, experiment=experiment)
        self._outputs: Path | None = None

    @staticmethod
    def get_context(allow_offline: bool = True) -> Run:
        """The run that this process is in; see `tandemlab.get_current_run`."""
        return context.get_current_run(allow_offline=allow_offline)

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """The run of that id; see `Workspace.get_run`."""
        return workspace.get_run(run_id)

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
            logged = metrics_of(self.workspace, [run.id for run in runs])
            return {run.id: run._plain(logged[run.id], name, populate) for run in runs}
        self.workspace.place.catch_up(self.id)
        return self._plain(self.workspace.store.get_metrics(self.id, name), name, populate)

    def _plain(
        self, found: Mapping[str, Metric], name: str | None, populate: bool
    ) -> dict[str, Any]:
        values = {key: each.value for key, each in found.items() if name in (None, each.name)}
        if populate:
            for value in values.values():
                if isinstance(value, dict) and set(value) == {"file"}:
                    value["content"] = self.read_file(value["file"])
        return values

    def get_lineage(self) -> Lineage:
        """Where the run comes from and what came of it.

        Inputs are the source that was kept, the environment of its script, the data sets, models
        and other assets that it used and the inputs of its configuration, outputs the assets that
        it made, its files without logs and the outputs of its configuration; beside them its
        parents up to the first, and its children.

        Returns:
            A `Lineage`: it prints as a tree; ``to_mermaid()`` draws it, ``links`` has all.

        >>> parent = getfixture("workspace").experiment("demo").create_run(type="interactive")
        >>> child = parent.child_run("fold 1")
        >>> [node.id for node in parent.get_lineage().children] == [child.id]
        True
        """
        from tandemlab.tracking.lineage import lineage_of

        return lineage_of(self.workspace, self.id)

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
        if not record.is_submitted:
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
        current = self._reachable_status()
        if current is status:
            return
        if current is not None and not current.may_become(status):
            raise InvalidState(
                f"Run {self.id} is {current} and cannot become {status}.",
                hint="A run that has ended stays as it is.",
                details={"run_id": self.id, "status": current.value},
            )
        if self._outputs is not None:
            self._collect(self._outputs)
        self._report(status, error)
        self._spool.close()
        with suppress(Unavailable):  # the server hears of it later
            self.workspace.place.catch_up(self.id)

    def _reachable_status(self) -> RunStatus | None:
        """The status; None while the workspace's server cannot be reached."""
        try:
            return self.record.status
        except Unavailable:
            return None

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

    def report_child(
        self, name: str | None = None, *, run_id: str | None = None, seconds: float = 0.0
    ) -> ChildLog:
        """A child run that this run's own spool tells of, for use with ``with`` or by itself.

        `child_run` needs the workspace at hand; this works in jobs on other machines, too, and
        costs one line in a file.

        Args:
            name: its display name; made up if None.
            run_id: its id; made up if None.
            seconds: how long ago it began.
        """
        from tandemlab.tracking.child_log import ChildLog

        return ChildLog(self, run_id, name, seconds)

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
        self,
        config: Submittable[SubmittedRun],
        tags: Mapping[str, str | None] | None = None,
        **options: Any,
    ) -> SubmittedRun:
        """Submit a configuration as a child of this run; see `Experiment.submit`."""
        from tandemlab.tracking.experiment import check_tags

        return config.submit_to(self.experiment, check_tags(tags), parent=self.id, **options)

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
        assert not isinstance(query.type, tuple)
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
        if self.workspace.find_runs(RunQuery(parent=self.id, limit=1)):
            raise InvalidState(f"Run {self.id} has children.", hint="Delete them first.")
        self.workspace.place.remove_run(self.id)
        self._spool.close()


def _one(statuses: frozenset[RunStatus] | None) -> RunStatus | None:
    return next(iter(statuses)) if statuses else None
