"""The examples of estimators that are small enough, run as their users run them."""

from __future__ import annotations

import shutil
import subprocess

import pytest

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]


def test_digits_are_learnt_from_python_and_from_a_shell(checkout):
    folder = checkout.root / "examples" / "estimators"
    output = checkout.run(checkout.python, folder / "submit.py", "digits")
    assert "Fitted to 1347 digits, tested on 450." in output
    checkout.run(folder / "submit.sh")
    runs = checkout.workspace.experiment("estimators").get_runs()
    accuracies = [run.get_metrics()["accuracy"] for run in runs]
    assert len(accuracies) == 2 and accuracies[0] == accuracies[1] > 0.97
    newest = runs[0]
    assert newest.params == {"gamma": 0.001}
    assert "outputs/model.joblib" in newest.get_file_names()
    found = newest.get_environment()
    assert found is not None and found["packages"]["scikit-learn"].startswith("1.9.")


def test_flowers_are_told_apart_from_r(checkout):
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    asked = subprocess.run(["Rscript", "-e", "library(MASS)"], capture_output=True, check=False)
    if asked.returncode != 0:
        pytest.skip("the R package MASS is not installed")
    folder = checkout.root / "examples" / "estimators"
    output = checkout.run(
        *("Rscript", "-e", 'source("submit.R")'), cwd=folder, TANDEMLAB_PYTHON=checkout.python
    )
    assert "Fitted to 120 flowers, tested on 30." in output and "Warning" not in output
