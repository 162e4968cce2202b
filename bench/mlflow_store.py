"""The calls of `lab.py` on MLflow's SQLite store, in MLflow's own environment. Prints JSON.

python mlflow_store.py FOLDER CALLS POINTS RUNS REPEATS
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import mlflow
from mlflow.entities import Metric, RunTag

clock = time.perf_counter
BATCH = 1000  # the most that log_batch takes


def size_of(database: Path) -> int:
    """Bytes of the database alone, with the rest of its log in it if it has one."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database.stat().st_size


def main() -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    folder = Path(sys.argv[1])
    calls, points, runs, repeats = map(int, sys.argv[2:])
    database = folder / "mlflow.db"
    mlflow.set_tracking_uri(f"sqlite:///{database}")
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("bench", artifact_location=(folder / "files").as_uri())
    found: defaultdict[str, list[float]] = defaultdict(list)

    with mlflow.start_run(experiment_id=experiment):
        start = clock()
        mlflow.log_metric("first", 0.5)
        found["first_log"].append(clock() - start)
        for step in range(calls // 10):
            mlflow.log_metric("loss", step * 0.123456789, step=step)
        for repeat in range(repeats):
            start = clock()
            for step in range(calls):
                mlflow.log_metric("loss", step * 0.123456789, step=repeat * calls + step)
            found["log"].append((clock() - start) / calls)

    for _ in range(repeats):
        start = clock()
        for _ in range(20):
            client.create_run(experiment)
        found["create"].append((clock() - start) / 20)

    run = client.create_run(experiment).info.run_id
    before = size_of(database)
    now = int(time.time() * 1000)
    start = clock()
    for first in range(0, points, BATCH):
        steps = range(first, min(first + BATCH, points))
        client.log_batch(run, [Metric("loss", s * 0.123456789, now, s) for s in steps])
    found["ingest"].append((clock() - start) / points)
    found["bytes"].append((size_of(database) - before) / points)
    for _ in range(repeats):
        start = clock()
        assert len(client.get_metric_history(run, "loss")) == points
        found["read"].append(clock() - start)

    many = client.create_experiment("many", artifact_location=(folder / "files").as_uri())
    for number in range(runs):
        run = client.create_run(many).info.run_id
        metrics = [Metric("loss", number * 0.25, now, 0), Metric("accuracy", number * 0.5, now, 0)]
        client.log_batch(run, metrics, tags=[RunTag("fold", str(number % 5))])
    for _ in range(repeats):
        start = clock()
        frame = mlflow.search_runs([many], max_results=runs)
        found["frame"].append(clock() - start)
    assert frame.shape[0] == runs
    print(json.dumps(found))


if __name__ == "__main__":
    main()
