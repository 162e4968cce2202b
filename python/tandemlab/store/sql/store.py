"""The Store on a SQL database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from tandemlab.domain import (
    Event,
    EventBatch,
    ExperimentRecord,
    FileRecord,
    InvalidState,
    Metric,
    NewRun,
    NotFound,
    RunError,
    RunQuery,
    RunRecord,
    RunStatus,
    RunTable,
    Scalar,
    TandemlabError,
)
from tandemlab.domain.assets import Asset, AssetChange, AssetUsage, NewAsset
from tandemlab.domain.schedules import Firing, FiringState, NewFiring, SchedulePosition
from tandemlab.domain.times import from_micros, now, to_micros
from tandemlab.store.sql import assets, ingest, metrics, runs, schedules, table, upkeep, usages
from tandemlab.store.sql import engine as database
from tandemlab.store.sql.among import among
from tandemlab.store.sql.engine import Place, repeated
from tandemlab.store.sql.schema import experiments, files, writers
from tandemlab.store.sql.schema import runs as runs_table

_Result = TypeVar("_Result")
_POSITIONS = (
    select(runs_table.c.id, writers.c.name, writers.c.last_seq, writers.c.position)
    .join(runs_table, runs_table.c.key == writers.c.run_key)
    .where(among(runs_table.c.id, "ids"))
)
_FILES = (
    select(runs_table.c.id, files.c.name, files.c.digest, files.c.size)
    .join(runs_table, runs_table.c.key == files.c.run_key)
    .where(among(runs_table.c.id, "ids"))
    .order_by(files.c.run_key, files.c.name)
)


class SqlStore:
    """Keeps experiments and runs in a SQL database; see `tandemlab.store.Store`."""

    def __init__(self, engine: Engine, place: Place) -> None:
        self._engine = engine
        self._place = place

    @classmethod
    def create(cls, place: Place) -> bool:
        """Make a new store; False if the database at an address holds one already."""
        return database.create_database(place)

    @classmethod
    def open(cls, place: Place) -> SqlStore:
        """Open a store, brought up to date if an older version made it."""
        return cls(database.open_database(place), place)

    @cached_property
    def is_writable(self) -> bool:
        return database.may_write(self._engine, self._place)

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with database.errors_of(self._place), database.reading(self._engine) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with database.errors_of(self._place), self._engine.begin() as connection:
            yield connection

    # Experiments

    @repeated
    def ensure_experiment(self, name: str) -> ExperimentRecord:
        found = self.get_experiment(name)
        if found is None:
            with self._writing() as connection:
                runs.experiment_key(connection, name, to_micros(now()))
            found = self.get_experiment(name)
            assert found is not None
        return found

    @repeated
    def get_experiment(self, name: str) -> ExperimentRecord | None:
        found = self._experiments(name)
        return found[0] if found else None

    @repeated
    def list_experiments(self) -> list[ExperimentRecord]:
        return self._experiments(None)

    def _experiments(self, name: str | None) -> list[ExperimentRecord]:
        count = (
            select(func.count())
            .where(runs_table.c.experiment_key == experiments.c.key)
            .scalar_subquery()
        )
        statement = select(
            experiments.c.name, experiments.c.created, experiments.c.archived, count
        ).order_by(experiments.c.name)
        if name is not None:
            statement = statement.where(experiments.c.name == name)
        with self._reading() as connection:
            rows = connection.execute(statement).all()
        return [ExperimentRecord(row[0], from_micros(row[1]), row[2], row[3]) for row in rows]

    @repeated
    def archive_experiment(self, name: str, *, archived: bool) -> None:
        with self._writing() as connection:
            changed = connection.execute(
                update(experiments).where(experiments.c.name == name).values(archived=archived)
            )
            if not changed.rowcount:
                raise NotFound(f"There is no experiment {name!r}.", details={"experiment": name})

    # Runs

    @repeated
    def create_run(self, run: NewRun) -> RunRecord:
        with self._writing() as connection:
            if runs.find_key(connection, run.id) is not None:
                return runs.get(connection, run.id)
            return self._create(connection, [run])[0]

    @repeated
    def create_runs(self, new: Sequence[NewRun]) -> list[RunRecord]:
        """`create_run` several at once, which takes much less time; those that were not there."""
        with suppress(IntegrityError), self._writing() as connection:
            return self._create(connection, new)
        with self._writing() as connection:  # some are there
            known = runs.statuses(connection, [run.id for run in new])
            return self._create(connection, [run for run in new if run.id not in known])

    def _create(self, connection: Connection, new: Sequence[NewRun]) -> list[RunRecord]:
        records = runs.create(connection, new) if new else []
        for run in new:
            if run.params:
                key = runs.require_key(connection, run.id)
                ingest.put_params(connection, key, run.params, time=to_micros(run.created))
        return records

    @repeated
    def get_run(self, run_id: str) -> RunRecord | None:
        with self._reading() as connection:
            return runs.find_one(connection, run_id)

    @repeated
    def find_runs(self, query: RunQuery) -> list[RunRecord]:
        with self._reading() as connection:
            return runs.find(connection, query)

    @repeated
    def table_runs(self, query: RunQuery) -> RunTable:
        with self._reading() as connection:
            return table.read(connection, query)

    @repeated
    def submitted_runs(
        self, status: RunStatus, target: str | None = None, *, limit: int = 1000
    ) -> list[RunRecord]:
        """Jobs with a status, oldest first: what an agent asks for again and again.

        Args:
            target: where they run; None for anywhere.
        """
        with self._reading() as connection:
            return runs.submitted(connection, status, target, limit)

    @repeated
    def known_runs(self, run_ids: Iterable[str]) -> dict[str, RunStatus]:
        with self._reading() as connection:
            return runs.statuses(connection, list(run_ids))

    @repeated
    def newest_completed(
        self, name: str, values: Sequence[str], *, experiment: str | None = None
    ) -> dict[str, str]:
        with self._reading() as connection:
            return runs.newest_completed(connection, name, values, experiment)

    @repeated
    def get_outcome(self, run_id: str) -> tuple[RunStatus, RunError | None] | None:
        """The status and the error of a run, which is less to read than all of it."""
        with self._reading() as connection:
            return runs.outcome(connection, run_id)

    @repeated
    def properties_of(self, name: str, run_ids: Sequence[str]) -> dict[str, str]:
        """The value of a property in those of `run_ids` that have it."""
        with self._reading() as connection:
            return runs.properties_of(connection, name, run_ids)

    @repeated
    def move_run(
        self,
        run_id: str,
        status: RunStatus,
        *,
        time: datetime | None = None,
        error: RunError | None = None,
        exit_code: int | None = None,
    ) -> None:
        with self._writing() as connection:
            self._move(connection, run_id, status, time or now(), error, exit_code)

    @repeated
    def end_run(
        self,
        run_id: str,
        status: RunStatus,
        files: Sequence[FileRecord],
        *,
        error: RunError | None = None,
        exit_code: int | None = None,
    ) -> None:
        """`add_files` and `move_run` at once.

        Raises:
            NotFound: no such run.
            InvalidState: the life cycle has no such move.
        """
        with self._writing() as connection:
            key = self._move(connection, run_id, status, now(), error, exit_code)
            ingest.put_files(connection, key, files)

    @repeated
    def complete_run(self, run_id: str, files: Sequence[FileRecord]) -> bool:
        """End a run whose job has ended well, with its files; False if there is more to it.

        That is so if it was canceled, or has said itself that it failed.
        """
        with self._writing() as connection:
            key = runs.complete(connection, run_id, now())
            if key is not None:
                ingest.put_files(connection, key, files)
            return key is not None

    def _move(
        self,
        connection: Connection,
        run_id: str,
        status: RunStatus,
        time: datetime,
        error: RunError | None,
        exit_code: int | None,
    ) -> int:
        """Move a run; its key."""
        moved = runs.move(connection, run_id, status, time, error, exit_code)
        if moved is not None:
            return moved
        key = runs.require_key(connection, run_id)
        current = runs.statuses(connection, [run_id])[run_id]
        if current is not status:
            raise InvalidState(
                f"Run {run_id} is {current} and cannot become {status}.",
                hint="A run that has ended stays as it is; start a new one."
                if current.is_terminal
                else "",
                details={"run_id": run_id, "status": str(current)},
            )
        return key

    @repeated
    def reopen_run(self, run_id: str) -> None:
        """Have a run that has ended go on, as MLflow's clients do; a job cannot.

        Raises:
            NotFound: no such run.
            InvalidState: a job has run there.
        """
        with self._writing() as connection:
            runs.lock(connection, [run_id])
            if runs.get(connection, run_id).is_submitted:
                raise InvalidState(f"Run {run_id} has ended with its job.", hint="Start a new one.")
            runs.reopen(connection, run_id)

    def delete_run(self, run_id: str) -> None:  # not repeated: the second time it is not there
        with self._writing() as connection:
            runs.lock(connection, [run_id])
            current = runs.get(connection, run_id)
            if not current.status.is_terminal:
                raise InvalidState(
                    f"Run {run_id} is {current.status}; only a run that has ended can be deleted.",
                    hint=f"`tandemlab run cancel {run_id}` ends it.",
                )
            connection.execute(delete(runs_table).where(runs_table.c.id == run_id))

    # What runs log

    def positions(self, run_id: str) -> dict[str, tuple[int, int]]:
        return self.positions_of([run_id]).get(run_id, {})

    @repeated
    def positions_of(self, run_ids: Sequence[str]) -> dict[str, dict[str, tuple[int, int]]]:
        found: dict[str, dict[str, tuple[int, int]]] = {}
        with self._reading() as connection:
            for run_id, writer, seq, position in connection.execute(_POSITIONS, {"ids": run_ids}):
                found.setdefault(run_id, {})[writer] = (seq, position)
        return found

    def ingest(
        self,
        run_id: str,
        writer: str,
        events: Sequence[Event],
        *,
        end: int,
        files: Mapping[str, FileRecord] | None = None,
    ) -> int:
        return self._take_in([EventBatch(run_id, writer, events, end, files or {})])[0]

    def ingest_all(self, batches: Sequence[EventBatch]) -> list[int | TandemlabError]:
        if len(batches) > 1:
            with suppress(TandemlabError):
                return [*self._take_in(batches)]
        return [self._take_in_alone(batch) for batch in batches]

    def _take_in_alone(self, batch: EventBatch) -> int | TandemlabError:
        try:
            return self._take_in([batch])[0]
        except TandemlabError as error:
            return error

    @repeated
    def _take_in(self, batches: Sequence[EventBatch]) -> list[int]:
        with self._writing() as connection:
            return ingest.take_in(connection, batches)

    @repeated
    def add_files(self, run_id: str, files: Sequence[FileRecord]) -> None:
        with self._writing() as connection:
            run = runs.lock(connection, [run_id])[run_id]
            ingest.put_files(connection, run.key, files)

    def list_files(self, run_id: str) -> list[FileRecord]:
        return self.files_of([run_id]).get(run_id, [])

    @repeated
    def files_of(self, run_ids: Sequence[str]) -> dict[str, list[FileRecord]]:
        found: dict[str, list[FileRecord]] = {}
        with self._reading() as connection:
            for run_id, *file in connection.execute(_FILES, {"ids": run_ids}):
                found.setdefault(run_id, []).append(FileRecord(*file))
        return found

    @repeated
    def get_metrics(
        self, run_id: str, name: str | None = None, *, max_points: int | None = None
    ) -> dict[str, Metric]:
        with self._reading() as connection:
            key = runs.require_key(connection, run_id)
            return metrics.read(connection, key, name, max_points)

    @repeated
    def metrics_of(self, run_ids: Sequence[str]) -> dict[str, dict[str, Metric]]:
        with self._reading() as connection:
            return metrics.of_runs(connection, run_ids)

    @repeated
    def series_of(self, run_ids: Sequence[str], name: str) -> dict[str, Metric]:
        with self._reading() as connection:
            return metrics.series_of(connection, run_ids, name)

    @repeated
    def latest_values(self, run_ids: Sequence[str]) -> dict[str, dict[str, Scalar]]:
        with self._reading() as connection:
            return metrics.latest(connection, run_ids)

    # Assets

    @repeated
    def register_asset(self, new: NewAsset) -> Asset:
        with self._writing() as connection:
            return assets.register(connection, new)

    @repeated
    def get_asset(self, kind: str, name: str, version: int | str | None = None) -> Asset | None:
        with self._reading() as connection:
            return assets.find(connection, kind, name, version)

    @repeated
    def list_assets(
        self,
        kind: str | None = None,
        name: str | None = None,
        *,
        archived: bool = False,
        all_versions: bool = False,
    ) -> list[Asset]:
        with self._reading() as connection:
            return assets.find_all(
                connection, kind, name, archived=archived, all_versions=all_versions
            )

    @repeated
    def made_assets(self, run_id: str) -> list[Asset]:
        with self._reading() as connection:
            return assets.made_by(connection, run_id)

    @repeated
    def change_asset(self, kind: str, name: str, version: int, change: AssetChange) -> Asset:
        with self._writing() as connection:
            return assets.change(connection, kind, name, version, change)

    def delete_asset(self, kind: str, name: str, version: int) -> None:  # as delete_run
        with self._writing() as connection:
            assets.remove(connection, kind, name, version)

    @repeated
    def add_usage(self, usage: AssetUsage) -> None:
        with self._writing() as connection:
            usages.add(connection, usage)

    @repeated
    def find_usages(
        self,
        *,
        run_id: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        version: int | None = None,
    ) -> list[AssetUsage]:
        with self._reading() as connection:
            return usages.find(connection, run_id, kind, name, version)

    # Schedules

    @repeated
    def find_firings(
        self,
        schedule: str | None = None,
        states: Sequence[FiringState] | None = None,
        limit: int | None = None,
    ) -> list[Firing]:
        with self._reading() as connection:
            return schedules.find(connection, schedule, states, limit)

    @repeated
    def schedule_position(self, schedule: str) -> SchedulePosition | None:
        """How far a schedule is; None for one that nobody has looked at."""
        with self._reading() as connection:
            return schedules.position(connection, schedule)

    def decide_firings(  # not repeated: what was decided the first time would be lost to others
        self,
        schedule: str,
        known: SchedulePosition | None,
        content: Mapping[str, Any],
        new: Sequence[NewFiring],
        time: datetime,
    ) -> list[Firing] | None:
        """Move a schedule on from a position that was read, and decide its firings, at once.

        None if it is not at that position any more: another agent was first.
        """
        with self._writing() as connection:
            return schedules.decide(connection, schedule, known, content, new, time)

    @repeated
    def add_firing(self, new: NewFiring, time: datetime) -> None:
        """Decide a firing beside those that the schedule's trigger brings."""
        with self._writing() as connection:
            schedules.add(connection, [new], time)

    @repeated
    def claim_firing(self, firing: Firing, owner: str, time: datetime, lease: timedelta) -> bool:
        """Take up a decided firing, unless another agent has and may still be at it."""
        with self._writing() as connection:
            return schedules.claim(connection, firing, owner, time, lease)

    def settle_firing(  # as decide_firings
        self,
        firing: Firing,
        state: FiringState,
        reason: str | None = None,
        *,
        owner: str | None = None,
    ) -> bool:
        """Have a firing be in another state; False if it is not as it was known any more."""
        with self._writing() as connection:
            return schedules.settle(connection, firing, state, reason, owner)

    @repeated
    def lost_firings(self, owner: str) -> list[str]:
        """Ids of the runs of firings that another agent than `owner`'s has taken over."""
        with self._reading() as connection:
            return schedules.lost_to(connection, owner)

    @repeated
    def ended_since(self, time: datetime) -> list[str]:
        """Ids of runs that have ended behind a time, the first one first."""
        with self._reading() as connection:
            return schedules.ended_since(connection, time)

    @repeated
    def forget_schedule(self, schedule: str) -> None:
        """Forget how far a schedule is, and what it has still to do; what was, stays."""
        with self._writing() as connection:
            schedules.forget(connection, schedule)

    # Upkeep

    def restore_asset(self, asset: Asset) -> None:
        """Have a version be as it is told, whether it is there or not."""
        with self._writing() as connection:
            assets.restore(connection, asset)

    def bury_asset(self, kind: str, name: str, version: int) -> None:
        """See to it that a version which was deleted is gone, and not given to another."""
        with self._writing() as connection:
            assets.bury(connection, kind, name, version)

    def last_version(self, kind: str, name: str) -> int:
        """The last version that a name of an asset was given; 0 if none."""
        with self._reading() as connection:
            return assets.last_version(connection, kind, name)

    def restore_usage(self, usage: AssetUsage) -> None:
        """Record that a run has used an asset, which may have been deleted since."""
        with self._writing() as connection:
            usages.restore(connection, runs.require_key(connection, usage.run_id), usage)

    def check(self) -> list[str]:
        """What the database's own check finds wrong; nothing if it is whole."""
        with self._reading() as connection:
            return upkeep.check(connection)

    def restore_run(self, record: RunRecord) -> None:
        """Create a run in the state and with the number that it had."""
        with self._writing() as connection:
            upkeep.restore_run(connection, record)

    def schedule_positions(self) -> dict[str, Any]:
        """How far each schedule is, by name."""
        with self._reading() as connection:
            return schedules.all_positions(connection)

    def restore_firing(self, firing: Firing) -> None:
        """Have a firing be as it was, but that no agent is at it."""
        with self._writing() as connection:
            schedules.restore(connection, firing)

    def set_number(self, run_id: str, number: int) -> None:
        """Give a run a number of its experiment that is free."""
        with self._writing() as connection:
            upkeep.set_number(connection, run_id, number)

    def move_position(self, run_id: str, writer: str, position: int) -> None:
        """Have a writer's spool file be read on from another byte offset."""
        with self._writing() as connection:
            upkeep.move_position(connection, run_id, writer, position)

    def all_files(self) -> list[tuple[str, FileRecord]]:
        """The files of all runs, each with the run's id."""
        with self._reading() as connection:
            return upkeep.all_files(connection)

    def all_snapshots(self) -> list[tuple[str, str]]:
        """Ids of the runs whose source was kept, with the digest of its manifest."""
        with self._reading() as connection:
            return upkeep.all_snapshots(connection)

    @repeated
    def while_nothing_is_recorded(self, action: Callable[[upkeep.Recorded], _Result]) -> _Result:
        """Do something that relies on what is recorded; keep it short, since others wait.

        It is done again if the database's connection was lost meanwhile.
        """
        with self._writing() as connection:
            return action(upkeep.Recorded(connection))

    def archived_experiments(self) -> list[str]:
        """Names of the archived experiments."""
        with self._reading() as connection:
            return upkeep.archived(connection)
