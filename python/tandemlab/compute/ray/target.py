"""A cluster of Ray as a target: jobs go to its Jobs API, and tell of themselves in its logs."""

from __future__ import annotations

import ast
import hashlib
import logging
import re
import shlex
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tandemlab.compute.packages import question_of
from tandemlab.compute.r_package import r_package_for
from tandemlab.compute.ray.client import RayClient
from tandemlab.compute.ray.environments import RayEnvironments
from tandemlab.compute.ray.journal import Journal
from tandemlab.compute.ray.packages import (
    Package,
    environment_package,
    run_package,
    shared_package,
    source_package,
)
from tandemlab.compute.remote.environments import needs_build, not_built
from tandemlab.compute.remote.following import keep_end, kept_end
from tandemlab.compute.remote.jobs import (
    check_elsewhere,
    script_elsewhere,
    variables_elsewhere,
)
from tandemlab.compute.remote.staging import Source, core
from tandemlab.compute.scripts import exports
from tandemlab.compute.settings import AgentSettings
from tandemlab.domain import InvalidInput, NotFound, RunError, TandemlabError
from tandemlab.domain.jobs import (
    WORKERS_VARIABLE,
    Job,
    JobSettings,
    JobState,
    Node,
    StartedJob,
    exit_code_of,
)
from tandemlab.store.durable import write_file
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.run_files import STOP_FILE

_log = logging.getLogger("tandemlab.agent")
_ASKED, _HANDLE = "submitting", "handle"
_TOLD = ".stop"
_BUILD_LOG = "files/system/environment_build.log"
_WAITED_TOO_LONG = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"
_UNFULFILLED = re.compile(r"No available node types can fulfill[^{]*(\{[^{}]*\}).*")
_LOOK_FOR_REFUSALS = 3.0
_MORE_THAN_GRACE = 5.0
_LAST_WORDS_WITHIN = 5.0
_PAUSE = 0.1
_START = (
    'IFS=:; for folder in $PYTHONPATH; do [ -f "$folder/{relay}" ] && '
    'exec {python} -I "$folder/{relay}" {run}; done; echo "tandemlab was not unpacked"; exit 127'
)
_RELAY = "tandemlab/compute/ray/relay.py"


