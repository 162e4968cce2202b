"""Of which class a run's handle is: some types have one of their own, above this layer."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tandemlab.domain import RunRecord

if TYPE_CHECKING:
    from tandemlab.tracking import Run, Workspace

_CLASSES = {
    "automl": "tandemlab.automl.automl_run:AutoMLRun",
    "pipeline": "tandemlab.pipelines.pipeline_run:PipelineRun",
    "sweep": "tandemlab.sweeps.sweep_run:HyperDriveRun",
}


def handle_of(workspace: Workspace, record: RunRecord) -> Run:
    """The handle of a run: a `Run`, or what its type has instead."""
    module, _, name = _CLASSES.get(record.type, "tandemlab.tracking.run:Run").partition(":")
    found: Run = getattr(import_module(module), name)(
        workspace, record.id, experiment=record.experiment
    )
    return found
