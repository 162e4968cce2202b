"""What a script for tables needs beside its settings. Nothing here knows tandemlab."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)


def as_numbers(frame: pd.DataFrame) -> np.ndarray:
    """A column as numbers; infinite ones are missing."""
    numbers = frame.apply(pd.to_numeric, errors="coerce").to_numpy(dtype="float64")
    return np.where(np.isfinite(numbers), numbers, np.nan)


def is_missing(frame: pd.DataFrame) -> np.ndarray:
    """Where a column has no value."""
    return frame.isna().to_numpy(dtype="float64")


def as_truth_values(frame: pd.DataFrame) -> np.ndarray:
    """A column of true and false as 1 and 0."""
    known = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
    return frame.map(lambda value: known.get(str(value).lower(), np.nan)).to_numpy(dtype="float64")


def as_texts(frame: pd.DataFrame) -> np.ndarray:
    """A column as texts; a whole number has no decimal point."""

    def text(value: Any) -> Any:
        if pd.isna(value):
            return np.nan
        is_whole = isinstance(value, (float, np.floating)) and value % 1 == 0
        return str(int(value) if is_whole else value)

    return frame.astype(object).map(text).to_numpy(dtype=object)


class FrequencyEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """How frequent the level of each row is among those of the training data."""

    def fit(self, x: np.ndarray, y: Any = None) -> FrequencyEncoder:
        """Count the levels of a column."""
        self.shares_ = pd.Series(x[:, 0]).value_counts(normalize=True)
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """The share of each row's level; 0 for levels that were not there."""
        shares = pd.Series(x[:, 0]).map(self.shares_).fillna(0.0)
        return shares.to_numpy(dtype="float64").reshape(-1, 1)


def date_parts(frame: pd.DataFrame, parts: list[str]) -> np.ndarray:
    """Parts of the calendar of a column of times, in UTC."""
    times = pd.to_datetime(frame.iloc[:, 0], utc=True, errors="coerce")
    of = times.dt
    found = {
        "days": (times - pd.Timestamp("1970-01-01", tz="UTC")).dt.total_seconds() / 86400,
        "year": of.year,
        "month": of.month,
        "day": of.day,
        "weekday": of.day_of_week,
        "day_of_year": of.day_of_year,
        "hour": of.hour,
        "minute": of.minute,
    }
    return np.column_stack([found[part].to_numpy(dtype="float64") for part in parts])


def joined_texts(frame: pd.DataFrame) -> list[str]:
    """A column as texts, empty where they are missing."""
    return frame.iloc[:, 0].fillna("").astype(str).tolist()


def count_words(frame: pd.DataFrame) -> np.ndarray:
    """Words of each text."""
    counts = [text.count(" ") + 1 if text else 0 for text in joined_texts(frame)]
    return np.array(counts, dtype="float64").reshape(-1, 1)


def make_featurizer(columns: dict[str, dict[str, Any]], seed: int) -> ColumnTransformer:
    """What turns a frame into one matrix: numbers, codes of categories, parts of dates, words.

    Args:
        columns: by name: ``kind``, and ``parts`` of times, ``size`` of texts, ``imputer`` of
            numbers: a strategy, or what to fill in.
    """
    steps = []
    for name, column in columns.items():
        for place, step in enumerate(_steps_of(column, seed)):
            steps.append((f"{name}_{place}", step, [name]))
    return ColumnTransformer(steps)


