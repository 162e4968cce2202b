"""Taking events in, once each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection, bindparam, or_, select, update

from tandemlab.domain import Event, EventBatch, FileRecord, RunError, RunStatus, StorageError
from tandemlab.domain.events import SHAPES, MetricShape
from tandemlab.domain.times import from_micros
from tandemlab.store.sql import outline, runs
from tandemlab.store.sql.among import among
from tandemlab.store.sql.engine import insert_rows, upsert
from tandemlab.store.sql.forms import param_columns, storable, to_columns
from tandemlab.store.sql.schema import files as files_table
from tandemlab.store.sql.schema import metrics, params, points, properties, records, tags, writers
from tandemlab.store.sql.schema import runs as runs_table

# Made once: SQLAlchemy takes several times as long to build a statement as to execute it.
_FIND_WRITERS = select(
    writers.c.run_key, writers.c.name, writers.c.key, writers.c.last_seq, writers.c.position
).where(among(writers.c.run_key, "runs"), among(writers.c.name, "names"))
_MOVE_WRITER = (
    update(writers)
    .where(writers.c.key == bindparam("writer"))
    .values(last_seq=bindparam("seq"), position=bindparam("end"))
)
_FIND_METRICS = select(
    metrics.c.run_key,
    metrics.c.name,
    metrics.c.shape,
    metrics.c.key,
    metrics.c.is_list,
    metrics.c.count,
).where(among(metrics.c.run_key, "runs"), among(metrics.c.name, "names"))
_MARK_LIST = update(metrics).where(metrics.c.key == bindparam("metric")).values(is_list=True)
_COUNT = (
    update(metrics)
    .where(metrics.c.key == bindparam("metric"))
    .values(count=metrics.c.count + bindparam("new"))
)
_LATEST = (
    update(metrics)
    .where(
        metrics.c.key == bindparam("metric"),
        or_(metrics.c.latest_time.is_(None), metrics.c.latest_time <= bindparam("time")),
    )
    .values(
        latest_time=bindparam("time"),
        latest_form=bindparam("form"),
        latest_number=bindparam("number"),
        latest_text=bindparam("text"),
    )
)


def take_in(connection: Connection, batches: Sequence[EventBatch]) -> list[int]:
    """Insert the events behind each writer's last seq and move its position, together.

    One statement serves all batches: it costs much more itself than another row of it.

    Returns:
        For each batch, how many events were new.
    """
    found = runs.lock(connection, [batch.run_id for batch in batches])
    places = _places(connection, [(found[batch.run_id].key, batch.writer) for batch in batches])
    portions = []
    for batch in batches:
        run = found[batch.run_id]
        place = places[run.key, batch.writer]
        portions.append(_Portion(run, place.key, place.advance(batch), batch.files))
    intake = _Intake(connection, _known_metrics(connection, portions))
    for portion in portions:
        intake.add(portion)
    intake.write()
    connection.execute(
        _MOVE_WRITER,
        [
            {"writer": place.key, "seq": place.last_seq, "end": place.position}
            for place in places.values()
        ],
    )
    return [len(portion.events) for portion in portions]


def put_files(connection: Connection, run_key: int, files: Sequence[FileRecord]) -> None:
    """Insert or replace files of a run."""
    if files:
        connection.execute(
            _put_files(connection.dialect.name),
            [
                {"run_key": run_key, "name": file.name, "digest": file.digest, "size": file.size}
                for file in files
            ],
        )


@cache
def _put_files(dialect: str) -> Any:
    statement = upsert(dialect, files_table)
    return statement.on_conflict_do_update(
        index_elements=["run_key", "name"],
        set_={"digest": statement.excluded.digest, "size": statement.excluded.size},
    )


def put_params(
    connection: Connection, run_key: int, values: Mapping[str, Any], *, time: int
) -> None:
    """Insert or replace parameters, unless a newer event has spoken.

    Args:
        values: by name, in the spool's JSON form.
    """
    if not values:
        return
    statement = upsert(connection.dialect.name, params)
    new = statement.excluded
    columns = ("form", "number", "text", "time")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["run_key", "name"],
            set_={column: new[column] for column in columns},
            where=params.c.time <= new.time,
        ),
        [
            {
                "run_key": run_key,
                "name": name,
                **dict(zip(columns, (*param_columns(value), time), strict=True)),
            }
            for name, value in values.items()
        ],
    )


@dataclass(slots=True)
class _Place:
    """Up to where the events of a writer were taken in."""

    key: int
    last_seq: int
    position: int

    def advance(self, batch: EventBatch) -> Sequence[Event]:
        """Move behind the events of a batch; those that are new.

        Raises:
            StorageError: events before them are missing.
        """
        events, last_seq = batch.events, self.last_seq
        known = bool(events) and events[0].seq <= last_seq
        new = [event for event in events if event.seq > last_seq] if known else events
        if new and (new[0].seq != last_seq + 1 or new[-1].seq != last_seq + len(new)):
            raise StorageError(
                f"The spool of run {batch.run_id} has a gap: events of writer {batch.writer} are "
                f"missing behind {last_seq}.",
                hint="A part of the spool file was removed or changed from outside; "
                "`tandemlab workspace check --repair` takes in the rest.",
                details={"run_id": batch.run_id, "writer": batch.writer},
            )
        self.last_seq += len(new)
        self.position = max(batch.end, self.position)
        return new


_Writer: TypeAlias = tuple[int, str]
"""A run's key, and a writer's name."""


def _places(connection: Connection, wanted: Iterable[_Writer]) -> dict[_Writer, _Place]:
    """The places of writers; new ones are at the start."""
    wanted = dict.fromkeys(wanted)
    found = dict(_find_places(connection, wanted))
    missing = [writer for writer in wanted if writer not in found]
    if missing:
        connection.execute(
            upsert(connection.dialect.name, writers).on_conflict_do_nothing(),
            [{"run_key": run, "name": name, "last_seq": 0, "position": 0} for run, name in missing],
        )
        found.update(_find_places(connection, missing))
    return found


def _find_places(
    connection: Connection, wanted: Iterable[_Writer]
) -> Iterator[tuple[_Writer, _Place]]:
    keys, names = zip(*wanted, strict=True)
    rows = connection.execute(_FIND_WRITERS, {"runs": [*{*keys}], "names": [*{*names}]})
    for run, name, *place in rows.all():
        yield (run, name), _Place(*place)


@dataclass(frozen=True, slots=True)
class _Portion:
    """New events of one writer."""

    run: runs.RunKey
    writer_key: int
    events: Sequence[Event]
    files: Mapping[str, FileRecord]


_Metric: TypeAlias = tuple[int, str, MetricShape]
"""A run's key, a name, and what the events under it add up to."""


