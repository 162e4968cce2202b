"""pandas frames from and to Arrow tables, so that a frame of R's comes back identical.

``pandas`` and ``pyarrow`` do this too, but lose what matters here: whole numbers with missing
values become floats, R's NA and NaN become one, dates become objects, and metadata goes. R's tags
are kept in ``frame.attrs["tandemlab"]``.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from tandemlab.bridge import pandas_columns
from tandemlab.bridge.libraries import need
from tandemlab.domain.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TAG = b"tandemlab:r"
INDEX = "__index_level_0__"

# What pandas makes of an index.
_UNMASKED = {"Int32": "int64", "Int64": "int64", "boolean": "bool"}


def from_table(table: pa.Table, *, owned: bool = False) -> pd.DataFrame:
    """A frame that can be written to; only double, raw and time columns have types of numpy.

    Args:
        table: of Arrow.
        owned: whether R has made its truths, times and codes for this frame alone, which may keep
            them.
    """
    pandas = need("pandas")
    np, types = need("numpy"), need("pyarrow").types
    # One block for all doubles: the system hands out large memory much faster than small.
    block = np.empty((sum(map(types.is_float64, table.schema.types)), table.num_rows))
    rows = iter(block)
    columns = [
        pandas_columns.doubles(column, next(rows))
        if types.is_float64(column.type)
        else pandas_columns.bool8(column, owned=owned)
        if pandas_columns.is_bool8(field)
        else _values(column, owned)
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    frame = pandas.DataFrame(dict(enumerate(columns)), index=range(table.num_rows), copy=False)
    frame.columns = pandas.Index(table.column_names) if columns else pandas.RangeIndex(0)
    tag = _tag(table.schema.metadata)
    frame = _with_index(frame, _index_of_tag(tag))
    tags = [[field.name, _tag(field.metadata)] for field in table.schema if _tag(field.metadata)]
    if tag or tags:
        frame.attrs["tandemlab"] = {"frame": tag, "columns": tags}
    return frame


def _with_index(frame: pd.DataFrame, about: dict[str, Any]) -> pd.DataFrame:
    """The frame with those columns as its index that were one; R may have dropped some."""
    pd = need("pandas")
    labels = list(frame.columns)
    unnamed = {*about.get("unnamed", []), about.get("row_names")}
    keys = about.get("index") or [about.get("row_names")]
    places: list[int] = []
    for key in keys:
        places += [i for i, label in enumerate(labels) if label == key and i not in places][:1]
    if not places:
        return frame
    levels: list[Any] = []
    level: Any
    for level in (frame.iloc[:, i] for i in places):
        kind = _UNMASKED.get(str(level.dtype)) if not level.hasnans else None
        levels.append(pd.Index(level.astype(kind) if kind else level))
    names = [None if labels[i] in unnamed else labels[i] for i in places]
    frame = frame.iloc[:, [i for i in range(len(labels)) if i not in places]]
    if frame.columns.empty:
        frame.columns = pd.RangeIndex(0)
    if len(levels) == 1:
        frame.index = levels[0].rename(names[0])
    else:
        frame.index = pd.MultiIndex.from_arrays(levels, names=names)
    return frame


def _index_of_tag(tag: str | None) -> dict[str, Any]:
    """What a frame's tag says of its index. A tag that is no such JSON is none of ours."""
    try:
        about = json.loads(tag or "{}")
        names = [about.get("row_names", ""), *about.get("index", ()), *about.get("unnamed", ())]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return about if all(isinstance(name, str) for name in names) else {}


def names_of_rows(schema: pa.Schema) -> set[str]:
    """The columns that are names of rows in R, and an index without a name in pandas."""
    about = _index_of_tag(_tag(schema.metadata))
    return {*about.get("unnamed", ()), about.get("row_names", "")}


def _tag(metadata: dict[bytes, bytes] | None) -> str | None:
    return metadata[TAG].decode(errors="replace") if metadata and TAG in metadata else None


def _values(column: pa.ChunkedArray, owned: bool) -> Any:
    try:
        return pandas_columns.values(column, owned=owned)
    except need("pyarrow").ArrowInvalid as problem:
        if getattr(column.type, "tz", None) is None:
            raise
        raise InvalidInput(
            f"Python knows no time zone {column.type.tz!r}.",
            hint='Set one that it knows: attr(x$time, "tzone") <- "UTC".',
        ) from problem


def to_table(
    frame: pd.DataFrame,
) -> tuple[pa.Table | pa.RecordBatchReader, list[dict[str, str]]]:
    """The table of a frame and its index, and what R should warn of."""
    pa = need("pyarrow")
    tags, about = _known(frame)
    notices: list[dict[str, str]] = []
    labels = list(frame.columns)
    columns = [column for _, column in frame.items()]
    keys, index = _index(frame, about, labels)
    names = [*keys, *labels] if "index" in about else [*labels, *keys]
    series = [*index, *columns] if "index" in about else [*columns, *index]
    names, changed = _texts(names)
    notices += [{"reason": "column_names", "column": name, "detail": ""} for name in changed]
    if frame.columns.nlevels == 1 and frame.columns.name is not None:
        name = str(frame.columns.name)
        notices.append({"reason": "columns_name", "column": "", "detail": name})
    arrays = [_array(*pair, notices) for pair in zip(series, names, strict=True)]
    fields = [
        pa.field(name, array.type, metadata={TAG: tags[name].encode()} if name in tags else None)
        for name, array in zip(names, arrays, strict=True)
    ]
    metadata = {TAG: json.dumps(about).encode()} if len(about) > 1 else None
    schema = pa.schema(fields, metadata=metadata)
    if not arrays:
        return without_columns(len(frame), metadata), notices
    return pa.Table.from_arrays(arrays, schema=schema), notices


