"""Moving a run elsewhere: one configuration with all that there is, of which the target changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plugins.ray import attach_ray
from plugins.slurm import attach_slurm
from plugins.ssh import attach_ssh
from tandemlab import Dataset, Datastore, Environment, Run, ScriptRunConfig, Workspace
from tandemlab.domain.jobs import Distribution, Input, Output, Resources
from tandemlab.environments import PythonSection
from tandemlab.training import RunConfiguration

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
SECONDS = 120

SCRIPT = """
import json, os, sys
from pathlib import Path
import six
from tandemlab import Run

run = Run.get_context()
inputs = {name: os.environ[f"TANDEMLAB_INPUT_{name}"] for name in NAMES}
outputs = {name: os.environ[f"TANDEMLAB_OUTPUT_{name}"] for name in ("made", "rows")}
places = {path: name for name, path in {**inputs, **outputs}.items()}

def content(path):
    root = Path(path)
    files = [root] if root.is_file() else sorted(each for each in root.rglob("*") if each.is_file())
    return {each.name: each.read_bytes()[:6].decode() for each in files}

rank = int(os.environ["RANK"])
report = {
    "arguments": [places.get(word, word) for word in sys.argv[1:]],
    "greeting": os.environ["GREETING"],
    "threads": os.environ["OMP_NUM_THREADS"],
    "world": [os.environ[name] for name in ("WORLD_SIZE", "LOCAL_RANK", "NODE_RANK")],
    "six": six.__version__,
    "inputs": {name: content(path) for name, path in inputs.items()},
    "source": sorted(os.listdir()),
}
Path(outputs["made"], f"{rank}.json").write_text(json.dumps(report))
if rank == 0:
    Path(outputs["rows"], "rows.csv").write_text("a,b\\n1,2\\n")
    run.log("loss", 0.5)
    print("hello")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    found = tmp_path / "place"
    (found / "2026").mkdir(parents=True)
    (found / "2026" / "a.csv").write_text("a,b\n1,2\n")
    return found


@pytest.fixture
def configuration(workspace: Workspace, place: Path, tmp_path: Path) -> ScriptRunConfig:
    """All attributes of a run configuration, as a file keeps them."""
    datastore = Datastore.register_folder(workspace, "place", place)
    table = Dataset.Tabular.from_delimited_files(place / "2026" / "a.csv")
    table.register(workspace, "cars")
    files = Dataset.File.from_files((datastore, "2026"))
    source = tmp_path / "source"
    source.mkdir()
    names = ("path", "copy", "link", "files", "reference", "table")
    (source / "job.py").write_text(SCRIPT.replace("NAMES", repr(names)))
    (source / "helper.txt").write_text("beside")
    RunConfiguration(
        "job.py",
        {"epochs": 3, "verbose": True, "names": ["a b", "c"], "data": "${inputs.files}"},
        environment_variables={"GREETING": "hej 'you'"},
        max_run_duration_seconds=SECONDS,
        environment=Environment("study", PythonSection(("six==1.16.0",))),
        inputs={
            "path": str(place / "2026"),
            "copy": Input(str(place / "2026" / "a.csv"), mode="download"),
            "link": Input(str(place / "2026"), mode="mount"),
            "files": files.as_named_input("files"),
            "reference": datastore.path("2026"),
            "table": Input(dataset="cars:1"),
        },
        outputs={
            "made": None,
            "rows": Output("made/rows", "rows", datastore="place", table={"format": "delimited"}),
        },
        resources=Resources(cpus=2, memory="4GB", gpus=0),
        distribution=Distribution(2),
    ).save(source, "study")
    return ScriptRunConfig(source, run_config=RunConfiguration.load(source, "study"))


@pytest.fixture(params=["ssh", "slurm", "ray"])
def target(request: pytest.FixtureRequest, workspace: Workspace) -> str:
    attach = {"ssh": attach_ssh, "slurm": attach_slurm, "ray": attach_ray}[request.param]
    attach(workspace, request.getfixturevalue(request.param))
    return str(request.param)


def done(workspace: Workspace, config: ScriptRunConfig, target: str) -> Run:
    run = workspace.experiment("jobs").submit(config.replace(compute_target=target))
    run.wait_for_completion(timeout_seconds=SECONDS)
    return run


def found(run: Run) -> dict[str, Any]:
    """What a run says, did and left, without what says where it was."""
    names = [name for name in run.get_file_names() if not name.startswith("system/")]
    # A script here writes to a datastore's folder itself; from elsewhere its files are copied.
    placed = ("target", "outputs", "stored_outputs")
    return {
        "definition": {k: v for k, v in run.record.definition.items() if k not in placed},
        "reports": [json.loads(run.read_file(f"outputs/made/{rank}.json")) for rank in (0, 1)],
        "files": names,
        "metrics": run.get_metrics(),
        "parameters": run.get_params(),
        "log": run.read_log()[0],
    }


def test_a_command_moves_likewise(workspace: Workspace, place: Path, target: str) -> None:
    line = 'tr 1 7 < "${inputs.copy}" > "${outputs.made}/copy.csv" && echo "$GREETING"'
    config = ScriptRunConfig(
        place,
        command=line,
        environment_variables={"GREETING": "hej 'you'"},
        inputs={"copy": Input(str(place / "2026" / "a.csv"), mode="download")},
        outputs={"made": None},
    )
    for name in ("local", target):
        run = done(workspace, config, name)
        assert run.read_file("outputs/made/copy.csv") == b"a,b\n7,2\n"
        assert run.read_log()[0] == "hej 'you'\n"


def test_only_the_targets_name_changes(
    workspace: Workspace, configuration: ScriptRunConfig, place: Path, target: str
) -> None:
    here = found(done(workspace, configuration, "local"))
    (place / "made" / "rows" / "rows.csv").unlink()
    there = found(done(workspace, configuration, target))
    assert there == here
    words = ["--epochs", "3", "--verbose", "--names", "a b", "c", "--data", "files"]
    csv = {"a.csv": "a,b\n1,"}
    assert here["reports"][0] == {
        "arguments": words,
        "greeting": "hej 'you'",
        "threads": "2",
        "world": ["2", "0", "0"],
        "six": "1.16.0",
        "inputs": {
            **dict.fromkeys(("path", "copy", "link", "files", "reference"), csv),
            "table": {"table.arrow": "ARROW1"},
        },
        "source": [".tandemlab", "helper.txt", "job.py", "logs", "outputs"],
    }
    assert here["log"].count("hello") == 1 and here["metrics"] == {"loss": 0.5}
    assert (place / "made" / "rows" / "rows.csv").read_text() == "a,b\n1,2\n"
    assert Dataset.get_by_name(workspace, "rows").version >= 1
