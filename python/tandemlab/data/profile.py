"""What the columns of a table hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tandemlab.data.definition import Definition
from tandemlab.data.engine import identifier
from tandemlab.domain import StorageError
from tandemlab.store.durable import write_file
from tandemlab.store.user import cache_folder
from tandemlab.version import __version__

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 20
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_ORDERED = ("VARCHAR", "DATE", "TIME", "TIMESTAMP", "BOOLEAN", *_NUMBERS, *_UNSIGNED)


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What one column holds.

    Attributes:
        name: of the column.
        type: in DuckDB's words.
        count: rows, missing values included.
        missing: rows without a value.
        distinct: different values, about (HyperLogLog, a few percent).
        least: the smallest value; None for types without an order.
        greatest: the largest one.
        mean: of numbers, without missing values and NaN.
        deviation: standard deviation of numbers, with n - 1.
        quantiles: of numbers, by `QUANTILES`, interpolated.
        histogram: of numbers: ``(upper bound, count)`` of bins of equal width, the upper bound
            included.
        most_frequent: of texts and truth values: ``(value, count)``, the most frequent first.
    """

    name: str
    type: str
    count: int
    missing: int
    distinct: int
    least: Any
    greatest: Any
    mean: float | None
    deviation: float | None
    quantiles: tuple[float, ...]
    histogram: tuple[tuple[float, int], ...]
    most_frequent: tuple[tuple[Any, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def kept_profile(
    definition: Definition, digest: str, find: Callable[[], list[ColumnProfile]]
) -> list[ColumnProfile]:
    """The profile of a definition and the contents of its files; found out once on this machine.

    Args:
        digest: of the contents.
        find: what finds it out.
    """
    key = json.dumps([definition.to_dict(), digest, __version__], sort_keys=True)
    folder = cache_folder() / "profiles"
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
    with suppress(OSError, ValueError, TypeError, KeyError):
        return [_read(each) for each in json.loads(path.read_text(encoding="utf-8"))]
    found = find()
    with suppress(OSError, StorageError):
        folder.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps([each.to_dict() for each in found], default=str).encode())
    return found


_VALUES: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("DATE", date.fromisoformat),
    ("TIMESTAMP", datetime.fromisoformat),
    ("TIME", time.fromisoformat),
    ("DECIMAL", Decimal),
)


def _read(content: Mapping[str, Any]) -> ColumnProfile:
    found = dict(content)
    for start, value in _VALUES:
        if found["type"].startswith(start):
            for name in ("least", "greatest"):
                found[name] = None if found[name] is None else value(found[name])
            break
    found["quantiles"] = tuple(found["quantiles"])
    for name in ("histogram", "most_frequent"):
        found[name] = tuple((value, count) for value, count in found[name])
    return ColumnProfile(**found)


def profile_of(table: DuckDBPyRelation) -> list[ColumnProfile]:
    """The profile of each column."""
    kinds = zip(table.columns, map(str, table.types), strict=True)
    return [_column(table, name, kind) for name, kind in kinds]


def _column(table: DuckDBPyRelation, name: str, kind: str) -> ColumnProfile:
    column = identifier(name)
    is_number = kind.startswith((*_NUMBERS, *_UNSIGNED))
    ordered = kind.startswith(_ORDERED)
    number = f"(CASE WHEN isfinite({column}::DOUBLE) THEN {column}::DOUBLE END)"
    wanted = [
        "count(*)",
        f"count(*) - count({column})",
        f"approx_count_distinct({column})",
        f"min({column})" if ordered else "NULL",
        f"max({column})" if ordered else "NULL",
        f"avg({number})" if is_number else "NULL",
        f"stddev_samp({number})" if is_number else "NULL",
        f"quantile_cont({number}, {list(QUANTILES)})" if is_number else "NULL",
    ]
    found = table.aggregate(", ".join(wanted)).fetchall()[0]
    return ColumnProfile(
        name=name,
        type=kind,
        count=found[0],
        missing=found[1],
        distinct=min(found[2], found[0] - found[1]),  # it is estimated
        least=found[3],
        greatest=found[4],
        mean=found[5],
        deviation=found[6],
        quantiles=tuple(found[7] or ()),
        histogram=_histogram(table, number) if is_number else (),
        most_frequent=_most_frequent(table, column) if kind in ("VARCHAR", "BOOLEAN") else (),
    )


def _histogram(table: DuckDBPyRelation, number: str) -> tuple[tuple[float, int], ...]:
    least, greatest = table.aggregate(f"min({number}), max({number})").fetchall()[0]
    if least is None:
        return ()
    width = (greatest - least) / BINS
    if width == 0:
        count = table.aggregate(f"count({number})").fetchall()[0][0]
        return ((greatest, count),)
    place = f"greatest(ceil(({number} - {least!r}) / {width!r}), 1)"
    rows = (
        table.filter(f"{number} IS NOT NULL")
        .aggregate(f"least({place}, {BINS})::INTEGER AS bin, count(*)", "bin")
        .fetchall()
    )
    counts = dict(rows)
    bounds = [least + width * (place + 1) for place in range(BINS - 1)] + [greatest]
    return tuple((bound, counts.get(place, 0)) for place, bound in enumerate(bounds, start=1))


def _most_frequent(table: DuckDBPyRelation, column: str) -> tuple[tuple[Any, int], ...]:
    rows = (
        table.filter(f"{column} IS NOT NULL")
        .aggregate(f"{column} AS value, count(*) AS n", "value")
        .order("n DESC, value")
        .limit(10)
        .fetchall()
    )
    return tuple((value, count) for value, count in rows)
