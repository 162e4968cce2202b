"""Spark for tests: a standalone master and worker of the pyspark wheel, at the loopback address.

``spark`` is the cluster, shared by all tests of a process. The wheel is in an environment of its
own below ``.build``, made once for all processes and sessions: tandemlab itself needs no Spark.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tandemlab import ComputeTarget, SparkCompute, Workspace
from tandemlab.bridge import find_r

VERSION = "4.3.0"
_BUILD = Path(__file__).parents[2] / ".build"
_STARTED_WITHIN = 120.0
_QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
QUIET = {
    "spark.ui.enabled": "false",
    "spark.driver.extraJavaOptions": _QUICK_JAVA,
    "spark.executor.extraJavaOptions": _QUICK_JAVA,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "1",
}


def spark_home() -> Path:
    """The folder of pyspark in an environment of its own, which is made if it is not there."""
    _BUILD.mkdir(exist_ok=True)
    environment = _BUILD / f"spark-{VERSION}"
    with (_BUILD / "spark.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (environment / "complete").exists():
            shutil.rmtree(environment, ignore_errors=True)
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "-q", "-p", sys.executable, environment], check=True)
            python = str(environment / "bin" / "python")
            package = f"pyspark=={VERSION}"
            subprocess.run([*uv, "pip", "install", "-q", "-p", python, package], check=True)
            (environment / "complete").touch()
    return next(environment.glob("lib/python*/site-packages/pyspark"))


@dataclass
class Spark:
    """A cluster of one worker, which is this machine; it survives the death of its master."""

    folder: Path
    home: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = count()
        self._port, self._ui = _free_port(), _free_port()
        (self.folder / "recovery").mkdir()
        self.master = f"spark://127.0.0.1:{self._port}"
        self.ui = f"http://127.0.0.1:{self._ui}"

    def start(self) -> None:
        """Start master and worker, and wait until they know each other."""
        self.start_master()
        self._run(
            "worker", "--cores", "2", "--memory", "2g", "--webui-port", "0", self.master,
            options=f"-Dspark.worker.cleanup.enabled=false -Dspark.local.dir={self.folder}",
        )  # fmt: skip
        self._wait(lambda: self.state().get("aliveworkers") == 1)

    def start_master(self) -> None:
        """Start the master, at the same address as before."""
        properties = {
            "recoveryMode": "FILESYSTEM",
            "recoveryDirectory": str(self.folder / "recovery"),
            "recoveryTimeout": "2",
        }
        recovery = " ".join(f"-Dspark.deploy.{key}={value}" for key, value in properties.items())
        self._run(
            "master", "--port", str(self._port), "--webui-port", str(self._ui),
            options=f"{recovery} -Dspark.master.rest.enabled=false",
        )  # fmt: skip
        self._wait(lambda: self.state().get("status") == "ALIVE")

    def kill(self, name: str) -> None:
        """Kill the master or the worker."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """Stop both, with the executors of the worker."""
        for name in ("worker", "master"):
            process = self.processes.get(name)
            if process is not None:
                process.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(20)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def state(self) -> dict[str, Any]:
        """What the master says of its workers and applications; empty while it is away."""
        with suppress(OSError), urllib.request.urlopen(f"{self.ui}/json/", timeout=10) as answer:
            return dict(json.load(answer))
        return {}

    def new_folder(self) -> Path:
        """An empty folder."""
        path = self.folder / f"data-{next(self._names)}"
        path.mkdir()
        return path

    def _run(self, name: str, *words: str, options: str) -> None:
        kind = f"org.apache.spark.deploy.{name}.{name.capitalize()}"
        environment = {
            **os.environ,
            "SPARK_HOME": str(self.home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_WORKER_DIR": str(self.folder / "work"),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": f"{_QUICK_JAVA} {options}",
        }
        with (self.folder / f"{name}.log").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                [self.home / "bin" / "spark-class", kind, "--host", "127.0.0.1", *words],
                env=environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _wait(self, condition: Any) -> None:
        deadline = time.monotonic() + _STARTED_WITHIN
        while not condition():
            logs = "".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))
            assert time.monotonic() < deadline, logs
            time.sleep(0.1)


def attach_spark(workspace: Workspace, spark: Spark, **options: Any) -> ComputeTarget:
    """Attach the cluster as ``spark``."""
    configuration = SparkCompute.attach_configuration(
        **{
            "master": spark.master,
            "ui": spark.ui,
            "spark_home": str(spark.home),
            "directory": str(spark.new_folder()),
            "python": sys.executable,
            "rscript": find_r().rscript,
            "driver_memory": "512m",
            "executor_memory": "512m",
            "executor_cores": 1,
            "num_executors": 1,
            "configuration": QUIET,
            **options,
        }
    )
    return ComputeTarget.attach(workspace, "spark", configuration)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def spark() -> Iterator[Spark]:
    """A running cluster; the test is skipped where there is no Java."""
    if shutil.which("java") is None:
        pytest.skip("Java is not installed; tools/bootstrap dev does that")
    with running() as cluster:
        yield cluster


@contextmanager
def running() -> Iterator[Spark]:
    """A running cluster."""
    with tempfile.TemporaryDirectory(prefix="spark-", ignore_cleanup_errors=True) as name:
        cluster = Spark(Path(name), spark_home())
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
