"""`TabularDataset`: a table that is read when it is asked for."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from tandemlab.bridge import write_frame
from tandemlab.bridge.crossing import as_library
from tandemlab.data import plain_text
from tandemlab.data.definition import chosen_seed
from tandemlab.data.engine import check_expression, connection, enough_memory, literal
from tandemlab.data.locations import DataFile, expand
from tandemlab.data.problems import in_our_words
from tandemlab.data.queries import instant, query
from tandemlab.data.registered import Registrable
from tandemlab.data.sql_rows import digest_of_rows
from tandemlab.domain import AlreadyExists, InvalidInput

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    import pyspark.sql
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

    from tandemlab.data.file_dataset import FileDataset
    from tandemlab.data.profile import ColumnProfile

OnError: TypeAlias = Literal["fail", "null"]
_BATCH = 122_880  # rows, as DuckDB groups them


class TabularDataset(Registrable):
    r"""A table in files, and steps to be done on it; nothing is read before it is asked for.

    Every step gives a new dataset. Rows keep the order of the files and of the rows in them.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.csv")
    >>> _ = path.write_text("x,y\n1,a\n2,b\n3,NA\n")
    >>> from tandemlab.data import Dataset
    >>> Dataset.Tabular.from_delimited_files(path).filter("x > 1").to_arrow().to_pylist()
    [{'x': 2, 'y': 'b'}, {'x': 3, 'y': None}]
    """

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

    def keep_columns(self, columns: str | Sequence[str], validate: bool = True) -> TabularDataset:
        """Only these columns, in this order.

        Args:
            columns: a name or several.
            validate: whether to make sure now that they are there.
        """
        return self._chosen("keep", columns, validate=validate)

    def drop_columns(self, columns: str | Sequence[str]) -> TabularDataset:
        """All columns but these."""
        return self._chosen("drop", columns, validate=True)

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
        self,
        timestamp: str | None,
        partition_timestamp: str | None = None,
        validate: bool = True,
    ) -> TabularDataset:
        """Says which column has the time of each row, for the filters of time.

        Args:
            timestamp: a column of dates or times; None takes back what was said.
            partition_timestamp: a coarser one that the files are parted by.
            validate: whether to make sure now that they are there, and of a type of time.
        """
        names = list(filter(None, (timestamp, partition_timestamp)))
        if validate:
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
        if time_delta.total_seconds() < 0:
            raise InvalidInput(f"time_delta reaches back from now, so {time_delta} cannot be one.")
        return self._then(
            "time",
            column=self._timestamp(),
            recent=time_delta.total_seconds(),
            include_boundary=include_boundary,
        )

    # Reading -------------------------------------------------------------------------------------

    def to_arrow(self, on_error: OnError = "fail") -> pyarrow.Table:
        """The whole table in memory.

        Args:
            on_error: ``"fail"``, or ``"null"`` to take a value that does not fit the type of its
                column as a missing one. Rows with too few or too many values always fail.

        Raises:
            InvalidInput: a row or value is malformed; no part of the table is given then.
            StorageError: memory does not suffice; likewise.
        """
        if on_error not in ("fail", "null"):
            raise InvalidInput(f"on_error must be 'fail' or 'null', not {on_error!r}.")
        lenient = on_error == "null"
        if not lenient and not self.definition.steps:
            with enough_memory():
                found = plain_text.read(self.definition.source, self.files())
            if found is not None:
                return found
        with connection() as database:
            return self._open(database, lenient=lenient).to_arrow_table()

    def to_pandas_dataframe(self, on_error: OnError = "fail") -> pandas.DataFrame:
        """The whole table as a data frame of pandas, missing values in types that hold them.

        Args:
            on_error: as for `to_arrow`.
        """
        table = self.to_arrow(on_error)
        with enough_memory():
            return cast("pandas.DataFrame", as_library(table, "pandas"))

    def to_polars(self, on_error: OnError = "fail") -> polars.DataFrame:
        """The whole table as a data frame of polars.

        Args:
            on_error: as for `to_arrow`.
        """
        table = self.to_arrow(on_error)
        with enough_memory():
            return cast("polars.DataFrame", as_library(table, "polars"))

    def to_spark_dataframe(
        self,
        spark: pyspark.sql.SparkSession | None = None,
        path: str | os.PathLike[str] | None = None,
    ) -> pyspark.sql.DataFrame:
        """The table as a data frame of Spark, with the columns' types.

        Whole numbers without a sign get the next wider type, categories are text, times without a
        zone have none in Spark either (``timestamp_ntz``). In a run on a target of Spark,
        ``run.input_datasets["NAME"].to_spark_dataframe()`` is an input as such a frame.

        Args:
            spark: the session; the one that there is, or is to be made, if None.
            path: a new folder that all machines of the cluster see: the table is written there as
                Parquet, and read from there. None: it goes from this process's memory.

        Raises:
            InvalidInput: a column of a type that Spark does not have, or malformed rows.
            AlreadyExists: the folder is there.
            MissingDependency: there is no pyspark here, or one before 4.0 and no `path`.
        """
        from tandemlab.data.spark_frames import spark_frame

        return spark_frame(self, spark, path)

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

    def to_arrow_file(self, path: str | os.PathLike[str]) -> Path:
        """Writes the table as an Arrow file, batch by batch, which R and Python read natively.

        Args:
            path: of the file, ending in ``.arrow``; it appears when it is whole.

        Raises:
            InvalidInput: a row or value is malformed; there is no file then.
        """
        from pyarrow import RecordBatchReader

        with self._relation() as relation:
            reader = relation.to_arrow_reader(_BATCH)
            batches = RecordBatchReader.from_batches(reader.schema, _told(reader))
            return write_frame(batches, path)

    def profile(self) -> list[ColumnProfile]:
        """What each column holds: counts, missing, extremes, quantiles, a histogram.

        It is kept in the user's cache folder while the files stay the same.
        """
        from tandemlab.data.profile import kept_profile, profile_of

        def found() -> list[ColumnProfile]:
            with connection() as database:
                # Read once, so that every figure is of the same rows.
                self._open(database).create("profiled")
                return profile_of(database.table("profiled"))

        if any("recent" in step for step in self.definition.steps):  # hangs on the time of now
            return found()
        return kept_profile(self.definition, self.digest(), found)

    def files(self) -> list[DataFile]:
        """The files behind the table, as they are now."""
        source = self.definition.source
        return [] if source.format == "sql" else expand(source.paths)

    def digest(self) -> str:
        """SHA-256 over the names and contents of the files, or over all rows of a query.

        Another one means other data.
        """
        source = self.definition.source
        return digest_of_rows(source) if source.format == "sql" else super().digest()

    def check(self) -> None:
        """Make sure that the data is there and fits the definition.

        Raises:
            NotFound: a file is gone.
            InvalidInput: a file has other columns.
        """
        _ = self.columns

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

    def _chosen(self, do: str, columns: str | Sequence[str], *, validate: bool) -> TabularDataset:
        names = [columns] if isinstance(columns, str) else list(columns)
        if validate:
            self._known(names)
            if not (set(self.columns) - set(names) if do == "drop" else names):
                raise InvalidInput("No column would be left.", hint="Keep one at least.")
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
        if start is not None and end is not None and instant(start) > instant(end):
            raise InvalidInput(f"The time from {start} to {end} ends before it begins.")
        return self._then(
            "time",
            column=self._timestamp(),
            start=None if start is None else instant(start),
            end=None if end is None else instant(end),
            include_boundary=include_boundary,
        )

    @contextmanager
    def _relation(self) -> Iterator[DuckDBPyRelation]:
        with connection() as database:
            yield self._open(database)

    def _open(self, database: DuckDBPyConnection, *, lenient: bool = False) -> DuckDBPyRelation:
        return database.sql(query(database, self.definition, self.files(), lenient=lenient))

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


def _told(batches: Iterable[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
    """Batches as DuckDB reads them, and what it says of them in our words."""
    try:
        yield from batches
    except OSError as problem:  # as which pyarrow passes it on
        raise in_our_words(problem) from None
