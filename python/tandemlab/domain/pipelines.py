"""Pipelines as plain data: a graph of typed steps, and what is wrong with one.

The document of a graph (`Graph.to_dict`) is what the Python API, the R API and YAML files build,
and what the run of a pipeline keeps. Values that are not known yet stand in texts as
``${parameters.NAME}``, ``${inputs.NAME}`` and ``${outputs.NAME}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.scalars import Scalar
from tandemlab.domain.schemas import Mistake, key_of, nearest

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = re.compile(r"\$\{(parameters|inputs|outputs)\.([^{}]*)\}")
_FILE_SUFFIXES = {"table": ".arrow", "json": ".json", "file": ""}
DATA_TYPES = ("folder", "model", "file", "table", "json")
_WIDER = {"folder": {"model"}, "file": {"table", "json"}}
_PARAMETER_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "double": (int, float),
    "string": (str,),
}
_USUAL_MODE = ("mode", "direct")
PARAMETER_TYPES = tuple(_PARAMETER_TYPES)

Places: TypeAlias = Mapping[str, Any]


def is_file_type(type: str) -> bool:
    """Whether data of a type is one file; else it is a folder."""
    return type in _FILE_SUFFIXES


def accepts(wanted: str, given: str) -> bool:
    """Whether data of a type can be read as another: a table is a file, a model a folder.

    >>> accepts("file", "table"), accepts("table", "file")
    (True, False)
    """
    return wanted == given or given in _WIDER.get(wanted, ())


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a pipeline: what may differ from run to run.

    Attributes:
        type: ``boolean``, ``integer``, ``double`` or ``string``.
        default: None for one that has to be given.
    """

    type: str
    default: Scalar = None
    description: str | None = None

    @classmethod
    def of(cls, default: Scalar, description: str | None = None) -> Parameter:
        """The parameter of the type of its default.

        >>> Parameter.of(0.5).type
        'double'
        """
        kind = next((name for name, kinds in _PARAMETER_TYPES.items() if type(default) in kinds))
        return cls(kind, default, description)

    def read(self, text: str) -> Scalar:
        """The value that a person has written.

        Raises:
            InvalidInput: it is not of the parameter's type.

        >>> Parameter("integer").read("3"), Parameter("boolean").read("true")
        (3, True)
        """
        readers: dict[str, Callable[[str], Scalar]] = {
            "boolean": lambda word: {"true": True, "false": False}[word.lower()],
            "integer": int,
            "double": float,
            "string": str,
        }
        try:
            return readers[self.type](text)
        except (KeyError, ValueError):
            raise InvalidInput(f"{text!r} is no {self.type}.") from None

    def fits(self, value: object) -> bool:
        """Whether a value is of the parameter's type."""
        is_flag = isinstance(value, bool)
        return is_flag is (self.type == "boolean") and isinstance(
            value, _PARAMETER_TYPES[self.type]
        )


@dataclass(frozen=True, slots=True)
class StepInput:
    """What a step reads: the output of another step, or what is there before the pipeline runs.

    Attributes:
        step: the step whose output it is; None for what is there.
        output: the name of that output.
        settings: of what is there: ``path`` or ``dataset``, and ``mode``, as a run configuration
            has them.
        type: what the step takes it for; None for what it is.
    """

    step: str | None = None
    output: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    type: str | None = None


