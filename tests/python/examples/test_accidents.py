"""The example on crash data, run as its users run it."""

from __future__ import annotations

import csv
import runpy
import shutil
from pathlib import Path

import pytest

from tandemlab import Run, Workspace

needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")

METRICS = ("accuracy", "log_loss", "auc")
PNG = b"\x89PNG"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def check_runs(in_r: Run, in_python: Run) -> None:
    """Both logged everything, and the same."""
    r, python = in_r.get_metrics(), in_python.get_metrics()
    assert [r[name] for name in METRICS] == pytest.approx([python[name] for name in METRICS], 1e-7)
    assert r["confusion"] == python["confusion"]
    assert 0.85 < r["auc"] < 1 and 0 < r["log_loss"] < 0.2
    for run, model in ((in_r, "outputs/model.rds"), (in_python, "outputs/model.joblib")):
        assert {"images/roc.png", model, "user_logs/std_log.txt"} <= set(run.get_file_names())
        assert (run.directory / "files/images/roc.png").read_bytes().startswith(PNG)
    assert (in_r.tags["language"], in_python.tags["language"]) == ("R", "Python")


def newest(runs: list[Run]) -> tuple[Run, Run]:
    """The newest run in R, and the newest in Python."""
    by_language = {run.tags["language"]: run for run in reversed(runs)}
    return by_language["R"], by_language["Python"]


def test_preparation_keeps_the_complete_rows_and_splits_them_alike_each_time(checkout):
    checkout.run(checkout.python, checkout.example / "prepare.py")
    prepared = checkout.example / "accidents.csv"
    first = prepared.read_bytes()
    prepared.unlink()
    checkout.run(checkout.python, checkout.example / "prepare.py")
    assert prepared.read_bytes() == first

    complete = [row for row in read(checkout.example / "nassCDS.csv") if row["yearVeh"] != "NA"]
    rows = read(prepared)
    assert [row["ageOFocc"] for row in rows] == [row["ageOFocc"] for row in complete]
    train = sum(row["split"] == "train" for row in rows)
    assert train / len(rows) == pytest.approx(0.75, abs=0.01)
    assert {row["split"] for row in rows} == {"train", "test"}


def test_preparation_is_skipped_when_it_is_up_to_date(checkout):
    checkout.run(checkout.python, checkout.example / "prepare.py")
    before = (checkout.example / "accidents.csv").stat()
    assert "up to date" in checkout.run(checkout.python, checkout.example / "prepare.py")
    assert (checkout.example / "accidents.csv").stat() == before


def test_interrupted_preparation_leaves_no_half_file(checkout):
    write_whole = runpy.run_path(str(checkout.example / "prepare.py"))["write_whole"]
    target = checkout.root / "new.csv"
    before = sorted(checkout.root.iterdir())
    with pytest.raises(ValueError, match="no column of ours"):
        write_whole(target, [{"dead": "alive"}, {"no column of ours": "1"}])
    assert sorted(checkout.root.iterdir()) == before


@needs_r
@pytest.mark.parametrize(
    ("program", "script"), [("Rscript", "accidents.R"), (None, "accidents.py")]
)
def test_missing_data_are_named(checkout, program, script):
    program = program or checkout.python
    command = (program, checkout.example / script, "--data", "lost.csv")
    output = checkout.run(*command, status=1)
    assert "There is no file lost.csv. prepare.py makes accidents.csv." in output
    assert "Traceback" not in output


def test_missing_source_is_named(checkout):
    (checkout.example / "nassCDS.csv").unlink()
    output = checkout.run(checkout.python, checkout.example / "demo.py", status=1)
    assert "nassCDS.csv" in output and "Traceback" not in output


def test_demo_without_r_says_so_and_leaves_no_run(checkout):
    output = checkout.run(
        checkout.python,
        checkout.example / "demo.py",
        status=1,
        TANDEMLAB_RSCRIPT="/nowhere/Rscript",
    )
    assert "The demo stopped: The interpreter '/nowhere/Rscript' is not on this machine." in output
    assert "Traceback" not in output
    assert checkout.workspace.experiment("accidents").get_runs() == []


@needs_r
@pytest.mark.full
@pytest.mark.timeout(300)
def test_demo_trains_in_both_languages_and_its_suggestions_work(checkout, pytestconfig):
    output = checkout.run(checkout.python, checkout.example / "demo.py", cwd=checkout.example)
    assert "accidents.csv: " in output
    check_runs(*newest(checkout.workspace.experiment("accidents").get_runs()))

    rows = figures(output)
    assert [row[0] for row in rows] == ["R", "Python"]
    readme = (pytestconfig.rootpath / "README.md").read_text()
    assert figures(readme) == rows, "README.md shows other figures than the demo"

    _, _, rest = output.partition("== To try next\n")
    commands = [line for line in rest.splitlines() if line and not line.startswith(" ")]
    assert len(commands) == 6 and commands[0] == f"cd '{checkout.root}'"
    checkout.run("bash", "-euc", "\n".join(commands), cwd=checkout.example)
    runs = checkout.workspace.experiment("accidents").get_runs()
    assert [run.status.value for run in runs] == ["Completed"] * 6


def figures(text: str) -> list[tuple[str, ...]]:
    """Language and figures of each row of the demo's table."""
    words = [line.split() for line in text.splitlines()]
    return [
        tuple(row[1:5])
        for row in words
        if len(row) == 6 and row[1] in ("R", "Python") and row[2].startswith("0.")
    ]


@needs_r
@pytest.mark.full
@pytest.mark.timeout(300)
def test_submit_sh_trains_both_and_lists_them(checkout):
    output = checkout.run(checkout.example / "submit.sh")
    assert "accidents/1" in output and "accidents/2" in output
    check_runs(*newest(checkout.workspace.experiment("accidents").get_runs()))


@needs_r
@pytest.mark.full
@pytest.mark.timeout(300)
def test_submit_r_can_be_sourced_in_the_folder_of_the_example(checkout):
    output = checkout.run(
        "Rscript",
        *("-e", 'source("submit.R")'),
        cwd=checkout.example,
        TANDEMLAB_PYTHON=checkout.python,
    )
    assert "Warning" not in output
    workspace = Workspace.open(checkout.example / "lab")
    check_runs(*newest(workspace.experiment("accidents").get_runs()))


@needs_r
@pytest.mark.full
def test_scripts_run_by_themselves(checkout):
    checkout.run(checkout.python, "prepare.py", cwd=checkout.example)
    variables = {"TANDEMLAB_PYTHON": checkout.python}
    outputs = [
        checkout.run("Rscript", "accidents.R", cwd=checkout.example, **variables),
        checkout.run(checkout.python, "accidents.py", cwd=checkout.example),
    ]
    assert all("No run is active" in output for output in outputs)
    models = {path.name for path in (checkout.example / "outputs").iterdir()}
    assert models == {"model.rds", "model.joblib"}
    offline = Workspace.open(checkout.example / ".tandemlab" / "offline")
    in_r, in_python = newest(offline.experiment("offline").get_runs())
    for name in METRICS:
        assert in_r.get_metrics()[name] == pytest.approx(in_python.get_metrics()[name], 1e-7)
