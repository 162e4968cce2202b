"""One column between Arrow and pandas, by the bytes where both have the same.

What numpy can hold is copied once on its way to pandas, so that the frame can be written to; on the
way back only bitmaps are made. Types that are not handled here go the libraries' own ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tandemlab.bridge.libraries import need

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_MASKED = {
    "bool": "boolean",
    "int8": "Int8",
    "int16": "Int16",
    "int32": "Int32",
    "int64": "Int64",
}


def series(column: pa.Array) -> Any:
    """A column of any type but double as one that can be written to."""
    pd, np, types = need("pandas"), need("numpy"), need("pyarrow").types
    kind = column.type
    if types.is_boolean(kind):
        truths = _bits(column, 1)
        return pd.Series(pd.arrays.BooleanArray(truths, _missing(column)), copy=False)
    if types.is_signed_integer(kind):
        values = _values(column, str(kind)).copy()
        return pd.Series(pd.arrays.IntegerArray(values, _missing(column)), copy=False)
    if types.is_timestamp(kind) or types.is_duration(kind):
        return _times(column)
    if types.is_dictionary(kind) and types.is_string(kind.value_type):
        return _categories(column)
    found = column.to_pandas(types_mapper=_dtype)
    shared = isinstance(found.dtype, np.dtype) or found.dtype.kind == "M"
    return found.copy() if shared else found


def doubles(column: pa.Array, row: Any) -> Any:
    """The values beneath the bitmap, copied to a row: they are R's, where NA is one of the NaN."""
    row[:] = _values(column, "float64")
    return need("pandas").Series(row, copy=False)


def array(column: pd.Series) -> Any:
    """A column as Arrow's; NaN of a numpy column stays a value."""
    np, pd, pa = need("numpy"), need("pandas"), need("pyarrow")
    kind: Any = column.dtype
    if isinstance(kind, np.dtype) and kind.kind == "f":
        return pa.array(column.to_numpy(), from_pandas=False)
    if str(kind) == "boolean":
        truths = np.packbits(column.to_numpy(bool, na_value=False), bitorder="little")
        return _from_bytes(pa.bool_(), truths, column.isna().to_numpy())
    if kind.kind in "Mm" and getattr(kind, "unit", None) is not None:
        values = column.to_numpy(f"{kind.kind}8[{kind.unit}]")
        zone = getattr(kind, "tz", None)
        arrow = pa.timestamp(kind.unit, zone) if kind.kind == "M" else pa.duration(kind.unit)
        return _from_bytes(arrow, values, np.isnat(values))
    if isinstance(kind, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy()
        indices = _from_bytes(pa.from_numpy_dtype(codes.dtype), codes, codes < 0)
        values = pa.array(kind.categories, from_pandas=True)
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        return pa.DictionaryArray.from_arrays(indices, values, ordered=bool(kind.ordered))
    found = pa.array(column, from_pandas=True)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _from_bytes(kind: pa.DataType, values: Any, missing: Any) -> Any:
    np, pa = need("numpy"), need("pyarrow")
    bits = None
    if missing.any():
        bits = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    bytes_ = pa.py_buffer(np.ascontiguousarray(values).view("u1"))
    return pa.Array.from_buffers(kind, len(missing), [bits, bytes_])


def _values(column: pa.Array, dtype: str) -> Any:
    np = need("numpy")
    values = column.buffers()[1]
    if values is None:
        return np.zeros(len(column), dtype)
    width = np.dtype(dtype).itemsize
    return np.frombuffer(values, dtype, len(column), column.offset * width)


def _bits(column: pa.Array, which: int) -> Any:
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
    return ~_bits(column, 0) if column.null_count else np.zeros(len(column), bool)


def _times(column: pa.Array) -> Any:
    pd, np, types = need("pandas"), need("numpy"), need("pyarrow").types
    kind = column.type
    values = _values(column, "int64")
    zone = kind.to_pandas_dtype().tz if types.is_timestamp(kind) and kind.tz is not None else None
    if column.null_count or zone is None:  # giving it a zone copies it
        values = values.copy()
    if column.null_count:
        values[_missing(column)] = np.iinfo("int64").min  # that is NaT
    letter = "M" if types.is_timestamp(kind) else "m"
    found = pd.Series(values.view(f"{letter}8[{kind.unit}]"), copy=False)
    return found if zone is None else found.dt.tz_localize("UTC").dt.tz_convert(zone)


def _categories(column: pa.DictionaryArray) -> Any:
    pd, np = need("pandas"), need("numpy")
    indices = column.indices
    codes = _values(indices, str(indices.type)).copy()
    if column.null_count:
        codes[_missing(indices)] = np.array(-1).astype(codes.dtype)
    values = pd.Index(column.dictionary.to_pandas(types_mapper=_dtype))
    dtype = pd.CategoricalDtype(values, ordered=column.type.ordered)
    return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype), copy=False)


def _dtype(kind: pa.DataType) -> Any:
    """The pandas type for an Arrow type; None where that of pyarrow is right."""
    pd, types = need("pandas"), need("pyarrow").types
    if str(kind) in _MASKED:
        return pd.api.types.pandas_dtype(_MASKED[str(kind)])
    if types.is_string(kind) or types.is_large_string(kind):
        text = pd.api.types.pandas_dtype("str")  # before pandas 3 that is object
        return text if isinstance(text, pd.StringDtype) else pd.StringDtype()
    as_it_is = (types.is_integer, types.is_floating, types.is_timestamp)
    if any(test(kind) for test in (*as_it_is, types.is_duration, types.is_dictionary)):
        return None
    return pd.ArrowDtype(kind)