class RayTarget:
    """A cluster of Ray that is reached by the address of its dashboard.

    A job is one of Ray's, under the run's id, so that it is never there twice. What it needs are
    packages, which Ray has by content and unpacks where the job runs; what it leaves comes back by
    Ray's log of it. So machines may come and go, and need nothing in common but their programs.

    Args:
        name: of the target.
        settings: as it was attached: ``address`` and ``directory``, and what was found there.
        client: what asks it.
        folder: the workspace.
    """

    is_here = False
    slots = None

    def __init__(
        self, name: str, settings: Mapping[str, Any], client: RayClient, folder: WorkspaceFolder
    ) -> None:
        self.name = name
        self.root = str(settings["directory"])
        self._settings = settings
        self._folder = folder
        self._client = client
        self.environments = RayEnvironments(self.root, settings, self._client.address)
        self._followers: dict[str, _Follower] = {}
        self._refusals = _Refusals(self._client)
        self._given_up: dict[str, RunError | None] = {}

    @property
    def interpreters(self) -> Mapping[str, str | None]:
        """What was found there, or given, when it was attached."""
        return {"python": self._settings.get("python"), "r": self._settings.get("rscript")}

    def place_of(self, run_id: str) -> str:
        """Below the target's folder, on the machine that Ray chooses."""
        return f"{self.root}/runs/{run_id}"

    def check(self, definition: Mapping[str, Any]) -> None:
        """As the protocol says."""
        check_elsewhere(self.name, definition)
        distribution = JobSettings.of(definition).distribution
        if distribution is not None and distribution.node_count > 1:
            raise InvalidInput(
                f"A run on {self.name!r} has one machine of the cluster, not "
                f"{distribution.node_count}.",
                hint="Set node_count to 1, or have the script use the cluster by ray.init().",
            )

    # Starting

    def submit(self, job: Job) -> str:
        """As the protocol says."""
        own = job.directory / "job"
        own.mkdir(exist_ok=True)
        (own / _ASKED).touch()
        self._submit(job)
        write_file(own / _HANDLE, job.run_id.encode())
        return job.run_id

    def _submit(self, job: Job) -> None:
        self._refusals.begin(job)
        source = Source(job.snapshot, self._folder)
        working = source_package(source) if source.files else None
        modules = self._modules(job, has_source=working is not None)
        for package in filter(None, [working, *modules]):
            package.send(self._client)
        runtime: dict[str, Any] = {
            "py_modules": [package.address for package in modules],
            "env_vars": {
                "RAY_JOB_STOP_WAIT_TIME_S": str(int(self._grace + _MORE_THAN_GRACE)),
                "RAY_RUNTIME_ENV_IGNORE_GITIGNORE": "1",
            },
        }
        if working is not None:
            runtime["working_dir"] = working.address
        asked = resources_of(job)
        self._client.submit(
            {
                "submission_id": job.run_id,
                "entrypoint": _START.format(
                    relay=_RELAY,
                    python=shlex.quote(self.interpreters["python"] or "python3"),
                    run=shlex.quote(_folder_of(job)),
                ),
                "runtime_env": runtime,
                "metadata": {"tandemlab_run_id": job.run_id, "tandemlab_target": self.name},
                "entrypoint_num_cpus": asked["CPU"],
                "entrypoint_num_gpus": asked.get("GPU", 0),
                "entrypoint_memory": int(asked.get("memory", 0)),
            }
        )

    def _modules(self, job: Job, *, has_source: bool) -> list[Package]:
        modules = [shared_package(core())]
        r_library = None
        for shared in r_package_for(self.name, self._settings) if job.language == "r" else []:
            r_library = f"r-{shared.digest}"
            modules.append(shared_package(shared, f"{r_library}/"))
        key = None
        if (environment := job.packages) is not None and needs_build(environment):
            key = self.environments.key(environment)
            archive = self.environments.archive
            modules.append(environment_package(key, lambda: archive(environment)))
        library = [f"{job.place}/r"] if r_library else []
        if _has_workers(job):
            job = replace(job, environment={**job.environment, WORKERS_VARIABLE: "ray"})
        scripts = _scripts(job, f"{job.place}/core", library, self.interpreters["python"])
        told = {
            "place": job.place,
            "has_source": has_source,
            "has_limit": job.max_memory is not None,
            "r_library": r_library,
            "environment": key,
            "grace_seconds": self._grace,
        }
        return [*modules, run_package(_folder_of(job), job, scripts, told)]

    @property
    def _grace(self) -> float:
        return AgentSettings.from_environment().grace_seconds

    # Following

    def find(self, job: Job) -> str | None:
        """As the protocol says; the cluster is asked only if an agent died while it submitted."""
        own = job.directory / "job"
        if (own / _HANDLE).exists():
            return (own / _HANDLE).read_text(encoding="utf-8")
        if not (own / _ASKED).exists() or self._client.job(job.run_id) is None:
            return None
        return job.run_id

    def poll(self, jobs: Sequence[StartedJob]) -> list[JobState]:
        """As the protocol says."""
        ended = {each.job.run_id: kept_end(each.job) for each in jobs}
        asked = {each.handle for each in jobs if ended[each.job.run_id] is None}
        known = self._client.jobs(asked)
        return [
            ended[each.job.run_id] or self._state(each.job, known.get(each.handle)) for each in jobs
        ]

    def _state(self, job: Job, found: Mapping[str, Any] | None) -> JobState:
        if found is None:
            return self._ended_by_target("The cluster does not know the job any more.")
        if found["status"] == "PENDING":
            return self._waiting(job)
        follower = self._follower(job, found)
        journal = follower.journal
        if found["status"] == "RUNNING":
            if not journal.has_begun and job.packages is not None:  # which may be built first
                return JobState(is_running=True, is_waiting=True)
            (job.directory / "job" / "claim").mkdir(exist_ok=True)  # its time begins
            return JobState(is_running=True, memory=journal.memory)
        if not journal.has_ended and follower.is_coming:
            return JobState(is_running=True, memory=journal.memory)
        if not journal.has_ended:
            self._read_again(found, follower.begin_anew())
        return self._end_of(job, found, follower.journal)

    def _waiting(self, job: Job) -> JobState:
        if job.run_id not in self._given_up:
            reason = self._refusals.of(job)
            if reason is None:
                return JobState(is_running=True, is_waiting=True)
            self._give_up(job, RunError(f"Ray cannot run this: {reason}", "target"))
        return JobState(is_running=False, problem=self._given_up[job.run_id])

    def _give_up(self, job: Job, problem: RunError | None) -> None:
        """Ray ends a job that waits once it gets its turn; nobody has to wait for that."""
        self._client.stop(job.run_id)
        self._given_up[job.run_id] = problem

    def _read_again(self, found: Mapping[str, Any], journal: Journal) -> None:
        with suppress(NotFound), self._client.log(found) as log:  # or its machine is gone
            for data in log:
                journal.feed(data)

    def _end_of(self, job: Job, found: Mapping[str, Any], journal: Journal) -> JobState:
        if journal.is_unbuilt:
            assert job.packages is not None
            printed = (job.directory / _BUILD_LOG).read_text(encoding="utf-8", errors="replace")
            error = not_built(job.packages, printed, self.environments.log_path(job.packages))
            problem = RunError(f"The run could not be started: {error.message}", "start")
            return JobState(is_running=False, problem=problem)
        if journal.status is not None:
            return JobState(is_running=False, exit_code=exit_code_of(journal.status))
        if found.get("error_type") == _WAITED_TOO_LONG:
            self._client.forget(job.run_id)
            self._submit(job)
            return JobState(is_running=True, is_waiting=True)
        if found["status"] == "STOPPED":
            return self._ended_by_target("It was stopped there.")
        return self._ended_by_target(str(found.get("message") or found["status"])[-600:])

    def _ended_by_target(self, reason: str) -> JobState:
        problem = RunError(f"The run was ended by {self.name}: {reason}", "target")
        return JobState(is_running=False, problem=problem)

    def _follower(self, job: Job, found: Mapping[str, Any]) -> _Follower:
        follower = self._followers.get(job.run_id)
        if follower is None:
            follower = self._followers[job.run_id] = _Follower(self._client, job)
        follower.follow(found)
        return follower

    def fetch(self, started: StartedJob) -> None:
        """As the protocol says. Ray keeps its record of the job, and its log, as of all jobs."""
        job = started.job
        if kept_end(job) is None:
            (state,) = self.poll([started])
            keep_end(job, state)
        follower = self._followers.pop(job.run_id, None)
        if follower is not None:
            follower.stop()
        if (job.directory / STOP_FILE).exists():
            self._client.forget(f"{started.handle}{_TOLD}")
        self._refusals.end(job)
        self._given_up.pop(job.run_id, None)
        shutil.rmtree(job.directory / "inputs", ignore_errors=True)

    # Ending, and what there is

    def cancel(self, started: StartedJob, *, force: bool = False) -> None:
        """As the protocol says; what does not end in its time of grace is ended there."""
        found = self._client.job(started.handle)
        if found is not None and found["status"] == "PENDING":
            self._give_up(started.job, None)
        elif found is not None:
            self._client.stop(started.handle)

    def tell_to_stop(self, started: StartedJob) -> None:
        """As `TellsJobs` says: by a job beside it, which takes nothing of its machine."""
        found = self._client.job(started.handle)
        at = {each["node_id"]: each["node_ip"] for each in self._client.nodes()}
        machine = at.get(found["driver_node_id"]) if found is not None else None
        if machine is None:
            return
        file = shlex.quote(f"{started.job.place}/{STOP_FILE}")
        self._client.submit(
            {
                "submission_id": f"{started.handle}{_TOLD}",
                "entrypoint": f": > {file}",
                "entrypoint_num_cpus": 0,
                "entrypoint_resources": {f"node:{machine}": 0.001},
            }
        )

    def nodes(self) -> list[Node]:
        """As the protocol says."""
        alive = [each for each in self._client.nodes() if each["state"] == "ALIVE"]
        return [_node(each) for each in alive]


