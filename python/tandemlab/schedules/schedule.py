"""`Schedule`: what runs by itself, as its users see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from tandemlab.domain import InvalidInput
from tandemlab.domain.ids import new_run_id, new_ulid
from tandemlab.domain.recurrence import ScheduleRecurrence
from tandemlab.domain.schedules import (
    KIND,
    MANUAL,
    AfterTrigger,
    CatchUp,
    DatasetTrigger,
    DataTrigger,
    Firing,
    NewFiring,
    Overlap,
    PipelineAction,
    ScheduleDefinition,
    Trigger,
    check_schedule_name,
    pipeline_name,
)
from tandemlab.domain.times import now
from tandemlab.pipelines import PipelineEndpoint, PublishedPipeline
from tandemlab.schedules.actions import check_circle, make_action
from tandemlab.schedules.positions import begin
from tandemlab.tracking.pausable import Pausable, check_is_new, newest

if TYPE_CHECKING:
    from tandemlab.data import Datastore
    from tandemlab.store.http.place import RemoteWorkspace
    from tandemlab.tracking import Run, Workspace

Schedules: TypeAlias = "list[Schedule]"
Firings: TypeAlias = "list[Firing]"
_Choice = TypeVar("_Choice", bound=Enum)
_LOCAL_POLLING, _POLLING = 5.0 / 60, 1.0


@dataclass(frozen=True)
class Schedule(Pausable):
    """What runs by itself: a published pipeline or a script, by time, on data or after others.

    It is decided and submitted by the workspace's agent, which stays as long as there are schedules
    that are not paused; `tandemlab agent install` has it come back when the machine starts.

    Attributes:
        asset: what the registry keeps of it.

    >>> from tandemlab import ScriptRunConfig
    >>> workspace, folder = getfixture("workspace"), getfixture("tmp_path") / "job"
    >>> folder.mkdir()
    >>> config = ScriptRunConfig(folder, command="date")
    >>> recurrence = ScheduleRecurrence(cron="30 6 * * MON-FRI", time_zone="Europe/Berlin")
    >>> schedule = Schedule.create(workspace, "dates", config, recurrence=recurrence)
    >>> schedule.status, len(schedule.next_times())
    ('Active', 3)
    >>> schedule.pause().status
    'Paused'
    """

    # Making and finding

    @staticmethod
    def create(
        workspace: Workspace,
        name: str,
        config: object = None,
        experiment_name: str | None = None,
        recurrence: ScheduleRecurrence | None = None,
        description: str | None = None,
        pipeline_parameters: Mapping[str, Any] | None = None,
        datastore: Datastore | str | None = None,
        polling_interval: float | None = None,
        data_path_parameter_name: str | None = None,
        continue_on_step_failure: bool | None = None,
        path_on_datastore: str | None = None,
        *,
        dataset: str | None = None,
        after: str | PublishedPipeline | PipelineEndpoint | Schedule | None = None,
        after_status: str = "Completed",
        settle_seconds: float = 5.0,
        start: datetime | None = None,
        end: datetime | None = None,
        catch_up: CatchUp | str = CatchUp.LATEST,
        overlap: Overlap | str = Overlap.SKIP,
        tags: Mapping[str, str | None] | None = None,
        exist_ok: bool = False,
    ) -> Schedule:
        """Make a schedule, which is at work at once. Nothing fires before it is due.

        One of `recurrence`, `datastore`, `dataset` and `after` says when.

        Args:
            name: of the schedule.
            config: what runs: the name of a published pipeline (``NAME`` for the default version
                whenever it fires, ``NAME:VERSION`` for one), a `PublishedPipeline`, which stays the
                version that it is, a `PipelineEndpoint`, or a `ScriptRunConfig` or `Estimator`,
                whose source is kept as it is now.
            experiment_name: the experiment of the runs; the schedule's name if None.
            recurrence: by time.
            description: what it is for.
            pipeline_parameters: of the pipeline. ``${slot}`` in a text stands for the time at which
                it was due, ``${slot.date}`` for the date, in the recurrence's time zone.
            datastore: on new and changed files in a datastore. Those that are there do not fire.
            polling_interval: minutes between looks at the datastore; if None five seconds for
                folders of this machine, which are watched beside, and else one minute.
            data_path_parameter_name: the parameter of the pipeline, or the input of the script,
                that is given the changed files, or the new version of the dataset.
            path_on_datastore: only files at this path: a file, a folder or a pattern.
            dataset: on new versions of a registered dataset.
            after: when a run of a published pipeline has ended, by name, or of another schedule.
            after_status: how that run has to have ended: ``Completed``, ``Failed`` or ``any``.
            settle_seconds: how long nothing may change before files count as complete.
            start, end: nothing fires before and after these.
            catch_up: what becomes of times that were missed while no agent was at work: ``skip``
                none of them fires, ``latest`` the last one does, ``all`` all do. Up to a minute
                late counts as on time.
            overlap: what becomes of a firing while the run of an earlier one goes on: ``skip`` it,
                ``queue`` it until then, or ``replace`` that run, which is canceled.
            tags: of the runs.
            exist_ok: whether a schedule of that name that is there gets these settings.

        Raises:
            InvalidInput: what is to run could not run now, a setting cannot be used, or schedules
                would start each other without end.
            NotFound: there is no such pipeline, datastore or dataset.
            AlreadyExists: there is a schedule of that name.
        """
        name = check_schedule_name(name)
        if not exist_ok:
            check_is_new(workspace, KIND, name)
        trigger = _trigger(
            workspace,
            recurrence=recurrence,
            datastore=datastore,
            path=path_on_datastore,
            polling=polling_interval,
            settle_seconds=settle_seconds,
            dataset=dataset,
            after=after,
            after_status=after_status,
        )
        action, files = make_action(
            workspace,
            config,
            pipeline_parameters or {},
            continue_on_step_failure=continue_on_step_failure,
            data_parameter=data_path_parameter_name,
        )
        definition = ScheduleDefinition(
            trigger,
            action,
            experiment_name or name,
            _aware(start),
            _aware(end),
            _choice(CatchUp, catch_up),
            _choice(Overlap, overlap),
            data_path_parameter_name,
            dict(tags or {}),
        )
        check_circle(name, trigger, action, _definitions(workspace))
        asset = workspace.assets.register(
            KIND, name, definition.to_dict(), description=description, files=files
        )
        return Schedule(workspace, asset)._begun()

    @staticmethod
    def get(workspace: Workspace, name: str) -> Schedule:
        """The schedule of that name.

        Raises:
            NotFound: there is none.
        """
        return Schedule(workspace, newest(workspace, KIND, check_schedule_name(name)))

    @staticmethod
    def list(workspace: Workspace, *, active_only: bool = False) -> Schedules:
        """The schedules by name; `active_only` leaves out those that are paused."""
        found = [Schedule(workspace, each) for each in workspace.assets.list(KIND, archived=True)]
        return [each for each in found if not active_only or not each.asset.archived]

    # What it is

    @cached_property
    def definition(self) -> ScheduleDefinition:
        """What is run when, as plain data."""
        return ScheduleDefinition.from_dict(self.asset.definition)

    @property
    def recurrence(self) -> ScheduleRecurrence | None:
        """When it fires, if it goes by time."""
        trigger = self.definition.trigger
        return trigger if isinstance(trigger, ScheduleRecurrence) else None

    def next_times(self, number: int = 3) -> Sequence[datetime]:
        """When it fires next, in UTC; none where that does not go by time, or it is paused."""
        return [] if self.asset.archived else self.definition.next_times(number, now())

    # What became of it

    def get_firings(self, limit: int | None = 100) -> Firings:
        """The times at which it was due, the last first, with what became of each."""
        return self.workspace.store.find_firings(self.name, limit=limit)

    def get_runs(self, limit: int | None = 100) -> Sequence[Run]:
        """Its runs, the newest first."""
        ids = [each.run_id for each in self.get_firings(limit)]
        known = self.workspace.store.known_runs(ids)
        return [self.workspace.get_run(each) for each in ids if each in known]

    # Changing

    def update(
        self,
        *,
        description: str | None = None,
        recurrence: ScheduleRecurrence | None = None,
        pipeline_parameters: Mapping[str, Any] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        catch_up: CatchUp | str | None = None,
        overlap: Overlap | str | None = None,
    ) -> Schedule:
        """Change what is given; it as it is now. Times that are passed do not fire any more.

        Raises:
            InvalidInput: a value that cannot be used.
        """
        definition = self.definition
        action = definition.action
        if pipeline_parameters is not None:
            if not isinstance(action, PipelineAction):
                raise InvalidInput("A script has no parameters of a pipeline.")
            action, _ = make_action(
                self.workspace,
                action.pipeline,
                pipeline_parameters,
                continue_on_step_failure=action.continue_on_step_failure,
                data_parameter=definition.data_parameter,
            )
        if recurrence is not None and self.recurrence is None:
            raise InvalidInput(f"The schedule {self.name!r} does not go by time.")
        changed = replace(
            definition,
            action=action,
            trigger=definition.trigger if recurrence is None else recurrence.starting(now()),
            start=definition.start if start is None else _aware(start),
            end=definition.end if end is None else _aware(end),
            catch_up=definition.catch_up if catch_up is None else _choice(CatchUp, catch_up),
            overlap=definition.overlap if overlap is None else _choice(Overlap, overlap),
        )
        asset = self.workspace.assets.register(
            KIND,
            self.name,
            changed.to_dict(),
            description=description or self.description,
            files=self.asset.files,
        )
        if description is not None:
            asset = self.workspace.assets.change(asset, description=description)
        if self.asset.archived:
            return Schedule(self.workspace, self.workspace.assets.change(asset, archived=True))
        return Schedule(self.workspace, asset)._begun()

    def pause(self) -> Schedule:
        """Have nothing fire until it is resumed; runs that there are go on."""
        return Schedule(self.workspace, self.workspace.assets.change(self.asset, archived=True))

    def resume(self) -> Schedule:
        """Have it go on; what was due while it was paused does not fire."""
        if not self.asset.archived:
            return self
        if self.workspace.is_remote:
            self._remote.resume_schedule(self.name)
            return Schedule.get(self.workspace, self.name)
        begin(self.workspace, self.asset, now())
        asset = self.workspace.assets.change(self.asset, archived=False)
        self.workspace.attend()
        return Schedule(self.workspace, asset)

    def delete(self) -> None:
        """Forget it; its runs stay."""
        if self.workspace.is_remote:
            self._remote.delete_schedule(self.name)
            return
        self.workspace.assets.forget(KIND, self.name)
        self.workspace.folder.store.forget_schedule(self.name)

    def run_now(self) -> str:
        """Have it fire once, now, whatever it waits for; the id of the run that there will be."""
        if self.workspace.is_remote:
            return self._remote.run_schedule(self.name)
        run_id = new_run_id(self.definition.experiment)
        slot = f"{MANUAL}{new_ulid()}"
        new = NewFiring(self.name, slot, self.asset.version, now(), run_id)
        self.workspace.folder.store.add_firing(new, now())
        self.workspace.attend()
        return run_id

    def _begun(self) -> Schedule:
        """It, at work: from now on it fires."""
        if self.workspace.is_remote:
            self._remote.begin_schedule(self.name)
        else:
            begin(self.workspace, self.asset)
            self.workspace.attend()
        return self

    @property
    def _remote(self) -> RemoteWorkspace:
        return self.workspace.place  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"Schedule({self.name!r}, {self.definition.trigger}, {self.status})"


def _definitions(workspace: Workspace) -> dict[str, ScheduleDefinition]:
    return {
        asset.name: ScheduleDefinition.from_dict(asset.definition)
        for asset in workspace.assets.list(KIND, archived=True)
    }


def _aware(moment: datetime | None) -> datetime | None:
    """A time of this machine's clock, unless it says otherwise."""
    return None if moment is None else moment.astimezone(now().tzinfo)


