"""Components that train, tune and cross-validate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tandemlab.designer import reports
from tandemlab.designer.component import Component, ComponentParameters, Port, column_of
from tandemlab.designer.learning import REGRESSION, Learner, TrainedModel, labeled, target_of, train
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas

_IN = {
    "learner": Port("learner", "What is trained."),
    "data": Port("table", "Rows with the label."),
}
_MODEL = Port("model", "For Score model.")
_LABEL = column_of("data", description="The column to predict.")
_SEED = Field(0, ge=0, description="Equal seeds give equal results.")
_FOLDS = Field(5, ge=2, le=50, description="Parts of the table, each of which is left out once.")


class TrainModel(Component):
    """Trains a learner on a table.

    Columns become numbers by themselves: categories, dates and texts, too. Rows without a label are
    left out.

    >>> import pandas
    >>> rows = pandas.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})
    >>> TrainModel(label="y").run(Learner("linear_regression", "regression"), rows).label
    'y'
    """

    name = "train_model"
    title = "Train model"
    category = "Training"
    keywords = ("fit", "learn")
    inputs = _IN
    outputs = {"model": _MODEL}

    class Parameters(ComponentParameters):
        """What is to be predicted."""

        label: str = _LABEL

    def run(self, learner: Learner, data: pandas.DataFrame) -> TrainedModel:
        """The trained model."""
        return train(learner, data, self.parameters.label)


class CrossValidateModel(Component):
    """Says how good a learner is on rows that it has not seen, by training it several times.

    The table is parted; each part is predicted by a model that was trained on the others. The table
    that comes out has the metrics of each part; the report has their means and how they vary.

    >>> import pandas
    >>> rows = pandas.DataFrame({"x": range(20), "y": [2.0 * x for x in range(20)]})
    >>> made = CrossValidateModel(label="y", folds=4).run(
    ...     Learner("linear_regression", "regression"), rows
    ... )
    >>> len(made["folds"])
    4
    """

    name = "cross_validate_model"
    title = "Cross-validate model"
    category = "Training"
    keywords = ("k-fold", "cv")
    inputs = _IN
    outputs = {
        "folds": Port("table", "Metrics of each part."),
        "evaluation": Port("report", "Their means."),
    }

    class Parameters(ComponentParameters):
        """How it is parted."""

        label: str = _LABEL
        folds: int = _FOLDS
        seed: int = _SEED

    def run(self, learner: Learner, data: pandas.DataFrame) -> dict[str, Any]:
        """Metrics of each part, and their means."""
        import pandas

        given = self.parameters
        measured = _validated(learner, data, given.label, given.folds, given.seed)
        folds = pandas.DataFrame(measured)
        folds.insert(0, "fold", range(1, len(folds) + 1))
        numbers = folds.drop(columns="fold")
        means, spread = numbers.mean(), numbers.std()
        rows = [[name, float(means[name]), float(spread[name])] for name in numbers.columns]
        evaluation = reports.report(
            reports.metrics("Mean of all parts", {str(k): float(v) for k, v in means.items()}),
            reports.table("How the parts differ", ["metric", "mean", "standard deviation"], rows),
        )
        return {"folds": folds, "evaluation": evaluation}


class TuneModelHyperparameters(Component):
    """Looks for the parameters with which a learner is best, and trains it with these.

    Each learner has values that are tried. ``random`` tries some combinations, ``grid`` all, and
    each is judged by cross-validation. The table has all that were tried, the best first.

    >>> import pandas
    >>> from tandemlab.designer import find_component
    >>> rows = pandas.DataFrame({"x": range(20), "y": [2.0 * x for x in range(20)]})
    >>> learner = find_component("linear_regression")(regularization=1.0).run()
    >>> tune = TuneModelHyperparameters(label="y", mode="grid", folds=2)
    >>> tune.run(learner, rows)["model"].learner.parameters
    {'regularization': 0.0}
    """

    name = "tune_model_hyperparameters"
    title = "Tune model hyper-parameters"
    category = "Training"
    keywords = ("sweep", "search", "grid", "random")
    inputs = _IN
    outputs = {
        "model": _MODEL,
        "trials": Port("table", "All that were tried, the best first."),
        "evaluation": Port("report", "Metrics of the best."),
    }

    class Parameters(ComponentParameters):
        """How it is looked for."""

        label: str = _LABEL
        mode: Literal["random", "grid"] = Field("random", description="Some, or all combinations.")
        trials: int = Field(10, ge=1, le=1000, description="How many combinations are tried.")
        metric: str | None = Field(
            None,
            description="What is to be best, such as accuracy or r2_score; empty for the log loss "
            "of classes and the root mean squared error of numbers.",
        )
        folds: int = Field(3, ge=2, le=50, description="Parts for cross-validation.")
        seed: int = _SEED

    def run(self, learner: Learner, data: pandas.DataFrame) -> dict[str, Any]:
        """The best model, and all that were tried."""
        import pandas

        from tandemlab.automl.metrics import metric_kind

        given = self.parameters
        kind = metric_kind(_task(learner), given.metric)
        found = []
        for tried in self._combinations(learner):
            measured = _validated(
                learner.with_parameters(tried), data, given.label, given.folds, given.seed
            )
            means = pandas.DataFrame(measured).mean()
            found.append((tried, {str(name): float(value) for name, value in means.items()}))
        infinite = float("inf")
        found.sort(
            key=lambda each: kind.loss(each[1][kind.name]) if kind.name in each[1] else infinite
        )
        best, metrics = found[0]
        trials = pandas.DataFrame([{**_shown(tried), **means} for tried, means in found])
        return {
            "model": train(learner.with_parameters(best), data, given.label),
            "trials": trials,
            "evaluation": reports.report(
                reports.metrics(f"Of the best of {len(found)}, by {kind.name}", metrics),
                reports.table("Its parameters", ["parameter", "value"], _shown(best).items()),
            ),
        }

    def _combinations(self, learner: Learner) -> list[dict[str, Any]]:
        """What is tried, the learner's own parameters first."""
        from sklearn.model_selection import ParameterGrid, ParameterSampler

        from tandemlab.designer.registry import find_component

        given = self.parameters
        ranges: dict[str, list[Any]] = getattr(find_component(learner.component), "ranges", {})
        own = {name: learner.parameters[name] for name in ranges if name in learner.parameters}
        grid = ParameterGrid(ranges)
        if given.mode == "grid" or len(grid) <= given.trials:
            others = list(grid)
        else:
            others = list(ParameterSampler(ranges, given.trials, random_state=given.seed))
        unique = [own, *(each for each in others if each != own)]
        return unique if given.mode == "grid" else unique[: given.trials]


