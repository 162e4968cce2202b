"""Transformations: what was learned from one table, to be done to others in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tandemlab.designer.component import check_columns
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray


class Transformation(ABC):
    """What `Apply transformation` takes."""

    @property
    @abstractmethod
    def wanted(self) -> Sequence[str]:
        """The columns that it needs."""

    def transform(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """A new table; further columns stay as they are.

        Raises:
            InvalidInput: a column is missing, or of another type than it was.
        """
        check_columns(frame, list(self.wanted))
        return self._transformed(frame)

    @abstractmethod
    def _transformed(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """A new table of one that has the columns."""


def numbers(frame: pandas.DataFrame, name: str) -> NDArray[Any]:
    """A column as float64, NaN for what is missing.

    Raises:
        InvalidInput: it holds something else than numbers.
    """
    import numpy
    from pandas.api import types

    values = frame[name]
    if not types.is_numeric_dtype(values.dtype):
        raise InvalidInput(
            f"{name!r} holds {values.dtype} values, not numbers.",
            hint="Choose numeric columns, or change its type by Edit metadata.",
        )
    found: NDArray[Any] = values.to_numpy(dtype="float64", na_value=numpy.nan)
    return found


def numeric_columns(frame: pandas.DataFrame, chosen: Sequence[str]) -> list[str]:
    """The chosen columns, or all that hold numbers if none is chosen.

    Raises:
        InvalidInput: a chosen column is missing.
    """
    from pandas.api import types

    check_columns(frame, list(chosen))
    if chosen:
        return list(chosen)
    return [
        str(name)
        for name, values in frame.items()
        if types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype)
    ]


@dataclass(frozen=True)
class Filling(Transformation):
    """Puts values where some are missing.

    Attributes:
        values: what is put there, by column.
        dropped: columns that are taken out.
    """

    values: Mapping[str, Any]
    dropped: Sequence[str] = ()

    @property
    def wanted(self) -> Sequence[str]:
        """Those that are filled."""
        return list(self.values)

    def _transformed(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        import pandas

        made = frame.drop(columns=[name for name in self.dropped if name in frame.columns])
        for name, value in self.values.items():
            column = made[name]
            if not column.isna().any():
                continue
            if isinstance(column.dtype, pandas.CategoricalDtype):
                if value not in column.cat.categories:
                    column = column.cat.add_categories([value])
            elif pandas.api.types.is_integer_dtype(column.dtype) and value % 1:
                column = column.astype("Float64")
            made = made.assign(**{name: column.fillna(value)})
        return made


@dataclass(frozen=True)
class Scaling(Transformation):
    """Maps numbers: subtracts a shift, divides by a scale, then bends by a method.

    Attributes:
        method: ``linear`` for nothing more; ``logistic`` and ``tanh`` bend into (0, 1) and (-1, 1),
            ``log`` is log(1 + x), for which shift and scale are 0 and 1.
        parameters: shift and scale of each column.
    """

    method: str
    parameters: Mapping[str, tuple[float, float]]

    @property
    def wanted(self) -> Sequence[str]:
        """Those that are mapped."""
        return list(self.parameters)

    def _transformed(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        import numpy

        bends: dict[str, Callable[[Any], Any]] = {
            "linear": lambda values: values,
            "logistic": lambda values: 1 / (1 + numpy.exp(-values)),
            "tanh": numpy.tanh,
            "log": numpy.log1p,
        }
        bend = bends[self.method]
        made = {}
        for name, (shift, scale) in self.parameters.items():
            values = numbers(frame, name)
            if self.method == "log" and numpy.nanmin(values, initial=0) <= -1:
                raise InvalidInput(
                    f"{name!r} has values of -1 or below, for which log(1 + x) is not there.",
                    hint="Clip them, or choose another method.",
                )
            made[name] = bend((values - shift) / scale)
        return frame.assign(**made)


@dataclass(frozen=True)
class Binning(Transformation):
    """Says between which edges numbers lie: 0 below the first edge, then 1, 2 and so on.

    Attributes:
        edges: of each column, rising.
        suffix: of the new columns' names; empty to replace the columns.
    """

    edges: Mapping[str, Sequence[float]]
    suffix: str = ""

    @property
    def wanted(self) -> Sequence[str]:
        """Those that are binned."""
        return list(self.edges)

    def _transformed(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        import numpy
        import pandas

        made = {}
        for name, edges in self.edges.items():
            values = numbers(frame, name)
            codes = pandas.array(numpy.digitize(values, list(edges)), dtype="Int64")
            codes[numpy.isnan(values)] = pandas.NA
            made[name + self.suffix] = codes
        return frame.assign(**made)


@dataclass(frozen=True)
class OneHot(Transformation):
    """Makes a column of 0 and 1 for each value of a column.

    A value that was not there has 0 in all of them, and so has a missing one.

    Attributes:
        levels: the values of each column, as texts.
        keep: whether the columns themselves stay.
    """

    levels: Mapping[str, Sequence[str]]
    keep: bool = False

    @property
    def wanted(self) -> Sequence[str]:
        """Those that are encoded."""
        return list(self.levels)

    def _transformed(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        from tandemlab.automl.featurizer import as_texts

        made = {}
        for name, levels in self.levels.items():
            texts = as_texts(frame[name]).astype(object)
            for level in levels:
                made[f"{name}_{level}"] = (texts == level).to_numpy(dtype="int64")
        kept = frame if self.keep else frame.drop(columns=list(self.levels))
        return kept.assign(**made)


@dataclass(frozen=True)
class Projection(Transformation):
    """Replaces columns of numbers by fewer: their principal components.

    Attributes:
        columns: those that are replaced.
        means: of each column; missing values count as these.
        scales: what each column is divided by.
        directions: components × columns.
        prefix: of the new columns' names, which are numbered from 1 on.
    """

    columns: Sequence[str]
    means: NDArray[Any]
    scales: NDArray[Any]
    directions: NDArray[Any]
    prefix: str = "component_"

    @property
    def wanted(self) -> Sequence[str]:
        """Those that are replaced."""
        return self.columns

    def _transformed(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        import numpy

        columns = [numbers(frame, name) for name in self.wanted]
        centred = (numpy.column_stack(columns) - self.means) / self.scales
        projected = numpy.nan_to_num(centred) @ self.directions.T
        kept = frame.drop(columns=list(self.wanted))
        made = {f"{self.prefix}{at + 1}": projected[:, at] for at in range(projected.shape[1])}
        return kept.assign(**made)
