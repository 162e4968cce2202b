"""The vignettes can be built, and say what they ought to say."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pytest

VIGNETTES = sorted(Path(__file__).parents[3].glob("vignettes/*.Rmd"))

# What each must say, which it does when its code was run, and the errors that it shows.
EXPECTED = {
    "automl": ("AUC_weighted", []),
    "forecasting": ("normalized_root_mean_squared_error", []),
    "first-model": ("fit the model's signature", ["#> Error in `invoke_webservice()`:"]),
    "first-steps": (
        "Completed",
        [
            "#> Error in `wait_for_run_completion()`:",
            "#> ! Run cars_ID failed: The script ended with exit code 1. Last output: Error: The "
            "data have no column mpg",
            "#>   | Error: The data have no column mpg",
        ],
    ),
    "frames": (
        "timestamp[us, tz=Europe/Berlin]",
        ["#> Error in `as_python_frame()`:"] * 2 + ["#> Error in `as_r_frame()`:"],
    ),
    "mixed-pipeline": ("crash-deaths:1", []),
    "three-models": ("interactions by AIC", []),
    "sweeps": ("random sweep of span, degree", []),
    "where-it-runs": ("this machine", []),
}


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda path: path.stem)
def test_vignette_runs_without_an_unexpected_error(checkout, vignette):
    if shutil.which("Rscript") is None or shutil.which("pandoc") is None:
        pytest.skip("R or pandoc is not installed")
    shutil.copy(vignette, checkout.root)
    checkout.run("Rscript", "-e", f"rmarkdown::render('{vignette.name}', quiet = TRUE)")
    page = (checkout.root / vignette.with_suffix(".html").name).read_text()
    text = html.unescape(re.sub(r"<[^>]*>", "", page))
    said, shown = EXPECTED[vignette.stem]
    assert said in text
    assert "not from" not in text and "#> [1] FALSE" not in text
    printed = [line for line in text.splitlines() if line.startswith("#>")]
    assert not [line for line in printed if "Warning" in line]
    errors = [re.sub(r"cars_\w+", "cars_ID", line) for line in printed if "Error" in line]
    assert errors == shown
