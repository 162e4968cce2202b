"""From a graph to a plan: every step checked for where it will run, and its source kept."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tandemlab.automl import AutoMLConfig
from tandemlab.automl.submitting import CODE as AUTOML
from tandemlab.automl.submitting import cpus_of
from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import Input, Output, OutputMode
from tandemlab.domain.pipeline_checks import describe_mistakes, mistakes_of
from tandemlab.domain.pipeline_places import (
    ITEM,
    PLACE,
    fill_parameters,
    has_places,
    texts_of,
    with_places,
)
from tandemlab.domain.pipeline_plans import Plan, PlannedStep
from tandemlab.domain.pipelines import (
    METRICS,
    Graph,
    ParameterValue,
    Step,
    StepInput,
    StepOutput,
    is_file_type,
)
from tandemlab.domain.problems import Problems
from tandemlab.domain.schemas import Mistake, as_sentence, conform
from tandemlab.domain.shell_lines import fill_line, value_in, variable_in
from tandemlab.domain.sweeps import SweepSettings, check_command
from tandemlab.models import Model
from tandemlab.pipelines.components import (
    COMPONENT,
    component_call,
    component_mistakes,
    component_modules_ahead,
    component_params,
    with_components,
)
from tandemlab.pipelines.function_scripts import function_script, modules_ahead
from tandemlab.pipelines.mini_batches import SCRIPT as MINI_BATCHES
from tandemlab.pipelines.transfers import SCRIPT as TRANSFER
from tandemlab.store.snapshots import SnapshotFile, put_manifest, source_files, take_snapshot
from tandemlab.sweeps.documents import sweep_settings_schema
from tandemlab.sweeps.samplers import check_packages
from tandemlab.training import RunConfiguration, ScriptRunConfig
from tandemlab.training.interpreters import Interpreters
from tandemlab.training.languages import Language, format_arguments, parameters_of

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

_SHOWN = 20  # mistakes in a message


@dataclass(frozen=True, slots=True)
class _Checked:
    """A step that could become a run.

    Attributes:
        source: the folder of what is kept; for a function a temporary one.
        paths: the files that are kept of it.
    """

    config: ScriptRunConfig
    definition: dict[str, Any]
    source: Path
    paths: list[str]


def check_graph(
    graph: Graph, workspace: Workspace | None, values: Mapping[str, ParameterValue]
) -> list[Mistake]:
    """What is wrong with a pipeline, before anything runs.

    Args:
        workspace: where it would run; None leaves out what only a workspace knows (targets,
            scripts, data, registered environments).
        values: of the parameters; those that are missing are not looked at.
    """
    mistakes = _graph_mistakes(graph, values)
    if not mistakes and workspace is not None:
        graph = with_components(graph, values)
        with _writing() as written:
            _, mistakes = _check_steps(_with_stand_ins(graph, values), workspace, values, written)
    return mistakes


def _graph_mistakes(graph: Graph, values: Mapping[str, ParameterValue]) -> list[Mistake]:
    return [*mistakes_of(graph), *component_mistakes(graph, values)]


def make_plan(
    graph: Graph,
    workspace: Workspace,
    values: Mapping[str, ParameterValue],
    *,
    continue_on_step_failure: bool = False,
) -> tuple[Plan, str]:
    """A plan, and the digest of a snapshot of all sources in it.

    In that snapshot ``STEP/`` has the source of each step, and ``STEP.json`` is the manifest of the
    step's own snapshot.

    Raises:
        InvalidInput: a step cannot be run; all mistakes are told, and nothing was changed.
    """
    mistakes = _graph_mistakes(graph, values)
    with _writing() as written:
        checked: dict[str, _Checked] = {}
        if not mistakes:
            graph = with_components(graph, values)
            checked, mistakes = _check_steps(graph, workspace, values, written)
        if mistakes:
            raise _cannot_run(describe_mistakes(mistakes))
        kept = _Sources(workspace)
        steps = {name: _planned(graph, name, each, kept, values) for name, each in checked.items()}
        plan = Plan(graph, steps, continue_on_step_failure, parameters=values)
        return plan, kept.whole()


def _cannot_run(mistakes: Sequence[str]) -> InvalidInput:
    lines = [f"The pipeline has {len(mistakes)} mistakes:", *mistakes[:_SHOWN]]
    if len(mistakes) > _SHOWN:
        lines.append(f"… and {len(mistakes) - _SHOWN} more")
    message = (
        f"The pipeline cannot be run. {as_sentence(mistakes)}"
        if len(mistakes) == 1
        else "\n  ".join(lines)
    )
    return InvalidInput(message, details={"mistakes": list(mistakes)})


def _check_steps(
    graph: Graph, workspace: Workspace, values: Mapping[str, ParameterValue], written: str
) -> tuple[dict[str, _Checked], list[Mistake]]:
    found, mistakes = {}, []
    listed: dict[Path, list[str]] = {}
    targets: dict[str, Interpreters] = {}
    for name, step in graph.steps.items():
        problems = Problems()
        with problems:
            source = _source_of(name, step, Path(written))
            models = {key: Model(workspace, each) for key, each in _models_of(step, values).items()}
            config = _configuration(graph, name, source, values, models, problems)
            definition = config.check(workspace, targets)
            for key, model in models.items():
                definition["inputs"][key]["is_sent"] = True
                definition.setdefault("input_models", {})[key] = f"{model.name}:{model.version}"
            if source == Path(written):
                paths = [str(config.script)]  # scripts of other steps are there, too
            else:
                paths = listed.get(source) or listed.setdefault(source, source_files(source))
                config.check_kept(paths)
            if step.sweep is not None:
                settings = SweepSettings.of(_sweep_of(step, values))
                check_packages(settings.sampling)
                check_command(definition, settings.sampling.space)
            found[name] = _Checked(config, definition, source, paths)
        mistakes += [Mistake(("steps", name), each.rstrip(".")) for each in problems.messages]
    return found, mistakes


def _with_stand_ins(graph: Graph, known: Mapping[str, ParameterValue]) -> Graph:
    """A graph with something that is there for the inputs that wait for parameters."""

    def is_open(given: StepInput) -> bool:
        texts = " ".join(texts_of(given.settings))
        places = [found[2] for found in PLACE.finditer(texts) if found[1] == "parameters"]
        return (
            bool(places)
            and all(each in graph.parameters for each in places)
            and (not set(places) <= known.keys())
        )

    stand_in = StepInput(settings={"path": os.path.abspath(".")})
    steps = {
        name: replace(
            step,
            inputs={key: stand_in if is_open(each) else each for key, each in step.inputs.items()},
        )
        for name, step in graph.steps.items()
    }
    return replace(graph, steps=steps)


def _writing() -> TemporaryDirectory[str]:
    """Where the scripts of functions are written, with what they need in folders of their own."""
    return TemporaryDirectory(prefix="tandemlab-")


def _source_of(name: str, step: Step, written: Path) -> Path:
    """The folder with a step's script; that of a function is made in `written`."""
    given = Path(os.path.abspath(os.path.expanduser(step.source_directory or ".")))
    script = _script_of(name, step)
    if script is None:
        return given
    made = written
    if step.source_directory is not None:
        made /= name
        for path in source_files(given):
            target = made / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(given / path, target)
        made.mkdir(exist_ok=True)
    (made / script).write_text(_script_text(step), encoding="utf-8")
    return made


