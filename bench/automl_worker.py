"""One system on one set: trains for so many seconds, predicts, and prints what it came to.

``python automl_worker.py SYSTEM FOLDER SECONDS SEED``: the folder has ``train.parquet``,
``test.parquet`` and ``about.json``; the last line of the output is JSON. It runs in the system's
own environment, so that it knows nothing of the others. The clock begins before the system is
imported.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Answer = tuple[Any, "list[str] | None"]
About = dict[str, Any]
CORES = 2


def tandemlab(train: pd.DataFrame, about: About, seconds: float, seed: int) -> Any:
    from tandemlab.automl import fit

    settings: dict[str, Any] = {}
    if about["task"] == "forecasting":
        settings = {
            "primary_metric": "mean_absolute_scaled_error",
            "forecasting_parameters": {
                "time_column_name": about["time"],
                "forecast_horizon": about["horizon"],
                **({"time_series_id_column_names": [about["series"]]} if about["series"] else {}),
            },
        }
    found = fit(
        train,
        about["label"],
        about["task"],
        timeout=seconds,
        seed=seed,
        max_concurrent_iterations=CORES,
        enable_early_stopping=False,
        **settings,
    )

    def predict(test: pd.DataFrame) -> Answer:
        if about["task"] == "forecasting":
            names = [name for name in (about["series"], about["time"]) if name]
            made = found.model.forecast()
            order = test[names].merge(made, how="left", on=names)
            return order["forecast"].to_numpy(), None
        if about["task"] == "regression":
            return found.predict(test), None
        return found.predict_proba(test), [str(each) for each in found.model.classes_]

    return predict


def flaml(train: pd.DataFrame, about: About, seconds: float, seed: int) -> Any:
    from flaml import AutoML

    model = AutoML()
    metrics = {"classification": "log_loss", "regression": "rmse", "forecasting": "mae"}
    settings: dict[str, Any] = {}
    if about["task"] == "forecasting":
        train = train[[about["time"], about["label"]]]
        settings = {"period": about["horizon"], "eval_method": "holdout"}
    model.fit(
        dataframe=train,
        label=about["label"],
        task="ts_forecast" if about["task"] == "forecasting" else about["task"],
        metric=metrics[about["task"]],
        time_budget=seconds,
        seed=seed,
        n_jobs=CORES,
        verbose=0,
        ensemble=False,
        **settings,
    )

    def predict(test: pd.DataFrame) -> Answer:
        if about["task"] == "classification":
            return model.predict_proba(test), [str(each) for each in model.classes_]
        return np.asarray(model.predict(test)), None

    return predict


def statsforecast(train: pd.DataFrame, about: About, seconds: float, seed: int) -> Any:
    """The mean of four statistical models, which did well in the M4 competition."""
    from statsforecast import StatsForecast, models

    season = about["season"] if about["season"] <= 24 else 1
    kinds = (models.AutoETS, models.AutoARIMA, models.AutoCES, models.DynamicOptimizedTheta)
    series = about["series"] or "series"
    frame = train.assign(series="one") if about["series"] is None else train
    frame = frame.rename(columns={series: "unique_id", about["time"]: "ds", about["label"]: "y"})
    lab = StatsForecast(
        [kind(season_length=season) for kind in kinds],
        freq=pd.infer_freq(pd.DatetimeIndex(frame["ds"].unique())),
        n_jobs=CORES,
        fallback_model=models.SeasonalNaive(season),
    )
    made = lab.forecast(df=frame[["unique_id", "ds", "y"]], h=about["horizon"])
    made["mean"] = made[[each for each in made.columns if each not in ("unique_id", "ds")]].mean(1)

    def predict(test: pd.DataFrame) -> Answer:
        asked = test.assign(series="one") if about["series"] is None else test
        asked = asked.rename(columns={series: "unique_id", about["time"]: "ds"})
        return asked.merge(made, how="left", on=["unique_id", "ds"])["mean"].to_numpy(), None

    return predict


def _autogluon(preset: str) -> Callable[..., Any]:
    def fit(train: pd.DataFrame, about: About, seconds: float, seed: int) -> Any:
        from autogluon.tabular import TabularPredictor

        is_class = about["task"] == "classification"
        classes = train[about["label"]].nunique()
        predictor = TabularPredictor(
            about["label"],
            problem_type=("binary" if classes == 2 else "multiclass") if is_class else "regression",
            eval_metric="log_loss" if is_class else "root_mean_squared_error",
            path=tempfile.mkdtemp(),
            verbosity=0,
        ).fit(train, time_limit=seconds, presets=preset, num_cpus=CORES)

        def predict(test: pd.DataFrame) -> Answer:
            if about["task"] == "regression":
                return predictor.predict(test), None
            found = predictor.predict_proba(test)
            return found.to_numpy(), [str(each) for each in found.columns]

        return predict

    return fit


SYSTEMS: dict[str, Callable[..., Any]] = {
    "tandemlab": tandemlab,
    "flaml": flaml,
    "autogluon_medium": _autogluon("medium_quality"),
    "autogluon_good": _autogluon("good_quality"),
    "statsforecast": statsforecast,
}
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage:
    """What this process and those below it use: the most memory together (PSS), processor time."""

    def __init__(self) -> None:
        self.peak = 0
        self._worked: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, float]:
        """``megabytes`` and ``cpu_seconds``."""
        self._over.set()
        self._thread.join()
        self._look()
        return {"megabytes": self.peak / 1e6, "cpu_seconds": sum(self._worked.values())}

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self._look()

    def _look(self) -> None:
        family = _family(os.getpid())
        self.peak = max(self.peak, sum(map(_memory, family)))
        for pid in family:
            self._worked[pid] = max(self._worked.get(pid, 0.0), _worked(pid))


def _family(pid: int) -> list[int]:
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    except OSError:
        pass
    return found


def _memory(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _worked(pid: int) -> float:
    """Seconds that a process has worked."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def loss(about: About, train: pd.DataFrame, test: pd.DataFrame, answer: Answer) -> float:
    """Log loss, root mean squared error, or the mean absolute scaled error of forecasts."""
    found, classes = answer
    truth = test[about["label"]]
    if about["task"] == "forecasting":
        return _scaled_error(about, train, test, np.asarray(found, dtype=float))
    if classes is None:
        return float(np.sqrt(np.mean((np.asarray(found, dtype=float) - truth.to_numpy()) ** 2)))
    place = {name: at for at, name in enumerate(classes)}
    codes = np.array([place[str(each)] for each in truth])
    chances = np.asarray(found)[np.arange(len(codes)), codes]
    return float(-np.log(np.clip(chances, 1e-15, 1)).mean())


