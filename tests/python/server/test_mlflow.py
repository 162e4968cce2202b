"""MLflow's own client writes into a workspace at a server, and reads what others wrote."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from requests import HTTPError

from plugins.late import Late
from plugins.servers import Server, behind
from tandemlab import Run, Workspace
from tandemlab.server.settings import make_state_folder
from tandemlab.server.tokens import Role, Tokens

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
mlflow = Late("mlflow")
pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

both_stores = pytest.mark.parametrize("remote", ["sqlite", "postgresql"], indirect=True)
_numbers = count(1)


@pytest.fixture
def remote(
    shared_server: Server, local_data: Path, request: pytest.FixtureRequest
) -> Iterator[Workspace]:
    """A new workspace, opened by its URL; its store is SQLite unless a test asks for another."""
    is_other = getattr(request, "param", "sqlite") == "postgresql"
    store = request.getfixturevalue("database") if is_other else None
    name = f"mlflow{next(_numbers)}"
    Workspace.create(shared_server.root / name, store=store).store.close()
    remote = Workspace(f"{shared_server.url}/{name}")
    yield remote
    remote.store.close()


@pytest.fixture
def folder(remote: Workspace, shared_server: Server) -> Workspace:
    """The folder behind the workspace, as the server's own machine sees it."""
    return behind(remote, shared_server)


