"""Outputs of earlier runs that serve a step: looked for by all that its result depends on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tandemlab.compute.targets import LOCAL
from tandemlab.data.locations import DataFile, content_of, digest_of, expand
from tandemlab.domain import NotFound, RunQuery, RunStatus, StorageError
from tandemlab.domain.pipeline_plans import PlannedStep, Unit
from tandemlab.domain.pipelines import Step, StepComponent, StepOutput
from tandemlab.domain.reuse import PartChange, Parts, Reason, changed_parts, reuse_key
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.training.languages import without_parameters

KEY = "reuse_key"
_VOLATILE = {"name", "description"}  # of an environment: what is installed does not depend on them


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a step has to run.

    Attributes:
        run: the earlier run whose outputs serve, or those that would have are damaged, or the one
            that is compared with.
        parts: what the result depends on.
    """

    reason: Reason
    run: str | None
    parts: Parts


@dataclass(frozen=True, slots=True)
class Question:
    """A unit that may have to run.

    Attributes:
        parts: what its result depends on.
    """

    unit: Unit
    step: Step
    parts: Parts


class Reuse:
    """Decides for the steps of one pipeline's run.

    Args:
        experiment: of the pipeline's run.
        forced: the steps that run whatever there is.
    """

    def __init__(self, folder: WorkspaceFolder, experiment: str, forced: Collection[str]) -> None:
        self._folder = folder
        self._experiment = experiment
        self._forced = forced
        self._outputs: dict[str, dict[str, str]] = {}
        self._ahead: dict[str, str] = {}

    def ask(
        self,
        unit: Unit,
        step: Step,
        planned: PlannedStep,
        upstream: Mapping[str, str],
        items: Sequence[Any] | None = None,
    ) -> Question:
        """What is to be decided about a unit.

        Args:
            upstream: the runs of the steps whose outputs it reads, by step.
            items: the list, for all of a step that runs for each of one.
        """
        parts = self._parts(step, planned, upstream)
        return Question(unit, step, parts if items is None else {**parts, "items": list(items)})

    def decide(self, questions: Sequence[Question]) -> dict[Unit, Decision]:
        """Which units have to run, with the same few queries for all."""
        found = {}
        open_ones = []
        for asked in questions:
            reason = self._reason_not_to_look(asked)
            if reason is None:
                open_ones.append(asked)
            found[asked.unit] = Decision(reason or Reason.FIRST, None, asked.parts)
        keys = {asked.unit: reuse_key(asked.parts) for asked in open_ones}
        equal = {key: self._ahead[key] for key in keys.values() if key in self._ahead}
        equal |= self._newest(KEY, [key for key in keys.values() if key not in equal])
        self.read_files(equal.values())
        others = [asked for asked in open_ones if keys[asked.unit] not in equal]
        for asked in open_ones:
            run = equal.get(keys[asked.unit])
            if run is not None:
                reason = self._reason_of_equal(asked, run)
                found[asked.unit] = Decision(reason, run, asked.parts)
        for asked, run in self._earlier(others):
            found[asked.unit] = Decision(Reason.CHANGED, run, asked.parts)
        return found

    def look_ahead(self, steps: Sequence[str]) -> None:
        """Learn, with the same few queries for all, what serves steps in which nothing has changed.

        What a step depends on is known once those before it are decided; that it is what it was
        when it last completed is likely.
        """
        earlier = self._newest("step", steps, self._experiment)
        keys = self._folder.store.properties_of(KEY, [*earlier.values()])
        self._ahead = self._newest(KEY, [*keys.values()])
        self.read_files(self._ahead.values())

    def forget_ahead(self) -> None:
        """What was learned ahead is not for later: by then others may have completed."""
        self._ahead = {}

    def _reason_not_to_look(self, asked: Question) -> Reason | None:
        """Why a unit runs whatever earlier runs have written; None if it does not."""
        if asked.unit.step in self._forced:
            return Reason.FORCED
        if not asked.step.allow_reuse:
            return Reason.NOT_ALLOWED
        if not asked.step.outputs:
            return Reason.NO_OUTPUTS
        return Reason.UNKNOWN_INPUTS if None in asked.parts["inputs"].values() else None

    def _reason_of_equal(self, asked: Question, run: str) -> Reason:
        damaged = self._damaged(run, asked.step)
        for digest in damaged:  # else what is made anew would become a link to it
            self._folder.blobs.drop_damaged(digest)
        return Reason.DAMAGED if damaged else Reason.REUSED

    def _earlier(self, questions: Sequence[Question]) -> Iterator[tuple[Question, str]]:
        """Those that have completed before in this experiment, each with its newest run."""
        steps = [asked.unit.step for asked in questions if asked.unit.item is None]
        newest = self._newest("step", steps, self._experiment)
        for asked in questions:
            is_item = asked.unit.item is not None
            run = self._newest_item(asked.unit) if is_item else newest.get(asked.unit.step)
            if run is not None:
                yield asked, run

    def _parts(self, step: Step, planned: PlannedStep, upstream: Mapping[str, str]) -> Parts:
        definition = planned.definition
        environment = definition.get("environment", {})
        return {
            "source": planned.snapshot,
            "command": _words(step, definition["command"]),
            "environment": {
                key: value for key, value in environment.items() if key not in _VOLATILE
            },
            "variables": dict(definition.get("environment_variables", {})),
            "inputs": {
                **{
                    name: _digest_of_given(given, planned.target)
                    for name, given in definition.get("inputs", {}).items()
                },
                **{
                    name: self._digest_of_output(upstream[str(link.step)], str(link.output))
                    for name, link in step.links.items()
                },
            },
            "parameters": dict(planned.params),
            "outputs": {name: _declared(each) for name, each in step.outputs.items()},
            **({} if step.sweep is None else {"sweep": definition["sweep"]}),
            **({} if step.component is None else {"component": _known_as(step.component)}),
        }

    def _newest(
        self, name: str, values: Collection[str], experiment: str | None = None
    ) -> dict[str, str]:
        """The newest run that has completed with each value of a property, in this folder."""
        if not values:
            return {}
        found = self._folder.store.newest_completed(name, [*values], experiment=experiment)
        return {value: run for value, run in found.items() if self._folder.owns_run(run)}

    def _newest_item(self, unit: Unit) -> str | None:
        """The newest run that has completed for an item of a list, in this folder."""
        found = self._folder.store.find_runs(
            RunQuery(
                experiment=self._experiment,
                status=frozenset({RunStatus.COMPLETED}),
                properties=unit.properties,
                include_children=True,
                limit=1,
            )
        )
        return next((each.id for each in found if self._folder.owns_run(each.id)), None)

    def _digest_of_output(self, run_id: str, output: str) -> str:
        prefix = f"outputs/{output}/"
        whole = hashlib.sha256()
        for name, digest in self._outputs[run_id].items():
            if name.startswith(prefix):
                whole.update(f"{digest} {name}\n".encode())
        return whole.hexdigest()

    def read_files(self, run_ids: Iterable[str]) -> None:
        """Learn which files runs have written, with one query for those that are not known."""
        missing = [*dict.fromkeys(run for run in run_ids if run not in self._outputs)]
        found = self._folder.store.files_of(missing) if missing else {}
        for run in missing:
            self._outputs[run] = {
                each.name: each.digest
                for each in found.get(run, ())
                if each.name.startswith("outputs/")
            }

    def _damaged(self, run_id: str, step: Step) -> list[str]:
        """The digests of what a run has written and is not there as it was written."""
        files = self._folder.run_directory(run_id) / "files"
        prefixes = tuple(f"outputs/{name}/" for name in step.outputs)
        return [
            digest
            for name, digest in self._outputs[run_id].items()
            if name.startswith(prefixes) and not _content_is(f"{files}/{name}", digest)
        ]


