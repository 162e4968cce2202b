"""The contract of every Store, run against the SQL one on both databases; and its schema."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from tandemlab.domain import (
    Event,
    EventBatch,
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
from tandemlab.domain.assets import NewAsset
from tandemlab.domain.scalars import to_json
from tandemlab.domain.times import now, to_micros
from tandemlab.store import Store
from tandemlab.store.sql import SqlStore, schema
from tandemlab.store.sql.engine import Place, changing_schema, make_engine, reading
from tandemlab.store.sql.migrations import upgrade
from tandemlab.store.sql.queries import statement as query_statement
from tandemlab.tracking.queries import run_query

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.services))


@pytest.fixture(params=BOTH)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a store may be made."""
    if request.param == "sqlite":
        return tmp_path / "store.db"
    return str(request.getfixturevalue("database"))


@pytest.fixture
def place(empty: Place) -> Place:
    """Where a store is."""
    SqlStore.create(empty)
    return empty


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    store = SqlStore.open(place)
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


def test_batches_taken_in_together_are_the_same_as_one_by_one(store: Store) -> None:
    def batches(name: str) -> Iterator[EventBatch]:
        """Of two runs and two writers, some sent again."""
        first = [metric(1, 0.5), metric(2, "a", "y", time=9), Event(3, 3, "list", "x", [1, None])]
        yield EventBatch(f"{name}_1", "w", first, 30)
        yield EventBatch(f"{name}_2", "w", [Event(1, 4, "row", "t", {"a": 1})], 10)
        yield EventBatch(f"{name}_1", "v", [metric(1, 2.5, time=2), metric(2, 3)], 20)
        yield EventBatch(f"{name}_1", "w", [*first, metric(4, 4.5)], 40)
        yield EventBatch(f"{name}_2", "w", [Event(2, 5, "list", "z", []), metric(3, 6)], 30)
        yield EventBatch(f"{name}_2", "v", [Event(1, 6, "tag", "k", "v")], 10)
        yield EventBatch(f"{name}_1", "w", [], 50)
        yield EventBatch(f"{name}_2", "w", [Event(4, 7, "param", "p", 1)], 40)

    for run_id in ("all_1", "all_2", "one_1", "one_2"):
        store.create_run(new_run(run_id))
    together = store.ingest_all([*batches("all")])
    assert together == [store.ingest_all([batch])[0] for batch in batches("one")]
    assert together == [3, 1, 2, 1, 2, 1, 0, 1]
    for number in (1, 2):
        assert store.get_metrics(f"all_{number}") == store.get_metrics(f"one_{number}")
        assert store.positions(f"all_{number}") == store.positions(f"one_{number}")
        runs = [store.get_run(f"{name}_{number}") for name in ("all", "one")]
        assert [(run.tags, run.params) for run in runs if run] == 2 * [
            ({"k": "v"}, {"p": 1}) if number == 2 else ({}, {})
        ]
    latest = store.latest_values(["all_1", "all_2", "one_1", "one_2"])
    assert latest["all_1"] == latest["one_1"] == {"x": 4.5, "y": "a"}
    assert latest["all_2"] == latest["one_2"]


def test_a_batch_that_cannot_be_taken_in_leaves_the_others_alone(store: Store) -> None:
    store.create_run(new_run())
    results = store.ingest_all(
        [
            EventBatch("a_01", "w", [metric(1, 0.5)], 10),
            EventBatch("a_02", "w", [metric(1, 0.5)], 10),
            EventBatch("a_01", "v", [metric(2, 0.5)], 10),
            EventBatch("a_01", "w", [metric(2, 0.25)], 20),
        ]
    )
    assert [type(result) for result in results] == [int, NotFound, StorageError, int]
    assert store.get_metrics("a_01")["x"].values == [0.5, 0.25]
    assert store.positions("a_01") == {"w": (2, 20)}


def test_several_readers_take_in_the_same_events_once(place: Place) -> None:
    store = SqlStore.open(place)
    store.create_run(new_run())
    events = [metric(seq, float(seq)) for seq in range(1, 501)]

    def work(seed: int) -> None:
        generator = random.Random(seed)
        mine = SqlStore.open(place)
        start = 0
        while start < 500:
            end = min(500, start + generator.randint(1, 90))
            mine.ingest("a_01", "w", events[:end], end=end)
            start = end
        mine.close()

    in_threads(6, work)
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


