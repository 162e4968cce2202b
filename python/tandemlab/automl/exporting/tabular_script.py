"""A script that trains the models of a fitted pipeline again."""

from __future__ import annotations

from typing import Any

from tandemlab.automl.exporting import tabular_parts
from tandemlab.automl.exporting.sources import script, settings, sources
from tandemlab.automl.featurization_config import Purpose
from tandemlab.automl.fitted_pipeline import FittedPipeline

_KINDS = {
    Purpose.NUMERIC: "number",
    Purpose.BOOLEAN: "truth",
    Purpose.DATETIME: "time",
    Purpose.TEXT: "text",
    Purpose.CATEGORICAL: "category",
    Purpose.CATEGORICAL_HASH: "category",
}
_PACKAGES = {"LightGBM": "lightgbm", "XGBoost": "xgboost", "CatBoost": "catboost"}


def tabular_script(
    pipeline: FittedPipeline, data: str = "train.csv", weights: str | None = None
) -> str:
    """The text of a script of scikit-learn that trains the models of a pipeline anew.

    Each model is trained once on all rows, where the pipeline has one for each part of the data:
    the script's predictions come near those of the pipeline, and are not the same.

    Args:
        data: path of the training data (CSV), in whose place the script takes an argument.
        weights: the column with weights of the rows; None for equal ones.
    """
    imports, bodies = sources([tabular_parts])
    return script(
        _header(pipeline),
        ["import sys", *imports],
        settings({"DATA": data, **_settings(pipeline, weights)}),
        *bodies,
        _MAIN,
    )


def _header(pipeline: FittedPipeline) -> str:
    names = dict.fromkeys(member.algorithm for member in pipeline.members)
    packages = ["pandas", "scikit-learn", *(_PACKAGES[name] for name in names if name in _PACKAGES)]
    return f"""Predicts {pipeline.label} by {", ".join(names)}.

    python SCRIPT TRAIN.csv [NEW.csv PREDICTIONS.csv]

Trains on TRAIN.csv, and writes what it predicts for NEW.csv; without that a fifth of the rows is
held out and measured. It needs: pip install {" ".join(packages)}"""


def _settings(pipeline: FittedPipeline, weights: str | None) -> dict[str, Any]:
    features, imputers = pipeline.featurizer.features, pipeline.featurizer.imputers
    return {
        "LABEL": pipeline.label,
        "WEIGHTS": weights,
        "IS_CLASSIFICATION": pipeline.classes_ is not None,
        "COLUMNS": {
            column.name: {
                **_column(column, [each for each in features if each.source == column.name]),
                **({"imputer": imputers[column.name]} if column.name in imputers else {}),
            }
            for column in pipeline.featurizer.columns
        },
        "MODELS": [
            {
                "name": member.algorithm,
                "weight": round(member.weight, 6),
                "rounds": _rounds(member),
                "parameters": dict(member.parameters),
            }
            for member in pipeline.members
        ],
        "STACKED": pipeline.stack is not None,
        "TEMPERATURE": pipeline.temperature,
        "THRESHOLD": pipeline.threshold,
    }


def _column(column: Any, features: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": _KINDS[column.purpose]}
    names = [each.name.removeprefix(f"{column.name}:") for each in features]
    if found["kind"] == "time":
        found["parts"] = names
    elif found["kind"] == "text":
        found["size"] = max(len(names) - 1, 1)
    elif "missing" in names:
        found["indicator"] = True
    elif "frequency" in names:
        found["counts"] = True
    return found


def _rounds(member: Any) -> int:
    """The mean of what helped in each part of the data."""
    rounds = [model.loaded.rounds for model in member.models]
    return max(1, round(sum(rounds) / len(rounds)))


_MAIN = '''
def train(frame):
    """Train all models on a frame with the label."""
    frame = frame.dropna(subset=[LABEL])
    y, classes = frame[LABEL], None
    if IS_CLASSIFICATION:
        y, classes = pd.factorize(y, sort=True)
    y = np.asarray(y)
    featurizer = make_featurizer(COLUMNS, seed=0)
    x = np.asarray(featurizer.fit_transform(frame), dtype="float64")
    places = category_places(COLUMNS)
    levels = {place: len(np.unique(x[:, place])) for place in places}
    models = [
        make_model(
            model["name"],
            model["parameters"],
            model["rounds"],
            places,
            levels,
            x.shape[1],
            is_classification=IS_CLASSIFICATION,
            seed=0,
        )
        for model in MODELS
    ]
    stack = train_stack(models, x, y, is_classification=IS_CLASSIFICATION) if STACKED else None
    for model in models:
        fit(model, x, y, frame[WEIGHTS].to_numpy() if WEIGHTS else None)
    return featurizer, models, stack, classes


def fit(model, x, y, weights):
    """Train one model, by weights of the rows if it knows such."""
    if weights is None:
        return model.fit(x, y)
    step = model.steps[-1][0] + "__" if hasattr(model, "steps") else ""
    try:
        return model.fit(x, y, **{step + "sample_weight": weights})
    except TypeError:
        return model.fit(x, y)


def predict(trained, frame):
    """A class, or a value, for each row, and the probabilities of the classes."""
    featurizer, models, stack, classes = trained
    x = np.asarray(featurizer.transform(frame), dtype="float64")
    if not IS_CLASSIFICATION:
        made = [np.asarray(model.predict(x)).reshape(len(x)) for model in models]
        return (stack.predict(stacking_features(made)) if stack else weighted(made)), None
    made = [np.asarray(model.predict_proba(x)) for model in models]
    together = stack.predict_proba(stacking_features(made)) if stack else weighted(made)
    heated = np.clip(together, 1e-15, 1.0) ** (1 / TEMPERATURE)
    probabilities = pd.DataFrame(heated / heated.sum(axis=1, keepdims=True), columns=classes)
    codes = probabilities.to_numpy().argmax(axis=1)
    if THRESHOLD is not None and len(classes) == 2:
        codes = (probabilities.iloc[:, 1] >= THRESHOLD).astype(int).to_numpy()
    return classes[codes], probabilities


def weighted(made):
    """The mean of predictions by the models' weights."""
    weights = [model["weight"] for model in MODELS]
    return sum(weight * each for weight, each in zip(weights, made)) / sum(weights)


def main():
    """Train, and predict or measure."""
    frame = pd.read_csv(sys.argv[1] if len(sys.argv) > 1 else DATA)
    if len(sys.argv) > 3:
        new = pd.read_csv(sys.argv[2])
        predicted, probabilities = predict(train(frame), new)
        made = pd.DataFrame({"predicted": predicted})
        if probabilities is not None:
            made = pd.concat([made, probabilities.add_prefix("probability_")], axis=1)
        made.to_csv(sys.argv[3], index=False)
        return
    held = frame.dropna(subset=[LABEL]).sample(frac=0.2, random_state=0)
    predicted, _ = predict(train(frame.drop(held.index)), held)
    truth = held[LABEL].to_numpy()
    if IS_CLASSIFICATION:
        print(f"accuracy on {len(held)} rows: {np.mean(predicted == truth):.4f}")
    else:
        print(f"RMSE on {len(held)} rows: {np.sqrt(np.mean((predicted - truth) ** 2)):.6g}")


if __name__ == "__main__":
    main()
'''
