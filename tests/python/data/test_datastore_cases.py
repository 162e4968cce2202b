"""The cases of ``tests/conformance/datastores``, through the public Python API."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tandemlab import Dataset, Datastore, TandemlabError, Workspace

pytest.importorskip("duckdb")
pytestmark = pytest.mark.timeout(300)  # services of their own, on a busy machine

CASES = Path(__file__).parents[2] / "conformance" / "datastores"


def cases(name: str) -> list[Any]:
    found = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["name"]) for case in found]


class Player:
    """Does the steps of a case, and compares what comes of them."""

    def __init__(self, datastore: Datastore, folder: Path) -> None:
        self.datastore = datastore
        self.source, self.target = folder / "source", folder / "target"
        self.source.mkdir()

    def do(self, step: Mapping[str, Any]) -> None:
        verb = next(iter(step))
        attempt = getattr(self, f"do_{verb}")
        if "error" not in step:
            attempt(step[verb], step)
            return
        with pytest.raises(TandemlabError) as error:
            attempt(step[verb], step)
        assert error.value.code == step["error"]
        assert step.get("says", "") in str(error.value)

    def do_write(self, files: Mapping[str, str], _: Any) -> None:
        for name, text in files.items():
            (self.source / name).parent.mkdir(parents=True, exist_ok=True)
            (self.source / name).write_bytes(text.encode())

    def do_upload(self, to: str, step: Mapping[str, Any]) -> None:
        done = self.datastore.upload(self.source, to, overwrite=step.get("overwrite", False))
        assert [sorted(done.copied), sorted(done.unchanged)] == [step["copied"], step["unchanged"]]

    def do_upload_files(self, names: list[str], step: Mapping[str, Any]) -> None:
        root = self.source / step["root"] if "root" in step else None
        files = [self.source / name for name in names]
        done = self.datastore.upload_files(files, root, step.get("to"))
        assert sorted(done.copied) == step["copied"]

    def do_files(self, prefix: str, step: Mapping[str, Any]) -> None:
        assert [file.name for file in self.datastore.files_below(prefix)] == step["names"]

    def do_download(self, prefix: str, step: Mapping[str, Any]) -> None:
        shutil.rmtree(self.target, ignore_errors=True)
        self.datastore.download(self.target, prefix)
        files = (path for path in self.target.rglob("*") if path.is_file())
        texts = {path.relative_to(self.target).as_posix(): path.read_text() for path in files}
        assert texts == step["texts"]

    def do_table(self, path: str, step: Mapping[str, Any]) -> None:
        options = step.get("options", {})
        table = Dataset.Tabular.from_delimited_files((self.datastore, path), **options)
        found = {
            name: [str(value) if isinstance(value, date) else value for value in values]
            for name, values in table.to_arrow().to_pydict().items()
        }
        assert found == step["columns"]

    def do_paths(self, path: str, step: Mapping[str, Any]) -> None:
        found = Dataset.File.from_files((self.datastore, path))
        assert found.to_path() == step["names"]


@pytest.mark.parametrize("case", cases("verbs"))
def test_verbs(case: dict[str, Any], datastore: Datastore, tmp_path: Path) -> None:
    player = Player(datastore, tmp_path)
    for step in case["do"]:
        player.do(step)


@pytest.mark.parametrize("case", cases("names"))
def test_names(case: dict[str, Any], workspace: Workspace, tmp_path: Path) -> None:
    def attempt(step: Mapping[str, Any]) -> None:
        if "register" in step:
            Datastore.register_folder(workspace, step["register"], tmp_path)
        elif "default" in step:
            Datastore.set_default(workspace, step["default"])
        else:
            Datastore.get(workspace, step["unregister"]).unregister()

    for step in case["do"]:
        if "error" in step:
            with pytest.raises(TandemlabError) as error:
                attempt(step)
            assert error.value.code == step["error"]
        else:
            attempt(step)
    assert {each.name for each in Datastore.list(workspace)} == set(case["known"])
    assert Datastore.get_default(workspace).name == case["is_default"]