def _steps_of(column: dict[str, Any], seed: int) -> list[Any]:
    kind = column["kind"]
    if kind == "number":
        numbers: Any = FunctionTransformer(as_numbers)
        imputer = column.get("imputer")
        if imputer is not None:
            how = {"strategy": imputer}
            if not isinstance(imputer, str):
                how = {"strategy": "constant", "fill_value": imputer}
            numbers = make_pipeline(numbers, SimpleImputer(**how, keep_empty_features=True))
        return [numbers] + [FunctionTransformer(is_missing)] * column.get("indicator", False)
    if kind == "truth":
        return [FunctionTransformer(as_truth_values)]
    if kind == "time":
        return [FunctionTransformer(date_parts, kw_args={"parts": column["parts"]})]
    if kind == "text":
        hashed = HashingVectorizer(n_features=1 << 16, ngram_range=(1, 2), alternate_sign=False)
        reduced = TruncatedSVD(column["size"], random_state=seed, n_iter=3)
        words = make_pipeline(
            FunctionTransformer(joined_texts), hashed, TfidfTransformer(sublinear_tf=True), reduced
        )
        return [words, FunctionTransformer(count_words)]
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
    )
    steps = [make_pipeline(FunctionTransformer(as_texts), codes)]
    if column.get("counts"):
        steps.append(make_pipeline(FunctionTransformer(as_texts), FrequencyEncoder()))
    return steps


def category_places(columns: dict[str, dict[str, Any]]) -> list[int]:
    """Which columns of the matrix are codes of categories."""
    places, at = [], 0
    for column in columns.values():
        kind = column["kind"]
        if kind == "category":
            places.append(at)
        at += {"time": len(column.get("parts", ())), "text": column.get("size", 0) + 1}.get(
            kind, 1 + column.get("indicator", False) + column.get("counts", False)
        )
    return places


def with_whole_codes(x: np.ndarray, places: list[int]) -> pd.DataFrame:
    """A matrix as a frame whose categories are whole numbers, as CatBoost takes them."""
    frame = pd.DataFrame(x)
    for place in places:
        frame[place] = frame[place].fillna(-1).astype("int64")
    return frame


def dense(
    places: list[int], levels: dict[int, int], width: int, *, scaled: bool, most: int, kind: str
) -> ColumnTransformer:
    """What makes a matrix without missing values: filled, scaled, one column for each level."""
    numbers = [place for place in range(width) if place not in places]
    few = [place for place in places if levels[place] <= most]
    many = [place for place in places if levels[place] > most]
    scale = [StandardScaler()] if scaled else []
    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    onehot = OneHotEncoder(handle_unknown="ignore", min_frequency=3, sparse_output=False)
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(filled, *scale), numbers),
            ("few", onehot, few),
            ("many", make_pipeline(TargetEncoder(target_type=kind, random_state=0), *scale), many),
        ]
    )


def make_model(
    name: str,
    parameters: dict[str, Any],
    rounds: int,
    places: list[int],
    levels: dict[int, int],
    width: int,
    *,
    is_classification: bool,
    seed: int,
) -> Any:
    """One model, not trained yet.

    Args:
        rounds: of boosting, trees or epochs that helped when it was chosen.
        places: columns of the matrix that are codes of categories.
        levels: how many each of them has.
        width: columns of the matrix.
    """
    suffix = "Classifier" if is_classification else "Regressor"
    if name == "LightGBM":
        import lightgbm

        kind = getattr(lightgbm, f"LGBM{suffix}")
        categories = {"categorical_feature": places} if places else {}
        return kind(
            n_estimators=rounds,
            random_state=seed,
            verbosity=-1,
            **{"bagging_freq": 1, **parameters},
            **categories,
        )
    if name == "XGBoost":
        import xgboost

        types = ["c" if place in places else "q" for place in range(width)]
        options = {"enable_categorical": True, "feature_types": types, "tree_method": "hist"}
        kind = getattr(xgboost, f"XGB{suffix}")
        return kind(n_estimators=rounds, random_state=seed, **options, **parameters)
    if name == "CatBoost":
        import catboost

        codes = FunctionTransformer(with_whole_codes, kw_args={"places": places})
        kind = getattr(catboost, f"CatBoost{suffix}")
        options = {"cat_features": places, "allow_writing_files": False, "verbose": False}
        return make_pipeline(
            codes, kind(iterations=rounds, random_seed=seed, **options, **parameters)
        )
    if name == "HistGradientBoosting":
        from sklearn import ensemble

        few = [place for place in places if levels[place] <= 250]
        kind = getattr(ensemble, f"HistGradientBoosting{suffix}")
        return kind(
            max_iter=rounds,
            categorical_features=few or None,
            random_state=seed,
            early_stopping=False,
            **parameters,
        )
    return _of_scikit_learn(
        name, parameters, rounds, places, levels, width, suffix=suffix, seed=seed
    )


