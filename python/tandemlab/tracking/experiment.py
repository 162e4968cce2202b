"""Experiment: a named folder of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tandemlab.domain import InvalidInput, NewRun, RunStatus, Unavailable
from tandemlab.domain.ids import new_display_name, new_run_id
from tandemlab.domain.names import check_metric_name, check_name
from tandemlab.domain.scalars import Scalar, to_json
from tandemlab.domain.secrets import as_public_text
from tandemlab.domain.times import now
from tandemlab.tracking.provenance import describe_process, git_state
from tandemlab.tracking.queries import run_query
from tandemlab.tracking.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tandemlab.tracking.workspace import Workspace


SubmittedRun = TypeVar("SubmittedRun", bound=Run, covariant=True)


class Submittable(Protocol[SubmittedRun]):
    """A configuration that knows how to become a run, such as `ScriptRunConfig`."""

    @property
    def submit_to(self) -> Callable[..., SubmittedRun]:
        """Create the run and have it started; takes experiment, tags, ``parent=`` and options."""


class Queueable(Protocol):
    """A configuration whose runs may be submitted with others, such as `ScriptRunConfig`."""

    def check(self, workspace: Workspace) -> Any:
        """Refuse what cannot be run; nothing is changed."""

    def queue(
        self,
        experiment: Experiment,
        tags: Mapping[str, str | None],
        *,
        array: str | None,
        max_concurrent_runs: int | None,
    ) -> Run:
        """Create the run, of an array that has that id and limit."""


class Experiment:
    """A named folder of runs in a workspace, created when it is first used.

    Args:
        workspace: where it is kept.
        name: letters of any script, digits, spaces and punctuation, up to 128 characters.

    >>> workspace = getfixture("workspace")
    >>> with Experiment(workspace, "demo").start_logging() as run:
    ...     run.log("accuracy", 0.9)
    >>> run.get_metrics()
    {'accuracy': 0.9}
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = check_name(name, what="experiment")
        with suppress(Unavailable):  # then the server makes it when it hears of its first run
            self.name = workspace.store.ensure_experiment(self.name).name

    def __repr__(self) -> str:
        return f"Experiment({self.workspace.name!r}, {self.name!r})"

    def submit(
        self,
        config: Submittable[SubmittedRun],
        tags: Mapping[str, str | None] | None = None,
        **options: Any,
    ) -> SubmittedRun:
        """Start a run of `config` on its compute target, and return without waiting.

        Args:
            config: what to run: a `ScriptRunConfig`, an `Estimator`, a `Pipeline` or a
                `HyperDriveConfig`.
            tags: first tags.
            options: what this kind of configuration takes beside it, such as
                ``pipeline_parameters`` and ``continue_on_step_failure`` (`Pipeline.submit_to`).

        Raises:
            InvalidInput: the configuration cannot be used; nothing was changed.
        """
        if not hasattr(config, "submit_to"):
            raise InvalidInput(
                f"A {type(config).__name__} cannot be submitted.",
                hint="Give a ScriptRunConfig, a Pipeline or a HyperDriveConfig.",
            )
        return config.submit_to(self, check_tags(tags), **options)

    def submit_all(
        self,
        configs: Sequence[Queueable],
        tags: Mapping[str, str | None] | None = None,
        *,
        max_concurrent_runs: int | None = None,
    ) -> list[Run]:
        """Start a run of each configuration; the runs are in the order of these.

        A target with a queue of its own, such as Slurm, is given those that are for it together,
        as one job array.

        Args:
            configs: `ScriptRunConfig`s, which may be for different targets.
            tags: first tags of each.
            max_concurrent_runs: how many of them run at once on a target, at most; None for as many
                as it has room for. In Slurm, those that ask for different things are arrays of
                their own, which share the limit.

        Raises:
            InvalidInput: a configuration cannot be used; nothing was changed.
        """
        _check_limit(max_concurrent_runs)
        for config in configs:
            if not hasattr(config, "queue"):
                raise InvalidInput(
                    f"A {type(config).__name__} cannot be submitted with others.",
                    hint="Give ScriptRunConfigs.",
                )
            config.check(self.workspace)
        checked, array = check_tags(tags), new_run_id(self.name)
        runs = [
            config.queue(self, checked, array=array, max_concurrent_runs=max_concurrent_runs)
            for config in configs
        ]
        self.workspace.attend()
        return runs

    def start_logging(
        self,
        *,
        outputs: str | Path | None = None,
        snapshot_directory: str | Path | None = None,
        display_name: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> Run:
        """Open an interactive run, which is the current run until it ends.

        Args:
            outputs: a folder whose files become files of the run when it ends.
            snapshot_directory: a source folder to keep with the run.
            display_name: a name for people; made up if None.
            tags: first tags.
        """
        source = None if snapshot_directory is None else Path(snapshot_directory).absolute()
        snapshot = None
        if source is not None:
            from tandemlab.store.snapshots import take_snapshot

            snapshot, _ = take_snapshot(source, self.workspace.place.blobs)
        run = self.create_run(
            type="interactive",
            snapshot=snapshot,
            source=source,
            display_name=display_name,
            tags=tags,
        )
        run.collect_at_end(None if outputs is None else Path(outputs).absolute())
        return run.activate()

    def create_run(
        self,
        *,
        type: str,
        status: RunStatus = RunStatus.RUNNING,
        parent: str | None = None,
        target: str | None = None,
        snapshot: str | None = None,
        source: Path | None = None,
        display_name: str | None = None,
        run_id: str | None = None,
        definition: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        tags: Mapping[str, str | None] | None = None,
        properties: Mapping[str, str] | None = None,
        params: Mapping[str, Scalar] | None = None,
    ) -> Run:
        """Create a run of any type; `submit` and `start_logging` are the usual ways.

        Args:
            source: the folder whose git state is recorded.
            environment: variables of this session that the run's job inherits.
        """
        context = describe_process()
        if environment:
            context["environment"] = dict(environment)
        difference = b""
        if source is not None:
            context["git"], difference = git_state(source)
        new = NewRun(
            id=new_run_id(self.name) if run_id is None else check_name(run_id, what="run"),
            experiment=self.name,
            type=type,
            display_name=display_name or new_display_name(),
            created=now(),
            status=status,
            parent=parent,
            target=target,
            snapshot=snapshot,
            definition=definition or {},
            context=context,
            tags=check_tags(tags),
            properties=properties or {},
            params={name: to_json(value) for name, value in (params or {}).items()},
        )
        self.workspace.place.add_run(new)
        run = Run(self.workspace, new.id, experiment=self.name)
        if difference:
            from io import BytesIO

            run.upload_file("source/uncommitted.diff", BytesIO(difference))
        return run

    def get_runs(
        self,
        type: str | None = None,
        tags: str | Mapping[str, str | None] | None = None,
        properties: Mapping[str, str] | None = None,
        status: RunStatus | str | Iterable[RunStatus | str] | None = None,
        include_children: bool = False,
        limit: int | None = None,
        filter: str | None = None,
        order_by: str | Sequence[str] | None = None,
        offset: int = 0,
    ) -> list[Run]:
        """Runs of this experiment, newest first unless sorted otherwise.

        Args:
            type: ``script``, ``pipeline``, ``sweep``, ``interactive``, ``offline`` or ``child``.
            tags: a tag that must be there, or tags with their values (None: any value).
            properties: properties with their values.
            status: one status or several.
            include_children: whether child runs are listed beside their parents.
            limit: at most that many.
            filter: what else must hold; see `Workspace.get_runs`.
            order_by: what to sort by; see `Workspace.get_runs`.
            offset: how many of the first to pass over.
        """
        return self.workspace.find_runs(
            run_query(
                filter,
                order_by,
                tags=tags,
                properties=properties,
                limit=limit,
                offset=offset,
                experiment=self.name,
                type=type,
                status=as_statuses(status),
                include_children=include_children,
            )
        )

    def to_frame(self, **options: Any) -> Any:
        """One row per run, newest first; see `Workspace.runs_frame` for it and its options."""
        return self.workspace.runs_frame(self.name, **options)

    def plot(
        self, metrics: str | Sequence[str] | None = None, *, over: str = "run", limit: int = 20
    ) -> Figure:
        """Compare runs: a panel for each metric.

        Args:
            metrics: names of numeric metrics; all that the runs have if None.
            over: ``run`` for the newest value of each run by its number; ``step``, ``time``,
                ``index`` or ``auto`` for the histories of the runs, a line each.
            limit: so many of the newest runs that have logged numbers, without children.

        Returns:
            A matplotlib figure, which notebooks show; ``savefig`` writes it to a file.

        Raises:
            NotFound: no run has logged such a metric.
            MissingDependency: matplotlib is not installed.
        """
        from tandemlab.tracking.panels import panels_of_experiment
        from tandemlab.tracking.pictures import draw

        return draw(panels_of_experiment(self, metrics, over, limit))

    def archive(self) -> None:
        """Hide the experiment from lists; its runs stay."""
        self.workspace.store.archive_experiment(self.name, archived=True)

    def reactivate(self) -> None:
        """Show an archived experiment again."""
        self.workspace.store.archive_experiment(self.name, archived=False)


def check_tags(tags: Mapping[str, str | None] | None) -> dict[str, str | None]:
    """Tags as text.

    Raises:
        InvalidInput: a name that cannot be one.
    """
    return {
        check_metric_name(name): None if value is None else as_public_text(value, "tag")
        for name, value in (tags or {}).items()
    }


def _check_limit(limit: object) -> None:
    if limit is not None and (type(limit) is not int or limit < 1):
        raise InvalidInput(f"max_concurrent_runs must be a whole number from 1 on, not {limit!r}.")


def as_statuses(
    status: RunStatus | str | Iterable[RunStatus | str] | None,
) -> frozenset[RunStatus] | None:
    """One or several statuses, by value.

    Raises:
        InvalidInput: a word that is no status.
    """
    if status is None:
        return None
    words = [status] if isinstance(status, str) else list(status)
    try:
        return frozenset(RunStatus(word) for word in words)
    except ValueError as error:
        raise InvalidInput(
            f"{error}.", hint=f"Statuses are {', '.join(item.value for item in RunStatus)}."
        ) from error
