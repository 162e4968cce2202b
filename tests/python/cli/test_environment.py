"""``tandemlab environment``, with real builds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from python.cli.conftest import Answer

pytestmark = pytest.mark.full
Call = Callable[..., Answer]


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "study.txt"
    path.write_text("six==1.16.0\n")
    return str(path)


def test_an_environment_is_built_listed_and_pruned(call: Call, requirements: str) -> None:
    built = call("environment", "build", requirements, "-o", "json").json
    assert built["name"] == "study" and Path(built["python"]).exists()
    (row,) = call("environment", "list", "-o", "json").json
    assert (row["name"], row["size"] > 1000) == ("study", True)
    assert call("environment", "prune").err == "Nothing to remove.\n"
    assert call("environment", "prune", "--unused-days", "0", "-o", "json").json == [row]
    assert call("environment", "list", "-o", "json").json == []


@pytest.mark.parametrize("is_remote", [False, True])
def test_an_environment_is_registered_listed_and_shown(
    call: Call, requirements: str, is_remote: bool, request: pytest.FixtureRequest
) -> None:
    lab = request.getfixturevalue("remote" if is_remote else "workspace")
    there = ("--workspace", str(lab.address))
    made = call("environment", "register", requirements, *there, "-o", "json").json
    assert (made["name"], made["version"]) == ("study", 1)
    assert call("environment", "register", requirements, *there, "-o", "json").json == made
    listed = call("environment", "list", "--registered", *there, "-o", "json").json
    assert made in listed and len(listed) == 6
    shown = call("environment", "show", "study:1", *there)
    assert shown.out == "name: study\npython:\n  requirements:\n    - six==1.16.0\n"
    assert call("environment", "show", "study:2", *there).status == 3
    assert call("environment", "show", "../study", *there).status == 2


def test_a_file_is_locked_and_the_lock_renewed(call: Call, requirements: str) -> None:
    Path(requirements).write_text("six<1.17\n")
    done = call("environment", "lock", requirements, "-o", "json").json
    own = Path(requirements).with_name("study.lock.yml")
    assert (done["name"], done["file"]) == ("study", str(own))
    assert "requirement: six==1.16.0\n" in own.read_text()
    own.write_text(own.read_text().replace("six<1.17", "six>1.16", 1))
    refused = call("environment", "build", own)
    assert "does not fit: it has nothing for six>1.16" in refused.err
    assert "tandemlab environment lock" in refused.err
    assert call("environment", "lock", own).err.endswith(f"environment build {own}\n")
    assert "six==1.16.0" not in own.read_text()


def test_a_package_that_cannot_be_had_is_an_error_of_its_own(call: Call, requirements: str) -> None:
    Path(requirements).write_text("surely-no-such-package-1\n")
    answer = call("environment", "build", requirements)
    assert answer.status == 9
    assert "'study' cannot be built: surely-no-such-package-1" in answer.err


def test_a_script_is_submitted_with_its_environment(
    call: Call, requirements: str, lab: object, tmp_path: Path
) -> None:
    script = tmp_path / "job.py"
    script.write_text("import six; print(six.__version__)")
    answer = call("run", "submit", "--wait", "--environment", requirements, str(script))
    assert (answer.status, answer.out.strip()) == (0, "1.16.0")
