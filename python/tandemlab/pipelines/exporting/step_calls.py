"""What makes each step of a pipeline: the call of a constructor, without what is as usual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.pipeline_documents import document_of
from tandemlab.domain.pipeline_places import PLACE
from tandemlab.domain.pipelines import (
    AUTOML_OUTPUTS,
    METRICS,
    REPORT,
    TRAINING_DATA,
    Graph,
    Parallel,
    Retries,
    Step,
    StepInput,
    StepOutput,
)
from tandemlab.pipelines.components import component_outputs
from tandemlab.pipelines.exporting.expressions import Call, Code, Vector
from tandemlab.pipelines.exporting.languages import Language, is_r_function
from tandemlab.pipelines.function_sources import python_function
from tandemlab.pipelines.steps import name_of_script
from tandemlab.training import RunConfiguration

_CLASSES = {  # settings that are objects in Python, and lists in R
    "resources": "Resources",
    "distribution": "Distribution",
    "spark": "SparkConfiguration",
}
_DIRECT = ("mode", "direct")
_PLAIN_AUTOML = (str, int, float, bool, Code)
_R_STEPS = {
    "PythonScriptStep": "python_script_step",
    "RScriptStep": "r_script_step",
    "CommandStep": "command_step",
    "PythonFunctionStep": "python_function_step",
    "RFunctionStep": "r_function_step",
    "ModuleStep": "module_step",
    "ComponentStep": "component_step",
    "DataTransferStep": "data_transfer_step",
    "HyperDriveStep": "hyperdrive_step",
    "AutoMLStep": "automl_step",
    "DocumentStep": "document_step",
}
_POLICIES = {
    "bandit": "BanditPolicy",
    "median_stopping": "MedianStoppingPolicy",
    "truncation_selection": "TruncationSelectionPolicy",
    "asha": "ASHAPolicy",
}


class _Unsaid(Exception):
    """No constructor says what a step has."""


class StepCalls:
    """Makes the calls that a script consists of.

    Args:
        steps: names of their variables.
        parameters: the variables of the pipeline's parameters.
        functions: of Python, that the script defines, with their code.

    Attributes:
        met: the parameters whose variables stand in calls, so that they come along.
    """

    def __init__(
        self,
        graph: Graph,
        language: Language,
        steps: Mapping[str, str],
        parameters: Mapping[str, Code],
        functions: Mapping[str, str],
    ) -> None:
        self._graph, self._language = graph, language
        self._steps, self._parameters, self._functions = steps, parameters, functions
        self._is_python = language.name == "python"
        self.met: set[str] = set()

    def call(self, name: str) -> Call:
        """What makes a step."""
        met = set(self.met)
        try:
            return self._constructor(name, self._graph.steps[name])
        except _Unsaid:
            self.met = met
            return self._from_document(name)

    def _constructor(self, name: str, step: Step) -> Call:
        makers: list[tuple[Any, Callable[[str, Step, dict[str, Any]], Call]]] = [
            (step.component, self._component),
            (step.function, self._function),
            (step.module, self._module),
            (step.transfer, self._transfer),
            (step.automl, self._automl),
            (step.sweep, self._sweep),
            (step.parallel, self._parallel),
        ]
        found = [make for value, make in makers if value is not None]
        if len(found) > 1:
            raise _Unsaid
        left = dict(step.settings)
        make = found[0] if found else self._script if "script" in left else self._command
        call = make(name, step, left)
        return Call(call.function, call.arguments, self._common(step, left, call.named))

    def _from_document(self, name: str) -> Call:
        document = document_of(Graph({name: self._graph.steps[name]}))["steps"][name]
        step = self._graph.steps[name]
        needs = [*step.run_after, *(str(each.step) for each in step.links.values())]
        if step.for_each is not None:
            needs.append(str(step.for_each.step))
        known = [each for each in dict.fromkeys(needs) if each in self._steps]
        named = {"needs": [Code(self._steps[each]) for each in known]} if known else {}
        return self._step("DocumentStep", [name, document], named)

    def _step(self, kind: str, arguments: list[Any], named: Mapping[str, Any]) -> Call:
        return Call(kind if self._is_python else _R_STEPS[kind], arguments, dict(named))

    # Kinds of steps: each takes out of the settings what its call says

    def _script(self, name: str, step: Step, left: dict[str, Any]) -> Call:
        script = left.pop("script")
        kind = {".py": "PythonScriptStep", ".R": "RScriptStep", ".r": "RScriptStep"}
        if Path(script).suffix not in kind:
            raise _Unsaid
        named = {**self._arguments(left), **self._source(step)}
        arguments = [script] if name == name_of_script(script) else [script, name]
        return self._step(kind[Path(script).suffix], arguments, named)

    def _command(self, name: str, step: Step, left: dict[str, Any]) -> Call:
        if "command" not in left or "arguments" in left:
            raise _Unsaid
        command = self._value(left.pop("command"))
        if isinstance(command, list) and not self._is_python:
            is_text = len(command) > 1 and all(isinstance(each, str) for each in command)
            command = Vector(command) if is_text else Call("list", command)
        return self._step("CommandStep", [command, name], self._source(step))

    def _function(self, name: str, step: Step, left: dict[str, Any]) -> Call:
        function = step.function
        assert function is not None
        process = {} if function.process == "forked" else {"process": function.process}
        named = {**self._by_name(left), **self._own_source(step), **process}
        if function.language == "python":
            arguments = self._python_function(name, function.name, function.code)
            return self._step("PythonFunctionStep", arguments, named)
        if function.name != name or not (self._is_python or is_r_function(function.code)):
            raise _Unsaid
        code = function.code if self._is_python else Code(function.code)
        return self._step("RFunctionStep", [code, name], named)

    def _python_function(self, name: str, function: str, code: str) -> list[Any]:
        """The function, defined in the script or as its text, and the step's name."""
        try:
            found = python_function(code)
        except InvalidInput:
            raise _Unsaid from None
        if (found.name, found.code) != (function, code):
            raise _Unsaid
        text = Code(function) if self._functions.get(function) == code else code.rstrip("\n")
        return [text] if function == name else [text, name]

    def _module(self, name: str, step: Step, left: dict[str, Any]) -> Call:
        if step.source_directory is not None:
            raise _Unsaid
        return self._step("ModuleStep", [name, step.module], self._by_name(left))

    def _component(self, name: str, step: Step, left: dict[str, Any]) -> Call:
        component = step.component
        assert component is not None
        known = component_outputs(component.name, component.version)
        if known is None or step.source_directory is not None or step.function is not None:
            raise _Unsaid
        named = {"parameters": self._value(component.parameters)} if component.parameters else {}
        outputs = {key: StepOutput(type) for key, type in known.items()}
        named["outputs"] = self._outputs(step, outputs)
        return self._step("ComponentStep", [name, component.name], named)

    def _transfer(self, name: str, step: Step, left: dict[str, Any]) -> Call:
        transfer = step.transfer
        assert transfer is not None
        is_plain = step.source_directory is None and not step.allow_reuse
        if list(step.inputs) != ["source"] or not is_plain:
            raise _Unsaid
        destination: Any = transfer.path
        if transfer.datastore is not None:
            if not self._is_python:
                raise _Unsaid  # a data_path() of R needs the datastore itself
            destination = Call("DataPath", [transfer.datastore, transfer.path])
        named: dict[str, Any] = {"overwrite": True} if transfer.overwrite else {}
        named["outputs"] = self._outputs(step, {REPORT: StepOutput("json")})
        if named["outputs"] is not None:
            raise _Unsaid
        arguments = [name, self._input(step.inputs["source"]), destination]
        said = {**named, "inputs": None, "allow_reuse": None}
        return self._step("DataTransferStep", arguments, said)

    def _parallel(self, name: str, step: Step, left: dict[str, Any]) -> Call:
        assert step.parallel is not None
        if "script" not in left:
            raise _Unsaid
        script = left.pop("script")
        usual = Parallel()
        given = {
            each.name: getattr(step.parallel, each.name)
            for each in fields(Parallel)
            if getattr(step.parallel, each.name) != getattr(usual, each.name)
        }
        parted = {"input": given.pop("input")} if "input" in given else {}
        arguments = self._arguments(left)
        if self._is_python:
            config = Call("ParallelRunConfig", [script], {**given, **self._source(step)})
            return self._step("ParallelRunStep", [name, config], {**arguments, **parted})
        first = [script] if name == name_of_script(script) else [script, name]
        named = {**given, **parted, **arguments, **self._source(step)}
        return Call("parallel_run_step", first, named)

    def _sweep(self, name: str, step: Step, left: dict[str, Any]) -> Call:
        sweep = dict(self._value(step.sweep))
        if step.source_directory is None or "metrics" not in step.outputs:
            raise _Unsaid
        runs: dict[str, Any] = {}
        for key in ("script", "command"):
            if key in left:
                runs[key] = self._value(left.pop(key))
        runs |= self._arguments(left)
        sampling = self._sampling(sweep.pop("hyperparameter_sampling"))
        metric, goal = sweep.pop("primary_metric_name"), sweep.pop("primary_metric_goal")
        policy = sweep.pop("policy", None)
        if policy is not None:
            sweep["policy"] = self._policy(policy)
        if self._is_python:
            script = [runs.pop("script")] if "script" in runs else []
            config = Call("ScriptRunConfig", [step.source_directory, *script], runs)
            goals = {} if goal == "maximize" else {"primary_metric_goal": goal}
            made = Call("HyperDriveConfig", [config, sampling, metric], {**goals, **sweep})
        else:
            script = [runs.pop("script")] if "script" in runs else []
            config = Call("script_run_config", [step.source_directory, *script], runs)
            made = Call(
                "hyperdrive_config", [sampling, metric, goal], {**sweep, "run_config": config}
            )
        named = {"outputs": self._outputs(step, {METRICS: StepOutput("json")})}
        return self._step("HyperDriveStep", [name, made], named)

    def _sampling(self, content: Mapping[str, Any]) -> Call:
        given = dict(content)
        method, space = given.pop("method"), given.pop("parameter_space")
        expressions = {key: self._expression(each) for key, each in space.items()}
        name = f"{method.capitalize()}ParameterSampling"
        return Call(
            name if self._is_python else f"{method}_parameter_sampling", [expressions], given
        )

    def _expression(self, content: Mapping[str, Any]) -> Call:
        if len(content) != 1:
            raise _Unsaid  # a condition
        ((kind, given),) = content.items()
        if kind == "choice":
            if isinstance(given, Code):
                return Call("choice", [given])
            if any(not isinstance(each, (str, int, float, bool, Code)) for each in given):
                raise _Unsaid
            return Call("choice", given if self._is_python else [list(given)])
        more = {"exponents": False} if "log" in kind and "uniform" in kind else {}
        return Call(kind, (), given if self._is_python else {**given, **more})

    def _policy(self, content: Mapping[str, Any]) -> Call:
        ((kind, given),) = content.items()
        if kind not in _POLICIES:
            raise _Unsaid
        return Call(_POLICIES[kind] if self._is_python else f"{kind}_policy", (), given)

    def _automl(self, name: str, step: Step, left: dict[str, Any]) -> Call:
        given = dict(self._value(step.automl))
        is_plain = all(
            isinstance(each, _PLAIN_AUTOML)
            or (isinstance(each, list) and all(isinstance(one, str) for one in each))
            for each in given.values()
        )
        data = {key: self._input(each) for key, each in step.inputs.items()}
        reads = all(isinstance(each, (Code, str)) for each in data.values())
        if not (is_plain and reads and TRAINING_DATA in data and step.source_directory is None):
            raise _Unsaid
        first = [given.pop("task"), data.pop(TRAINING_DATA), given.pop("label_column_name")]
        made = Call(
            "AutoMLConfig" if self._is_python else "automl_config", first, {**given, **data}
        )
        named = {"outputs": self._outputs(step, AUTOML_OUTPUTS), "inputs": None}
        return self._step("AutoMLStep", [name, made], named)

    # What steps of all kinds have

    def _common(self, step: Step, left: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of all steps; those that are said already are left as they are."""
        found: dict[str, Any] = {}
        if "inputs" not in said and step.inputs:
            found["inputs"] = self._inputs(step)
        if "outputs" not in said and step.outputs:
            found["outputs"] = self._outputs(step, {})
        if step.run_after:
            found["run_after"] = [self._variable(each) for each in step.run_after]
        if step.retries != Retries():
            found["retries"] = self._retries(step.retries)
        if "allow_reuse" not in said and not step.allow_reuse:
            found["allow_reuse"] = False
        if step.when is not None:
            found["when"] = step.when
        if step.for_each is not None:
            found["for_each"] = self._list(step)
        for key, value in left.items():
            found[key] = self._setting(key, value)
        return {
            key: found.get(key, said.get(key))
            for key in (*(each for each in said if said[each] is not None), *found)
        }

    def _variable(self, step: str) -> Code:
        if step not in self._steps:
            raise _Unsaid
        return Code(self._steps[step])

    def _setting(self, key: str, value: Any) -> Any:
        if key in _CLASSES and isinstance(value, Mapping):
            if RunConfiguration.from_dict({key: value}).to_dict().get(key) != value:
                raise _Unsaid
            return Call(_CLASSES[key], (), value) if self._is_python else dict(value)
        if key == "environment" and isinstance(value, Mapping):
            raise _Unsaid
        if key in ("arguments", "script", "command"):
            raise _Unsaid
        return self._value(value)

    def _retries(self, given: Retries) -> Any:
        more = {
            each.name: getattr(given, each.name)
            for each in fields(Retries)
            if each.name != "max_retries"
            and getattr(given, each.name) != getattr(Retries(), each.name)
        }
        if not more:
            return given.max_retries
        if self._is_python:
            return Call("Retries", [given.max_retries], more)
        return {"max_retries": given.max_retries, **more}

    def _list(self, step: Step) -> Any:
        listed = step.for_each
        assert listed is not None
        if listed.parameter is not None:
            return self._value(f"${{parameters.{listed.parameter}}}")
        if listed.step is not None:
            return self._output(listed.step, listed.output)
        return self._language.lists(list(listed.items or ()))

    def _source(self, step: Step) -> dict[str, Any]:
        """The source directory of a step that has one."""
        if step.source_directory is None:
            raise _Unsaid
        return {} if step.source_directory == "." else self._own_source(step)

    def _own_source(self, step: Step) -> dict[str, Any]:
        given = step.source_directory
        return {} if given is None else {"source_directory": given}

    def _arguments(self, left: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a script, as words or by name."""
        if "arguments" not in left:
            return {}
        given = self._value(left.pop("arguments"))
        if self._is_python or isinstance(given, Mapping):
            if not self._is_python and any(isinstance(v, (list, dict)) for v in given.values()):
                raise _Unsaid
            return {"arguments": given}
        named = [each for each in given if isinstance(each, Mapping)]
        nested = [one for each in named for one in each.values()]
        if any(isinstance(each, (list, Mapping)) for each in nested):
            raise _Unsaid
        if any(len(each) != 1 for each in named) or len(named) == len(given):
            raise _Unsaid
        return {"arguments": Call("list", given)}

    def _by_name(self, left: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a function or a module."""
        given = left.pop("arguments", {})
        return {"arguments": self._language.lists(self._value(given))} if given else {}

    def _inputs(self, step: Step) -> Any:
        given = {name: self._input(each) for name, each in step.inputs.items()}
        keep_names = all(each.output == name for name, each in step.inputs.items())
        if keep_names and step.module is None and step.component is None:
            values = list(given.values())
            return values if self._is_python else Call("list", values)
        return given

    def _input(self, given: StepInput) -> Any:
        if given.type is not None:
            raise _Unsaid
        if given.step is not None:
            return self._output(given.step, given.output)
        settings = {key: each for key, each in given.settings.items() if (key, each) != _DIRECT}
        if settings.keys() == {"path"}:
            return self._value(settings["path"])
        if settings.keys() == {"model"} or settings.keys() == {"dataset"}:
            return self._value(settings)
        if "model" in settings:
            raise _Unsaid
        if not self._is_python:
            return self._value(settings)
        path = [settings.pop("path")] if "path" in settings else []
        return Call("Input", path, settings)

    def _output(self, step: str, output: str | None) -> Code:
        if step not in self._steps or output is None:
            raise _Unsaid
        there = self._graph.steps[step].outputs
        is_only = len(there) == 1 and self._graph.steps[step].module is None
        return self._language.output(self._steps[step], None if is_only else output)

    def _outputs(self, step: Step, usual: Mapping[str, StepOutput]) -> Any:
        """The outputs that are not as usual; None if all are."""
        if not usual.keys() <= step.outputs.keys():
            raise _Unsaid
        given = {name: each for name, each in step.outputs.items() if usual.get(name) != each}
        texts = {name: each.type for name, each in given.items() if each == StepOutput(each.type)}
        if texts.keys() == given.keys():
            return (texts if self._is_python else Vector(texts)) if given else None
        return {name: texts.get(name) or self._declared(each) for name, each in given.items()}

    def _declared(self, given: StepOutput) -> Any:
        more = {
            each.name: getattr(given, each.name)
            for each in fields(StepOutput)
            if each.name != "type" and getattr(given, each.name) != getattr(StepOutput(), each.name)
        }
        for key in ("tags", "columns"):
            if key in more and not self._is_python:
                more[key] = Vector(more[key])
        if self._is_python:
            return Call("StepOutput", [] if given.type == "folder" else [given.type], more)
        return {**({} if given.type == "folder" else {"type": given.type}), **more}

    def _value(self, value: Any) -> Any:
        """A plain value in which the variables of parameters stand for these."""
        if isinstance(value, Mapping):
            return {key: self._value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._value(each) for each in value]
        place = PLACE.fullmatch(value) if isinstance(value, str) else None
        if place is None or place[1] != "parameters" or place[2] not in self._parameters:
            return value
        self.met.add(place[2])
        return self._parameters[place[2]]
