"""The pipelines of both languages on the crash data, as their users build and run them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from plugins.waiting import wait_until
from plugins.workspaces import stop_agent
from tandemlab import Model, Workspace
from tandemlab.bridge import read_frame
from tandemlab.pipelines import Pipeline, PipelineRun
from tandemlab.schedules import Schedule

needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
NAMES = ("train", "score")


@pytest.fixture
def example(checkout) -> Path:
    return checkout.root / "examples" / "pipeline"


@needs_r
def test_both_languages_build_the_pipelines_of_the_files(checkout, example, monkeypatch):
    monkeypatch.chdir(example)
    in_files = [Pipeline.load_yaml(f"{name}.yml").to_dict() for name in NAMES]
    code = (
        "import json, build; print(json.dumps([build.train_pipeline().to_dict(), "
        "build.score_pipeline().to_dict()]))"
    )
    assert json.loads(checkout.run(checkout.python, "-c", code, cwd=example)) == in_files
    save = "".join(f'save_pipeline({name}_pipeline(), "r-{name}.yml");' for name in NAMES)
    checkout.run(
        *("Rscript", "-e", f'source("build.R"); {save}'),
        cwd=example,
        TANDEMLAB_PYTHON=checkout.python,
    )
    assert [Pipeline.load_yaml(f"r-{name}.yml").to_dict() for name in NAMES] == in_files


@needs_r
@pytest.mark.full
@pytest.mark.timeout(300)
def test_the_shell_publishes_trains_by_name_and_new_files_are_scored(checkout, example):
    checkout.run(example / "run.sh", "2000")
    workspace = Workspace.open(example / "lab")
    try:
        (found,) = workspace.experiment("train").get_runs()
        train = PipelineRun.get(workspace, found.id)
        assert train.properties["published_pipeline"] == "train:1"
        comparison = train.get_output("compare", "comparison")
        in_r, in_python = (train.get_output(f"fit_{key}", "risks") for key in ("r", "python"))
        assert set(in_r["person"]) == set(in_python["person"])
        assert len(in_r) == comparison["people"]
        assert "images/odds.png" in train.find_step_run("fit_r")[0].get_file_names()
        losses = comparison["log_loss"]
        assert comparison["best"] == min(losses, key=losses.get)
        model = Model(workspace, "crash-deaths")
        assert model.run_id == train.find_step_run("compare")[0].id

        new, made = example / "crashes" / "new", example / "crashes" / "scores"
        lines = (checkout.example / "nassCDS.csv").read_text().splitlines()
        (new / "monday.csv").write_text("\n".join(lines[:41]) + "\n")
        wait_until(lambda: list(made.glob("*/scores.arrow")), seconds=120)
        (file,) = made.glob("*/scores.arrow")
        scores = read_frame(file, "pandas")
        assert list(scores["person"]) == [*range(1, 41)]
        assert scores["risk"].between(0, 1).all()
        (run,) = Schedule.get(workspace, "rescore").get_runs()
        run.wait_for_completion(timeout_seconds=60)
        assert run.id in {each.partition(".")[0] for each in model.used_by()}
        assert Schedule.get(workspace, "weekly").next_times()[0].weekday() == 0
        assert Schedule.get(workspace, "weekly").get_firings() == []
    finally:
        for each in Schedule.list(workspace):
            each.delete()
        stop_agent(workspace)


@needs_r
@pytest.mark.full
@pytest.mark.timeout(300)
def test_the_notebook_runs_from_its_first_cell_to_its_last(checkout, example):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    notebook = nbformat.read(example / "pipeline.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    resources = {"metadata": {"path": str(example)}}
    nbclient.NotebookClient(notebook, timeout=180, resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output["data"] for output in outputs if "data" in output]
    assert "image/svg+xml" in shown[0]
    assert "'crash-deaths:1'" in [data["text/plain"] for data in shown]
    assert "risk" in shown[-1]["text/html"]
