"""`TabularDataset`: a table that is read when it is asked for."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tandemlab.bridge.crossing import as_library
from tandemlab.data import delimited, json_lines, partitions
from tandemlab.data.definition import Definition, Step, chosen_seed
from tandemlab.data.engine import check_expression, connection, identifier, literal
from tandemlab.data.locations import DataFile, digest_of, expand
from tandemlab.domain import AlreadyExists, InvalidInput

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

    from tandemlab.data.file_dataset import FileDataset
    from tandemlab.data.profile import ColumnProfile

_PORTIONS = 1 << 64
_ROW = "__tandemlab_row"


class TabularDataset:
    r"""A table in files, and steps to be done on it; nothing is read before it is asked for.

    Every step gives a new dataset. Rows keep the order of the files and of the rows in them.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.csv")
    >>> _ = path.write_text("x,y\n1,a\n2,b\n3,NA\n")
    >>> from tandemlab.data import Dataset
    >>> Dataset.Tabular.from_delimited_files(path).filter("x > 1").to_arrow().to_pylist()
    [{'x': 2, 'y': 'b'}, {'x': 3, 'y': None}]
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    @property
    def columns(self) -> dict[str, str]:
        """Type of each column in DuckDB's words, in order."""
        with self._relation() as relation:
            return {
                name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)
            }

    # Steps ---------------------------------------------------------------------------------------

    def take(self, count: int) -> TabularDataset:
        """The first `count` rows."""
        return TabularDataset(self.definition.first(count))

    def skip(self, count: int) -> TabularDataset:
        """All rows but the first `count`."""
        return TabularDataset(self.definition.without_first(count))

    def take_sample(self, probability: float, seed: int | None = None) -> TabularDataset:
        """Each row with the given probability; always the same rows for the same seed.

        Args:
            probability: from 0 to 1.
            seed: a random one, kept in the dataset, if None.
        """
        return self._portion(0.0, probability, seed)

    def random_split(
        self, percentage: float, seed: int | None = None
    ) -> tuple[TabularDataset, TabularDataset]:
        """Two parts that share no row and leave none out; the same parts for the same seed.

        Args:
            percentage: the share of the first part, from 0 to 1, as the probability of each row.
            seed: a random one, kept in both parts, if None.
        """
        chosen = chosen_seed(seed)
        return self._portion(0.0, percentage, chosen), self._portion(percentage, 1.0, chosen)

    def keep_columns(self, columns: str | Sequence[str]) -> TabularDataset:
        """Only these columns, in this order."""
        return self._chosen("keep", columns)

    def drop_columns(self, columns: str | Sequence[str]) -> TabularDataset:
        """All columns but these."""
        return self._chosen("drop", columns)

    def filter(self, condition: str) -> TabularDataset:
        """The rows for which a condition in SQL is true.

        Args:
            condition: an expression of DuckDB's SQL, such as ``"age >= 18 AND sex = 'f'"``.
        """
        check_expression(condition)
        found = self._then("filter", condition=condition)
        try:
            with found._relation():
                return found
        except InvalidInput as problem:
            known = ", ".join(self.columns)
            raise InvalidInput(
                f"The condition {condition!r} cannot be used. {problem.message}",
                hint=f"The columns are {known}.",
            ) from None

    def with_timestamp_columns(
        self, timestamp: str | None, partition_timestamp: str | None = None
    ) -> TabularDataset:
        """Says which column has the time of each row, for the filters of time.

        Args:
            timestamp: a column of dates or times; None takes back what was said.
            partition_timestamp: a coarser one that the files are parted by.
        """
        names = list(filter(None, (timestamp, partition_timestamp)))
        known = self._known(names)
        for name in names:
            _check_time(name, known[name])
        return TabularDataset(
            replace(self.definition, timestamp=timestamp, partition_timestamp=partition_timestamp)
        )

    def time_before(
        self, end_time: date | datetime, include_boundary: bool = True
    ) -> TabularDataset:
        """The rows up to a time. Clock times, in the column and here, are taken as UTC."""
        return self._between(None, end_time, include_boundary)

    def time_after(
        self, start_time: date | datetime, include_boundary: bool = True
    ) -> TabularDataset:
        """The rows from a time on."""
        return self._between(start_time, None, include_boundary)

    def time_between(
        self,
        start_time: date | datetime,
        end_time: date | datetime,
        include_boundary: bool = True,
    ) -> TabularDataset:
        """The rows from a time to another."""
        return self._between(start_time, end_time, include_boundary)

    def time_recent(self, time_delta: timedelta, include_boundary: bool = True) -> TabularDataset:
        """The rows of the time before now, as it is when they are read."""
        return self._then(
            "time",
            column=self._timestamp(),
            recent=time_delta.total_seconds(),
            include_boundary=include_boundary,
        )

    # Reading -------------------------------------------------------------------------------------

    def to_arrow(self) -> pyarrow.Table:
        """The whole table in memory."""
        with self._relation() as relation:
            return relation.to_arrow_table()

    def to_pandas_dataframe(self) -> pandas.DataFrame:
        """The whole table as a data frame of pandas, missing values in types that hold them."""
        return cast("pandas.DataFrame", as_library(self.to_arrow(), "pandas"))

    def to_polars(self) -> polars.DataFrame:
        """The whole table as a data frame of polars."""
        return cast("polars.DataFrame", as_library(self.to_arrow(), "polars"))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The whole table for pyarrow, polars, R and others that know the Arrow interface."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        with self._relation() as relation:
            return int(relation.aggregate("count(*)").fetchall()[0][0])

    def to_csv_files(
        self, target_path: str | os.PathLike[str] | None = None, *, separator: str = ","
    ) -> FileDataset:
        """Writes the table as delimited text into a new folder, and gives the folder's files.

        Args:
            target_path: the folder, which must not be there; a new temporary one if None.
            separator: one character.
        """
        return self._written(target_path, "csv", f"FORMAT csv, HEADER, DELIM {literal(separator)}")

    def to_parquet_files(self, target_path: str | os.PathLike[str] | None = None) -> FileDataset:
        """Writes the table as Parquet into a new folder, and gives the folder's files.

        Args:
            target_path: the folder, which must not be there; a new temporary one if None.
        """
        return self._written(target_path, "parquet", "FORMAT parquet, COMPRESSION zstd")

    def profile(self) -> list[ColumnProfile]:
        """What each column holds: counts, missing, extremes, quantiles, a histogram."""
        from tandemlab.data.profile import profile_of

        with connection() as database:
            # Read once, so that every figure is of the same rows.
            self._open(database).create("profiled")
            return profile_of(database.table("profiled"))

    def files(self) -> list[DataFile]:
        """The files behind the table, as they are now."""
        return expand(self.definition.source.paths)

    def digest(self) -> str:
        """SHA-256 over the names and contents of the files: another one means other data."""
        return digest_of(self.files())

    # Within --------------------------------------------------------------------------------------

    def _then(self, do: str, **arguments: Any) -> TabularDataset:
        return TabularDataset(self.definition.then(do, **arguments))

    def _portion(self, start: float, end: float, seed: int | None) -> TabularDataset:
        return TabularDataset(self.definition.portion(start, end, seed))

    def _known(self, names: Sequence[str]) -> dict[str, str]:
        """Types of all columns, once it is sure that those of these names are there."""
        known = self.columns
        for name in names:
            if name not in known:
                raise InvalidInput(
                    f"There is no column {name!r}.", hint=f"The columns are {', '.join(known)}."
                )
        return known

    def _chosen(self, do: str, columns: str | Sequence[str]) -> TabularDataset:
        names = [columns] if isinstance(columns, str) else list(columns)
        self._known(names)
        return self._then(do, columns=names)

    def _timestamp(self) -> str:
        if self.definition.timestamp is None:
            raise InvalidInput(
                "Which column has the time of each row?",
                hint="with_timestamp_columns() says it; do that first.",
            )
        return self.definition.timestamp

    def _between(
        self, start: date | datetime | None, end: date | datetime | None, include_boundary: bool
    ) -> TabularDataset:
        return self._then(
            "time",
            column=self._timestamp(),
            start=None if start is None else _instant(start),
            end=None if end is None else _instant(end),
            include_boundary=include_boundary,
        )

    @contextmanager
    def _relation(self) -> Iterator[DuckDBPyRelation]:
        with connection() as database:
            yield self._open(database)

    def _open(self, database: DuckDBPyConnection) -> DuckDBPyRelation:
        text = _scan(self.definition, self.files())
        for step in self.definition.steps:
            text = _step(step, text)
        return database.sql(text)

    def _written(
        self, target_path: str | os.PathLike[str] | None, extension: str, form: str
    ) -> FileDataset:
        from tandemlab.data.dataset import Dataset

        parent = tempfile.mkdtemp(prefix="tandemlab-data-") if target_path is None else None
        target = Path(target_path or f"{parent}/{extension}").absolute()
        if target.exists():
            raise AlreadyExists(f"{target} is there already.", hint="Choose a new folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            with connection() as database:
                self._open(database).create_view("written")
                path = literal(str(part / f"part-00000.{extension}"))
                database.execute(f"COPY written TO {path} ({form})")
            part.chmod(0o755)
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return Dataset.File.from_files(target)


def _check_time(name: str, kind: str) -> None:
    if not kind.startswith(("DATE", "TIMESTAMP")):
        raise InvalidInput(
            f"Column {name!r} is of type {kind}, not a date or time.",
            hint=f'set_column_types={{"{name}": "datetime"}} reads it as one.',
        )


def _instant(time: date | datetime) -> str:
    if not isinstance(time, datetime):
        time = datetime(time.year, time.month, time.day)
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc).replace(tzinfo=None)
    return time.isoformat(sep=" ", timespec="microseconds")