def test_the_newest_completed_run_is_found_for_each_value_of_a_property(store: Store) -> None:
    made = [("a_01", "a", "x"), ("a_02", "a", "x"), ("a_03", "a", "x"), ("b_01", "b", "y")]
    for run_id, experiment, value in made:
        store.create_run(new_run(run_id, experiment, properties={"key": value}))
        if run_id != "a_03":
            store.move_run(run_id, RunStatus.RUNNING)
            store.move_run(run_id, RunStatus.COMPLETED)
    assert store.newest_completed("key", ["x", "y", "z"]) == {"x": "a_02", "y": "b_01"}
    assert store.newest_completed("key", ["x", "y"], experiment="b") == {"y": "b_01"}
    assert store.newest_completed("other", ["x"]) == {}
    assert store.newest_completed("key", []) == {}


def test_files_of_several_runs_are_listed_at_once(place: Place) -> None:
    store = SqlStore.open(place)
    files = [FileRecord("f", "0" * 64, 1), FileRecord("g", "1" * 64, 2)]
    for run_id, some in (("a_01", files), ("a_02", files[:1]), ("a_03", [])):
        store.create_run(new_run(run_id))
        store.add_files(run_id, some)
    found = store.files_of(["a_03", "a_02", "a_01", "missing"])
    assert found == {"a_01": files, "a_02": files[:1]}
    store.close()


def test_a_series_is_read_of_several_runs_at_once(store: Store) -> None:
    for run_id in ("a_01", "a_02", "a_03"):
        store.create_run(new_run(run_id))
    store.ingest("a_01", "w1", [metric(1, "a", time=10), metric(2, 0.5, time=30)], end=1)
    store.ingest("a_01", "w2", [metric(1, None, time=20)], end=1)
    store.ingest("a_02", "w", [metric(1, 1.0), Event(2, 2, "metric", "y", 2.0)], end=1)
    store.ingest("a_03", "w", [Event(1, 1, "metric", "y", 2.0)], end=1)
    found = store.series_of(["a_03", "a_02", "missing", "a_01"], "x")
    assert found == {run_id: store.get_metrics(run_id)["x"] for run_id in ("a_01", "a_02")}
    assert list(found["a_01"].values) == ["a", None, 0.5]
    assert store.series_of([], "x") == {}


def test_all_that_several_runs_have_logged_is_read_at_once(store: Store) -> None:
    for run_id in ("a_01", "a_02", "a_03"):
        store.create_run(new_run(run_id))
    store.ingest("a_01", "w1", [metric(1, "a", time=10), metric(2, 0.5, time=30)], end=1)
    store.ingest("a_01", "w2", [metric(1, None, time=20), Event(2, 25, "list", "l", [])], end=1)
    table = Event(1, 2, "table", "x", {"k": [1, 2]})
    store.ingest("a_02", "w", [table, metric(2, 1.0), Event(3, 4, "row", "x", {"k": 3})], end=1)
    found = store.metrics_of(["a_03", "a_02", "missing", "a_01"])
    assert found == {run_id: store.get_metrics(run_id) for run_id in ("a_01", "a_02")}
    assert list(found["a_02"]) == ["x", "x (series)"]
    assert store.metrics_of([]) == {}


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


def test_a_long_definition_comes_back_and_takes_little_room(store: Store, place: Place) -> None:
    definition = {"steps": [{"command": ["sh", "-c", f"écho {n}\n"]} for n in range(1000)]}
    store.create_run(new_run(definition=definition))
    record = store.get_run("a_01")
    assert record is not None and record.definition == definition
    engine = make_engine(place)
    with reading(engine) as connection:
        (size,) = connection.execute(text("SELECT length(definition) FROM runs")).one()
    engine.dispose()
    assert size < 10_000


