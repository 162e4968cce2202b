"""What a scoring service takes: requests a second of a trivial Python model and of an R glm.

    .venv/bin/python bench/scoring.py [--clients 4] [--seconds 5] [--replicas 2]

Clients are threads of one process that write HTTP by hand over connections that stay open, on
127.0.0.1; they take their part of the same machine. Every answer is counted and compared. Beside
it, what no service can beat: the same scripts called in a loop in their own process.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

import psutil
from harness import describe_machine

from tandemlab import InferenceConfig, LocalWebservice, Workspace, deploy_model
from tandemlab.bridge import find_r

PYTHON = "import json\ndef run(data):\n    return json.loads(data)[0] + 1\n"
R = """
init <- function() {
  model <- readRDS(file.path(Sys.getenv("AZUREML_MODEL_DIR"), "model.rds"))
  function(data) {
    newdata <- jsonlite::fromJSON(data)
    jsonlite::toJSON(unname(predict(model, newdata, type = "response")), digits = NA)
  }
}
"""
DIRECT_R = """
run <- init()
request <- '[{"wt":2,"hp":100}]'
for (i in 1:20) run(request)
began <- proc.time()[["elapsed"]]
for (i in 1:500) run(request)
cat(500 / (proc.time()[["elapsed"]] - began))
"""
AIMS = {"Python": 1000, "R": 300}


class Connection:
    """A connection that stays open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: "
        self._stream = self._socket.makefile("rb")

    def ask(self, body: bytes) -> bytes:
        """The content of an answer that is no error."""
        self._socket.sendall(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        status, size = self._stream.readline(), 0
        while (line := self._stream.readline()) != b"\r\n":
            if line.startswith(b"content-length:"):
                size = int(line.split(b":")[1])
        content = self._stream.read(size)
        assert status.startswith(b"HTTP/1.1 200"), (status, content)
        return content


def load(url: str, body: bytes, expected: Any, clients: int, seconds: float) -> dict[str, float]:
    """Requests a second of all clients, and what one takes."""
    found: list[list[float]] = [[] for _ in range(clients)]
    end = time.perf_counter() + seconds

    def ask(mine: list[float]) -> None:
        connection = Connection(url)
        while (begin := time.perf_counter()) < end:
            answer = json.loads(connection.ask(body))
            mine.append(time.perf_counter() - begin)
            assert answer == expected, answer

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [value for mine in found for value in mine]
    return {
        "requests": len(times),
        "requests_per_second": round(len(times) / seconds),
        "milliseconds_median": round(1000 * median(times), 2),
        "milliseconds_p99": round(1000 * quantiles(times, n=100)[98], 2),
    }


def worked_seconds(service: LocalWebservice) -> float:
    """What a service and its replicas have worked until now, in seconds of a processor."""
    status = service.status
    assert status is not None
    times = [psutil.Process(each.pid).cpu_times() for each in (status, *status.replicas)]
    return sum(each.user + each.system for each in times)


def direct_python() -> float:
    """Calls a second of the Python script, without a service."""
    space: dict[str, Any] = {}
    exec(PYTHON, space)
    begin = time.perf_counter()
    for _ in range(100_000):
        json.dumps(space["run"]("[1]"))
    return 100_000 / (time.perf_counter() - begin)


def measure(folder: Path, clients: int, seconds: float, replicas: int) -> dict[str, dict[str, Any]]:
    """Both services, one after the other."""
    lab = Workspace.create(folder / "lab")
    model = folder / "model.rds"
    fit = f"saveRDS(glm(am ~ wt + hp, binomial, mtcars), {json.dumps(str(model))})"
    rscript = find_r().rscript
    subprocess.run([rscript, "-e", fit], check=True)
    direct = subprocess.run(
        [rscript, "-e", f"Sys.setenv(AZUREML_MODEL_DIR = dirname('{model}'));{R}{DIRECT_R}"],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, dict[str, Any]] = {}
    for name, code, suffix, body, models in (
        ("Python", PYTHON, "py", b"[1]", []),
        ("R", R, "R", b'[{"wt":2,"hp":100}]', [model]),
    ):
        script = folder / f"score.{suffix}"
        script.write_text(code)
        settings = LocalWebservice.deploy_configuration(replicas=replicas)
        service = deploy_model(lab, name, models, InferenceConfig(script), settings)
        try:
            service.wait_for_deployment()
            expected = service.run(body)
            load(service.scoring_uri, body, expected, clients, min(1.0, seconds))
            worked = worked_seconds(service)
            found[name] = load(service.scoring_uri, body, expected, clients, seconds)
            count = found[name]["requests"]
            spent = 1000 * (worked_seconds(service) - worked) / count
            found[name]["processor_milliseconds"] = round(spent, 2)
        finally:
            service.delete()
    found["Python"]["direct_per_second"] = round(direct_python())
    found["R"]["direct_per_second"] = round(float(direct.stdout))
    return found


def page(found: dict[str, dict[str, Any]], arguments: argparse.Namespace) -> str:
    """The page of what was found."""
    lines = [
        "# Scoring services",
        "",
        "`.venv/bin/python bench/scoring.py` measures and writes this page. A service of",
        f"{arguments.replicas} replicas is asked by {arguments.clients} clients on the same",
        "machine over connections that stay open; every answer is counted and compared.",
        "*Processor* is what service and replicas worked for a request, whatever else the machine",
        "did meanwhile; *direct* is the same script, called in a loop in one process.",
        "",
        "| model | requests a second | median | 99 % | processor | direct | aim | |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, each in found.items():
        rate, aim = each["requests_per_second"], AIMS[name]
        what = "trivial `run()` in Python" if name == "Python" else "`predict()` of a glm in R"
        lines.append(
            f"| {what} | {rate:,} /s | {each['milliseconds_median']} ms | "
            f"{each['milliseconds_p99']} ms | {each['processor_milliseconds']} ms | "
            f"{each['direct_per_second']:,} /s | ≥ {aim:,} /s | "
            f"{'met' if rate >= aim else 'missed'} |"
        )
    lines += ["", f"- Measured on {time.strftime('%Y-%m-%d')}, {arguments.seconds:g} seconds each"]
    lines += [
        f"- {name}: {value}" for name, value in describe_machine(Path(__file__).parent).items()
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--replicas", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.clients, arguments.seconds, arguments.replicas)
    text = page(found, arguments)
    Path(__file__).with_name("scoring.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
