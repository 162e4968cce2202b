"""Both packages as users get them: built from the sources, clean and whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

needs_r = pytest.mark.skipif(shutil.which("R") is None, reason="R is not installed")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A copy of the repository without what git ignores."""
    root = pytestconfig.rootpath
    names = run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=root).split("\0")
    copy = tmp_path_factory.mktemp("repository") / "sources"
    for name in filter(None, names):
        if (root / name).is_file():
            copy.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def tarball(sources: Path) -> Path:
    # The vignettes have tests of their own, which build them.
    run("R", "CMD", "build", "--no-build-vignettes", sources, cwd=sources.parent)
    (found,) = sources.parent.glob("tandemlab_*.tar.gz")
    return found


@needs_r
def test_r_package_holds_nothing_of_the_other_parts(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = [name.removeprefix("tandemlab/") for name in archive.getnames()]
    top = {name.split("/")[0] for name in names} - {"tandemlab"}
    assert top <= {
        *("DESCRIPTION", "NAMESPACE", "LICENSE", "NEWS.md", "README.md", "MD5"),
        *("configure", "cleanup"),
        *("R", "src", "man", "inst", "tests", "vignettes", "build"),
    }
    parts_of_tests = {name.split("/")[1] for name in names if name.startswith("tests/")}
    assert parts_of_tests <= {"testthat", "testthat.R"}
    assert not [name for name in names if name.endswith((".o", ".so"))]


@needs_r
@pytest.mark.timeout(600)
def test_r_package_passes_r_cmd_check(tarball: Path, tmp_path: Path) -> None:
    # The tests have been run one by one; here are documentation, examples, code and structure.
    quick = tmp_path / "Makevars"
    quick.write_text("CXX17FLAGS = -O0\n")
    output = run(
        *("R", "CMD", "check", "--no-manual", "--no-tests", "--ignore-vignettes", tarball),
        cwd=tmp_path,
        _R_CHECK_FORCE_SUGGESTS_="false",
        R_MAKEVARS_USER=str(quick),
    )
    status = re.findall(r"^Status: (.*)$", output, re.MULTILINE)[-1]
    assert "ERROR" not in status and "WARNING" not in status, output


def test_wheel_holds_every_module(sources: Path, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    run(*command, cwd=sources / "python")
    (wheel,) = tmp_path.glob("tandemlab-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("tandemlab/")}
    package = sources / "python" / "tandemlab"
    here = {str(path.relative_to(package.parent)) for path in package.rglob("*") if path.is_file()}
    assert packed == here


def test_wheel_of_a_clone_that_has_built_the_studio_holds_its_pages(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    root = pytestconfig.rootpath / "python"
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    run(*command, cwd=root)
    (wheel,) = tmp_path.glob("tandemlab-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        page = archive.read("tandemlab/server/pages/index.html").decode()
    for asset in re.findall(r"/studio/(assets/[^\"]+)", page):
        assert f"tandemlab/server/pages/{asset}" in names
