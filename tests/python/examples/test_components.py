"""Components of the designer on the crash data: one pipeline from YAML, Python and R."""

from __future__ import annotations

import json
import shutil

import pytest

from tandemlab import Workspace
from tandemlab.pipelines import Pipeline, PipelineRun

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed"),
]

CRASHES = """\
name: crashes
parameters: {share: 0.7}
steps:
  read:
    component: {name: import_data, parameters: {path: FILE}}
  select:
    component:
      name: select_columns
      parameters: {columns: [dead, dvcat, seatbelt, frontal, ageOFocc, yearacc]}
    inputs: {data: {step: read}}
  split:
    component:
      name: split_data
      parameters: {fraction: "${parameters.share}", stratify_by: dead}
    inputs: {data: {step: select}}
  learner:
    component: {name: two_class_logistic_regression}
  train:
    component: {name: train_model, parameters: {label: dead}}
    inputs: {learner: {step: learner}, data: {step: split, output: first}}
  score:
    component: {name: score_model}
    inputs: {model: {step: train}, data: {step: split, output: second}}
  evaluate:
    component: {name: evaluate_model, parameters: {label: dead}}
    inputs: {scored: {step: score}}
"""
IN_PYTHON = """
import runpy
from tandemlab import Workspace
pipeline = runpy.run_path("crashes.py")["pipeline"]
run = Workspace.open("lab").experiment("crashes").submit(pipeline)
run.wait_for_completion(timeout_seconds=120)
"""
IN_R = """
source("crashes.R", keep.source = TRUE)
run <- submit_experiment(experiment(get_workspace("lab"), "crashes"), crashes)
wait_for_run_completion(run)
"""


def test_a_pipeline_of_components_is_the_same_from_yaml_python_and_r(checkout) -> None:
    root = checkout.root
    text = CRASHES.replace("FILE", json.dumps(str(checkout.example / "nassCDS.csv")))
    (root / "crashes.yml").write_text(text)
    workspace = Workspace.create(root / "lab")
    pipeline = Pipeline.load_yaml(root / "crashes.yml")
    assert pipeline.validate(workspace) == []
    (root / "crashes.py").write_text(pipeline.to_python())
    (root / "crashes.R").write_text(pipeline.to_r())

    words = ("pipeline", "run", "crashes.yml", "--wait", "-w", "lab")
    python = (root / ".venv").resolve() / "bin" / "python"  # as R finds it
    checkout.run(python, "-m", "tandemlab.cli", *words)
    (first,) = workspace.experiment("crashes").get_runs()
    assert isinstance(first, PipelineRun)
    metrics = first.find_step_run("evaluate")[0].get_metrics()
    assert metrics["AUC_weighted"] > 0.8, metrics
    scored = first.get_output("score", "scored")
    assert len(scored) == pytest.approx(0.3 * 26217, abs=2)
    assert set(scored["scored_label"]) <= {"alive", "dead"}

    checkout.run(python, "-c", IN_PYTHON)
    checkout.run("Rscript", "-e", IN_R, TANDEMLAB_PYTHON=str(python))
    others = [run for run in workspace.experiment("crashes").get_runs() if run.id != first.id]
    assert len(others) == 2
    for run in others:
        assert isinstance(run, PipelineRun)
        assert not [str(run.why(each.name)) for each in run.get_steps() if not each.reused]
