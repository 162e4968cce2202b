"""One column between Arrow and pandas, by the bytes where both have the same.

What numpy can hold is copied once on its way to pandas, so that the frame can be written to, or
lent where nobody else has the memory; on the way back only bitmaps are made, piece by piece, for
a truth of each row would take more. Types that are not handled here go the libraries' own ways.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timezone
from typing import TYPE_CHECKING, Any

from tandemlab.bridge.libraries import need

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    import pandas as pd
    import pyarrow as pa

_NAT = -(2**63)
_PIECE = 2**16  # rows; a whole number of bytes of a bitmap

_MASKED = {
    "bool": "boolean",
    "int8": "Int8",
    "int16": "Int16",
    "int32": "Int32",
    "int64": "Int64",
}


def values(chunks: pa.ChunkedArray, *, owned: bool = False) -> Any:
    """A column of any type but double as values for pandas that can be written to.

    Args:
        chunks: of Arrow.
        owned: whether R has made them for this: times and codes are in memory that nobody else
            has, and may be lent; codes are those of categories, which differ.
    """
    pd, np, types = need("pandas"), need("numpy"), need("pyarrow").types
    kind = chunks.type
    if types.is_signed_integer(kind):
        numbers = np.empty(len(chunks), str(kind))
        missing = np.empty(len(chunks), bool)
        _fill(numbers, chunks, lambda chunk: _bytes(chunk, str(kind)))
        _fill(missing, chunks, _missing, _PIECE)
        return pd.arrays.IntegerArray(numbers, missing)
    if types.is_string_view(kind):
        chunks = chunks.cast("large_string")  # pandas has no place for views
        kind = chunks.type
    if _is_text(kind):
        return _dtype(kind).__from_arrow__(chunks)
    column = _joined(chunks)
    if types.is_boolean(kind):
        return pd.arrays.BooleanArray(_truths(column, 1), _missing(column))
    if types.is_timestamp(kind) or types.is_duration(kind):
        return _times(column, owned)
    if types.is_dictionary(kind) and _is_text(kind.value_type):
        return _categories(column, owned)
    dtype = _dtype(kind)
    if dtype is not None:
        return dtype.__from_arrow__(column)
    found = column.to_pandas()
    shared = isinstance(found.dtype, np.dtype) or found.dtype.kind == "M"
    return found.copy() if shared else found


def is_bool8(field: pa.Field) -> bool:
    """Whether a column has a byte for each truth; before version 18 pyarrow takes it for int8."""
    said = (field.metadata or {}).get(b"ARROW:extension:name", b"").decode()
    return "arrow.bool8" in (said, getattr(field.type, "extension_name", ""))


def bool8(chunks: pa.ChunkedArray, *, owned: bool = False) -> Any:
    """Such a column as values for pandas; what R has made for this is lent."""
    pd = need("pandas")
    column = _joined(chunks)
    column = getattr(column, "storage", column)
    truths = _own_bytes(column, "bool", True) if owned else _bytes(column, "int8") != 0
    return pd.arrays.BooleanArray(truths, _missing(column))


def doubles(chunks: pa.ChunkedArray, row: Any) -> Any:
    """The values, copied to a row; what is missing is NaN: the one beneath, if R has put one there.

    R has its NA there, which is one of the NaN. Others have anything, such as 0.
    """
    if chunks.null_count:
        _fill(row, chunks, _with_nan, _PIECE)
    else:
        _fill(row, chunks, lambda chunk: _bytes(chunk, "float64"))
    return row


def _with_nan(part: pa.Array) -> Any:
    np = need("numpy")
    found = _bytes(part, "float64")
    gone = _missing(part)
    return np.where(gone & ~np.isnan(found), np.nan, found) if gone.any() else found


def _fill(
    values: Any, chunks: pa.ChunkedArray, read: Callable[[pa.Array], Any], piece: int | None = None
) -> None:
    """Copies what is read from each chunk to its place, without joining the chunks before.

    Reads so many rows at a time, all by default.
    """
    start = 0
    for chunk in chunks.chunks:
        for at in range(0, len(chunk), piece or len(chunk) or 1):
            part = chunk.slice(at, piece) if piece else chunk
            values[start : start + len(part)] = read(part)
            start += len(part)


def _joined(column: pa.ChunkedArray) -> Any:
    pa = need("pyarrow")
    if column.num_chunks == 1:
        return column.chunk(0)
    joined = column.combine_chunks() if column.num_chunks else pa.array([], column.type)
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def array(column: pd.Series) -> Any:
    """A column as Arrow's; NaN of a numpy column stays a value."""
    np, pd, pa = need("numpy"), need("pandas"), need("pyarrow")
    kind: Any = column.dtype
    if isinstance(kind, np.dtype) and kind.kind == "f":
        return pa.array(column.to_numpy(), from_pandas=False)
    masked: Any = column.array
    if isinstance(masked, (pd.arrays.IntegerArray, pd.arrays.BooleanArray)):
        # The same as pa.array(), but for the 2 MiB that pyarrow's allocator takes for a bitmap.
        bits, values = _bitmap(masked._mask, lambda part: part), masked._data
        if values.dtype == bool:
            values = np.packbits(values, bitorder="little")
        return _from_bytes(pa.from_numpy_dtype(kind.numpy_dtype), values, bits, len(masked))
    if kind.kind in "Mm" and getattr(kind, "unit", None) is not None:
        times = column.to_numpy(f"{kind.kind}8[{kind.unit}]")
        zone = _zone_name(getattr(kind, "tz", None))
        arrow = pa.timestamp(kind.unit, zone) if kind.kind == "M" else pa.duration(kind.unit)
        bits = _bitmap(times.view("i8"), lambda part: part == _NAT)
        return _from_bytes(arrow, times, bits, len(times))
    if isinstance(kind, pd.CategoricalDtype):
        codes: Any = column.array.codes
        bits = _bitmap(codes, lambda part: part < 0) if codes.min(initial=0) < 0 else None
        indices = _from_bytes(pa.from_numpy_dtype(codes.dtype), codes, bits, len(codes))
        categories = pa.array(kind.categories, from_pandas=True)
        if isinstance(categories, pa.ChunkedArray):
            categories = categories.combine_chunks()
        # pandas has looked at the codes, and R will again.
        ordered = bool(kind.ordered)
        return pa.DictionaryArray.from_arrays(indices, categories, ordered=ordered, safe=False)
    found = pa.array(column, from_pandas=True)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _from_bytes(kind: pa.DataType, values: Any, bits: Any, rows: int) -> Any:
    np, pa = need("numpy"), need("pyarrow")
    bytes_ = pa.py_buffer(np.ascontiguousarray(values).view("u1"))
    return pa.Array.from_buffers(kind, rows, [bits, bytes_])