def test_moves_follow_the_life_cycle(store: Store) -> None:
    store.create_run(new_run(status=RunStatus.QUEUED))
    store.move_run("a_01", RunStatus.PREPARING)
    store.move_run("a_01", RunStatus.RUNNING)
    began = store.get_run("a_01")
    assert began is not None and began.started is not None and began.ended is None
    store.move_run("a_01", RunStatus.RUNNING)
    store.move_run("a_01", RunStatus.FAILED, error=RunError("exit code 3", "exit"), exit_code=3)
    ended = store.get_run("a_01")
    assert ended is not None and ended.started == began.started and ended.exit_code == 3
    assert ended.ended is not None and ended.error == RunError("exit code 3", "exit")
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


def test_deleting_a_run_deletes_what_it_logged(store: Store, place: Place) -> None:
    store.create_run(new_run(tags={"k": "1"}))
    table = Event(2, 2, "row", "t", {"a": 1})
    store.ingest("a_01", "w", [metric(1, 1.0), table], end=1)
    store.add_files("a_01", [FileRecord("f", "0" * 64, 1)])
    with pytest.raises(InvalidState):
        store.delete_run("a_01")
    store.move_run("a_01", RunStatus.RUNNING)
    store.move_run("a_01", RunStatus.COMPLETED)
    store.delete_run("a_01")
    engine = make_engine(place)
    with engine.connect() as connection:
        for name in ("runs", "tags", "files", "writers", "metrics", "points", "records"):
            assert connection.execute(text(f"SELECT count(*) FROM {name}")).scalar() == 0, name
    engine.dispose()


def test_experiments_are_created_once_by_many(place: Place) -> None:
    def work(_: int) -> None:
        store = SqlStore.open(place)
        store.ensure_experiment("a")
        store.close()

    in_threads(8, work)
    store = SqlStore.open(place)
    assert [experiment.name for experiment in store.list_experiments()] == ["a"]


def test_the_migrations_lead_to_the_schema(empty: Place) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = make_engine(empty)
    upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert found == schema.HEAD
    tables = set(inspect(engine).get_table_names())
    assert tables == set(schema.metadata.tables) | {"alembic_version"}
    engine.dispose()


def test_a_store_of_a_newer_program_is_refused(place: Place) -> None:
    engine = make_engine(place)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(VersionMismatch, match="9999"):
        SqlStore.open(place)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="not a database"):
        SqlStore.open(tmp_path / "store.db")


def plan_of(place: Place, statement: str) -> str:
    """How a database would answer, with tables so large that it does not read them whole."""
    engine = make_engine(place)
    with reading(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
            rows = connection.execute(text(f"EXPLAIN {statement}")).scalars()
        else:
            rows = (
                row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))
            )
        plan = " ".join(rows)
    engine.dispose()
    return plan


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        ("SELECT * FROM runs WHERE experiment_key = 1 ORDER BY created DESC", "runs_of_experiment"),
        ("SELECT * FROM runs WHERE status = 'Queued' ORDER BY created", "runs_by_status"),
        ("SELECT id FROM runs WHERE ended > 5 ORDER BY ended", "runs_by_end"),
        ("SELECT * FROM runs WHERE parent = 'a'", "runs_by_parent"),
        (
            "SELECT * FROM points WHERE metric_key = 1 ORDER BY writer_key, seq",
            "PRIMARY KEY|points_pkey",
        ),
        (
            "SELECT * FROM assets WHERE name_key = 1 ORDER BY version DESC LIMIT 1",
            "autoindex_assets_1|assets_name_key_version_key",
        ),
        ("SELECT * FROM assets WHERE run_id = 'a'", "assets_by_run"),
        ("SELECT * FROM asset_files WHERE digest = 'a'", "asset_files_by_digest"),
        (
            "SELECT * FROM asset_usages WHERE name_key = 1 AND version = 2",
            "asset_usages_by_asset",
        ),
    ],
)
def test_hot_queries_use_an_index(place: Place, statement: str, indexes: str) -> None:
    plan = plan_of(place, statement)
    assert re.search(indexes, plan)
    assert "TEMP B-TREE" not in plan and "Sort" not in plan


