"""Pipelines as plain data: a graph of typed steps.

The Python API, the R API and YAML files build the same one (`domain.pipeline_documents`), and the
run of a pipeline keeps it. Values that are not known yet stand in texts as ``${parameters.NAME}``,
``${inputs.NAME}`` and ``${outputs.NAME}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.filters import Filter, fields_of, parse_condition
from tandemlab.domain.scalars import Scalar
from tandemlab.domain.schemas import Mistake, as_sentence, unknown_name

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE_SUFFIXES = {"table": ".arrow", "json": ".json", "file": ""}
DATA_TYPES = ("folder", "model", "dataset", "file", "table", "json")
_WIDER = {"folder": {"model", "dataset"}, "file": {"table", "json"}}
_PARAMETER_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "double": (int, float),
    "string": (str,),
    "list": (list,),
}
COLUMN_TYPES = ("boolean", "integer", "double", "string", "date", "datetime")
PARAMETER_TYPES = tuple(_PARAMETER_TYPES)

ParameterValue: TypeAlias = "Scalar | list[Any]"


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
        type: ``boolean``, ``integer``, ``double``, ``string`` or ``list``, whose items are plain
            values of any kind.
        default: None for one that has to be given.
    """

    type: str
    default: ParameterValue = None
    description: str | None = None

    @classmethod
    def of(cls, default: ParameterValue, description: str | None = None) -> Parameter:
        """The parameter of the type of its default.

        >>> Parameter.of(0.5).type
        'double'
        """
        kind = next((name for name, kinds in _PARAMETER_TYPES.items() if type(default) in kinds))
        return cls(kind, default, description)

    def read(self, text: str) -> ParameterValue:
        """The value that a person has written, a list as JSON; None if it is of another type.

        >>> Parameter("integer").read("3"), Parameter("boolean").read("true")
        (3, True)
        """
        readers: dict[str, Callable[[str], ParameterValue]] = {
            "boolean": lambda word: {"true": True, "false": False}[word.lower()],
            "integer": int,
            "double": float,
            "string": str,
            "list": json.loads,
        }
        try:
            value = readers[self.type](text)
        except (KeyError, ValueError):
            return None
        return value if self.fits(value) else None

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
            has them, or ``model``, a registered one: ``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS``.
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
        type: ``folder``, ``model`` and ``dataset`` (folders, too), ``file``, ``table`` (an Arrow or
            Parquet file) or ``json``.
        file: name of the file, for those that are one; None for ``NAME.arrow``, ``NAME.json`` or
            ``NAME``.
        register_as: name of the dataset, of the model for a model, that it becomes when the step
            completes.
        description: of that.
        tags: of that dataset.
        table: how its files are read where that dataset is a table, as `domain.jobs.Output` has it.
        datastore: name of a datastore that a copy of it goes to when the step completes.
        path: in the datastore, with ``{run-id}`` and ``{output-name}`` for these; None for
            ``dataset/{run-id}/{output-name}``.
        overwrite: whether the copy may replace other files there.
        columns: of a table, by name: ``boolean``, ``integer``, ``double``, ``string``, ``date`` or
            ``datetime``; None for any. A table with others fails the step.
    """

    type: str = "folder"
    file: str | None = None
    register_as: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    table: Mapping[str, Any] | None = None
    datastore: str | None = None
    path: str | None = None
    overwrite: bool = False
    columns: Mapping[str, str] | None = None

    def file_name(self, name: str) -> str | None:
        """The file inside the folder of an output of that name; None for a folder.

        >>> StepOutput("table").file_name("clean"), StepOutput("model").file_name("fit")
        ('clean.arrow', None)
        """
        if not is_file_type(self.type):
            return None
        return self.file or name + _FILE_SUFFIXES[self.type]

    def gathered(self) -> StepOutput:
        """What the outputs of a step that ran for each item of a list become together.

        Json becomes a list, tables one below another; all else is in a folder, by number.

        >>> StepOutput("json").gathered().type, StepOutput("file").gathered().type
        ('json', 'folder')
        """
        return self if self.type in ("json", "table") else StepOutput()


@dataclass(frozen=True, slots=True)
class ForEach:
    """The list for whose items a step runs: one of these.

    Attributes:
        items: the list itself.
        parameter: a parameter of the pipeline that is a list.
        step: a step whose ``output`` is a list, as json.
    """

    items: tuple[Any, ...] | None = None
    parameter: str | None = None
    step: str | None = None
    output: str | None = None


@dataclass(frozen=True, slots=True)
class Parallel:
    """How a step's script is called for one part of its input after another, by several processes.

    Attributes:
        input: the input that is parted: files of a folder, rows of a table, items of a json list;
            None for the only one.
        mini_batch_size: how many files, rows or items `run` gets at once.
        process_count_per_node: processes; None for the processors that the step may use.
        node_count: machines; 1, since each item of a list (`for_each`) may have one of its own.
        run_max_try: how often a mini-batch that fails is tried.
        run_invocation_timeout: seconds after which a call has failed; None for any time.
        error_threshold: how many files, rows or items may be of mini-batches that failed; -1 for
            any number.
        output_action: ``append_row``: what the calls give is put together in the order of the
            input, as the one output that is a table, json or file; ``summary_only``: it is not
            kept.
    """

    input: str | None = None
    mini_batch_size: int = 10
    process_count_per_node: int | None = None
    node_count: int = 1
    run_max_try: int = 3
    run_invocation_timeout: float | None = None
    error_threshold: int = 0
    output_action: str = "append_row"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where a step copies its one input: files that are there with the same content stay.

    Attributes:
        datastore: name of the datastore; None for a folder of the machine of the workspace.
        path: in the datastore, or that folder.
        overwrite: whether files with another content may be replaced.
    """

    datastore: str | None = None
    path: str = ""
    overwrite: bool = False