def _known(frame: pd.DataFrame) -> tuple[dict[str, str], dict[str, Any]]:
    """R's tags of the columns and of the frame; what is no such thing in ``attrs`` is passed by."""
    try:
        known = frame.attrs["tandemlab"]
        return dict(known["columns"]), {"kind": "frame", **json.loads(known["frame"] or "{}")}
    except (KeyError, TypeError, ValueError):
        return {}, {"kind": "frame"}


def without_columns(rows: int, metadata: dict[bytes, bytes] | None) -> pa.RecordBatchReader:
    """So many rows of nothing, which a table would forget."""
    pa = need("pyarrow")
    batch = pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
    batch = batch.replace_schema_metadata(metadata)
    return pa.RecordBatchReader.from_batches(batch.schema, [batch])


def _texts(names: list[Any]) -> tuple[list[str], list[str]]:
    """Names of columns as texts, and those that were none."""
    texts = [str(name) for name in names]
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput(
                f"The column name {text!r} is no valid text.", hint="Rename it."
            ) from None
    return texts, [text for text, name in zip(texts, names, strict=True) if text is not name]


def _index(
    frame: pd.DataFrame, about: dict[str, Any], labels: list[Any]
) -> tuple[list[Any], list[Any]]:
    """The index as columns: their names and values. ``about`` learns what they are."""
    pd = need("pandas")
    index = frame.index
    for key in ("row_names", "index", "unnamed"):
        about.pop(key, None)
    if index.nlevels == 1 and index.name is None:
        if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
            return [], []
        values = _row_names(index) if INDEX not in labels else None
        if values is not None:
            about["row_names"] = INDEX
            return [INDEX], [values]
    plain = "index" if index.nlevels == 1 else "level_{}"
    keys = [plain.format(i) if name is None else name for i, name in enumerate(index.names)]
    clash = sorted(map(str, set(keys) & set(labels)))
    if clash:
        raise InvalidInput(
            f"The index and the columns of the frame share the name {clash[0]!r}.",
            hint="Rename one of them, or drop the index by reset_index(drop=True).",
        )
    about["index"] = [str(key) for key in keys]
    about["unnamed"] = [key for key, name in zip(keys, index.names, strict=True) if name is None]
    levels = [pd.Series(index.get_level_values(i)) for i in range(index.nlevels)]
    return keys, [_small(level) if _is_small(level) else level for level in levels]


def _row_names(index: pd.Index) -> Any:
    """The index as R's row names, or None: they are texts or integers, and unique.

    1, 2, 3 … would be no different from having none.
    """
    np = need("numpy")
    if not index.is_unique or index.hasnans:
        return None
    values = index.to_series().reset_index(drop=True)
    if index.inferred_type in ("string", "empty"):
        return values
    if not _is_small(values):
        return None
    counted = np.array_equal(values, np.arange(1, len(values) + 1))
    return None if counted else _small(values)


def _is_small(labels: pd.Series) -> bool:
    """Whether labels of an index are whole numbers that R's integers hold."""
    of_integers = need("pandas").api.types.infer_dtype(labels, skipna=False) == "integer"
    return of_integers and bool(labels.between(-(2**31) + 1, 2**31 - 1).all())


def _small(labels: pd.Series) -> pd.Series:
    return labels.astype("int32")


def _array(column: pd.Series, name: str, notices: list[dict[str, str]]) -> pa.Array:
    pa = need("pyarrow")
    if column.dtype == object:
        _check_objects(column, name, notices)
    try:
        return pandas_columns.array(column)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as problem:
        reason = str(problem).split("\n", 1)[0]
        sparse = hasattr(column, "sparse")
        raise InvalidInput(
            f"Column {name!r} of type {column.dtype} has no form in Arrow: {reason}",
            hint="Make it dense first: .sparse.to_dense()."
            if sparse
            else "Give its values one type first, for example by astype().",
        ) from None


def _check_objects(column: pd.Series, name: str, notices: list[dict[str, str]]) -> None:
    """Refuses values of several types that pyarrow would make one of.

    It would cut the time off a datetime beside dates, take a time without a zone for UTC, and turn
    a text beside bytes into bytes.
    """
    pd = need("pandas")
    kinds = set(map(type, column)) - {type(pd.NaT)}
    times = {issubclass(kind, datetime) for kind in kinds if issubclass(kind, date)}
    zones = (
        {value.tzinfo for value in column.dropna() if isinstance(value, datetime)} if times else ()
    )
    mixed = {
        "texts beside bytes": {str, bytes} <= kinds,
        "dates beside times": len(times) > 1,
        "times with and without a zone": None in zones and len(zones) > 1,
    }
    for what, found in mixed.items():
        if found:
            raise InvalidInput(
                f"Column {name!r} holds {what}.", hint="Give its values one type first."
            )
    if len(zones) > 1:
        notices.append({"reason": "zones", "column": name, "detail": ""})
