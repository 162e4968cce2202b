"""What a server of ours takes: logged batches a second from 16 clients, and the first page of runs.

    .venv/bin/python bench/server.py [--clients 16] [--seconds 5] [--events 10]

Clients are threads of a few processes that write HTTP by hand, so that it is the server that is
measured; the same machine runs both, which the server would not have to share elsewhere. Beside it:
the same batches straight into the store, in one process, which no server can beat.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from harness import describe_machine

from tandemlab import Workspace
from tandemlab.domain import Event
from tandemlab.server import process
from tandemlab.server.settings import ServerSettings
from tandemlab.store.http.wire import encode_batch

PROCESSES = 2


def batches(events: int) -> Any:
    """Batches of one writer, without end."""
    seq, now = 1, time.time_ns() // 1000
    while True:
        yield [
            Event(seq + i, now + seq + i, "metric", "loss", (seq + i) / 7) for i in range(events)
        ]
        seq += events


def client(port: int, base: str, events: int, end: float, found: list[float]) -> None:
    """Log to a run of its own until the end; seconds of each batch."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    for number, batch in enumerate(batches(events), 1):
        body = encode_batch("bench-1-00000000", batch, number * 100, {})
        begin = time.perf_counter()
        if time.time() > end:
            return
        connection.request("POST", f"{base}/events", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        found.append(time.perf_counter() - begin)


def work(port: int, bases: list[str], events: int, end: float, results: Any) -> None:
    """Some clients in one process."""
    found: list[list[float]] = [[] for _ in bases]
    threads = [
        threading.Thread(target=client, args=(port, base, events, end, mine))
        for base, mine in zip(bases, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put([seconds for mine in found for seconds in mine])


def log_by_server(lab: Workspace, port: int, clients: int, events: int, seconds: float) -> Any:
    """Batches a second, and the latency of one."""
    experiment = lab.experiment("bench")
    runs = [experiment.create_run(type="interactive").id for _ in range(clients)]
    bases = [f"/api/v1/workspaces/{lab.name}/runs/{run}" for run in runs]
    results: Any = multiprocessing.Queue()
    end = time.time() + seconds
    workers = [
        multiprocessing.Process(
            target=work, args=(port, bases[part::PROCESSES], events, end, results)
        )
        for part in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    found = [value for _ in workers for value in results.get()]
    for worker in workers:
        worker.join()
    for run in runs:
        counted = len(lab.get_run(run).metrics["loss"].values)
        assert counted % events == 0
    return {
        "batches_per_second": round(len(found) / seconds),
        "milliseconds_median": round(1000 * median(found), 2),
        "milliseconds_p99": round(1000 * quantiles(found, n=100)[98], 2),
    }


def log_directly(lab: Workspace, events: int, seconds: float) -> float:
    """Batches a second of one process into the store."""
    run = lab.experiment("bench").create_run(type="interactive").id
    end = time.time() + seconds
    for count, batch in enumerate(batches(events), 1):
        lab.store.ingest(run, "direct-1-00000000", batch, end=count)
        if time.time() > end:
            return count / seconds
    raise AssertionError


def first_page(lab: Workspace, port: int, runs: int) -> float:
    """Milliseconds of the newest 100 of many runs."""
    experiment = lab.experiment("many")
    for _ in range(runs):
        experiment.create_run(type="interactive")
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for _ in range(30):
        begin = time.perf_counter()
        connection.request("GET", f"/api/v1/workspaces/{lab.name}/runs?limit=100")
        assert len(json.loads(connection.getresponse().read())) == 100
        found.append(time.perf_counter() - begin)
    return round(1000 * median(found), 2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--events", type=int, default=10)
    parser.add_argument("--runs", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TANDEMLAB_CONFIG_DIR"] = folder
        lab = Workspace.create(Path(folder) / "lab")
        running = process.start(ServerSettings(lab.path, port=0))
        port = int(running.url.rpartition(":")[2])
        log_by_server(lab, port, given.clients, given.events, 2.0)  # what is loaded only once
        worked = cpu_seconds(running.pid)
        logged = log_by_server(lab, port, given.clients, given.events, given.seconds)
        worked = cpu_seconds(running.pid) - worked
        total = logged["batches_per_second"] * given.seconds
        result = {
            **describe_machine(Path(folder)),
            "clients": given.clients,
            "events_per_batch": given.events,
            **logged,
            "server_cpu_milliseconds_per_batch": round(1000 * worked / total, 3),
            "directly_batches_per_second": round(
                log_directly(lab, given.events, given.seconds / 2)
            ),
            "first_page_milliseconds": first_page(lab, port, given.runs),
            "client_cpu_seconds": resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime,
        }
        process.stop(lab.path)
    print(json.dumps(result, indent=2))


def cpu_seconds(pid: int) -> float:
    """What a process has worked."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
