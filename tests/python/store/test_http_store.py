"""The contract of every Store, run against the one over REST, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import pytest

from plugins.servers import Server
from python.store import test_sql_store
from python.store.test_sql_store import BOTH, metric, new_run
from tandemlab import Workspace
from tandemlab.domain import Event, FileRecord, InvalidInput, RunStatus
from tandemlab.domain.ids import new_ulid
from tandemlab.store import Store


@pytest.fixture(params=BOTH)
def remote(
    request: pytest.FixtureRequest, shared_server: Server, local_data: Path
) -> Iterator[Workspace]:
    """A new workspace at a server, with its store in either database."""
    name = f"{request.param}_{new_ulid()}"
    database = request.getfixturevalue("database") if request.param == "postgresql" else None
    Workspace.create(shared_server.root / name, store=database).store.close()
    remote = Workspace.open(f"{shared_server.url}/{name}")
    yield remote
    remote.store.close()


@pytest.fixture
def store(remote: Workspace) -> Store:
    return remote.store


# The tests that need nothing but a store are the contract.
globals().update(
    {
        name: test
        for name, test in vars(test_sql_store).items()
        if name.startswith("test_") and [*signature(test).parameters] == ["store"]
    }
)


def test_the_contract_is_not_empty() -> None:
    assert len([name for name in globals() if name.startswith("test_")]) > 12


def test_files_of_a_run_need_their_contents_first(remote: Workspace, tmp_path: Path) -> None:
    store = remote.store
    store.create_run(new_run())
    with pytest.raises(InvalidInput, match="not been uploaded"):
        store.add_files("a_01", [FileRecord("f", "0" * 64, 1)])
    (tmp_path / "f").write_text("content")
    file = FileRecord("f", *remote.place.blobs.adopt(tmp_path / "f"))
    store.ingest("a_01", "w", [Event(1, 1, "file", "f", {"size": 7})], end=1, files={"f": file})
    store.add_files("a_01", [file])
    assert store.list_files("a_01") == [file]
    assert store.files_of(["missing", "a_01"]) == {"a_01": [file]}


def test_a_deleted_run_is_gone(store: Store) -> None:
    store.create_run(new_run())
    store.ingest("a_01", "w", [metric(1, 1.0)], end=1)
    store.move_run("a_01", RunStatus.RUNNING)
    store.move_run("a_01", RunStatus.COMPLETED)
    store.delete_run("a_01")
    assert store.get_run("a_01") is None
    assert store.positions("a_01") == {}