def resources_of(job: Job) -> dict[str, float]:
    """What Ray sets apart for a job; one processor where it asks for nothing.

    A job that has workers gets what one of them needs, and asks Ray for the others itself.

    >>> from pathlib import Path
    >>> resources_of(Job("r1", Path("r1"), "r1", [], gpus=1, max_memory=1000))
    {'CPU': 1.0, 'GPU': 1.0, 'memory': 1000.0}
    """
    cpus = job.cpus_per_worker if _has_workers(job) else job.cpus or job.processes
    asked = {"CPU": cpus or 1, "GPU": job.gpus, "memory": job.max_memory}
    return {name: float(amount) for name, amount in asked.items() if amount}


def _has_workers(job: Job) -> bool:
    """Whether other machines do parts of a job: they have the cluster's packages, no others."""
    is_of_cluster = job.packages is None or not needs_build(job.packages)
    return job.cpus_per_worker is not None and is_of_cluster


def _scripts(
    job: Job, package: str, r_libraries: Sequence[str], python: str | None
) -> dict[str, str]:
    """The script of a job, and the one that asks for the versions of its packages, by name."""
    job = replace(job, gpus=job.gpus or 0)  # Ray hides none from those that ask for none
    scripts = {"job.sh": script_elsewhere(job, package, r_libraries, python)}
    if question := question_of(job):
        variables = variables_elsewhere(job, package, r_libraries)
        scripts["question.sh"] = f"{exports(variables)}\nexec {shlex.join(question)}\n"
    return scripts


