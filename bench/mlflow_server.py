"""The same calls of MLflow's REST API on a server of ours and on MLflow's own, by turns.

    .venv/bin/python bench/mlflow_server.py [--quick] [--clients 16] [--seconds 5]

Clients write HTTP by hand, so that it is the servers that are measured; the same machine runs both
sides. Each server is one process on a SQLite store. Writes
mlflow_server.json and its part of README.md beside this file, unless --quick.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import report
from harness import describe_machine
from tracking import BUILD, HERE, MLFLOW, install_mlflow

from tandemlab import Workspace
from tandemlab.server import process
from tandemlab.server.settings import ServerSettings

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
BATCH = 10
Samples = defaultdict[str, list[float]]


class Caller:
    """One client's connection to a server's MLflow API."""

    def __init__(self, port: int, base: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=120)
        self._base = f"{base}/api/2.0/mlflow"

    def post(self, path: str, **content: Any) -> dict[str, Any]:
        """What a call with a body is answered."""
        headers = {"Content-Type": "application/json"}
        return self._ask("POST", path, json.dumps(content).encode(), headers)

    def get(self, path: str) -> dict[str, Any]:
        """What a call without a body is answered."""
        return self._ask("GET", path, None, {})

    def _ask(self, method: str, path: str, body: Any, headers: Any) -> dict[str, Any]:
        self._connection.request(method, f"{self._base}/{path}", body, headers)
        answer = self._connection.getresponse()
        content: dict[str, Any] = json.loads(answer.read())
        assert answer.status == 200, content
        return content

    def create_run(self, experiment: str) -> str:
        """The id of a new run."""
        made = self.post("runs/create", experiment_id=experiment, start_time=millis())
        return str(made["run"]["info"]["run_id"])


def millis() -> int:
    """Now."""
    return time.time_ns() // 1_000_000


@contextmanager
def ours(folder: Path) -> Iterator[tuple[int, str]]:
    """A server of ours: its port, and where its API begins."""
    lab = Workspace.create(folder / "lab")
    running = process.start(ServerSettings(lab.path, port=0))
    try:
        yield int(running.url.rpartition(":")[2]), f"/{lab.name}"
    finally:
        process.stop(lab.path)


@contextmanager
def theirs(folder: Path) -> Iterator[tuple[int, str]]:
    """A server of MLflow's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [MLFLOW / "bin" / "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", folder / "artifacts", "--workers", "1"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_for(port, server)
        yield port, ""
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until a server answers."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and server.poll() is None:
        try:
            Caller(port, "").get("experiments/get?experiment_id=0")
        except (OSError, HTTPException, ValueError, AssertionError):
            time.sleep(0.5)
        else:
            return
    raise SystemExit("bench: MLflow's server does not answer")


def measure(port: int, base: str, size: dict[str, int], found: Samples) -> None:
    """One round of all calls."""
    caller = Caller(port, base)
    name = f"bench{millis()}"
    experiment = caller.post("experiments/create", name=name)["experiment_id"]

    found["batches"].append(log_batches(port, base, experiment, size))
    caller = Caller(port, base)  # servers close a connection that rests
    run = caller.create_run(experiment)
    begin = time.perf_counter()
    for step in range(size["calls"]):
        caller.post(
            "runs/log-metric", run_id=run, key="loss", value=step / 7, timestamp=1, step=step
        )
    found["call"].append((time.perf_counter() - begin) / size["calls"])

    begin = time.perf_counter()
    for _ in range(size["runs"]):
        caller.create_run(experiment)
    found["create"].append((time.perf_counter() - begin) / size["runs"])
    for _ in range(5):
        begin = time.perf_counter()
        page = caller.post("runs/search", experiment_ids=[experiment], max_results=100)
        found["page"].append(time.perf_counter() - begin)
        assert len(page["runs"]) == 100

    for first in range(0, size["points"], 1000):
        points = [
            {"key": "history", "value": step / 7, "timestamp": 1, "step": step}
            for step in range(first, first + 1000)
        ]
        begin = time.perf_counter()
        caller.post("runs/log-batch", run_id=run, metrics=points)
        found["thousand"].append(time.perf_counter() - begin)
    for _ in range(3):
        begin = time.perf_counter()
        history = caller.get(f"metrics/get-history?run_id={run}&metric_key=history")
        found["history"].append(time.perf_counter() - begin)
        assert len(history["metrics"]) == size["points"]


def log_batches(port: int, base: str, experiment: str, size: dict[str, int]) -> float:
    """Seconds for each batch, of all clients together."""
    caller = Caller(port, base)
    runs = [caller.create_run(experiment) for _ in range(size["clients"])]
    end = time.perf_counter() + size["seconds"]
    counts = [0] * len(runs)

    def work(number: int) -> None:
        own = Caller(port, base)
        while time.perf_counter() < end:
            first = counts[number] * BATCH
            points = [
                {"key": "loss", "value": step / 7, "timestamp": 1, "step": step}
                for step in range(first, first + BATCH)
            ]
            own.post("runs/log-batch", run_id=runs[number], metrics=points)
            counts[number] += 1

    begin = time.perf_counter()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(runs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - begin) / sum(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small round; writes no page")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    size = {"clients": options.clients, "seconds": options.seconds, "batch": BATCH}
    size |= {"calls": 200, "runs": 500, "points": 50_000}
    if options.quick:
        size |= {"seconds": 1, "calls": 20, "runs": 110, "points": 2_000}
    BUILD.mkdir(exist_ok=True)
    if not install_mlflow(upgrade=False):
        sys.exit("bench: MLflow is not there")
    samples: dict[str, Samples] = {"": defaultdict(list), "mlflow_": defaultdict(list)}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        os.environ["TANDEMLAB_CONFIG_DIR"] = name
        machine = describe_machine(folder)
        servers = {"": stack.enter_context(ours(folder))}
        servers["mlflow_"] = stack.enter_context(theirs(folder))
        for turn in range(1 if options.quick else 2):
            for who in list(servers) if turn % 2 == 0 else reversed(servers):
                measure(*servers[who], size, samples[who])
    merged = {f"{who}{key}": values for who, s in samples.items() for key, values in s.items()}
    rows = report.summarize(merged, report.SERVER_ROWS)
    print(report.table(rows))
    if not options.quick:
        result = {
            "date": datetime.now(timezone.utc).date().isoformat(),
            "machine": machine,
            "sizes": size,
            "rows": rows,
            "samples": {key: [float(f"{v:.6g}") for v in merged[key]] for key in merged},
        }
        text = json.dumps(result, indent=1, ensure_ascii=False)
        (HERE / "mlflow_server.json").write_text(f"{text}\n", encoding="utf-8")
        report.write_page(HERE)


if __name__ == "__main__":
    main()
