"""pandas frames from and to Arrow tables, so that a frame of R's comes back identical.

``pandas`` and ``pyarrow`` do this too, but lose what matters here: whole numbers with missing
values become floats, R's NA and NaN become one, dates become objects, and metadata goes. R's tags
are kept in ``frame.attrs["tandemlab"]``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from tandemlab.bridge import pandas_columns
from tandemlab.bridge.libraries import need
from tandemlab.domain.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TAG = b"tandemlab:r"
INDEX = "__index_level_0__"


def from_table(table: pa.Table) -> pd.DataFrame:
    """A frame that can be written to; only double, raw and time columns have types of numpy."""
    pandas = need("pandas")
    np, types = need("numpy"), need("pyarrow").types
    pieces = [
        column.chunk(0) if column.num_chunks == 1 else _joined(column) for column in table.columns
    ]
    # One block for all doubles: the system hands out large memory much faster than small.
    block = np.empty((sum(types.is_float64(piece.type) for piece in pieces), table.num_rows))
    rows = iter(block)
    columns = [
        pandas_columns.doubles(piece, next(rows))
        if types.is_float64(piece.type)
        else pandas_columns.series(piece)
        for piece in pieces
    ]
    frame = pandas.DataFrame(dict(enumerate(columns)), index=range(table.num_rows), copy=False)
    frame.columns = pandas.Index(table.column_names, dtype=object if not columns else None)
    tag = _tag(table.schema.metadata)
    about = json.loads(tag) if tag else {}
    keys = about.get("index") or ([about["row_names"]] if "row_names" in about else [])
    if keys:
        for key in keys:  # an index of whole numbers is one of int64 in pandas
            if str(frame[key].dtype).startswith("Int") and not frame[key].hasnans:
                frame[key] = frame[key].astype("int64")
        frame = frame.set_index(keys)
        if "row_names" in about:
            frame.index.name = None
    tags = [[field.name, _tag(field.metadata)] for field in table.schema if _tag(field.metadata)]
    if tag or tags:
        frame.attrs["tandemlab"] = {"frame": tag, "columns": tags}
    return cast("pd.DataFrame", frame)


def _tag(metadata: dict[bytes, bytes] | None) -> str | None:
    return metadata[TAG].decode() if metadata and TAG in metadata else None


def _joined(column: pa.ChunkedArray) -> Any:
    pa = need("pyarrow")
    joined = column.combine_chunks() if column.num_chunks else pa.array([], column.type)
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def to_table(frame: pd.DataFrame) -> tuple[pa.Table, list[dict[str, str]]]:
    """The table of a frame and its index, and what R should warn of."""
    pa = need("pyarrow")
    known = frame.attrs.get("tandemlab", {})
    tags = dict(known.get("columns", []))
    about = json.loads(known.get("frame") or '{"kind": "frame"}')
    notices: list[dict[str, str]] = []
    labels = list(frame.columns)
    columns = [frame.iloc[:, i] for i in range(len(labels))]
    keys, index = _index(frame, about, labels, notices)
    names = [*keys, *labels] if "index" in about else [*labels, *keys]
    series = [*index, *columns] if "index" in about else [*columns, *index]
    if any(not isinstance(label, str) for label in labels):
        notices.append({"reason": "column_names", "column": str(labels[0]), "detail": ""})
    names = [str(name) for name in names]
    arrays = [_array(column, name) for column, name in zip(series, names, strict=True)]
    fields = [
        pa.field(name, array.type, metadata={TAG: tags[name].encode()} if name in tags else None)
        for name, array in zip(names, arrays, strict=True)
    ]
    metadata = {TAG: json.dumps(about).encode()} if len(about) > 1 else None
    schema = pa.schema(fields, metadata=metadata)
    if not arrays:
        return pa.table({"": pa.nulls(len(frame))}).select([]), notices
    return pa.Table.from_arrays(arrays, schema=schema), notices


def _index(
    frame: pd.DataFrame, about: dict[str, Any], labels: list[Any], notices: list[dict[str, str]]
) -> tuple[list[Any], list[Any]]:
    """The index as columns: their names and values. ``about`` learns what they are."""
    pd = need("pandas")
    index = frame.index
    about.pop("row_names", None)
    about.pop("index", None)
    unnamed = index.nlevels == 1 and index.name is None
    if unnamed and isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
        return [], []
    if unnamed:
        about["row_names"] = INDEX
        values = index.to_series().reset_index(drop=True)
        if values.dtype.kind in "iu" and values.between(-(2**31) + 1, 2**31 - 1).all():
            values = values.astype("int32")
        return [INDEX], [values]
    keys = [f"level_{i}" if name is None else name for i, name in enumerate(index.names)]
    clash = sorted(map(str, set(keys) & set(labels)))
    if clash:
        raise InvalidInput(
            f"The index and the columns of the frame share the name {clash[0]!r}.",
            hint="Rename one of them, or drop the index by reset_index(drop=True).",
        )
    about["index"] = [str(key) for key in keys]
    return keys, [pd.Series(index.get_level_values(i)) for i in range(index.nlevels)]


def _array(column: pd.Series, name: str) -> pa.Array:
    pa = need("pyarrow")
    try:
        return pandas_columns.array(column)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as problem:
        reason = str(problem).split("\n", 1)[0]
        raise InvalidInput(
            f"Column {name!r} of type {column.dtype} has no form in Arrow: {reason}",
            hint="Give its values one type first, for example by astype().",
        ) from None