class _Known(NamedTuple):
    """A metric that is there.

    Attributes:
        total: how many values it has.
    """

    key: int
    is_list: bool
    total: int


def _known_metrics(connection: Connection, portions: Sequence[_Portion]) -> dict[_Metric, _Known]:
    """The metrics that events belong to; those that are missing are made."""
    first: dict[_Metric, Event] = {}
    lists: set[_Metric] = set()
    for portion in portions:
        run_key = portion.run.key
        for event in portion.events:
            shape = SHAPES.get(event.kind)
            if shape is not None:
                first.setdefault((run_key, event.name, shape), event)
                if event.kind == "list":
                    lists.add((run_key, event.name, shape))
    found = _find_metrics(connection, first)
    missing = [metric for metric in first if metric not in found]
    if missing:
        connection.execute(
            upsert(connection.dialect.name, metrics).on_conflict_do_nothing(),
            [
                {
                    "run_key": run_key,
                    "name": name,
                    "shape": shape.value,
                    "is_list": False,
                    "description": description and storable(description),
                    "count": 0,
                }
                for run_key, name, shape in missing
                for description in [first[run_key, name, shape].description]
            ],
        )
        found |= _find_metrics(connection, missing)
    unmarked = [{"metric": found[metric].key} for metric in lists if not found[metric].is_list]
    if unmarked:
        connection.execute(_MARK_LIST, unmarked)
    return found


def _find_metrics(connection: Connection, wanted: Iterable[_Metric]) -> dict[_Metric, _Known]:
    keys = [*{run_key for run_key, _, _ in wanted}]
    names = [*{name for _, name, _ in wanted}]
    rows = connection.execute(_FIND_METRICS, {"runs": keys, "names": names}).all()
    return {
        (run_key, name, MetricShape(shape)): _Known(*known) for run_key, name, shape, *known in rows
    }


@dataclass(frozen=True, slots=True)
class _Series:
    """New points of a series by one writer, as rows of `points`.

    Attributes:
        before: how many points the series had.
    """

    key: int
    created: int
    before: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def latest(self) -> dict[str, Any]:
        """The newest point, as parameters of `_LATEST`."""
        _, _, _, _, time, _, form, number, text = self.rows[-1]
        return {
            "metric": self.key,
            "time": self.created + time,
            "form": form,
            "number": number,
            "text": text,
        }


