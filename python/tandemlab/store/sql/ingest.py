"""Taking events in, once each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from tandemlab.domain import Event, FileRecord, RunError, RunStatus, StorageError
from tandemlab.domain.events import SHAPES, MetricShape
from tandemlab.store.sql import runs
from tandemlab.store.sql.engine import insert_rows, upsert
from tandemlab.store.sql.forms import param_columns, storable, to_columns
from tandemlab.store.sql.schema import files as files_table
from tandemlab.store.sql.schema import metrics, params, points, properties, records, tags, writers
from tandemlab.store.sql.schema import runs as runs_table

# Made once: SQLAlchemy takes several times as long to build a statement as to execute it.
_FIND_WRITER = select(writers.c.key, writers.c.last_seq, writers.c.position).where(
    writers.c.run_key == bindparam("run"), writers.c.name == bindparam("writer")
)
_MOVE_WRITER = (
    update(writers)
    .where(writers.c.key == bindparam("writer"))
    .values(last_seq=bindparam("seq"), position=bindparam("end"))
)
_FIND_METRIC = select(metrics.c.key, metrics.c.is_list).where(
    metrics.c.run_key == bindparam("run"),
    metrics.c.name == bindparam("metric"),
    metrics.c.shape == bindparam("form"),
)
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


def take_in(
    connection: Connection,
    run_id: str,
    writer: str,
    events: Sequence[Event],
    end: int,
    files: Mapping[str, FileRecord],
) -> int:
    """Insert the events behind the writer's last seq and move its position, together."""
    run_key, created = runs.lock(connection, run_id)
    writer_key, last_seq, position = _writer(connection, run_key, writer)
    known = bool(events) and events[0].seq <= last_seq
    new = [event for event in events if event.seq > last_seq] if known else events
    if new and (new[0].seq != last_seq + 1 or new[-1].seq != last_seq + len(new)):
        raise StorageError(
            f"The spool of run {run_id} has a gap: events of writer {writer} are missing "
            f"behind {last_seq}.",
            hint="A part of the spool file was removed or changed from outside; "
            "`tandemlab workspace check --repair` takes in the rest.",
            details={"run_id": run_id, "writer": writer},
        )
    batch = _Batch(connection, run_id, run_key, created, writer_key)
    batch.add(new)
    batch.write(files)
    connection.execute(
        _MOVE_WRITER,
        {
            "writer": writer_key,
            "seq": new[-1].seq if new else last_seq,
            "end": max(end, position),
        },
    )
    return len(new)


def put_files(connection: Connection, run_key: int, files: Sequence[FileRecord]) -> None:
    """Insert or replace files of a run."""
    if files:
        statement = upsert(connection.dialect.name, files_table)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["run_key", "name"],
                set_={"digest": statement.excluded.digest, "size": statement.excluded.size},
            ),
            [
                {"run_key": run_key, "name": file.name, "digest": file.digest, "size": file.size}
                for file in files
            ],
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


def _writer(connection: Connection, run_key: int, name: str) -> tuple[int, int, int]:
    place = {"run": run_key, "writer": name}
    row = connection.execute(_FIND_WRITER, place).one_or_none()
    if row is None:
        connection.execute(
            upsert(connection.dialect.name, writers).on_conflict_do_nothing(),
            {"run_key": run_key, "name": name, "last_seq": 0, "position": 0},
        )
        row = connection.execute(_FIND_WRITER, place).one()
    return row.key, row.last_seq, row.position


@dataclass(frozen=True, slots=True)
class _Series:
    """New points of a series, as rows of `points`."""

    key: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def latest(self, created: int) -> dict[str, Any]:
        """The newest point, as parameters of `_LATEST`."""
        _, _, _, _, time, _, form, number, text = self.rows[-1]
        return {
            "metric": self.key,
            "time": created + time,
            "form": form,
            "number": number,
            "text": text,
        }


