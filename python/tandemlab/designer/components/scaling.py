"""Components that change the values of columns."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from tandemlab.designer.component import (
    Columns,
    Component,
    ComponentParameters,
    Port,
    check_columns,
    column_of,
)
from tandemlab.designer.transformations import (
    Binning,
    OneHot,
    Scaling,
    Transformation,
    numbers,
    numeric_columns,
)
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas

_IN = {"data": Port("table", "What is changed.")}
_OUT = {
    "data": Port("table", "The changed table."),
    "transformation": Port("transformation", "For Apply transformation: the same for other rows."),
}
_NUMERIC = column_of(
    "data", [], description="Columns with numbers; empty for all that hold numbers."
)


class _Fitting(Component):
    """What learns from a table how to change it."""

    inputs = _IN
    outputs = _OUT

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """The changed table, and what does the same to others."""
        fitted = self._fitted(data)
        return {"data": fitted.transform(data), "transformation": fitted}

    @abstractmethod
    def _fitted(self, data: pandas.DataFrame) -> Transformation:
        """What was learned."""


class NormalizeData(_Fitting):
    """Brings numbers to a common scale.

    z_score gives mean 0 and standard deviation 1, min_max the range 0 to 1, logistic and tanh bend
    the z-score so that far values count less, log takes log(1 + x). Missing values stay missing.
    The transformation does the same to other rows, with what was learned from these.

    >>> import pandas
    >>> made = NormalizeData(method="min_max").run(pandas.DataFrame({"x": [1, 2, 3]}))
    >>> made["data"]["x"].tolist()
    [0.0, 0.5, 1.0]
    """

    name = "normalize_data"
    title = "Normalize data"
    category = "Scale and reduce"
    keywords = ("standardize", "z-score", "min-max", "scale")

    class Parameters(ComponentParameters):
        """Which columns, and how."""

        columns: list[str] = _NUMERIC
        method: Literal["z_score", "min_max", "logistic", "tanh", "log"] = Field(
            "z_score", description="How the numbers are mapped."
        )

    def _fitted(self, data: pandas.DataFrame) -> Scaling:
        import numpy

        method = self.parameters.method
        found = {}
        for name in numeric_columns(data, self.parameters.columns):
            values = numbers(data, name)
            known = values[numpy.isfinite(values)]
            shift, scale = 0.0, 1.0
            if len(known) and method == "min_max":
                shift, scale = float(known.min()), float(known.max() - known.min())
            elif len(known) and method != "log":
                shift, scale = float(known.mean()), float(known.std())
            found[name] = (shift, scale or 1.0)
        bend = {"z_score": "linear", "min_max": "linear"}.get(method, method)
        return Scaling(bend, found)


class GroupIntoBins(_Fitting):
    """Says for each number in which bin it lies: 0, 1, 2 and so on.

    quantiles makes bins of about equally many rows, width bins of equal width, and edges takes the
    edges that are given. Missing values stay missing.

    >>> import pandas
    >>> made = GroupIntoBins(mode="edges", edges=[10]).run(pandas.DataFrame({"x": [1, 10, 30]}))
    >>> made["data"]["x"].tolist()
    [0, 1, 1]
    """

    name = "group_data_into_bins"
    title = "Group data into bins"
    category = "Scale and reduce"
    keywords = ("binning", "discretize", "quantile", "histogram")

    class Parameters(ComponentParameters):
        """Which columns, and how."""

        columns: list[str] = _NUMERIC
        mode: Literal["quantiles", "width", "edges"] = Field(
            "quantiles", description="What the bins have in common."
        )
        bins: int = Field(10, ge=2, le=1000, description="How many bins.")
        edges: list[float] = Field([], description="Where bins meet, for the mode edges; rising.")
        suffix: str = Field("", description="Of new columns; empty to replace the columns.")

        @model_validator(mode="after")
        def _has_edges(self) -> Any:
            if self.mode == "edges" and (not self.edges or self.edges != sorted(set(self.edges))):
                raise ValueError("edges must be given for this mode, each above the one before")
            return self

    def _fitted(self, data: pandas.DataFrame) -> Binning:
        import numpy

        given = self.parameters
        found: dict[str, list[float]] = {}
        for name in numeric_columns(data, given.columns):
            values = numbers(data, name)
            known = values[numpy.isfinite(values)]
            inner = numpy.linspace(0, 1, given.bins + 1)[1:-1]
            if given.mode == "edges":
                edges = numpy.asarray(given.edges)
            elif not len(known):
                edges = numpy.asarray([])
            elif given.mode == "width":
                edges = known.min() + inner * (known.max() - known.min())
            else:
                edges = numpy.quantile(known, inner)
            found[name] = numpy.unique(edges).tolist()
        return Binning(found, given.suffix)


class OneHotEncode(_Fitting):
    """Makes a column of 0 and 1 for each value of a category.

    Values that come later and were not there have 0 in all of them, as missing ones have.

    >>> import pandas
    >>> made = OneHotEncode(columns=["town"]).run(pandas.DataFrame({"town": ["b", "a", None]}))
    >>> made["data"].to_dict("list")
    {'town_a': [0, 1, 0], 'town_b': [1, 0, 0]}
    """

    name = "one_hot_encode"
    title = "One-hot encode"
    category = "Scale and reduce"
    keywords = ("dummy", "categorical", "convert to indicator values")

    class Parameters(ComponentParameters):
        """Which columns."""

        columns: list[str] = column_of("data", min_length=1, description="Columns of categories.")
        most: int = Field(100, ge=1, le=10_000, description="Values of a column, at most.")
        keep: bool = Field(False, description="Whether the columns themselves stay.")

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """They depend on the values."""
        return {"data": None}

    def _fitted(self, data: pandas.DataFrame) -> OneHot:
        from tandemlab.automl.featurizer import as_texts

        given = self.parameters
        check_columns(data, given.columns)
        levels = {}
        for name in given.columns:
            found = sorted({str(each) for each in as_texts(data[name]).dropna()})
            if len(found) > given.most:
                raise InvalidInput(
                    f"{name!r} has {len(found)} values, more than {given.most}.",
                    hint="Allow more, or choose columns with few values.",
                )
            levels[name] = found
        return OneHot(levels, given.keep)


class ClipValues(Component):
    """Replaces numbers beyond a limit by the limit, or by nothing.

    Limits are numbers, or percentiles of the column (0 to 100).

    >>> import pandas
    >>> ClipValues(upper=2).run(pandas.DataFrame({"x": [1, 2, 30]}))["x"].tolist()
    [1.0, 2.0, 2.0]
    """

    name = "clip_values"
    title = "Clip values"
    category = "Scale and reduce"
    keywords = ("outlier", "winsorize", "limit")
    inputs = _IN
    outputs = {"data": _OUT["data"]}

    class Parameters(ComponentParameters):
        """The limits."""

        columns: list[str] = _NUMERIC
        lower: float | None = Field(None, description="Lower limit; empty for none.")
        upper: float | None = Field(None, description="Upper limit; empty for none.")
        limits_are: Literal["numbers", "percentiles"] = Field(
            "numbers", description="What the limits are."
        )
        replace_by: Literal["limit", "missing"] = Field(
            "limit", description="What stands where a number was beyond a limit."
        )

        @model_validator(mode="after")
        def _has_limits(self) -> Any:
            if self.lower is None and self.upper is None:
                raise ValueError("give lower, upper or both")
            if self.lower is not None and self.upper is not None and self.lower > self.upper:
                raise ValueError("lower is above upper")
            if self.limits_are == "percentiles":
                for each in (self.lower, self.upper):
                    if each is not None and not 0 <= each <= 100:
                        raise ValueError("percentiles are from 0 to 100")
            return self

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The table within the limits."""
        import numpy

        given = self.parameters
        made = {}
        for name in numeric_columns(data, given.columns):
            values = numbers(data, name)
            known = values[numpy.isfinite(values)]
            low, high = given.lower, given.upper
            if given.limits_are == "percentiles" and len(known):
                low, high = (
                    None if each is None else float(numpy.percentile(known, each))
                    for each in (low, high)
                )
            clipped = numpy.clip(values, low, high)
            beyond = (clipped != values) & ~numpy.isnan(values)
            made[name] = numpy.where(beyond, numpy.nan, values)
            if given.replace_by == "limit":
                made[name] = clipped
        return data.assign(**made)