@dataclass(frozen=True, slots=True)
class StepOutput:
    """What a step writes.

    Attributes:
        type: ``folder``, ``model`` (a folder, too), ``file``, ``table`` (an Arrow or Parquet file)
            or ``json``.
        file: name of the file, for those that are one; None for ``NAME.arrow``, ``NAME.json`` or
            ``NAME``.
        register_as: name of the dataset that it becomes when the step completes.
    """

    type: str = "folder"
    file: str | None = None
    register_as: str | None = None

    def file_name(self, name: str) -> str | None:
        """The file inside the folder of an output of that name; None for a folder.

        >>> StepOutput("table").file_name("clean"), StepOutput("model").file_name("fit")
        ('clean.arrow', None)
        """
        if not is_file_type(self.type):
            return None
        return self.file or name + _FILE_SUFFIXES[self.type]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a step that failed is tried again.

    Attributes:
        max_retries: attempts beyond the first.
        delay_seconds: before the second attempt.
        backoff: what each further delay is multiplied by.

    >>> Retries(3, delay_seconds=10, backoff=2).delay(3)
    40.0
    """

    max_retries: int = 0
    delay_seconds: float = 0.0
    backoff: float = 1.0

    def delay(self, failed: int) -> float:
        """Seconds between the end of an attempt (1 for the first) and the next."""
        return float(self.delay_seconds * self.backoff ** (failed - 1))


@dataclass(frozen=True, slots=True)
class Function:
    """The function that a step calls, as text.

    Attributes:
        language: ``python`` or ``r``.
        name: of the function; in R of the variable that it is given.
        code: its source. It sees nothing but its arguments, and what it imports itself.
    """

    language: str
    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pipeline.

    Attributes:
        settings: how it runs, in the form of a run configuration without inputs and outputs.
        source_directory: folder that is kept and copied to where it runs; None for a function's
            alone.
        function: what it calls instead of a script or a command; its ``arguments`` are by name.
        run_after: steps that have to be done before, beside those whose outputs it reads.
        allow_reuse: whether what an equal step has made may be taken instead of running.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    source_directory: str | None = None
    inputs: Mapping[str, StepInput] = field(default_factory=dict)
    outputs: Mapping[str, StepOutput] = field(default_factory=dict)
    function: Function | None = None
    run_after: tuple[str, ...] = ()
    retries: Retries = field(default_factory=Retries)
    allow_reuse: bool = True

    @property
    def links(self) -> dict[str, StepInput]:
        """The inputs that are outputs of other steps."""
        return {name: each for name, each in self.inputs.items() if each.step is not None}

    @property
    def upstream(self) -> list[str]:
        """The steps that have to be done before."""
        linked = [each.step for each in self.links.values() if each.step is not None]
        return list(dict.fromkeys([*linked, *self.run_after]))

    @property
    def kind(self) -> str:
        """What it is, for people: ``train.R``, ``f()``, or the command's first word."""
        if self.function is not None:
            return f"{self.function.name}() in {self.function.language}"
        if "script" in self.settings:
            return str(self.settings["script"])
        command = self.settings.get("command", "")
        return " ".join(command.split()[:1] if isinstance(command, str) else map(str, command[:1]))


