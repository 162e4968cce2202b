"""Components that use trained models, and say how good they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tandemlab.designer import reports
from tandemlab.designer.component import (
    Columns,
    Component,
    ComponentParameters,
    Port,
    check_columns,
    column_of,
)
from tandemlab.designer.learning import LABEL, PROBABILITY
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

    from tandemlab.designer.learning import LabeledModel, UnlabeledModel

_POINTS = 200


class ScoreModel(Component):
    """Predicts the label of each row by a trained model.

    The table that comes out has all columns of the one that came in, then ``scored_label``, and for
    classes a column ``scored_probability_CLASS`` for each. The label itself may be missing. A model
    of clusters or anomalies adds what it says.

    >>> import pandas
    >>> from tandemlab.designer.learning import Learner, train
    >>> rows = pandas.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})
    >>> model = train(Learner("linear_regression", "regression"), rows, "y")
    >>> ScoreModel().run(model, pandas.DataFrame({"x": [4.0]}))["scored_label"].round().tolist()
    [8.0]
    """

    name = "score_model"
    title = "Score model"
    category = "Scoring and evaluation"
    keywords = ("predict", "inference", "apply")
    inputs = {
        "model": Port("model", "Trained by Train model or its like."),
        "data": Port("table", "Rows with the columns that it was trained on."),
    }
    outputs = {"scored": Port("table", "The rows with what is predicted.")}

    def run(self, model: LabeledModel | UnlabeledModel, data: pandas.DataFrame) -> pandas.DataFrame:
        """The rows with what is predicted."""
        return model.score(data)


class EvaluateModel(Component):
    """Says how good predictions are, by comparing them with the truth.

    Takes tables of Score model whose rows have the label. For classes: accuracy, area under the
    curve, precision and recall, the receiver operating characteristic, precision against recall,
    lift and the confusion matrix; for numbers: errors, R², residuals, and predicted against true.
    A second table is compared with the first. The numbers become metrics of the step's run.
    Rows without a label are left out.

    >>> import pandas
    >>> scored = pandas.DataFrame({"y": [1.0, 2.0, 3.0], "scored_label": [1.0, 2.0, 4.0]})
    >>> made = EvaluateModel(label="y").run(scored)
    >>> round(made["blocks"][0]["values"]["mean_absolute_error"], 3)
    0.333
    """

    name = "evaluate_model"
    title = "Evaluate model"
    category = "Scoring and evaluation"
    keywords = ("metrics", "roc", "confusion matrix", "rmse", "accuracy")
    inputs = {
        "scored": Port("table", "From Score model."),
        "other": Port("table", "From another one, to compare with.", optional=True),
    }
    outputs = {"evaluation": Port("report", "Metrics and charts.")}

    class Parameters(ComponentParameters):
        """What the truth is."""

        label: str = column_of("scored", description="The column that was to be predicted.")

    def run(
        self, scored: pandas.DataFrame, other: pandas.DataFrame | None = None
    ) -> dict[str, Any]:
        """Metrics and charts."""
        tables = {"": scored} if other is None else {"first: ": scored, "second: ": other}
        blocks = []
        for prefix, table in tables.items():
            check_columns(table, [self.parameters.label, LABEL], "The scored table")
            known = table[table[self.parameters.label].notna()]
            if known.empty:
                raise InvalidInput(
                    f"No row has a value in {self.parameters.label!r}, so nothing can be compared."
                )
            blocks += _evaluated(known, self.parameters.label, prefix)
        return reports.report(*blocks)

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """A report has none."""
        return {}


def _evaluated(table: pandas.DataFrame, label: str, prefix: str) -> list[dict[str, Any]]:
    names = [each for each in table.columns if str(each).startswith(PROBABILITY)]
    if not names:
        return _of_numbers(table, label, prefix)
    classes = [name.removeprefix(PROBABILITY) for name in names]
    return _of_classes(table, label, names, classes, prefix)


def _of_numbers(table: pandas.DataFrame, label: str, prefix: str) -> list[dict[str, Any]]:
    import numpy
    from pandas.api import types

    from tandemlab.automl.metrics import REGRESSION, measure

    if not all(types.is_numeric_dtype(table[name].dtype) for name in (label, LABEL)):
        raise InvalidInput(
            f"{label!r} and {LABEL!r} are no numbers, and the table has no probabilities.",
            hint="Connect a table that comes from Score model.",
        )
    truth, predicted = (table[name].to_numpy(dtype="float64") for name in (label, LABEL))
    counts, edges = numpy.histogram(predicted - truth, bins=20)
    middles = (edges[1:] + edges[:-1]) / 2
    order = _thinned(numpy.argsort(truth, kind="stable"))
    return [
        reports.metrics(f"{prefix}Metrics", _named(measure(REGRESSION, truth, predicted), prefix)),
        reports.bars(f"{prefix}Residuals", [f"{each:.4g}" for each in middles], counts),
        reports.lines(
            f"{prefix}Predicted against true",
            label,
            "predicted",
            [
                reports.line("predicted", truth[order], predicted[order]),
                reports.line("true", truth[order], truth[order]),
            ],
        ),
    ]


def _of_classes(
    table: pandas.DataFrame, label: str, names: list[str], classes: list[str], prefix: str
) -> list[dict[str, Any]]:
    import numpy
    import pandas

    from tandemlab.automl.metrics import CLASSIFICATION, measure

    codes = pandas.Index(classes).get_indexer(_as_texts(table[label]))
    is_known = codes >= 0
    if not is_known.any():
        raise InvalidInput(
            f"No value of {label!r} is one of the classes {', '.join(classes)}.",
            hint="Choose the column that the model was trained to predict.",
        )
    truth = codes[is_known]
    predicted = table.loc[is_known, names].to_numpy(dtype="float64")
    labels = pandas.Index(classes).get_indexer(_as_texts(table.loc[is_known, LABEL]))
    confusion = numpy.zeros((len(classes), len(classes)), dtype="int64")
    numpy.add.at(confusion, (truth, labels), 1)
    blocks = [
        reports.metrics(
            f"{prefix}Metrics", _named(measure(CLASSIFICATION, truth, predicted), prefix)
        ),
        reports.matrix(f"{prefix}Confusion matrix", classes, classes, confusion.tolist()),
        *_curves(truth, predicted, classes, prefix),
    ]
    if not is_known.all():
        count = int((~is_known).sum())
        blocks.append(
            reports.text(f"{count} rows have classes that the model does not know; left out.")
        )
    return blocks


def _curves(
    truth: NDArray[Any], predicted: NDArray[Any], classes: list[str], prefix: str
) -> list[dict[str, Any]]:
    """Of two classes for the second, of more for each against the others."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    operating, precise, lifts = [], [], []
    for code in [1] if len(classes) == 2 else range(len(classes)):
        is_class = truth == code
        if is_class.all() or not is_class.any():
            continue
        false, true, _ = roc_curve(is_class, predicted[:, code])
        operating.append(reports.line(classes[code], _thinned(false), _thinned(true)))
        precision, recall, _ = precision_recall_curve(is_class, predicted[:, code])
        precise.append(reports.line(classes[code], _thinned(recall), _thinned(precision)))
        lifts.append(_lift(is_class, predicted[:, code], classes[code]))
    if not operating:
        return []
    rates = ("False positive rate", "True positive rate")
    return [
        reports.lines(f"{prefix}Receiver operating characteristic", *rates, operating),
        reports.lines(f"{prefix}Precision and recall", "Recall", "Precision", precise),
        reports.lines(f"{prefix}Lift", "Share of rows", "Lift", lifts),
    ]


def _lift(is_class: NDArray[Any], probability: NDArray[Any], name: str) -> dict[str, Any]:
    """How much more frequent a class is among those that are predicted most surely."""
    import numpy

    ordered = numpy.cumsum(is_class[numpy.argsort(-probability, kind="stable")])
    taken = numpy.unique(numpy.linspace(1, len(ordered), 40).round().astype(int))
    share = taken / len(ordered)
    return reports.line(name, share, ordered[taken - 1] / ordered[-1] / share)


def _thinned(values: NDArray[Any]) -> NDArray[Any]:
    """Some hundred points at most, the first and the last among them."""
    import numpy

    if len(values) <= _POINTS:
        return values
    return values[numpy.linspace(0, len(values) - 1, _POINTS).round().astype(int)]


def _as_texts(values: pandas.Series) -> Any:
    from tandemlab.automl.featurizer import as_texts

    return as_texts(values).astype(object)


def _named(values: dict[str, float], prefix: str) -> dict[str, float]:
    return {f"{prefix.removesuffix(': ')}_{k}".lstrip("_"): each for k, each in values.items()}
