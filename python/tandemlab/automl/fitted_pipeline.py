"""FittedPipeline: the featurizer and the models that a search has chosen, for raw frames."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tandemlab.automl.ensembles import heat
from tandemlab.automl.featurizer import Featurizer
from tandemlab.automl.frames import as_frame, shown
from tandemlab.automl.metrics import labels_of
from tandemlab.domain import InvalidInput, MissingDependency

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

    from tandemlab.automl.explanations import Explanation

_ROWS = 50_000


class StoredModel:
    """A model as its bytes, until it is asked for the first time.

    So whoever puts an ensemble together needs neither the libraries of its models nor their memory.
    """

    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content
        self._model: Any = None

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Probabilities (n × classes), or values (n)."""
        found: NDArray[Any] = self.loaded.predict(x)
        return found

    @property
    def loaded(self) -> Any:
        """The model itself: a `TrainedFold`.

        Raises:
            MissingDependency: a library that it needs is not installed.
        """
        if self._content is not None:
            try:
                self._model = pickle.loads(self._content)
            except ModuleNotFoundError as problem:
                raise MissingDependency(
                    f"The model needs the Python package {problem.name}, which is not installed.",
                    hint="pip install 'tandemlab[automl]'",
                    details={"package": problem.name},
                ) from problem
            self._content = None
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        content = self._content
        return {"_content": content or pickle.dumps(self._model, protocol=5), "_model": None}


@dataclass
class Member:
    """A configuration of an ensemble: the models of its folds count alike."""

    iteration: int
    algorithm: str
    parameters: Mapping[str, Any]
    weight: float
    models: Sequence[StoredModel]

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """The mean of its models."""
        total: Any = sum(model.predict(x) for model in self.models)
        return total / len(self.models)


