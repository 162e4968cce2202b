"""The example on crash data gives the same figures wherever it runs: only the target changes."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.ray import Ray, attach_ray
from plugins.slurm import Slurm, attach_slurm
from plugins.spark import Spark, attach_spark
from plugins.ssh import Sshd, attach_ssh
from tandemlab import Dataset, Run, ScriptRunConfig, Workspace
from tandemlab.bridge import find_r, r_environment

TARGETS = ("local", "ssh", "slurm", "ray", "spark")
R_CODE = """
library(tandemlab)
words <- commandArgs(trailingOnly = TRUE)
where <- experiment(get_workspace(words[[1]]), "accidents")
for (target in words[-(1:2)]) {
  config <- script_run_config(
    words[[2]], "accidents.R",
    arguments = list(data = "accidents.csv"), compute_target = target
  )
  cat(submit_experiment(where, config)$id, "\\n")
}
"""


@pytest.mark.services
@pytest.mark.timeout(600)
def test_the_same_scripts_give_the_same_metrics_on_every_target(
    workspace: Workspace,
    ssh: Sshd,
    slurm: Slurm,
    ray: Ray,
    spark: Spark,
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> None:
    source = tmp_path / "accidents"
    shutil.copytree(pytestconfig.rootpath / "examples" / "accidents", source)
    runpy.run_path(str(source / "prepare.py"))["prepare"]()
    attach_ssh(workspace, ssh)
    attach_slurm(workspace, slurm, memory="1GB")
    attach_ray(workspace, ray)
    attach_spark(workspace, spark)
    runs_of = {
        "accidents.py": [*_by_python(workspace, source), *_by_shell(workspace, source)],
        "accidents.R": _by_r(workspace, source),
    }
    for runs in runs_of.values():
        for run in runs:
            run.wait_for_completion(timeout_seconds=300)
        here, *elsewhere = (run.get_metrics() for run in runs)
        assert {"accuracy", "log_loss", "auc", "confusion", "roc"} <= here.keys()
        assert all(metrics == here for metrics in elsewhere)
        own = {"system/environment.json", "system/spark.log"}
        names = [set(run.get_file_names()) - own for run in runs]
        assert all(each == names[0] for each in names)


def _by_python(workspace: Workspace, source: Path) -> list[Run]:
    config = ScriptRunConfig(source, "accidents.py", arguments={"data": "accidents.csv"})
    experiment = workspace.experiment("accidents")
    return [experiment.submit(config.replace(compute_target=target)) for target in TARGETS]


def _by_r(workspace: Workspace, source: Path) -> list[Run]:
    words = [find_r().rscript, "--vanilla", "-e", R_CODE, workspace.path, source, *TARGETS]
    ids = _printed([str(word) for word in words], source).split()
    return [workspace.get_run(run_id) for run_id in ids]


def _by_shell(workspace: Workspace, source: Path) -> list[Run]:
    program = str(Path(sys.executable).with_name("tandemlab"))
    submit = [program, "run", "submit", "--experiment", "accidents", "-w", str(workspace.path)]
    what = "-o json accidents.py --data accidents.csv".split()
    told = [_printed([*submit, "--target", target, *what], source) for target in TARGETS[1:]]
    return [workspace.get_run(json.loads(each)["id"]) for each in told]


def _printed(command: list[str], folder: Path) -> str:
    environment = {**os.environ, **r_environment()}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.services
@pytest.mark.timeout(600)
def test_spark_counts_the_rows_of_a_dataset(
    workspace: Workspace, spark: Spark, pytestconfig: pytest.Config
) -> None:
    source = pytestconfig.rootpath / "examples" / "accidents"
    crashes = Dataset.Tabular.from_delimited_files(source / "nassCDS.csv")
    attach_spark(workspace, spark)
    config = ScriptRunConfig(
        source,
        "rates_spark.py",
        compute_target="spark",
        inputs=[crashes.as_named_input("crashes")],
    )
    run = workspace.experiment("accidents").submit(config)
    run.wait_for_completion(timeout_seconds=300)
    metrics = run.get_metrics()
    assert (metrics["people"], metrics["deaths"]) == (26217, 1180)
    assert len(metrics["rates"]["rate"]) == 10
    assert "spark.application_id" in run.get_properties()
