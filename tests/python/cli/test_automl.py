from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plugins.ray import Ray, attach_ray
from plugins.series import shops
from tandemlab import Workspace
from tandemlab.compute.ray.client import RayClient


@pytest.fixture
def data(folder: Path) -> str:
    source = np.random.default_rng(3)
    frame = pd.DataFrame({"size": source.normal(size=80), "room": source.choice(list("abc"), 80)})
    frame["price"] = frame["size"] * 3 + (frame["room"] == "a") + source.normal(scale=0.1, size=80)
    frame.to_csv(folder / "train.csv", index=False)
    return "train.csv"


@pytest.mark.full
def test_model_is_found_shown_and_used(
    call: Callable, data: str, workspace: Workspace, folder: Path
) -> None:
    place = ("-w", workspace.address)
    (folder / "few.yml").write_text(
        "task: regression\nallowed_models: [Linear]\nn_cross_validations: 3\n"
    )
    words = ("--data", data, "--target", "price", "--iterations", "2", "--config", "few.yml")
    found = call("automl", *words, "--test", data, "--model", "price.joblib", *place, "-o", "json")

    assert found.status == 0, found.err
    assert found.json["best"] in ("Linear", "VotingEnsemble", "StackEnsemble")
    assert found.json["test_metrics"]["r2_score"] > 0.9
    assert len(found.json["leaderboard"]) >= 2
    assert (folder / "price.joblib").is_file()

    board = call("automl", "show", found.json["run"], *place).out
    assert board.splitlines()[0].split()[:3] == ["iteration", "algorithm", "score"]
    call("automl", "predict", found.json["run"], "--data", data, "--to", "out.csv", *place)
    predicted = pd.read_csv(folder / "out.csv")
    assert np.corrcoef(predicted[".pred"], pd.read_csv(folder / data)["price"])[0, 1] > 0.95


@pytest.mark.services
@pytest.mark.timeout(600)
def test_cluster_trains_what_the_shell_asks_for(
    call: Callable, data: str, workspace: Workspace, folder: Path, ray: Ray
) -> None:
    attach_ray(workspace, ray)
    (folder / "few.yml").write_text(
        "task: regression\nallowed_models: [Linear]\nn_cross_validations: 2\n"
    )
    words = ("--data", data, "--target", "price", "--iterations", "1", "--config", "few.yml")
    found = call("automl", *words, "--compute", "ray", "-w", workspace.address, "-o", "json")

    assert found.status == 0, found.err
    assert found.json["leaderboard"][0]["algorithm"] == "Linear"
    (run,) = workspace.get_runs()
    job = RayClient(ray.address).job(run.id)
    assert (run.record.target, job and job["status"]) == ("ray", "SUCCEEDED")


def test_column_that_is_not_there_is_told(call: Callable, data: str, workspace: Workspace) -> None:
    place = ("-w", workspace.address)
    answer = call("automl", "--data", data, "--target", "prize", *place)

    assert answer.status == 2
    assert "Did you mean 'price'?" in answer.err
    assert workspace.get_runs() == []


def test_compute_that_is_not_there_is_told(call: Callable, data: str, workspace: Workspace) -> None:
    words = ("--data", data, "--target", "price", "--compute", "ray")
    answer = call("automl", *words, "-w", workspace.address)

    assert answer.status == 2
    assert "There is no compute target 'ray'." in answer.err


def test_without_data_the_help_is_shown(call: Callable) -> None:
    assert "--target" in call("automl").out
    assert call("automl", "schema").json["properties"]["task"]["enum"][0] == "classification"


@pytest.mark.full
def test_column_says_the_task_of_a_file_and_its_labels_are_the_same_everywhere(
    call: Callable, workspace: Workspace, folder: Path
) -> None:
    source = np.random.default_rng(4)
    size = source.normal(size=60)
    frame = pd.DataFrame({"size": size, "sold": np.where(size > 0, "yes", "no")})
    frame.to_csv(folder / "train.csv", index=False)
    (folder / "few.yml").write_text(
        "training_data: train.csv\nlabel_column_name: sold\niterations: 1\n"
        "allowed_models: [Linear]\nn_cross_validations: 2\n"
    )
    place = ("-w", workspace.address)
    found = call("automl", "--config", "few.yml", *place, "-o", "json")
    assert found.status == 0, found.err

    shown = call(
        "automl", "predict", found.json["run"], "--data", "train.csv", *place, "-o", "json"
    )
    assert set(shown.json[0]) == {".pred_class", ".pred_False", ".pred_True"}
    assert {row[".pred_class"] for row in shown.json} == {"False", "True"}


def test_a_setting_of_sdk_v1_in_a_file_is_told_with_its_line(
    call: Callable, data: str, workspace: Workspace, folder: Path
) -> None:
    (folder / "old.yml").write_text("iterations: 2\nexperiment_timeout_hours: 1\n")
    words = ("--data", data, "--target", "price", "--config", "old.yml", "-w", workspace.address)
    answer = call("automl", *words)

    assert answer.status == 2
    assert "old.yml, line 2, experiment_timeout_hours: " in answer.err
    assert "Write experiment_timeout_minutes" in answer.err


def test_data_without_a_target_are_refused(call: Callable, data: str, workspace: Workspace) -> None:
    answer = call("automl", "--data", data, "-w", workspace.address)

    assert answer.status == 2
    assert "--target is missing" in answer.err


@pytest.mark.full
def test_series_are_forecast_explained_and_described(
    call: Callable, workspace: Workspace, folder: Path
) -> None:
    place = ("-w", workspace.address)
    sales = shops(2, 60)
    known = sales["day"] < pd.Timestamp("2024-02-24")
    sales[known].to_csv(folder / "sales.csv", index=False)
    sales[~known].drop(columns="sold").to_csv(folder / "future.csv", index=False)
    (folder / "few.yml").write_text(
        "task: forecasting\nblocked_models: [AutoTheta]\n"
        "forecasting_parameters: {time_column_name: week}\n"
    )
    words = ("--data", "sales.csv", "--target", "sold", "--iterations", "3", "--config", "few.yml")
    layout = ("--time-column", "day", "--series", "shop", "--horizon", "5")
    found = call("automl", *words, *layout, *place, "-o", "json")
    assert found.status == 0, found.err
    run = found.json["run"]

    asked = ("--data", "future.csv", "--quantile", "0.1", "--to", "forecast.csv")
    assert call("automl", "forecast", run, *asked, *place).status == 0
    forecast = pd.read_csv(folder / "forecast.csv")
    assert list(forecast) == ["shop", "day", "forecast", "q0.1"]
    assert len(forecast) == (~known).sum()
    refused = call("automl", "forecast", run, *place)
    assert refused.status == 2 and "need sale of the times to come" in refused.err

    features = call("automl", "explain", run, *place, "-o", "json").json
    assert "day_of_week" in [row["feature"] for row in features]
    about = ("--about", "limitations=Two shops.", "--to", "card.html")
    assert call("automl", "card", run, *about, *place).status == 0
    assert "Two shops." in (folder / "card.html").read_text()
    assert call("automl", "card", run, *place).out.startswith("# ")
    assert "def main()" in call("automl", "code", run, *place).out