def _shown(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters as cells of a table: lists as texts."""
    return {k: str(each) if isinstance(each, list) else each for k, each in parameters.items()}


def _task(learner: Learner) -> str:
    from tandemlab.automl.metrics import CLASSIFICATION
    from tandemlab.automl.metrics import REGRESSION as NUMBERS

    return NUMBERS if learner.task == REGRESSION else CLASSIFICATION


def _validated(
    learner: Learner, data: pandas.DataFrame, label: str, folds: int, seed: int
) -> list[dict[str, float]]:
    """The metrics of each part of the rows, predicted by a model of the others."""
    from tandemlab.automl.metrics import measure

    rows = labeled(data, label)
    target, classes = target_of(rows[label], learner.task)
    if len(rows) < folds:
        raise InvalidInput(
            f"The table has {len(rows)} rows with a label, fewer than {folds} parts."
        )
    measured = []
    for kept, held in _parts(rows, target, classes, folds, seed):
        model = train(learner, rows.iloc[kept], label)
        left_out = rows.iloc[held]
        if classes is None:
            predicted = model.predict(left_out)
        else:
            predicted = _in_order(model, left_out, classes)
        measured.append(measure(_task(learner), target[held], predicted))
    return measured


def _parts(
    rows: pandas.DataFrame, target: Any, classes: list[Any] | None, folds: int, seed: int
) -> Iterator[tuple[Any, Any]]:
    import numpy
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = KFold
    if classes is not None and numpy.bincount(target).min() >= folds:
        kind = StratifiedKFold
    yield from kind(folds, shuffle=True, random_state=seed).split(rows, target)


def _in_order(model: TrainedModel, rows: pandas.DataFrame, classes: list[Any]) -> Any:
    """Probabilities of all classes; those that a part did not have are 0."""
    import numpy

    found = model.predict_proba(rows)
    whole = numpy.zeros((len(rows), len(classes)))
    for place, name in enumerate(model.classes or ()):
        whole[:, classes.index(name)] = found[:, place]
    return whole
