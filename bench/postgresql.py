"""A store in PostgreSQL with 100,000 runs and 100 million points: first pages, histories, frames.

    .venv/bin/python bench/postgresql.py FOLDER [--runs 100000] [--points 1000] [--plans]

The database is made once in FOLDER, by the server itself from numbers that it generates, and
measured there as often as wanted; 100 million points take 17 GB and some minutes. PostgreSQL's
settings are Debian's, but for `shared_buffers` (1 GB) and what only matters in a power cut.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from harness import describe_machine
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tandemlab import Workspace
from tandemlab.domain import Event

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from plugins.postgresql import Server, find_account, find_programs

SERIES = ("loss", "accuracy")
LONG = 100_000
FILTERS = {
    "newest": {},
    "of an experiment": {"experiment": "experiment 7"},
    "metric above": {"filter": "metrics.accuracy > 0.99"},
    "metric above, by metric": {
        "filter": "metrics.accuracy > 0.5",
        "order_by": "metrics.loss",
    },
    "by metric": {"order_by": "metrics.loss desc"},
    "by parameter": {"order_by": "params.depth"},
    "parameter and tag": {"filter": "params.model = 'model 3' and tags.team = 'team 1'"},
    "failed": {"filter": "status = 'Failed'"},
    "of a user": {"filter": "user = 'user 3'", "order_by": "created"},
    "name contains": {"filter": "display_name contains 'run 999'"},
    "three conditions": {
        "filter": "metrics.loss < 0.5 and params.depth >= 5 and status = 'Completed'",
        "order_by": "metrics.accuracy desc",
    },
    "page 100": {"offset": 9_900},
}

# One run was made by the program; the others are like it, with values of their own.
GENERATE = """
INSERT INTO experiments (name, created, archived, last_number)
  SELECT 'experiment ' || i, t.created, false, {runs} / 100 FROM generate_series(0, 99) i, runs t;

CREATE TEMP TABLE template AS SELECT * FROM runs;
CREATE TEMP TABLE template_metrics AS SELECT * FROM metrics;
INSERT INTO runs (id, experiment_key, number, type, status, display_name, created, started, ended,
                  definition, context, "user")
  SELECT 'bench_' || lpad(i::text, 26, '0'), e.key, i / 100 + 1, t.type,
         CASE WHEN i % 20 = 0 THEN 'Failed' ELSE 'Completed' END, 'run ' || i,
         t.created + i * 1000000::bigint, t.created + i * 1000000::bigint,
         t.created + i * 1000000::bigint + 60000000, t.definition, t.context, 'user ' || i % 10
  FROM generate_series(1, {runs}) i, template t, experiments e
  WHERE e.name = 'experiment ' || i % 100;

CREATE TEMP TABLE made AS
  SELECT key, substr(id, 7)::bigint AS i FROM runs WHERE id LIKE 'bench\\_%';
INSERT INTO params (run_key, name, form, number, text, time)
  SELECT key, 'depth', 1, i % 10, (i % 10)::text, 0 FROM made
  UNION ALL SELECT key, 'model', 3, NULL, 'model ' || i % 7, 0 FROM made;
INSERT INTO tags (run_key, name, value, time, removed)
  SELECT key, 'team', 'team ' || i % 5, 0, false FROM made;
INSERT INTO writers (run_key, name, last_seq, position)
  SELECT key, 'bench-1-00000000', {points}, 0 FROM made;
INSERT INTO metrics (run_key, name, shape, is_list, count, latest_time, latest_form, latest_number)
  SELECT made.key, t.name, t.shape, t.is_list, {points} / 2, {points}, 0,
         CASE t.name WHEN 'loss' THEN ((i * 7919) % 100003) / 100003.0
                     ELSE ((i * 104729) % 100003) / 100003.0 END
  FROM made, template_metrics t;
"""
POINTS = """
INSERT INTO points (metric_key, writer_key, seq, position, time, step, form, number)
  SELECT m.key, w.key, 2 * p + (m.name = 'loss')::int, 0, p * 1000, p, 0, m.latest_number + 1.0 / p
  FROM runs r JOIN metrics m ON m.run_key = r.key JOIN writers w ON w.run_key = r.key,
       generate_series(1, {points} / 2) p
  WHERE r.id LIKE 'bench\\_%' AND r.key > {first} AND r.key <= {last}
