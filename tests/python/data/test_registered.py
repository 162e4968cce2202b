"""Datasets with names and versions, in a folder and by URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tandemlab import Workspace
from tandemlab.data import Dataset, TabularDataset
from tandemlab.domain import AlreadyExists, InvalidState, NotFound, TandemlabError

pytest.importorskip("duckdb")


CASES = Path(__file__).parents[2] / "conformance" / "datasets" / "versions.yaml"


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["name"]) for case in yaml.safe_load(CASES.read_text())]
)
def test_versions(case: dict[str, Any], workspace: Workspace, tmp_path: Path) -> None:
    for step in case["do"]:
        do_step(dict(step), workspace, tmp_path / "data")


def do_step(step: dict[str, Any], workspace: Workspace, folder: Path) -> None:
    if "write" in step:
        for name, text in step["write"].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    elif "remove" in step:
        (folder / step["remove"]).unlink()
    elif "register" in step:
        dataset = Dataset.File.from_files(folder / step["register"])
        new = step.get("new", False)
        if "error" in step:
            with pytest.raises(TandemlabError) as error:
                dataset.register(workspace, step["name"], create_new_version=new)
            assert error.value.code == step["error"]
        else:
            found = dataset.register(workspace, step["name"], create_new_version=new)
            assert found.version == step["version"]
    elif "changed" in step:
        known = Dataset.get_by_name(workspace, step["changed"], step["version"])
        assert known.has_changed() is bool(step["files"])
        assert {each.name: each.change for each in known.changes()} == step["files"]
    elif "version" in step:
        Dataset.get_by_name(workspace, step["unregister"], step["version"]).unregister()
    else:
        Dataset.get_by_name(workspace, step["unregister"]).unregister_all_versions()


@pytest.fixture(params=["folder", "url"])
def place(request: pytest.FixtureRequest, workspace: Workspace) -> Workspace:
    if request.param == "url":
        remote = request.getfixturevalue("remote")
        assert isinstance(remote, Workspace)
        return remote
    return workspace


@pytest.fixture
def cars(tmp_path: Path) -> TabularDataset:
    (tmp_path / "cars.csv").write_text("speed,dist\n4,2\n7,4\n")
    return Dataset.Tabular.from_delimited_files(tmp_path / "cars.csv")


def test_a_dataset_is_kept_by_name_and_version(place: Workspace, cars: TabularDataset) -> None:
    first = cars.register(place, "cars", "stopping", {"from": "1920"})
    assert (first.id, first.description, first.tags) == ("cars:1", "stopping", {"from": "1920"})
    assert cars.register(place, "cars").id == "cars:1"
    second = cars.filter("speed > 4").register(place, "cars", create_new_version=True)
    assert second.version == 2
    for found in (
        Dataset.get_by_name(place, "cars"),
        Dataset.get_by_name(place, "cars", "latest"),
        Dataset.get_by_id(place, "cars:2"),
        Dataset.get_all(place)["cars"],
    ):
        assert found.definition == second.definition and found.id == "cars:2"
    again = Dataset.get_by_name(place, "cars", 1)
    assert isinstance(again, TabularDataset) and len(again) == 2
    assert [each.version for each in Dataset.get_versions(place, "cars")] == [2, 1]
    assert again.add_tags({"checked": "yes"}).tags == {"from": "1920", "checked": "yes"}
    second.unregister()
    assert Dataset.get_by_name(place, "cars").id == "cars:1"
    first.unregister_all_versions()
    with pytest.raises(NotFound, match="no dataset 'cars'"):
        Dataset.get_by_name(place, "cars")


def test_other_data_under_a_name_is_a_new_version_on_purpose(
    workspace: Workspace, cars: TabularDataset, tmp_path: Path
) -> None:
    cars.register(workspace, "cars")
    (tmp_path / "cars.csv").write_text("speed,dist\n4,2\n7,5\n")
    with pytest.raises(AlreadyExists, match="version 1, with another data"):
        cars.register(workspace, "cars")
    assert cars.register(workspace, "cars", create_new_version=True).version == 2
    with pytest.raises(AlreadyExists, match="another definition"):
        cars.take(1).register(workspace, "cars")


def test_that_data_changed_since_a_version_can_be_asked(
    workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    first = Dataset.File.from_files(tmp_path / "in").register(workspace, "letters")
    assert not first.has_changed() and first.changes() == []
    (tmp_path / "in" / "a").write_text("changed")
    (tmp_path / "in" / "b").unlink()
    (tmp_path / "in" / "d").write_text("new")
    found = Dataset.get_by_name(workspace, "letters")
    assert found.has_changed()
    assert [(each.name, each.change) for each in found.changes()] == [
        ("a", "changed"),
        ("b", "removed"),
        ("d", "added"),
    ]
    second = found.register(workspace, "letters", create_new_version=True)
    assert not second.has_changed() and first.has_changed()
    for name in ("a", "c", "d"):
        (tmp_path / "in" / name).unlink()
    assert second.has_changed() and {each.change for each in second.changes()} == {"removed"}


def test_what_is_not_registered_says_so(cars: TabularDataset, workspace: Workspace) -> None:
    assert (cars.name, cars.version, cars.id, cars.tags) == (None, None, None, {})
    assert cars.register(workspace, "cars").take(1).id is None
    with pytest.raises(InvalidState, match="not registered"):
        cars.has_changed()
