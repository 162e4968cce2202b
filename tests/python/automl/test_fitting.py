"""The library: what it makes of data, good and bad, without a workspace."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pytest
import yaml

from plugins import holding
from plugins.holding import Holding
from tandemlab.automl import AutoMLConfig, FeaturizationConfig, fit, worker_pool
from tandemlab.automl.automl_config import build_config
from tandemlab.automl.fitting import AutoMLResult, search, task_of
from tandemlab.automl.folds import cut
from tandemlab.automl.frames import as_frame
from tandemlab.automl.screening import kept_count, telling_features
from tandemlab.automl.shared_data import SharedData
from tandemlab.automl.tabular_data import TabularData, prepare
from tandemlab.automl.trial_folders import temporary_trials
from tandemlab.automl.worker_pool import WorkerPool, start_pool
from tandemlab.compute.processes import memory_of
from tandemlab.domain import InvalidInput, InvalidState, NotFound
from tandemlab.models import save_model
from tandemlab.services import default_python

if TYPE_CHECKING:
    from tandemlab.automl.problem import Problem


def mixed(rows: int = 120) -> pd.DataFrame:
    """Columns of every purpose, and a class that depends on some of them."""
    source = np.random.default_rng(5)
    size = source.normal(size=rows)
    words = ["good", "bad", "blue", "sky", "rain", "sun", "over", "under", "hill"]
    return pd.DataFrame(
        {
            "customer_id": source.permutation(rows) + 1000,
            "size": np.where(source.random(rows) < 0.1, np.nan, size),
            "colour": source.choice(["red", "green", None], rows),
            "town": [f"town {number % 60}" for number in source.permutation(rows)],
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(source.integers(0, 9000, rows), "h"),
            "day": [f"2024-03-{number % 28 + 1:02}" for number in range(rows)],
            "note": [" ".join(source.choice(words, 6)) for _ in range(rows)],
            "member": source.random(rows) < 0.5,
            "amount": [str(number) for number in source.integers(0, 99, rows)],
            "constant": 1,
            "nothing": None,
            "label": np.where(size + source.normal(scale=0.3, size=rows) > 0, "yes", "no"),
        }
    )


def prepared(frame: Any, label: str = "label", task: str = "classification", **more: Any) -> Any:
    return prepare(as_frame(frame), None, AutoMLConfig(task, label_column_name=label, **more))


@pytest.fixture(scope="module")
def data() -> TabularData:
    found: TabularData = prepared(mixed())
    return found


def test_purpose_of_each_column_is_found_out(data: TabularData) -> None:
    assert {row["column"]: row["purpose"] for row in data.summary()} == {
        "customer_id": "Ignore",
        "size": "Numeric",
        "colour": "Categorical",
        "town": "CategoricalHash",
        "at": "DateTime",
        "day": "DateTime",
        "note": "Text",
        "member": "Boolean",
        "amount": "Numeric",
        "constant": "Ignore",
        "nothing": "Ignore",
    }


def test_matrix_is_finite_or_missing_and_comes_out_the_same(data: TabularData) -> None:
    again = data.featurizer.transform(as_frame(mixed()))

    assert data.x.dtype == np.float32
    assert not np.isinf(data.x).any()
    np.testing.assert_array_equal(again, data.x)
    names = [feature.name for feature in data.featurizer.features]
    assert {"at:weekday", "town:frequency", "note:words"} <= set(names)


def test_levels_that_were_not_there_are_missing(data: TabularData) -> None:
    frame = as_frame(mixed()).assign(colour="violet")
    place = [feature.name for feature in data.featurizer.features].index("colour")

    assert np.isnan(data.featurizer.transform(frame)[:, place]).all()


def test_column_of_another_type_is_refused_by_name(data: TabularData) -> None:
    for column, value in [("size", "large"), ("at", "noon"), ("member", "perhaps"), ("at", 3)]:
        with pytest.raises(InvalidInput, match=f"The column '{column}' holds"):
            data.featurizer.transform(as_frame(mixed()).assign(**{column: value}))
    with pytest.raises(InvalidInput, match=r"lack 2 of the columns.*: size, note"):
        data.featurizer.transform(as_frame(mixed()).drop(columns=["size", "note"]))


def test_trials_that_use_more_memory_than_their_share_of_the_jobs_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(holding.__file__).parents[1]))
    shared = SharedData(tmp_path / "data", tmp_path / "trials")
    shared.folder.mkdir()
    mine = memory_of([os.getpid()]) or 0
    config = AutoMLConfig(
        "regression",
        label_column_name="y",
        memory=f"{mine // 1_000_000 + 600}MB",
        max_concurrent_iterations=2,
    )
    found = []
    with start_pool(
        cast("Problem", SimpleNamespace(config=config, cluster=None)), shared, ()
    ) as pool:
        for size in (400_000_000, 1000):
            pool.give(Holding(size, tmp_path / "begun"), deadline=time.monotonic() + 120)
            while pool.busy:
                found += pool.results(1)
    assert re.fullmatch(r"it used \d+ of \d+ MB of memory", found[0])
    assert found[1:] == ["done"]


def test_a_worker_that_has_grown_is_replaced_once_its_task_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(holding.__file__).parents[1]))
    shared = SharedData(tmp_path / "data", tmp_path / "trials")
    with WorkerPool(shared, 1, 1, None, ()) as pool:
        for most in (10**9, 1, 10**9):
            monkeypatch.setattr(worker_pool, "_GROWN", most)
            pool.give(Holding(1000, tmp_path / "begun"), deadline=time.monotonic() + 120)
            while pool.busy:
                assert list(pool.results(1)) in ([], ["done"])
    first, second, third = (tmp_path / "begun").read_text().split()
    assert first == second != third


def test_few_of_very_many_rows_are_held_out() -> None:
    held = cut(np.arange(300_000) % 3, 4, 0, by_class=True)

    assert held.sum(axis=0).tolist() == [25_000] * 4
    assert held.sum(axis=1).max() == 1


def test_of_very_many_features_those_are_learned_that_tell_something() -> None:
    source = np.random.default_rng(2)
    x = source.normal(size=(300, 1200)).astype("float32")
    x[::7, 3] = np.nan
    y = (np.nan_to_num(x[:, 3]) + x[:, 1100] + source.normal(scale=0.5, size=300) > 0).astype(int)

    classes = telling_features(x, y, 2, kept_count(300, 1200))
    values = telling_features(x, y * 2.5, 0, 5)
    assert len(classes) == 300 and {3, 1100} <= set(classes)
    assert {3, 1100} <= set(values)
    frame = pd.DataFrame(x, columns=[f"x{place}" for place in range(1200)]).assign(label=y)
    found = fit(frame, "label", iterations=1, allowed_models=["LightGBM"], n_cross_validations=2)
    importance = found.explain(frame, method="shap").importance
    assert len(importance) == 1200
    assert {"x3", "x1100"} == set(list(importance)[:2])


def test_every_fold_has_its_share_of_the_classes(data: TabularData) -> None:
    assert (data.held.sum(axis=1) == 1).all()
    shares = [data.labels.y[data.held[:, fold]].mean() for fold in range(data.held.shape[1])]
    assert np.ptp(shares) < 0.08


def test_guardrails_tell_what_is_odd() -> None:
    frame = pd.concat([mixed(), mixed()], ignore_index=True)
    frame["secret"] = frame["label"].map({"yes": "a", "no": "b"})
    frame["infinite"] = np.where(np.arange(240) % 120 == 0, np.inf, np.arange(240) % 120)
    frame["odd"] = [3 if number % 2 else "three" for number in range(240)]
    frame.loc[:4, "label"] = None
    frame.loc[5, "label"] = "perhaps"
    found = {rail.check: rail for rail in prepared(frame).rails}

    assert found["missing labels"].description == "5 of 240 rows have no label and were left out."
    assert found["leakage"].columns == ["secret"]
    assert found["infinite values"].columns == ["infinite"]
    assert found["mixed types"].columns == ["odd"]
    assert found["high cardinality"].columns == ["town"]
    assert {name for name, rail in found.items() if rail.status == "alerted"} == {
        "class balance",
        "duplicate rows",
        "leakage",
        "mixed types",
        "rows per class",
    }


def test_number_that_parts_the_classes_is_suspected() -> None:
    frame = mixed()
    frame["told"] = frame["label"].map({"yes": 1.0, "no": 5.0}) + np.arange(120) % 7 / 7
    frame.loc[:20, "told"] = None
    (rail,) = (rail for rail in prepared(frame).rails if rail.check == "leakage")
    assert rail.columns == ["told"]

    frame.loc[62:90, "told"] = frame.loc[62:90, "told"].iloc[::-1].to_numpy()
    (rail,) = (rail for rail in prepared(frame).rails if rail.check == "leakage")
    assert not rail.columns


def test_configured_columns_come_before_what_is_found_out() -> None:
    config = FeaturizationConfig(
        {"amount": "Categorical", "customer_id": "Numeric"},
        blocked_transformers=["HashedTfIdf"],
        drop_columns=["town"],
        imputers={"size": -1},
    )
    data = prepared(mixed(), featurization=config)
    features = {feature.name: feature for feature in data.featurizer.features}

    assert features["amount"].levels > 1
    assert {"customer_id", "size:missing"} <= set(features)
    assert not {feature.source for feature in features.values()} & {"town", "note"}
    place = list(features).index("size")
    assert (data.x[:, place] == -1).sum() == mixed()["size"].isna().sum()


@pytest.mark.parametrize("strategy", ["median", "mean", "most_frequent"])
def test_missing_numbers_are_filled_as_configured(strategy: str) -> None:
    frame = mixed()
    frame["size"] = np.where(
        frame["size"].isna(), np.nan, np.take([0, 0, 0, 1, 4, 9], np.arange(120) % 6)
    )
    known = frame["size"].dropna()
    expected = {"median": known.median(), "mean": known.mean(), "most_frequent": known.mode()[0]}
    data = prepared(
        frame, featurization=FeaturizationConfig({"size": "Numeric"}, imputers={"size": strategy})
    )
    features = [feature.name for feature in data.featurizer.features]

    assert len(set(expected.values())) == 3
    filled = data.x[frame["size"].isna().to_numpy(), features.index("size")]
    assert filled == pytest.approx(expected[strategy])
    assert data.x[:, features.index("size:missing")].sum() == len(filled)


def test_imputer_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'constant' is no imputer of 'size'"):
        FeaturizationConfig(imputers={"size": "constant"})


@pytest.mark.parametrize(
    ("frame", "settings", "message"),
    [
        (mixed(), {"label": "lable"}, "no column 'lable'"),
        (mixed().assign(label="yes"), {}, "'yes' in all rows"),
        (mixed().assign(label=None), {}, "0 rows with a label"),
        (mixed(1), {}, "needs 10 at least"),
        (mixed(0), {}, "no rows"),
        (mixed()[["constant", "nothing", "label"]], {}, "No column is left to learn from"),
        (mixed()[["label"]], {}, "there is only the label"),
        (mixed(), {"task": "regression"}, "holds '(yes|no)', which is no number"),
        (mixed().assign(label=np.inf), {"task": "regression"}, "is inf in all rows"),
        (
            mixed().assign(label=[np.inf, *range(119)]),
            {"task": "regression"},
            "has 1 infinite values",
        ),
        (mixed().assign(label=range(120)), {}, "has 120 classes in 120 rows"),
        (mixed().assign(label=[[1]] * 120), {}, "neither a number nor a class"),
        (mixed(), {"n_cross_validations": 200}, "cannot be cut into 200 parts"),
        (mixed(), {"weight_column_name": "size"}, "weights in 'size' are not all numbers"),
        (mixed(), {"weight_column_name": "wieght"}, "no column 'wieght'"),
        (mixed(), {"cv_split_column_names": ["size"]}, "does not have 1 .* or 0"),
        (mixed(), {"featurization": "off"}, "'colour' is not"),
        (mixed(), {"featurization": FeaturizationConfig({"sise": "Text"})}, "no column 'sise'"),
    ],
)
def test_data_that_nothing_can_be_learned_from_are_refused(
    frame: pd.DataFrame, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        prepared(frame, **settings)


def test_validation_data_have_no_classes_of_their_own() -> None:
    config = AutoMLConfig("classification", label_column_name="label")
    with pytest.raises(InvalidInput, match="classes that the training data lack: 'perhaps'"):
        prepare(mixed(), mixed(30).assign(label=["perhaps", "no", "yes"] * 10), config)


def test_complex_numbers_are_left_out() -> None:
    data = prepared(mixed().assign(wave=np.arange(120) * 1j))

    assert {row["column"]: row["purpose"] for row in data.summary()}["wave"] == "Ignore"


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    double = pd.DataFrame([[1, 2, 3]] * 20, columns=["a", "a", "b"])
    with pytest.raises(InvalidInput, match="several columns of one name: a"):
        as_frame(double)
    with pytest.raises(InvalidInput, match="names of 2 levels"):
        as_frame(double.set_axis(pd.MultiIndex.from_product([["a"], [1, 2, 3]]), axis=1))
    with pytest.raises(InvalidInput, match="no table, but an object of int"):
        as_frame(3)
    with pytest.raises(NotFound, match="There is no file"):
        as_frame(tmp_path / "nothing.csv")
    (tmp_path / "data.xyz").write_text("a")
    with pytest.raises(InvalidInput, match=r"data\.xyz is of no kind"):
        as_frame(tmp_path / "data.xyz")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "clasification"}, "'clasification' is no task"),
        ({"primary_metric": "acuracy"}, "'acuracy' is no metric of classification"),
        ({"allowed_models": ["LightGMB"]}, "'LightGMB' in allowed_models is no model"),
        ({"allowed_models": "LightGBM"}, "allowed_models is a list"),
        ({"iterations": 0}, "iterations must be a whole number from 1 on"),
        ({"experiment_timeout_minutes": -1}, "must be a number above 0"),
        ({"validation_size": 1.5}, "above 0 and below 1"),
        ({"n_cross_validations": 3, "validation_size": 0.2}, "n_cross_validations and validation"),
        ({"featurization": "of"}, "featurization is 'auto', 'off'"),
        ({"experiment_exit_score": "high"}, "experiment_exit_score must be a number, not 'high'"),
        ({"memory": "4 bananas"}, "'4 bananas' is no size of memory"),
        ({"enable_early_stopping": "no"}, "enable_early_stopping is True or False, not 'no'"),
        ({"allowed_models": ["Linear"], "blocked_models": ["Linear"]}, "All allowed_models are in"),
    ],
)
def test_configuration_is_checked_where_it_is_made(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        AutoMLConfig(**{"task": "classification", "label_column_name": "label", **settings})


def test_configuration_survives_a_file(tmp_path: Path) -> None:
    config = AutoMLConfig(
        "regression",
        str(tmp_path / "rows.csv"),
        "price",
        iterations=5,
        blocked_models=["CatBoost"],
        featurization=FeaturizationConfig({"zip": "Categorical"}),
    )
    file = config.save(tmp_path / "price.yml")

    assert "training_data: rows.csv" in file.read_text()
    assert AutoMLConfig.load(file) == config
    file.write_text("task: regression\niteration: 3\n")
    with pytest.raises(InvalidInput, match="did you mean 'iterations'"):
        AutoMLConfig.load(file)


CASES = Path(__file__).parents[2] / "conformance" / "automl" / "configurations.yaml"


@pytest.mark.parametrize("case", yaml.safe_load(CASES.read_text()), ids=lambda case: case["name"])
def test_configurations_are_as_the_cases_say(case: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "automl.yml"
    file.write_text(yaml.safe_dump(case["settings"]))
    if "error" in case:
        for make in (
            lambda: AutoMLConfig.from_dict(case["settings"]),
            lambda: build_config(case["settings"]),
            lambda: AutoMLConfig.load(file),
        ):
            with pytest.raises(InvalidInput, match=re.escape(case["error"])):
                make()
        return
    assert AutoMLConfig.from_dict(case["settings"]).to_dict() == case["then"]
    assert AutoMLConfig.load(file).to_dict() == case["then"]


def test_task_follows_from_the_column() -> None:
    frame = pd.DataFrame(
        {"text": list("ab") * 50, "flag": [True, False] * 50, "stars": [1, 2, 3, 4] * 25}
    ).assign(price=np.arange(100) * 0.5, count=range(100))

    assert [task_of(frame, name) for name in frame.columns] == [
        "classification",
        "classification",
        "classification",
        "regression",
        "regression",
    ]


# With workers

CHEAP: dict[str, Any] = {"allowed_models": ["LightGBM", "Linear"], "n_cross_validations": 3}


@pytest.fixture(scope="module")
def found() -> AutoMLResult:
    return fit(mixed(), "label", iterations=5, seed=3, **CHEAP)


@pytest.mark.full
def test_model_takes_raw_frames_and_gives_probabilities(found: AutoMLResult) -> None:
    frame = mixed().drop(columns="label")
    chances = found.predict_proba(frame)

    assert list(found.model.classes_) == ["no", "yes"]  # type: ignore[attr-defined]
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (found.predict(frame) == mixed()["label"]).mean() > 0.85
    again = pickle.loads(pickle.dumps(found.model))
    np.testing.assert_allclose(again.predict_proba(frame.iloc[:3]), chances[:3])
    assert len(found.predict(frame.iloc[:0])) == 0


def test_a_service_has_loaded_the_libraries_before_the_first_request(
    found: AutoMLResult, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    save_model(found.model, tmp_path / "model" / "model.joblib")
    shutil.copy(default_python.__file__, tmp_path / "score.py")
    about = {"format": "joblib", "signature": None}
    (tmp_path / "model.json").write_text(json.dumps(about), encoding="utf-8")
    script = "import score, sys; score.init(); print('sklearn' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "TANDEMLAB_MODEL_DIR": str(tmp_path / "model")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "True"


@pytest.mark.full
def test_same_seed_and_iterations_give_the_same_model(found: AutoMLResult) -> None:
    again = fit(mixed(), "label", iterations=5, seed=3, max_concurrent_iterations=1, **CHEAP)

    frame = mixed().drop(columns="label")
    assert [trial.parameters for trial in again.trials] == [t.parameters for t in found.trials]
    np.testing.assert_array_equal(again.predict_proba(frame), found.predict_proba(frame))


@pytest.mark.full
def test_finished_trials_are_taken_over_from_a_folder(tmp_path: Path) -> None:
    options = {"folder": tmp_path / "trials", "seed": 1, **CHEAP}
    first = fit(mixed(), "label", iterations=2, **options)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("fold-*.model")}
    more = fit(mixed(), "label", iterations=3, **options)

    assert [t.score for t in more.trials[:2]] == [t.score for t in first.trials[:2]]
    assert all(path.stat().st_mtime_ns == before for path, before in times.items())
    other = fit(mixed(100), "label", iterations=1, **options)
    assert len(other.trials) == 1  # other data: what was there is not of this search


@pytest.mark.full
def test_class_that_a_fold_lacks_has_a_probability_all_the_same() -> None:
    frame = mixed(60)
    frame.loc[7, "label"] = "rare"
    found = fit(frame, "label", iterations=2, enable_stack_ensemble=False, **CHEAP)

    assert found.predict_proba(frame).shape == (60, 3)
    assert {trial.status for trial in found.trials} == {"completed"}


@pytest.mark.full
def test_trial_that_fails_does_not_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    from tandemlab.automl import portfolio

    monkeypatch.setitem(
        portfolio.FAMILIES["LightGBM"].starts[0],
        "objective",
        "no_such",  # type: ignore[arg-type]
    )
    found = fit(mixed(60), "label", iterations=2, enable_stack_ensemble=False, **CHEAP)

    failed = next(trial for trial in found.trials if trial.algorithm == "LightGBM")
    assert failed.status == "failed"
    assert "no_such" in (failed.error or "")
    assert found.best.algorithm == "Linear"


def test_finished_folds_count_though_another_one_failed(tmp_path: Path) -> None:
    options = {"iterations": 1, "allowed_models": ["Linear"], "n_cross_validations": 2}
    fit(mixed(60), "label", folder=tmp_path, **options)
    place = tmp_path / "0000"
    for name in ("measured.json", "fold-1.json", "fold-1.npy"):
        (place / name).unlink()
    (place / "fold-1.npy").mkdir()  # so that it cannot be written

    found = fit(mixed(60), "label", folder=tmp_path, **options)
    assert (found.best.status, found.best.folds) == ("stopped", 1)
    assert "IsADirectoryError" in (found.best.error or "")
    assert found.predict(mixed()).shape == (120,)


@pytest.mark.full
def test_every_model_learns_classes_and_values() -> None:
    from tandemlab.automl.portfolio import MODELS

    frame = mixed(90)
    frame["value"] = frame["size"].fillna(0) * 2 + frame["member"]
    for target, data in (("label", frame.drop(columns="value")), ("value", frame)):
        found = fit(data, target, iterations=14, validation_size=0.3, seed=2)
        assert {t.algorithm: t.error for t in found.trials if t.status == "failed"} == {}
        known = {trial.algorithm for trial in found.trials}
        assert known >= set(MODELS) - {"ElasticNet"}


@pytest.mark.full
@pytest.mark.parametrize("model", ["Linear", "LightGBM", "NeuralNetwork"])
def test_validation_data_and_weights_are_used(model: str) -> None:
    """Each row comes as both classes, and its weights say which is meant."""
    size = np.tile(np.random.default_rng(3).normal(size=120), 2)
    label = np.repeat(["less", "more"], 120)
    meant = np.where(size > 0, "more", "less")
    frame = pd.DataFrame({"size": size, "label": label})
    frame["weight"] = np.where(label == meant, 9.0, 1.0)
    found = fit(
        frame.iloc[::2],
        "label",
        iterations=1,
        allowed_models=[model],
        validation_data=frame.iloc[1::2],
        weight_column_name="weight",
    )

    assert found.facts["folds"] == 1
    assert "weight" not in found.model.feature_names_in_  # type: ignore[attr-defined]
    asked = pd.DataFrame({"size": [-1.5, 1.5]})
    assert found.model.predict(asked).tolist() == ["less", "more"]
    assert found.model.predict_proba(asked).max() == pytest.approx(0.9, abs=0.08)  # type: ignore[attr-defined]


def test_models_that_know_no_weights_are_not_tried_where_rows_have_them() -> None:
    frame = mixed().assign(weight=1.0)
    with pytest.raises(InvalidInput, match="No model is left to be tried"):
        fit(
            frame,
            "label",
            iterations=1,
            allowed_models=["NearestNeighbors"],
            weight_column_name="weight",
        )


@pytest.mark.full
def test_threshold_suits_a_metric_of_labels() -> None:
    frame = mixed(200)
    frame["label"] = np.where(np.arange(200) % 6 == 0, "yes", "no")
    found = fit(frame, "label", iterations=1, primary_metric="balanced_accuracy", **CHEAP)

    assert found.facts["threshold"] < 0.45


@pytest.mark.full
def test_trials_of_a_process_that_was_killed_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = "from tandemlab.automl.trial_folders import temporary_trials as t\nwith t() as f:\n"
    killed = subprocess.run(
        [sys.executable, "-c", f"{code} import os; os.kill(os.getpid(), 9)"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert killed.returncode == -9
    (left,) = tmp_path.iterdir()

    with temporary_trials() as first, temporary_trials() as second:
        assert not left.exists()
        assert set(tmp_path.iterdir()) == {first, second}
    assert not list(tmp_path.iterdir())


def test_time_that_is_up_leaves_the_best_so_far() -> None:
    started = time.monotonic()
    found = fit(mixed(), "label", timeout=5, enable_early_stopping=False)

    assert found.predict(mixed()).shape == (120,)
    assert time.monotonic() - started < 60  # by far more than it needs


def test_data_that_take_all_the_time_to_prepare_leave_a_model(tmp_path: Path) -> None:
    config = AutoMLConfig(
        "classification",
        label_column_name="label",
        experiment_timeout_minutes=0.1,
        allowed_models=["Linear"],
    )
    long_ago = time.monotonic() - 1000
    found = search(config, mixed(), tmp_path / "trials", tmp_path / "scratch", started=long_ago)
    assert found.predict(mixed()).shape == (120,)


def test_search_that_is_stopped_at_once_says_so() -> None:
    with pytest.raises(InvalidState, match="No model was finished"):
        fit(mixed(), "label", timeout=5, stopped=lambda: True)
