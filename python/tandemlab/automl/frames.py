"""Frames: whatever table a user has, as one of pandas."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.bridge.libraries import need
from tandemlab.domain import InvalidInput, NotFound

if TYPE_CHECKING:
    import pandas

    from tandemlab.data import TabularDataset

# In attrs of a frame: columns that were dates, and are times at midnight.
DATES = "tandemlab_dates"


def as_frame(data: Any, what: str = "The data") -> pandas.DataFrame:
    """A table as a data frame of pandas, with names of columns that are texts.

    Args:
        data: a frame of pandas or polars, an Arrow table, a `TabularDataset`, a mapping of columns,
            a list of records, or the path of a file (CSV, TSV, Parquet, Arrow, JSON lines).

    Raises:
        InvalidInput: it is no table, or two columns have one name.
        NotFound: there is no such file.
    """
    pandas = need("pandas", "Automated machine learning", "automl")
    frame = _as_pandas(data, pandas, what)
    if frame.columns.nlevels > 1:
        raise InvalidInput(
            f"{what} have columns with names of {frame.columns.nlevels} levels.",
            hint="Give each column one name.",
        )
    frame = frame if frame.columns.inferred_type == "string" else frame.rename(columns=str)
    again = frame.columns[frame.columns.duplicated()].unique().tolist()
    if again:
        raise InvalidInput(
            f"{what} have several columns of one name: {', '.join(again[:10])}.",
            hint="Rename or drop all but one of each.",
            details={"duplicated": again},
        )
    held = {
        name: _from_arrow(frame[name], pandas)
        for name in frame.columns
        if isinstance(frame[name].dtype, pandas.ArrowDtype)
    }
    if held:
        dates = [name for name in held if str(frame[name].dtype).startswith("date")]
        frame = frame.assign(**held)
        frame.attrs[DATES] = dates
    return frame.reset_index(drop=True)


def with_dates(frame: pandas.DataFrame) -> pandas.DataFrame:
    """A frame of `as_frame` whose columns that were dates are dates again."""
    dates = {
        name: frame[name].dt.date.where(frame[name].notna(), None)
        for name in frame.attrs.get(DATES, ())
    }
    return frame.assign(**dates) if dates else frame


def _from_arrow(values: pandas.Series, pandas: Any) -> pandas.Series:
    """A column in one of pandas' own types: Arrow's lack parts of what is asked of columns."""
    import pyarrow

    kind = values.dtype.pyarrow_dtype  # type: ignore[union-attr]
    objects = values.astype(object).where(values.notna(), None)
    if pyarrow.types.is_date(kind) or pyarrow.types.is_timestamp(kind):
        return pandas.to_datetime(objects, utc=getattr(kind, "tz", None) is not None)
    if pyarrow.types.is_decimal(kind):
        return pandas.to_numeric(objects.map(float, na_action="ignore"))
    return objects.infer_objects()


def _as_pandas(data: Any, pandas: Any, what: str) -> pandas.DataFrame:
    if isinstance(data, pandas.DataFrame):
        return data
    if isinstance(data, (str, os.PathLike)):
        return dataset_of(data).to_pandas_dataframe()
    if hasattr(data, "to_pandas_dataframe"):
        return data.to_pandas_dataframe()
    if hasattr(data, "__arrow_c_stream__"):
        from tandemlab.bridge.crossing import as_library

        return as_library(need("pyarrow").table(data), "pandas")
    if isinstance(data, (Mapping, list)) and len(data):
        try:
            return pandas.DataFrame(data)
        except (ValueError, TypeError) as problem:
            raise InvalidInput(f"{what} are no table: {problem}.") from None
    raise InvalidInput(
        f"{what} are no table, but an object of {type(data).__name__}.",
        hint="Give a data frame, a dataset, or the path of a file.",
    )


def dataset_of(path: str | os.PathLike[str]) -> TabularDataset:
    """The dataset of a file of this machine, by the ending of its name.

    Raises:
        NotFound: there is no such file.
        InvalidInput: an ending that says nothing.
    """
    from tandemlab.data import Dataset
    from tandemlab.data.endings import FORMATS, usual_separator

    file = Path(path).expanduser()
    ending = file.suffix.lower()
    if not file.exists():
        raise NotFound(f"There is no file {file}.", details={"path": str(file)})
    if ending not in FORMATS:
        raise InvalidInput(
            f"{file.name} is of no kind that is known by its ending.",
            hint=f"Known are {', '.join(FORMATS)}; other files become a dataset first "
            "(Dataset.Tabular).",
            details={"path": str(file)},
        )
    form = FORMATS[ending]
    options = {"separator": usual_separator(ending)} if form == "delimited" else {}
    found: TabularDataset = getattr(Dataset.Tabular, f"from_{form}_files")(file, **options)
    return found


def shown(value: object) -> str:
    """A value of a table as messages tell it.

    >>> shown("a" * 100), shown(0.5)
    ("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…", '0.5')
    """
    item = getattr(value, "item", None)
    text = repr(item() if callable(item) else value)
    return text if len(text) <= 60 else f"{text[:37]}…"


def is_frame(data: Any) -> bool:
    """Whether data are a table in memory."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return True
    from tandemlab.data.registered import Registrable

    return hasattr(data, "__arrow_c_stream__") and not isinstance(data, Registrable)
