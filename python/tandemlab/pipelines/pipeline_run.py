"""PipelineRun: the run of a pipeline, and the runs of its steps."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, InvalidState, NotFound, RunQuery, RunRecord, RunStatus
from tandemlab.domain.pipeline_plans import Plan, Unit, as_text
from tandemlab.domain.pipelines import ParameterValue
from tandemlab.domain.reuse import Explanation, Reason, has_changed
from tandemlab.domain.scalars import as_scalars
from tandemlab.domain.schemas import nearest
from tandemlab.pipelines.components import as_drawn
from tandemlab.pipelines.driver import reused_units, skipped_steps
from tandemlab.pipelines.pipeline import Pipeline
from tandemlab.pipelines.reuse import explained_changes
from tandemlab.pipelines.steps import no_such_output
from tandemlab.tracking import Run
from tandemlab.tracking.comparing import compare_snapshots
from tandemlab.training.languages import session_environment

if TYPE_CHECKING:
    from tandemlab.pipelines.published_pipeline import PublishedPipeline
    from tandemlab.tracking import Experiment, Workspace


@dataclass(frozen=True, slots=True)
class StepState:
    """How a step of a pipeline's run is doing.

    Attributes:
        run: that of the newest attempt; None while none was made.
        attempts: how many were made.
        reused: whether the run is that of an earlier pipeline, whose outputs serve.
        skipped: why it was skipped; None if it was not.
        items: of a step that runs for each item of a list: how many have a run; None for others.
        items_done: how many of these have completed.
        duration: seconds that the newest attempt took; None unless it has ended.
        error: why it failed; None if it did not.
    """

    name: str
    status: RunStatus
    run: Run | None
    attempts: int
    reused: bool
    duration: float | None
    error: str | None
    skipped: str | None = None
    items: int | None = None
    items_done: int | None = None


class PipelineRun(Run):
    """The run of a pipeline. Its children are the runs of its steps."""

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> PipelineRun:
        """The pipeline's run of that id.

        Raises:
            NotFound: there is no such run.
            InvalidInput: it is not the run of a pipeline.
        """
        found = workspace.get_run(run_id)
        if not isinstance(found, PipelineRun):
            raise InvalidInput(
                f"Run {found.id} is the run of a {found.record.type}, not of a pipeline.",
                details={"run_id": found.id},
            )
        return found

    @cached_property
    def _plan(self) -> Plan:
        return Plan.of(self.record.definition)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that runs, as it was submitted."""
        return Pipeline.from_graph(as_drawn(self._plan.graph, self._plan.parameters))

    def get_steps(self) -> list[StepState]:
        """How each step is doing, in an order in which they can run."""
        attempts: dict[str, list[RunRecord]] = {}
        items: dict[str, dict[str, RunRecord]] = {}
        for record in self.workspace.store.find_runs(RunQuery(parent=self.id, oldest_first=True)):
            of, item = record.properties.get("item_of"), record.properties.get("item", "")
            if of is None:
                attempts.setdefault(record.properties.get("step", ""), []).append(record)
            else:
                items.setdefault(of, {})[item] = record
        reused = self._reused()
        skipped = skipped_steps(self.record)
        found = []
        for name in self._plan.graph.order:
            if name in reused:
                attempts[name] = [self.workspace.get_record(reused[name])]
            state = self._state(name, attempts.get(name, []), reused=name in reused)
            if self._plan.graph.steps[name].for_each is not None:
                state = _with_items(state, items.get(name, {}), _reused_items(name, reused))
            found.append(replace(state, skipped=skipped.get(name)))
        return found

    def _reused(self) -> dict[str, str]:
        return {**self._plan.taken, **reused_units(self.record)}

    def _state(self, name: str, attempts: Sequence[RunRecord], *, reused: bool) -> StepState:
        if not attempts:
            return StepState(name, RunStatus.NOT_STARTED, None, 0, reused, None, None)
        last = attempts[-1]
        return StepState(
            name,
            last.status,
            Run(self.workspace, last.id, experiment=last.experiment),
            0 if reused else len(attempts),
            reused,
            last.duration,
            last.error.message if last.error else None,
        )

    def find_step_run(self, name: str, item: int | None = None) -> list[Run]:
        """The runs of the attempts at a step, the first attempt first.

        Args:
            item: place of an item, from 0, of a step that runs for each of a list; None for the
                run that gathers what all have written.

        Raises:
            NotFound: the pipeline has no such step.
        """
        self._check_step(name)
        unit, reused = Unit(name, item), self._reused()
        if str(unit) in reused:
            return [self.workspace.get_run(reused[str(unit)])]
        query = RunQuery(parent=self.id, properties=unit.properties, oldest_first=True)
        return self.workspace.find_runs(query)

    def get_output(self, step: str, output: str | None = None) -> Any:
        """What a step has written: a pandas frame for a table, a value for json, else a path.

        The path is on this machine, and must not be written to.

        Args:
            output: its name; None if it is the only one.

        Raises:
            NotFound: there is no such step or output.
            InvalidState: the step has not completed.
        """
        type, path = self.find_output(step, output)
        if type == "json":
            return json.loads(path.read_text(encoding="utf-8"))
        if type == "table":
            from tandemlab.bridge import read_frame

            return read_frame(path, "pandas")
        return path

    def find_output(self, step: str, output: str | None = None) -> tuple[str, Path]:
        """The type of what a step has written, and its path; see `get_output`."""
        self._check_step(step)
        outputs = self._plan.graph.steps[step].outputs
        if output is None and len(outputs) == 1:
            output = next(iter(outputs))
        if output is None or output not in outputs:
            said, hint = no_such_output(step, output, outputs)
            raise NotFound(said, hint=hint)
        run = next((run for run in self.find_step_run(step) if _is_complete(run)), None)
        if run is None:
            raise InvalidState(f"The step {step!r} of run {self.id} has not completed.")
        declared = self._plan.graph.output(step, output)
        file = declared.file_name(output)
        if file is None:
            return declared.type, _folder_of(run, output)
        return declared.type, run.local_file(f"outputs/{output}/{file}")

    def why(self, step: str) -> Explanation:
        """Why a step ran, or did not, and what has changed since the earlier run.

        Returns:
            An `Explanation`, which prints as text; its ``changes`` are the parts of what the
            result depends on that are not as before, its ``code`` the differences of the source.

        Raises:
            NotFound: the pipeline has no such step.
            InvalidState: the step has not begun.
        """
        self._check_step(step)
        if step in self._plan.taken:
            return Explanation(step, Reason.TAKEN, self._plan.taken[step])
        skipped = skipped_steps(self.record)
        if step in skipped:
            return Explanation(step, Reason.SKIPPED, note=skipped[step])
        reused = reused_units(self.record)
        if step in reused:
            return Explanation(step, Reason.REUSED, reused[step])
        runs = self.find_step_run(step)
        if not runs:
            raise InvalidState(f"The step {step!r} of run {self.id} has not begun.")
        return self._explain(step, runs[0])

    def _explain(self, step: str, run: Run) -> Explanation:
        decision = run.record.definition["reuse"]
        reason, earlier = Reason(decision["reason"]), decision["run"]
        if reason is not Reason.CHANGED:
            return Explanation(step, reason, earlier)
        try:
            before = self.workspace.get_run(earlier).record.definition["reuse"]["parts"]
        except NotFound:  # it was deleted since
            return Explanation(step, reason, earlier)
        parts = decision["parts"]
        changes = explained_changes(self._plan.graph.steps[step], before, parts)
        if not has_changed(changes, "source"):
            return Explanation(step, reason, earlier, changes)
        blobs = self.workspace.place.blobs
        code = compare_snapshots((before["source"], parts["source"]), (blobs, blobs)) or ()
        return Explanation(step, reason, earlier, changes, tuple(code))

    def resume(
        self, from_step: str | None = None, tags: Mapping[str, str | None] | None = None
    ) -> PipelineRun:
        """Queue another run of the same pipeline that takes over what this one has completed.

        Sources, parameters and settings are those of this run, whatever has changed since.

        Args:
            from_step: a step that is run again, with all that need it; None for those alone that
                have not completed.
            tags: first tags of the new run.

        Raises:
            InvalidState: this run has not ended.
            NotFound: the pipeline has no such step.
        """
        record = self.record
        if not record.status.is_terminal:
            raise InvalidState(
                f"Run {self.id} is {record.status}; only one that has ended can be resumed.",
                hint="Wait for it, or cancel it.",
            )
        again: set[str] = set()
        if from_step is not None:
            self._check_step(from_step)
            again = self._plan.graph.behind(from_step)
        taken = {
            name: run_id
            for name, run_id in {**self._reused(), **self._completed()}.items()
            if Unit.of(name).step not in again
        }
        return create_pipeline_run(
            self.experiment,
            replace(self._plan, taken=taken, forced=frozenset(again)),
            snapshot=record.snapshot,
            source=None,
            parent=record.parent,
            tags=tags or {},
            params=as_scalars(record.params),
            properties={"resumes": self.id},
        )

    def publish_pipeline(
        self, name: str | None = None, description: str | None = None
    ) -> PublishedPipeline:
        """Publish the pipeline that has run, with the sources that it had.

        Args:
            name: to publish it under; its own if None.

        Raises:
            InvalidInput: there is no name, or it cannot be one.
        """
        from tandemlab.pipelines.published_pipeline import PublishedPipeline
        from tandemlab.pipelines.publishing import register_template, template_of_plan

        name = self._plan.graph.name if name is None else name
        if name is None:
            raise InvalidInput("A pipeline is published under a name.", hint="Give one.")
        asset = register_template(
            template_of_plan(self._plan),
            self.workspace,
            name,
            description=description,
            tags=None,
            run_id=self.id,
        )
        return PublishedPipeline(self.workspace, asset)

    def _completed(self) -> dict[str, str]:
        """The runs of this pipeline's units that have completed."""
        query = RunQuery(parent=self.id, status=frozenset({RunStatus.COMPLETED}))
        found = {}
        for record in self.workspace.store.find_runs(query):
            of = record.properties.get("item_of")
            item = None if of is None else int(record.properties["item"])
            found[str(Unit(of or record.properties["step"], item))] = record.id
        return found

    def _check_step(self, name: str) -> None:
        steps = self._plan.graph.steps
        if name not in steps:
            meant = nearest(name, steps)
            raise NotFound(
                f"The pipeline has no step {name!r}.",
                hint=f"Did you mean {meant!r}?" if meant else f"Its steps are {', '.join(steps)}.",
                details={"step": name},
            )


