"""What takes a pipeline's run forward, in the workspace's agent.

Nothing about how far a pipeline is lives here alone. The run of an attempt at a step has an id that
follows from the pipeline's run, so that whoever takes over, whenever the former driver was killed,
finds what was started, starts nothing twice and runs no finished step again.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tandemlab.domain import FileRecord, InvalidState, NewRun, RunError, RunStatus
from tandemlab.domain.pipeline_plans import Plan
from tandemlab.domain.records import RunRecord
from tandemlab.domain.reuse import Reason, reuse_key
from tandemlab.domain.times import now
from tandemlab.environments.registry import record_environment
from tandemlab.pipelines.reuse import KEY, Decision, Reuse
from tandemlab.store.durable import storage_errors
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.run_files import LOG_FILE
from tandemlab.store.spool import SpoolWriter, settle

REUSED = "reused."


def attempt_id(run_id: str, place: int, attempt: int) -> str:
    """Id of the run of an attempt at a step.

    Args:
        place: of the step among those of the pipeline, from 1 on.
        attempt: 1 for the first.

    >>> attempt_id("study_01jd", 2, 1)
    'study_01jd.2.1'
    """
    return f"{run_id}.{place}.{attempt}"


def reused_steps(record: RunRecord) -> dict[str, str]:
    """The steps of a pipeline's run that were not run, with the earlier runs that serve."""
    return {
        name.removeprefix(REUSED): run_id
        for name, run_id in record.properties.items()
        if name.startswith(REUSED)
    }