def _scaled_error(
    about: About, train: pd.DataFrame, test: pd.DataFrame, found: np.ndarray
) -> float:
    """Of each series the mean error in units of its seasonal naive one, and the mean of these."""
    if not np.isfinite(found).all():
        raise ValueError("some forecasts are no numbers")
    label, series = about["label"], about["series"]
    errors = np.abs(test[label].to_numpy() - found)
    names = test[series].to_numpy() if series else np.zeros(len(test))
    known = train[series].to_numpy() if series else np.zeros(len(train))
    values = train[label].to_numpy()
    return float(
        np.mean(
            [
                errors[names == each].mean()
                / np.abs(
                    values[known == each][about["season"] :]
                    - values[known == each][: -about["season"]]
                ).mean()
                for each in np.unique(names)
            ]
        )
    )


def main(system: str, folder: Path, seconds: float, seed: int) -> None:
    """See the module's text."""
    about = json.loads((folder / "about.json").read_text())
    train, test = (
        pd.read_parquet(folder / "train.parquet"),
        pd.read_parquet(folder / "test.parquet"),
    )
    usage = Usage()
    began = time.monotonic()
    result: dict[str, Any] = {"system": system}
    try:
        predict = SYSTEMS[system](train, about, seconds, seed)
        result["train_seconds"] = time.monotonic() - began
        before = time.monotonic()
        answer = predict(test.drop(columns=about["label"]))
        result["predict_seconds"] = time.monotonic() - before
        before = time.monotonic()
        predict(test.drop(columns=about["label"]))
        result["again_seconds"] = time.monotonic() - before
        result["loss"] = loss(about, train, test, answer)
    except Exception as problem:
        result["error"] = f"{type(problem).__name__}: {problem}"[:300]
        result["train_seconds"] = time.monotonic() - began
    print(json.dumps({**result, **usage.stop()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