def test_text_with_nul_characters_is_kept_where_it_is_a_value(store: Store) -> None:
    store.create_run(new_run(tags={"a": "1\0"}))
    events = [
        metric(1, "a\0b"),
        Event(2, 2, "tag", "k", "x\0y"),
        Event(3, 3, "property", "p", "\0"),
    ]
    store.ingest("a_01", "w", [*events, Event(4, 4, "row", "t", {"c": "d\0"})], end=9)
    found = store.get_metrics("a_01")
    assert (found["x"].value, found["t"].value) == ("a\0b", {"c": ["d\0"]})
    record = store.get_run("a_01")
    assert record is not None
    assert (record.tags, record.properties) == ({"a": "1\ufffd", "k": "x\ufffdy"}, {"p": "\ufffd"})


def test_every_scalar_comes_back_as_it_went(store: Store) -> None:
    values = [0.1, float("inf"), 3, 2**70, -(2**53), True, None, "ö🚗", "", float("-inf"), 5e-324]
    store.create_run(new_run())
    events = [metric(seq, to_json(value)) for seq, value in enumerate([*values, math.nan], 1)]
    store.ingest("a_01", "w", events, end=9)
    *found, nan = store.get_metrics("a_01")["x"].values
    assert [(type(value), value) for value in found] == [(type(value), value) for value in values]
    assert isinstance(nan, float) and math.isnan(nan)


def test_writers_of_one_run_do_not_block_each_other_for_good(store: Store, place: Place) -> None:
    store.create_run(new_run())
    names = ["x", "y", "z", "t"]

    def work(number: int) -> None:
        mine = SqlStore.open(place)
        order = random.Random(number).sample(names, len(names))
        for part in range(20):
            events = [
                metric(part * 4 + place, 1.0, name=name) for place, name in enumerate(order, 1)
            ]
            mine.ingest("a_01", f"w{number}", events, end=part + 1)
        mine.close()

    in_threads(6, work)
    found = store.get_metrics("a_01")
    assert {name: len(metric.values) for name, metric in found.items()} == dict.fromkeys(names, 120)


def test_a_filled_store_of_the_first_schema_is_brought_forward(empty: Place) -> None:
    engine = make_engine(empty)
    upgrade(engine, "0001")
    with changing_schema(engine) as connection:
        for statement in FIRST_SCHEMA:
            connection.execute(text(statement))
    engine.dispose()
    store = SqlStore.open(empty)
    record = store.get_run("a_01")
    assert record is not None and record.tags == {"k": "v"} and record.number == 1
    assert store.get_metrics("a_01")["x"].values == [0.5]
    assert store.latest_values(["a_01"]) == {"a_01": {"x": 0.5}}
    store.create_run(new_run("a_02"))
    assert store.ingest("a_01", "w", [metric(2, 0.25)], end=9) == 1
    made = store.register_asset(NewAsset("model", "churn", {"a": 1}, run_id="a_01"))
    assert store.made_assets("a_01") == [made] and made.version == 1
    store.close()


FIRST_SCHEMA = (
    "INSERT INTO experiments (name, created, archived, last_number) VALUES ('a', 1, false, 1)",
    "INSERT INTO runs (id, experiment_key, number, type, status, display_name, created, definition,"
    " context) VALUES ('a_01', 1, 1, 'interactive', 'Running', 'calm_otter', 5, '{}', '{}')",
    "INSERT INTO tags VALUES (1, 'k', 'v', 5, false)",
    "INSERT INTO writers (run_key, name, last_seq, position) VALUES (1, 'w', 1, 9)",
    "INSERT INTO metrics (run_key, name, shape, is_list, count, latest_time, latest_form,"
    " latest_number) VALUES (1, 'x', 'series', false, 1, 6, 0, 0.5)",
    "INSERT INTO points VALUES (1, 1, 1, 0, 1, NULL, 0, 0.5, NULL)",
)


def in_threads(number: int, work: Callable[[int], None]) -> None:
    """Call `work` with 0, 1, … at the same time; the first problem is raised."""
    with ThreadPoolExecutor(number) as pool:
        for future in [pool.submit(work, index) for index in range(number)]:
            future.result()


