"""Pipelines that R builds, and their runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tandemlab.bridge.values import Table, Vector
from tandemlab.domain.pipeline_pictures import edges_of, levels_of
from tandemlab.domain.pipelines import ParameterValue
from tandemlab.pipelines import Pipeline
from tandemlab.pipelines.exporting import script_of
from tandemlab.pipelines.pipeline_run import PipelineRun
from tandemlab.r_interface.handles import open_experiment, open_workspace, run_handle, run_handles


def _document(document: Mapping[str, Any]) -> object:
    return json.dumps(Pipeline.from_dict(document).to_dict())


def _load(path: str) -> object:
    return json.dumps(Pipeline.load_yaml(path).to_dict())


def _save(document: Mapping[str, Any], path: str) -> object:
    return str(Pipeline.from_dict(document).save_yaml(path))


def _show(document: Mapping[str, Any]) -> object:
    """The pictures of a pipeline, and what another can be drawn from."""
    pipeline = Pipeline.from_dict(document)
    levels, edges = levels_of(pipeline.graph), edges_of(pipeline.graph)
    return {
        "tree": str(pipeline),
        "mermaid": pipeline.to_mermaid(),
        "svg": pipeline.to_svg(),
        "steps": Table({"step": list(levels), "level": list(levels.values())}),
        "edges": Table(
            {
                "from": [source for source, _, _ in edges],
                "output": [label for _, label, _ in edges],
                "to": [target for _, _, target in edges],
            }
        ),
    }


def _script(document: Mapping[str, Any], language: str) -> object:
    return script_of(Pipeline.from_dict(document).graph, language)


def _validate(
    document: Mapping[str, Any], workspace: str | None, parameters: Mapping[str, ParameterValue]
) -> object:
    place = None if workspace is None else open_workspace(workspace)
    return Vector(Pipeline.from_dict(document).validate(place, parameters), "character")


def _submit(
    workspace: str,
    experiment: str,
    document: Mapping[str, Any],
    tags: Mapping[str, str | None],
    pipeline_parameters: Mapping[str, ParameterValue],
    continue_on_step_failure: bool,
    regenerate_outputs: bool,
) -> object:
    run = open_experiment(workspace, experiment).submit(
        Pipeline.from_dict(document),
        tags,
        pipeline_parameters=pipeline_parameters,
        continue_on_step_failure=continue_on_step_failure,
        regenerate_outputs=regenerate_outputs,
    )
    return run_handle(run)


def _pipeline(workspace: str, run: str) -> object:
    return json.dumps(PipelineRun.get(open_workspace(workspace), run).pipeline.to_dict())


def _steps(workspace: str, run: str) -> object:
    steps = PipelineRun.get(open_workspace(workspace), run).get_steps()
    return Table(
        {
            "step": [each.name for each in steps],
            "status": [each.status.value for each in steps],
            "attempts": [each.attempts for each in steps],
            "reused": [each.reused for each in steps],
            "run_id": [each.run.id if each.run else None for each in steps],
            "duration": [each.duration for each in steps],
            "error": [each.error for each in steps],
            "skipped": [each.skipped for each in steps],
            "items": [each.items for each in steps],
            "items_done": [each.items_done for each in steps],
        }
    )


def _resume(workspace: str, run: str, from_step: str | None) -> object:
    return run_handle(PipelineRun.get(open_workspace(workspace), run).resume(from_step))


def _step_runs(workspace: str, run: str, step: str, item: int | None) -> object:
    return run_handles(PipelineRun.get(open_workspace(workspace), run).find_step_run(step, item))


def _output(workspace: str, run: str, step: str, output: str | None) -> object:
    type, path = PipelineRun.get(open_workspace(workspace), run).find_output(step, output)
    return {"type": type, "path": str(path)}


def _why(workspace: str, run: str, step: str) -> object:
    found = PipelineRun.get(open_workspace(workspace), run).why(step)
    return {
        "step": found.step,
        "reason": found.reason.value,
        "run": found.run,
        "changes": Vector([change.part for change in found.changes], "character"),
        "text": str(found),
    }


CALLS: dict[str, Callable[..., object]] = {
    "pipeline.document": _document,
    "pipeline.load": _load,
    "pipeline.of_run": _pipeline,
    "pipeline.output": _output,
    "pipeline.resume": _resume,
    "pipeline.save": _save,
    "pipeline.script": _script,
    "pipeline.show": _show,
    "pipeline.step_runs": _step_runs,
    "pipeline.steps": _steps,
    "pipeline.submit": _submit,
    "pipeline.validate": _validate,
    "pipeline.why": _why,
}
