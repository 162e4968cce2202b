"""Components that describe and compare columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from tandemlab.designer import reports
from tandemlab.designer.component import (
    Columns,
    Component,
    ComponentParameters,
    Port,
    check_columns,
    column_of,
)
from tandemlab.designer.components.manipulation import kind_of
from tandemlab.designer.transformations import numbers, numeric_columns
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas

_IN = {"data": Port("table", "What is looked at.")}
_CATEGORY = "Statistics"


class SummarizeData(Component):
    """Describes each column.

    How many values it has, how many are missing and different, and of numbers the mean, the
    standard deviation and the quartiles.

    >>> import pandas
    >>> made = SummarizeData().run(pandas.DataFrame({"x": [1.0, 2.0, None]}))
    >>> made[["column", "count", "missing", "mean"]].to_dict("list")
    {'column': ['x'], 'count': [2], 'missing': [1], 'mean': [1.5]}
    """

    name = "summarize_data"
    title = "Summarize data"
    category = _CATEGORY
    keywords = ("describe", "profile", "quartile")
    inputs = _IN
    outputs = {"summary": Port("table", "A row for each column.")}

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """A row for each column."""
        import pandas

        names = ["mean", "std", "min", "q25", "median", "q75", "max"]
        rows = []
        for name, values in data.items():
            kind = kind_of(values)
            row: dict[str, Any] = {
                "column": str(name),
                "type": kind,
                "count": int(values.notna().sum()),
                "missing": int(values.isna().sum()),
                "distinct": int(values.astype(str).nunique()) if len(values) else 0,
            }
            if kind in ("integer", "double"):
                known = pandas.Series(numbers(data, str(name))).dropna()
                quartiles = known.quantile([0, 0.25, 0.5, 0.75, 1]).tolist()
                low, first, middle, third, high = quartiles
                figures = [known.mean(), known.std(), low, first, middle, third, high]
                row |= {key: float(each) for key, each in zip(names, figures, strict=True)}
            rows.append(row)
        columns = ["column", "type", "count", "missing", "distinct", *names]
        made = pandas.DataFrame(rows, columns=columns)
        return made.astype({"column": "str", "type": "str", **dict.fromkeys(names, "float64")})


class LinearCorrelation(Component):
    """Says how columns of numbers go together: the correlation of each with each, from -1 to 1.

    pearson is for straight lines, spearman and kendall go by the order of values. Rows in which one
    of both is missing are left out.

    >>> import pandas
    >>> made = LinearCorrelation().run(pandas.DataFrame({"x": [1, 2, 3], "y": [2, 4, 6]}))
    >>> made["correlations"]["y"].round(3).tolist()
    [1.0, 1.0]
    """

    name = "linear_correlation"
    title = "Compute linear correlation"
    category = _CATEGORY
    keywords = ("pearson", "spearman", "kendall")
    inputs = _IN
    outputs = {
        "correlations": Port("table", "A row and a column for each."),
        "report": Port("report", "The same as a picture."),
    }

    class Parameters(ComponentParameters):
        """Of which columns."""

        columns: list[str] = column_of(
            "data", [], description="Columns with numbers; empty for all that hold numbers."
        )
        method: Literal["pearson", "spearman", "kendall"] = Field(
            "pearson", description="What is computed."
        )

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """The correlations, as a table and a picture."""
        import pandas

        names = numeric_columns(data, self.parameters.columns)
        known = pandas.DataFrame({name: numbers(data, name) for name in names})
        found = known.corr(self.parameters.method)
        table = found.rename_axis("column").reset_index()
        if not names:
            table = pandas.DataFrame({"column": pandas.Series([], dtype="str")})
        drawn = reports.matrix("Correlation", names, names, found.to_numpy().tolist())
        return {"correlations": table, "report": reports.report(drawn)}


class TestHypothesis(Component):
    """Says whether means differ by more than chance: a t-test.

    one_sample compares a column with a number, two_samples the values of a column between two
    groups (Welch's test, which does not ask for equal variances), paired two columns row by row.
    Missing values are left out.

    >>> import pandas
    >>> rows = pandas.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 3.1, 3.9]})
    >>> made = TestHypothesis(test="paired", column="x", other="y").run(rows)
    >>> made["result"]["p_value"].round(4).tolist()
    [0.0033]
    """

    __test__ = False  # no test of pytest's
    name = "t_test"
    title = "Test hypothesis using t-test"
    category = _CATEGORY
    keywords = ("student", "welch", "paired", "significance")
    inputs = _IN
    outputs = {
        "result": Port("table", "Statistic, degrees of freedom, p-value, interval."),
        "report": Port("report", "The same in words."),
    }

    class Parameters(ComponentParameters):
        """What is compared."""

        test: Literal["one_sample", "two_samples", "paired"] = Field(
            "two_samples", description="Which t-test."
        )
        column: str = column_of("data", description="Column with numbers.")
        other: str | None = column_of("data", None, description="The second column, for paired.")
        group: str | None = column_of(
            "data", None, description="Column with two values, for two_samples."
        )
        mean: float = Field(0.0, description="What the mean is compared with, for one_sample.")
        alternative: Literal["two-sided", "less", "greater"] = Field(
            "two-sided", description="What else would be the case."
        )
        confidence: float = Field(0.95, gt=0, lt=1, description="Of the interval.")

        @model_validator(mode="after")
        def _has_second(self) -> Any:
            if self.test == "paired" and self.other is None:
                raise ValueError("paired needs other")
            if self.test == "two_samples" and self.group is None:
                raise ValueError("two_samples needs group")
            return self

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """What the test says."""
        import numpy
        import pandas
        from scipy import stats

        given = self.parameters
        wanted = {"paired": given.other, "two_samples": given.group}.get(given.test)
        check_columns(data, [name for name in (given.column, wanted) if name is not None])
        values = numbers(data, given.column)
        if given.test == "two_samples":
            first, second, words = self._groups(data, values)
            _check_sizes(first, second)
            found = stats.ttest_ind(first, second, equal_var=False, alternative=given.alternative)
        elif given.test == "paired":
            others = numbers(data, given.other)
            both = ~(numpy.isnan(values) | numpy.isnan(others))
            first, second, words = values[both], others[both], f"{given.column} - {given.other}"
            _check_sizes(first)
            found = stats.ttest_rel(first, second, alternative=given.alternative)
        else:
            first, words = values[~numpy.isnan(values)], f"{given.column} - {given.mean:g}"
            _check_sizes(first)
            found = stats.ttest_1samp(first, given.mean, alternative=given.alternative)
        interval = found.confidence_interval(given.confidence)
        row = {
            "difference": words,
            "statistic": float(found.statistic),
            "degrees_of_freedom": float(found.df),
            "p_value": float(found.pvalue),
            "interval_low": float(interval.low),
            "interval_high": float(interval.high),
        }
        metrics = {"statistic": float(found.statistic), "p_value": float(found.pvalue)}
        told = (
            f"{words}: t = {row['statistic']:.4g} with {row['degrees_of_freedom']:.4g} degrees of "
            f"freedom, p = {row['p_value']:.4g} ({given.alternative})."
        )
        report = reports.report(reports.text(told), reports.metrics("t-test", metrics))
        return {"result": pandas.DataFrame([row]), "report": report}

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """The same for each table."""
        numeric = ("statistic", "degrees_of_freedom", "p_value", "interval_low", "interval_high")
        return {"result": {"difference": "str", **dict.fromkeys(numeric, "float64")}}

    def _groups(self, data: pandas.DataFrame, values: Any) -> tuple[Any, Any, str]:
        import numpy

        groups = data[self.parameters.group]
        known = sorted(groups.dropna().unique().tolist(), key=str)
        if len(known) != 2:
            raise InvalidInput(
                f"{self.parameters.group!r} has {len(known)} values; two groups are compared.",
                hint="Choose a column with two values, or filter the rows.",
            )
        parts = [values[(groups == each).to_numpy() & ~numpy.isnan(values)] for each in known]
        return parts[0], parts[1], f"{known[0]} - {known[1]}"


def _check_sizes(*samples: Any) -> None:
    if any(len(each) < 2 for each in samples):
        raise InvalidInput("A t-test needs at least two values on each side.")