class FittedPipeline:
    """The featurizer and the models that a search has chosen. It takes raw frames.

    Args:
        task: ``classification`` or ``regression``.
        label: name of what is predicted.
        dtypes: types of the columns of the training data, by name.
        classes: in their order; None for values.
        members: the models with their weights.
        stack: what puts their predictions together; None for their weighted mean.

    Attributes:
        classes_: the classes, in the order of the columns of `predict_proba`; None for values.
        feature_names_in_: the columns that a frame must have.
        threshold: of two classes: from which probability on the second is predicted.
        temperature: what the probabilities are calibrated by; 1 leaves them.
    """

    def __init__(
        self,
        task: str,
        label: str,
        featurizer: Featurizer,
        dtypes: Mapping[str, str],
        classes: NDArray[Any] | None,
        members: Sequence[Member],
        *,
        stack: Any = None,
        temperature: float = 1.0,
        threshold: float | None = None,
    ) -> None:
        self.task = task
        self.label = label
        self.featurizer = featurizer
        self.dtypes = dict(dtypes)
        self.classes_ = classes
        self.members = list(members)
        self.stack = stack
        self.temperature = temperature
        self.threshold = threshold

    @property
    def feature_names_in_(self) -> list[str]:
        """The columns that a frame must have."""
        return [column.name for column in self.featurizer.columns]

    def __repr__(self) -> str:
        names = ", ".join(f"{each.algorithm} {each.weight:.2f}" for each in self.members)
        return f"FittedPipeline({self.task} of {self.label!r}: {names})"

    def warm_up(self) -> None:
        """Load the models and their libraries, which else happens with the first rows.

        A service does so before it takes requests.

        Raises:
            MissingDependency: a library is not installed.
        """
        for member in self.members:
            for model in member.models:
                _ = model.loaded

    def predict(self, frame: Any) -> NDArray[Any]:
        """The class, or the value, of each row.

        Args:
            frame: a data frame (pandas, polars, Arrow), a dataset, a mapping of columns, a list of
                records, or a path, with the columns of the training data; further ones are passed
                over.

        Raises:
            InvalidInput: a column is missing, or of a type that it did not have.
        """
        import numpy

        found = self._predict(frame)
        if self.classes_ is None:
            return found
        return numpy.asarray(self.classes_)[labels_of(found, self.threshold)]

    def predict_proba(self, frame: Any) -> NDArray[Any]:
        """The probability of each class, n × classes, in the order of `classes_`.

        Raises:
            InvalidInput: as `predict`; or it is a model of values.
        """
        if self.classes_ is None:
            raise InvalidInput(
                "A regression has no probabilities.", hint="predict() gives its values."
            )
        return self._predict(frame)

    def predict_frame(self, frame: Any) -> pandas.DataFrame:
        """Predictions as a frame: ``.pred``, or ``.pred_class`` and ``.pred_CLASS`` for each class.

        Classes that are neither texts nor whole numbers are told as texts, as in the names of their
        columns: ``"True"`` and ``.pred_True``.

        Raises:
            InvalidInput: as `predict`.
        """
        import numpy
        import pandas

        found = self._predict(frame)
        if self.classes_ is None:
            return pandas.DataFrame({".pred": found})
        classes = numpy.asarray(self.classes_)
        if any(isinstance(each, (bool, float)) for each in classes.tolist()):
            classes = numpy.asarray([str(each) for each in classes], dtype=object)
        labels = classes[labels_of(found, self.threshold)]
        columns = {f".pred_{name}": found[:, at] for at, name in enumerate(classes)}
        return pandas.DataFrame({".pred_class": labels, **columns})

    def _predict(self, data: Any) -> NDArray[Any]:
        import numpy

        frame = as_frame(data)
        self.featurizer.check(frame)
        if len(frame) == 0:
            return numpy.empty((0,) if self.classes_ is None else (0, len(self.classes_)))
        parts = [
            self._predict_part(frame.iloc[start : start + _ROWS])
            for start in range(0, len(frame), _ROWS)
        ]
        return numpy.concatenate(parts)

    def _predict_part(self, frame: pandas.DataFrame) -> NDArray[Any]:
        x = self.featurizer.transform(frame)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of levels that a fold has not seen, and the like
            found = [member.predict(x) for member in self.members]
        if self.stack is not None:
            together = self.stack.predict(found)
        else:
            weights = [member.weight for member in self.members]
            together = sum(w * each for w, each in zip(weights, found, strict=True)) / sum(weights)
        return together if self.classes_ is None else heat(together, self.temperature)

    def score(self, frame: Any, truth: Any = None) -> dict[str, float]:
        """All metrics of the task on data with the label.

        Args:
            truth: the label; None where the frame has it.

        Raises:
            InvalidInput: the label is not there, or has a class that the model does not know.
        """
        import numpy
        import pandas

        from tandemlab.automl.metrics import measure

        data = as_frame(frame)
        if truth is None and self.label not in data.columns:
            raise InvalidInput(
                f"The data have no column {self.label!r} to compare with.", hint="Give truth."
            )
        values = pandas.Series(data[self.label] if truth is None else truth)
        if self.classes_ is None:
            return measure(self.task, values.to_numpy(dtype="float64"), self._predict(data))
        codes = pandas.Index(self.classes_).get_indexer(values)
        unknown = values[codes < 0]
        if len(unknown):
            raise InvalidInput(
                f"The label has {shown(unknown.iloc[0])}, a class that the model does not know."
            )
        return measure(self.task, numpy.asarray(codes), self._predict(data), None, self.threshold)

    def explain(
        self,
        data: Any,
        *,
        method: str = "permutation",
        metric: str | None = None,
        repeats: int = 5,
        seed: int = 0,
    ) -> Explanation:
        """How much it relies on each column.

        Args:
            data: rows that it was not trained on; with the label, unless the method is ``shap``.
            method: ``permutation``: how much worse a metric gets when the values of a column are
                dealt out anew; ``shap``: mean absolute contributions to the predictions, where
                LightGBM, XGBoost and CatBoost can tell these.
            metric: what gets worse; None for the usual one of the task.
            repeats: how often each column is dealt out.
            seed: of what is drawn.

        Raises:
            InvalidInput: the label or a column is missing, or no model can tell contributions.
        """
        from tandemlab.automl.explanations import explain_pipeline

        return explain_pipeline(
            self, data, method=method, metric=metric, repeats=repeats, seed=seed
        )

    def describe(self) -> list[str]:
        """What happens to a frame, step by step."""
        made = dict.fromkeys(feature.transformer for feature in self.featurizer.features)
        steps = [f"Featurizer({', '.join(made)}): {len(self.featurizer.features)} features"]
        for each in self.members:
            settings = ", ".join(f"{key}={value}" for key, value in each.parameters.items())
            steps.append(
                f"{each.weight:.3f} × mean of {len(each.models)} {each.algorithm}({settings})"
            )
        if self.stack is not None:
            steps.append("Stack")
        if self.temperature != 1.0:
            steps.append(f"Temperature({self.temperature:.3f})")
        if self.threshold not in (None, 0.5):
            steps.append(f"Threshold({self.threshold:.3f})")
        return steps