def _script_of(name: str, step: Step) -> str | None:
    """The script that is written for a step; None for one that brings what it runs."""
    if step.function is not None:
        return f"{name}.{'py' if step.function.language == 'python' else 'R'}"
    if step.transfer is not None:
        return f"{name}.transfer.py"
    if step.automl is not None:
        return f"{name}.automl.py"
    if step.component is not None:
        return "component.py"  # of whatever name the step is, equal components are equal
    return None if step.parallel is None else f"{name}.mini_batches.py"


def _script_text(step: Step) -> str:
    if step.function is not None:
        return function_script(step.function)
    if step.automl is not None:
        return AUTOML
    if step.component is not None:
        return COMPONENT
    return MINI_BATCHES if step.transfer is None else TRANSFER


def _configuration(
    graph: Graph,
    name: str,
    source: Path,
    given: Mapping[str, ParameterValue],
    models: Mapping[str, Model],
    problems: Problems,
) -> ScriptRunConfig:
    """What a step runs. For what is not known yet stands what is there for certain.

    Args:
        problems: takes settings that cannot be used, without which the rest is looked at.
    """
    step = graph.steps[name]
    language = _language(step)
    texts = {
        key: json.dumps(each) if isinstance(each, list) else each for key, each in given.items()
    }
    values: Mapping[str, Any] = texts if step.function is None else given

    def write(value: Any) -> str:
        word = json.dumps(value) if isinstance(value, list) else value
        return format_arguments([word], language)[0]

    def in_line(found: re.Match[str], quote: str) -> str:
        is_known = found[1] == "parameters" and found[2] in values
        return value_in(write(values[found[2]]), quote) if is_known else found[0]

    settings = {key: fill_parameters(each, values, write) for key, each in step.settings.items()}
    if isinstance(step.settings.get("command"), str):
        filled = fill_line(step.settings["command"], PLACE, in_line)
        settings["command"] = fill_line(filled, ITEM, _item_variable).strip()
    if "environment_variables" in settings:
        settings["environment_variables"] = {
            key: each if isinstance(each, str) else write(each)
            for key, each in settings["environment_variables"].items()
        }
    if step.function is not None:
        settings["script"] = _script_of(name, step)
        settings["arguments"] = [_function_call(graph, name, settings.get("arguments", {}))]
    elif step.transfer is not None:
        settings["script"] = _script_of(name, step)
        wanted = fill_parameters(asdict(step.transfer), values, str)
        settings["arguments"] = [json.dumps({**wanted, "input": next(iter(step.inputs))})]
    elif step.component is not None:
        settings["script"] = _script_of(name, step)
        call = component_call(step, given)
        settings["arguments"] = [json.dumps(call, ensure_ascii=False)]
    elif step.automl is not None:
        settings["script"] = _script_of(name, step)
        config = _automl_of(step, given)
        content = config.to_dict()
        settings["arguments"] = [json.dumps(content)]
        cpus = None if has_places(content) else cpus_of(config)
        if cpus is not None:
            settings["resources"] = {"cpus": cpus, **settings.get("resources", {})}
    elif step.parallel is not None:
        words = format_arguments(settings.get("arguments"), language)
        settings["arguments"] = [_parallel_call(graph, name, settings), *words]
        settings["script"] = _script_of(name, step)
        if language is Language.R:
            settings.pop("interpreter", None)
    inputs = {
        key: Input(str(source)) if _is_open(each) else _given_input(step, key, values)
        for key, each in step.inputs.items()
        if key not in models
    }
    inputs |= {key: Input(str(each.local_path())) for key, each in models.items()}
    outputs = {key: _written_output(each, values) for key, each in _written(step).items()}
    configuration = _run_configuration(settings, problems)
    return ScriptRunConfig(source, run_config=configuration.replace(inputs=inputs, outputs=outputs))


