"""The contract of every Store for assets, run against SQL on both databases and over REST."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from python.store.test_sql_store import new_run
from tandemlab import Workspace
from tandemlab.domain import AlreadyExists, FileRecord, InvalidInput, NotFound
from tandemlab.domain.assets import Asset, AssetChange, AssetRole, AssetUsage, NewAsset
from tandemlab.domain.ids import new_ulid
from tandemlab.store import Store
from tandemlab.store.sql import SqlStore

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.services)


@pytest.fixture(params=["sqlite", POSTGRESQL, "http"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "http":
        yield request.getfixturevalue("remote").store
        return
    is_file = request.param == "sqlite"
    place = tmp_path / "store.db" if is_file else str(request.getfixturevalue("database"))
    SqlStore.create(place)
    store = SqlStore.open(place)
    yield store
    store.close()


def churn(value: object = 1, **options: object) -> NewAsset:
    return NewAsset("model", "churn", {"value": value}, **options)  # type: ignore[arg-type]


def test_an_asset_comes_back_as_it_was_registered(store: Store) -> None:
    definition = {"n": 1, "x": 0.5, "on": True, "none": None, "list": ["ö🚗", {"deep": []}]}
    new = NewAsset(
        "dataset",
        "Unfälle 2002",
        definition,
        user="ana",
        description="all of them",
        tags={"team": "a"},
        properties={"rows": "3"},
        aliases=("production", "best"),
    )
    made = store.register_asset(new)
    assert (made.version, made.reference) == (1, "Unfälle 2002:1")
    assert (made.definition, made.digest, made.user) == (definition, new.digest, "ana")
    assert (made.description, made.tags) == ("all of them", {"team": "a"})
    assert (made.properties, made.aliases) == ({"rows": "3"}, ("best", "production"))
    assert made.created == made.updated and made.created.tzinfo is not None
    for version in (None, 1, "best", "production"):
        assert store.get_asset("dataset", "Unfälle 2002", version) == made


def test_the_same_again_is_the_same_version_unless_a_new_one_is_asked_for(store: Store) -> None:
    first = store.register_asset(churn(1))
    assert store.register_asset(churn(1, description="other")) == first
    assert store.register_asset(churn(2)).version == 2
    assert store.register_asset(churn(1)).version == 3
    assert store.register_asset(churn(1, always_new=True)).version == 4
    assert store.register_asset(NewAsset("dataset", "churn", {"value": 1})).version == 1


def test_a_registration_that_is_sent_twice_is_done_once(store: Store) -> None:
    new = churn(1, always_new=True)
    first = store.register_asset(new)
    store.register_asset(churn(2))
    assert store.register_asset(new) == first
    assert len(store.list_assets("model", all_versions=True)) == 2


def test_versions_are_not_used_again(store: Store) -> None:
    store.register_asset(churn(1))
    store.register_asset(churn(2))
    store.delete_asset("model", "churn", 2)
    assert store.get_asset("model", "churn", 2) is None
    newest = store.get_asset("model", "churn")
    assert newest is not None and newest.version == 1
    assert store.register_asset(churn(2)).version == 3
    with pytest.raises(NotFound):
        store.delete_asset("model", "churn", 2)


def test_lists_have_the_newest_of_each_name_unless_all_are_asked_for(store: Store) -> None:
    for name in ("b", "a", "b"):
        store.register_asset(NewAsset("model", name, always_new=True))
    store.register_asset(NewAsset("dataset", "a"))
    store.change_asset("model", "b", 2, AssetChange(archived=True))

    def listed(*asked: str, **options: bool) -> list[str]:
        return [f"{each.kind[0]} {each.reference}" for each in store.list_assets(*asked, **options)]

    assert listed() == ["d a:1", "m a:1", "m b:1"]
    assert listed("model", archived=True) == ["m a:1", "m b:2"]
    assert listed("model", "b", archived=True, all_versions=True) == ["m b:2", "m b:1"]
    assert listed("model", "b", all_versions=True) == ["m b:1"]
    assert listed("model", "c") == []


def test_an_archived_version_is_passed_over_and_made_anew(store: Store) -> None:
    store.register_asset(churn(1))
    store.change_asset("model", "churn", 1, AssetChange(archived=True))
    assert store.get_asset("model", "churn") is None
    assert store.get_asset("model", "churn", 1) is not None
    assert store.register_asset(churn(1)).version == 2


def test_what_may_change_changes(store: Store) -> None:
    made = store.register_asset(churn(1, description="old", tags={"a": "1", "b": "2"}))
    change = AssetChange("new", {"a": None, "c": "3"}, {"auc": "0.9"}, ("best",), archived=True)
    found = store.change_asset("model", "churn", 1, change)
    assert (found.description, found.tags, found.properties) == (
        "new",
        {"b": "2", "c": "3"},
        {"auc": "0.9"},
    )
    assert found.aliases == ("best",) and found.archived and found.updated > made.updated
    assert (found.definition, found.digest, found.created) == (
        made.definition,
        made.digest,
        made.created,
    )
    assert store.get_asset("model", "churn", 1) == found
    again = store.change_asset("model", "churn", 1, AssetChange("", aliases=()))
    assert (again.description, again.aliases, again.tags) == (None, (), found.tags)
    with pytest.raises(AlreadyExists, match="written once"):
        store.change_asset("model", "churn", 1, AssetChange(properties={"auc": "0.8"}))
    with pytest.raises(NotFound):
        store.change_asset("model", "churn", 2, AssetChange("x"))


def test_an_alias_names_one_version_and_moves(store: Store) -> None:
    first = store.register_asset(churn(1, aliases=("production", "first")))
    second = store.register_asset(churn(2, aliases=("production",)))
    assert store.get_asset("model", "churn", "production") == second
    loser = store.get_asset("model", "churn", "first")
    assert loser is not None and loser.aliases == ("first",) and loser.updated > first.updated
    store.change_asset("model", "churn", 1, AssetChange(aliases=("production",)))
    moved = store.get_asset("model", "churn", "production")
    assert moved is not None and (moved.version, moved.aliases) == (1, ("production",))
    assert store.get_asset("model", "churn", "first") is None
    store.delete_asset("model", "churn", 1)
    assert store.get_asset("model", "churn", "production") is None


def test_runs_make_and_use_assets(store: Store) -> None:
    for run_id in ("a_01", "a_02"):
        store.create_run(new_run(run_id))
    with pytest.raises(NotFound):
        store.register_asset(churn(1, run_id="a_03"))
    made = store.register_asset(churn(1, run_id="a_01"))
    assert store.made_assets("a_01") == [made]
    assert store.made_assets("a_02") == []
    usage = AssetUsage("a_02", AssetRole.INPUT, "start", "model", "churn", 1)
    for _ in range(2):
        store.add_usage(usage)
    other = AssetUsage("a_01", AssetRole.OUTPUT, "end", "model", "churn", 1)
    store.add_usage(other)
    assert store.find_usages(run_id="a_02") == [usage]
    assert store.find_usages(kind="model", name="churn", version=1) == [other, usage]
    assert store.find_usages(name="other") == []
    for wrong in (
        AssetUsage("a_03", AssetRole.INPUT, "start", "model", "churn", 1),
        AssetUsage("a_01", AssetRole.INPUT, "start", "model", "churn", 2),
    ):
        with pytest.raises(NotFound):
            store.add_usage(wrong)
    store.delete_asset("model", "churn", 1)
    assert store.find_usages(run_id="a_02") == [usage]


BAD_NAMES = (
    "..",
    "a/b",
    "a\\b",
    "a\0b",
    "a\u200bb",
    "\u202egpj",
    "ａ",
    "ﬁt",
    "ch\u0430rn",
    "a:1",
    "a@b",
    "",
    " a",
    "a" * 129,
    5,
)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_are_tricks_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="he name of a model"):
        NewAsset("model", name)


def test_what_is_no_plain_json_is_refused() -> None:
    from tandemlab.domain.secrets import Secret

    deep: dict[str, object] = {}
    for _ in range(200):
        deep = {"a": deep}
    for value in (float("nan"), 2**80, {1}, Secret("x"), "\ud800", {1: 2}, deep, "a" * (2 << 20)):
        with pytest.raises(InvalidInput):
            churn(value)
    for options in (
        {"tags": {"a": 1}},
        {"aliases": "best"},
        {"aliases": ("3",)},
        {"aliases": ("latest",)},
        {"files": (FileRecord("../a", "0" * 64, 1),)},
        {"files": (FileRecord("a", "0" * 64, 1),) * 2},
        {"run_id": "../a"},
    ):
        with pytest.raises(InvalidInput):
            churn(1, **options)
    for kind in ("Model", "../model", ""):
        with pytest.raises(InvalidInput):
            NewAsset(kind, "churn")


def _register_many(address: str, number: int) -> list[int]:
    workspace = Workspace(address)
    made = [
        workspace.assets.register("model", "churn", {"by": number, "n": n}).version
        for n in range(5)
    ]
    workspace.store.close()
    return made


@pytest.fixture(params=["folder", POSTGRESQL, "url"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a workspace that several processes may open."""
    if request.param == "url":
        return str(request.getfixturevalue("remote").address)
    is_file = request.param == "folder"
    database = None if is_file else str(request.getfixturevalue("database"))
    lab = Workspace.create(tmp_path / f"lab_{new_ulid()}", store=database)
    lab.folder.forget_store()
    return lab.address


