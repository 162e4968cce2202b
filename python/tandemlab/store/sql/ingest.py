"""Taking events in, once each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select, update

from tandemlab.domain import Event, FileRecord, RunError, RunStatus, StorageError
from tandemlab.domain.events import SHAPES, MetricShape
from tandemlab.store.sql import runs
from tandemlab.store.sql.engine import upsert
from tandemlab.store.sql.forms import to_columns
from tandemlab.store.sql.schema import files as files_table
from tandemlab.store.sql.schema import metrics, points, properties, records, tags, writers
from tandemlab.store.sql.schema import runs as runs_table


def take_in(
    connection: Connection,
    run_id: str,
    writer: str,
    events: Sequence[Event],
    end: int,
    files: Mapping[str, FileRecord],
) -> int:
    """Insert the events behind the writer's last seq and move its position, together."""
    run_key = runs.require_key(connection, run_id)
    writer_key, last_seq, position = _writer(connection, run_key, writer)
    new = [event for event in events if event.seq > last_seq]
    if new and new[0].seq != last_seq + 1:
        raise StorageError(
            f"The spool of run {run_id} has a gap: writer {writer} goes from {last_seq} "
            f"to {new[0].seq}.",
            hint="A part of the spool file was removed or changed from outside.",
            details={"run_id": run_id, "writer": writer},
        )
    batch = _Batch(connection, run_id, run_key, writer_key)
    for event in new:
        batch.add(event)
    batch.write(files)
    connection.execute(
        update(writers)
        .where(writers.c.key == writer_key)
        .values(last_seq=new[-1].seq if new else last_seq, position=max(end, position))
    )
    return len(new)


def put_files(connection: Connection, run_key: int, files: Sequence[FileRecord]) -> None:
    """Insert or replace files of a run."""
    if files:
        statement = upsert(connection, files_table)
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


def _writer(connection: Connection, run_key: int, name: str) -> tuple[int, int, int]:
    connection.execute(
        upsert(connection, writers)
        .values(run_key=run_key, name=name, last_seq=0, position=0)
        .on_conflict_do_nothing()
    )
    row = connection.execute(
        select(writers.c.key, writers.c.last_seq, writers.c.position)
        .where(writers.c.run_key == run_key, writers.c.name == name)
        .with_for_update()
    ).one()
    return row.key, row.last_seq, row.position


class _Batch:
    """Events of one writer, sorted into rows and written by one statement a table."""

    def __init__(self, connection: Connection, run_id: str, run_key: int, writer_key: int) -> None:
        self._connection = connection
        self._run_id = run_id
        self._run_key = run_key
        self._writer_key = writer_key
        self._metrics: dict[tuple[str, MetricShape], int] = {}
        self._touched: dict[int, dict[str, Any]] = {}
        self._points: list[dict[str, Any]] = []
        self._records: list[dict[str, Any]] = []
        self._files: list[str] = []

    def add(self, event: Event) -> None:
        if event.kind in SHAPES:
            self._add_metric(event, SHAPES[event.kind])
        elif event.kind in ("tag", "untag"):
            self._tag(event)
        elif event.kind == "property":
            self._connection.execute(
                upsert(self._connection, properties)
                .values(run_key=self._run_key, name=event.name, value=str(event.value))
                .on_conflict_do_nothing()
            )
        elif event.kind == "attribute" and event.name in ("display_name", "description"):
            self._connection.execute(
                update(runs_table)
                .where(runs_table.c.key == self._run_key)
                .values({event.name: event.value})
            )
        elif event.kind == "file":
            self._files.append(event.name)
        elif event.kind == "status":
            self._move(event)

    def write(self, files: Mapping[str, FileRecord]) -> None:
        if self._points:
            self._connection.execute(insert(points), self._points)
        if self._records:
            self._connection.execute(insert(records), self._records)
        for key, latest in self._touched.items():
            count = latest.pop("count")
            self._connection.execute(
                update(metrics).where(metrics.c.key == key).values(count=metrics.c.count + count)
            )
            if latest:
                self._connection.execute(
                    update(metrics)
                    .where(
                        metrics.c.key == key,
                        or_(
                            metrics.c.latest_time.is_(None),
                            metrics.c.latest_time <= latest["latest_time"],
                        ),
                    )
                    .values(**latest)
                )
        put_files(
            self._connection, self._run_key, [files[name] for name in self._files if name in files]
        )

    def _add_metric(self, event: Event, shape: MetricShape) -> None:
        key = self._metric_key(event, shape)
        touched = self._touched.setdefault(key, {"count": 0})
        if shape is not MetricShape.SERIES:
            touched["count"] += 1
            self._records.append(
                {
                    "metric_key": key,
                    "writer_key": self._writer_key,
                    "seq": event.seq,
                    "time": event.time,
                    "data": json.dumps(event.value, ensure_ascii=False, separators=(",", ":")),
                }
            )
            if shape is MetricShape.IMAGE:
                self._files.append(event.value["file"])
            return
        values = event.value if event.kind == "list" else (event.value,)
        for position, value in enumerate(values):
            form, number, text = to_columns(value)
            self._points.append(
                {
                    "metric_key": key,
                    "writer_key": self._writer_key,
                    "seq": event.seq,
                    "position": position,
                    "time": event.time,
                    "step": event.step,
                    "form": form,
                    "number": number,
                    "text": text,
                }
            )
            touched.update(
                latest_time=event.time, latest_form=form, latest_number=number, latest_text=text
            )
        touched["count"] += len(values)

    def _metric_key(self, event: Event, shape: MetricShape) -> int:
        known = self._metrics.get((event.name, shape))
        if known is not None and event.kind != "list":
            return known
        is_list = event.kind == "list"
        self._connection.execute(
            upsert(self._connection, metrics)
            .values(
                run_key=self._run_key,
                name=event.name,
                shape=shape.value,
                is_list=is_list,
                description=event.description,
                count=0,
            )
            .on_conflict_do_nothing()
        )
        place = and_(
            metrics.c.run_key == self._run_key,
            metrics.c.name == event.name,
            metrics.c.shape == shape.value,
        )
        if is_list:
            self._connection.execute(update(metrics).where(place).values(is_list=True))
        key = int(self._connection.execute(select(metrics.c.key).where(place)).scalar_one())
        self._metrics[event.name, shape] = key
        return key

    def _tag(self, event: Event) -> None:
        """Replace a tag unless a newer event has spoken; a removed tag keeps its time."""
        statement = upsert(self._connection, tags).values(
            run_key=self._run_key,
            name=event.name,
            value=event.value,
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
