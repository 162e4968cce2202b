"""Tables as data frames of Spark, with the types that they have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.bridge.libraries import need
from tandemlab.domain import InvalidInput, MissingDependency

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import DataFrame, SparkSession

    from tandemlab.data.tabular import TabularDataset

_OLDEST = (4, 0)  # takes Arrow's tables


def spark_frame(
    dataset: TabularDataset, spark: SparkSession | None, path: str | os.PathLike[str] | None
) -> DataFrame:
    """The table of a dataset; see `TabularDataset.to_spark_dataframe`."""
    pyspark = need("pyspark", "Data frames of Spark", None)
    session: Any = spark or need("pyspark.sql").SparkSession.builder.getOrCreate()
    if path is not None:
        _check_types(dataset.take(0).to_arrow().schema)
        target = Path(path).absolute()
        dataset.to_parquet_files(target)
        return session.read.parquet(target.as_uri())
    if tuple(map(int, pyspark.__version__.split(".")[:2])) < _OLDEST:
        raise MissingDependency(
            f"Spark {pyspark.__version__} makes no data frames of tables in memory.",
            hint="Give path, a folder that all machines of the cluster see, or use Spark 4.",
        )
    return _of_arrow(dataset.to_arrow(), session)


def _of_arrow(table: pyarrow.Table, session: Any) -> DataFrame:
    from pyspark.sql.pandas.types import from_arrow_schema

    _check_types(table.schema)
    known = table.cast(_signed(table.schema))
    # Without a schema Spark would read times without a zone as those of the session's zone.
    schema = from_arrow_schema(known.schema, prefer_timestamp_ntz=True)
    return session.createDataFrame(known, schema)


def _check_types(schema: pyarrow.Schema) -> None:
    """Refuse what Spark has no type for.

    Raises:
        InvalidInput: a column of such a type.
    """
    import pyarrow.types as kinds

    for column in schema:
        if kinds.is_interval(column.type) or kinds.is_union(column.type):
            raise InvalidInput(
                f"The column {column.name!r} is of type {column.type}, which Spark does not have.",
                hint="drop_columns() leaves it out.",
                details={"column": column.name},
            )


def _signed(schema: pyarrow.Schema) -> pyarrow.Schema:
    """Spark's whole numbers have a sign: the next wider type holds those without."""
    import pyarrow as pa

    wider = {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.decimal128(20, 0),
    }
    fields = [field.with_type(wider.get(field.type, field.type)) for field in schema]
    return pa.schema(fields, metadata=schema.metadata)
