"""The example on crash data gives the same figures wherever it runs: only the target changes."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from plugins.slurm import Slurm, attach_slurm
from plugins.ssh import Sshd, attach_ssh
from tandemlab import ScriptRunConfig, Workspace


@pytest.mark.services
@pytest.mark.timeout(600)
def test_the_same_scripts_give_the_same_metrics_on_every_target(
    workspace: Workspace, ssh: Sshd, slurm: Slurm, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    source = tmp_path / "accidents"
    shutil.copytree(pytestconfig.rootpath / "examples" / "accidents", source)
    runpy.run_path(str(source / "prepare.py"))["prepare"]()
    attach_ssh(workspace, ssh)
    attach_slurm(workspace, slurm, memory="1GB")
    experiment = workspace.experiment("accidents")
    for script in ("accidents.py", "accidents.R"):
        config = ScriptRunConfig(source, script, arguments={"data": "accidents.csv"})
        runs = [
            experiment.submit(config.replace(compute_target=target))
            for target in ("local", "ssh", "slurm")
        ]
        for run in runs:
            run.wait_for_completion(timeout_seconds=300)
        here, *elsewhere = (run.get_metrics() for run in runs)
        assert {"accuracy", "log_loss", "auc", "confusion", "roc"} <= here.keys()
        assert elsewhere == [here, here]
        names = [set(run.get_file_names()) - {"system/environment.json"} for run in runs]
        assert names[0] == names[1] == names[2]
