"""The bridge under another reticulate than the installed one: ``TANDEMLAB_TEST_RETICULATE``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VARIABLE = "TANDEMLAB_TEST_RETICULATE"

RUN_TESTS = """
suppressMessages(library(tandemlab))
cat("reticulate is", find.package("reticulate"), "\\n")
testthat::test_dir(
  commandArgs(TRUE), filter = "frames|values|python", package = "tandemlab",
  load_package = "installed", reporter = "summary", stop_on_failure = TRUE
)
"""


def library_with(reticulate: Path, folder: Path) -> Path:
    """A library of R that holds it, be it a source, an installed package, or a library."""
    if (reticulate / "Meta" / "package.rds").exists():
        return reticulate.parent
    if (reticulate / "reticulate" / "Meta" / "package.rds").exists():
        return reticulate
    folder.mkdir()
    command = ["R", "CMD", "INSTALL", "--no-docs", "--no-test-load", f"--library={folder}"]
    done = subprocess.run([*command, reticulate], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.mark.full
@pytest.mark.timeout(900)
def test_frames_and_values_cross_with_the_reticulate_that_is_named(tmp_path: Path) -> None:
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"{VARIABLE} names no reticulate: a source, or a library that has it")
    library = library_with(Path(named).resolve(), tmp_path / "library")
    script = tmp_path / "run.R"
    script.write_text(RUN_TESTS)
    done = subprocess.run(
        ["Rscript", "--no-init-file", script, ROOT / "tests" / "testthat"],
        env={**os.environ, "R_LIBS": f"{library}:{os.environ['R_LIBS']}", "NOT_CRAN": "true"},
        capture_output=True,
        text=True,
    )
    assert f"reticulate is {library / 'reticulate'}" in done.stdout, done.stderr[-4000:]
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