def _choice(kind: type[_Choice], value: _Choice | str) -> _Choice:
    try:
        return kind(value)
    except ValueError:
        words = ", ".join(str(each.value) for each in kind)
        raise InvalidInput(f"{value!r} cannot be chosen.", hint=f"Choose from {words}.") from None


def _trigger(
    workspace: Workspace,
    *,
    recurrence: ScheduleRecurrence | None,
    datastore: Datastore | str | None,
    path: str | None,
    polling: float | None,
    settle_seconds: float,
    dataset: str | None,
    after: str | PublishedPipeline | PipelineEndpoint | Schedule | None,
    after_status: str,
) -> Trigger:
    given = [each for each in (recurrence, datastore, dataset, after) if each is not None]
    if len(given) != 1:
        raise InvalidInput(
            "A schedule fires by a recurrence, on a datastore, on a dataset or after something "
            f"else; {len(given)} of these are given.",
            hint="Give one of recurrence, datastore, dataset and after.",
        )
    if recurrence is not None:
        return recurrence.starting(now())
    if datastore is not None:
        return _data_trigger(workspace, datastore, path or "", polling, settle_seconds)
    if dataset is not None:
        return DatasetTrigger(check_dataset(workspace, dataset))
    assert after is not None
    if isinstance(after, Schedule):
        return AfterTrigger(schedule=after.name, on=after_status)
    name = after.name if not isinstance(after, str) else pipeline_name(after)
    PipelineEndpoint.get(workspace, name)
    return AfterTrigger(pipeline=name, on=after_status)


def _data_trigger(
    workspace: Workspace,
    datastore: Datastore | str,
    path: str,
    polling: float | None,
    settle_seconds: float,
) -> DataTrigger:
    from tandemlab.data import Datastore

    found = Datastore.get(workspace, datastore) if isinstance(datastore, str) else datastore
    if found.kind == "sql":
        raise InvalidInput(f"The datastore {found.name!r} is a database, which has no files.")
    place = found.path(path)
    if polling is None:
        polling = _LOCAL_POLLING if found.kind == "folder" else _POLLING
    return DataTrigger(found.name, place.path, polling * 60, settle_seconds)


def check_dataset(workspace: Workspace, name: str) -> str:
    """The name of a dataset that is registered.

    Raises:
        NotFound: there is none.
    """
    return workspace.assets.get("dataset", name).name