class _Intake:
    """New events, sorted into rows and written by one statement a table.

    Args:
        known: the metrics that the events belong to.
    """

    def __init__(self, connection: Connection, known: Mapping[_Metric, _Known]) -> None:
        self._connection = connection
        self._known = known
        self._series: dict[tuple[int, int], _Series] = {}
        self._records: list[tuple[Any, ...]] = []
        self._properties: list[dict[str, Any]] = []

    def add(self, portion: _Portion) -> None:
        """Sort events into rows; nearly all are metrics, so these take the shortest way."""
        known: dict[str, _Series] = {}
        writer, created = portion.writer_key, portion.run.created
        files: list[str] = []
        for event in portion.events:
            seq, time, kind, name, value, step, _ = event
            if kind == "metric":
                series = known.get(name)
                if series is None:
                    series = known[name] = self._series_of(portion, name)
                columns = to_columns(value)
                series.rows.append((series.key, writer, seq, 0, time - created, step, *columns))
            elif kind == "list":
                self._add_list(portion, event)
            elif kind in SHAPES:
                self._add_record(portion, event)
            else:
                self._apply(portion.run, event)
            if kind == "file":
                files.append(name)
            elif kind == "image":
                files.append(value["file"])
        put_files(
            self._connection,
            portion.run.key,
            [portion.files[name] for name in files if name in portion.files],
        )

    def write(self) -> None:
        """Insert the rows that events were sorted into."""
        # Series by series, in the order of the primary key: pages are filled one after another.
        grown = [self._series[place] for place in sorted(self._series) if self._series[place].rows]
        if grown:
            insert_rows(self._connection, points, [row for s in grown for row in s.rows])
            for series in grown:
                outline.extend(self._connection, series.rows, series.before)
            self._connection.execute(_LATEST, [series.latest() for series in grown])
        if self._records:
            insert_rows(self._connection, records, self._records)
        if self._properties:  # the first that came stays
            statement = upsert(self._connection.dialect.name, properties).on_conflict_do_nothing()
            self._connection.execute(statement, self._properties)
        counts = Counter(key for key, *_ in self._records)
        for series in grown:
            counts[series.key] += len(series.rows)
        if counts:
            self._connection.execute(
                _COUNT, [{"metric": key, "new": new} for key, new in counts.items()]
            )

    def _series_of(self, portion: _Portion, name: str) -> _Series:
        key, _, total = self._known[portion.run.key, name, MetricShape.SERIES]
        place = key, portion.writer_key
        return self._series.setdefault(place, _Series(key, portion.run.created, total))

    def _add_list(self, portion: _Portion, event: Event) -> None:
        series = self._series_of(portion, event.name)
        place = series.key, portion.writer_key, event.seq
        time = event.time - portion.run.created
        series.rows.extend(
            (*place, position, time, None, *to_columns(value))
            for position, value in enumerate(event.value)
        )

    def _add_record(self, portion: _Portion, event: Event) -> None:
        key = self._known[portion.run.key, event.name, SHAPES[event.kind]].key
        data = json.dumps(event.value, ensure_ascii=False, separators=(",", ":"))
        self._records.append((key, portion.writer_key, event.seq, event.time, data))

    def _apply(self, run: runs.RunKey, event: Event) -> None:
        """Follow an event that says something of the run itself."""
        if event.kind in ("tag", "untag"):
            self._tag(run, event)
        elif event.kind == "param":
            put_params(self._connection, run.key, {event.name: event.value}, time=event.time)
        elif event.kind == "property":
            value = storable(str(event.value))
            self._properties.append({"run_key": run.key, "name": event.name, "value": value})
        elif event.kind == "attribute" and event.name in ("display_name", "description"):
            self._connection.execute(
                update(runs_table)
                .where(runs_table.c.key == run.key)
                .values({event.name: storable(str(event.value))})
            )
        elif event.kind == "status":
            self._move(run, event)

    def _tag(self, run: runs.RunKey, event: Event) -> None:
        """Replace a tag unless a newer event has spoken; a removed tag keeps its time."""
        statement = upsert(self._connection.dialect.name, tags).values(
            run_key=run.key,
            name=event.name,
            value=None if event.value is None else storable(str(event.value)),
            time=event.time,
            removed=event.kind == "untag",
        )
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["run_key", "name"],
                set_={
                    "value": statement.excluded.value,
                    "time": statement.excluded.time,
                    "removed": statement.excluded.removed,
                },
                where=tags.c.time <= statement.excluded.time,
            )
        )

    def _move(self, run: runs.RunKey, event: Event) -> None:
        """Follow a status that the run itself reports.

        A submitted run ends when its process does: its own word only keeps the reason.
        """
        current = runs.get(self._connection, run.id)
        error = event.value.get("error")
        reason = RunError(error["message"], error.get("code") or "error") if error else None
        status, time = RunStatus(event.value["status"]), from_micros(event.time)
        if current.is_submitted:
            if reason is not None and not current.status.is_terminal:
                runs.keep_error(self._connection, run.id, reason)
        else:
            runs.move(self._connection, run.id, status, time, reason)
