"""Components that choose or condense columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tandemlab.designer import reports
from tandemlab.designer.component import (
    Columns,
    Component,
    ComponentParameters,
    Port,
    check_columns,
    column_of,
)
from tandemlab.designer.learning import labeled
from tandemlab.designer.transformations import Projection, numbers, numeric_columns
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas

    from tandemlab.designer.learning import LabeledModel

_CATEGORY = "Feature selection"


class FilterBasedFeatureSelection(Component):
    """Keeps the columns that say most about a label, each looked at by itself.

    pearson, spearman and kendall compare numbers with a number, f and mutual_information numbers
    with a label of either kind, chi_squared numbers from 0 on with a class. Missing numbers count
    as the median. The table has the label and the best columns; the scores are beside it.

    >>> import pandas
    >>> rows = pandas.DataFrame({"a": [1, 2, 3, 4], "b": [1, 0, 0, 1], "y": [2, 4, 6, 8]})
    >>> made = FilterBasedFeatureSelection(label="y", count=1).run(rows)
    >>> list(made["data"].columns)
    ['a', 'y']
    """

    name = "filter_based_feature_selection"
    title = "Filter-based feature selection"
    category = _CATEGORY
    keywords = ("pearson", "mutual information", "chi-squared", "select")
    inputs = {"data": Port("table", "Rows with the label.")}
    outputs = {
        "data": Port("table", "The label and the best columns."),
        "scores": Port("table", "The score of each column, the best first."),
    }

    class Parameters(ComponentParameters):
        """What is looked for."""

        label: str = column_of("data", description="The column to predict.")
        method: Literal[
            "pearson", "spearman", "kendall", "f", "mutual_information", "chi_squared"
        ] = Field("pearson", description="How columns are scored.")
        count: int = Field(10, ge=1, description="How many columns are kept, at most.")

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """The best columns, and all scores."""
        import numpy
        import pandas

        given = self.parameters
        rows = labeled(data, given.label)
        names = [name for name in numeric_columns(rows, []) if name != given.label]
        if not names:
            raise InvalidInput("No column holds numbers, beside the label.")
        columns = []
        for name in names:
            values = numbers(rows, name)
            known = values[numpy.isfinite(values)]
            middle = float(numpy.median(known)) if len(known) else 0.0
            columns.append(numpy.where(numpy.isfinite(values), values, middle))
        found = self._scores(numpy.column_stack(columns), rows[given.label])
        scores = pandas.DataFrame({"column": names, "score": numpy.nan_to_num(found)})
        scores = scores.sort_values("score", ascending=False, kind="stable", ignore_index=True)
        best = set(scores["column"].head(given.count))
        kept = [name for name in data.columns if name in best or name == given.label]
        return {"data": data[kept], "scores": scores}

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """They depend on the values."""
        return {"data": None, "scores": {"column": "str", "score": "float64"}}

    def _scores(self, x: Any, label: pandas.Series) -> Any:
        import numpy
        import pandas
        from pandas.api import types
        from sklearn import feature_selection

        method = self.parameters.method
        is_number = types.is_numeric_dtype(label.dtype) and not types.is_bool_dtype(label.dtype)
        if method in ("pearson", "spearman", "kendall"):
            if not is_number:
                raise InvalidInput(f"{label.name!r} holds no numbers, which {method} compares.")
            y = pandas.Series(label.to_numpy(dtype="float64"))
            return numpy.array([abs(pandas.Series(each).corr(y, method)) for each in x.T])
        is_class = not is_number or label.nunique() <= 20
        y = pandas.factorize(label)[0] if is_class else label.to_numpy(dtype="float64")
        if method == "chi_squared":
            if not is_class or x.min() < 0:
                raise InvalidInput("chi_squared takes numbers from 0 on, and a class.")
            return feature_selection.chi2(x, y)[0]
        kind = "classif" if is_class else "regression"
        if method == "f":
            return getattr(feature_selection, f"f_{kind}")(x, y)[0]
        return getattr(feature_selection, f"mutual_info_{kind}")(x, y, random_state=0)


class PermutationFeatureImportance(Component):
    """Says how much a model needs each column: how much worse it gets when the column is shuffled.

    The measure is accuracy for classes and R² for numbers.

    >>> import pandas
    >>> from tandemlab.designer.learning import Learner, train
    >>> rows = pandas.DataFrame({"a": range(9), "b": [1, 0] * 4 + [1], "y": range(9)})
    >>> model = train(Learner("linear_regression", "regression"), rows, "y")
    >>> PermutationFeatureImportance().run(model, rows)["importance"]["column"][0]
    'a'
    """

    name = "permutation_feature_importance"
    title = "Permutation feature importance"
    category = _CATEGORY
    keywords = ("explain", "importance", "shuffle")
    inputs = {
        "model": Port("model", "A trained model."),
        "data": Port("table", "Rows with the label, best those that it was not trained on."),
    }
    outputs = {
        "importance": Port("table", "The loss by each column, the largest first."),
        "report": Port("report", "The same as a picture."),
    }

    class Parameters(ComponentParameters):
        """How often it is shuffled."""

        repeats: int = Field(5, ge=1, le=100, description="How often each column is shuffled.")
        seed: int = Field(0, ge=0, description="Equal seeds shuffle equally.")

    def run(self, model: LabeledModel, data: pandas.DataFrame) -> dict[str, Any]:
        """The importance of each column."""
        import numpy
        import pandas
        from sklearn import metrics

        rows = labeled(data, model.label)
        chance = numpy.random.default_rng(self.parameters.seed)
        truth = rows[model.label].to_numpy()

        def score(frame: pandas.DataFrame) -> float:
            predicted = model.predict(frame)
            if model.classes is None:
                return float(metrics.r2_score(truth, predicted))
            return float(numpy.mean([a == b for a, b in zip(truth, predicted, strict=True)]))

        whole = score(rows)
        found = []
        for name in model.dtypes:
            check_columns(rows, [name])
            losses = []
            for _ in range(self.parameters.repeats):
                order = chance.permutation(len(rows))
                shuffled = rows[name].iloc[order].set_axis(rows.index)
                losses.append(whole - score(rows.assign(**{name: shuffled})))
            found.append((name, float(numpy.mean(losses)), float(numpy.std(losses))))
        found.sort(key=lambda each: -each[1])
        table = pandas.DataFrame(found, columns=["column", "importance", "standard_deviation"])
        drawn = reports.bars("Importance", table["column"], table["importance"])
        return {"importance": table, "report": reports.report(drawn)}

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """The same for each model."""
        return {
            "importance": {
                "column": "str",
                "importance": "float64",
                "standard_deviation": "float64",
            }
        }


class PrincipalComponentAnalysis(Component):
    """Replaces columns of numbers by fewer ones that hold most of how the rows differ.

    Columns are centred and, unless asked otherwise, brought to a standard deviation of 1 before;
    missing values count as the mean. The transformation does the same to other rows.

    >>> import pandas
    >>> rows = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": [2.0, 4.0, 6.0]})
    >>> made = PrincipalComponentAnalysis(components=1).run(rows)
    >>> list(made["data"].columns), made["report"]["blocks"][0]["values"][0]
    (['component_1'], 1.0)
    """

    name = "principal_component_analysis"
    title = "Principal component analysis"
    category = _CATEGORY
    keywords = ("pca", "reduce", "dimensions")
    inputs = {"data": Port("table", "What is condensed.")}
    outputs = {
        "data": Port("table", "The condensed table."),
        "transformation": Port("transformation", "For Apply transformation."),
        "report": Port("report", "What share of the variance each component holds."),
    }

    class Parameters(ComponentParameters):
        """Which columns, and how many become of them."""

        columns: list[str] = column_of(
            "data", [], description="Columns with numbers; empty for all that hold numbers."
        )
        components: int = Field(2, ge=1, description="How many columns become of them.")
        scale: bool = Field(True, description="Whether columns are scaled before.")

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """The condensed table."""
        import numpy
        from sklearn.decomposition import PCA

        given = self.parameters
        names = numeric_columns(data, given.columns)
        count = given.components
        if count > len(names):
            raise InvalidInput(
                f"{count} components cannot be made of {len(names)} columns with numbers."
            )
        if len(data) < count:
            raise InvalidInput(f"{count} components need at least so many rows, not {len(data)}.")
        x = numpy.column_stack([numbers(data, name) for name in names])
        means = numpy.nan_to_num(numpy.nanmean(x, axis=0))
        spread = (
            numpy.nan_to_num(numpy.nanstd(x, axis=0)) if given.scale else numpy.ones(len(names))
        )
        scales = numpy.where(spread > 0, spread, 1.0)
        fitted = PCA(count, random_state=0).fit(numpy.nan_to_num((x - means) / scales))
        made = Projection(names, means, scales, fitted.components_)
        labels = [f"component {place + 1}" for place in range(count)]
        drawn = reports.bars("Share of variance", labels, fitted.explained_variance_ratio_.round(6))
        return {
            "data": made.transform(data),
            "transformation": made,
            "report": reports.report(drawn),
        }

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """Those that stay, then the components."""
        known = inputs.get("data")
        given = self.parameters
        if known is None:
            return {"data": None}
        from tandemlab.designer.component import empty_frame

        used = numeric_columns(empty_frame(known), given.columns)
        kept = {name: kind for name, kind in known.items() if name not in used}
        made = {f"component_{place + 1}": "float64" for place in range(given.components)}
        return {"data": {**kept, **made}}