@pytest.fixture
def searched(store: Store) -> Callable[..., list[str]]:
    """Six runs, and the last letters of the ids of those that a filter finds."""
    facts: list[tuple[dict[str, object], dict[str, str], dict[str, float | str]]] = [
        ({"model": "glm", "depth": 3}, {"team": "a"}, {"auc": 0.9, "loss": 0.1}),
        ({"model": "gam", "depth": 10}, {"team": "b"}, {"auc": 0.8}),
        ({"model": "glm", "rate": "0.10"}, {}, {"auc": 0.7, "loss": 0.3}),
        ({"model": "Tree 100%", "on": True}, {"team": "a"}, {"auc": float("nan")}),
        ({}, {"team": "a", "old name": "x"}, {"auc": "none"}),
        ({"depth": 2.5}, {}, {}),
    ]
    for letter, (params, tags, values) in zip("abcdef", facts, strict=True):
        status = RunStatus.RUNNING if letter < "d" else RunStatus.QUEUED
        context = {"user": "ana" if letter < "c" else "bo"}
        store.create_run(
            new_run(f"r_{letter}", "s", params=params, tags=tags, status=status, context=context)
        )
        events = [metric(seq, to_json(v), name) for seq, (name, v) in enumerate(values.items(), 1)]
        store.ingest(f"r_{letter}", "w", events, end=1)

    def find(filter: str | None = None, order: str | None = None, **options: int) -> list[str]:
        records = store.find_runs(run_query(filter, order, **options))
        return [record.id[-1] for record in records]

    return find


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("metrics.auc > 0.7", "ba"),
        ("metrics.auc >= 0.7 and metrics.loss < 0.2", "a"),
        ("metrics.auc = 'none'", "e"),
        ("metrics.auc is null", "f"),
        ("not metrics.auc > 0.7", "fedc"),
        ("params.model = 'glm'", "ca"),
        ("params.model != 'glm'", "db"),
        ("params.depth > 2.7", "ba"),
        ("params.depth = '3'", "a"),
        ("params.depth in (3, 2.5)", "fa"),
        ("params.rate = 0.1 and params.rate = '0.10'", "c"),
        ("params.on = true", "d"),
        ("params.model like 'g%'", "cba"),
        ("params.model like 'G%'", ""),
        ("params.model ilike 'TREE%'", "d"),
        ("params.model contains '0%'", "d"),
        ("tags.team = 'a'", "eda"),
        ("tags.`old name` is not null", "e"),
        ("tags.team not in ('a')", "fcb"),
        ("status = 'queued'", "fed"),
        ("user = 'ana' or number = 6", "fba"),
        ("text contains 'TREE'", "d"),
        ("not text contains 'r_'", ""),
        ("experiment = 's' and created > '2020-01-01' and duration is null", "fedcba"),
        ("started is not null", "cba"),
    ],
)
def test_a_filter_finds_what_it_says(
    searched: Callable[..., list[str]], filter: str, found: str
) -> None:
    assert "".join(searched(filter)) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("metrics.auc desc", "abcefd"),
        ("metrics.auc", "cbaefd"),
        ("params.depth", "fabdce"),
        ("tags.team, created", "adebcf"),
        ("number", "abcdef"),
        ("created desc", "fedcba"),
    ],
)
def test_runs_are_sorted_and_those_without_a_value_come_last(
    searched: Callable[..., list[str]], order: str, found: str
) -> None:
    assert searched(None, order)[:3] == list(found)[:3]
    assert len(searched(None, order)) == 6


