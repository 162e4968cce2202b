"""Learners, and what trains, scores and evaluates: on real data, and on what does not suit."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

from tandemlab.designer import find_component, list_components
from tandemlab.designer.component import empty_frame
from tandemlab.designer.learning import MULTICLASS, REGRESSION, TWO_CLASS, Learner
from tandemlab.domain import InvalidInput

# Those of the sets on which a guess by the mean or the most frequent class has 0.37, 0.40 and 0.
LEAST = {
    TWO_CLASS: ("accuracy", 0.9),
    MULTICLASS: ("accuracy", 0.88),
    REGRESSION: ("r2_score", 0.25),
}
QUICK: dict[str, dict[str, Any]] = {
    "boosted": {"trees": 30},
    "forest": {"trees": 30},
    "neural": {"epochs": 60, "hidden_units": [30], "learning_rate": 0.01},
}


def learners() -> list[str]:
    return [name for name, each in list_components().items() if hasattr(each, "ranges")]


def learner_of(name: str, **parameters: Any) -> Learner:
    made: Learner = find_component(name)(**parameters).run()
    return made


def quick(name: str) -> Learner:
    return learner_of(name, **next((each for key, each in QUICK.items() if key in name), {}))


@pytest.fixture(scope="module")
def tables() -> dict[str, pandas.DataFrame]:
    """Tumours of two kinds, wines of three, and the progress of diabetes; a category in each."""
    from sklearn import datasets

    loaded = {
        TWO_CLASS: datasets.load_breast_cancer(as_frame=True),
        MULTICLASS: datasets.load_wine(as_frame=True),
        REGRESSION: datasets.load_diabetes(as_frame=True),
    }
    found = {}
    for task, each in loaded.items():
        table = each.frame.copy()
        if each.get("target_names") is not None and task != REGRESSION:
            table["target"] = [str(each.target_names[code]) for code in table["target"]]
        table.iloc[3, 0] = None
        table["size"] = pandas.cut(table.iloc[:, 1], 3, labels=["s", "m", "l"])
        found[task] = table
    return found


def halves(table: pandas.DataFrame) -> dict[str, pandas.DataFrame]:
    made: dict[str, pandas.DataFrame] = find_component("split_data")(fraction=0.7).run(table)
    return made


@pytest.mark.parametrize("name", learners())
def test_a_learner_is_trained_scores_and_is_evaluated(
    name: str, tables: dict[str, pandas.DataFrame]
) -> None:
    learner = quick(name)
    parts = halves(tables[learner.task])
    model = find_component("train_model")(label="target").run(learner, parts["first"])
    scored = find_component("score_model")().run(model, parts["second"].drop(columns="target"))
    assert len(scored) == len(parts["second"]) and "scored_label" in scored
    known = scored.assign(target=parts["second"]["target"])
    blocks = find_component("evaluate_model")(label="target").run(known)["blocks"]
    metric, least = LEAST[learner.task]
    assert blocks[0]["values"][metric] > least
    drawn = {each["title"] for each in blocks}
    if learner.task == REGRESSION:
        assert drawn == {"Metrics", "Residuals", "Predicted against true"}
        assert model.classes is None and len(model.predict(empty_frame(model.dtypes))) == 0
    else:
        assert {"Receiver operating characteristic", "Lift", "Confusion matrix"} < drawn
        shares = scored[[each for each in scored if each.startswith("scored_probability_")]]
        assert shares.sum(axis=1).round(6).eq(1).all()
        assert set(scored["scored_label"]) <= set(model.classes)
        assert len(model.predict_proba(empty_frame(model.dtypes))) == 0


@pytest.mark.parametrize("name", ["two_class_decision_forest", "neural_network_regression"])
def test_equal_seeds_give_equal_models(name: str, tables: dict[str, pandas.DataFrame]) -> None:
    learner = quick(name)
    table = tables[learner.task]
    train = find_component("train_model")(label="target")
    first, second = (train.run(learner, table).predict(table).tolist() for _ in range(2))
    assert first == second
    other = train.run(learner.with_parameters({"seed": 5}), table)
    if learner.task == REGRESSION:
        assert other.predict(table).tolist() != first


def test_a_second_table_is_compared_with_the_first(tables: dict[str, pandas.DataFrame]) -> None:
    parts = halves(tables[REGRESSION])
    score, train = find_component("score_model")(), find_component("train_model")(label="target")
    first, second = (
        score.run(train.run(quick(name), parts["first"]), parts["second"])
        for name in ("linear_regression", "decision_forest_regression")
    )
    blocks = find_component("evaluate_model")(label="target").run(first, second)["blocks"]
    (one, other) = (each["values"] for each in blocks if each["type"] == "metrics")
    assert set(one) == {name.replace("second_", "first_") for name in other}
    assert one["first_r2_score"] != other["second_r2_score"]


def test_cross_validation_leaves_each_row_out_once(tables: dict[str, pandas.DataFrame]) -> None:
    cross = find_component("cross_validate_model")(label="target", folds=4)
    made = cross.run(quick("multiclass_logistic_regression"), tables[MULTICLASS])
    assert made["folds"]["fold"].tolist() == [1, 2, 3, 4]
    mean = made["folds"]["accuracy"].mean()
    assert made["evaluation"]["blocks"][0]["values"]["accuracy"] == pytest.approx(mean)
    assert mean > 0.93
    again = cross.run(quick("multiclass_logistic_regression"), tables[MULTICLASS])
    assert again["folds"].equals(made["folds"])


def test_tuning_finds_what_is_best_and_trains_it(tables: dict[str, pandas.DataFrame]) -> None:
    far_too_strict = learner_of("linear_regression", regularization=10.0)
    tune = find_component("tune_model_hyperparameters")
    made = tune(label="target", mode="grid", metric="r2_score").run(
        far_too_strict, tables[REGRESSION]
    )
    assert len(made["trials"]) == 5 and made["trials"]["r2_score"].is_monotonic_decreasing
    best = made["trials"].iloc[0]
    assert made["model"].learner.parameters["regularization"] == best["regularization"]
    some = tune(label="target", trials=3).run(
        learner_of("boosted_decision_tree_regression", trees=10), tables[REGRESSION]
    )
    assert len(some["trials"]) == 3
    assert some["trials"]["root_mean_squared_error"].is_monotonic_increasing
    with pytest.raises(InvalidInput, match="no metric of regression"):
        tune(label="target", metric="accuracy").run(far_too_strict, tables[REGRESSION])


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("linear_regression", ["a", "b"] * 10, "regression predicts numbers"),
        ("linear_regression", [float("inf")] * 20, "infinite"),
        ("linear_regression", [None] * 20, "No row has a value"),
        ("poisson_regression", [-1.0, 2.0] * 10, "cannot be learned by poisson_regression"),
        ("two_class_decision_forest", ["a"] * 20, "at least two"),
        ("two_class_decision_forest", ["a", "b", "c", "a"] * 5, "tells two apart"),
        ("multiclass_decision_forest", [str(n) for n in range(400)], "these are no classes"),
    ],
)
def test_labels_that_do_not_suit_are_refused_with_reasons(
    name: str, column: list[Any], said: str
) -> None:
    table = pandas.DataFrame({"x": range(len(column)), "y": column})
    for component in ("train_model", "cross_validate_model", "tune_model_hyperparameters"):
        with pytest.raises(InvalidInput, match=said):
            find_component(component)(label="y").run(learner_of(name), table)


def test_what_is_missing_is_named(tables: dict[str, pandas.DataFrame]) -> None:
    table = tables[REGRESSION]
    train = find_component("train_model")
    with pytest.raises(InvalidInput, match="no column 'price'"):
        train(label="price").run(learner_of("linear_regression"), table)
    with pytest.raises(InvalidInput, match="No row has a value"):
        train(label="target").run(learner_of("linear_regression"), table.head(0))
    with pytest.raises(InvalidInput, match="No column can be learned from"):
        train(label="y").run(
            learner_of("linear_regression"), pandas.DataFrame({"x": [1, 1], "y": [1, 2]})
        )
    with pytest.raises(InvalidInput, match="Two columns have the name 'bmi'"):
        twice = pandas.concat([table, table[["bmi"]]], axis=1)
        train(label="target").run(learner_of("linear_regression"), twice)
    model = train(label="target").run(learner_of("linear_regression"), table)
    with pytest.raises(InvalidInput, match="lack 1 of the columns that the model takes: bmi"):
        find_component("score_model")().run(model, table.drop(columns="bmi"))
    with pytest.raises(InvalidInput, match="'bmi' holds 'fat'"):
        find_component("score_model")().run(model, table.assign(bmi="fat"))
    with pytest.raises(InvalidInput, match="no column 'scored_label'"):
        find_component("evaluate_model")(label="target").run(table)


def test_classes_that_a_model_never_saw_are_told(tables: dict[str, pandas.DataFrame]) -> None:
    wines = tables[MULTICLASS]
    known = wines[wines["target"] != "class_2"]
    model = find_component("train_model")(label="target").run(
        quick("multiclass_decision_forest"), known
    )
    scored = find_component("score_model")().run(model, wines)
    blocks = find_component("evaluate_model")(label="target").run(scored)["blocks"]
    count = (wines["target"] == "class_2").sum()
    assert (
        blocks[-1]["text"] == f"{count} rows have classes that the model does not know; left out."
    )


@pytest.mark.parametrize("kind", ["float64", "Int64", "boolean", "category", "datetime64[us]"])
def test_classes_of_every_type_are_scored_and_evaluated(kind: str) -> None:
    codes = pandas.Series([0, 1] * 20).astype("int64")
    label = codes.astype(kind)
    label[0] = None
    table = pandas.DataFrame({"x": codes + 0.1, "y": label})
    model = find_component("train_model")(label="y").run(
        learner_of("two_class_logistic_regression"), table
    )
    scored = find_component("score_model")().run(model, table)
    blocks = find_component("evaluate_model")(label="y").run(scored)["blocks"]
    assert blocks[0]["values"]["accuracy"] == 1
    if kind == "float64":
        assert {"scored_probability_0", "scored_probability_1"} < set(scored)