"""


def make(lab: Workspace, server: Server, runs: int, points: int) -> None:
    """Fill the database; indexes of points come last, as a restored backup would make them."""
    with lab.experiment("template").start_logging() as run:
        for name in SERIES:
            run.log(name, 0.5)
    run.get_metrics()
    with server.connect() as connection:
        for statement in GENERATE.format(runs=runs, points=points).split(";\n"):
            if statement.strip():
                connection.execute(statement)
        key = "ALTER TABLE points {} CONSTRAINT points_pkey"
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute(key.format("DROP"))
        step = max(runs // 100, 1)
        for first in range(0, runs + step, step):
            connection.execute(POINTS.format(points=points, first=first, last=first + step))
        connection.execute(
            key.format("ADD") + " PRIMARY KEY (metric_key, writer_key, seq, position)"
        )
        connection.execute("VACUUM ANALYZE")
    log_long(lab)


def log_long(lab: Workspace) -> None:
    """A run with one long series, taken in as any other."""
    run = lab.experiment("long").create_run(type="interactive").id
    events = [Event(i, i, "metric", "loss", 1 / i) for i in range(1, LONG + 1)]
    for start in range(0, LONG, 10_000):
        part = events[start : start + 10_000]
        lab.store.ingest(run, "long-1-00000000", part, end=start + len(part))


def milliseconds(action: Callable[[], Any], times: int = 5) -> float:
    """The median of some tries, after one that warms up."""
    action()
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        action()
        found.append(time.perf_counter() - begin)
    return round(1000 * median(found), 1)


def measure(lab: Workspace) -> dict[str, Any]:
    """First pages of 100 runs, histories, and all runs as a frame."""
    pages = {
        name: milliseconds(lambda query=query: list(lab.get_runs(limit=100, **query)))
        for name, query in FILTERS.items()
    }
    (long,) = lab.get_runs("experiment = 'long'")
    short = lab.get_runs(limit=1, experiment="experiment 7")[0]
    return {
        "first_page_milliseconds": pages,
        "long_history_sampled_milliseconds": milliseconds(
            lambda: long.get_metric_history("loss", 1000)
        ),
        "short_history_milliseconds": milliseconds(lambda: short.get_metrics()),
        "frame_of_all_runs_seconds": milliseconds(lambda: lab.runs_frame(), 1) / 1000,
    }


def plans(lab: Workspace, server: Server) -> None:
    """Print the statements of each first page with their plans."""
    seen: list[tuple[str, Any]] = []
    event.listen(Engine, "before_cursor_execute", lambda *given: seen.append((given[2], given[3])))
    for name, query in FILTERS.items():
        seen.clear()
        list(lab.get_runs(limit=100, **query))
        print(f"\n== {name}")
        with server.connect() as connection:
            for statement, values in list(seen):
                if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                    found = connection.execute("EXPLAIN (ANALYZE, BUFFERS) " + statement, values)
                    print("\n".join([statement[:1500], *(f"    {line}" for (line,) in found)]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=1000, help="of each run")
    parser.add_argument("--plans", action="store_true")
    given = parser.parse_args()
    programs, account = find_programs(), find_account()
    if programs is None or account is None:
        sys.exit("PostgreSQL is not installed; tools/bootstrap dev does that")
    folder = given.folder.resolve()
    place, lab_path = folder / "postgresql", folder / "lab"
    is_new = not place.exists()
    place.mkdir(parents=True, exist_ok=True)
    server = Server(place, programs, account)
    if is_new:
        server.make()
        (place / "data" / "postgresql.auto.conf").write_text(
            "shared_buffers = '1GB'\nmax_wal_size = '4GB'\n"
            "wal_level = minimal\nmax_wal_senders = 0\n"
        )
    server.start()
    try:
        begin = time.perf_counter()
        if is_new:
            make(
                Workspace.create(lab_path, store=server.address()), server, given.runs, given.points
            )
        lab = Workspace(lab_path)
        if given.plans:
            plans(lab, server)
            return
        found = {
            **describe_machine(folder),
            "runs": given.runs,
            "points": given.runs * given.points,
            "seconds_to_make": round(time.perf_counter() - begin) if is_new else None,
            **measure(lab),
        }
        print(json.dumps(found, indent=2))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