REPORT = "report"  # the output of a transfer: what was copied, as json
METRICS = "metrics"  # the output of a sweep, beside those of its best trial: all trials, as json
TRAINING_DATA = "training_data"  # the input of automated ML, beside validation_data


# The outputs of automated ML: the best model, its metrics, and all trials, the best first.
AUTOML_OUTPUTS: Mapping[str, StepOutput] = {
    "model": StepOutput("model"),
    METRICS: StepOutput("json"),
    "leaderboard": StepOutput("table"),
}


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

    def __post_init__(self) -> None:
        for name, least in (("max_retries", 0), ("delay_seconds", 0), ("backoff", 1)):
            if not getattr(self, name) >= least:
                raise InvalidInput(f"{name} is {least} or more, not {getattr(self, name)!r}.")

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
        process: what it runs in: ``forked``, a fork for it alone of a process that has loaded what
            functions need; ``own``, an interpreter that is started for it; or ``shared``, such a
            fork that runs functions of the same pipeline's run one after the other.
    """

    language: str
    name: str
    code: str
    process: str = "forked"


@dataclass(frozen=True, slots=True)
class StepComponent:
    """The component of the designer that a step runs.

    Attributes:
        name: of the component.
        version: that the parameters are meant for.
        parameters: by name; what is not given is as usual.
    """

    name: str
    version: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)


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
        when: condition without which it is skipped, such as ``parameters.rows > 100`` or
            ``outputs.check.verdict.ok = true``; see `domain.filters`.
        for_each: the list for each of whose items it runs once: ``${item}`` and ``${item.KEY}``
            stand for the item in its texts.
        parallel: how its script is called for the parts of an input; None for one plain run.
        transfer: where it copies its input, instead of running a script.
        sweep: what a sweep says beside its run configuration, for a step that searches: then the
            step is a trial, and its outputs are those of the best one.
        automl: what automated ML is told beside its data, which are inputs, and where it runs.
        module: a published pipeline, ``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS``, whose steps run
            in its place; its parameters are the step's ``arguments`` and inputs.
        component: the component that it runs; its ports are the inputs and outputs. One that calls
            a function has that as well, once the pipeline is planned.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    source_directory: str | None = None
    inputs: Mapping[str, StepInput] = field(default_factory=dict)
    outputs: Mapping[str, StepOutput] = field(default_factory=dict)
    function: Function | None = None
    run_after: tuple[str, ...] = ()
    retries: Retries = field(default_factory=Retries)
    allow_reuse: bool = True
    when: str | None = None
    for_each: ForEach | None = None
    parallel: Parallel | None = None
    transfer: Transfer | None = None
    sweep: Mapping[str, Any] | None = None
    automl: Mapping[str, Any] | None = None
    module: str | None = None
    component: StepComponent | None = None

    @property
    def parted(self) -> str | None:
        """The input that a parallel run parts; None if it is not said which."""
        if self.parallel is None or self.parallel.input is not None or len(self.inputs) != 1:
            return self.parallel.input if self.parallel else None
        return next(iter(self.inputs))

    @property
    def appended(self) -> str | None:
        """The output that a parallel run puts together; None for none."""
        if self.parallel is None or self.parallel.output_action != "append_row":
            return None
        files = [name for name, each in self.outputs.items() if is_file_type(each.type)]
        return files[0] if len(files) == 1 else None

    @property
    def is_call(self) -> bool:
        """Whether its one argument says in JSON what is called: a function, or a component."""
        return self.function is not None or self.component is not None

    @property
    def condition(self) -> Filter | None:
        """What `when` says.

        Raises:
            InvalidInput: it cannot be read.
        """
        return None if self.when is None else parse_condition(self.when)

    @property
    def asks(self) -> list[tuple[str, str]]:
        """The outputs, as step and name, that its condition and its list come from."""
        found = []
        with suppress(InvalidInput):
            for field in fields_of(self.condition) if self.condition else ():
                if field.group == "outputs":
                    step, _, rest = field.name.partition(".")
                    found.append((step, rest.partition(".")[0]))
        if self.for_each is not None and self.for_each.step is not None:
            found.append((self.for_each.step, self.for_each.output or ""))
        return found

    @property
    def links(self) -> dict[str, StepInput]:
        """The inputs that are outputs of other steps."""
        return {name: each for name, each in self.inputs.items() if each.step is not None}

    @property
    def upstream(self) -> list[str]:
        """The steps that have to be done before."""
        linked = [each.step for each in self.links.values() if each.step is not None]
        asked = [step for step, _ in self.asks]
        return list(dict.fromkeys([*linked, *asked, *self.run_after]))

    @property
    def kind(self) -> str:
        """What it is, for people: ``train.R``, ``f()``, or the command's first word."""
        if self.component is not None:
            return self.component.name
        if self.function is not None:
            return f"{self.function.name}() in {self.function.language}"
        if self.module is not None:
            return self.module
        if self.transfer is not None:
            return f"copy to {self.transfer.datastore or self.transfer.path}"
        if self.automl is not None:
            return f"automated {self.automl['task']}"
        if "script" in self.settings:
            script = str(self.settings["script"])
            return script if self.sweep is None else f"sweep of {script}"
        command = self.settings.get("command", "")
        return " ".join(command.split()[:1] if isinstance(command, str) else map(str, command[:1]))


