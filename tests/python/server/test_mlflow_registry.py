"""MLflow's own client registers models at a server; they are models like any other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.servers import Server, behind
from python.server.test_mlflow import at, client, doubled, mlflow
from tandemlab import Model, Workspace
from tandemlab.domain import InvalidState
from tandemlab.models import save_model
from tandemlab.services import LocalWebservice, deploy_model

__all__ = ["at", "client"]
pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]


@pytest.fixture
def model(client: Any) -> str:
    """The URI of a model that a run has logged, with its class."""
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(
            name="double", python_model=doubled(), pip_requirements=[], input_example=[1.0]
        )
    return str(logged.model_uri)


def test_a_model_is_registered_and_loaded_by_version_and_alias(
    model: str, client: Any, remote: Workspace
) -> None:
    made = mlflow.register_model(model, "my double", tags={"team": "a"})
    assert (made.version, made.status, made.current_stage) == ("1", "READY", "None")
    assert mlflow.register_model(model, "my double").version == "2"
    client.set_registered_model_alias("my double", "production", 1)
    client.set_model_version_tag("my double", "2", "reviewed", "yes")
    for uri in ("models:/my double/1", "models:/my double@production", "models:/my double/latest"):
        assert mlflow.pyfunc.load_model(uri).predict([1.0, 2.0]) == [2.0, 4.0]
    assert client.get_model_version_by_alias("my double", "production").version == "1"
    first = Model(remote, "my double@production")
    assert (first.version, first.tags, first.format.value) == (1, {"team": "a"}, "mlflow")
    assert first.run_id == made.run_id != ""
    assert first.framework == "python_function"
    assert str(first.signature) == "array of double (any) → array of double (any)"
    assert first.load(trusted=True).predict([4.0]) == [8.0]
    assert Model(remote, "my double").tags == {"reviewed": "yes"}


def test_logging_registers_and_versions_are_found(client: Any, remote: Workspace) -> None:
    options = {"python_model": doubled(), "pip_requirements": []}
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(name="m", registered_model_name="double", **options)
    client.create_registered_model("empty", {"team": "b"}, "none yet")
    (found,) = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert (found.name, found.version) == ("double", "1")
    assert client.search_model_versions("name = 'double' and version_number > 1") == []
    names = [each.name for each in client.search_registered_models()]
    assert names == ["double", "empty"]
    page = client.search_registered_models(max_results=1, order_by=["name DESC"])
    assert [each.name for each in page] == ["empty"]
    rest = client.search_registered_models(
        max_results=1, order_by=["name DESC"], page_token=page.token
    )
    assert ([each.name for each in rest], rest.token) == (["double"], "")
    (empty,) = client.search_registered_models("name LIKE 'em%' and tags.team = 'b'")
    assert (empty.description, empty.tags, empty.latest_versions) == (
        "none yet",
        {"team": "b"},
        [],
    )
    (latest,) = client.get_latest_versions("double", ["None"])
    assert latest.version == "1"
    copied = client.copy_model_version("models:/double/1", "other")
    assert copied.run_id == run.info.run_id
    assert mlflow.pyfunc.load_model("models:/other/1").predict([1.0]) == [2.0]


def test_names_and_versions_are_described_tagged_and_deleted(
    client: Any, remote: Workspace, tmp_path: Path
) -> None:
    for number in range(2):
        Model.register(remote, save_model(number, tmp_path / "a.pkl"), "ours")
    client.update_registered_model("ours", "numbers")
    client.set_registered_model_tag("ours", "team", "a")
    client.set_registered_model_tag("ours", "old", "1")
    client.delete_registered_model_tag("ours", "old")
    client.update_model_version("ours", "1", "zero")
    client.set_model_version_tag("ours", "1", "a", "1")
    client.delete_model_version_tag("ours", "1", "a")
    client.set_registered_model_alias("ours", "best", "1")
    found = client.get_registered_model("ours")
    assert (found.description, found.tags, found.aliases) == (
        "numbers",
        {"team": "a"},
        {"best": "1"},
    )
    version = client.get_model_version("ours", "1")
    assert (version.description, version.tags, version.aliases) == ("zero", {}, ["best"])
    copy = mlflow.artifacts.download_artifacts("models:/ours/1", dst_path=str(tmp_path / "copy"))
    assert (Path(copy) / "a.pkl").read_bytes() == Model(remote, "ours:1").local_path().read_bytes()
    client.delete_registered_model_alias("ours", "best")
    client.delete_model_version("ours", "1")
    assert [model.id for model in Model.list(remote)] == ["ours:2"]
    client.delete_registered_model("ours")
    assert client.search_registered_models() == Model.list(remote) == []
    client.create_registered_model("ours")
    assert client.get_registered_model("ours").description == ""


def test_what_cannot_be_registered_is_told_in_mlflow_s_way(client: Any, model: str) -> None:
    create = client.create_model_version
    client.create_registered_model("known")
    for call, code in (
        (lambda: client.create_registered_model("known"), "RESOURCE_ALREADY_EXISTS"),
        (lambda: client.create_registered_model("../a"), "INVALID_PARAMETER_VALUE"),
        (lambda: client.create_registered_model("l\u0456ne"), "INVALID_PARAMETER_VALUE"),
        (
            lambda: client.create_registered_model("p", {"mlflow.prompt.is_prompt": "true"}),
            "Prompt",
        ),
        (lambda: create("unknown", model), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: create("known", "s3://bucket/model"), "INVALID_PARAMETER_VALUE"),
        (lambda: create("known", "file:///etc"), "INVALID_PARAMETER_VALUE"),
        (lambda: create("known", "mlflow-artifacts:/runs/../../etc"), "INVALID_PARAMETER_VALUE"),
        (lambda: create("known", "models:/m-none-1"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: create("known", "runs:/none/model"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.get_model_version("known", "1"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.get_model_version("known", "x"), "INVALID_PARAMETER_VALUE"),
        (lambda: client.get_model_version_by_alias("known", "a"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.set_registered_model_alias("known", "1a", "1"), "RESOURCE_DOES_NOT_EXIST"),
        (
            lambda: client.transition_model_version_stage("known", "1", "Production"),
            "set_registered_model_alias",
        ),
    ):
        with pytest.raises(mlflow.exceptions.MlflowException, match=code):
            call()
    assert client.search_model_versions("name = 'known'") == []


@pytest.fixture
def folder(remote: Workspace, shared_server: Server) -> Iterator[Workspace]:
    """The folder behind the workspace, whose services end with the test."""
    found = behind(remote, shared_server)
    yield found
    for each in LocalWebservice.list(found):
        each.delete()


def test_a_service_answers_by_a_model_and_keeps_it(
    model: str, client: Any, remote: Workspace, folder: Workspace
) -> None:
    mlflow.register_model(model, "double")
    service = deploy_model(folder, "double", ["double"])
    service.wait_for_deployment()
    assert service.run([1, 2.5]) == {"predictions": [2, 5]}
    for delete in (
        lambda: client.delete_model_version("double", "1"),
        lambda: client.delete_registered_model("double"),
    ):
        with pytest.raises(
            mlflow.exceptions.MlflowException, match=r"RESOURCE_CONFLICT.*service 'double'"
        ):
            delete()
    with pytest.raises(InvalidState, match="service 'double'"):
        Model(remote, "double").delete()
    command = [sys.executable, "-m", "tandemlab.cli", "model", "show", "double", "-o", "json"]
    shown = subprocess.run([*command, "--workspace", remote.address], capture_output=True)
    assert json.loads(shown.stdout)["model"] == "double:1"
