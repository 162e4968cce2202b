"""What schedules run: made from what a person gives, and submitted when it is due."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tandemlab.domain import FileRecord, InvalidInput, NotFound
from tandemlab.domain.asset_names import AssetReference
from tandemlab.domain.jobs import Input
from tandemlab.domain.recurrence import ScheduleRecurrence
from tandemlab.domain.schedules import (
    RUN_OF,
    SLOT,
    Action,
    DatasetTrigger,
    DataTrigger,
    Firing,
    PipelineAction,
    ScheduleDefinition,
    ScriptAction,
)
from tandemlab.pipelines import PipelineEndpoint, PublishedPipeline
from tandemlab.pipelines.published_pipeline import parameter_values
from tandemlab.pipelines.publishing import KIND as PIPELINE
from tandemlab.pipelines.publishing import not_data, path_parameters
from tandemlab.store.snapshots import read_manifest, restore_snapshot, source_files, take_snapshot
from tandemlab.training import RunConfiguration, ScriptRunConfig
from tandemlab.training.places import as_input, named_inputs

if TYPE_CHECKING:
    from tandemlab.tracking import Run, Workspace

_PLACES = ("${slot.date}", "${slot}")


def make_action(
    workspace: Workspace,
    config: object,
    parameters: Mapping[str, Any],
    *,
    continue_on_step_failure: bool | None,
    data_parameter: str | None,
) -> tuple[Action, list[FileRecord]]:
    """What a schedule runs, checked, and the contents that have to be kept for it.

    Args:
        config: the name of a published pipeline, a `PublishedPipeline`, which stays the version
            that it is, a `PipelineEndpoint`, or a `ScriptRunConfig`.

    Raises:
        InvalidInput: it could not be run, or is nothing of that kind.
        NotFound: there is no such pipeline.
    """
    if isinstance(config, ScriptRunConfig):
        if parameters or continue_on_step_failure is not None:
            raise InvalidInput("A script has no parameters of a pipeline.")
        return _script_action(workspace, config, data_parameter)
    if isinstance(config, PipelineEndpoint):
        config = config.name
    if isinstance(config, PublishedPipeline):
        reference, found = config.id, config
    elif isinstance(config, str):
        reference, found = config, PublishedPipeline.get(workspace, config)
    else:
        raise InvalidInput(
            f"A schedule runs a published pipeline or a script, not a {type(config).__name__}.",
            hint="Publish a pipeline first.",
        )
    given = parameter_values(parameters)
    _check_parameters(found, given, data_parameter)
    return PipelineAction(reference, given, continue_on_step_failure), []


def _check_parameters(
    found: PublishedPipeline, given: Mapping[str, Any], data_parameter: str | None
) -> None:
    known = found.template.graph.parameters
    if data_parameter is not None and data_parameter not in known:
        raise InvalidInput(
            f"The pipeline {found.name!r} has no parameter {data_parameter!r}.",
            hint=f"It has {', '.join(known) or 'none'}.",
        )
    if data_parameter in path_parameters(found.template.graph):
        raise not_data(str(data_parameter))
    values = dict(given)
    if data_parameter is not None:
        values.setdefault(data_parameter, "")
    found.template.graph.values(values)


def _script_action(
    workspace: Workspace, config: ScriptRunConfig, data_input: str | None
) -> tuple[ScriptAction, list[FileRecord]]:
    source = Path(os.path.abspath(Path(config.source_directory).expanduser()))
    inputs = {
        name: _absolute(as_input(each), source)
        for name, each in named_inputs(config.inputs).items()
    }
    if data_input is not None and data_input not in inputs:
        raise InvalidInput(
            f"The script has no input {data_input!r}.",
            hint=f"It has {', '.join(inputs) or 'none'}; what has changed takes the place of one.",
        )
    config = config.replace(inputs=inputs)
    config.check(workspace)
    paths = source_files(source)
    config.check_kept(paths)
    blobs = workspace.place.blobs
    digest, _ = take_snapshot(source, blobs, paths)
    files = [FileRecord("source.json", digest, blobs.find(digest).stat().st_size)]
    files += [
        FileRecord(f"source/{each.path}", each.digest, each.size)
        for each in read_manifest(digest, blobs)
    ]
    return ScriptAction(config.to_dict(), digest, str(source)), files


def _absolute(given: Input, source: Path) -> Input:
    if not given.path:
        return given
    return replace(given, path=os.path.abspath(source / Path(given.path).expanduser()))


def are_contents_here(workspace: Workspace, definition: ScheduleDefinition) -> bool:
    """Whether this folder has the sources of what is run: others may share its database alone."""
    blobs, action = workspace.place.blobs, definition.action
    try:
        if isinstance(action, PipelineAction):
            found = PublishedPipeline.get(workspace, action.pipeline).template
            sources = [*found.sources.values()]
        else:
            sources = [action.source]
        for source in sources:
            for file in read_manifest(source, blobs):
                blobs.find(file.digest)
    except NotFound as problem:
        return problem.details.get("what") == PIPELINE  # which is told when it is submitted
    return True


def submit(workspace: Workspace, definition: ScheduleDefinition, firing: Firing) -> Run:
    """Queue the run of a firing."""
    properties = {RUN_OF: firing.schedule, SLOT: firing.slot}
    options: dict[str, Any] = {"run_id": firing.run_id, "properties": properties}
    experiment = workspace.experiment(definition.experiment)
    action = definition.action
    if isinstance(action, PipelineAction):
        values = {
            name: _filled(each, definition, firing) for name, each in action.parameters.items()
        }
        if definition.data_parameter is not None:
            values[definition.data_parameter] = _changed(definition, firing)
        return experiment.submit(
            PublishedPipeline.get(workspace, action.pipeline),
            definition.tags,
            pipeline_parameters=values,
            continue_on_step_failure=action.continue_on_step_failure,
            **options,
        )
    with TemporaryDirectory(prefix="tandemlab-") as folder:
        restore_snapshot(action.source, Path(folder), workspace.place.blobs)
        settings = RunConfiguration.from_dict(action.configuration)
        if definition.data_parameter is not None:
            changed = Input(dataset=_changed(definition, firing), mode="mount")
            settings = settings.replace(
                inputs={**named_inputs(settings.inputs), definition.data_parameter: changed}
            )
        config = ScriptRunConfig(folder, run_config=settings)
        origin = {"source_directory": action.source_directory or folder}
        run = config.queue(experiment, definition.tags, **options, settings=origin)
    workspace.attend()
    return run


def _filled(value: Any, definition: ScheduleDefinition, firing: Firing) -> Any:
    """A value with the time at which it was due: ``${slot}``, or ``${slot.date}``."""
    if not isinstance(value, str) or not any(place in value for place in _PLACES):
        return value
    trigger = definition.trigger
    zone = trigger.zone if isinstance(trigger, ScheduleRecurrence) else ZoneInfo("UTC")
    local = firing.due.astimezone(zone)
    texts = (local.date().isoformat(), local.isoformat(timespec="seconds"))
    for place, text in zip(_PLACES, texts, strict=True):
        value = value.replace(place, text)
    return value


def _changed(definition: ScheduleDefinition, firing: Firing) -> str:
    """What has changed, as a dataset."""
    trigger = definition.trigger
    if isinstance(trigger, DatasetTrigger):
        version = firing.data.get("version")
        return f"{trigger.dataset}:{version}" if version else trigger.dataset
    assert isinstance(trigger, DataTrigger)
    paths: Sequence[str] = firing.data.get("files") or [trigger.path]
    return _dataset_of(trigger.datastore, paths)


def _dataset_of(datastore: str, paths: Sequence[str]) -> str:
    from tandemlab.data.definition import DataPath, Definition, Source
    from tandemlab.data.file_dataset import FileDataset

    places = tuple(DataPath(datastore, path) for path in paths)
    dataset = as_input(FileDataset(Definition(Source("files", places)))).dataset
    assert isinstance(dataset, str)
    return dataset


def check_circle(
    name: str, trigger: object, action: Action, others: Mapping[str, ScheduleDefinition]
) -> None:
    """Refuse schedules that would start each other without end.

    Args:
        others: the definitions of all schedules by name.

    Raises:
        InvalidInput: what this one runs leads to what it waits for.
    """
    from tandemlab.domain.schedules import AfterTrigger

    known = {**others}
    waits = {**{key: each.trigger for key, each in known.items()}, name: trigger}
    runs = {**{key: each.action for key, each in known.items()}, name: action}
    seen, reached = set(), [name]
    while reached:
        current = reached.pop()
        made = runs[current]
        pipeline = (
            AssetReference.of(made.pipeline, kind="pipeline").name
            if isinstance(made, PipelineAction)
            else None
        )
        for key, each in waits.items():
            if not isinstance(each, AfterTrigger):
                continue
            if each.schedule == current or (pipeline is not None and each.pipeline == pipeline):
                if key == name:
                    raise InvalidInput(
                        f"The schedule {name!r} would start itself again without end.",
                        hint="Have it fire after something that it does not lead to.",
                    )
                if key not in seen:
                    seen.add(key)
                    reached.append(key)
