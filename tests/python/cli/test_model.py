"""``tandemlab model``, as people and scripts use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from python.cli.conftest import Answer
from tandemlab import Model, Workspace
from tandemlab.services.deployment import (
    Deployment,
    LocalWebserviceDeploymentConfiguration,
    ServedModel,
)
from tandemlab.services.folder import service_folder

Call = Callable[..., Answer]


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "model.rds"
    path.write_bytes(b"a model of R")
    (folder / "test.csv").write_text("age,sex\n31,f\n52,m\n")
    (folder / "predicted.csv").write_text("p\n0.5\n0.25\n")
    return path


def test_a_model_is_registered_shown_and_downloaded(
    call: Call, lab: Workspace, file: Path, tmp_path: Path
) -> None:
    words = "--tag team=a --property rows=2 --framework glm --description risk --alias candidate"
    samples = ("--sample", "test.csv", "--sample-output", "predicted.csv")
    made = call("model", "register", "risk", file, *words.split(), *samples, "-o", "json").json
    assert (made["model"], made["format"], made["framework"]) == ("risk:1", "rds", "glm")
    assert made["sample_input"] == [{"age": 31, "sex": "f"}, {"age": 52, "sex": "m"}]
    assert made["signature"]["outputs"]["columns"][0]["name"] == "p"
    file.unlink()
    shown = call("model", "show", "risk@candidate")
    assert "inputs       age integer, sex string" in shown.out
    assert "tandemlab model download risk:1" in shown.err
    assert call("model", "show", "risk:1", "-o", "json").json == made
    copied = call("model", "download", "risk", "--to", tmp_path / "copy", "-o", "json").json
    assert Path(copied["path"]).read_bytes() == b"a model of R"
    again = call("model", "download", "risk", "--to", tmp_path / "copy")
    assert again.status == 4 and "exist" in again.err
    assert call("model", "download", "risk", "--to", tmp_path / "copy", "--exist-ok").status == 0


def test_a_file_of_a_run_is_registered(call: Call, lab: Workspace, file: Path) -> None:
    with lab.experiment("demo").start_logging() as run:
        run.upload_file("outputs/model.rds", file)
    made = call("model", "register", "risk", "outputs/model.rds", "--run", "demo/1", "-o", "json")
    assert made.json["run"] == run.id
    assert [
        row["model"] for row in call("model", "list", "--run", "demo/1", "-o", "json").json
    ] == ["risk:1"]
    missing = call("model", "register", "risk", "model.rds", "--run", "demo/1")
    assert missing.status == 3 and "It has outputs/model.rds" in missing.err


def test_models_are_listed(call: Call, lab: Workspace, file: Path) -> None:
    assert call("model", "list").err == "No models.\n"
    for name, tag in (("risk", "team=a"), ("risk", "team=b"), ("age", "team=a")):
        assert call("model", "register", name, file, "--tag", tag).status == 0

    def listed(*options: str) -> list[str]:
        return [row["model"] for row in call("model", "list", *options, "-o", "json").json]

    assert listed() == ["age:1", "risk:2"]
    assert listed("--all") == ["age:1", "risk:2", "risk:1"]
    assert listed("--name", "risk") == ["risk:2", "risk:1"]
    assert listed("--tag", "team=a") == ["age:1", "risk:1"]


def test_aliases_and_tags_change(call: Call, lab: Workspace, file: Path) -> None:
    for _ in range(2):
        call("model", "register", "risk", file)
    call("model", "alias", "risk:1", "production")
    moved = call("model", "alias", "risk:2", "production", "candidate", "-o", "json").json
    assert (moved["model"], moved["aliases"]) == ("risk:2", ["candidate", "production"])
    assert Model(lab, "risk:1").aliases == ()
    assert call("model", "alias", "risk", "candidate", "--remove").status == 0
    assert call("model", "alias", "risk", "candidate", "--remove").status == 3
    assert call("model", "tag", "risk", "team=a", "reviewed", "-o", "json").json["tags"] == {
        "reviewed": "",
        "team": "a",
    }
    removed = call("model", "tag", "risk", "--remove", "reviewed", "-o", "json").json
    assert removed["tags"] == {"team": "a"}
    assert call("model", "tag", "risk").status == 2


def test_a_model_is_removed_unless_a_service_uses_it(
    call: Call, lab: Workspace, file: Path
) -> None:
    call("model", "register", "risk", file)
    service = service_folder(lab.path, "risks")
    service.path.mkdir(parents=True)
    served = (ServedModel("risk", 1),)
    settings = LocalWebserviceDeploymentConfiguration()
    where = ("python", "score.py", str(service.path), False)
    service.write(Deployment("risks", 1, 1, *where, served, None, settings, 0, 0))
    refused = call("model", "remove", "risk", "--yes")
    assert refused.status == 5 and "The service 'risks' uses the model risk:1" in refused.err
    (service.path / "service.json").unlink()
    assert call("model", "remove", "risk", "--yes").status == 0
    missing = call("model", "show", "risk:1")
    assert missing.status == 3


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("risk", "nothing.rds"), 2, "no model at"),
        (("../risk", "model.rds"), 2, "looks like a path"),
        (("risk:1", "model.rds"), 2, "name a version"),
        (("risk", "model.rds", "--sample", "nothing.csv"), 3, "nothing.csv"),
        (("risk", "model.rds", "--sample", "model.rds"), 2, "model.rds is no table by its ending"),
        (("risk", "model.rds", "--sample", "bad.json"), 2, "bad.json is no table by its ending"),
        (("risk", "model.rds", "--signature", "bad.json"), 2, "must be a mapping of names"),
        (("risk", "model.rds", "--signature", "test.csv"), 2, "is no JSON"),
        (("risk", "model.rds", "--dataset", "training=cars"), 3, "no dataset 'cars'"),
        (("risk", "model.rds", "--dataset", "cars"), 2, "NAME=VALUE"),
    ],
)
def test_bad_input_registers_nothing(
    call: Call, lab: Workspace, file: Path, words: tuple[str, ...], status: int, message: str
) -> None:
    (file.parent / "bad.json").write_text('[{"age": 31}]')
    answer = call("model", "register", *words)
    assert answer.status == status and message in answer.err
    assert Model.list(lab) == []


def test_a_signature_comes_from_a_file(call: Call, lab: Workspace, file: Path) -> None:
    signature = {"inputs": {"kind": "array", "type": "double", "shape": [None, 2]}}
    (file.parent / "signature.json").write_text(json.dumps(signature))
    made = call("model", "register", "risk", file, "--signature", "signature.json", "-o", "json")
    assert made.json["inputs"] == "array of double (any × 2)"