@dataclass(frozen=True)
class Graph:
    """A pipeline: its steps by name, and its parameters.

    >>> graph = Graph.from_dict({"steps": {
    ...     "clean": {"command": "true", "outputs": {"rows": {"type": "table"}}},
    ...     "fit": {"command": "true", "inputs": {"rows": {"step": "clean"}}},
    ... }})
    >>> graph.order, graph.mistakes()
    (['clean', 'fit'], [])
    """

    steps: Mapping[str, Step]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    name: str | None = None
    description: str | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Graph:
        """The graph of a document that conforms to the schema; short forms are written out."""
        outputs = {
            name: {key: _output(each) for key, each in (step.get("outputs") or {}).items()}
            for name, step in content["steps"].items()
        }
        return cls(
            {name: _step(step, outputs[name], outputs) for name, step in content["steps"].items()},
            {name: _parameter(each) for name, each in content.get("parameters", {}).items()},
            content.get("name"),
            content.get("description"),
        )

    def to_dict(self) -> dict[str, Any]:
        """The document, without what is as usual."""
        found = {
            "name": self.name,
            "description": self.description,
            "parameters": {
                name: _kept(type=each.type, default=each.default, description=each.description)
                for name, each in self.parameters.items()
            },
            "steps": {name: _step_document(step) for name, step in self.steps.items()},
        }
        return {key: value for key, value in found.items() if value not in (None, {})}

    @cached_property
    def order(self) -> list[str]:
        """The steps, each behind those that it needs.

        Raises:
            InvalidInput: they go in a circle.
        """
        cycle = self._cycle()
        if cycle:
            raise InvalidInput(f"The steps go in a circle: {' → '.join(cycle)}.")
        return list(TopologicalSorter(self._needs()).static_order())

    def _needs(self) -> dict[str, list[str]]:
        return {
            name: [each for each in step.upstream if each in self.steps]
            for name, step in self.steps.items()
        }

    def _cycle(self) -> list[str]:
        try:
            TopologicalSorter(self._needs()).prepare()
        except CycleError as problem:
            return list(problem.args[1])
        return []

    @cached_property
    def downstream(self) -> dict[str, list[str]]:
        """For each step, those that need it directly."""
        found: dict[str, list[str]] = {name: [] for name in self.steps}
        for name, needed in self._needs().items():
            for each in needed:
                found[each].append(name)
        return found

    def behind(self, step: str) -> set[str]:
        """The steps that need a step, directly or not, and itself."""
        found, waiting = set(), [step]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.downstream[name]
        return found

    def mistakes(self) -> list[Mistake]:
        """What is wrong with the graph as such, all of it."""
        found = [
            Mistake(("parameters", name), f"the default {each.default!r} is no {each.type}")
            for name, each in self.parameters.items()
            if each.default is not None and not each.fits(each.default)
        ]
        found += [Mistake(("steps",), "there is none")] if not self.steps else []
        for name, step in self.steps.items():
            found += self._step_mistakes(name, step)
        cycle = self._cycle()
        if cycle:
            found.append(Mistake(("steps",), f"they go in a circle: {' → '.join(cycle)}"))
        return found

    def _step_mistakes(self, name: str, step: Step) -> Iterator[Mistake]:
        here = ("steps", name)
        for each in step.run_after:
            if each not in self.steps:
                yield Mistake((*here, "run_after"), _unknown("step", each, self.steps))
        for key, given in step.links.items():
            problem = self._link_problem(given)
            if problem:
                yield Mistake((*here, "inputs", key), problem)
        known: Mapping[str, Mapping[str, Any]] = {
            "parameters": self.parameters,
            "inputs": step.inputs,
            "outputs": step.outputs,
        }
        given_settings = {each: value.settings for each, value in step.inputs.items()}
        for part, content in (*step.settings.items(), ("inputs", given_settings)):
            for text in texts_of(content):
                for kind, place in _PLACE.findall(text):
                    if place not in known[kind]:
                        word = _unknown(kind.removesuffix("s"), place, known[kind])
                        yield Mistake((*here, part), f"${{{kind}.{place}}} stands there; {word}")
        yield from _function_mistakes(here, step)

    def _link_problem(self, given: StepInput) -> str:
        assert given.step is not None
        if given.step not in self.steps:
            return _unknown("step", given.step, self.steps)
        outputs = self.steps[given.step].outputs
        if given.output is None:
            return f"which output of {given.step!r} is not said; it has {_listed(outputs)}"
        if given.output not in outputs:
            return _unknown(f"output of {given.step!r}", given.output, outputs)
        there = outputs[given.output].type
        if given.type is not None and not accepts(given.type, there):
            made = f"the output {given.output!r} of {given.step!r}"
            return f"is to be a {given.type}; {made} is a {there}"
        return ""

    def input_type(self, step: str, name: str) -> str | None:
        """What a step takes an input for; None where that is not known before it runs."""
        given = self.steps[step].inputs[name]
        if given.type is not None or given.step is None or given.output is None:
            return given.type
        return self.steps[given.step].outputs[given.output].type

    def values(self, given: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The parameters of a run: what is given, and else the defaults.

        Raises:
            InvalidInput: one is not known, of another type, or missing.
        """
        problems = []
        for name, value in given.items():
            if name not in self.parameters:
                problems.append(f"{name}: {_unknown('parameter', name, self.parameters)}")
            elif not self.parameters[name].fits(value):
                problems.append(f"{name}: {value!r} is no {self.parameters[name].type}")
        defaults = {name: each.default for name, each in self.parameters.items()}
        found = {**defaults, **given}
        problems += [
            f"{name}: has no default, and has to be given" for name in found if found[name] is None
        ]
        if problems:
            raise InvalidInput(
                f"The pipeline's parameters cannot be used. {'; '.join(problems)}.",
                details={"parameters": list(self.parameters)},
            )
        return found


def texts_of(value: Any) -> Iterator[str]:
    """All texts in plain values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts_of(item)


def fill_parameters(
    value: Any, values: Mapping[str, Scalar], write: Callable[[Scalar], str]
) -> Any:
    """Plain values with those of the parameters in them.

    Args:
        write: how a value is written inside a longer text; a text that is nothing but a parameter
            becomes its very value.

    >>> fill_parameters(["${parameters.n}", "n=${parameters.n}"], {"n": 3}, str)
    [3, 'n=3']
    """
    if isinstance(value, Mapping):
        return {key: fill_parameters(item, values, write) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill_parameters(item, values, write) for item in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value)
    if whole and whole[1] == "parameters" and whole[2] in values:
        return values[whole[2]]

    def written(found: re.Match[str]) -> str:
        is_known = found[1] == "parameters" and found[2] in values
        return write(values[found[2]]) if is_known else found[0]

    return _PLACE.sub(written, value)


def describe_mistakes(mistakes: list[Mistake]) -> list[str]:
    """Mistakes as lines: where, and what."""
    return [f"{key_of(each.path)}: {each.message}" for each in mistakes]


def _function_mistakes(here: tuple[str, str], step: Step) -> Iterator[Mistake]:
    if step.function is None:
        return
    for part in ("script", "command"):
        if part in step.settings:
            yield Mistake((*here, part), "a step has a function or this, not both")
    arguments = step.settings.get("arguments", {})
    if not isinstance(arguments, Mapping):
        yield Mistake((*here, "arguments"), "those of a function are by name")
        return
    for name in step.inputs.keys() & arguments.keys():
        yield Mistake((*here, "arguments", name), "there is an input of that name, too")


def _unknown(what: str, name: str, known: Mapping[str, Any]) -> str:
    meant = nearest(name, known)
    ending = f"did you mean {meant!r}?" if meant else f"known are {_listed(known)}"
    return f"there is no {what} {name!r}; {ending}"


def _listed(known: Mapping[str, Any]) -> str:
    return ", ".join(known) or "none"


def _parameter(content: Any) -> Parameter:
    if not isinstance(content, Mapping):
        return Parameter.of(content)
    if "type" not in content and content.get("default") is not None:
        return Parameter.of(content["default"], content.get("description"))
    return Parameter(**{"type": "string", **content})


def _output(content: Any) -> StepOutput:
    if isinstance(content, Mapping):
        return StepOutput(**content)
    return StepOutput(content or "folder")


def _step(
    content: Mapping[str, Any],
    outputs: Mapping[str, StepOutput],
    others: Mapping[str, Mapping[str, StepOutput]],
) -> Step:
    settings = dict(content)
    own = {
        "source_directory": settings.pop("source_directory", None),
        "run_after": tuple(settings.pop("run_after", ())),
        "allow_reuse": settings.pop("allow_reuse", True),
    }
    function, retries = settings.pop("function", None), settings.pop("retries", {})
    inputs = settings.pop("inputs", None) or {}
    settings.pop("outputs", None)
    retries = {"max_retries": retries} if isinstance(retries, int) else retries
    return Step(
        settings,
        inputs={name: _input(name, each, others) for name, each in inputs.items()},
        outputs=outputs,
        function=Function(**function) if function else None,
        retries=Retries(**retries),
        **own,
    )


def _input(name: str, content: Any, outputs: Mapping[str, Mapping[str, StepOutput]]) -> StepInput:
    if not isinstance(content, Mapping):
        return StepInput(settings={"path": content})
    settings = dict(content)
    kind = settings.pop("type", None)
    step, output = settings.pop("step", None), settings.pop("output", None)
    if step is None:
        return StepInput(settings=settings, type=kind)
    there = outputs.get(step, {})
    if output is None:
        output = name if name in there else next(iter(there)) if len(there) == 1 else None
    return StepInput(step, output, type=kind)


def _step_document(step: Step) -> dict[str, Any]:
    usual = Retries()
    found = {
        "source_directory": step.source_directory,
        **step.settings,
        "function": None
        if step.function is None
        else {
            "language": step.function.language,
            "name": step.function.name,
            "code": step.function.code,
        },
        "inputs": {
            name: _kept(step=each.step, output=each.output, **_unusual(each), type=each.type)
            for name, each in step.inputs.items()
        },
        "outputs": {
            name: _kept(type=each.type, file=each.file, register_as=each.register_as)
            for name, each in step.outputs.items()
        },
        "run_after": list(step.run_after),
        "retries": {
            name: getattr(step.retries, name)
            for name in ("max_retries", "delay_seconds", "backoff")
            if getattr(step.retries, name) != getattr(usual, name)
        },
        "allow_reuse": None if step.allow_reuse else False,
    }
    return {key: value for key, value in found.items() if value not in (None, {}, [])}


def _unusual(given: StepInput) -> dict[str, Any]:
    return {key: value for key, value in given.settings.items() if (key, value) != _USUAL_MODE}


def _kept(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that is ready to become a run, but for the paths of what other steps write.

    Attributes:
        definition: of the run.
        snapshot: of its source; None for none.
        target: where it runs.
        params: of the run.
    """

    definition: Mapping[str, Any]
    snapshot: str | None
    target: str
    params: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Plan:
    """A pipeline as its run keeps it: all that is needed to run it, whatever becomes of the source.

    Attributes:
        continue_on_step_failure: whether steps that do not need the failed one go on.
        taken: the runs of steps that an earlier run of the pipeline has completed, by step: these
            are not run again.
        forced: the steps that run whatever an equal step has made before.
    """

    graph: Graph
    steps: Mapping[str, PlannedStep]
    continue_on_step_failure: bool = False
    taken: Mapping[str, str] = field(default_factory=dict)
    forced: frozenset[str] = frozenset()

    def to_definition(self) -> dict[str, Any]:
        """The definition of the pipeline's run."""
        return {
            "pipeline": self.graph.to_dict(),
            "steps": {
                name: {
                    "definition": dict(each.definition),
                    "snapshot": each.snapshot,
                    "target": each.target,
                    "params": dict(each.params),
                }
                for name, each in self.steps.items()
            },
            "continue_on_step_failure": self.continue_on_step_failure,
            "taken": dict(self.taken),
            "forced": sorted(self.forced),
        }

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Plan:
        """The plan that a run's definition holds.

        Raises:
            InvalidInput: it holds none.
        """
        try:
            plan = cls(
                Graph.from_dict(definition["pipeline"]),
                {name: PlannedStep(**each) for name, each in definition["steps"].items()},
                bool(definition["continue_on_step_failure"]),
                dict(definition["taken"]),
                frozenset(definition["forced"]),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise InvalidInput(f"The run's definition holds no pipeline: {problem!r}.") from None
        mistakes = describe_mistakes(plan.graph.mistakes())
        if mistakes or plan.steps.keys() != plan.graph.steps.keys():
            raise InvalidInput(f"The run's pipeline cannot be run. {'; '.join(mistakes)}")
        return plan