# SQL ---------------------------------------------------------------------------------------------


def _scan(definition: Definition, files: Sequence[DataFile]) -> str:
    source = definition.source
    if source.format == "delimited":
        delimited.check_headers(files, source.options, list(source.columns))
        table = delimited.scan(files, source.columns, source.options)
    elif source.format == "parquet":
        table = f"read_parquet({literal([file.path for file in files])}, filename = true)"
    else:
        table = json_lines.scan(files, source.columns, source.options)
    added = ['filename AS "Path"'] if source.include_path else []
    if source.partition_format is not None:
        parts = partitions.parse(source.partition_format)
        parts.check(files)
        added += parts.expressions()
    extra = "".join(f", {expression}" for expression in added)
    casts = "".join(
        f", CAST({identifier(name)} AS {kind}) AS {identifier(name)}"
        for name, kind in source.options.get("casts", {}).items()
    )
    replaced = f" REPLACE ({casts[2:]})" if casts else ""
    return f"SELECT * EXCLUDE (filename){replaced}{extra} FROM {table}"


def _step(step: Step, text: str) -> str:
    return _STEPS[step["do"]](step, f"({text})")


def _take(step: Step, table: str) -> str:
    return f"SELECT * FROM {table} LIMIT {int(step['count'])}"


def _skip(step: Step, table: str) -> str:
    return f"SELECT * FROM {table} OFFSET {int(step['count'])}"


