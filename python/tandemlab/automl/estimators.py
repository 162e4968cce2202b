"""The families of models: how each is trained on a part of the matrix, and asked afterwards.

What boosts or grows does so until a part of the data that it is not trained on says that more would
be worse, or until its time is up; what it has learned by then counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tandemlab.automl.screening import kept_count, telling_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS = 5000
_PATIENCE = 40


@dataclass(frozen=True)
class Lesson:
    """What a model is trained on, and with.

    Attributes:
        x: matrix of the rows to train on: n × features, float32, NaN for what is missing.
        y: codes of the classes 0 … classes - 1, or values.
        weights: of the rows; None for equal ones.
        held_x, held_y, held_weights: rows to decide by when to stop.
        classes: how many there are; 0 for values.
        categories: which features are codes of categories.
        levels: how many levels each feature has; 0 for numbers.
        deadline: by `time.monotonic`.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any] | None
    held_x: NDArray[Any]
    held_y: NDArray[Any]
    held_weights: NDArray[Any] | None
    classes: int
    categories: Sequence[int]
    levels: Sequence[int]
    parameters: Mapping[str, Any]
    threads: int
    seed: int
    deadline: float

    @property
    def is_late(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.deadline


class LightGBM:
    """Boosted trees of LightGBM."""

    def __init__(self, lesson: Lesson) -> None:
        import lightgbm

        settings = {
            "verbosity": -1,
            "num_threads": lesson.threads,
            "seed": lesson.seed,
            "deterministic": True,
            "force_row_wise": True,
            "bagging_freq": 1,
            **_objective(lesson.classes, "binary", "multiclass", "regression"),
            **lesson.parameters,
        }
        options: dict[str, Any] = {"categorical_feature": list(lesson.categories)}
        train = lightgbm.Dataset(lesson.x, lesson.y, weight=lesson.weights, **options)
        held = train.create_valid(lesson.held_x, lesson.held_y, weight=lesson.held_weights)

        def stop_when_late(state: Any) -> None:
            if state.iteration > 0 and lesson.is_late:
                raise lightgbm.callback.EarlyStopException(
                    state.iteration, state.evaluation_result_list
                )

        best = _Best()

        def watch(state: Any) -> None:
            value = state.evaluation_result_list[0][2]
            best.see(state.iteration + 1, value)
            patience = _PATIENCE if state.iteration < 400 else 2 * _PATIENCE
            if best.is_past(state.iteration + 1, patience):
                raise lightgbm.callback.EarlyStopException(
                    state.iteration, state.evaluation_result_list
                )

        self._booster = lightgbm.train(
            settings, train, _ROUNDS, valid_sets=[held], callbacks=[watch, stop_when_late]
        )
        self.rounds = best.place
        self._booster.free_dataset()

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Probabilities (n × classes), or values."""
        found: Any = self._booster.predict(x, num_iteration=self.rounds, num_threads=1)
        return found

    def contributions(self, x: NDArray[Any]) -> NDArray[Any]:
        """What each feature adds to the raw prediction (SHAP): n × outputs × features."""
        made: Any = self._booster.predict(x, num_iteration=self.rounds, pred_contrib=True)
        found: NDArray[Any] = made.reshape(len(x), -1, x.shape[1] + 1)[:, :, :-1]
        return found


@dataclass
class _Best:
    """Which round was the best so far."""

    place: int = 1
    value: float = float("inf")

    def see(self, place: int, value: float) -> None:
        if value < self.value:
            self.place, self.value = place, value

    def is_past(self, place: int, patience: int) -> bool:
        return place - self.place >= patience


class XGBoost:
    """Boosted trees of XGBoost."""

    def __init__(self, lesson: Lesson) -> None:
        import xgboost

        settings = {
            "verbosity": 0,
            "nthread": lesson.threads,
            "seed": lesson.seed,
            "tree_method": "hist",
            **_objective(lesson.classes, "binary:logistic", "multi:softprob", "reg:squarederror"),
            **lesson.parameters,
        }
        self._types = ["c" if levels else "q" for levels in lesson.levels]
        train = self._matrix(xgboost, lesson.x, lesson.y, lesson.weights)
        held = self._matrix(xgboost, lesson.held_x, lesson.held_y, lesson.held_weights)

        class StopWhenLate(xgboost.callback.TrainingCallback):
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                return lesson.is_late

        stop = xgboost.callback.EarlyStopping(_PATIENCE)
        self._booster = xgboost.train(
            settings,
            train,
            _ROUNDS,
            evals=[(held, "held")],
            verbose_eval=False,
            callbacks=[stop, StopWhenLate()],
        )
        self.rounds = int(self._booster.best_iteration) + 1
        self._booster = self._booster[: self.rounds]

    def _matrix(self, xgboost: Any, x: Any, y: Any = None, weights: Any = None) -> Any:
        options = {"feature_types": self._types, "enable_categorical": True, "nthread": 1}
        return xgboost.DMatrix(x, y, weight=weights, **options)

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Probabilities (n × classes), or values."""
        import xgboost

        self._booster.set_param({"nthread": 1})
        return self._booster.predict(self._matrix(xgboost, x))

    def contributions(self, x: NDArray[Any]) -> NDArray[Any]:
        """What each feature adds to the raw prediction (SHAP): n × outputs × features."""
        import xgboost

        made = self._booster.predict(self._matrix(xgboost, x), pred_contribs=True)
        found: NDArray[Any] = made.reshape(len(x), -1, x.shape[1] + 1)[:, :, :-1]
        return found


class CatBoost:
    """Boosted trees of CatBoost, which has ordered statistics of the target for categories."""

    def __init__(self, lesson: Lesson) -> None:
        import catboost

        settings = {
            "iterations": _ROUNDS,
            "verbose": False,
            "thread_count": lesson.threads,
            "random_seed": lesson.seed,
            "allow_writing_files": False,
            **_objective(lesson.classes, "Logloss", "MultiClass", "RMSE", key="loss_function"),
            **lesson.parameters,
        }
        settings.pop("num_class", None)
        self._categories = list(lesson.categories)
        train = self._pool(catboost, lesson.x, lesson.y, lesson.weights)
        held = self._pool(catboost, lesson.held_x, lesson.held_y, lesson.held_weights)

        class StopWhenLate:
            def after_iteration(self, info: Any) -> bool:
                return not lesson.is_late

        self._model = catboost.CatBoost(settings)
        self._model.fit(
            train,
            eval_set=held,
            early_stopping_rounds=_PATIENCE,
            use_best_model=True,
            callbacks=[StopWhenLate()],
        )
        self.rounds = int(self._model.tree_count_)
        self._kind = "Probability" if lesson.classes else "RawFormulaVal"

    def _pool(self, catboost: Any, x: Any, y: Any = None, weights: Any = None) -> Any:
        if not self._categories:
            return catboost.Pool(x, y, weight=weights)
        import numpy
        import pandas

        frame = pandas.DataFrame(numpy.asarray(x))
        for place in self._categories:
            frame[place] = frame[place].fillna(-1).astype("int32")
        return catboost.Pool(frame, y, weight=weights, cat_features=self._categories)

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Probabilities (n × classes), or values."""
        import catboost

        found = self._model.predict(
            self._pool(catboost, x), prediction_type=self._kind, thread_count=1
        )
        return found if self._kind == "Probability" else found.reshape(-1)

    def contributions(self, x: NDArray[Any]) -> NDArray[Any]:
        """What each feature adds to the raw prediction (SHAP): n × outputs × features."""
        import catboost

        made = self._model.get_feature_importance(self._pool(catboost, x), type="ShapValues")
        found: NDArray[Any] = made.reshape(len(x), -1, x.shape[1] + 1)[:, :, :-1]
        return found


class HistGradientBoosting:
    """Boosted trees of scikit-learn, grown a few rounds at a time."""

    def __init__(self, lesson: Lesson) -> None:
        from sklearn import ensemble

        kind = "Classifier" if lesson.classes else "Regressor"
        few = [place for place in lesson.categories if lesson.levels[place] <= 250]
        model = getattr(ensemble, f"HistGradientBoosting{kind}")(
            categorical_features=few or None,
            early_stopping=False,
            warm_start=True,
            random_state=lesson.seed,
            **lesson.parameters,
        )
        self._model = model
        step, best = 10, _Best()
        for rounds in range(step, _ROUNDS, step):
            model.set_params(max_iter=rounds)
            model.fit(lesson.x, lesson.y, sample_weight=lesson.weights)
            value = self._loss(lesson)
            best.see(rounds, value)
            if best.is_past(rounds, _PATIENCE) or lesson.is_late:
                break
        self.rounds = best.place
        model._predictors = model._predictors[: self.rounds]

    def _loss(self, lesson: Lesson) -> float:
        from tandemlab.automl.metrics import log_loss

        found = self.predict(lesson.held_x)
        if lesson.classes:
            found = _spread(found, self._model.classes_, lesson.classes)
            return log_loss(lesson.held_y, found, lesson.held_weights)
        return _squared_error(lesson.held_y, found, lesson.held_weights)

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Probabilities (n × classes), or values."""
        return _asked(self._model, x)

    @property
    def classes(self) -> Any:
        """Codes of the classes that it has seen; None for values."""
        return getattr(self._model, "classes_", None)


class _Dense:
    """What makes a matrix without missing values for models that need one."""

    def __init__(self, lesson: Lesson, *, scaled: bool, most_levels: int) -> None:
        from sklearn.compose import ColumnTransformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

        levels = lesson.levels
        numbers = [place for place, count in enumerate(levels) if count == 0]
        few = [place for place, count in enumerate(levels) if 0 < count <= most_levels]
        many = [place for place, count in enumerate(levels) if count > most_levels]
        filled = SimpleImputer(strategy="median", keep_empty_features=True)
        kind = "continuous" if not lesson.classes else "auto"
        scale = [StandardScaler()] if scaled else []
        onehot = OneHotEncoder(
            handle_unknown="ignore", min_frequency=3, sparse_output=False, dtype="float32"
        )
        target = TargetEncoder(target_type=kind, random_state=lesson.seed)
        self._parts = ColumnTransformer(
            [
                ("numbers", make_pipeline(filled, *scale), numbers),
                ("few", onehot, few),
                ("many", make_pipeline(target, *scale), many),
            ]
        )
        self._many = bool(many)

    def fit_transform(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        import numpy

        return numpy.clip(self._parts.fit_transform(x, y), -1e6, 1e6).astype("float32")

    def transform(self, x: NDArray[Any]) -> NDArray[Any]:
        import numpy

        return numpy.clip(self._parts.transform(x), -1e6, 1e6).astype("float32")


class _OfScikitLearn:
    """A model of scikit-learn behind a matrix without missing values."""

    scaled = True
    most_levels = 30

    def __init__(self, lesson: Lesson) -> None:
        self._dense = _Dense(lesson, scaled=self.scaled, most_levels=self.most_levels)
        x = self._dense.fit_transform(lesson.x, lesson.y)
        self.rounds = 0
        self._model = self._train(x, lesson)

    def _train(self, x: NDArray[Any], lesson: Lesson) -> Any:
        raise NotImplementedError

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Probabilities (n × classes), or values."""
        return _asked(self._model, self._dense.transform(x))

    @property
    def classes(self) -> Any:
        """Codes of the classes that it has seen; None for values."""
        return getattr(self._model, "classes_", None)


class Linear(_OfScikitLearn):
    """Logistic regression, or ridge regression, with a penalty of squares."""

    def _train(self, x: NDArray[Any], lesson: Lesson) -> Any:
        from sklearn.linear_model import LogisticRegression, Ridge

        strength = lesson.parameters["C"]
        if not lesson.classes:
            model = Ridge(alpha=1 / strength, solver="cholesky" if x.shape[1] < 1000 else "lsqr")
            return model.fit(x, lesson.y, sample_weight=lesson.weights)
        rows, columns = x.shape
        rounds = int(min(300, max(30, 2e9 / (rows * columns * lesson.classes))))
        model = LogisticRegression(C=strength, max_iter=rounds, random_state=lesson.seed)
        return model.fit(x, lesson.y, sample_weight=lesson.weights)


class ElasticNet(_OfScikitLearn):
    """Linear regression with a penalty of absolute values and squares, its strength by folds."""

    def _train(self, x: NDArray[Any], lesson: Lesson) -> Any:
        from sklearn.linear_model import ElasticNetCV

        mixes = [0.2, 0.7, 1.0]
        model = ElasticNetCV(l1_ratio=mixes, cv=4, alphas=30, max_iter=500, tol=1e-3)
        return model.fit(x, lesson.y, sample_weight=lesson.weights)


class _Forest(_OfScikitLearn):
    """Trees that are grown a few at a time, while there is time."""

    scaled = False
    most_levels = 10
    kind = ""

    def _train(self, x: NDArray[Any], lesson: Lesson) -> Any:
        from sklearn import ensemble

        parameters = dict(lesson.parameters)
        trees = int(parameters.pop("n_estimators"))
        if not lesson.classes:
            parameters.pop("criterion", None)
        suffix = "Classifier" if lesson.classes else "Regressor"
        model = getattr(ensemble, f"{self.kind}{suffix}")(
            n_estimators=0,
            n_jobs=lesson.threads,
            random_state=lesson.seed,
            warm_start=True,
            **parameters,
        )
        step = 10
        while model.n_estimators < trees and not (model.n_estimators and lesson.is_late):
            model.set_params(n_estimators=min(trees, model.n_estimators + step))
            model.fit(x, lesson.y, sample_weight=lesson.weights)
        self.rounds = model.n_estimators
        model.set_params(n_jobs=1)
        return model


class ExtraTrees(_Forest):
    """Extremely randomised trees."""

    kind = "ExtraTrees"


class RandomForest(_Forest):
    """A forest of trees on samples."""

    kind = "RandomForest"


class NearestNeighbors(_OfScikitLearn):
    """The mean of the nearest rows, nearer ones counting more."""

    def _train(self, x: NDArray[Any], lesson: Lesson) -> Any:
        from sklearn import neighbors

        kind = "Classifier" if lesson.classes else "Regressor"
        count = min(int(lesson.parameters["n_neighbors"]), len(x))
        model = getattr(neighbors, f"KNeighbors{kind}")(
            count, weights=lesson.parameters["weights"], n_jobs=lesson.threads
        )
        return model.fit(x, lesson.y)


class NeuralNetwork(_OfScikitLearn):
    """A small network of dense layers, trained epoch by epoch (Adam)."""

    def _train(self, x: NDArray[Any], lesson: Lesson) -> Any:
        from copy import deepcopy

        import numpy
        from sklearn import neural_network

        parameters = dict(lesson.parameters)
        width, depth = int(parameters.pop("width")), int(parameters.pop("depth"))
        epochs = int(parameters.pop("epochs"))
        kind = "Classifier" if lesson.classes else "Regressor"
        model = getattr(neural_network, f"MLP{kind}")(
            hidden_layer_sizes=(width,) * depth,
            batch_size=int(min(256, max(16, len(x) // 20), len(x))),
            random_state=lesson.seed,
            **parameters,
        )
        y = lesson.y
        if not lesson.classes:
            self._centre, self._scale = float(y.mean()), float(y.std()) or 1.0
            y = (y - self._centre) / self._scale
        held = self._dense.transform(lesson.held_x)
        options = {"classes": numpy.unique(y)} if lesson.classes else {}
        weights = None if lesson.weights is None else lesson.weights / lesson.weights.mean()
        best, kept = _Best(), model
        for epoch in range(1, epochs + 1):
            model.partial_fit(x, y, sample_weight=weights, **options)
            value = self._loss(model, held, lesson)
            if value < best.value:
                kept = deepcopy((model.coefs_, model.intercepts_))
            best.see(epoch, value)
            if best.is_past(epoch, 12) or lesson.is_late:
                break
        model.coefs_, model.intercepts_ = kept
        self.rounds = best.place
        model._optimizer = None
        return model

    def _loss(self, model: Any, held: NDArray[Any], lesson: Lesson) -> float:
        from tandemlab.automl.metrics import log_loss

        if lesson.classes:
            found = _spread(_asked(model, held), model.classes_, lesson.classes)
            return log_loss(lesson.held_y, found, lesson.held_weights)
        truth = (lesson.held_y - self._centre) / self._scale
        return _squared_error(truth, model.predict(held), lesson.held_weights)

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Probabilities (n × classes), or values."""
        found = super().predict(x)
        return found if self.classes is not None else found * self._scale + self._centre


KINDS: dict[str, Callable[[Lesson], Any]] = {
    "LightGBM": LightGBM,
    "XGBoost": XGBoost,
    "CatBoost": CatBoost,
    "HistGradientBoosting": HistGradientBoosting,
    "Linear": Linear,
    "ElasticNet": ElasticNet,
    "ExtraTrees": ExtraTrees,
    "RandomForest": RandomForest,
    "NearestNeighbors": NearestNeighbors,
    "NeuralNetwork": NeuralNetwork,
}


class TrainedFold:
    """A model that was trained on a part of the rows, whatever classes that part had.

    Args:
        algorithm: one of `KINDS`.
    """

    def __init__(self, algorithm: str, lesson: Lesson) -> None:
        import numpy

        self.rounds = 0
        self._classes = lesson.classes
        self._model: Any = None
        self._seen: NDArray[Any] | None = None
        self._columns = lesson.x.shape[1]
        self._kept: NDArray[Any] | None = None
        if lesson.classes:
            seen = numpy.unique(lesson.y)
            if len(seen) < lesson.classes:  # others are not to be learned from these rows
                lesson = _among(lesson, seen)
                self._seen = seen
        if lesson.classes == 1:
            return
        count = kept_count(len(lesson.x), self._columns)
        if count < self._columns:
            self._kept = telling_features(lesson.x, lesson.y, lesson.classes, count)
            lesson = _of_features(lesson, self._kept)
        self._model = KINDS[algorithm](lesson)
        self.rounds = int(self._model.rounds)

    def contributions(self, x: NDArray[Any]) -> NDArray[Any] | None:
        """What each feature adds to the raw prediction: n × outputs × features; None if unknown."""
        import numpy

        tell = getattr(self._model, "contributions", None)
        if tell is None:
            return None
        told: NDArray[Any] = tell(self._features(x))
        if self._kept is None:
            return told
        found = numpy.zeros((*told.shape[:2], self._columns))
        found[:, :, self._kept] = told
        return found

    def _features(self, x: NDArray[Any]) -> NDArray[Any]:
        """Those that it was trained on."""
        return x if self._kept is None else x[:, self._kept]

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Probabilities (n × classes) that sum to 1, or values (n)."""
        import numpy

        x = self._features(x)
        if not self._classes:
            return numpy.asarray(self._model.predict(x), dtype="float64").reshape(len(x))
        if self._model is None:
            found = numpy.ones((len(x), 1))
        else:
            found = numpy.asarray(self._model.predict(x), dtype="float64")
            if found.ndim == 1:  # of the second of two classes
                found = numpy.column_stack([1 - found, found])
            known = getattr(self._model, "classes", None)
            count = self._classes if self._seen is None else len(self._seen)
            if known is not None:
                found = _spread(found, known, count)
        if self._seen is not None:
            found = _spread(found, self._seen, self._classes)
        found = numpy.clip(found, 1e-9, None)
        return found / found.sum(axis=1, keepdims=True)


def _among(lesson: Lesson, seen: NDArray[Any]) -> Lesson:
    """A lesson of those classes alone that there are rows of."""
    import numpy

    held = numpy.isin(lesson.held_y, seen)
    weights = lesson.held_weights
    held_x, held_y = lesson.held_x[held], lesson.held_y[held]
    if not held.any():
        held_x, held_y, weights = lesson.x, lesson.y, lesson.weights
    elif weights is not None:
        weights = weights[held]
    return replace(
        lesson,
        y=numpy.searchsorted(seen, lesson.y),
        held_x=held_x,
        held_y=numpy.searchsorted(seen, held_y),
        held_weights=weights,
        classes=len(seen),
    )


def _of_features(lesson: Lesson, kept: NDArray[Any]) -> Lesson:
    """A lesson of some features alone."""
    levels = [lesson.levels[place] for place in kept]
    return replace(
        lesson,
        x=lesson.x[:, kept],
        held_x=lesson.held_x[:, kept],
        levels=levels,
        categories=[place for place, count in enumerate(levels) if count],
    )


def _spread(found: NDArray[Any], known: Any, classes: int) -> NDArray[Any]:
    """Probabilities of some classes as ones of all."""
    import numpy

    if found.shape[1] == classes:
        return found
    whole = numpy.zeros((len(found), classes))
    whole[:, numpy.asarray(known, dtype="int64")] = found
    return whole


def _objective(
    classes: int, two: str, several: str, values: str, key: str = "objective"
) -> dict[str, Any]:
    if classes == 0:
        return {key: values}
    if classes == 2:
        return {key: two}
    return {key: several, "num_class": classes}


def _squared_error(truth: NDArray[Any], found: NDArray[Any], weights: Any) -> float:
    import numpy

    return float(numpy.average((truth - found) ** 2, weights=weights))


def _asked(model: Any, x: NDArray[Any]) -> NDArray[Any]:
    return model.predict_proba(x) if hasattr(model, "predict_proba") else model.predict(x)
