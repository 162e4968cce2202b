"""The two functions that R calls: one takes a frame from R, the other gives one to it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

from tandemlab.bridge import pandas_frames
from tandemlab.bridge.libraries import need
from tandemlab.bridge.stream import ArrowStreamable, ReceivedStream, move
from tandemlab.domain.errors import InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa


def read(address: str, library: str) -> Any:
    """The frame at an address as an object of a library.

    Args:
        address: of a stream that R has made, as a decimal number.
        library: ``"arrow"`` for a pyarrow Table, ``"pandas"`` or ``"polars"`` for a DataFrame.
    """
    stream = ReceivedStream(address)
    if library == "polars":
        return _polars(stream)
    table = need("pyarrow").RecordBatchReader.from_stream(stream).read_all()
    if library == "pandas":
        return pandas_frames.from_table(table, owned=True)
    return table


def as_library(table: pa.Table, library: str) -> Any:
    """The table as an object of a library, ``"arrow"``, ``"pandas"`` or ``"polars"``."""
    if library == "arrow":
        return table
    if library == "polars":
        return _polars(table)
    return pandas_frames.from_table(table)


def _polars(frame: object) -> Any:
    pl = need("polars")
    try:
        return pl.DataFrame(frame)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as problem:
        reason = str(problem).split("\n", 1)[0]
        raise InvalidInput(
            f"polars cannot hold this frame: {reason}",
            hint='as = "arrow" and as = "pandas" may.',
        ) from None


def write(frame: object, address: str) -> str:
    """Gives R a frame, as a stream at an address of R's.

    Args:
        frame: a pandas or polars DataFrame, a pyarrow Table, RecordBatch or reader, or anything
            with ``__arrow_c_stream__``.
        address: of an empty stream, as a decimal number.

    Returns:
        What R should warn of: a JSON array of ``{"reason", "column", "detail"}``.
    """
    source, notices = source_of(frame)
    move(source, address)
    return json.dumps(notices)


def source_of(frame: object) -> tuple[ArrowStreamable, list[dict[str, str]]]:
    """A frame as something that streams it, and what R should warn of.

    Raises:
        InvalidInput: it is no frame, or a column of it has no form in Arrow.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        table, notices = pandas_frames.to_table(frame)
        _check_columns(table)
        return whole(table), notices
    if hasattr(frame, "__arrow_c_stream__") and not isinstance(frame, type):
        _check_columns(frame)
        return whole(cast(ArrowStreamable, frame)), []
    if hasattr(frame, "__arrow_c_array__") and not isinstance(frame, type):
        pa = need("pyarrow")
        try:
            batch = pa.record_batch(frame)
        except pa.ArrowInvalid:
            raise one_column() from None
        return whole(pa.Table.from_batches([batch])), []
    raise InvalidInput(
        f"An object of type {type(frame).__name__} is no data frame that R could take.",
        hint="Give a pandas or polars DataFrame or a pyarrow Table; collect a lazy one first.",
    )


def one_column() -> InvalidInput:
    """The error for a column where a frame is wanted."""
    return InvalidInput(
        "That is one column, not a frame.",
        hint="Make a frame of it first: x.to_frame() in polars and pandas.",
    )


def _check_columns(source: object) -> None:
    """Refuses what a stream would falsify: names with a NUL, which C cuts off, and addresses."""
    schema = getattr(source, "schema", ())
    names = schema if isinstance(schema, dict) else getattr(schema, "names", ())
    for name in names:
        if "\0" in name:
            raise InvalidInput(
                f"The column name {name!r} holds a NUL character.", hint="Rename it."
            )
    pl = sys.modules.get("polars")
    if pl is not None and isinstance(source, pl.DataFrame):
        for name, kind in source.schema.items():
            if "Object" in str(kind):
                raise InvalidInput(
                    f"Column {name!r} holds Python objects, which R cannot take.",
                    hint="Convert the column first, for example to text.",
                )


def whole(source: ArrowStreamable) -> ArrowStreamable:
    """The same in one batch, where pyarrow would stream none and lose categories or rows."""
    pa = sys.modules.get("pyarrow")
    if pa is None or not isinstance(source, pa.Table):
        return source
    if source.num_rows > 0 and source.num_columns > 0:
        return cast(ArrowStreamable, source)
    if source.num_columns == 0:
        empty = pandas_frames.without_columns(source.num_rows, source.schema.metadata)
        return cast(ArrowStreamable, empty)
    columns = [
        column.chunk(0) if column.num_chunks else pa.array([], column.type)
        for column in source.columns
    ]
    batch = pa.RecordBatch.from_arrays(columns, schema=source.schema)
    return cast(ArrowStreamable, pa.RecordBatchReader.from_batches(batch.schema, [batch]))
