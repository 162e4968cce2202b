"""Targets that are reached by a shell: jobs are staged there, followed, and fetched back."""

from __future__ import annotations

import math
import re
import shlex
import shutil
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from secrets import token_hex
from typing import Any

from tandemlab.compute.r_package import r_package_for
from tandemlab.compute.remote import launchers
from tandemlab.compute.remote.environments import RemoteEnvironments
from tandemlab.compute.remote.following import (
    News,
    files_in,
    keep_end,
    kept_end,
    question,
    read_news,
    take_parts,
)
from tandemlab.compute.remote.jobs import (
    check_elsewhere,
    script_elsewhere,
    variables_elsewhere,
)
from tandemlab.compute.remote.launchers import FUNCTIONS, Launcher
from tandemlab.compute.remote.shell import Shell
from tandemlab.compute.remote.staging import (
    SentFile,
    SharedFolder,
    Source,
    archive,
    core,
    sent_files,
    take_archive,
)
from tandemlab.domain import RunError, StorageError
from tandemlab.domain.jobs import (
    Job,
    JobSettings,
    JobState,
    Kept,
    Node,
    StartedJob,
    exit_code_of,
)
from tandemlab.store.durable import write_file
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.run_files import STOP_FILE

_ASKED, _HANDLE = "submitting", "handle"
_LEAST_MINUTES = 60


