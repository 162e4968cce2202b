"""A cluster of Ray as a target: jobs go to its Jobs API, and tell of themselves in its logs."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tandemlab.compute.packages import question_of
from tandemlab.compute.r_package import r_package_for
from tandemlab.compute.ray.client import RayClient
from tandemlab.compute.ray.environments import RayEnvironments
from tandemlab.compute.ray.following import Follower
from tandemlab.compute.ray.journal import Journal
from tandemlab.compute.ray.packages import (
    Package,
    environment_package,
    run_package,
    shared_package,
    source_package,
)
from tandemlab.compute.ray.refusals import Refusals
from tandemlab.compute.ray.resources import has_workers, resources_of
from tandemlab.compute.ray.tasks import NOT_TAKEN, Tasks, is_task
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
from tandemlab.domain import InvalidInput, RunError
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

_ASKED, _HANDLE = "submitting", "handle"
_TOLD = ".stop"
_BUILD_LOG = "files/system/environment_build.log"
_WAITED_TOO_LONG = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"
_MORE_THAN_GRACE = 5.0
_START = (
    'IFS=:; for folder in $PYTHONPATH; do [ -f "$folder/{script}" ] && '
    'exec {python} -I "$folder/{script}" {arguments}; done; '
    'echo "tandemlab was not unpacked"; exit 127'
)
_RELAY = "tandemlab/compute/ray/relay.py"
_DRIVER = "tandemlab/compute/ray/driver.py"


@dataclass(frozen=True)
class _Shared:
    """What the trials of a sweep share there, and other jobs have for themselves.

    Attributes:
        source: the files of the script.
        r_library: name of the folder, in one of the modules, of the package tandemlab for R.
        environment: key of the environment that is built there.
    """

    source: Package | None
    modules: tuple[Package, ...]
    r_library: str | None
    environment: str | None


class RayTarget:
    """A cluster of Ray that is reached by the address of its dashboard.

    A job is one of Ray's, under the run's id, so that it is never there twice. What it needs are
    packages, which Ray has by content and unpacks where the job runs; what it leaves comes back by
    Ray's log of it. So machines may come and go, and need nothing in common but their programs.
    A trial of a sweep is a task of Ray instead, in all else the same.

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
        self._followers: dict[str, Follower[Journal]] = {}
        self._tasks = Tasks(self._client)
        self._submitted_again: dict[str, str] = {}
        self._refusals = Refusals(self._client)
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
        handle = self._handle_for(job)
        write_file(own / _ASKED, handle.encode())
        self._begin(job, handle)
        write_file(own / _HANDLE, handle.encode())
        return handle

    def _handle_for(self, job: Job) -> str:
        """What a job will be there: a task, if others like it may follow, or a job."""
        if job.sweep is None or has_workers(job) or not self._tasks.is_possible:
            return job.run_id
        driver = self._tasks.driver_for(job.sweep, lambda name: self._submit_driver(name, job))
        return f"{driver}/{_folder_of(job)}"

    def _submit_driver(self, name: str, job: Job) -> None:
        self._submit_job(
            name,
            [_DRIVER, name, json.dumps(resources_of(job))],
            self._shared(job),
            {"metadata": {"tandemlab_run_id": job.sweep, "tandemlab_target": self.name}},
        )

    def _begin(self, job: Job, handle: str) -> None:
        self._refusals.begin(job)
        shared = self._shared(job)
        own = self._own_package(job, shared)
        if is_task(handle):
            self._tasks.begin(handle, own)
            return
        asked = resources_of(job)
        self._submit_job(
            handle,
            [_RELAY, _folder_of(job)],
            replace(shared, modules=(*shared.modules, own)),
            {
                "metadata": {"tandemlab_run_id": job.run_id, "tandemlab_target": self.name},
                "entrypoint_num_cpus": asked["CPU"],
                "entrypoint_num_gpus": asked.get("GPU", 0),
                "entrypoint_memory": int(asked.get("memory", 0)),
            },
        )

    def _submit_job(
        self, name: str, command: Sequence[str], shared: _Shared, more: Mapping[str, Any]
    ) -> None:
        """Have Ray run a script of ours."""
        for package in filter(None, [shared.source, *shared.modules]):
            package.send(self._client)
        runtime: dict[str, Any] = {
            "py_modules": [package.address for package in shared.modules],
            "env_vars": {
                "RAY_JOB_STOP_WAIT_TIME_S": str(int(self._grace + _MORE_THAN_GRACE)),
                "RAY_RUNTIME_ENV_IGNORE_GITIGNORE": "1",
            },
        }
        if shared.source is not None:
            runtime["working_dir"] = shared.source.address
        script, *arguments = command
        entrypoint = _START.format(
            script=script,
            python=shlex.quote(self.interpreters["python"] or "python3"),
            arguments=shlex.join(arguments),
        )
        self._client.submit(
            {"submission_id": name, "entrypoint": entrypoint, "runtime_env": runtime, **more}
        )

    def _shared(self, job: Job) -> _Shared:
        source = Source(job.snapshot, self._folder)
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
        return _Shared(
            source_package(source) if source.files else None, tuple(modules), r_library, key
        )

    def _own_package(self, job: Job, shared: _Shared) -> Package:
        library = [f"{job.place}/r"] if shared.r_library else []
        if has_workers(job):
            job = replace(job, environment={**job.environment, WORKERS_VARIABLE: "ray"})
        scripts = _scripts(job, f"{job.place}/core", library, self.interpreters["python"])
        told = {
            "place": job.place,
            "has_source": shared.source is not None,
            "has_limit": job.max_memory is not None,
            "r_library": shared.r_library,
            "environment": shared.environment,
            "grace_seconds": self._grace,
        }
        return run_package(_folder_of(job), job, scripts, told)

    @property
    def _grace(self) -> float:
        return AgentSettings.from_environment().grace_seconds

    # Following

    def find(self, job: Job) -> str | None:
        """As the protocol says; the cluster is asked only if an agent died while it submitted."""
        own = job.directory / "job"
        if (own / _HANDLE).exists():
            return (own / _HANDLE).read_text(encoding="utf-8")
        if not (own / _ASKED).exists():
            return None
        handle = (own / _ASKED).read_text(encoding="utf-8") or job.run_id
        if is_task(handle):
            return handle if self._tasks.has_taken(handle) else None
        return handle if self._client.job(handle) is not None else None

    def poll(self, jobs: Sequence[StartedJob]) -> list[JobState]:
        """As the protocol says."""
        now = [self._as_it_is(each) for each in jobs]
        ended = {each.job.run_id: kept_end(each.job) for each in now}
        known = self._known([each.handle for each in now if ended[each.job.run_id] is None])
        return [ended[each.job.run_id] or self._state(each, known.get(each.handle)) for each in now]

    def _as_it_is(self, started: StartedJob) -> StartedJob:
        """A job by the handle that it has since it was submitted again, if it was."""
        handle = self._submitted_again.get(started.job.run_id, started.handle)
        return replace(started, handle=handle)

    def _known(self, handles: Collection[str]) -> dict[str, dict[str, Any]]:
        """What Ray says of jobs, and what was told of tasks, by handle."""
        tasks = {handle for handle in handles if is_task(handle)}
        return {**self._client.jobs({*handles} - tasks), **self._tasks.known(tasks)}

    def _state(self, started: StartedJob, found: Mapping[str, Any] | None) -> JobState:
        job = started.job
        if found is None:
            return self._ended_by_target("The cluster does not know the job any more.")
        if found["status"] == NOT_TAKEN:
            return self._submit_again(job)
        if found["status"] == "PENDING":
            return self._waiting(started)
        follower = self._follower(job, found)
        journal = follower.journal
        if found["status"] == "RUNNING":
            if not journal.has_begun and job.packages is not None:  # which may be built first
                return JobState(is_running=True, is_waiting=True)
            (job.directory / "job" / "claim").mkdir(exist_ok=True)  # its time begins
            return JobState(is_running=True, memory=journal.memory)
        if not follower.has_all(found):
            return JobState(is_running=True, memory=journal.memory)
        return self._end_of(job, found, follower.journal)

    def _waiting(self, started: StartedJob) -> JobState:
        job = started.job
        if job.run_id not in self._given_up:
            reason = self._refusals.of(job)
            if reason is None:
                return JobState(is_running=True, is_waiting=True)
            self._give_up(started, RunError(f"Ray cannot run this: {reason}", "target"))
        return JobState(is_running=False, problem=self._given_up[job.run_id])

    def _give_up(self, started: StartedJob, problem: RunError | None) -> None:
        """Ray ends a job that waits once it gets its turn; nobody has to wait for that."""
        self._stop(started.handle)
        self._given_up[started.job.run_id] = problem

    def _submit_again(self, job: Job) -> JobState:
        """Nothing of a job was begun."""
        self._submitted_again[job.run_id] = self.submit(job)
        return JobState(is_running=True, is_waiting=True)

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
            return self._submit_again(job)
        if found["status"] == "STOPPED":
            return self._ended_by_target("It was stopped there.")
        return self._ended_by_target(str(found.get("message") or found["status"])[-600:])

    def _ended_by_target(self, reason: str) -> JobState:
        problem = RunError(f"The run was ended by {self.name}: {reason}", "target")
        return JobState(is_running=False, problem=problem)

    def _follower(self, job: Job, found: Mapping[str, Any]) -> Follower[Journal]:
        follower = self._followers.get(job.run_id)
        if follower is None:
            follower = self._followers[job.run_id] = Follower(self._client, Journal(job))
        follower.follow(found)
        return follower

    def fetch(self, started: StartedJob) -> None:
        """As the protocol says. Ray keeps its record of the job, and its log, as of all jobs."""
        started = self._as_it_is(started)
        job = started.job
        if kept_end(job) is None:
            (state,) = self.poll([started])
            keep_end(job, state)
        follower = self._followers.pop(job.run_id, None)
        if follower is not None:
            follower.stop()
        if (job.directory / STOP_FILE).exists() and not is_task(started.handle):
            self._client.forget(f"{started.handle}{_TOLD}")
        self._refusals.end(job)
        self._given_up.pop(job.run_id, None)
        self._submitted_again.pop(job.run_id, None)
        shutil.rmtree(job.directory / "inputs", ignore_errors=True)

    # Ending, and what there is

    def cancel(self, started: StartedJob, *, force: bool = False) -> None:
        """As the protocol says; what does not end in its time of grace is ended there."""
        started = self._as_it_is(started)
        found = self._known([started.handle]).get(started.handle)
        if found is not None and found["status"] in ("PENDING", NOT_TAKEN):
            self._give_up(started, None)
        elif found is not None:
            self._stop(started.handle)

    def _stop(self, handle: str) -> None:
        if is_task(handle):
            self._tasks.cancel(handle)
        else:
            self._client.stop(handle)

    def tell_to_stop(self, started: StartedJob) -> None:
        """As `TellsJobs` says: by a job beside it, which takes nothing of its machine."""
        started = self._as_it_is(started)
        file = f"{started.job.place}/{STOP_FILE}"
        if is_task(started.handle):
            self._tasks.tell_to_stop(started.handle, file)
            return
        found = self._client.job(started.handle)
        at = {each["node_id"]: each["node_ip"] for each in self._client.nodes()}
        machine = at.get(found["driver_node_id"]) if found is not None else None
        if machine is None:
            return
        self._client.submit(
            {
                "submission_id": f"{started.handle}{_TOLD}",
                "entrypoint": f": > {shlex.quote(file)}",
                "entrypoint_num_cpus": 0,
                "entrypoint_resources": {f"node:{machine}": 0.001},
            }
        )

    def nodes(self) -> list[Node]:
        """As the protocol says."""
        alive = [each for each in self._client.nodes() if each["state"] == "ALIVE"]
        return [_node(each) for each in alive]


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
