"""The contract of every Store, run against the SQL one; and its schema."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from tandemlab.domain import (
    Event,
    FileRecord,
    InvalidState,
    NewRun,
    NotFound,
    RunError,
    RunQuery,
    RunStatus,
    StorageError,
    VersionMismatch,
)
from tandemlab.domain.times import now
from tandemlab.store import Store
from tandemlab.store.sql import SqlStore, schema
from tandemlab.store.sql.engine import sqlite_engine
from tandemlab.store.sql.migrations import upgrade


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SqlStore.create(tmp_path / "store.db")
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = SqlStore.open(path)
    yield store
    store.close()


def new_run(run_id: str = "a_01", experiment: str = "a", **options: object) -> NewRun:
    return NewRun(run_id, experiment, "interactive", "calm_otter_12", now(), **options)  # type: ignore[arg-type]


def metric(seq: int, value: object, name: str = "x", time: int | None = None) -> Event:
    return Event(seq, time or seq, "metric", name, value)


def test_runs_are_numbered_within_their_experiment(store: Store) -> None:
    numbers = [
        store.create_run(new_run(f"{experiment}_{index}", experiment)).number
        for index, experiment in enumerate("abaab")
    ]
    assert numbers == [1, 1, 2, 3, 2]


def test_creating_a_run_twice_creates_it_once(store: Store) -> None:
    first = store.create_run(new_run(tags={"k": "v"}))
    assert store.create_run(new_run()) == first
    assert len(store.find_runs(RunQuery())) == 1


def test_what_was_taken_in_is_not_taken_in_again(store: Store) -> None:
    store.create_run(new_run())
    events = [metric(1, 0.5), metric(2, 0.25)]
    assert store.ingest("a_01", "w", events, end=100) == 2
    assert store.ingest("a_01", "w", [*events, metric(3, 0.125)], end=150) == 1
    assert store.ingest("a_01", "w", events, end=100) == 0
    assert list(store.get_metrics("a_01")["x"].values) == [0.5, 0.25, 0.125]
    assert store.positions("a_01") == {"w": (3, 150)}


def test_a_gap_in_the_events_is_refused_and_changes_nothing(store: Store) -> None:
    store.create_run(new_run())
    with pytest.raises(StorageError, match="gap"):
        store.ingest("a_01", "w", [metric(2, 0.5)], end=10)
    assert store.get_metrics("a_01") == {}
    assert store.positions("a_01") == {}


def test_several_readers_take_in_the_same_events_once(path: Path) -> None:
    store = SqlStore.open(path)
    store.create_run(new_run())
    events = [metric(seq, float(seq)) for seq in range(1, 501)]

    def work(seed: int) -> None:
        generator = random.Random(seed)
        mine = SqlStore.open(path)
        start = 0
        while start < 500:
            end = min(500, start + generator.randint(1, 90))
            mine.ingest("a_01", "w", events[:end], end=end)
            start = end
        mine.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(store.get_metrics("a_01")["x"].values) == [float(seq) for seq in range(1, 501)]


def test_writers_are_merged_by_time_and_keep_their_own_order(store: Store) -> None:
    store.create_run(new_run())
    store.ingest("a_01", "w1", [metric(1, "a", time=10), metric(2, "c", time=30)], end=1)
    store.ingest("a_01", "w2", [metric(1, "b", time=20), metric(2, "d", time=40)], end=1)
    assert list(store.get_metrics("a_01")["x"].values) == ["a", "b", "c", "d"]


def test_a_clock_that_jumps_back_does_not_reorder_a_writer(store: Store) -> None:
    store.create_run(new_run())
    store.ingest("a_01", "w", [metric(1, "a", time=50), metric(2, "b", time=10)], end=1)
    assert list(store.get_metrics("a_01")["x"].values) == ["a", "b"]


def test_the_latest_value_is_the_newest_by_time(store: Store) -> None:
    store.create_run(new_run())
    store.ingest("a_01", "w1", [metric(1, 2.0, time=20)], end=1)
    store.ingest("a_01", "w2", [metric(1, 1.0, time=10)], end=1)
    assert store.latest_values(["a_01"]) == {"a_01": {"x": 2.0}}


def test_an_older_tag_event_does_not_replace_a_newer_one(store: Store) -> None:
    store.create_run(new_run())
    store.ingest("a_01", "w1", [Event(1, 20, "tag", "k", "new")], end=1)
    store.ingest("a_01", "w2", [Event(1, 10, "tag", "k", "old")], end=1)
    store.ingest("a_01", "w3", [Event(1, 15, "untag", "k")], end=1)
    found = store.get_run("a_01")
    assert found is not None and found.tags == {"k": "new"}


def test_moves_follow_the_life_cycle(store: Store) -> None:
    store.create_run(new_run(status=RunStatus.QUEUED))
    store.move_run("a_01", RunStatus.PREPARING)
    assert store.move_run("a_01", RunStatus.RUNNING).started is not None
    store.move_run("a_01", RunStatus.RUNNING)
    ended = store.move_run(
        "a_01", RunStatus.FAILED, error=RunError("exit code 3", "exit"), exit_code=3
    )
    assert ended.ended is not None and ended.exit_code == 3 and ended.error is not None
    with pytest.raises(InvalidState):
        store.move_run("a_01", RunStatus.COMPLETED)


def test_a_run_that_is_not_there_is_not_found(store: Store) -> None:
    assert store.get_run("b_01") is None
    for act in (
        lambda: store.move_run("b_01", RunStatus.RUNNING),
        lambda: store.get_metrics("b_01"),
        lambda: store.delete_run("b_01"),
        lambda: store.ingest("b_01", "w", [metric(1, 1.0)], end=1),
    ):
        with pytest.raises(NotFound):
            act()


def test_runs_are_found_by_what_is_asked(store: Store) -> None:
    store.create_run(new_run("a_01", "a", tags={"k": "1"}))
    store.create_run(new_run("a_02", "a", tags={"k": "2"}, status=RunStatus.QUEUED))
    store.create_run(new_run("b_01", "b", properties={"p": "1"}))
    store.create_run(new_run("a_03", "a", parent="a_01"))

    def ids(query: RunQuery) -> list[str]:
        return [record.id for record in store.find_runs(query)]

    assert ids(RunQuery()) == ["b_01", "a_02", "a_01"]
    assert ids(RunQuery(oldest_first=True)) == ["a_01", "a_02", "b_01"]
    assert ids(RunQuery(experiment="a", include_children=True)) == ["a_03", "a_02", "a_01"]
    assert ids(RunQuery(status=frozenset({RunStatus.QUEUED}))) == ["a_02"]
    assert ids(RunQuery(tags={"k": "1"})) == ["a_01"]
    assert ids(RunQuery(tags={"k": None})) == ["a_02", "a_01"]
    assert ids(RunQuery(properties={"p": "1"})) == ["b_01"]
    assert ids(RunQuery(parent="a_01")) == ["a_03"]
    assert ids(RunQuery(limit=1)) == ["b_01"]


def test_deleting_a_run_deletes_what_it_logged(store: Store, path: Path) -> None:
    store.create_run(new_run(tags={"k": "1"}))
    table = Event(2, 2, "row", "t", {"a": 1})
    store.ingest("a_01", "w", [metric(1, 1.0), table], end=1)
    store.add_files("a_01", [FileRecord("f", "0" * 64, 1)])
    with pytest.raises(InvalidState):
        store.delete_run("a_01")
    store.move_run("a_01", RunStatus.RUNNING)
    store.move_run("a_01", RunStatus.COMPLETED)
    store.delete_run("a_01")
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        for name in ("runs", "tags", "files", "writers", "metrics", "points", "records"):
            assert connection.execute(text(f"SELECT count(*) FROM {name}")).scalar() == 0, name
    engine.dispose()


def test_experiments_are_created_once_by_many(path: Path) -> None:
    def work() -> None:
        store = SqlStore.open(path)
        store.ensure_experiment("a")
        store.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = SqlStore.open(path)
    assert [experiment.name for experiment in store.list_experiments()] == ["a"]


def test_the_migrations_lead_to_the_schema(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = sqlite_engine(tmp_path / "migrated.db")
    upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert found == schema.HEAD
    tables = set(inspect(engine).get_table_names())
    assert tables == set(schema.metadata.tables) | {"alembic_version"}
    engine.dispose()


def test_a_store_of_a_newer_program_is_refused(path: Path) -> None:
    engine = sqlite_engine(path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(VersionMismatch, match="9999"):
        SqlStore.open(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="not a database"):
        SqlStore.open(tmp_path / "store.db")


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("SELECT * FROM runs WHERE experiment_key = 1 ORDER BY created DESC", "runs_of_experiment"),
        ("SELECT * FROM runs WHERE status = 'Queued' ORDER BY created", "runs_by_status"),
        ("SELECT * FROM runs WHERE parent = 'a'", "runs_by_parent"),
        ("SELECT * FROM points WHERE metric_key = 1 ORDER BY writer_key, seq", "PRIMARY KEY"),
    ],
)
def test_hot_queries_use_an_index(path: Path, statement: str, index: str) -> None:
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        plan = " ".join(
            row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))
        )
    engine.dispose()
    assert index in plan and "TEMP B-TREE" not in plan
