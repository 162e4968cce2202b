"""What takes a pipeline's run forward, in the workspace's agent.

Nothing about how far a pipeline is lives here alone. The run of an attempt at a step has an id that
follows from the pipeline's run, so that whoever takes over, whenever the former driver was killed,
finds what was started, starts nothing twice and runs no finished step again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from tandemlab.compute.driven import DrivenRun
from tandemlab.compute.lifecycle import may_begin
from tandemlab.compute.targets import LOCAL
from tandemlab.domain import (
    InvalidInput,
    NewRun,
    RunError,
    RunQuery,
    RunStatus,
    TandemlabError,
)
from tandemlab.domain.assets import AssetRole, AssetUsage
from tandemlab.domain.pipeline_plans import Plan, PlannedStep, Unit
from tandemlab.domain.records import RunRecord
from tandemlab.domain.reuse import Reason, reuse_key
from tandemlab.domain.status import ACTIVE
from tandemlab.domain.times import now
from tandemlab.environments.registry import record_environment
from tandemlab.pipelines.item_runs import ItemRuns, gathering
from tandemlab.pipelines.mini_batches import FINISHED, LEFT
from tandemlab.pipelines.reuse import KEY, Decision, Reuse
from tandemlab.pipelines.sweep_steps import sweep_definition
from tandemlab.pipelines.values import KnownValues
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.spool import spool_files

REUSED = "reused."
SKIPPED = "skipped."
_LOOK_AHEAD = 8  # steps at first, more and more while these need not run


def attempt_id(run_id: str, place: int, attempt: int, item: int | None = None) -> str:
    """Id of the run of an attempt at a step.

    Args:
        place: of the step among those of the pipeline, from 1 on.
        attempt: 1 for the first.
        item: place of the item in its list, from 0; None for the step itself.

    >>> attempt_id("study_01jd", 2, 1), attempt_id("study_01jd", 2, 1, item=7)
    ('study_01jd.2.1', 'study_01jd.2-7.1')
    """
    return f"{run_id}.{place}{'' if item is None else f'-{item}'}.{attempt}"


def reused_units(record: RunRecord) -> dict[str, str]:
    """What a pipeline's run did not have to run, by name, with the earlier runs that serve."""
    return _noted(record, REUSED)


def skipped_steps(record: RunRecord) -> dict[str, str]:
    """The steps of a pipeline's run that were skipped, with the reasons."""
    return _noted(record, SKIPPED)


