"""What programs and people see of a server: streams, probes, counts, logs, its description."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastapi.routing
import httpx
import pytest
from fastapi import FastAPI

from plugins.servers import Server, behind
from tandemlab import ScriptRunConfig, Workspace
from tandemlab.domain import StorageError
from tandemlab.server import process
from tandemlab.server.api.streams import RunCursor
from tandemlab.server.app import create_app
from tandemlab.server.errors import status_of
from tandemlab.server.settings import ServerSettings
from tandemlab.store.sql.engine import PassingError


def read(stream: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    """Id, kind and data of each event of a stream."""
    fields: dict[str, str] = {}
    for line in stream:
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
        elif "event" in fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}


def stream_of(server: Server, run: Any, last: str = "") -> Any:
    url = f"{server.url}/api/v1/workspaces/{run.workspace.name}/runs/{run.id}/stream"
    headers = {"Last-Event-ID": last} if last else {}
    return httpx.stream("GET", url, headers=headers, timeout=60)


def test_a_run_is_followed_to_its_end_and_from_where_a_reader_left(
    remote: Workspace, shared_server: Server, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(
        "import os, time\nfrom tandemlab import Run\n"
        "print('one', flush=True)\nRun.get_context().log('x', 0.5)\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
        "print('two')\nRun.get_context().log('x', 0.25)\n"
    )
    run = remote.experiment("demo").submit(ScriptRunConfig(source, "train.py"))
    text, values, last = "", {}, ""
    with stream_of(shared_server, run) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for place, kind, data in read(answer.iter_lines()):
            last = place
            text += data["text"] if kind == "log" else ""
            values = data[run.id] if kind == "metrics" else values
            if text == "one\n" and values == {"x": 0.5}:
                break
    gate.touch()
    kinds = []
    with stream_of(shared_server, run, last) as answer:
        for _, kind, data in read(answer.iter_lines()):
            text += data["text"] if kind == "log" else ""
            values = data[run.id] if kind == "metrics" else values
            kinds.append((kind, data.get("status")))
    assert (text, values) == ("one\ntwo\n", {"x": 0.25})
    assert kinds[-1][0] == "end" and ("run", "Completed") in kinds


def test_a_workspace_is_followed(remote: Workspace, shared_server: Server) -> None:
    url = f"{shared_server.url}/api/v1/workspaces/{remote.name}/stream"
    with httpx.stream("GET", url, timeout=60) as answer:
        events = read(answer.iter_lines())
        assert next(events)[2] == []
        run = behind(remote, shared_server).experiment("demo").create_run(type="interactive")
        last, _, runs = next(events)
        assert [item["id"] for item in runs] == [run.id]
    run.complete()
    with httpx.stream("GET", url, headers={"Last-Event-ID": last}, timeout=60) as answer:
        assert next(read(answer.iter_lines()))[2][0]["status"] == "Completed"


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.-1", "a.b.1.2", "a.b." + "9" * 99])
def test_an_id_that_is_none_of_ours_begins_at_the_start(text: str) -> None:
    assert RunCursor.of(text) == RunCursor()


def test_the_server_ends_its_streams_and_finishes_what_it_has_begun(
    server: Server, workspace: Workspace
) -> None:
    begun = threading.Event()
    ended = threading.Event()

    def follow() -> None:
        url = f"{server.url}/api/v1/workspaces/{workspace.name}/stream"
        with httpx.stream("GET", url, timeout=60) as answer:
            for _ in answer.iter_lines():
                begun.set()
        ended.set()

    threading.Thread(target=follow, daemon=True).start()
    assert begun.wait(30)
    start = time.monotonic()
    server.stop()
    assert ended.wait(30) and time.monotonic() - start < 10  # the time of grace was not needed
    assert process.find_running(workspace.path) is None


def test_probes_counts_and_log_lines(server: Server, workspace: Workspace) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.get("/readyz").json() == {"status": "ok"}
        answer = client.get("/api/v1/workspaces/nothing", headers={"X-Request-ID": "abc-1"})
        assert answer.headers["x-request-id"] == "abc-1"
        assert answer.json()["error"]["request_id"] == "abc-1"
        remote = Workspace(f"{server.url}/{workspace.name}")
        with remote.experiment("demo").start_logging() as run:
            run.log("x", 1)
        path = f"/api/v1/workspaces/{workspace.name}/runs/demo_none/events"
        batch = {"writer": "w", "end": 1, "events": []}
        answer = client.post(path, json=batch, headers={"X-Request-ID": "abc-2"})
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (404, "nosniff")
        assert answer.json()["error"]["request_id"] == "abc-2"
        text = client.get("/metrics").text
    counts = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    assert float(counts["tandemlab_events_total"]) == 2
    label = 'operation="log_events"'
    assert counts[f'tandemlab_requests_total{{{label},status="404"}}'] == "1"
    assert float(counts[f'tandemlab_requests_total{{{label},status="200"}}']) >= 1
    label = 'operation="get_workspace"'
    assert counts[f'tandemlab_requests_total{{{label},status="404"}}'] == "1"
    assert counts[f'tandemlab_request_seconds_bucket{{{label},le="+Inf"}}'] == "2"
    lines = (workspace.path / ".tandemlab" / "server" / "server.log").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    failed = {item.get("request_id") for item in found if item.get("status") == 404}
    assert failed == {"abc-1", "abc-2"}
    (workspace.path / "store.db").rename(workspace.path / "gone.db")
    # A store that is open goes on; a server that starts anew sees that it is gone.
    server.kill()
    server.start()
    answer = httpx.get(f"{server.url}/readyz", timeout=30)
    (workspace.path / "gone.db").rename(workspace.path / "store.db")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


def test_what_may_pass_is_told_so_that_clients_ask_again() -> None:
    assert status_of(PassingError("The database is restarted.")) == 503
    assert status_of(StorageError("The disk is full.")) == 500


def test_the_interface_describes_itself(shared_server: Server) -> None:
    schema = httpx.get(f"{shared_server.url}/api/v1/openapi.json", timeout=30).json()
    operations = {
        operation["operationId"]: operation
        for path in schema["paths"].values()
        for operation in path.values()
    }
    assert {"listRuns", "searchRuns", "createRun", "logEvents", "getLog"} <= set(operations)
    assert {"registerAsset", "getAsset", "listAssets", "updateAsset", "addUsage"} <= set(operations)
    names = set(schema["components"]["schemas"])
    assert {"RunRecord", "NewRun", "RunQuery", "EventBatch", "ErrorAnswer"} <= names
    text = json.dumps(schema)
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in names
    assert all(operation.get("tags") for operation in operations.values())


def test_no_two_routes_answer_the_same_request(tmp_path: Path) -> None:
    app, services = create_app(ServerSettings(tmp_path, port=0))
    while not isinstance(app, FastAPI):
        app = vars(app)["_app"]
    # Where FastAPI includes routers as they are, their routes are not among its own.
    routes = getattr(fastapi.routing, "iter_route_contexts", iter)(app.routes)
    found = Counter(
        (method, re.sub(r"{\w+", "{", route.path))
        for route in routes
        for method in route.methods or ()
    )
    services.writers.close()
    assert len(found) > 120
    assert [route for route, count in found.items() if count > 1] == []


def test_one_server_serves_a_folder(server: Server, workspace: Workspace) -> None:
    with pytest.raises(Exception, match="runs already"):
        process.start(process.ServerSettings(workspace.path, port=0))