@dataclass(frozen=True)
class Graph:
    """A pipeline: its steps by name, and its parameters.

    >>> clean = Step(outputs={"rows": StepOutput("table")})
    >>> fit = Step(inputs={"rows": StepInput("clean", "rows")})
    >>> graph = Graph({"fit": fit, "clean": clean})
    >>> graph.order, graph.input_type("fit", "rows")
    (['clean', 'fit'], 'table')
    """

    steps: Mapping[str, Step]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    name: str | None = None
    description: str | None = None

    @cached_property
    def order(self) -> list[str]:
        """The steps, each behind those that it needs.

        Raises:
            InvalidInput: they go in a circle.
        """
        if self.cycle:
            raise InvalidInput(f"The steps go in a circle: {' → '.join(self.cycle)}.")
        return list(TopologicalSorter(self.needs).static_order())

    @cached_property
    def needs(self) -> dict[str, list[str]]:
        """For each step, those that it needs directly."""
        return {
            name: [each for each in step.upstream if each in self.steps]
            for name, step in self.steps.items()
        }

    @cached_property
    def cycle(self) -> list[str]:
        """Steps that need each other, the first once more at the end; empty if there are none."""
        try:
            TopologicalSorter(self.needs).prepare()
        except CycleError as problem:
            return list(problem.args[1])
        return []

    @cached_property
    def downstream(self) -> dict[str, list[str]]:
        """For each step, those that need it directly."""
        found: dict[str, list[str]] = {name: [] for name in self.steps}
        for name, needed in self.needs.items():
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

    def input_type(self, step: str, name: str) -> str | None:
        """What a step takes an input for; None where that is not known before it runs."""
        given = self.steps[step].inputs[name]
        if given.type is not None or given.step is None or given.output is None:
            return given.type
        if given.output not in self.steps[given.step].outputs:  # of a module, which is not here yet
            return None
        return self.output(given.step, given.output).type

    def output(self, step: str, name: str) -> StepOutput:
        """What other steps get of an output: gathered, where the step runs for each of a list."""
        made = self.steps[step].outputs[name]
        return made if self.steps[step].for_each is None else made.gathered()

    def read(self, given: Mapping[str, str]) -> dict[str, ParameterValue]:
        """Values of parameters that a person has written, as `values` takes them.

        What cannot be read stays as it was written, for `values` to refuse.
        """
        read = {
            name: each.read(given[name]) for name, each in self.parameters.items() if name in given
        }
        return {
            name: text if read.get(name) is None else read[name] for name, text in given.items()
        }

    def value_mistakes(self, given: Mapping[str, ParameterValue]) -> list[Mistake]:
        """Values of parameters that are not known, or of another type."""
        found = []
        for name, value in given.items():
            if name not in self.parameters:
                problem = unknown_name("parameter", name, self.parameters)
                found.append(Mistake(("parameters", name), problem))
            elif not self.parameters[name].fits(value):
                problem = f"{value!r} is no {self.parameters[name].type}"
                found.append(Mistake(("parameters", name), problem))
        return found

    def values(self, given: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
        """The parameters of a run: what is given, and else the defaults.

        Raises:
            InvalidInput: one is not known, of another type, or missing.
        """
        problems = [f"{each.path[-1]}: {each.message}" for each in self.value_mistakes(given)]
        defaults = {name: each.default for name, each in self.parameters.items()}
        found = {**defaults, **given}
        problems += [
            f"{name}: has no default, and has to be given" for name in found if found[name] is None
        ]
        if problems:
            raise InvalidInput(
                f"The pipeline's parameters cannot be used. {as_sentence(problems)}",
                details={"parameters": list(self.parameters)},
            )
        return found