def _of_scikit_learn(
    name: str,
    parameters: dict[str, Any],
    rounds: int,
    places: list[int],
    levels: dict[int, int],
    width: int,
    *,
    suffix: str,
    seed: int,
) -> Any:
    from sklearn import ensemble, linear_model, neighbors, neural_network

    is_forest = name in ("ExtraTrees", "RandomForest")
    kind = "auto" if suffix == "Classifier" else "continuous"
    before = dense(
        places, levels, width, scaled=not is_forest, most=10 if is_forest else 30, kind=kind
    )
    settings = dict(parameters)
    if is_forest:
        settings.pop("n_estimators", None)
        if suffix == "Regressor":
            settings.pop("criterion", None)
        forest = getattr(ensemble, f"{name}{suffix}")
        return make_pipeline(
            before, forest(n_estimators=rounds, random_state=seed, n_jobs=-1, **settings)
        )
    if name == "Linear" and suffix == "Classifier":
        return make_pipeline(before, LogisticRegression(C=settings["C"], max_iter=300))
    if name == "Linear":
        return make_pipeline(before, linear_model.Ridge(alpha=1 / settings["C"]))
    if name == "ElasticNet":
        mixed = linear_model.ElasticNetCV(l1_ratio=[0.2, 0.7, 1.0], cv=4, max_iter=500, tol=1e-3)
        return make_pipeline(before, mixed)
    if name == "NearestNeighbors":
        nearest = getattr(neighbors, f"KNeighbors{suffix}")
        return make_pipeline(before, nearest(**settings))
    hidden = (int(settings.pop("width")),) * int(settings.pop("depth"))
    settings.pop("epochs", None)
    network = getattr(neural_network, f"MLP{suffix}")(
        hidden_layer_sizes=hidden, max_iter=max(rounds, 1), random_state=seed, **settings
    )
    if suffix == "Regressor":
        network = TransformedTargetRegressor(network, transformer=StandardScaler())
    return make_pipeline(before, network)


def predict_held_out(
    model: Any, x: np.ndarray, y: np.ndarray, *, is_classification: bool
) -> np.ndarray:
    """What a model predicts for rows that it was not trained on, by five parts of the data."""
    kind = StratifiedKFold if is_classification else KFold
    made = np.zeros((len(y), len(np.unique(y))) if is_classification else len(y))
    for rest, held in kind(5, shuffle=True, random_state=0).split(x, y):
        trained = deepcopy(model).fit(x[rest], y[rest])
        found = trained.predict_proba(x[held]) if is_classification else trained.predict(x[held])
        made[held] = found
    return made


def train_stack(models: list[Any], x: np.ndarray, y: np.ndarray, *, is_classification: bool) -> Any:
    """A model of what the models predict for rows that they were not trained on."""
    made = [predict_held_out(model, x, y, is_classification=is_classification) for model in models]
    together: Any = LogisticRegression(C=0.05, max_iter=200)
    if not is_classification:
        together = LinearRegression(positive=True)
    return together.fit(stacking_features(made), y)


def stacking_features(predictions: list[np.ndarray]) -> np.ndarray:
    """What a model of models sees: values, or logarithms of probabilities."""
    if predictions[0].ndim == 1:
        return np.column_stack(predictions)
    logs = [np.log(np.clip(each, 1e-6, 1.0)) for each in predictions]
    if logs[0].shape[1] == 2:
        logs = [each[:, 1:] - each[:, :1] for each in logs]
    return np.hstack(logs)