@pytest.fixture
def at(remote: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """MLflow, led to the workspace by its URL."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", remote.address)
    # Finding out what a model's libraries are takes half a minute, and is not ours to test.
    monkeypatch.setenv("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    yield remote.address
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.tracking.fluent._active_experiment_id = None
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)  # what set_experiment() leaves to children


@pytest.fixture
def client(at: str) -> Any:
    return mlflow.MlflowClient()


# What MLflow writes, we read


@both_stores
def test_a_run_of_mlflow_is_a_run_like_any_other(at: str, remote: Workspace) -> None:
    mlflow.set_experiment("accidents")
    with mlflow.start_run(run_name="first", tags={"team": "a"}, description="a try") as made:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": 0.5, "model": "glm ö"})
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.9, "gap": math.nan, "top": math.inf}, step=2)
        mlflow.set_tags({"fold": 1})
        mlflow.log_text("42\n", "notes/a.txt")
    run = remote.get_run(made.info.run_id)
    assert (run.experiment.name, run.display_name, run.type) == (
        "accidents",
        "first",
        "interactive",
    )
    assert (run.get_status(), run.description) == ("Completed", "a try")
    assert run.params == {"depth": "3", "rate": "0.5", "model": "glm ö"}
    assert run.tags | {"team": "a", "fold": "1"} == run.tags
    values = run.get_metrics()
    assert values["loss"] == [1.0, 0.5, 1 / 3] and values["auc"] == 0.9
    assert math.isnan(values["gap"]) and values["top"] == math.inf
    assert run.metrics["loss"].steps == [0, 1, 2]
    assert run.get_file_names() == ["notes/a.txt"]
    found = remote.experiment("accidents").get_runs(filter="params.depth > 2 and metrics.auc > 0.8")
    assert [run.id for run in found] == [made.info.run_id]


def test_the_snippet_of_the_readme_runs(
    at: str, remote: Workspace, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (pytestconfig.rootpath / "README.md").read_text()
    (snippet,) = re.findall(r"^```python\n(import mlflow\n.*?)^```$", readme, re.M | re.S)
    try:
        exec(snippet.replace("http://127.0.0.1:8765/lab", at), {})
    finally:
        mlflow.set_tracking_uri(None)
    (run,) = remote.experiment("accidents").get_runs(filter="metrics.auc > 0.8")
    assert run.get_status() == "Completed"


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_and_the_command_line_see_a_run_of_mlflow(at: str, client: Any) -> None:
    run = client.create_run("0", run_name="first").info.run_id
    client.log_metric(run, "auc", 0.5)
    client.log_param(run, "model", "glm")
    client.log_text(run, "42", "a.txt")
    client.set_terminated(run)
    code = f"""
      library(tandemlab)
      run <- get_run(get_workspace("{at}"), "{run}")
      details <- get_run_details(run)
      cat(details$status, get_run_metrics(run)$auc, get_run_params(run)$model,
          get_run_file_names(run))
    """
    shown = subprocess.run(
        ["Rscript", "--no-init-file", "-e", code], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "Completed 0.5 glm a.txt"
    command = [sys.executable, "-m", "tandemlab.cli", "run", "show", run, "--output", "json"]
    listed = subprocess.run([*command, "--workspace", at], capture_output=True, check=True)
    assert json.loads(listed.stdout)["status"] == "Completed"


@both_stores
def test_nested_runs_are_children(at: str, remote: Workspace) -> None:
    with mlflow.start_run() as parent:
        with mlflow.start_run(nested=True, run_name="fold 1"):
            mlflow.log_metric("loss", 0.5)
        with pytest.raises(ValueError, match="no"), mlflow.start_run(nested=True):
            raise ValueError("no")
    children = remote.get_run(parent.info.run_id).get_children()
    assert [(run.type, run.get_status()) for run in children] == [
        ("child", "Failed"),
        ("child", "Completed"),
    ]
    found = mlflow.search_runs(
        ["0"],
        f"tags.mlflow.parentRunId = '{parent.info.run_id}' and status = 'FAILED'",
        output_format="list",
    )
    assert [run.info.run_id for run in found] == [children[0].id]


def test_a_run_goes_on_after_its_end(at: str, remote: Workspace) -> None:
    with pytest.raises(KeyError), mlflow.start_run() as first:
        mlflow.log_metric("loss", 0.5)
        raise KeyError
    run = remote.get_run(first.info.run_id)
    assert run.get_status() == "Failed"
    with mlflow.start_run(run_id=first.info.run_id):
        assert run.get_status() == "Running"
        mlflow.log_metric("loss", 0.25)
    assert run.get_status() == "Completed"
    assert run.get_metrics() == {"loss": [0.5, 0.25]}


def test_a_parameter_stays_as_it_is(client: Any) -> None:
    run = client.create_run("0").info.run_id
    client.log_param(run, "depth", 3)
    client.log_param(run, "depth", 3)
    with pytest.raises(mlflow.exceptions.MlflowException, match="already logged with value='3'"):
        client.log_param(run, "depth", 4)
    with pytest.raises(mlflow.exceptions.MlflowException, match="not allowed"):
        client.log_batch(run, params=[mlflow.entities.Param("depth", "4")])
    assert client.get_run(run).data.params == {"depth": "3"}


def test_names_notes_and_tags_change(client: Any, remote: Workspace) -> None:
    run = client.create_run("0", run_name="first").info.run_id
    client.set_tag(run, "mlflow.runName", "second")
    client.set_tag(run, "mlflow.note.content", "better")
    client.set_tag(run, "team", "a")
    found = remote.get_run(run)
    assert (found.display_name, found.description) == ("second", "better")
    client.delete_tag(run, "team")
    client.delete_tag(run, "mlflow.note.content")
    client.update_run(run, name="third")
    tags = client.get_run(run).data.tags
    assert tags["mlflow.runName"] == "third" and not {"team", "mlflow.note.content"} & set(tags)
    with pytest.raises(mlflow.exceptions.MlflowException, match="no tag"):
        client.delete_tag(run, "team")
    with pytest.raises(mlflow.exceptions.MlflowException, match="from its beginning"):
        client.set_tag(run, "mlflow.parentRunId", "other")


@both_stores
def test_what_is_deleted_is_hidden_until_it_is_restored(client: Any, remote: Workspace) -> None:
    name = client.create_experiment("demo")
    run = client.create_run(name).info.run_id
    client.delete_run(run)
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    assert client.search_runs([name]) == []
    deleted = mlflow.entities.ViewType.DELETED_ONLY
    assert [found.info.run_id for found in client.search_runs([name], "", deleted)] == [run]
    client.restore_run(run)
    assert [found.info.run_id for found in client.search_runs([name])] == [run]
    assert client.get_run(run).info.lifecycle_stage == "active"
    client.delete_experiment(name)
    assert client.search_experiments() == []
    assert [found.name for found in client.search_experiments(deleted)] == ["demo"]
    client.restore_experiment(name)
    assert client.get_experiment_by_name("demo").lifecycle_stage == "active"


# What we write, MLflow reads


def test_mlflow_reads_our_runs(client: Any, remote: Workspace, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("42")
    with remote.experiment("ours").start_logging(display_name="r glm", tags={"team": "a"}) as run:
        run.log_param("depth", 3)
        run.log_param("fast", True)
        run.log("loss", 0.5, step=7)
        run.log("loss", 0.25)
        run.log("level", "high")
        run.log_table("rows", {"a": [1, 2]})
        run.upload_file("outputs/model.txt", tmp_path / "model.txt")
        with run.child_run():
            pass
    found = client.get_run(run.id)
    assert (found.info.run_name, found.info.status) == ("r glm", "FINISHED")
    assert found.data.params == {"depth": "3", "fast": "true"}
    assert found.data.metrics == {"loss": 0.25}
    assert found.data.tags["team"] == "a" and found.data.tags["mlflow.user"]
    history = client.get_metric_history(run.id, "loss")
    assert [(point.value, point.step) for point in history] == [(0.5, 7), (0.25, 0)]
    assert client.get_metric_history(run.id, "other") == []
    assert [file.path for file in client.list_artifacts(run.id, "outputs")] == ["outputs/model.txt"]
    copy = mlflow.artifacts.download_artifacts(run_id=run.id, dst_path=tmp_path / "copy")
    assert (Path(copy) / "outputs" / "model.txt").read_text() == "42"
    experiment = client.get_experiment_by_name("ours")
    assert len(client.search_runs([experiment.experiment_id])) == 2


@both_stores
def test_runs_are_searched_sorted_and_paged(client: Any) -> None:
    names = [client.create_experiment(name) for name in ("a b", "ü")]
    for number in range(6):
        run = client.create_run(names[number % 2], run_name=f"n{number}").info.run_id
        client.log_metric(run, "val auc", number / 10)
        client.log_param(run, "kind", "odd" if number % 2 else "even")
        client.set_terminated(run, "FINISHED" if number < 4 else "KILLED")
    running = client.create_run(names[0], run_name="last").info

    def search(filter: str = "", order: str = "metrics.`val auc` ASC", **more: Any) -> list[str]:
        found = client.search_runs(names, filter, order_by=[order], **more)
        return [run.info.run_name for run in found]

    assert search() == ["n0", "n1", "n2", "n3", "n4", "n5", "last"]
    assert search("metrics.`val auc` > 0.15 AND params.kind = 'odd'") == ["n3", "n5"]
    assert search("attributes.status != 'FINISHED'", "start_time DESC") == ["last", "n5", "n4"]
    assert search(f"start_time >= {running.start_time} and run_name = 'last'") == ["last"]
    assert search("attributes.run_name ILIKE 'N_' and params.kind IN ('even')") == [
        "n0",
        "n2",
        "n4",
    ]
    assert search("tags.`mlflow.runName` = 'n2'") == ["n2"]
    assert search(f"attributes.run_id IN ('{running.run_id}')") == ["last"]
    first = client.search_runs(names, order_by=["metrics.`val auc`"], max_results=4)
    rest = client.search_runs(
        names, order_by=["metrics.`val auc`"], max_results=4, page_token=first.token
    )
    assert [run.info.run_name for run in [*first, *rest]] == search()
    assert rest.token is None
    with pytest.raises(
        mlflow.exceptions.MlflowException, match=r"INVALID_PARAMETER_VALUE.*character 15"
    ):
        search("metrics.loss >>")


@both_stores
def test_experiments_are_searched_sorted_and_paged(client: Any) -> None:
    for name in ("crash 1", "crash 2", "other"):
        client.create_experiment(name)

    def search(filter: str = "", **more: Any) -> list[str]:
        return [found.name for found in client.search_experiments(filter_string=filter, **more)]

    assert search() == ["other", "crash 2", "crash 1"]
    assert search("name LIKE 'crash%'", order_by=["name ASC"]) == ["crash 1", "crash 2"]
    page = client.search_experiments(max_results=2, order_by=["creation_time ASC"])
    assert [found.name for found in page] == ["crash 1", "crash 2"]
    assert search(max_results=2, order_by=["creation_time"], page_token=page.token) == ["other"]
    assert client.get_experiment("0").name == "Default"
    assert client.get_experiment_by_name("none") is None
    with pytest.raises(mlflow.exceptions.MlflowException, match="RESOURCE_ALREADY_EXISTS"):
        client.create_experiment("other")
    with pytest.raises(mlflow.exceptions.MlflowException, match="path"):
        client.create_experiment("a/b")


# Artifacts and models


def test_artifacts_go_up_and_down(at: str, client: Any, tmp_path: Path, folder: Workspace) -> None:
    (tmp_path / "up" / "deep ü").mkdir(parents=True)
    (tmp_path / "up" / "deep ü" / "a b.bin").write_bytes(bytes(range(256)))
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(tmp_path / "up"), "data")
        mlflow.log_dict({"a": 1}, "table.json")
        mlflow.log_dict({"a": 2}, "table.json")
        mlflow.log_table({"x": [1, 2]}, "rows.json")
        mlflow.log_table({"x": [3]}, "rows.json")
    run_id = run.info.run_id
    assert [(file.path, file.is_dir) for file in client.list_artifacts(run_id)] == [
        ("data", True),
        ("rows.json", False),
        ("table.json", False),
    ]
    assert [file.file_size for file in client.list_artifacts(run_id, "data/deep ü")] == [256]
    assert client.list_artifacts(run_id, "table.json") == client.list_artifacts(run_id, "no") == []
    assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/table.json") == {"a": 2}
    assert mlflow.load_table("rows.json", run_ids=[run_id])["x"].tolist() == [1, 2, 3]
    copy = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/data", dst_path=str(tmp_path))
    assert (Path(copy) / "deep ü" / "a b.bin").read_bytes() == bytes(range(256))
    files = folder.get_run(run_id).directory / "files"
    assert (files / "table.json").read_text() == '{\n  "a": 2\n}'
    with pytest.raises(HTTPError, match="cannot be a file"):
        client.log_text(run_id, "", "data")
    with pytest.raises(HTTPError, match="cannot be a file"):
        client.log_text(run_id, "", "table.json/a")


def doubled() -> Any:
    """A model of few dependencies, which is pickled with its class."""

    class Doubled(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
        def predict(self, model_input: list[float]) -> list[float]:
            return [2 * value for value in model_input]

    return Doubled()


def test_a_model_is_logged_found_and_loaded(at: str, remote: Workspace, client: Any) -> None:
    with mlflow.start_run() as run:
        mlflow.log_metric("auc", 0.9, step=1)
        options = {"python_model": doubled(), "pip_requirements": []}
        first = mlflow.pyfunc.log_model(name="double", step=1, params={"k": 1}, **options)
        second = mlflow.pyfunc.log_model(name="double", **options)
        mlflow.log_metric("loss", 0.5, model_id=first.model_id)
    for uri in (first.model_uri, second.model_uri, f"runs:/{run.info.run_id}/double"):
        assert mlflow.pyfunc.load_model(uri).predict([1.0, 2.0]) == [2.0, 4.0]
    names = remote.get_run(run.info.run_id).get_file_names()
    assert {"models/double/MLmodel", "models/double-2/MLmodel"} <= set(names)
    found = mlflow.get_logged_model(first.model_id)
    assert (found.name, found.params, found.status) == ("double", {"k": "1"}, "READY")
    assert {metric.key: metric.value for metric in found.metrics} == {"auc": 0.9, "loss": 0.5}
    assert remote.get_run(run.info.run_id).get_metrics() == {"auc": 0.9, "loss": 0.5}
    models = mlflow.search_logged_models(
        ["0"], "metrics.auc > 0.5 and params.k = '1'", output_format="list"
    )
    assert [model.model_id for model in models] == [first.model_id]
    mlflow.set_logged_model_tags(first.model_id, {"stage": "new"})
    assert mlflow.get_logged_model(first.model_id).tags["stage"] == "new"
    mlflow.delete_logged_model_tag(first.model_id, "stage")
    client.delete_logged_model(second.model_id)
    with pytest.raises(mlflow.exceptions.MlflowException, match="no logged model"):
        mlflow.get_logged_model(second.model_id)
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert (outputs[0].model_id, outputs[0].step) == (first.model_id, 1)


def test_a_model_of_no_run_gets_one(at: str, remote: Workspace) -> None:
    model = mlflow.pyfunc.log_model(name="double", python_model=doubled(), pip_requirements=[])
    assert mlflow.pyfunc.load_model(model.model_uri).predict([1.0]) == [2.0]
    (run,) = remote.experiment("Default").get_runs()
    assert (run.display_name, run.get_status()) == ("double", "Completed")


def test_scikit_learn_logs_by_itself(at: str, remote: Workspace, client: Any) -> None:
    sklearn = pytest.importorskip("sklearn")
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    rows, classes = load_iris(return_X_y=True, as_frame=True)
    mlflow.sklearn.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            search = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}, cv=2)
            search.fit(rows, classes)
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)
    assert sklearn
    found = remote.get_run(run.info.run_id)
    assert found.params["best_C"] in ("0.1", "1.0")
    assert found.get_metrics("training_accuracy_score")["training_accuracy_score"] > 0.9
    assert len(found.get_children()) == 2
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/best_estimator")
    assert model.predict(rows).tolist() == search.predict(rows).tolist()
    (used,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert used.tags[0].value == "train" and "sepal" in used.dataset.schema


def test_lightgbm_logs_by_itself(at: str, remote: Workspace) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    from sklearn.datasets import load_iris

    rows, classes = load_iris(return_X_y=True)
    mlflow.lightgbm.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            data = lightgbm.Dataset(rows, classes)
            options = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
            lightgbm.train(options, data, num_boost_round=5, valid_sets=[data])
    finally:
        mlflow.lightgbm.autolog(disable=True, silent=True)
    found = remote.get_run(run.info.run_id)
    assert found.params["num_class"] == "3"
    assert found.metrics["training-multi_logloss"].steps == [0, 1, 2, 3, 4]
    model = mlflow.lightgbm.load_model(f"runs:/{run.info.run_id}/model")
    assert model.predict(rows).shape == (150, 3)


def test_xgboost_logs_by_itself(at: str, remote: Workspace) -> None:
    xgboost = pytest.importorskip("xgboost")
    from sklearn.datasets import load_iris

    rows, classes = load_iris(return_X_y=True)
    mlflow.xgboost.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            data = xgboost.DMatrix(rows, classes)
            options = {"objective": "multi:softprob", "num_class": 3, "nthread": 1}
            xgboost.train(options, data, num_boost_round=5, evals=[(data, "train")])
    finally:
        mlflow.xgboost.autolog(disable=True, silent=True)
    found = remote.get_run(run.info.run_id)
    assert found.params["num_class"] == "3"
    assert found.metrics["train-mlogloss"].steps == [0, 1, 2, 3, 4]
    model = mlflow.xgboost.load_model(f"runs:/{run.info.run_id}/model")
    assert model.predict(data).shape == (150, 3)


# Many clients, tokens, and what is not served


@both_stores
def test_many_clients_log_to_one_run_and_nothing_is_lost(client: Any, remote: Workspace) -> None:
    run = client.create_run("0").info.run_id

    def log(worker: int) -> None:
        own = mlflow.MlflowClient()
        for step in range(10):
            own.log_metric(run, "loss", worker, step=step)
            own.log_batch(run, metrics=[mlflow.entities.Metric(f"m{worker}", step, 1, step)])
            own.set_tag(run, f"t{worker}", step)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log, range(8)))
    found: Run = remote.get_run(run)
    assert sorted(found.metrics["loss"].values) == sorted(w for w in range(8) for _ in range(10))
    for worker in range(8):
        assert found.metrics[f"m{worker}"].values == list(range(10))
        assert found.tags[f"t{worker}"] == "9"


def test_tokens_and_roles_hold_for_mlflow(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tokens = Tokens(make_state_folder(server.root))
    texts = {role: tokens.create(role.value, role)[1] for role in Role}
    client = mlflow.MlflowClient(server.url)  # a server of one workspace needs no more
    with pytest.raises(mlflow.exceptions.MlflowException, match="UNAUTHENTICATED"):
        client.search_experiments()
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", texts[Role.CONTRIBUTOR])
    run = client.create_run("0").info.run_id
    client.log_text(run, "42", "a.txt")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", texts[Role.READER])
    assert client.get_run(run).info.status == "RUNNING"
    assert Path(client.download_artifacts(run, "a.txt", str(tmp_path))).read_text() == "42"
    for change in (
        lambda: client.log_metric(run, "loss", 1),
        lambda: client.create_experiment("a"),
        lambda: client.delete_run(run),
        lambda: client.log_text(run, "43", "a.txt"),
    ):
        with pytest.raises(Exception, match=r"PERMISSION_DENIED|403"):
            change()
    assert client.get_run(run).data.metrics == {}


def test_what_is_not_served_is_told_in_mlflow_s_way(remote: Workspace, client: Any) -> None:
    with pytest.raises(mlflow.exceptions.MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        client.get_run("none")
    base = f"{remote.address}/api/2.0/mlflow"
    for answer, code in (
        (httpx.post(f"{base}/runs/search", content=b"{"), "INVALID_PARAMETER_VALUE"),
        (httpx.post(f"{base}/runs/search", json={"max_results": 0}), "INVALID_PARAMETER_VALUE"),
        (httpx.post(f"{base}/runs/log-metric", json={}), "INVALID_PARAMETER_VALUE"),
        (httpx.get(f"{base}/runs/search"), "ENDPOINT_NOT_FOUND"),
        (httpx.put(f"{base}/runs/search"), "ENDPOINT_NOT_FOUND"),
        (httpx.get(f"{base}/nothing/here"), "ENDPOINT_NOT_FOUND"),
        (httpx.get(base.replace(remote.name, "none") + "/runs/get"), "RESOURCE_DOES_NOT_EXIST"),
        (httpx.get(base.replace(f"/{remote.name}", "") + "/runs/get"), "RESOURCE_DOES_NOT_EXIST"),
    ):
        assert answer.status_code >= 400
        assert set(answer.json()) == {"error_code", "message"}
        assert answer.json()["error_code"] == code
