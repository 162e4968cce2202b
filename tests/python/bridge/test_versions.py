"""The bridge with other libraries than those of the tests: pyarrow alone, and old versions.

Each Python is a virtual environment of its own, whose files uv links from its cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

ROOT = Path(__file__).parents[3]
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
LIBRARIES = {
    "pyarrow alone": [f"pyarrow=={version('pyarrow')}"],
    "the oldest that pyproject.toml allows": ["numpy==1.26.4", "pandas==2.2.0", "pyarrow==16.0.0"],
    "numpy 1": ["numpy==1.26.4", "pandas==2.3.3", "pyarrow==17.0.0"],
}

pytestmark = [
    pytest.mark.services,
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed"),
    pytest.mark.skipif(UV is None, reason="uv is not installed"),
]


@pytest.fixture(scope="session")
def python_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """A Python of its own with some libraries, beside which nothing is but tandemlab's code."""
    made: dict[str, Path] = {}

    def uv(*arguments: str | Path) -> None:
        done = subprocess.run([UV or "", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"uv could not get the packages: {done.stderr.strip()[-300:]}")

    def make(name: str) -> str:
        if name not in made:
            folder = tmp_path_factory.mktemp("versions") / "venv"
            uv("venv", "--python", sys.executable, folder)
            python = folder / "bin" / "python"
            uv("pip", "install", "--only-binary=:all:", "--python", python, *LIBRARIES[name])
            (packages,) = folder.glob("lib/python*/site-packages")
            (packages / "tandemlab.pth").write_text(f"{ROOT / 'python'}\n")
            made[name] = python
        return str(made[name])

    return make


def run_r(script: Path, **variables: str) -> str:
    done = subprocess.run(
        ["Rscript", "--no-init-file", script],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_matrix_holds_with_other_libraries(
    python_with: Callable[[str], str], name: str
) -> None:
    script = Path(__file__).with_name("cross_matrix.R")
    said = run_r(script, CROSS_MATRIX=str(ROOT / "tests"), TANDEMLAB_PYTHON=python_with(name))
    assert int(said.split("crossed ")[1]) > 300
    if name == "pyarrow alone":
        assert "without pandas: tandemlab_error_missing_dependency" in said


USES_RETICULATE_FIRST = """
library(reticulate)
np <- import("numpy")
weights <- np$zeros(3L)                       # converts, as reticulate does
layers <- import("collections", convert = FALSE)$OrderedDict()

library(tandemlab)
said <- character()
keep <- function(condition) {
  said <<- c(said, conditionMessage(condition))
  invokeRestart("muffleWarning")
}
at <- as.POSIXct(c("2026-01-01", NA), tz = "Asia/Tokyo")
x <- data.frame(f = factor(c("a", NA)), n = c(1L, NA), at)
frame <- withCallingHandlers(as_python_frame(x, "pandas"), warning = keep)
stopifnot(
  identical(as_r_frame(frame), x),
  length(said) == 1, grepl("which the variable TANDEMLAB_PYTHON names, is not used", said),
  identical(as.vector(weights), c(0, 0, 0)), identical(as.vector(np$ones(2L)), c(1, 1)),
  py_len(frame) == 2, startsWith(np$`__version__`, "1.26")
)
main <- py_run_string("def rows(frame): return frame.dropna().shape[0]")
stopifnot(identical(main$rows(frame), 1L))
cat("both work\\n")
"""


def test_a_script_that_uses_reticulate_first_keeps_its_python(
    python_with: Callable[[str], str], tmp_path: Path
) -> None:
    script = tmp_path / "script.R"
    script.write_text(USES_RETICULATE_FIRST)
    said = run_r(script, TANDEMLAB_PYTHON=sys.executable, RETICULATE_PYTHON=python_with("numpy 1"))
    assert said.endswith("both work\n"), said