_OPERATIONS = {
    "absolute": "abs",
    "ceiling": "ceil",
    "floor": "floor",
    "round": "rint",
    "square": "square",
    "square_root": "sqrt",
    "exponential": "exp",
    "logarithm": "log",
    "logarithm_10": "log10",
    "logarithm_of_1_plus": "log1p",
    "reciprocal": "reciprocal",
    "sine": "sin",
    "cosine": "cos",
    "tangent": "tan",
    "negative": "negative",
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "divide",
    "power": "power",
    "remainder": "mod",
}
_Operation: TypeAlias = Literal[
    "absolute",
    "ceiling",
    "floor",
    "round",
    "square",
    "square_root",
    "exponential",
    "logarithm",
    "logarithm_10",
    "logarithm_of_1_plus",
    "reciprocal",
    "sine",
    "cosine",
    "tangent",
    "negative",
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "remainder",
]
_OF_TWO = ("add", "subtract", "multiply", "divide", "power", "remainder")


class ApplyMathOperation(Component):
    """Computes with columns of numbers: functions of one, or of one and a number or a column.

    What is not there, such as the logarithm of a negative number, is missing.

    >>> import pandas
    >>> double = ApplyMathOperation(operation="multiply", by=2, suffix="_double")
    >>> double.run(pandas.DataFrame({"x": [1, 4]}))["x_double"].tolist()
    [2.0, 8.0]
    """

    name = "apply_math_operation"
    title = "Apply maths operation"
    category = "Scale and reduce"
    keywords = ("log", "sqrt", "add", "multiply", "arithmetic")
    inputs = _IN
    outputs = {"data": _OUT["data"]}

    class Parameters(ComponentParameters):
        """What is computed."""

        columns: list[str] = _NUMERIC
        operation: _Operation = Field(
            "logarithm", description="Of each value; the last six take a second one."
        )
        by: float | None = Field(None, description="The second value, a number.")
        by_column: str | None = column_of("data", None, description="The second value, a column.")
        suffix: str = Field("", description="Of new columns; empty to replace the columns.")

        @model_validator(mode="after")
        def _has_second(self) -> Any:
            given = (self.by is not None) + (self.by_column is not None)
            if self.operation in _OF_TWO and given != 1:
                raise ValueError(f"{self.operation} needs by or by_column, and only one")
            if self.operation not in _OF_TWO and given:
                raise ValueError(f"{self.operation} takes no second value")
            return self

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The table with the results."""
        import numpy

        given = self.parameters
        compute = getattr(numpy, _OPERATIONS[given.operation])
        second: list[Any] = []
        if given.by_column is not None:
            check_columns(data, [given.by_column])
            second = [numbers(data, given.by_column)]
        elif given.by is not None:
            second = [given.by]
        made = {}
        for name in numeric_columns(data, given.columns):
            with numpy.errstate(all="ignore"):
                values = compute(numbers(data, name), *second)
            made[name + given.suffix] = numpy.where(numpy.isfinite(values), values, numpy.nan)
        return data.assign(**made)


class ConvertToIndicator(Component):
    """Makes a column of 0 and 1: whether a value is there, or is one of those given.

    >>> import pandas
    >>> mark = ConvertToIndicator(columns=["town"], values=["a"])
    >>> mark.run(pandas.DataFrame({"town": ["a", "b", None]}))["town_indicator"].tolist()
    [1, 0, 0]
    """

    name = "convert_to_indicator"
    title = "Convert to indicator"
    category = "Scale and reduce"
    keywords = ("flag", "missing", "binary")
    inputs = _IN
    outputs = {"data": _OUT["data"]}

    class Parameters(ComponentParameters):
        """What 1 stands for."""

        columns: list[str] = column_of("data", min_length=1, description="Columns to look at.")
        values: list[str] = Field(
            [], description="Values for which it is 1; empty for any that is not missing."
        )
        suffix: str = Field("_indicator", description="Of the new columns.")
        keep: bool = Field(True, description="Whether the columns themselves stay.")

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The table with the indicators."""
        from tandemlab.automl.featurizer import as_texts

        given = self.parameters
        check_columns(data, given.columns)
        made = {}
        for name in given.columns:
            values = data[name]
            found = as_texts(values).isin(given.values) if given.values else values.notna()
            made[name + given.suffix] = found.to_numpy(dtype="int64")
        kept = data if given.keep else data.drop(columns=given.columns)
        return kept.assign(**made)