class RemoteTarget:
    """A machine, or a cluster behind one, that runs jobs in a folder of its own.

    The folder is a small twin of the workspace: ``runs/RUN_ID`` there has the same form as here,
    and scripts log into it by the same code. What they log comes back by the place up to which it
    is here, so nothing is lost while the target is away, and nothing comes twice.

    Args:
        name: of the target.
        settings: as it was attached: ``directory`` and ``slots``, and what was found there.
        folder: the workspace.
    """

    is_here = False

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        folder: WorkspaceFolder,
        shell: Shell,
        launcher: Launcher,
    ) -> None:
        self.name = name
        self.root = str(settings["directory"])
        self.environments = RemoteEnvironments(shell, self.root, settings)
        self._settings = settings
        self._folder = folder
        self._shell = shell
        self._launcher = launcher
        self._staging = threading.Lock()
        self._sent: set[str] = set()

    @property
    def interpreters(self) -> Mapping[str, str | None]:
        """What was found there, or given, when it was attached."""
        return {"python": self._settings.get("python"), "r": self._settings.get("rscript")}

    @property
    def slots(self) -> int | None:
        """As it was attached."""
        return None if self._launcher.has_queue else int(self._settings["slots"])

    def place_of(self, run_id: str) -> str:
        """Below the target's folder."""
        return f"{self.root}/runs/{run_id}"

    def check(self, definition: Mapping[str, Any]) -> None:
        """As the protocol says."""
        check_elsewhere(self.name, definition)
        self._launcher.check(self.name, JobSettings.of(definition))

    # Starting

    def submit(self, job: Job) -> str:
        """As the protocol says."""
        handle = _handle_in(self._staged(job, shlex.join(["begin", job.run_id])))
        write_file(job.directory / "job" / _HANDLE, handle.encode())
        return handle

    def submit_array(self, jobs: Sequence[Job]) -> Mapping[str, str]:
        """As `TakesArrays` says."""
        found: dict[str, str] = {}
        for job in jobs:
            self._staged(job, "true")
        for group, script in self._launcher.arrays(jobs, self.root):
            words = [group[0].run_id, *(job.run_id for job in group)]
            answer = self._run(shlex.join(["begin_array", *words]), [script.encode()])
            lines = [line.split(" ") for line in answer.decode().splitlines()]
            found |= {words[1]: words[2] for words in lines if words[0] == "array"}
        for job in jobs:
            if job.run_id in found:
                write_file(job.directory / "job" / _HANDLE, found[job.run_id].encode())
        return found

    def _staged(self, job: Job, then: str) -> bytes:
        """Have a job's directory be there; what the shell that comes after it has answered."""
        own = job.directory / "job"
        own.mkdir(exist_ok=True)
        (own / _ASKED).touch()
        shared = [core(), *self._r_packages(job)]
        source, sent = Source(job.snapshot, self._folder), sent_files(job)
        needed = {each.place for each in shared} | source.places
        with self._staging:  # two jobs of one source send it once
            answer = b"absent"
            if needed <= self._sent and not sent:  # by this agent: there, unless they were removed
                answer = self._stage(job, source, needed, set(), shared, sent, then)
            if answer.startswith(b"absent"):
                there, lacking = self._ask(job, source, shared, sent)
                if "staged" in there:
                    answer = self._run(then)
                else:
                    answer = self._stage(job, source, there, lacking, shared, sent, then)
            self._sent |= needed
        if answer.startswith(b"absent"):
            raise StorageError(
                f"{self._shell.location}: what the run needs was removed while it was sent.",
                hint="Submit it again.",
            )
        return answer

    def _ask(
        self,
        job: Job,
        source: Source,
        shared: Sequence[SharedFolder],
        sent: Sequence[SentFile],
    ) -> tuple[set[str], set[str]]:
        """Folders that are there, and contents that are not."""
        words = [job.run_id, source.name, *(each.place for each in shared)]
        contents = {*source.contents, *(each.name for each in sent)}
        names = "".join(f"{name}\n" for name in contents)
        answer = self._run(shlex.join(["ask", *words]), [names.encode()]).decode()
        lines = [line.split(" ") for line in answer.splitlines()]
        there = {words[-1] for words in lines if words[0] != "has"}
        return there, contents - {words[1] for words in lines if words[0] == "has"}

    def _stage(
        self,
        job: Job,
        source: Source,
        there: set[str],
        lacking: set[str],
        shared: Sequence[SharedFolder],
        sent: Sequence[SentFile],
        then: str,
    ) -> bytes:
        """Send what is not there; what the shell that comes after it has answered."""
        token = token_hex(8)
        script = self._launcher.script(job, self._script(job, source, shared))
        built = re.findall(f"{re.escape(self.root)}/(environments/[0-9a-f]{{32}})/", script)
        pieces = archive(
            token,
            job,
            script,
            source,
            lacking,
            [each for each in shared if each.place not in there],
            sent,
            with_snapshot=not source.places <= there,
        )
        needed = [*source.places, *(each.place for each in shared)]
        needed += [f"{each}/built" for each in sorted(set(built))]
        stage = shlex.join(["stage", job.run_id, source.name, token, *needed])
        return self._run(f"if {stage}; then {then}; fi", pieces)

    def _r_packages(self, job: Job) -> list[SharedFolder]:
        return r_package_for(self.name, self._settings) if job.language == "r" else []

    def _script(self, job: Job, source: Source, shared: Sequence[SharedFolder]) -> str:
        copied = [f"cp -R {shlex.quote(f'{self.root}/{each}')}/. ." for each in source.places]
        python = self.interpreters["python"]
        there = self._launcher.there(job)
        return script_elsewhere(
            there, *self._libraries(shared), python, copied, started=self._launcher.command
        )

    def _libraries(self, shared: Sequence[SharedFolder]) -> tuple[str, list[str]]:
        """The package tandemlab for Python, and R's libraries, there."""
        package, *libraries = [f"{self.root}/{each.place}" for each in shared]
        return package, libraries

    def ask(self, job: Job, arguments: Sequence[str]) -> list[str]:
        """As `Asked` says."""
        shared = [core(), *self._r_packages(job)]
        variables = variables_elsewhere(job, *self._libraries(shared))
        words = [f"{name}={value}" for name, value in variables.items()]
        command = shlex.join(["env", *words, job.command[0], *arguments])
        answer = self._run(f"cd / && {command} < /dev/null 2> /dev/null; true")
        return answer.decode("utf-8", "replace").splitlines()

    # Following

    def find(self, job: Job) -> str | None:
        """As the protocol says; the target is asked only if an agent died while it submitted."""
        own = job.directory / "job"
        if (own / _HANDLE).exists():
            return (own / _HANDLE).read_text(encoding="utf-8")
        if not (own / _ASKED).exists():
            return None
        run = shlex.quote(job.run_id)
        script = f'run={run}; cd "$root/runs/$run" 2>/dev/null && handle; true'
        return _handle_in(self._run(script)) or None

    def poll(self, jobs: Sequence[StartedJob]) -> list[JobState]:
        """As the protocol says; one question for all of them."""
        news = self._news([each for each in jobs if kept_end(each.job) is None])
        return [kept_end(each.job) or self._state(each.job, news[each.job.run_id]) for each in jobs]

    def _news(self, jobs: Sequence[StartedJob], more: str = "") -> dict[str, News]:
        if not jobs:
            return {}
        asked = [each.job for each in jobs]
        answer = self._run(f"{self._launcher.before(jobs)}\n{question(asked)}\n{more}")
        found = read_news(answer)
        for job in asked:
            news = found.setdefault(job.run_id, News())
            if names := files_in(news, job):
                self._fetch_files(job, [f"files/{name}" for name in names])
            take_parts(news, job)
        return found

    def _state(self, job: Job, news: News) -> JobState:
        word, *words = news.state or ["gone"]
        if word == "waiting":
            return JobState(is_running=True, is_waiting=True)
        if word == "running":
            (job.directory / "job" / "claim").mkdir(exist_ok=True)  # its time begins
            used = int(words[0]) if words and words[0] else None
            return JobState(is_running=True, memory=used)
        if word == "ended":
            return JobState(is_running=False, exit_code=exit_code_of(int(words[0])))
        return JobState(is_running=False, problem=_problem(self.name, " ".join(words)))

    def fetch(self, started: StartedJob) -> None:
        """As the protocol says; after that nothing of the job is left there."""
        job = started.job
        if kept_end(job) is not None:
            return
        run = shlex.quote(job.run_id)
        news = self._news([started], f"left {run}")[job.run_id]
        state, left = self._state(job, news), news.left
        while any(data for _, _, data in news.parts):
            news = self._news([started])[job.run_id]
        self._fetch_files(job, [path for path in left if not (job.directory / path).exists()])
        keep_end(job, state)
        self._run(f'rm -rf "$root/runs/"{run} "$root/live/"{run}')
        shutil.rmtree(job.directory / "inputs", ignore_errors=True)

    def _fetch_files(self, job: Job, paths: Sequence[str]) -> None:
        if not paths:
            return
        names = "".join(f"{path}\n" for path in paths).encode()
        script = f'cd "$root/runs/"{shlex.quote(job.run_id)} && tar -chf - -T - 2>/dev/null; true'
        with tempfile.TemporaryFile(dir=self._folder.temporary) as stream:
            self._run(script, [names], stream.write)
            stream.seek(0)
            take_archive(stream, job.directory)

    # Ending, and what there is

    def cancel(self, started: StartedJob, *, force: bool = False) -> None:
        """As the protocol says."""
        signal = "KILL" if force else "TERM"
        self._run(shlex.join(["end", started.job.run_id, started.handle, signal]))

    def tell_to_stop(self, started: StartedJob) -> None:
        """As `TellsJobs` says."""
        place = shlex.quote(started.job.run_id)
        self._run(f'cd "$root/runs/"{place} 2>/dev/null && : > {STOP_FILE}; true')

    def nodes(self) -> list[Node]:
        """As the protocol says."""
        return launchers.nodes_of(self._run("nodes"))

    def clean(self, *, unused_days: float) -> list[Kept]:
        """As `Cleans` says."""
        minutes = max(_LEAST_MINUTES, math.ceil(unused_days * 24 * 60))
        lines = self._run(f"clean {minutes}").decode("utf-8", "replace").splitlines()
        found = [line.split(" ") for line in lines]
        return [Kept(kind, name, int(size) * 1024) for _, kind, name, size in found]

    def _run(self, script: str, send: Iterable[bytes] = (), receive: Any = None) -> bytes:
        head = f"root={shlex.quote(self.root)}\n{FUNCTIONS}\n{self._launcher.functions}\n"
        return self._shell.run(head + script, send, receive)


def _handle_in(answer: bytes) -> str:
    lines = answer.decode("utf-8", "replace").splitlines()
    return next((line[7:] for line in lines if line.startswith("handle ")), "")


def _problem(name: str, reason: str) -> RunError | None:
    """Why a target has ended a job, from its own word for that; None if it has none."""
    if not reason:
        return None
    code = {"TIMEOUT": "time_limit", "OUT_OF_MEMORY": "memory_limit"}.get(reason, "target")
    return RunError(f"The run was ended by {name}: {reason}.", code)