def _folder_of(job: Job) -> str:
    return f"run-{hashlib.sha256(job.run_id.encode()).hexdigest()[:32]}"


def _node(found: Mapping[str, Any]) -> Node:
    total = found["resources_total"]
    return Node(
        name=found["node_name"],
        state=found["state"].lower(),
        cpus=int(total.get("CPU", 0)),
        memory=int(total["memory"]) if "memory" in total else None,
        gpus=int(total.get("GPU", 0)),
    )


class _Follower:
    """Reads a running job's log as it comes, beside whoever asks after the job."""

    def __init__(self, client: RayClient, job: Job) -> None:
        self.journal = Journal(job)
        self._client = client
        self._job = job
        self._thread: threading.Thread | None = None
        self._is_known = False
        self._deadline: float | None = None

    def follow(self, found: Mapping[str, Any]) -> None:
        """Read on from the start, if nobody reads."""
        if found["status"] != "RUNNING" or found["driver_node_id"] is None:
            return
        if not self._is_known:  # that it runs is told before what it says
            self._is_known = True
        elif self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._read, args=[found, self.begin_anew()], daemon=True
            )
            self._thread.start()

    @property
    def is_coming(self) -> bool:
        """Whether what a job that has ended said last is awaited."""
        if self._thread is None or not self._thread.is_alive():
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + _LAST_WORDS_WITHIN
        return time.monotonic() < self._deadline

    def begin_anew(self) -> Journal:
        """A journal in the place of the one that was read; that one takes nothing any more."""
        self.journal.close()
        self.journal = self.journal.anew()
        return self.journal

    def stop(self) -> None:
        """Read no more."""
        self.journal.close()

    def _read(self, found: Mapping[str, Any], journal: Journal) -> None:
        try:
            with self._client.follow(found) as log:
                for data in log:
                    journal.feed(data)
                    if journal.is_closed or journal.has_ended:
                        return
        except NotFound:  # there is no log yet
            time.sleep(_PAUSE)
        except TandemlabError as problem:
            _log.info("the log of %s: %s", found["submission_id"], problem)


class _Refusals:
    """What the cluster says of jobs that none of its machines can ever run."""

    def __init__(self, client: RayClient) -> None:
        self._client = client
        self._before: dict[str, set[str]] = {}
        self._events: dict[str, str] = {}
        self._looked = 0.0

    def begin(self, job: Job) -> None:
        """Only what is said from now on is of this job."""
        self._before[job.run_id] = set(self._client.events())

    def end(self, job: Job) -> None:
        """It is not asked after any more."""
        self._before.pop(job.run_id, None)

    def of(self, job: Job) -> str | None:
        """What was said of a job that waits; None for nothing."""
        if job.run_id not in self._before:
            self.begin(job)
        if time.monotonic() - self._looked > _LOOK_FOR_REFUSALS:
            self._events, self._looked = self._client.events(), time.monotonic()
        asked = resources_of(job)
        for name, message in self._events.items():
            found = _UNFULFILLED.search(message)
            if found is None or name in self._before[job.run_id]:
                continue
            with suppress(ValueError, SyntaxError):
                if ast.literal_eval(found[1]) == asked:
                    return found[0]
        return None