class _Batch:
    """Events of one writer, sorted into rows and written by one statement a table."""

    def __init__(
        self, connection: Connection, run_id: str, run_key: int, created: int, writer_key: int
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._run_key = run_key
        self._writer_key = writer_key
        self._created = created
        self._metrics: dict[tuple[str, MetricShape], int] = {}
        self._series: dict[str, _Series] = {}
        self._records: list[tuple[Any, ...]] = []
        self._files: list[str] = []

    def add(self, events: Sequence[Event]) -> None:
        """Sort events into rows; nearly all are metrics, so these take the shortest way."""
        known, writer, created = self._series, self._writer_key, self._created
        for event in events:
            seq, time, kind, name, value, step, _ = event
            if kind == "metric":
                series = known.get(name) or self._series_of(event)
                columns = to_columns(value)
                series.rows.append((series.key, writer, seq, 0, time - created, step, *columns))
            else:
                self._add_other(event)

    def _add_other(self, event: Event) -> None:
        if event.kind == "list":
            self._add_list(event)
        elif event.kind in SHAPES:
            self._add_record(event, SHAPES[event.kind])
        elif event.kind in ("tag", "untag"):
            self._tag(event)
        elif event.kind == "param":
            put_params(self._connection, self._run_key, {event.name: event.value}, time=event.time)
        elif event.kind == "property":
            self._connection.execute(
                upsert(self._connection.dialect.name, properties)
                .values(run_key=self._run_key, name=event.name, value=storable(str(event.value)))
                .on_conflict_do_nothing()
            )
        elif event.kind == "attribute" and event.name in ("display_name", "description"):
            self._connection.execute(
                update(runs_table)
                .where(runs_table.c.key == self._run_key)
                .values({event.name: storable(str(event.value))})
            )
        elif event.kind == "file":
            self._files.append(event.name)
        elif event.kind == "status":
            self._move(event)

    def write(self, files: Mapping[str, FileRecord]) -> None:
        grown = [series for series in self._series.values() if series.rows]
        # Series by series, in the order of the primary key: pages are filled one after another.
        for series in grown:
            insert_rows(self._connection, points, series.rows)
        if self._records:
            insert_rows(self._connection, records, self._records)
        counts = Counter(key for key, *_ in self._records)
        counts.update({series.key: len(series.rows) for series in grown})
        if counts:
            self._connection.execute(
                _COUNT, [{"metric": key, "new": new} for key, new in counts.items()]
            )
        if grown:
            self._connection.execute(_LATEST, [series.latest(self._created) for series in grown])
        put_files(
            self._connection, self._run_key, [files[name] for name in self._files if name in files]
        )

    def _add_list(self, event: Event) -> None:
        series = self._series_of(event)
        place = series.key, self._writer_key, event.seq
        time = event.time - self._created
        series.rows.extend(
            (*place, position, time, None, *to_columns(value))
            for position, value in enumerate(event.value)
        )

    def _series_of(self, event: Event) -> _Series:
        key = self._metric_key(event, MetricShape.SERIES)
        return self._series.setdefault(event.name, _Series(key))

    def _add_record(self, event: Event, shape: MetricShape) -> None:
        key = self._metric_key(event, shape)
        data = json.dumps(event.value, ensure_ascii=False, separators=(",", ":"))
        self._records.append((key, self._writer_key, event.seq, event.time, data))
        if shape is MetricShape.IMAGE:
            self._files.append(event.value["file"])

    def _metric_key(self, event: Event, shape: MetricShape) -> int:
        known = self._metrics.get((event.name, shape))
        if known is not None and event.kind != "list":
            return known
        is_list = event.kind == "list"
        place = {"run": self._run_key, "metric": event.name, "form": shape.value}
        row = self._connection.execute(_FIND_METRIC, place).one_or_none()
        if row is None:
            self._connection.execute(
                upsert(self._connection.dialect.name, metrics).on_conflict_do_nothing(),
                {
                    "run_key": self._run_key,
                    "name": event.name,
                    "shape": shape.value,
                    "is_list": is_list,
                    "description": event.description and storable(event.description),
                    "count": 0,
                },
            )
            row = self._connection.execute(_FIND_METRIC, place).one()
        if is_list and not row.is_list:
            self._connection.execute(
                update(metrics).where(metrics.c.key == row.key).values(is_list=True)
            )
        self._metrics[event.name, shape] = row.key
        return int(row.key)

    def _tag(self, event: Event) -> None:
        """Replace a tag unless a newer event has spoken; a removed tag keeps its time."""
        statement = upsert(self._connection.dialect.name, tags).values(
            run_key=self._run_key,
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

    def _move(self, event: Event) -> None:
        """Follow a status that the run itself reports.

        A submitted run ends when its process does: its own word only keeps the reason.
        """
        current = runs.get(self._connection, self._run_id)
        error = event.value.get("error")
        reason = RunError(error["message"], error.get("code") or "error") if error else None
        status = RunStatus(event.value["status"])
        if current.type == "script":
            if reason is not None and not current.status.is_terminal:
                runs.move(self._connection, self._run_id, current.status, event.time, reason)
        elif current.status.may_become(status):
            runs.move(self._connection, self._run_id, status, event.time, reason)
