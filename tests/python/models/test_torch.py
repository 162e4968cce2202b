"""States and modules of torch, in an environment that has it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tandemlab import Model, Workspace
from tandemlab.environments import EnvironmentCache, get_environment
from tandemlab.services import InferenceConfig, deploy_model

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(900)]

SAVE = """
import pickle, sys, torch
from tandemlab.domain import InvalidInput
from tandemlab.models import load_model, save_model

network = torch.nn.Linear(2, 1)
with torch.no_grad():
    network.weight.copy_(torch.tensor([[2.0, 3.0]]))
    network.bias.fill_(1.0)
state = load_model(save_model(network, sys.argv[1] + "/state.pt"))
assert torch.equal(state["weight"], network.weight)
assert load_model(save_model(state, sys.argv[1] + "/again.pth")).keys() == state.keys()
torch.save(network, sys.argv[1] + "/module.pt")
try:
    load_model(sys.argv[1] + "/module.pt")
except InvalidInput as problem:
    assert "torch.nn.modules.linear.Linear" in problem.message, problem
else:
    raise AssertionError("a module was read without trust")
found = load_model(sys.argv[1] + "/module.pt", trusted=True)
assert torch.equal(found.weight, network.weight)
"""
SCORE = """
import json, torch
from tandemlab.models import Model, load_model

def init():
    global network
    network = torch.nn.Linear(2, 1)
    network.load_state_dict(load_model(Model.get_model_path("linear")))

def run(data):
    with torch.no_grad():
        return {"predictions": network(torch.tensor(json.loads(data))).flatten()}
"""


@pytest.fixture(autouse=True)
def wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv looks where this machine's pip is told to look for wheels that are not on PyPI."""
    if found := os.environ.get("PIP_FIND_LINKS"):
        monkeypatch.setenv("UV_FIND_LINKS", found)


def test_a_state_is_read_safely_a_module_if_trusted_and_a_service_answers_by_it(
    services: Workspace, tmp_path: Path
) -> None:
    name = "pytorch-2.13"
    python = EnvironmentCache().build(get_environment(services, name).environment).python
    assert python is not None
    done = subprocess.run([python, "-c", SAVE, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    model = Model.register(services, tmp_path / "state.pt", "linear")
    assert model.format.value == "torch" and model.framework is None
    (tmp_path / "score.py").write_text(SCORE)
    config = InferenceConfig(tmp_path / "score.py", environment=name)
    service = deploy_model(services, "linear", [model], config)
    service.wait_for_deployment()
    assert service.run([[1.0, 1.0], [0.0, 2.0]]) == {"predictions": [6.0, 7.0]}
