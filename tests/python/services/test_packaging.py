"""Packages of services: folders that run without the workspace that they were made in."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import pytest

from plugins.services import SUM
from plugins.waiting import wait_until
from tandemlab import Environment, Workspace
from tandemlab.domain import AlreadyExists, InvalidInput, MissingDependency
from tandemlab.environments import ContainerSection, RSection
from tandemlab.models import Model, save_model
from tandemlab.services import InferenceConfig, ModelPackage, package_model

Scripts = Callable[..., Path]
KEY = "a key of many characters"


def packaged(lab: Workspace, script: Path | None, *models: Any, **options: Any) -> ModelPackage:
    config = None if script is None else InferenceConfig(script)
    target = lab.path.with_name("package")
    return package_model(
        lab, models, config, generate_dockerfile=True, output_directory=target, **options
    )


@contextmanager
def running(package: ModelPackage, *options: str, **variables: str) -> Iterator[tuple[str, Path]]:
    """The URL of a service that was started as people start it, and the file of its output."""
    output = package.folder.with_suffix(".out")
    environment = {**os.environ, "PYTHON": sys.executable, **variables}
    environment.pop("PYTHONPATH", None)
    with output.open("wb") as stream:
        process = subprocess.Popen(
            ["sh", str(package.folder / "run.sh"), *options],
            stdout=stream,
            stderr=stream,
            env=environment,
            cwd="/",
        )
    try:
        wait_until(lambda: "answers at" in output.read_text() or process.poll() is not None)
        assert process.poll() is None, output.read_text()
        yield output.read_text().partition("answers at ")[2].split()[0], output
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def score(url: str, request: Any, key: str | None = None) -> tuple[int, Any]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    asked = urllib.request.Request(f"{url}/score", json.dumps(request).encode(), headers)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_registered_model_answers_without_its_workspace(
    workspace: Workspace, tmp_path: Path
) -> None:
    rule = save_model(SimpleNamespace(predict=methodcaller("get", "rate")), tmp_path / "rule.pkl")
    sample = pandas.DataFrame({"rate": [0.5, 0.25]})
    Model.register(workspace, rule, "line", sample_input_dataset=sample)
    package = packaged(workspace, None, "line:1")
    assert (package.name, package.location) == ("line", None)
    moved = ModelPackage(package.name, package.save(tmp_path / "elsewhere" / "line"))
    for gone in (workspace.path, package.folder):
        shutil.rmtree(gone)
    with running(moved, "--replicas", "2") as (url, output):
        assert score(url, [{"rate": 0.75}]) == (200, {"predictions": [0.75]})
        assert score(url, [{"age": 1}])[0] == 400
        second = subprocess.run(
            ["sh", str(moved.folder / "run.sh")],
            env={**os.environ, "PYTHON": sys.executable},
            capture_output=True,
            text=True,
        )
        assert second.returncode == 1 and "runs already" in second.stderr
    assert "stopped" in output.read_text()


def test_a_script_prints_to_standard_error_and_its_key_is_a_variable(
    workspace: Workspace, scripts: Scripts, offset: Path
) -> None:
    package = packaged(workspace, scripts(SUM), offset)
    assert package.name == "offset"
    assert str(offset.parent) not in (package.folder / "service/service.json").read_text()
    with running(package, "--auth", TANDEMLAB_SERVICE_KEY=KEY) as (url, output):
        assert score(url, [1, 2], KEY) == (200, {"sum": 6})
        assert score(url, [1, 2])[0] == 401
        wait_until(lambda: "ready to add" in output.read_text())
        (replica,) = json.loads((package.folder / "service/state.json").read_text())["replicas"]
        assert KEY.encode() not in Path(f"/proc/{replica['pid']}/environ").read_bytes()
    weak = running(package, TANDEMLAB_SERVICE_KEY="short")
    with pytest.raises(AssertionError, match="few enough to be guessed"), weak:
        pass


def test_a_script_runs_in_the_environment_that_the_package_brings(
    workspace: Workspace, scripts: Scripts
) -> None:
    code = "import os\ndef run(data): return os.environ['GREETING']"
    config = InferenceConfig(scripts(code), Environment("study", variables={"GREETING": "hello"}))
    package = package_model(workspace, [], config, name="greet", generate_dockerfile=True)
    assert "RUN sh run.sh --prepare" in (package.folder / "Dockerfile").read_text()
    with running(package) as (url, _):
        assert score(url, None) == (200, "hello")
    shutil.rmtree(package.folder.parent)


@pytest.mark.parametrize("kind", ["model.joblib", "model.pkl", "model.skops"])
def test_a_package_names_what_its_model_and_script_are_made_of(
    workspace: Workspace, scripts: Scripts, tmp_path: Path, kind: str
) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    trained = linear_model.LinearRegression().fit([[0.0], [1.0]], [0, 1])
    file = save_model(trained, tmp_path / kind)
    lines = (
        "import json, yaml\nfrom no_such_module import x\nimport helper\ndef run(data): return 1"
    )
    scripts("", "helper.py")
    config = InferenceConfig(scripts(lines).name, source_directory=tmp_path / "scoring")
    package = package_model(
        workspace, [file], config, generate_dockerfile=True, output_directory=tmp_path / "package"
    )
    wanted = (package.folder / "requirements.txt").read_text().split()
    assert f"scikit-learn=={importlib.metadata.version('scikit-learn')}" in wanted
    assert f"PyYAML=={importlib.metadata.version('PyYAML')}" in wanted
    assert not [each for each in wanted if "helper" in each or "tandemlab" in each]
    assert "- no_such_module\n" in (package.folder / "README.md").read_text()
    assert "helper" not in (package.folder / "README.md").read_text()


@pytest.mark.full
def test_a_script_of_r_answers_by_the_package_that_it_brings(
    workspace: Workspace, scripts: Scripts
) -> None:
    code = "init <- function() function(data) list(sum = sum(jsonlite::fromJSON(data)))"
    package = packaged(workspace, scripts(code, "score.R"), name="sum", base_image="debian:12")
    assert (package.folder / "r/tandemlab/DESCRIPTION").exists()
    with running(package) as (url, _):
        assert score(url, [1, 2.5]) == (200, {"sum": [3.5]})
    lines = (package.folder / "Dockerfile").read_text().splitlines()
    assert lines[0] == "FROM debian:12" and "r-cran-jsonlite" in lines[1]


def test_what_cannot_be_packaged_leaves_nothing(
    workspace: Workspace, scripts: Scripts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = scripts(SUM)
    for error, named, options in (
        (InvalidInput, "has no name", {}),
        (InvalidInput, "no model at", {"models": ["no/such"]}),
        (InvalidInput, "cannot be the name", {"name": "../sum"}),
        (InvalidInput, "container image", {"environment": ContainerSection("study")}),
    ):
        section = options.pop("environment", None)  # type: ignore[attr-defined]
        environment = None if section is None else Environment("boxed", container=section)
        models = options.pop("models", [])  # type: ignore[attr-defined]
        with pytest.raises(error, match=named):
            package_model(
                workspace,
                models,
                InferenceConfig(script, environment),
                output_directory=tmp_path / "package",
                generate_dockerfile=True,
                **{"name": None if named == "has no name" else "sum", **options},  # type: ignore[arg-type]
            )
    assert [path.name for path in tmp_path.iterdir() if "package" in path.name] == []
    package = packaged(workspace, script, name="sum")
    with pytest.raises(AlreadyExists, match="something at"):
        packaged(workspace, script, name="sum")
    with pytest.raises(AlreadyExists, match="something at"):
        package.save(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependency, match="no podman, docker"):
        package.build_image("sum:1")


def test_an_image_gets_the_packages_of_the_system_that_the_environment_names(
    workspace: Workspace, scripts: Scripts
) -> None:
    config = InferenceConfig(
        scripts(SUM), Environment("study", r=RSection(system_packages=("base-files",)))
    )
    package = package_model(workspace, [], config, name="sum", generate_dockerfile=True)
    assert "--no-install-recommends base-files &&" in (package.folder / "Dockerfile").read_text()
    shutil.rmtree(package.folder.parent)


@pytest.mark.services
def test_an_image_answers_as_its_folder_does(
    workspace: Workspace, scripts: Scripts, offset: Path, podman: str
) -> None:
    environment = Environment("study", variables={"GREETING": "hello"})
    package = package_model(
        workspace,
        [offset],
        InferenceConfig(scripts(SUM), environment),
        output_directory=workspace.path.with_name("package"),
        base_image=podman,
        image="localhost/sum:1",
    )
    assert package.location == "localhost/sum:1" and "run.sh --prepare" in package.get_logs()
    command = ["podman", "run", "--rm", "--network", "host", "--name", "sum"]
    command += ["-e", f"TANDEMLAB_SERVICE_KEY={KEY}", package.location]
    command += ["sh", "run.sh", "--host", "0.0.0.0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        url = next(line for line in lines if "answers at" in line).split()[-1]
        assert score(url.replace("0.0.0.0", "127.0.0.1"), [1, 2], KEY) == (200, {"sum": 6})
        assert score(url.replace("0.0.0.0", "127.0.0.1"), [1, 2])[0] == 401
        subprocess.run(["podman", "stop", "sum"], check=True, capture_output=True)
        assert "stopped" in process.stderr.read()
        assert process.wait(30) == 0
