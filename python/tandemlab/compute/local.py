"""The local target: jobs as process groups on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tandemlab.compute import containers
from tandemlab.compute.forks import ForkServers
from tandemlab.compute.gpus import GpuShares, gpu_count
from tandemlab.compute.machine import check_machine, memory_here
from tandemlab.compute.processes import (
    group_is_alive,
    group_memory,
    is_alive,
    signal_group,
    start_time,
)
from tandemlab.compute.scripts import job_script
from tandemlab.compute.settings import AgentSettings
from tandemlab.compute.targets import LOCAL
from tandemlab.domain.jobs import (
    Job,
    JobSettings,
    JobState,
    Node,
    StartedJob,
    exit_code_of,
)
from tandemlab.environments import EnvironmentCache
from tandemlab.environments.containers import Engine, engine_of
from tandemlab.store.durable import storage_errors, write_file
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.tracking.agent import JOB_VARIABLES

_ASKED_SECONDS = 60


class LocalTarget:
    """Runs jobs on this machine, each in a session and process group of its own.

    A job is a shell script, ``job/job.sh`` in the run's directory, or a fork of a process that is
    warm. Both keep their pid and exit status in files: whoever starts them may go away.

    Args:
        folder: the workspace.
    """

    name = LOCAL
    is_here = True
    interpreters: Mapping[str, str | None] = {}

    def __init__(self, folder: WorkspaceFolder) -> None:
        self._folder = folder
        self.environments = EnvironmentCache()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._canceled: set[str] = set()
        self._gpus = GpuShares()
        self._forks = ForkServers(folder.agent / "wake", _base_environment())

    def place_of(self, run_id: str) -> str:
        return str(self._folder.run_directory(run_id))

    def check(self, definition: Mapping[str, Any]) -> None:
        check_machine(JobSettings.of(definition))

    def submit(self, job: Job) -> str:
        directory = job.directory / "job"
        log = job.directory / "files" / "user_logs"
        with storage_errors(directory):
            directory.mkdir(exist_ok=True)
            log.mkdir(parents=True, exist_ok=True)
            if (pid := self._fork(job)) is not None:
                return f"{pid} {start_time(pid) or ''}"
            script = _script(job, self._visible_gpus(job), _engine_of(job))
            write_file(directory / "job.sh", script.encode(), flush=False)
            child = subprocess.Popen(
                ["/bin/sh", str(directory / "job.sh")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=_base_environment(),
            )
        self._children[job.run_id] = child
        return f"{child.pid} {start_time(child.pid) or ''}"

    def is_warm(self, modules: Sequence[str]) -> bool:
        """As `HasForks` says."""
        return self._forks.are_warm(modules)

    def _fork(self, job: Job) -> int | None:
        """Start a job as a fork of a process that is warm, if it may be one; its pid."""
        is_plain = job.processes is None and job.container is None and job.gpus is None
        if job.warm is None or not is_plain:
            return None
        return self._forks.start(job)

    def find(self, job: Job) -> str | None:
        if not (job.directory / "job" / "claim").exists():
            return None
        try:
            pid, stat = (job.directory / "job" / "pid").read_text().split("\n")[:2]
        except (FileNotFoundError, ValueError):
            return "0 "  # it died before it could say who it was
        started = stat.rpartition(")")[2].split()[19] if stat else start_time(int(pid)) or ""
        return f"{pid} {started}"

    def poll(self, jobs: Sequence[StartedJob]) -> list[JobState]:
        with storage_errors("/proc"):  # what is not known now is asked again, and not lost
            return [self._state(started.job, started.handle) for started in jobs]

    def _state(self, job: Job, handle: str) -> JobState:
        child = self._children.get(job.run_id)
        if child is not None and child.poll() is not None:
            del self._children[job.run_id]
        pid, started = _parse(handle)
        runs = is_alive(pid, started) or (job.run_id in self._canceled and _is_orphaned(pid))
        status = _exit_status(job.directory)  # read last: it may have ended meanwhile
        runs = runs or (status is None and _will_be_told(job))
        if status is not None and job.sharing is not None:  # its process may do another job by now
            runs = job.run_id in self._canceled and _is_orphaned(pid)
        if status is None and not runs and job.container is not None:
            containers.remove_container(job)
        if status is None:
            used = group_memory(pid) if runs and job.max_memory is not None else None
            return JobState(runs, memory=used)
        self._gpus.give_back(job.run_id)
        return JobState(runs and job.run_id in self._canceled, exit_code_of(status))

    def fetch(self, started: StartedJob) -> None:
        """It is there already."""

    def ask(self, job: Job, arguments: Sequence[str]) -> list[str]:
        """As `Asked` says."""
        try:
            result = subprocess.run(
                [job.command[0], *arguments],
                env={**os.environ, **job.environment},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_ASKED_SECONDS,
                check=True,
                cwd="/",
            )
        except (OSError, subprocess.SubprocessError):
            return []  # the job itself will say what is wrong with its interpreter
        return result.stdout.decode("utf-8", "replace").splitlines()

    def cancel(self, started: StartedJob, *, force: bool = False) -> None:
        job = started.job
        self._canceled.add(job.run_id)
        if job.container is not None and containers.signal_container(
            job, "KILL" if force else "TERM"
        ):
            return
        if job.sharing is not None and _exit_status(job.directory) is not None:
            return  # its process may do another job by now
        pid, began = _parse(started.handle)
        if is_alive(pid, began) or _is_orphaned(pid):
            signal_group(pid, signal.SIGKILL if force else signal.SIGTERM)

    @cached_property
    def slots(self) -> int:
        return AgentSettings.from_environment().slots

    def nodes(self) -> list[Node]:
        return [Node(socket.gethostname(), "up", os.cpu_count() or 1, memory_here(), gpu_count())]

    def _visible_gpus(self, job: Job) -> dict[str, str]:
        if job.gpus is None:
            return {}
        taken = self._gpus.take(job.run_id, job.gpus)
        return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, taken))}


def _parse(handle: str) -> tuple[int, str]:
    pid, _, started = handle.partition(" ")
    return int(pid), started


def _is_orphaned(group: int) -> bool:
    """Whether a job's group has processes left though its leader has ended."""
    return group > 0 and start_time(group) is None and group_is_alive(group)


def _will_be_told(job: Job) -> bool:
    """Whether the process that a job was forked from lives, which says how it has ended."""
    if job.warm is None:
        return False
    try:
        stat = (job.directory / "job" / "pid").read_text().split("\n")[2]
    except (FileNotFoundError, IndexError):
        return False
    return bool(stat) and is_alive(int(stat.split()[0]), stat.rpartition(")")[2].split()[19])


def _engine_of(job: Job) -> Engine | None:
    if job.container is None:
        return None
    engine = engine_of(job.container.section)
    containers.note_engine(job, engine)
    return engine


def _script(job: Job, variables: Mapping[str, str], engine: Engine | None) -> str:
    environment = {**job.environment, **variables}
    command = list(job.command)
    if job.processes is not None:
        command = [*containers.launcher(job), str(job.processes), *command]
    if job.container is not None and engine is not None:
        command = containers.command_line(engine, job, job.container, command, environment)
        environment = {}
    return job_script(job.run_id, job.place, command, environment)


def _base_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in JOB_VARIABLES}


def _exit_status(directory: Path) -> int | None:
    try:
        return int((directory / "job" / "exit").read_text())
    except (FileNotFoundError, ValueError):
        return None