@pytest.mark.full
def test_many_processes_that_register_at_once_leave_no_gap(shared: str) -> None:
    with ProcessPoolExecutor(8, get_context("fork")) as pool:
        made = [pool.submit(_register_many, shared, number) for number in range(8)]
        versions = sorted(version for each in made for version in each.result())
    assert versions == list(range(1, 41))
    found = Workspace(shared).assets.list("model", all_versions=True)
    assert [asset.version for asset in found] == list(range(40, 0, -1))
    assert len({asset.digest for asset in found}) == 40


def test_contents_of_assets_must_be_there(remote: Workspace, workspace: Workspace) -> None:
    for lab in (workspace, remote):
        data = b"weights"
        digest = lab.place.blobs.put_bytes(data)
        file = FileRecord("model.bin", digest, len(data))
        made = lab.assets.register("model", "churn", {}, files=[file])
        assert made.files == (file,)
        for wrong in (FileRecord("a", "0" * 64, 7), FileRecord("a", digest, 8)):
            with pytest.raises((InvalidInput, NotFound)):
                lab.assets.register("model", "churn", {}, files=[wrong])
        assert len(lab.assets.list("model", all_versions=True)) == 1


def test_what_is_not_there_is_told(workspace: Workspace, remote: Workspace) -> None:
    for lab in (workspace, remote):
        first: Asset = lab.assets.register("model", "churn", {"a": 1})
        with pytest.raises(NotFound, match="churn has the versions 1"):
            lab.assets.get("model", "churn", 7)
        with pytest.raises(NotFound, match="Did you mean 'churn'"):
            lab.assets.get("model", "churm")
        lab.assets.change(first, archived=True)
        with pytest.raises(NotFound, match="archived: 1"):
            lab.assets.get("model", "churn")
        lab.assets.delete(first)
        with pytest.raises(NotFound):
            lab.assets.change(first, description="x")
