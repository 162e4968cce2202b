"""Automated runs on a cluster, whose machines train together."""

from __future__ import annotations

import importlib
import os
import pickle
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plugins import holding
from plugins.holding import Holding
from plugins.ray import Ray, attach_ray
from plugins.series import shops
from plugins.waiting import wait_until
from tandemlab import Run, RunStatus, Workspace
from tandemlab.automl import AutoMLRun, ForecastingParameters
from tandemlab.automl.forecasting.lag_features import Lags
from tandemlab.automl.forecasting.reading import Reader
from tandemlab.automl.forecasting.study import Study, make_table
from tandemlab.automl.forecasting.tasks import GlobalTask
from tandemlab.automl.forecasting.validation import choose_origins
from tandemlab.automl.ray_workers import RayWorkers
from tandemlab.automl.shared_data import SharedData
from tandemlab.automl.worker_pool import WorkerPool
from tandemlab.bridge import find_r, r_environment

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
SECONDS = 300


R_CODE = """
library(tandemlab)
words <- commandArgs(trailingOnly = TRUE)
config <- automl_config(
  "regression", words[[2]], "price",
  n_cross_validations = 2, enable_early_stopping = FALSE,
  max_concurrent_iterations = 2, max_cores_per_iteration = 4, # all of a machine
  compute_target = "ray"
)
cat(submit_experiment(experiment(get_workspace(words[[1]]), "study"), config)$id)
"""


def rows(count: int = 200) -> pd.DataFrame:
    """A number that depends on one of two columns."""
    source = np.random.default_rng(7)
    size, other = source.normal(size=(2, count))
    return pd.DataFrame({"size": size, "other": other, "price": 2 * size + 0.1 * other})


@pytest.fixture
def workers(ray: Ray, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayWorkers]:
    """What a job on the cluster has."""
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{ray.ports['port']}")
    try:
        yield RayWorkers(memory=None)
    finally:
        importlib.import_module("ray").shutdown()


def study_in(folder: Path) -> SharedData:
    """The data of a small search."""
    sales = shops(2, 60)
    reader = Reader.for_training(sales, "sold", ForecastingParameters("day", 7, "shop"))
    panel = reader.read(sales)
    table = make_table(panel, reader.clock, None, list(reader.categories), steps=7)
    shared = SharedData(folder / "data", folder / "trials")
    shared.folder.mkdir()
    Study(panel, table, choose_origins(panel, 7, 7), 7, 0).write(shared.folder)
    return shared


def test_tasks_elsewhere_bring_back_what_they_write_and_late_ones_are_ended(
    workers: RayWorkers, ray: Ray, tmp_path: Path
) -> None:
    shared = study_in(tmp_path)
    lags = Lags(7, (1, 7), (7,))
    task = GlobalTask(0, 0, "LightGBM", "0/part.pickle", time.monotonic() + SECONDS, lags=lags)
    with WorkerPool(shared, 0, 1, None, (), cluster=workers, elsewhere=1) as pool:
        wait_until(lambda: pool.idle, SECONDS)
        pool.give(replace(task, path="late/part.pickle"), deadline=time.monotonic() - 1)
        assert [result.error for result in pool.results(1)] == ["it took too long"]
        assert not pool.busy
        wait_until(lambda: pool.idle, SECONDS)  # another process has taken its place
        pool.give(task, deadline=task.deadline)
        found: list[Any] = []
        wait_until(lambda: found.extend(pool.results(1)) or found, SECONDS)
    assert [(each.error, each.node) for each in found] == [(None, *ray.nodes().values())]
    assert [path.name for path in shared.trials.iterdir()] == ["0"]
    made = pickle.loads((shared.trials / "0" / "part.pickle").read_bytes())
    assert np.isfinite(made.forecasts).any()


def test_what_takes_too_much_memory_says_so_and_other_tasks_go_on(
    ray: Ray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{ray.ports['port']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(holding.__file__).parents[1]))
    cloudpickle = importlib.import_module("ray.cloudpickle")
    cloudpickle.register_pickle_by_value(holding)  # actors have the package tandemlab alone
    shared = study_in(tmp_path)
    most, begun = 700_000_000, tmp_path / "begun"
    found: list[str] = []
    try:
        with WorkerPool(
            shared, 0, 1, most, (), cluster=RayWorkers(memory=most), elsewhere=1
        ) as pool:
            for size in (2 * most, 1000):
                wait_until(lambda: pool.idle, SECONDS)
                pool.give(Holding(size, begun), deadline=time.monotonic() + SECONDS)
                wait_until(lambda: found.extend(pool.results(1)) or not pool.busy, SECONDS)
    finally:
        importlib.import_module("ray").shutdown()
    assert re.fullmatch(r"it used \d+ of 700 MB of memory", found[0])
    assert found[1:] == ["done"]
    assert len(set(begun.read_text().split())) == 3  # an actor, this machine, and another actor


def test_machines_of_a_cluster_come_and_go_while_they_train_what_r_has_submitted(
    workspace: Workspace, ray: Ray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_GRACE_SECONDS", str(SECONDS))
    attach_ray(workspace, ray)
    rows().to_csv(tmp_path / "rows.csv", index=False)
    words = ["--vanilla", "-e", R_CODE, str(workspace.path), str(tmp_path / "rows.csv")]
    made = subprocess.run(
        [find_r().rscript, *words],
        env={**os.environ, **r_environment()},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    run = workspace.get_run(made.stdout)
    assert isinstance(run, AutoMLRun)
    wait_until(lambda: run.status is RunStatus.RUNNING, SECONDS)  # it has the first machine
    with ray.second_node("second", cpus=4):

        def trained_there() -> list[Run]:
            done = run.get_children(status=RunStatus.COMPLETED)
            return [child for child in done if "nodes" in child.properties]

        wait_until(trained_there, SECONDS)
    run.cancel()
    run.wait_for_completion(raise_on_error=False, timeout_seconds=SECONDS)

    assert run.status is RunStatus.CANCELED
    assert run.get_children(status=RunStatus.FAILED) == []  # what went with the node is done again
    (trial, *_) = trained_there()
    assert trial.properties["nodes"] == "second"
    folder = f"logs/trials/{int(trial.properties['iteration']):04d}"
    assert {f"{folder}/fold-{fold}.model" for fold in (0, 1)} <= set(run.get_file_names())
    _, model = run.get_output()
    assert np.corrcoef(model.predict(rows()), rows()["price"])[0, 1] > 0.9
