"""``tandemlab service``, with services that really run."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from operator import mul
from pathlib import Path
from types import SimpleNamespace

import pytest

from plugins.services import SUM
from python.cli.conftest import Answer
from tandemlab import Workspace
from tandemlab.models import Model, save_model

Call = Callable[..., Answer]


@pytest.fixture
def lab(services: Workspace, folder: Path) -> Workspace:
    """A workspace that commands in the working directory use, and its services with it."""
    services.write_config(folder)
    return services


def test_a_service_from_deployment_to_removal(
    call: Call, lab: Workspace, scripts: Callable[..., Path], offset: Path
) -> None:
    script = scripts(SUM)
    words = ("--script", script.name, "--source", script.parent, "--model", offset)
    made = call("service", "deploy", "demo", *words, "-o", "json")
    assert made.status == 0, made.err
    assert (made.json["state"], made.json["ready"]) == ("running", 1)
    assert made.json["models"] == ["offset"]
    assert call("service", "deploy", "demo", *words).status == 4
    assert json.loads(call("service", "run", "demo", "[1, 2]").out) == {"sum": 6}
    refused = call("service", "run", "demo", "[1,", "-o", "json")
    assert (refused.status, refused.error["code"]) == (2, "invalid_input")
    assert call("service", "run", "demo", '["a"]').status == 15
    assert "ready to add" in call("service", "logs", "demo").out
    keys = call("service", "keys", "demo", "-o", "json").json
    assert [each["key"] for each in keys] == ["primary", "secondary"]
    token = call("service", "token", "demo", "--minutes", "5", "-o", "json").json
    assert token["token_type"] == "Bearer" and token["access_token"].startswith("token.")
    assert call("service", "token", "demo", "--minutes", "0").status == 2
    renewed = call("service", "keys", "demo", "--new", "secondary", "-o", "json").json
    assert [a == b for a, b in zip(keys, renewed, strict=True)] == [True, False]
    scripts(SUM.replace('"sum"', '"total"'))
    assert call("service", "reload", "demo", "-o", "json").json["generation"] == 2
    assert json.loads(call("service", "run", "demo", "[1]").out) == {"total": 4}
    assert call("service", "scale", "demo", "2", "-o", "json").json["ready"] == 2
    assert call("service", "stop", "demo", "-o", "json").json["state"] == "stopped"
    assert call("service", "run", "demo", "[1]").status == 5
    assert call("service", "start", "demo", "-o", "json").json["ready"] == 2
    assert [each["name"] for each in call("service", "list", "-o", "json").json] == ["demo"]
    assert call("service", "remove", "demo", "--yes").status == 0
    assert call("service", "list", "-o", "json").json == []
    assert call("service", "show", "demo").status == 3


def test_a_model_is_served_in_one_line(call: Call, lab: Workspace, tmp_path: Path) -> None:
    for number in (1, 2):
        rule = SimpleNamespace(predict=partial(mul, number))
        Model.register(lab, save_model(rule, tmp_path / "rule.pkl"), "rule")
    made = call("model", "serve", "rule:1", "-o", "json")
    assert made.status == 0, made.err
    assert (made.json["name"], made.json["models"], made.json["ready"]) == ("rule", ["rule:1"], 1)
    assert json.loads(call("service", "run", "rule", "[3]").out) == {"predictions": [3]}
    changed = call("model", "serve", "rule", "-o", "json").json
    assert (changed["models"], changed["pid"]) == (["rule:2"], made.json["pid"])
    assert json.loads(call("service", "run", "rule", "[3]").out) == {"predictions": [6]}
    assert call("model", "serve", "no such").status == 3
