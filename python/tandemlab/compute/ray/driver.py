"""Starts the trials of a sweep on a cluster of Ray as its tasks, wherever there is room for them.

``python -I driver.py NAME RESOURCES`` is a job of Ray: the cluster has packages and processes ready
for its tasks, which need not be made for each. What is wanted of it are messages, packages of Ray
whose names begin as `messages_for` says; `BEGIN` brings what ``relay.py`` runs. What becomes of
each is told on standard output, as ``relay.py`` tells of a job. `Tasks` is who asks and listens.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray import ObjectRefGenerator

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tandemlab.compute.ray import relay
from tandemlab.compute.ray.relay import tell

BEGIN, CANCEL, STOP = "begin", "cancel", "stop"
_PACKAGE = "gcs://"
_PAUSE = 0.1
_IDLE = 60.0
_HEARTBEAT = 20.0  # as that of a job: who listens knows that somebody speaks
_OF_JOB = ("RAY_ADDRESS", "RAY_JOB_CONFIG_JSON_ENV_VAR")


def messages_for(driver: str) -> str:
    """How the names of the packages begin that are messages for a driver."""
    return f"_ray_pkg_tandemlab_for_{hashlib.sha256(driver.encode()).hexdigest()[:32]}_"


def message_for(driver: str, verb: str, task: str) -> str:
    """Name of the package that is a message for a driver.

    Args:
        verb: `BEGIN` a task, `CANCEL` it, or have it know that it is to `STOP` by itself: then its
            content is the path of the file that says so.
    """
    return f"{messages_for(driver)}{verb}_{task}.zip"


class Driver:
    """Begins tasks and ends them, as it is asked to, and tells of them.

    Args:
        name: of this job.
        resources: what Ray sets apart for each task, by Ray's words.

    Raises:
        ImportError: this Python has no Ray.
        RuntimeError: it is no Ray of this cluster.
    """

    def __init__(self, name: str, resources: Mapping[str, float]) -> None:
        from ray.experimental import internal_kv

        import ray

        ray.init(log_to_driver=False)
        self._ray, self._kept = ray, internal_kv
        self._messages = f"{_PACKAGE}{messages_for(name)}"
        self._variables = {each: os.environ[each] for each in _OF_JOB if each in os.environ}
        asked: dict[str, Any] = {"num_cpus": resources["CPU"], "num_gpus": resources.get("GPU", 0)}
        if "memory" in resources:
            asked["memory"] = resources["memory"]
        self._task = ray.remote(num_returns="streaming", max_retries=0, **asked)(run)
        self._running: dict[str, ObjectRefGenerator[str]] = {}
        self._nodes: dict[str, str] = {}
        self._taken: set[str] = set()
        tell("ready")

    def serve(self) -> None:
        """Do what is asked, until nothing was for a while."""
        worked = spoken = time.monotonic()
        while time.monotonic() - worked < _IDLE:
            if time.monotonic() - spoken > _HEARTBEAT:
                spoken = time.monotonic()
                tell("alive")
            for verb, do in ((BEGIN, self._begin), (CANCEL, self._cancel), (STOP, self._stop)):
                for key in self._kept._internal_kv_list(f"{self._messages}{verb}_"):
                    name = key.decode()
                    do(name, name.removeprefix(f"{self._messages}{verb}_").removesuffix(".zip"))
            if not self._running:
                time.sleep(_PAUSE)
                continue
            worked = time.monotonic()
            self._look()
        tell("over")

    def _begin(self, message: str, task: str) -> None:
        """The task takes the message away, so that it is here until there is one."""
        if task not in self._taken:
            self._taken.add(task)
            tell("task", task=task, status="PENDING")
            self._running[task] = self._task.remote(task, message, self._variables)
        elif task in self._nodes or task not in self._running:  # it was sent twice
            self._kept._internal_kv_del(message)

    def _cancel(self, message: str, task: str) -> None:
        self._kept._internal_kv_del(message)
        if task in self._running:
            self._ray.cancel(self._running[task])

    def _stop(self, message: str, task: str) -> None:
        if task in self._running and task not in self._nodes:
            return  # which it hears once it has begun
        path = self._kept._internal_kv_get(message)
        self._kept._internal_kv_del(message)
        if task in self._running:
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

            there = NodeAffinitySchedulingStrategy(self._nodes[task], soft=False)
            telling = self._ray.remote(num_cpus=0)(touch)
            telling.options(scheduling_strategy=there).remote(path.decode())

    def _look(self) -> None:
        """Tell what has become of tasks, after a pause unless all have news."""
        waited = list(self._running.values())
        news, _ = self._ray.wait(waited, num_returns=len(waited), timeout=_PAUSE)
        for task in [task for task, found in self._running.items() if found in news]:
            try:
                self._nodes[task] = self._ray.get(next(self._running[task]))
                tell("task", task=task, status="RUNNING", node=self._nodes[task])
            except StopIteration:
                self._end(task, "SUCCEEDED")
            except self._ray.exceptions.TaskCancelledError:
                self._end(task, "STOPPED")
            except self._ray.exceptions.RayError as problem:
                self._end(task, "FAILED", str(getattr(problem, "cause", problem)))

    def _end(self, task: str, status: str, message: str = "") -> None:
        del self._running[task]
        self._kept._internal_kv_del(f"{self._messages}{BEGIN}_{task}.zip")
        tell("task", task=task, status=status, message=message, node=self._nodes.get(task))


def run(task: str, message: str, variables: Mapping[str, str]) -> Iterator[str]:
    """Run ``relay.py`` where Ray has begun a task, until it ends or the task is canceled.

    What it tells becomes a log of Ray's there, under the name that a job's log has.

    Args:
        message: what has brought the task.
        variables: of the environment that scripts join the cluster by.

    Yields:
        The machine's id, once.
    """
    from ray.experimental import internal_kv

    import ray

    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(internal_kv._internal_kv_get(message))) as archive:
            archive.extractall(folder)
        internal_kv._internal_kv_del(message)
        paths = [folder, os.environ["PYTHONPATH"]]
        with (_logs() / f"job-driver-{task}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", str(relay.__file__), task],
                env={**os.environ, **variables, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield ray.get_runtime_context().get_node_id()
            while process.poll() is None:
                time.sleep(_PAUSE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
        if process.returncode < 0:
            raise RuntimeError(f"Its process was ended by signal {-process.returncode}.")


def touch(path: str) -> None:
    """Have a file be there, if its folder is."""
    if Path(path).parent.is_dir():
        Path(path).touch()


def _logs() -> Path:
    """Ray's folder of logs on this machine: the output of this process goes there."""
    return Path("/proc/self/fd/1").resolve().parent


def main(name: str, resources: str) -> None:
    """Serve under a name."""
    Driver(name, json.loads(resources)).serve()


if __name__ == "__main__":
    from tandemlab.compute.ray import driver  # so that other processes find its functions

    driver.main(*sys.argv[1:])
