"""The doctor, as the command line and R use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tandemlab import Workspace
from tandemlab import doctor as module
from tandemlab.doctor import examine, try_folder

SHARED = yaml.safe_load(
    Path(__file__).parents[1].joinpath("conformance", "doctor", "cases.yaml").read_text()
)


def doctor(
    folder: Path, *options: str, **variables: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tandemlab.cli", "doctor", "-o", "json", *options],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, json.loads(done.stdout) if done.stdout else {}


@pytest.mark.full
@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: case["name"])
def test_report_is_that_of_r(case: dict[str, Any], tmp_path: Path) -> None:
    for name, content in case.get("packages", {}).items():
        (tmp_path / f"{name}.py").write_text(content)
    variables = {"PYTHONPATH": str(tmp_path), **case.get("set", {})}
    done, report = doctor(tmp_path, **variables)
    assert list(report) == SHARED["fields"]
    assert list(report["versions"]) == SHARED["versions"]
    assert all(list(place) == SHARED["columns"] for place in report["places"])
    assert len(report["findings"]) == len(case["findings"])
    for found, expected in zip(report["findings"], case["findings"], strict=True):
        assert expected["problem"] in found["problem"]
        assert expected["repair"] in found["repair"]
    assert report["ok"] is (not case["findings"])
    assert done.returncode == (1 if case["findings"] else 0)


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing all of them takes seconds."""
    monkeypatch.setattr(module, "PACKAGES", ())


@pytest.mark.usefixtures("no_packages")
def test_both_parts_see_each_other_s_version(tmp_path: Path) -> None:
    report = examine()
    versions = report["versions"]
    assert versions["tandemlab (R)"] == versions["tandemlab (Python)"]
    assert versions["R"] and versions["reticulate"]
    chosen = [p for p in report["places"] if p["language"] == "python" and p["exists"]]
    assert chosen[0]["path"] == sys.executable


@pytest.mark.usefixtures("no_packages")
def test_an_r_package_that_cannot_be_loaded_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("R_LIBS")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    problems = [finding["problem"] for finding in examine()["findings"]]
    assert [p for p in problems if "cannot load the R package tandemlab: there is no package" in p]


@pytest.mark.usefixtures("no_packages")
def test_r_that_finds_no_python_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TANDEMLAB_PYTHON", "RETICULATE_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("R_USER_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (finding,) = examine()["findings"]
    assert finding["problem"] == "R started by itself finds no Python with tandemlab."
    assert sys.executable in finding["repair"]


def test_a_folder_that_does_what_is_needed_has_no_findings_and_stays_as_it_was(
    workspace: Workspace,
) -> None:
    before = sorted(workspace.path.iterdir())
    assert list(try_folder(workspace.path)) == []
    assert sorted(workspace.path.iterdir()) == before


def test_what_a_file_system_cannot_do_is_found(tmp_path: Path) -> None:
    # procfs lets nobody make files; it is the one such file system that every machine has.
    (finding,) = try_folder(Path("/proc/self"))
    assert "cannot be written to" in finding.problem


def test_a_missing_link_is_named(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    (finding,) = try_folder(workspace.path)
    assert "offers no hard links" in finding.problem


def test_a_workspace_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    done, report = doctor(tmp_path, "--workspace", "nowhere")
    assert (done.returncode, report) == (3, {})
