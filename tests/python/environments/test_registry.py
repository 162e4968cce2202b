"""Environments by name and version in a workspace."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tandemlab import Environment, RunConfiguration, ScriptRunConfig, Workspace
from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.times import now
from tandemlab.environments import (
    EnvironmentCache,
    PythonSection,
    get_environment,
    list_environments,
    register_environment,
)

STUDY = Environment("study", PythonSection(("six==1.16.0",)))
CURATED = [
    *("chainer", "chainer-7.8", "pytorch", "pytorch-2.13", "r"),
    *("sklearn", "sklearn-1.7", "sklearn-1.8", "sklearn-1.9"),
    *("tensorflow", "tensorflow-2.20", "tensorflow-2.21"),
]


def test_each_change_is_a_version_and_none_is_lost(workspace: Workspace) -> None:
    changed = STUDY.replace(variables={"A": "1"})
    versions = [
        register_environment(workspace, each).version for each in (STUDY, STUDY, changed, STUDY)
    ]
    assert versions == [1, 1, 2, 3]
    again = Workspace(workspace.path)
    assert get_environment(again, "study", 2).environment == changed
    assert get_environment(again, "study:1").environment == STUDY
    assert get_environment(again, "study").version == 3
    assert [each.name for each in list_environments(again)] == sorted([*CURATED, "study"])


def test_many_who_register_at_once_get_versions_of_their_own(workspace: Workspace) -> None:
    many = [STUDY.replace(variables={"N": str(n)}) for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda each: register_environment(workspace, each), many))
    assert sorted(each.version or 0 for each in found) == list(range(1, 13))
    for each in found:
        assert get_environment(workspace, "study", each.version).environment == each.environment
    folder = workspace.path / "registry" / "environment" / "study"
    assert len(list(folder.iterdir())) == 12


def test_curated_environments_are_there_until_one_of_that_name_is_registered(
    workspace: Workspace,
) -> None:
    found = get_environment(workspace, "sklearn")
    assert found.version is None
    assert found.environment.python.requirements[0].startswith("scikit-learn")
    register_environment(workspace, STUDY.replace(name="sklearn"))
    assert get_environment(workspace, "sklearn").environment.python == STUDY.python


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("studi", "Did you mean 'study'"),
        ("study:7", "study has the versions 1"),
        ("nothing-like-it", "There are chainer"),
        ("sklearn:1", "no environment 'sklearn' of version 1"),
    ],
)
def test_what_is_not_there_is_told(workspace: Workspace, name: str, words: str) -> None:
    register_environment(workspace, STUDY)
    with pytest.raises(NotFound, match=words):
        get_environment(workspace, name)


@pytest.mark.parametrize("name", ["study:x", "../study", "a/b"])
def test_names_that_lead_elsewhere_are_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(InvalidInput):
        get_environment(workspace, name)
    with pytest.raises(InvalidInput):
        register_environment(workspace, STUDY.replace(name=name))
    assert not (workspace.path / "registry").exists()


def test_environments_are_registered_at_a_server_too(remote: Workspace, tmp_path: Path) -> None:
    assert register_environment(remote, STUDY).version == 1
    changed = register_environment(remote, STUDY.replace(variables={"A": "1"}))
    remote.assets.change(remote.assets.get("environment", "study", 1), aliases=["good"])
    assert [get_environment(remote, f"study{end}").version for end in ("", ":1", "@good")] == [
        2,
        1,
        1,
    ]
    assert get_environment(remote, "study") == changed
    assert get_environment(remote, "sklearn").version is None
    assert [each.name for each in list_environments(remote)] == sorted([*CURATED, "study"])
    with pytest.raises(NotFound, match="Did you mean 'study'"):
        get_environment(remote, "stuy")


def test_environments_of_the_former_form_are_taken_over_once(workspace: Workspace) -> None:
    folder = workspace.path / "environments" / "study"
    folder.mkdir(parents=True)
    changed = STUDY.replace(variables={"A": "1"})
    created = "2026-01-31T12:00:00+00:00"
    for version, each in ((1, STUDY), (2, changed), (10, STUDY)):
        content = {"format": 1, "version": version, "created": created}
        text = json.dumps({**content, "environment": each.to_dict()})
        (folder / f"{version}.json").write_text(text)
    (folder / "11.json").write_text("{")
    again = Workspace(workspace.path)
    assert get_environment(again, "study", 2).environment == changed
    assert get_environment(again, "study").version == 10
    assert (get_environment(again, "study:1").created or now()).isoformat() == created
    assert register_environment(again, changed).version == 11
    assert [path.name for path in folder.iterdir()] == ["11.json"]
    (folder / "11.json").unlink()
    again.folder.forget_store()
    assert get_environment(again, "study:1").environment == STUDY
    assert not folder.parent.exists()
    assert again.check() == []
    again.store.close()


def test_a_run_asks_for_an_environment_by_name_and_records_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "a.py").touch()
    register_environment(workspace, STUDY)
    register_environment(workspace, STUDY.replace(variables={"A": "1"}))
    config = ScriptRunConfig(tmp_path, "a.py", environment="study:1")
    assert config.check(workspace)["environment"] == STUDY.to_dict()
    saved = RunConfiguration("a.py", environment="study").save(tmp_path, "cpu")
    assert "environment: study\n" in saved.read_text()
    loaded = ScriptRunConfig(tmp_path, run_config=RunConfiguration.load(saved))
    assert loaded.check(workspace)["environment"]["variables"] == {"A": "1"}
    with pytest.raises(NotFound, match="Did you mean 'study'"):
        config.replace(environment="stuy").check(workspace)


@pytest.mark.full
def test_a_package_is_built_with_what_the_others_have_installed(
    cache: EnvironmentCache, tmp_path: Path
) -> None:
    source = tmp_path / "late"
    source.mkdir()
    (source / "setup.py").write_text(
        "import six\nfrom setuptools import setup\n"
        "setup(name='late', version=six.__version__, py_modules=['late'])"
    )
    (source / "late.py").touch()
    late = f"late @ file://{source}"
    python = PythonSection(
        ("six==1.16.0", "setuptools<70", "wheel", late), no_build_isolation=("late",)
    )
    built = cache.build(Environment("study", python))
    code = "import importlib.metadata as m; print(m.version('late'))"
    done = subprocess.run(
        [str(built.python), "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1.16.0\n"