def create_pipeline_run(
    experiment: Experiment,
    plan: Plan,
    *,
    snapshot: str | None,
    source: Path | None,
    parent: str | None,
    tags: Mapping[str, str | None],
    params: Mapping[str, ParameterValue],
    properties: Mapping[str, str] | None = None,
    run_id: str | None = None,
) -> PipelineRun:
    """Queue the run of a plan; `Pipeline.submit_to` and `PipelineRun.resume` make plans."""
    workspace = experiment.workspace
    run = experiment.create_run(
        type="pipeline",
        status=RunStatus.QUEUED,
        parent=parent,
        snapshot=snapshot,
        source=source,
        definition=plan.to_definition(),
        environment={} if workspace.is_remote else session_environment(),
        tags=tags,
        properties=properties,
        params={
            name: as_text(value) if isinstance(value, list) else value
            for name, value in params.items()
        },
        run_id=run_id,
    )
    workspace.attend()
    return PipelineRun(workspace, run.id, experiment=experiment.name)


def _with_items(
    state: StepState, records: Mapping[str, RunRecord], reused: Collection[str]
) -> StepState:
    """The state of a step that runs for each item of a list, before its outputs are gathered."""
    statuses = [record.status for record in records.values()]
    status = state.status
    if state.run is None and statuses:
        is_failed = RunStatus.FAILED in statuses
        status = RunStatus.FAILED if is_failed else RunStatus.RUNNING
        if all(each.is_terminal for each in statuses) and RunStatus.CANCELED in statuses:
            status = RunStatus.FAILED if is_failed else RunStatus.CANCELED
    errors = [each.error.message for each in records.values() if each.error]
    return replace(
        state,
        status=status,
        items=len(records) + len(reused),
        items_done=statuses.count(RunStatus.COMPLETED) + len(reused),
        error=state.error or (errors[0] if errors and state.run is None else None),
    )


def _reused_items(step: str, reused: Collection[str]) -> list[str]:
    return [name for name in reused if name.startswith(f"{step}[")]


def _is_complete(run: Run) -> bool:
    return run.status is RunStatus.COMPLETED


def _folder_of(run: Run, output: str) -> Path:
    """The folder of an output; that of a run at a server is fetched."""
    if run.workspace.is_remote:
        from tempfile import mkdtemp

        target = Path(mkdtemp(prefix="tandemlab-"))
        run.download_files(prefix=f"outputs/{output}/", output_directory=target)
        return target / "outputs" / output
    return run.directory / "files" / "outputs" / output