def test_runs_come_as_columns_too(store: Store) -> None:
    facts: list[tuple[dict[str, object], dict[str, str | None], dict[str, object]]] = [
        ({"model": "glm", "depth": 3}, {"team": "a"}, {"auc": 0.9, "loss": 0.5}),
        ({"model": "gam"}, {"best": None}, {"auc": to_json(float("inf"))}),
        ({"on": True, "depth": to_json(float("-inf"))}, {}, {"auc": "none"}),
    ]
    for letter, (params, tags, values) in zip("abc", facts, strict=True):
        store.create_run(new_run(f"r_{letter}", params=params, tags=tags))
        events = [metric(seq, value, name) for seq, (name, value) in enumerate(values.items(), 1)]
        store.ingest(f"r_{letter}", "w", events, end=1)
    query = run_query("params.model is not null", "number")
    table = store.table_runs(query)
    assert table.fields["run_id"] == ["r_a", "r_b"]
    assert table.fields["created"] == [to_micros(run.created) for run in store.find_runs(query)]
    assert table.metrics == {"auc": [0.9, math.inf], "loss": [0.5, None]}
    assert table.params == {"depth": [3, None], "model": ["glm", "gam"]}
    assert table.tags == {"best": [None, None], "team": ["a", None]}
    table = store.table_runs(run_query(None, "number"))
    assert table.params["depth"] == [3, None, -math.inf]
    assert table.metrics["auc"] == [0.9, math.inf, "none"]
    nothing = store.table_runs(run_query("number = 0"))
    assert nothing.fields["run_id"] == [] and nothing.metrics == {}


@pytest.mark.parametrize("order", ["metrics.auc desc", "params.depth", "tags.team, created"])
def test_a_page_is_the_same_as_the_start_of_the_whole(
    searched: Callable[..., list[str]], order: str
) -> None:
    whole = searched(None, order)
    for offset in range(6):
        for limit in range(1, 7):
            assert searched(None, order, limit=limit, offset=offset) == whole[offset:][:limit]


