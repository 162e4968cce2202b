"""Pipelines: steps of Python, R and commands, which hand data on to each other."""

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.domain.pipelines import Retries, StepOutput
    from tandemlab.pipelines.pipeline import Pipeline
    from tandemlab.pipelines.pipeline_run import PipelineRun, StepState
    from tandemlab.pipelines.published_pipeline import PipelineEndpoint, PublishedPipeline
    from tandemlab.pipelines.steps import (
        AutoMLStep,
        CommandStep,
        DataTransferStep,
        DocumentStep,
        EstimatorStep,
        HyperDriveStep,
        ModuleStep,
        ParallelRunConfig,
        ParallelRunStep,
        PipelineData,
        PipelineParameter,
        PipelineStep,
        PythonFunctionStep,
        PythonScriptStep,
        RFunctionStep,
        RScriptStep,
        step,
    )

_PUBLISHED = "tandemlab.pipelines.published_pipeline"
_STEPS = "tandemlab.pipelines.steps"
_HOMES = {
    "AutoMLStep": _STEPS,
    "CommandStep": _STEPS,
    "DataTransferStep": _STEPS,
    "DocumentStep": _STEPS,
    "EstimatorStep": _STEPS,
    "HyperDriveStep": _STEPS,
    "ModuleStep": _STEPS,
    "ParallelRunConfig": _STEPS,
    "ParallelRunStep": _STEPS,
    "Pipeline": "tandemlab.pipelines.pipeline",
    "PipelineData": _STEPS,
    "PipelineEndpoint": _PUBLISHED,
    "PipelineParameter": _STEPS,
    "PipelineRun": "tandemlab.pipelines.pipeline_run",
    "PipelineStep": _STEPS,
    "PublishedPipeline": _PUBLISHED,
    "PythonFunctionStep": _STEPS,
    "PythonScriptStep": _STEPS,
    "RFunctionStep": _STEPS,
    "RScriptStep": _STEPS,
    "Retries": "tandemlab.domain.pipelines",
    "StepOutput": "tandemlab.domain.pipelines",
    "StepState": "tandemlab.pipelines.pipeline_run",
    "step": _STEPS,
}

__all__ = [
    "AutoMLStep",
    "CommandStep",
    "DataTransferStep",
    "DocumentStep",
    "EstimatorStep",
    "HyperDriveStep",
    "ModuleStep",
    "ParallelRunConfig",
    "ParallelRunStep",
    "Pipeline",
    "PipelineData",
    "PipelineEndpoint",
    "PipelineParameter",
    "PipelineRun",
    "PipelineStep",
    "PublishedPipeline",
    "PythonFunctionStep",
    "PythonScriptStep",
    "RFunctionStep",
    "RScriptStep",
    "Retries",
    "StepOutput",
    "StepState",
    "step",
]

__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
