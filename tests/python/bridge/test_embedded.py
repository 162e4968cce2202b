"""R inside Python's process by rpy2: `to_r`, `from_r` and `converter`.

What needs R runs in a Python of its own (embedded_cases.py), since an R cannot be had twice in one
process, nor be taken out of it again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tandemlab.bridge import embedded, to_r
from tandemlab.domain.errors import MissingDependency

CASES = Path(__file__).with_name("embedded_cases.py")


def run(*arguments: str | Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A Python that finds no `.Rprofile` where it starts."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "TZ": "America/New_York", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.full
@pytest.mark.timeout(600)
def test_in_one_process(tmp_path: Path) -> None:
    libraries = ("rpy2", "pyarrow", "pandas", "polars", "duckdb", "yaml")
    if shutil.which("Rscript") is None or not all(map(find_spec, libraries)):
        pytest.skip("R, rpy2 or a library of frames is not installed")
    done = run(CASES, tmp_path / "results", folder=tmp_path)
    answers = list(map(json.loads, (tmp_path / "results").read_text("utf-8").splitlines()))
    assert done.returncode == 0, f"after {answers[-1:]}: {done.stdout[-4000:]}"
    assert len(answers) > 300
    wrong = [f"{one['name']}: {one['problem']}" for one in answers if one["problem"]]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.full
def test_an_r_without_the_package_is_named(tmp_path: Path) -> None:
    if shutil.which("Rscript") is None or find_spec("rpy2") is None:
        pytest.skip("R or rpy2 is not installed")
    code = "from tandemlab.bridge import embedded, to_r; embedded.r_environment = dict; to_r(1)"
    done = run("-c", code, folder=tmp_path, R_LIBS="", R_LIBS_USER=str(tmp_path))
    assert "has no package tandemlab" in done.stdout and "R CMD INSTALL" in done.stdout


@pytest.fixture
def r_of_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the machine's R say that it is of some version."""

    def pretend(version: str) -> None:
        program = tmp_path / "Rscript"
        program.write_text(f"#!/bin/sh\necho 'Rscript (R) version {version} (2026-01-01)'\n")
        program.chmod(0o755)
        monkeypatch.setenv("TANDEMLAB_RSCRIPT", str(program))

    monkeypatch.setattr(embedded, "_embedded", embedded._Embedded)  # not the one of other tests
    return pretend


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        ("4.2.2", "pip install rpy2==3.6.4 rpy2-rinterface==3.6.5"),
        ("4.4.3", "pip install rpy2==3.6.4 rpy2-rinterface==3.6.5"),
        ("4.5.0", "pip install 'rpy2>3.6.4'"),
    ],
)
def test_without_rpy2_the_error_says_which_one_fits_this_r(
    r_of_version: Any, monkeypatch: pytest.MonkeyPatch, version: str, fits: str
) -> None:
    r_of_version(version)
    monkeypatch.setitem(sys.modules, "rpy2", None)
    with pytest.raises(MissingDependency, match=f"not installed .R is {version}") as caught:
        to_r(1)
    assert caught.value.hint == fits


def test_an_rpy2_that_does_not_fit_r_is_named_with_its_reason(
    r_of_version: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    r_of_version("4.2.2")
    package = tmp_path / "rpy2" / "robjects"
    package.mkdir(parents=True)
    (tmp_path / "rpy2" / "__init__.py").touch()
    (package / "__init__.py").write_text("raise ImportError('undefined symbol: R_ParentEnv')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "rpy2"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingDependency, match="undefined symbol: R_ParentEnv") as caught:
        to_r(1)
    assert "rpy2-rinterface==3.6.5" in caught.value.hint