def _bitmap(values: Any, missing: Callable[[Any], Any]) -> Any:
    """The bitmap of what is there, or None if nothing is missing."""
    np, pa = need("numpy"), need("pyarrow")
    bits = np.zeros((len(values) + 7) // 8, np.uint8)
    for start in range(0, len(values), _PIECE):
        gone = missing(values[start : start + _PIECE])
        if gone.any():
            place = start // 8
            bits[place : place + (len(gone) + 7) // 8] = np.packbits(gone, bitorder="little")
    return pa.py_buffer(np.invert(bits, out=bits)) if bits.any() else None


def _bytes(column: pa.Array, dtype: str) -> Any:
    """The values beneath the bitmap, not to be written to."""
    np = need("numpy")
    buffer = column.buffers()[1]
    if buffer is None:
        return np.zeros(len(column), dtype)
    width = np.dtype(dtype).itemsize
    return np.frombuffer(buffer, dtype, len(column), column.offset * width)


class _Lent:
    """Memory of a buffer that numpy may write to; numpy keeps the buffer."""

    def __init__(self, column: pa.Array, dtype: str) -> None:
        self.buffer = column.buffers()[1]
        kind = need("numpy").dtype(dtype)
        place = self.buffer.address + column.offset * kind.itemsize
        self.__array_interface__ = {
            "data": (place, False),
            "shape": (len(column),),
            "typestr": kind.str,
            "version": 3,
        }


def _own_bytes(column: pa.Array, dtype: str, owned: bool) -> Any:
    """The values beneath the bitmap, to be written to."""
    lent = owned and len(column) > 0
    return need("numpy").asarray(_Lent(column, dtype)) if lent else _bytes(column, dtype).copy()


def _put_missing(values: Any, column: pa.Array, value: int) -> None:
    """Writes what stands for a missing value where the bitmap has one."""
    if column.null_count:
        for start in range(0, len(column), _PIECE):
            gone = _missing(column.slice(start, _PIECE))
            values[start : start + _PIECE][gone] = value


def _truths(column: pa.Array, which: int) -> Any:
    """A bitmap as an array of truths of its own."""
    np = need("numpy")
    bits = column.buffers()[which]
    if bits is None or len(column) == 0:
        return np.zeros(len(column), bool)
    first, rest = divmod(column.offset, 8)
    whole = np.frombuffer(bits, np.uint8, offset=first)
    return np.unpackbits(whole, count=rest + len(column), bitorder="little")[rest:].view(bool)


def _missing(column: pa.Array) -> Any:
    np = need("numpy")
    if not column.null_count:
        return np.zeros(len(column), bool)
    there = _truths(column, 0)
    return np.logical_not(there, out=there)


def _times(column: pa.Array, owned: bool) -> Any:
    pd, types = need("pandas"), need("pyarrow").types
    kind = column.type
    times = _own_bytes(column, "int64", owned)
    _put_missing(times, column, _NAT)
    if not types.is_timestamp(kind):
        return times.view(f"m8[{kind.unit}]")
    if kind.tz is None:
        return times.view(f"M8[{kind.unit}]")
    zone = pd.DatetimeTZDtype(kind.unit, kind.to_pandas_dtype().tz)
    return pd.array(times, dtype=zone, copy=False)  # whole numbers are instants, whatever the zone


def _zone_name(zone: tzinfo | None) -> Any:
    """The zone as a text if it has a name: for anything else pyarrow looks for pytz each time."""
    return "UTC" if zone is timezone.utc else getattr(zone, "key", zone)


def _categories(column: pa.DictionaryArray, owned: bool) -> Any:
    """The codes in the type that pandas has for so many categories; from_codes() copies others."""
    pd, np = need("pandas"), need("numpy")
    indices, categories = column.indices, column.dictionary
    narrow = np.min_scalar_type(-len(categories) - 2)
    if str(indices.type) == str(narrow):
        codes = _own_bytes(indices, str(narrow), owned)
    else:
        codes = _bytes(indices, str(indices.type)).astype(narrow)
    _put_missing(codes, indices, -1)
    labels = pd.Index(_dtype(categories.type).__from_arrow__(categories), copy=False)
    if not owned and (labels.hasnans or not labels.is_unique):
        codes, labels = _distinct(codes, labels)
    dtype = _categorical(labels, column.type.ordered, owned)
    return pd.Categorical.from_codes(codes, dtype=dtype, validate=not owned)


def _distinct(codes: Any, labels: pd.Index) -> tuple[Any, pd.Index]:
    """Each category once and none that is missing, which Arrow allows and pandas does not."""
    kept = labels.dropna().unique()
    places = need("numpy").append(kept.get_indexer(labels), -1)  # code -1 is that of the last
    return places[codes], kept


def _categorical(labels: pd.Index, ordered: bool, checked: bool) -> Any:
    """The type of categories; where R has seen that they differ, pandas need not see it again.

    It would make an object of each, and a hash table of these.
    """
    dtype: Any = need("pandas").CategoricalDtype
    if checked and hasattr(dtype, "_from_fastpath"):
        return dtype._from_fastpath(labels, ordered)
    return dtype(labels, ordered=ordered)


def _is_text(kind: pa.DataType) -> bool:
    types = need("pyarrow").types
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _dtype(kind: pa.DataType) -> Any:
    """The pandas type for an Arrow type; None where that of pyarrow is right."""
    pd, types = need("pandas"), need("pyarrow").types
    if _is_text(kind):
        return _text_dtype()
    if str(kind) in _MASKED:
        return pd.api.types.pandas_dtype(_MASKED[str(kind)])
    as_it_is = (types.is_integer, types.is_floating, types.is_timestamp)
    if any(test(kind) for test in (*as_it_is, types.is_duration, types.is_dictionary)):
        return None
    return pd.ArrowDtype(kind)


def _text_dtype() -> Any:
    """What ``"str"`` means: pandas tries all its types on that name, which takes a while."""
    pd: Any = need("pandas")
    if not pd.__version__.startswith("2."):
        return pd.StringDtype(na_value=need("numpy").nan)
    text = pd.api.types.pandas_dtype("str")  # that may be object
    return text if isinstance(text, pd.StringDtype) else pd.StringDtype()
