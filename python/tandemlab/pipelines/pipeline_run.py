"""PipelineRun: the run of a pipeline, and the runs of its steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, InvalidState, NotFound, RunQuery, RunRecord, RunStatus
from tandemlab.domain.pipeline_plans import Plan
from tandemlab.domain.reuse import Explanation, Reason, changed_parts, has_changed
from tandemlab.domain.scalars import Scalar, as_scalars
from tandemlab.domain.schemas import nearest
from tandemlab.pipelines.driver import reused_steps
from tandemlab.pipelines.pipeline import Pipeline
from tandemlab.tracking import Run
from tandemlab.tracking.comparing import compare_sources
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


class PipelineRun(Run):
    """The run of a pipeline. Its children are the runs of its steps."""

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> PipelineRun:
        """The pipeline's run of that id.

        Raises:
            NotFound: there is no such run.
            InvalidInput: it is not the run of a pipeline.
        """
        record = workspace.get_record(run_id)
        if record.type != "pipeline":
            raise InvalidInput(
                f"Run {record.id} is the run of a {record.type}, not of a pipeline.",
                details={"run_id": record.id},
            )
        return PipelineRun(workspace, record.id, experiment=record.experiment)

    @cached_property
    def _plan(self) -> Plan:
        return Plan.of(self.record.definition)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that runs, as it was submitted."""
        return Pipeline.from_graph(self._plan.graph)

    def get_steps(self) -> list[StepState]:
        """How each step is doing, in an order in which they can run."""
        attempts: dict[str, list[RunRecord]] = {}
        for record in self.workspace.store.find_runs(RunQuery(parent=self.id, oldest_first=True)):
            attempts.setdefault(record.properties.get("step", ""), []).append(record)
        reused = self._reused()
        for name, run_id in reused.items():
            attempts[name] = [self.workspace.get_record(run_id)]
        return [
            self._state(name, attempts.get(name, []), reused=name in reused)
            for name in self._plan.graph.order
        ]

    def _reused(self) -> dict[str, str]:
        return {**self._plan.taken, **reused_steps(self.record)}

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

    def find_step_run(self, name: str) -> list[Run]:
        """The runs of the attempts at a step, the first attempt first.

        Raises:
            NotFound: the pipeline has no such step.
        """
        self._check_step(name)
        reused = self._reused()
        if name in reused:
            return [self.workspace.get_run(reused[name])]
        query = RunQuery(parent=self.id, properties={"step": name}, oldest_first=True)
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
            raise NotFound(
                f"The step {step!r} has no output {output!r}."
                if output
                else f"The step {step!r} has {len(outputs)} outputs.",
                hint=f"Its outputs are {', '.join(outputs) or 'none'}.",
            )
        run = next((run for run in self.find_step_run(step) if _is_complete(run)), None)
        if run is None:
            raise InvalidState(f"The step {step!r} of run {self.id} has not completed.")
        declared = outputs[output]
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
        reused = reused_steps(self.record)
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
            before = self.workspace.get_run(earlier)
            changes = changed_parts(before.record.definition["reuse"]["parts"], decision["parts"])
        except NotFound:  # it was deleted since
            return Explanation(step, reason, earlier)
        code = compare_sources(before, run) or () if has_changed(changes, "source") else ()
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
            each.name: each.run.id
            for each in self.get_steps()
            if each.run is not None
            and each.status is RunStatus.COMPLETED
            and each.name not in again
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
    params: Mapping[str, Scalar],
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
        params=params,
        run_id=run_id,
    )
    workspace.attend()
    return PipelineRun(workspace, run.id, experiment=experiment.name)


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