def _run_configuration(settings: Mapping[str, Any], problems: Problems) -> RunConfiguration:
    try:
        return RunConfiguration.from_dict(settings)
    except InvalidInput as refused:
        keys = set(refused.details.get("keys", ()))
        if not keys & settings.keys() or keys & {"script", "command"}:
            raise
        with problems:
            raise
        return RunConfiguration.from_dict({k: settings[k] for k in settings.keys() - keys})


def _language(step: Step) -> Language:
    if step.function is not None:
        return Language(step.function.language)
    script = step.settings.get("script")
    return Language.PYTHON if script is None else Language.of(script)


def _sweep_of(step: Step, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a step's sweep says, with the values of parameters that are known."""
    filled = fill_parameters(step.sweep, values, str)
    found, mistakes = conform(filled, with_places(sweep_settings_schema()))
    if mistakes:
        raise InvalidInput(f"sweep: {'; '.join(describe_mistakes(mistakes))}.")
    return dict(found)


def _automl_of(step: Step, values: Mapping[str, Any]) -> AutoMLConfig:
    """What a step's automated ML is told, with the values of parameters that are known."""
    return AutoMLConfig.from_dict(fill_parameters(step.automl, values, str))


def _written(step: Step) -> Mapping[str, StepOutput]:
    """The outputs that the step's script has to write."""
    own = METRICS if step.sweep is not None else None
    return {key: each for key, each in step.outputs.items() if key != own}


def _written_output(given: StepOutput, values: Mapping[str, Any]) -> Output:
    """An output of a step: the run keeps it, and a copy goes to its datastore."""
    place: dict[str, Any] = {}
    if given.datastore is not None:
        path = None if given.path is None else fill_parameters(given.path, values, str)
        place = {"datastore": given.datastore, "path": path, "mode": OutputMode.UPLOAD.value}
    is_dataset = given.type != "model"
    return Output(
        register_as=given.register_as if is_dataset else None,
        description=given.description if is_dataset else None,
        tags=given.tags if is_dataset else {},
        table=given.table,
        overwrite=given.overwrite,
        **place,
    )


def _models_of(step: Step, values: Mapping[str, Any]) -> dict[str, str]:
    """The registered models among the inputs, by name of the input."""
    return {
        key: str(fill_parameters(each.settings["model"], values, str))
        for key, each in step.inputs.items()
        if "model" in each.settings
    }


def _item_variable(found: re.Match[str], quote: str) -> str:
    """What the shell knows an item of a list by."""
    return variable_in(f"TANDEMLAB_ITEM{f'_{found[1]}' if found[1] else ''}", quote)


def _is_open(given: StepInput) -> bool:
    """Whether it is not known before the pipeline runs where an input is."""
    return given.step is not None or any(ITEM.search(text) for text in texts_of(given.settings))


def _given_input(step: Step, name: str, values: Mapping[str, Any]) -> Input:
    """What is there before the pipeline runs; paths are relative to the source directory."""
    given = step.inputs[name]
    settings = fill_parameters(given.settings, values, str)
    if "path" in settings:
        path = Path(str(settings["path"])).expanduser()
        settings["path"] = os.path.abspath(Path(step.source_directory or ".", path))
        _check_type(name, Path(settings["path"]), given.type)
    return Input(**settings)


def _check_type(name: str, path: Path, type: str | None) -> None:
    if type is None or not path.exists() or path.is_file() is is_file_type(type):
        return
    there = "a file" if path.is_file() else "a folder"
    raise InvalidInput(f"The input {name!r} is to be a {type}, and {path} is {there}.")


def _function_call(graph: Graph, name: str, arguments: Mapping[str, Any]) -> str:
    step = graph.steps[name]
    return json.dumps(
        {
            "arguments": dict(arguments),
            "inputs": {key: graph.input_type(name, key) for key in step.inputs},
            "outputs": {key: each.type for key, each in step.outputs.items()},
        },
        ensure_ascii=False,
    )


def _parallel_call(graph: Graph, name: str, settings: Mapping[str, Any]) -> str:
    step = graph.steps[name]
    assert step.parallel is not None and step.parted is not None
    output = step.appended
    told = asdict(step.parallel)
    del told["node_count"]
    return json.dumps(
        {
            **told,
            "script": settings["script"],
            "interpreter": settings.get("interpreter"),
            "input": step.parted,
            "input_type": graph.input_type(name, step.parted),
            "output": output,
            "output_type": None if output is None else step.outputs[output].type,
        },
        ensure_ascii=False,
    )


def _planned(
    graph: Graph, name: str, checked: _Checked, kept: _Sources, values: Mapping[str, Any]
) -> PlannedStep:
    step = graph.steps[name]
    definition = dict(checked.definition)
    if _script_of(name, step) is not None:
        definition["source_directory"] = step.source_directory
    for key in step.links:
        del definition["inputs"][key]
    for key, given in step.inputs.items():
        if key not in step.links and _is_open(given):
            opened = _given_input(step, key, values)
            definition["inputs"][key] = {"path": opened.path, "mode": opened.mode}
    definition["required_outputs"] = {
        key: each.file_name(key) or "" for key, each in _written(step).items()
    }
    if step.sweep is not None:
        definition["sweep"] = _sweep_of(step, values)
    if step.automl is not None:
        config = _automl_of(step, values)
        definition["automl"] = config.to_dict()
        definition["cpus_per_worker"] = config.max_cores_per_iteration
    columns = {key: dict(each.columns) for key, each in step.outputs.items() if each.columns}
    if columns:
        definition["declared_columns"] = columns
    stored = definition.get("stored_outputs", {})
    if stored:
        definition["stored_outputs"] = {
            key: {**each, "is_kept": True} for key, each in stored.items()
        }
    params = None
    if step.function is not None:
        call = json.loads(definition["arguments"][0])
        params = call["arguments"]
        if step.function.process != "own":
            definition["warm"] = modules_ahead(step.function, call)
        if step.function.process == "shared":
            definition["shares_process"] = True
    elif step.component is not None:
        definition["warm"] = component_modules_ahead(step)
    if step.component is not None:
        params = component_params(step, values)
    return PlannedStep(
        definition,
        kept.keep(name, checked),
        checked.config.compute_target,
        parameters_of(definition["arguments"]) if params is None else params,
    )


class _Sources:
    """Keeps the sources of steps, each folder once."""

    def __init__(self, workspace: Workspace) -> None:
        self._blobs = workspace.place.blobs
        self._taken: dict[tuple[Path | str, ...], tuple[SnapshotFile, list[SnapshotFile]]] = {}
        self._files: list[SnapshotFile] = []

    def keep(self, name: str, checked: _Checked) -> str:
        """The digest of the snapshot of a step's source."""
        source: tuple[Path | str, ...] = (checked.source, *checked.paths)
        if source not in self._taken:
            digest, files = take_snapshot(checked.source, self._blobs, checked.paths)
            size = self._blobs.find(digest).stat().st_size
            self._taken[source] = SnapshotFile("", digest, size), files
        manifest, files = self._taken[source]
        self._files.append(replace(manifest, path=f"{name}.json"))
        self._files += [replace(file, path=f"{name}/{file.path}") for file in files]
        return manifest.digest

    def whole(self) -> str:
        """The digest of the snapshot that holds all that was kept."""
        return put_manifest(self._files, self._blobs)