def _portion(step: Step, table: str) -> str:
    # MD5 is the same on every machine and in every version, which DuckDB's own hash is not.
    numbered = f"SELECT *, row_number() OVER () AS {_ROW} FROM {table}"
    share = f"md5_number_lower(concat({int(step['seed'])}, ':', {_ROW}))"
    start, end = (int(step[name] * _PORTIONS) for name in ("start", "end"))
    bounds = [f"{share} >= {start}::UHUGEINT"] if start else []
    if end < _PORTIONS:
        bounds.append(f"{share} < {end}::UHUGEINT")
    return f"SELECT * EXCLUDE ({_ROW}) FROM ({numbered}) WHERE {' AND '.join(bounds) or 'true'}"


def _keep(step: Step, table: str) -> str:
    return f"SELECT {', '.join(map(identifier, step['columns']))} FROM {table}"


def _drop(step: Step, table: str) -> str:
    return f"SELECT * EXCLUDE ({', '.join(map(identifier, step['columns']))}) FROM {table}"


def _filter(step: Step, table: str) -> str:
    return f"SELECT * FROM {table} WHERE (\n{step['condition']}\n)"


def _time(step: Step, table: str) -> str:
    column = f"CAST({identifier(step['column'])} AS TIMESTAMP)"
    same = "=" if step["include_boundary"] else ""
    start, end = step.get("start"), step.get("end")
    if "recent" in step:
        now = datetime.now(timezone.utc)
        start, end = _instant(now - timedelta(seconds=step["recent"])), _instant(now)
    bounds = [
        f"{column} {sign}{same} {literal(time)}::TIMESTAMP"
        for sign, time in ((">", start), ("<", end))
        if time is not None
    ]
    return f"SELECT * FROM {table} WHERE {' AND '.join(bounds) or 'true'}"


_STEPS = {
    "take": _take,
    "skip": _skip,
    "portion": _portion,
    "keep": _keep,
    "drop": _drop,
    "filter": _filter,
    "time": _time,
}
