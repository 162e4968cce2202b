"""``tandemlab environment``, with real builds."""

from __future__ import annotations

import os
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


def test_an_environment_is_built_listed_and_pruned(
    call: Call, requirements: str, tmp_path: Path
) -> None:
    built = call("environment", "build", requirements, "-o", "json").json
    assert built["name"] == "study" and Path(built["python"]).exists()
    (row,) = call("environment", "list", "-o", "json").json
    assert (row["name"], row["size"] > 1000) == ("study", True)
    assert call("environment", "prune").err == "Nothing to remove.\n"
    assert call("environment", "prune", "--unused-days", "0").err == "Nothing to remove.\n"
    (marker,) = (tmp_path / "cache").glob("environments/*/built.json")
    os.utime(marker, (0, 0))
    (removed,) = call("environment", "prune", "--unused-days", "0", "-o", "json").json
    assert removed["key"] == row["key"]
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
    assert [each for each in listed if each["name"] == "study"] == [made]
    shown = call("environment", "show", "study:1", *there)
    assert shown.out == "name: study\npython:\n  requirements:\n    - six==1.16.0\n"
    assert call("environment", "show", "study:2", *there).status == 3
    assert call("environment", "show", "../study", *there).status == 2
    built = call("environment", "build", "study:1", *there, "-o", "json").json
    assert built["name"] == "study" and Path(built["python"]).exists()
    assert call("environment", "build", "nothing", *there).status == 3


def test_a_lock_is_not_written_where_it_would_not_be_read(call: Call, requirements: str) -> None:
    refused = call("environment", "lock", requirements, "--to", "lock.txt")
    assert refused.status == 2 and "Give it the ending .yml" in refused.err
    assert not Path("lock.txt").exists()


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


def test_pins_that_exclude_each_other_are_explained(call: Call, requirements: str) -> None:
    Path(requirements).write_text("six==1.16.0\nsix==1.17.0\n")
    answer = call("environment", "build", requirements)
    assert answer.status == 9
    assert "you require six==1.16.0 and six==1.17.0" in answer.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: study\npyton: {}\n", "line 2, pyton: no such key; did you mean 'python'?"),
        ("python:\n  requirements: six\n", "line 2, python.requirements: must be a list"),
        ("r:\n  packages: [{version: 1.0}]\n", "line 2, r.packages[0]: lacks the key 'name'"),
        ("python: {version: three}\n", "'three' is no version of Python"),
        ("python: [\n", "line 2"),
    ],
)
def test_files_with_mistakes_are_refused_with_line_and_key(
    call: Call, lab: object, tmp_path: Path, text: str, told: str
) -> None:
    file, script = tmp_path / "bad.yml", tmp_path / "job.py"
    file.write_text(text)
    script.touch()
    for words in (("environment", "build", file), ("run", "submit", "--environment", file, script)):
        answer = call(*words)
        assert answer.status == 2
        assert str(file) in answer.err and told in answer.err
    assert call("experiment", "list", "--all", "-o", "json").json == []


def test_a_script_is_submitted_with_its_environment(
    call: Call, requirements: str, lab: object, tmp_path: Path
) -> None:
    script = tmp_path / "job.py"
    script.write_text("import six; print(six.__version__)")
    answer = call("run", "submit", "--wait", "--environment", requirements, str(script))
    assert (answer.status, answer.out.strip()) == (0, "1.16.0")


def test_packages_are_named_beside_an_environment_and_processes_are_counted(
    call: Call, requirements: str, lab: object, tmp_path: Path
) -> None:
    script = tmp_path / "job.py"
    script.write_text(
        "import os, attr, six, json\n"
        "from tandemlab import get_current_run\n"
        "world = json.loads(os.environ['TF_CONFIG'])['cluster']['worker']\n"
        "if os.environ['RANK'] == '0': get_current_run().log('workers', len(world))"
    )
    assert call("environment", "register", requirements).status == 0
    answer = call(
        *("run", "submit", "--wait", "-o", "json", "--environment", "study"),
        *("--pip-package", "attrs", "--processes", "2", str(script)),
    )
    assert answer.status == 0
    (metric,) = call("run", "metrics", "latest", "-o", "json").json
    assert (metric["name"], metric["value"]) == ("workers", 2)
    shown = call("run", "show", "latest", "-o", "json").json["definition"]
    assert shown["environment"]["python"]["requirements"] == ["six==1.16.0", "attrs"]
    assert shown["distribution"] == {"process_count_per_node": 2, "node_count": 1}


def test_packages_of_r_need_no_environment(
    call: Call, requirements: str, lab: object, tmp_path: Path
) -> None:
    script = tmp_path / "job.R"
    script.write_text("cat(utils::object.size(1) > 0)")
    answer = call("run", "submit", "--wait", "--cran-package", "stats", str(script))
    assert (answer.status, answer.out.strip()) == (0, "TRUE")
    answer = call("run", "submit", "--cran-package", "a b", str(script))
    assert (answer.status, "'a b' cannot be the name" in answer.err) == (2, True)