def _noted(record: RunRecord, prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value
        for name, value in record.properties.items()
        if name.startswith(prefix)
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
        self._values = KnownValues(self._plan.parameters, self._output_path)
        self._own = DrivenRun(folder, record.id)
        self._active: dict[Unit, int] = {}
        self._lists: dict[str, ItemRuns] = {}
        noted = self._read_notes()
        done = {**self._plan.taken, **reused_units(noted)}
        self._done = {Unit.of(name): run_id for name, run_id in done.items()}
        self._skipped = skipped_steps(noted)
        self._waiting = dict.fromkeys(
            step for step in self._plan.graph.order if not self._is_over(step)
        )
        self._freed = dict(self._waiting)  # what may have become ready since the last look
        self._failed: dict[Unit, str] = {}
        self._due: dict[Unit, float] = {}
        self._status: RunStatus | None = record.status
        self._room = 0
        for unit, attempt in self._find_attempts(map(Unit, self._steps)).items():
            self._active[unit] = attempt
            self._waiting.pop(unit.step, None)
        self._active.update(self._find_items())

    def advance(
        self, ended: Mapping[str, RunStatus] | None = None, *, room: int = 0
    ) -> list[RunRecord] | None:
        """As `Driver.advance`."""
        self._room = room
        try:
            is_more = self._advance(ended)
        finally:
            self._own.write_log()
        return self._own.take_queued() if is_more else None

    def _advance(self, ended: Mapping[str, RunStatus] | None) -> bool:
        ids = {unit: self._attempt_id(unit, n) for unit, n in self._active.items()}
        if ended is None:
            ended = self._folder.store.known_runs([self._record.id, *ids.values()])
            self._status = ended.get(self._record.id)
        if self._status is None or self._status.is_terminal:
            return False
        for unit, run_id in ids.items():
            if run_id in ended and ended[run_id].is_terminal:
                self._take_note(unit, run_id, ended[run_id])
        if self._status is RunStatus.CANCEL_REQUESTED:
            return self._stop(RunStatus.CANCELED)
        if self._status is not RunStatus.RUNNING:
            self._folder.store.move_run(self._record.id, RunStatus.RUNNING)
            self._status = RunStatus.RUNNING
        if not self._must_stop:
            self._start_ready()
        if self._must_stop:
            return self._stop(RunStatus.FAILED)
        if self._active or self._due or self._lists:
            return True
        return self._end(RunStatus.FAILED if self._failed else RunStatus.COMPLETED)

    @property
    def _must_stop(self) -> bool:
        return bool(self._failed) and not self._plan.continue_on_step_failure

    # What has happened

    def _find_attempts(self, units: Iterable[Unit]) -> dict[Unit, int]:
        """The newest attempt at each of them that the store knows."""
        ids = {
            self._attempt_id(unit, attempt): (unit, attempt)
            for unit in units
            for attempt in range(1, self._most_attempts(unit) + 1)
        }
        found: dict[Unit, int] = {}
        for run_id in self._folder.store.known_runs(ids):
            unit, attempt = ids[run_id]
            found[unit] = max(attempt, found.get(unit, 0))
        return found

    def _find_items(self) -> dict[Unit, int]:
        """The items that have not ended, of steps that run for each of a list."""
        query = RunQuery(parent=self._record.id, status=frozenset(ACTIVE))
        found = [each.properties for each in self._folder.store.find_runs(query)]
        return {
            Unit(each["item_of"], int(each["item"])): int(each["attempt"])
            for each in found
            if "item_of" in each
        }

    def _most_attempts(self, unit: Unit) -> int:
        return self._steps[unit.step].retries.max_retries + 1

    def _read_notes(self) -> RunRecord:
        if not spool_files(self._folder.run_directory(self._record.id)):
            return self._record  # nothing was noted, and its definition is long
        self._folder.catch_up(self._record.id)
        return self._folder.store.get_run(self._record.id) or self._record

    def _take_note(self, unit: Unit, run_id: str, status: RunStatus) -> None:
        attempt = self._active.pop(unit)
        if status is RunStatus.COMPLETED:
            try:
                self._register_models(unit, run_id)
            except TandemlabError as problem:
                self._fail(unit, problem.message)
                return
            self._finish(unit, run_id)
            self._own.say(f"{unit}: completed")
            return
        record = self._folder.store.get_run(run_id)
        assert record is not None
        reason = record.error.message if record.error else f"The run was {status.value.lower()}."
        if status is RunStatus.FAILED and attempt < self._most_attempts(unit):
            ended = time.time() if record.ended is None else record.ended.timestamp()
            self._due[unit] = ended + self._steps[unit.step].retries.delay(attempt)
            self._own.say(f"{unit}: attempt {attempt} failed. {reason}")
            return
        self._fail(unit, reason, status)

    def _register_models(self, unit: Unit, run_id: str) -> None:
        """Have outputs become models; the same files once more are the same version."""
        for name, output in self._steps[unit.step].outputs.items():
            if output.type == "model" and output.register_as is not None:
                from tandemlab.tracking import Workspace

                model = (
                    Workspace(self._folder.path)
                    .get_run(run_id)
                    .register_model(
                        output.register_as,
                        f"outputs/{name}",
                        description=output.description,
                        tags=dict(output.tags),
                    )
                )
                self._own.say(f"{unit}: registered the model {model.id}")

    def _finish(self, unit: Unit, run_id: str) -> None:
        self._done[unit] = run_id
        self._close_item(unit)
        if unit.item is None:
            self._free(unit.step)

    def _fail(self, unit: Unit, reason: str, status: RunStatus = RunStatus.FAILED) -> None:
        is_stopped = status is RunStatus.CANCELED and self._must_stop  # for the failure of another
        if not is_stopped:
            self._failed[unit] = reason
        self._close_item(unit)
        self._own.say(f"{unit}: {status.value.lower()}. {reason}")

    def _close_item(self, unit: Unit) -> None:
        if unit.item is not None and unit.step in self._lists:
            self._lists[unit.step].open.discard(unit)

    # What is to happen

    def _start_ready(self) -> None:
        ready = self._take_ready()
        count = ahead = 0  # steps that were over at once, and those that were looked ahead to
        while ready:
            over = self._open(ready)
            count += len(over)
            if over and count >= ahead:
                upcoming = list(islice(self._waiting, _LOOK_AHEAD + 2 * count))
                self._reuse.look_ahead(upcoming)
                ahead = count + len(upcoming)
            for step in over:
                self._free(step)
            ready = self._take_ready()
        self._reuse.forget_ahead()
        for unit in [each for each, due in self._due.items() if due <= time.time()]:
            del self._due[unit]
            self._begin([unit], self._find_attempts([unit])[unit] + 1, {})
        for step in list(self._lists):
            self._continue(step)

    def _free(self, step: str) -> None:
        """What needs a step that is over may be ready."""
        self._freed.update(dict.fromkeys(self._plan.graph.downstream[step]))

    def _take_ready(self) -> list[str]:
        freed, self._freed = self._freed, {}
        return [each for each in freed if each in self._waiting and self._is_ready(each)]

    def _is_ready(self, step: str) -> bool:
        return all(map(self._is_over, self._steps[step].upstream))

    def _is_over(self, step: str) -> bool:
        return Unit(step) in self._done or step in self._skipped

    def _open(self, steps: Sequence[str]) -> list[str]:
        """Begin steps that may run; those that are over already, reused or skipped."""
        lists: dict[Unit, Sequence[Any]] = {}
        units, over = [], []
        for step in steps:
            del self._waiting[step]
            with self._failing(Unit(step)):
                if reason := self._reason_to_skip(step):
                    self._skip(step, reason)
                    over.append(step)
                    continue
                if (for_each := self._steps[step].for_each) is not None:
                    lists[Unit(step)] = self._values.items(for_each)
                units.append(Unit(step))
        return [*over, *(each.step for each in self._begin(units, 1, lists))]

    @contextmanager
    def _failing(self, unit: Unit) -> Iterator[None]:
        """What is wrong with a unit fails it alone."""
        try:
            yield
        except InvalidInput as problem:
            self._fail(unit, problem.message)

    def _skip(self, step: str, reason: str) -> None:
        self._own.spool.append("property", f"{SKIPPED}{step}", reason)
        self._skipped[step] = reason
        self._own.say(f"{step}: skipped, since {reason}")

    def _reason_to_skip(self, step: str) -> str:
        asked = self._steps[step]
        linked = [(str(each.step), each.output) for each in asked.links.values()]
        for source, output in [*linked, *asked.asks]:
            if source in self._skipped:
                return f"it needs {output!r} of {source!r}, which was skipped"
        if not self._values.condition_holds(asked):
            return f"its condition does not hold: {asked.when}"
        return ""

    # Lists

    def _open_list(self, step: str, items: Sequence[Any], decision: Decision) -> None:
        asked, whole = self._steps[step], self._plan.steps[step]
        planned = {
            Unit(step, place): whole.for_item(item, is_call=asked.is_call)
            for place, item in enumerate(items)
        }
        found = self._lists[step] = ItemRuns(planned, decision)
        rest = [each for each in planned if each not in self._done and each not in self._failed]
        active = self._find_attempts(rest)
        self._active.update(active)
        found.open.update(active)
        found.waiting.extend(each for each in rest if each not in active)
        self._own.say(f"{step}: {len(items)} items")

    def _continue(self, step: str) -> None:
        """Queue more items of a list, or gather what they have written once all have ended."""
        found = self._lists[step]
        while units := found.next():
            found.open.difference_update(self._begin(units, 1, {}))
            if self._must_stop:
                return
        if not found.is_over:
            return
        del self._lists[step]
        failed = sorted(each for each in self._failed if each.step == step)
        if failed:
            told = f"{failed[0]} failed: {self._failed[failed[0]]}"
            more = f" So did {len(failed) - 1} more." if len(failed) > 1 else ""
            for each in failed:
                del self._failed[each]
            self._fail(Unit(step), f"{told}{more}")
        else:
            self._gather(step, found)

    def _gather(self, step: str, found: ItemRuns) -> None:
        parts = self._folder.run_directory(self._record.id) / "gathered" / f"{step}.json"
        folders = [
            self._folder.run_directory(self._done[unit]) / "files" / "outputs"
            for unit in found.planned
        ]
        definition = gathering(self._steps[step], folders, parts)
        planned = PlannedStep(definition, None, LOCAL, {})
        run = self._new_run(Unit(step), 1, found.decision, planned, definition["inputs"])
        self._queue({Unit(step): run}, 1)

    # Runs

    def _begin(
        self, units: Sequence[Unit], attempt: int, lists: Mapping[Unit, Sequence[Any]]
    ) -> list[Unit]:
        """Start units unless what equal ones have made will do; those that are done.

        Args:
            lists: the items of those that are steps for each of a list.
        """
        upstream = {unit: self._upstream(unit) for unit in units}
        self._reuse.read_files(run for runs in upstream.values() for run in runs.values())
        questions = []
        for unit in units:
            step, planned = self._steps[unit.step], self._planned(unit)
            with self._failing(unit):
                asked = self._reuse.ask(unit, step, planned, upstream[unit], lists.get(unit))
                questions.append(asked)
        done = []
        made: dict[Unit, NewRun] = {}
        for unit, decision in self._reuse.decide(questions).items():
            with self._failing(unit):
                if decision.reason is Reason.REUSED:
                    self._take_over(unit, decision)
                    done.append(unit)
                elif unit in lists:
                    self._open_list(unit.step, lists[unit], decision)
                else:
                    planned = self._planned(unit)
                    inputs = self._inputs(unit.step, planned)
                    made[unit] = self._new_run(unit, attempt, decision, planned, inputs)
        if made:
            self._queue(made, attempt)
        return done

    def _planned(self, unit: Unit) -> PlannedStep:
        if unit.item is None:
            return self._plan.steps[unit.step]
        return self._lists[unit.step].planned[unit]

    def _upstream(self, unit: Unit) -> dict[str, str]:
        """The runs of the steps whose outputs a unit reads, by step."""
        sources = [str(link.step) for link in self._steps[unit.step].links.values()]
        return {each: self._done[Unit(each)] for each in sources}

    def _take_over(self, unit: Unit, decision: Decision) -> None:
        assert decision.run is not None
        self._own.spool.append("property", f"{REUSED}{unit}", decision.run)
        self._done[unit] = decision.run
        self._own.say(f"{unit}: reused from run {decision.run}")

    def _new_run(
        self,
        unit: Unit,
        attempt: int,
        decision: Decision,
        planned: PlannedStep,
        inputs: Mapping[str, Any],
    ) -> NewRun:
        """The run of an attempt at a unit."""
        run_id = self._attempt_id(unit, attempt)
        reuse = {
            "reason": decision.reason.value,
            "run": decision.run,
            "parts": decision.parts,
        }
        given = dict(inputs)
        if self._steps[unit.step].parallel is not None and planned.snapshot is not None:
            for number, path in enumerate(self._finished_batches(unit, attempt), 1):
                given[f"{FINISHED}{number}"] = self._sent(path, planned.target)
        definition = {**planned.definition, "inputs": given, "reuse": reuse}
        step = self._steps[unit.step]
        kind = "script" if step.automl is None else "automl"
        if step.sweep is not None:
            kind, definition = "sweep", sweep_definition(planned, definition)
        return NewRun(
            id=run_id,
            experiment=self._record.experiment,
            type=kind,
            display_name=str(unit),
            created=now(),
            status=RunStatus.QUEUED,
            parent=self._record.id,
            target=planned.target,
            snapshot=planned.snapshot,
            definition=definition,
            context=self._record.context,
            properties={
                **unit.properties,
                "attempt": str(attempt),
                KEY: reuse_key(decision.parts),
            },
            params=planned.params,
        )

    def _queue(self, made: Mapping[Unit, NewRun], attempt: int) -> None:
        """Make the runs of attempts at units, all at once."""
        self._own.queue(list(map(self._begun, made.values())))
        for unit, run in made.items():
            with self._failing(unit):
                self._record_usages(run)
                self._active[unit] = attempt
                self._own.say(f"{unit}: queued as run {run.id}")

    def _begun(self, run: NewRun) -> NewRun:
        """A run that is Running from the beginning, if there is room for it."""
        if self._room <= 0 or not may_begin(run):
            return run
        self._room -= 1
        return replace(run, status=RunStatus.RUNNING)

    def _record_usages(self, run: NewRun) -> None:
        """Record which assets a run uses."""
        record_environment(self._folder, run.id, run.definition)
        for label, model in run.definition.get("input_models", {}).items():
            name, _, version = model.rpartition(":")
            self._folder.add_usage(
                AssetUsage(run.id, AssetRole.INPUT, label, "model", name, int(version))
            )

    def _finished_batches(self, unit: Unit, attempt: int) -> Iterator[Path]:
        """Where earlier attempts have left mini-batches, also those of runs that were resumed."""
        record: RunRecord | None = self._record
        before = range(1, attempt)
        while record is not None:
            for number in before:
                run_id = attempt_id(record.id, self._places[unit.step], number, unit.item)
                folder = self._folder.run_directory(run_id) / "files" / LEFT
                if folder.is_dir():
                    yield folder
            resumed = record.properties.get("resumes")
            record = None if resumed is None else self._folder.store.get_run(resumed)
            before = range(1, self._most_attempts(unit) + 1)

    def _inputs(self, step: str, planned: PlannedStep) -> dict[str, Any]:
        """The inputs of a step, with the paths of what other steps have written."""
        found = dict(planned.definition.get("inputs", {}))
        for name, link in self._steps[step].links.items():
            assert link.step is not None and link.output is not None
            path = self._output_path(link.step, link.output)
            found[name] = self._sent(path, planned.target)
        return found

    def _sent(self, path: Path, target: str) -> dict[str, Any]:
        """An input that is a path of this machine, wherever the step runs."""
        found: dict[str, Any] = {"path": str(path), "mode": "direct"}
        return found if target == LOCAL else {**found, "is_sent": True}

    def _output_path(self, step: str, name: str) -> Path:
        files = self._folder.run_directory(self._done[Unit(step)]) / "files"
        file = self._plan.graph.output(step, name).file_name(name)
        return files / "outputs" / name / (file or "")

    # The end

    def _stop(self, status: RunStatus) -> bool:
        """Cancel what runs, and end once all of it has ended."""
        for unit, attempt in self._active.items():
            self._own.cancel(self._attempt_id(unit, attempt))
        return True if self._active else self._end(status)

    def _end(self, status: RunStatus) -> bool:
        error = None
        if status is RunStatus.FAILED:
            told = [f"The step {str(unit)!r} failed: {why}" for unit, why in self._failed.items()]
            error = RunError(" ".join(told), "step")
        self._own.say(f"The pipeline {status.ending}.")
        self._own.end(status, error)
        return False

    def _attempt_id(self, unit: Unit, attempt: int) -> str:
        return attempt_id(self._record.id, self._places[unit.step], attempt, unit.item)
