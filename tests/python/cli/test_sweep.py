from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tandemlab import Workspace
from tandemlab.sweeps import HyperDriveConfig

SWEEP = """\
name: trees
run_config: {script: trial.py}
hyperparameter_sampling:
  method: grid
  parameter_space: {depth: {randint: {upper: 4}}}
primary_metric_name: score
primary_metric_goal: minimize
"""
TRIAL = "import sys; from tandemlab import Run; Run.get_context().log('score', int(sys.argv[2]))"


@pytest.fixture
def file(folder: Path) -> str:
    (folder / "trees.yml").write_text(SWEEP)
    (folder / "trial.py").write_text(TRIAL)
    return "trees.yml"


def test_a_sweep_is_checked_before_anything_runs(
    call: Callable, file: str, workspace: Workspace, folder: Path
) -> None:
    place = ("-w", workspace.address)
    row = call("sweep", "validate", file, *place, "-o", "json").json
    assert row["hyperparameters"] == ["depth"]
    assert (row["method"], row["trials"]) == ("grid", 4)
    schema = call("sweep", "schema").json
    assert "script" in schema["$defs"]["run_config"]["properties"]
    (folder / "bad.yml").write_text(SWEEP.replace("randint", "randin"))
    refused = call("sweep", "submit", "bad.yml", *place, "-o", "json")
    assert refused.status == 2
    assert "line 5" in refused.error["message"]
    assert "did you mean 'randint'?" in refused.error["message"]
    (folder / "trial.py").unlink()
    assert call("sweep", "submit", file, *place).status == 2
    assert not workspace.experiments
    assert call("sweep", "show", "trees/latest", *place).status == 3


@pytest.mark.full
def test_a_sweep_runs_shows_its_best_and_goes_on(
    call: Callable, file: str, workspace: Workspace, folder: Path
) -> None:
    place = ("-w", workspace.address)
    done = call("sweep", "submit", file, "--max-total", "3", *place, "--wait")
    assert done.status == 0
    assert "The sweep has completed." in done.out
    reference = "trees/1"
    shown = call("sweep", "show", reference, *place, "-o", "json").json
    assert (shown["trials"], shown["best"], shown["statuses"]) == ("3/3", 0, {"Completed": "3"})
    assert shown["hyperparameters"] == {"depth": 0}
    best = call("sweep", "best", reference, *place, "-o", "json").json
    assert (best["trial"], best["run"]) == (1, shown["best_run"])
    found = call("sweep", "trials", reference, "--top", "2", *place, "-o", "json").json
    assert [each["value"] for each in found] == [0, 1]
    table = call("sweep", "trials", reference, "--by-number", *place).out
    assert "depth=2" in table
    assert call("sweep", "list", *place, "-o", "json").json[0]["metric"] == "score"
    shares = call("sweep", "importance", reference, *place, "-o", "json").json
    assert shares[0]["hyperparameter"] == "depth"
    picture = call("sweep", "plot", reference, "--to", "trees.png", *place, "-o", "json").json
    assert picture["panels"] == 3
    assert (folder / "trees.png").stat().st_size > 1000
    more = call("sweep", "resume", reference, "--max-total", "4", *place, "--wait", "-o", "json")
    assert more.status == 0
    (last,) = call("sweep", "trials", more.json["run"], *place, "-o", "json").json
    assert last["hyperparameters"] == {"depth": 3}
    assert call("sweep", "best", last["run"], *place).status == 2


def test_a_sweep_that_cannot_be_read_does_not_hide_the_others(
    call: Callable, file: str, workspace: Workspace
) -> None:
    plan = HyperDriveConfig.load_yaml(file).settings.to_dict()
    trial = {"definition": {}, "snapshot": None, "target": "local", "params": {}}
    for name, minutes in (("old", float("inf")), ("new", 60.0)):
        definition = {"sweep": {**plan, "max_duration_minutes": minutes}, "trial": trial}
        run = workspace.experiment(name).create_run(type="sweep", definition=definition)
        run.cancel()

    rows = call("sweep", "list", "-w", workspace.address, "-o", "json").json

    assert [(row["run"], row["metric"]) for row in rows] == [("new/1", "score"), ("old/1", None)]
    assert call("sweep", "show", "old/1", "-w", workspace.address).status == 2
