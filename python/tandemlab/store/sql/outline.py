"""Long series in outline, so that a picture of one need not read all of its points.

Of every `STRETCH` points of a writer the table ``outline`` has the least, the greatest and the
last, beside the points themselves: a twentieth of them, without losing a peak. It is carried on
while points come in, once `PART` more are there, so that short series cost nothing. What is not in
outline yet, and series of stores that had no outline, are read point by point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, bindparam, select, tuple_

from tandemlab.store.sql.engine import insert_rows
from tandemlab.store.sql.schema import outline, points

STRETCH = 64
PART = 1024

_NUMBER = points.c.keys().index("number")
_OF_WRITER = (
    outline.c.metric_key == bindparam("metric"),
    outline.c.writer_key == bindparam("writer"),
)
_LAST = (
    select(outline.c.seq, outline.c.position, outline.c.ordinal)
    .where(*_OF_WRITER)
    .order_by(outline.c.seq.desc(), outline.c.position.desc())
    .limit(1)
)
_BEHIND = (
    select(points)
    .where(
        points.c.metric_key == bindparam("metric"),
        points.c.writer_key == bindparam("writer"),
        tuple_(points.c.seq, points.c.position)
        > tuple_(bindparam("seq", type_=points.c.seq.type), bindparam("position")),
    )
    .order_by(points.c.seq, points.c.position)
)
_BETWEEN = _BEHIND.where(points.c.seq < bindparam("end"))
_FIRST_WRITER, _LAST_WRITER = (
    select(points.c.writer_key)
    .where(points.c.metric_key == bindparam("metric"))
    .order_by(*(column if ascending else column.desc() for column in points.primary_key))
    .limit(1)
    for ascending in (True, False)
)
_OUTLINE = select(outline).where(*_OF_WRITER).order_by(outline.c.seq, outline.c.position)


def extend(connection: Connection, rows: Sequence[tuple[Any, ...]], before: int) -> None:
    """Carry the outline of a series on; most calls find nothing to do.

    Args:
        rows: new rows of ``points``, of one metric and writer.
        before: how many points the metric had.
    """
    if before // PART == (before + len(rows)) // PART:
        return
    metric, writer, seq, *_ = rows[0]
    place = {"metric": metric, "writer": writer}
    last = connection.execute(_LAST, place).one_or_none()
    place |= {"seq": last.seq, "position": last.position} if last else {"seq": 0, "position": -1}
    pending = [*_rows(connection, _BETWEEN, {**place, "end": seq}), *rows]
    first = last.ordinal + 1 if last else 1
    ends = range(0, len(pending) - STRETCH + 1, STRETCH)
    kept = [row for at in ends for row in _kept(pending[at : at + STRETCH], first + at)]
    insert_rows(connection, outline, kept)


def _kept(stretch: Sequence[tuple[Any, ...]], first: int) -> Iterator[tuple[Any, ...]]:
    numbers = [row[_NUMBER] for row in stretch]
    known = [number for number in numbers if number is not None]
    places = {len(stretch) - 1}
    if known:
        places |= {numbers.index(min(known)), numbers.index(max(known))}
    for place in sorted(places):
        yield (*stretch[place], first + place)


def read(connection: Connection, metric: int) -> list[tuple[Any, ...]]:
    """A series in outline: rows of ``points``, each with its place in the series from 1 on.

    Nothing where there is no outline, or where several writers have to be merged by time.
    """
    place = {"metric": metric}
    writer = connection.execute(_FIRST_WRITER, place).scalar()
    if writer is None or writer != connection.execute(_LAST_WRITER, place).scalar():
        return []
    place["writer"] = writer
    rows = _rows(connection, _OUTLINE, place)
    if not rows:
        return []
    *_, ordinal = last = rows[-1]
    tail = _rows(connection, _BEHIND, {**place, "seq": last[2], "position": last[3]})
    return [*rows, *((*row, ordinal + number) for number, row in enumerate(tail, 1))]


def _rows(connection: Connection, statement: Any, place: dict[str, int]) -> list[tuple[Any, ...]]:
    cursor = connection.execute(statement, place).cursor
    assert cursor is not None
    parts = iter(lambda: cursor.fetchmany(500), [])
    return list(chain.from_iterable(parts))