def test_pages_of_a_search_make_the_whole(searched: Callable[..., list[str]]) -> None:
    pages = [searched(None, "number", limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert pages == [["a", "b"], ["c", "d"], ["e", "f"], []]


def test_parameters_come_back_as_they_went_and_the_newest_wins(store: Store) -> None:
    given = {"i": 3, "f": 3.0, "t": "0.10", "b": True, "n": None, "z": "a\0b", "big": 2**70}
    store.create_run(new_run(params={**given, "inf": {"float": "inf"}}))
    later = round(now().timestamp() * 1e6) + 1_000_000
    store.ingest("a_01", "w", [Event(1, later, "param", "f", 0.5)], end=1)
    store.ingest("a_01", "v", [Event(1, 5, "param", "f", 7.0)], end=1)
    record = store.get_run("a_01")
    assert record is not None
    found = {name: (type(value), value) for name, value in record.params.items()}
    expected = {**given, "f": 0.5, "inf": {"float": "inf"}}
    assert found == {name: (type(value), value) for name, value in expected.items()}


@pytest.mark.parametrize(
    ("order", "index"),
    [
        ("metrics.auc desc", "metrics_by_latest"),
        ("params.depth", "params_by_number"),
        ("tags.team desc", "tags_by_value"),
    ],
)
def test_the_first_by_a_value_are_found_without_sorting_all(
    tmp_path: Path, order: str, index: str
) -> None:
    SqlStore.create(tmp_path / "store.db")
    query = run_query(None, order, limit=100)
    plan = plan_of_query(tmp_path / "store.db", query, only_known=True)
    assert index in plan and "B-TREE FOR ORDER BY" not in plan


@pytest.mark.parametrize(
    ("filter", "options", "index"),
    [
        (None, {}, "runs_by_parent"),
        (None, {"include_children": True}, "runs_by_time"),
        (None, {"include_children": True, "experiment": "a"}, "runs_of_experiment"),
        ("metrics.auc > 0.5", {}, "runs_by_parent"),
        ("params.model = 'glm' and not tags.team = 'a'", {}, "runs_by_parent"),
    ],
)
def test_the_newest_that_fit_are_found_without_sorting_all(
    tmp_path: Path, filter: str | None, options: dict[str, Any], index: str
) -> None:
    SqlStore.create(tmp_path / "store.db")
    plan = plan_of_query(tmp_path / "store.db", run_query(filter, limit=100, **options))
    assert index in plan and "TEMP B-TREE" not in plan
    assert not re.search(r"SCAN (metrics|params|tags)", plan)


def test_sorting_by_what_every_run_has_reads_an_index_in_order(place: Place) -> None:
    query = run_query("user = 'ana'", "created", limit=10, include_children=True)
    plan = plan_of_query(place, query)
    assert "runs_by_user" in plan
    # Only runs of the same moment are sorted, by their keys.
    assert "B-TREE FOR ORDER BY" not in plan
    assert "Sort Key" not in plan or "Sort Key: created, key DESC" in plan


def plan_of_query(place: Place, query: RunQuery, *, only_known: bool = False) -> str:
    engine = make_engine(place)
    statement = query_statement(query, schema.runs.c.id, only_known=only_known)
    compiled = statement.compile(engine, compile_kwargs={"literal_binds": True})
    engine.dispose()
    return plan_of(place, str(compiled))


LONG = 5000


def values_of_a_long_series() -> list[Any]:
    """A course with two peaks, a gap, and what is no number."""
    values: list[Any] = [math.sin(index / 700) for index in range(LONG)]
    values[1234], values[3333] = 9.5, -9.5
    values[2000:2100] = [None] * 100
    values[4000] = "none"
    return [to_json(value) for value in values]


@pytest.mark.parametrize("size", [LONG, 700])
def test_a_long_series_is_sampled_without_losing_a_peak(store: Store, size: int) -> None:
    values = values_of_a_long_series()
    store.create_run(new_run())
    for start in range(0, LONG, size):
        part = enumerate(values[start : start + size], start + 1)
        events = [
            event
            for seq, value in part
            for event in (
                Event(2 * seq - 1, 10**15 + seq, "metric", "x", value, seq - 1),
                Event(2 * seq, 10**15 + seq, "metric", "y", seq),
            )
        ]
        store.ingest("a_01", "w", events, end=start + size)
    for most in (4, 20, 100, 1000, LONG):
        found = store.get_metrics("a_01", "x", max_points=most)["x"]
        assert len(found.values) <= most and len(found.places) == len(found.values)
        assert (found.places[0], found.places[-1]) == (1, LONG)
        assert {1235, 3334} <= set(found.places)
        assert list(found.places) == sorted(set(found.places))
        assert found.values == [values[place - 1] for place in found.places]
        assert [place - 1 for place in found.places] == found.steps
        assert [10**15 + place for place in found.places] == found.times
    assert store.get_metrics("a_01", "x", max_points=LONG) == store.get_metrics("a_01", "x")
    assert 100 < len(store.get_metrics("a_01", max_points=300)["y"].values) <= 300


def test_a_long_list_is_sampled(store: Store) -> None:
    store.create_run(new_run())
    store.ingest("a_01", "w", [Event(1, 1, "list", "x", values_of_a_long_series())], end=1)
    found = store.get_metrics("a_01", "x", max_points=50)["x"]
    assert {1, 1235, 3334, LONG} <= set(found.places) and found.is_list


def test_series_of_several_writers_are_sampled_in_the_order_of_time(store: Store) -> None:
    store.create_run(new_run())
    for writer in range(2):
        events = [metric(seq, seq + 0.5, time=2 * seq + writer) for seq in range(1, LONG)]
        store.ingest("a_01", f"w{writer}", events, end=1)
    found = store.get_metrics("a_01", "x", max_points=20)["x"]
    assert list(found.times) == sorted(found.times)
    assert (found.places[-1], len(found.values)) == (2 * (LONG - 1), 20)


def test_a_store_without_outlines_is_read_whole_and_gets_them(place: Place) -> None:
    store = SqlStore.open(place)
    store.create_run(new_run())
    events = [metric(seq, float(seq)) for seq in range(1, LONG)]
    store.ingest("a_01", "w", events, end=1)
    engine = make_engine(place)
    with changing_schema(engine) as connection:
        connection.execute(schema.outline.delete())
    whole = store.get_metrics("a_01", "x", max_points=40)["x"]
    later = [metric(seq, float(seq)) for seq in range(LONG, 2 * LONG)]
    store.ingest("a_01", "w", later, end=2)
    with reading(engine) as connection:
        count = connection.execute(text("SELECT count(*) FROM outline")).scalar_one()
    engine.dispose()
    found = store.get_metrics("a_01", "x", max_points=40)["x"]
    store.close()
    assert (whole.places[0], whole.places[-1], len(whole.places)) == (1, LONG - 1, 40)
    assert (found.places[0], found.places[-1]) == (1, 2 * LONG - 1)
    assert count > 2 * (2 * LONG // 64 - 1)