class PipelineDriver:
    """Takes the run of one pipeline forward.

    Args:
        record: of the run.

    Raises:
        InvalidInput: its definition holds no pipeline.
    """

    def __init__(self, folder: WorkspaceFolder, record: RunRecord) -> None:
        self._folder = folder
        self._record = record
        self._plan = Plan.of(record.definition)
        self._steps = self._plan.graph.steps
        self._places = {name: place for place, name in enumerate(self._steps, 1)}
        self._reuse = Reuse(folder, record.experiment, self._plan.forced)
        self._spool = SpoolWriter(folder.run_directory(record.id))
        self._active: dict[str, int] = {}
        self._done = {**self._plan.taken, **self._find_reused()}
        self._waiting = dict.fromkeys(
            step for step in self._plan.graph.order if step not in self._done
        )
        self._failed: dict[str, str] = {}
        self._due: dict[str, float] = {}
        self._find_attempts()

    def advance(self) -> bool:
        """Take note of what has ended, and start what can be; whether there is more to come."""
        ids = {step: self._attempt_id(step, n) for step, n in self._active.items()}
        statuses = self._folder.store.known_runs([self._record.id, *ids.values()])
        status = statuses.get(self._record.id)
        if status is None or status.is_terminal:
            return False
        for step, run_id in ids.items():
            if statuses[run_id].is_terminal:
                self._take_note(step, run_id, statuses[run_id])
        if status is RunStatus.CANCEL_REQUESTED:
            return self._stop(RunStatus.CANCELED)
        if status is not RunStatus.RUNNING:
            self._folder.store.move_run(self._record.id, RunStatus.RUNNING)
        if self._failed and not self._plan.continue_on_step_failure:
            return self._stop(RunStatus.FAILED)
        self._start_ready()
        if self._active or self._due:
            return True
        return self._end(RunStatus.FAILED if self._failed else RunStatus.COMPLETED)

    # What has happened

    def _find_attempts(self) -> None:
        """Learn from the store what was started before."""
        allowed = {step: each.retries.max_retries + 1 for step, each in self._steps.items()}
        ids = {
            self._attempt_id(step, attempt): (step, attempt)
            for step, most in allowed.items()
            for attempt in range(1, most + 1)
        }
        for run_id in self._folder.store.known_runs(ids):
            step, attempt = ids[run_id]
            self._active[step] = max(attempt, self._active.get(step, 0))
            self._waiting.pop(step, None)

    def _find_reused(self) -> dict[str, str]:
        self._folder.catch_up(self._record.id)
        record = self._folder.store.get_run(self._record.id)
        return {} if record is None else reused_steps(record)

    def _take_note(self, step: str, run_id: str, status: RunStatus) -> None:
        attempt = self._active.pop(step)
        if status is RunStatus.COMPLETED:
            self._done[step] = run_id
            self._say(f"{step}: completed")
            return
        record = self._folder.store.get_run(run_id)
        assert record is not None
        reason = record.error.message if record.error else f"The run was {status.value.lower()}."
        retries = self._steps[step].retries
        if status is RunStatus.FAILED and attempt <= retries.max_retries:
            ended = time.time() if record.ended is None else record.ended.timestamp()
            self._due[step] = ended + retries.delay(attempt)
            self._say(f"{step}: attempt {attempt} failed. {reason}")
            return
        self._failed[step] = reason
        self._say(f"{step}: {status.value.lower()}. {reason}")

    # What is to happen

    def _start_ready(self) -> None:
        ready = [each for each in self._waiting if self._is_ready(each)]
        while ready:
            step = ready.pop()
            del self._waiting[step]
            if self._begin(step, 1):
                behind = self._plan.graph.downstream[step]
                ready += [each for each in behind if each in self._waiting and self._is_ready(each)]
        for step in [each for each, due in self._due.items() if due <= time.time()]:
            del self._due[step]
            self._begin(step, self._last_attempt(step) + 1)

    def _is_ready(self, step: str) -> bool:
        return all(each in self._done for each in self._steps[step].upstream)

    def _last_attempt(self, step: str) -> int:
        most = self._steps[step].retries.max_retries + 1
        ids = [self._attempt_id(step, attempt) for attempt in range(1, most + 1)]
        return len(self._folder.store.known_runs(ids))

    def _begin(self, step: str, attempt: int) -> bool:
        """Start a step unless what an equal one has made will do; whether it is done."""
        decision = self._reuse.decide(step, self._steps[step], self._plan.steps[step], self._done)
        if decision.reason is not Reason.REUSED or decision.run is None:
            self._start(step, attempt, decision)
            return False
        self._spool.append("property", f"{REUSED}{step}", decision.run)
        self._done[step] = decision.run
        self._say(f"{step}: reused from run {decision.run}")
        return True

    def _start(self, step: str, attempt: int, decision: Decision) -> None:
        planned = self._plan.steps[step]
        run_id = self._attempt_id(step, attempt)
        # One that the store does not know is what an agent has left that was killed as it made it.
        shutil.rmtree(self._folder.run_directory(run_id), ignore_errors=True)
        reuse = {
            "reason": decision.reason.value,
            "run": decision.run,
            "parts": decision.parts,
        }
        definition = {**planned.definition, "inputs": self._inputs(step), "reuse": reuse}
        self._folder.add_run(
            NewRun(
                id=run_id,
                experiment=self._record.experiment,
                type="script",
                display_name=step,
                created=now(),
                status=RunStatus.QUEUED,
                parent=self._record.id,
                target=planned.target,
                snapshot=planned.snapshot,
                definition=definition,
                context=self._record.context,
                properties={
                    "step": step,
                    "attempt": str(attempt),
                    KEY: reuse_key(decision.parts),
                },
                params=planned.params,
            )
        )
        record_environment(self._folder, run_id, definition)
        self._active[step] = attempt
        self._say(f"{step}: queued as run {run_id}")

    def _inputs(self, step: str) -> dict[str, Any]:
        """The inputs of a step, with the paths of what other steps have written."""
        found = dict(self._plan.steps[step].definition.get("inputs", {}))
        for name, link in self._steps[step].links.items():
            assert link.step is not None and link.output is not None
            path = self._output_path(link.step, link.output)
            found[name] = {"path": str(path), "mode": "direct"}
        return found

    def _output_path(self, step: str, name: str) -> Path:
        files = self._folder.run_directory(self._done[step]) / "files"
        file = self._steps[step].outputs[name].file_name(name)
        return files / "outputs" / name / (file or "")

    # The end

    def _stop(self, status: RunStatus) -> bool:
        """Cancel what runs, and end once all of it has ended."""
        for step, attempt in self._active.items():
            with suppress(InvalidState):  # it has just ended
                self._folder.store.move_run(
                    self._attempt_id(step, attempt), RunStatus.CANCEL_REQUESTED
                )
        return True if self._active else self._end(status)

    def _end(self, status: RunStatus) -> bool:
        error = None
        if status is RunStatus.FAILED:
            told = [f"The step {step!r} failed: {reason}" for step, reason in self._failed.items()]
            error = RunError(" ".join(told), "step")
        self._say(f"The pipeline is {status.value.lower()}.")
        log = self._folder.run_directory(self._record.id) / "files" / LOG_FILE
        kept = FileRecord(LOG_FILE, *self._folder.blobs.adopt(log))
        self._spool.close()
        self._folder.catch_up(self._record.id)
        self._folder.store.add_files(self._record.id, [kept])
        self._folder.blobs.commit([kept.digest])
        self._folder.store.move_run(self._record.id, status, error=error)
        settle(self._folder.run_directory(self._record.id))
        return False

    def _attempt_id(self, step: str, attempt: int) -> str:
        return attempt_id(self._record.id, self._places[step], attempt)

    def _say(self, text: str) -> None:
        """A line in the log of the pipeline's run."""
        log = self._folder.run_directory(self._record.id) / "files" / LOG_FILE
        with storage_errors(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as stream:
                stream.write(f"{text}\n")
