"""What can be trained and what was trained, as it goes from component to component."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray
    from typing_extensions import Self

    from tandemlab.automl.featurizer import Featurizer

TWO_CLASS = "two-class classification"
MULTICLASS = "multiclass classification"
REGRESSION = "regression"
LABEL = "scored_label"
PROBABILITY = "scored_probability_"
_MOST_LEVELS = 50  # of a column that become columns of their own; the others share one


@dataclass(frozen=True, slots=True)
class Learner:
    """What is to be trained: a component that makes an estimator, with its parameters.

    Attributes:
        component: name of the component.
        task: what it learns, such as ``regression``.
        parameters: of the component.
    """

    component: str
    task: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Learner:
        """The learner that `to_dict` gave."""
        return cls(**content)

    def to_dict(self) -> dict[str, Any]:
        """Plain data.

        >>> Learner.from_dict(Learner("linear_regression", "regression").to_dict()).task
        'regression'
        """
        return asdict(self)

    def estimator(self) -> Any:
        """A new estimator of scikit-learn, which takes a matrix without missing values."""
        from tandemlab.designer.registry import find_component

        component: Any = find_component(self.component)(**self.parameters)
        return component.estimator()

    def with_parameters(self, parameters: Mapping[str, Any]) -> Learner:
        """The same with other parameters."""
        return Learner(self.component, self.task, {**self.parameters, **parameters})


class LabeledModel(ABC):
    """A model that predicts a label of raw frames.

    Attributes:
        label: the column that it predicts.
        dtypes: the columns that it takes, with their types (as pandas names them).
        classes: those that it tells apart, in the order of `predict_proba`; None for numbers.
    """

    label: str
    dtypes: Mapping[str, str]
    classes: list[Any] | None

    @abstractmethod
    def predict(self, frame: pandas.DataFrame) -> NDArray[Any]:
        """The class or the number of each row.

        Args:
            frame: with the columns that it was trained on; further ones are passed over.

        Raises:
            InvalidInput: a column is missing, or of another type than it was.
        """

    @abstractmethod
    def predict_proba(self, frame: pandas.DataFrame) -> NDArray[Any]:
        """The probability of each class, n × classes.

        Raises:
            InvalidInput: it predicts numbers, or `predict` would not take the frame.
        """

    def score(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """The rows with ``scored_label`` and, for classes, ``scored_probability_CLASS`` for each.

        Raises:
            InvalidInput: as `predict`.
        """
        made: dict[str, Any] = {LABEL: _inferred(self.predict(frame), frame.index)}
        if self.classes is not None:
            probabilities = self.predict_proba(frame)
            for place, name in enumerate(_class_names(self.classes)):
                made[f"{PROBABILITY}{name}"] = probabilities[:, place]
        kept = frame.drop(columns=[name for name in made if name in frame.columns])
        return kept.assign(**made)


@dataclass
class TrainedModel(LabeledModel):
    """What `train` makes of a learner and a table, with all that it needs to take raw frames.

    Attributes:
        learner: what was trained.
        featurizer: makes numbers of columns: codes of categories, parts of dates, words.
        matrix: of scikit-learn; makes these dense and scaled.
        estimator: of scikit-learn, or alike.
    """

    learner: Learner
    label: str
    dtypes: Mapping[str, str]
    classes: list[Any] | None
    featurizer: Featurizer
    matrix: Any
    estimator: Any

    def predict(self, frame: pandas.DataFrame) -> NDArray[Any]:
        """As `LabeledModel.predict`."""
        import numpy

        raw = self.featurizer.transform(frame)
        found = self.estimator.predict(self.matrix.transform(raw)) if len(frame) else []
        if self.classes is None:
            return numpy.asarray(found, dtype="float64")
        return _as_array(self.classes)[numpy.asarray(found, dtype="int64")]

    def predict_proba(self, frame: pandas.DataFrame) -> NDArray[Any]:
        """As `LabeledModel.predict_proba`."""
        import numpy

        if self.classes is None:
            raise InvalidInput("A model that predicts numbers has no probabilities.")
        raw = self.featurizer.transform(frame)
        if not len(frame):
            return numpy.empty((0, len(self.classes)))
        return self.estimator.predict_proba(self.matrix.transform(raw))


@dataclass
class UnlabeledModel(ABC):
    """A model of rows without a label, with all that it needs to take raw frames.

    Attributes:
        dtypes: the columns that it takes, with their types (as pandas names them).
        featurizer: makes numbers of columns.
        matrix: of scikit-learn; makes these dense and scaled.
        estimator: of scikit-learn.
    """

    dtypes: Mapping[str, str]
    featurizer: Featurizer
    matrix: Any
    estimator: Any

    @classmethod
    def fit(cls, estimator: Any, frame: pandas.DataFrame) -> Self:
        """Have an estimator of scikit-learn learn from a table.

        Raises:
            InvalidInput: there is nothing to learn from.
        """
        if frame.empty:
            raise InvalidInput("The table has no rows, so there is nothing to learn from.")
        featurizer, raw = _featurized(frame)
        matrix = _dense(featurizer)
        estimator.fit(matrix.fit_transform(raw))
        return cls(_dtypes(featurizer, frame), featurizer, matrix, estimator)

    def numbers(self, frame: pandas.DataFrame) -> NDArray[Any]:
        """What the estimator takes of a frame.

        Raises:
            InvalidInput: a column is missing, or of another type than it was.
        """
        found: NDArray[Any] = self.matrix.transform(self.featurizer.transform(frame))
        return found

    @abstractmethod
    def score(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """The rows with what the model says of them.

        Raises:
            InvalidInput: a column is missing, or of another type than it was.
        """


def train(learner: Learner, frame: pandas.DataFrame, label: str) -> TrainedModel:
    """Train a learner on a table, rows without a label left out.

    Columns become numbers by the rules of automated ML (`tandemlab.automl.featurizer`): categories
    become a column for each frequent value, dates their parts, texts hashed words; identifiers and
    constant columns are left out. Missing numbers become the column's median, and all are scaled
    to mean 0 and standard deviation 1.

    Raises:
        InvalidInput: the label is missing, constant or of the wrong kind, or there is nothing to
            learn from.

    >>> import pandas
    >>> table = pandas.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.0]})
    >>> model = train(Learner("linear_regression", "regression"), table, "y")
    >>> model.predict(pandas.DataFrame({"x": [10.0]})).round(3).tolist()
    [20.0]
    """
    frame = labeled(frame, label)
    target, classes = target_of(frame[label], learner.task)
    features = frame.drop(columns=label)
    featurizer, raw = _featurized(features)
    matrix, estimator = _dense(featurizer), learner.estimator()
    try:
        estimator.fit(matrix.fit_transform(raw), target)
    except ValueError as problem:
        raise InvalidInput(
            f"{label!r} cannot be learned by {learner.component}: {problem}",
            hint="Choose another learner, or look at the values of the label.",
        ) from problem
    dtypes = _dtypes(featurizer, features)
    return TrainedModel(learner, label, dtypes, classes, featurizer, matrix, estimator)


def _featurized(features: pandas.DataFrame) -> tuple[Featurizer, NDArray[Any]]:
    from tandemlab.automl.columns import look_at
    from tandemlab.automl.featurization_config import FeaturizationConfig
    from tandemlab.automl.featurizer import Featurizer

    config = FeaturizationConfig()
    featurizer = Featurizer(look_at(features, config), config)
    if not featurizer.columns:
        raise InvalidInput(
            "No column can be learned from: all are constant, empty or number the rows.",
            hint="Connect a table with at least one column that varies, beside the label.",
        )
    return featurizer, featurizer.fit_transform(features)


def _dtypes(featurizer: Featurizer, features: pandas.DataFrame) -> dict[str, str]:
    return {each.name: str(features[each.name].dtype) for each in featurizer.columns}


def labeled(frame: pandas.DataFrame, label: str) -> pandas.DataFrame:
    """The rows of a table that have a label.

    Raises:
        InvalidInput: there is no such column, or it is empty.
    """
    from tandemlab.designer.component import check_columns

    check_columns(frame, [label], "The table")
    twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if twice:
        raise InvalidInput(
            f"Two columns have the name {', '.join(map(repr, twice))}.",
            hint="Rename one by Edit metadata.",
        )
    found: pandas.DataFrame = frame[frame[label].notna()].reset_index(drop=True)
    if found.empty:
        raise InvalidInput(f"No row has a value in {label!r}, so there is nothing to learn from.")
    return found


def target_of(values: pandas.Series, task: str) -> tuple[NDArray[Any], list[Any] | None]:
    """What an estimator learns of a label without missing values, and its classes.

    Raises:
        InvalidInput: the label does not suit the task; the message says what would.
    """
    import numpy
    import pandas
    from pandas.api import types

    if task == REGRESSION:
        if types.is_bool_dtype(values.dtype) or not types.is_numeric_dtype(values.dtype):
            raise InvalidInput(
                f"{values.name!r} holds {values.dtype} values, and regression predicts numbers.",
                hint="Choose a numeric label, or a learner of classes.",
            )
        numbers = values.to_numpy(dtype="float64")
        if not numpy.isfinite(numbers).all():
            raise InvalidInput(f"{values.name!r} holds infinite values; clip or remove them first.")
        return numbers, None
    codes, known = pandas.factorize(values, sort=True)
    if len(known) < 2:
        raise InvalidInput(
            f"{values.name!r} is {known[0]!r} in all rows; a model of classes needs at least two.",
            hint="Choose another label, or look at what was filtered out before.",
        )
    if task == TWO_CLASS and len(known) > 2:
        raise InvalidInput(
            f"{values.name!r} has {len(known)} classes, and the learner tells two apart.",
            hint="Choose a multiclass learner.",
        )
    if len(known) > max(100, len(values) // 2):
        raise InvalidInput(
            f"{values.name!r} has {len(known)} different values in {len(values)} rows: "
            "these are no classes.",
            hint="Choose a regression learner, or another label.",
        )
    return numpy.asarray(codes, dtype="int64"), [plain_class(each) for each in known]


def _class_names(classes: list[Any]) -> list[str]:
    """Classes as `EvaluateModel` compares them: 1.0, from a column with gaps, is ``1``."""
    import pandas

    from tandemlab.automl.featurizer import as_texts

    return as_texts(pandas.Series(classes)).tolist()


def plain_class(value: Any) -> Any:
    """A class as Python's own value, which JSON has."""
    return value.item() if hasattr(value, "item") else value


def _as_array(values: list[Any]) -> NDArray[Any]:
    import numpy

    found = numpy.empty(len(values), dtype=object)
    found[:] = values
    return found


def _dense(featurizer: Featurizer) -> Any:
    """What makes columns of codes, and scales numbers."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    categories = featurizer.categories
    numbers = [place for place in range(len(featurizer.features)) if place not in categories]
    levels = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=_MOST_LEVELS, sparse_output=False
    )
    scaled = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    parts = [("categories", levels, categories), ("numbers", scaled, numbers)]
    return ColumnTransformer([each for each in parts if each[2]])


def _inferred(values: NDArray[Any], index: Any) -> pandas.Series:
    import pandas

    return pandas.Series(values, index=index).infer_objects()