def _words(step: Step, command: Sequence[str]) -> list[str]:
    """The command; what a component is told last are its parameters, which are parts themselves."""
    is_told = step.component is not None and step.function is None
    return list(command[:-1] if is_told else command)


def explained_changes(step: Step, before: Parts, after: Parts) -> tuple[PartChange, ...]:
    """The parts that differ; a command that differs in its parameters alone is not told twice."""
    changes = changed_parts(before, after)
    prefix = "parameters."
    names = [each.part.removeprefix(prefix) for each in changes if each.part.startswith(prefix)]
    commands = [_without_values(step, parts["command"], names) for parts in (before, after)]
    if commands[0] != commands[1]:
        return changes
    return tuple(each for each in changes if each.part != "command")


def _without_values(step: Step, command: Sequence[str], names: Collection[str]) -> list[Any]:
    left: list[Any] = without_parameters(command, names)
    if step.function is not None and names:
        with suppress(ValueError):  # it was a script before
            left[-1] = {**json.loads(left[-1]), "arguments": {}}
    return left


def _known_as(component: StepComponent) -> dict[str, Any]:
    return {"name": component.name, "version": component.version}


def _declared(output: StepOutput) -> list[Any]:
    """What an output was said to be, as far as it has to come out the same."""
    stored = [output.datastore, output.path] if output.datastore is not None else []
    columns = [dict(output.columns)] if output.columns else []
    return [output.type, output.file, *stored, *columns]


def _content_is(path: str, digest: str) -> bool:
    try:
        status = os.stat(path)
        file = DataFile(path, os.path.basename(path), status.st_size, status.st_mtime_ns)
        return content_of(file) == digest
    except (OSError, StorageError):
        return False


def _digest_of_given(given: Mapping[str, Any], target: str) -> str | None:
    """What an input that is no step's output holds now; None if that cannot be told from here."""
    try:
        if given.get("dataset") is None:
            is_here = target == LOCAL or given.get("is_sent")
            return digest_of(expand([given["path"]])) if is_here else None
        return _digest_of_dataset(given["dataset"]["definition"])
    except NotFound:
        return None


def _digest_of_dataset(definition: Mapping[str, Any]) -> str:
    from tandemlab.data import Dataset

    return reuse_key({"definition": definition, "data": Dataset.from_dict(definition).digest()})
