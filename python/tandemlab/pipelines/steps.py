"""Steps of pipelines, as Python builds them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import update_wrapper
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from tandemlab.domain import InvalidInput
from tandemlab.domain.environments import Environment
from tandemlab.domain.jobs import Distribution, Output, Resources
from tandemlab.domain.pipeline_places import Place
from tandemlab.domain.pipelines import (
    AUTOML_OUTPUTS,
    DATA_TYPES,
    METRICS,
    NAME,
    PARAMETER_TYPES,
    REPORT,
    ForEach,
    Function,
    Parallel,
    Parameter,
    ParameterValue,
    Retries,
    Step,
    StepComponent,
    StepInput,
    StepOutput,
    Transfer,
)
from tandemlab.domain.schemas import nearest
from tandemlab.domain.spark import SparkConfiguration
from tandemlab.pipelines.function_sources import python_function
from tandemlab.training import RunConfiguration, ScriptRunConfig
from tandemlab.training.places import GivenInput, as_input, as_output, named_inputs, named_outputs

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from tandemlab.automl import AutoMLConfig
    from tandemlab.data import DataPath, OutputFileDatasetConfig
    from tandemlab.models import Model
    from tandemlab.sweeps import HyperDriveConfig


@dataclass(frozen=True)
class PipelineParameter(Place):
    """What may differ from run to run: it stands for its value in arguments, variables and paths.

    Attributes:
        name: letters, digits and ``_``.
        default_value: None for one that has to be given when the pipeline is submitted.
        type: ``boolean``, ``integer``, ``double``, ``string`` or ``list``; that of the default, if
            there is one, and else ``string``.

    >>> PipelineParameter("rows", 100).parameter.type
    'integer'
    """

    name: str
    default_value: ParameterValue = None
    type: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        _check_name(self.name, "parameter")
        if self.type is not None and self.type not in PARAMETER_TYPES:
            known = ", ".join(PARAMETER_TYPES)
            raise InvalidInput(f"A parameter is of the type {known}, not {self.type!r}.")

    @property
    def parameter(self) -> Parameter:
        """It as the pipeline's document has it."""
        if self.type is None and self.default_value is not None:
            return Parameter.of(self.default_value, self.description)
        return Parameter(self.type or "string", self.default_value, self.description)

    def __str__(self) -> str:
        return f"${{parameters.{self.name}}}"


@dataclass(frozen=True)
class PipelineData:
    """What a step will have written: an input of other steps (`PipelineStep.output`)."""

    step: PipelineStep
    name: str


GivenStepInput: TypeAlias = (
    "GivenInput | PipelineData | PipelineParameter | Model | Mapping[str, str | PipelineParameter]"
)
GivenStepInputs: TypeAlias = "Mapping[str, GivenStepInput] | Sequence[PipelineData]"
GivenStepOutput: TypeAlias = "StepOutput | OutputFileDatasetConfig | str | None"
GivenOutputs: TypeAlias = "Mapping[str, GivenStepOutput] | Sequence[str | OutputFileDatasetConfig]"


class StepSettings(TypedDict, total=False):
    """What all steps take, by keyword.

    Attributes:
        inputs: what it reads, by name: outputs of other steps (`PipelineStep.output`), paths,
            datasets, a `Model`, ``{"model": "NAME:VERSION"}`` or ``{"dataset": "NAME:VERSION"}``,
            whose names may be parameters, or an `Input`; or a list of outputs, which keep their
            names. A name alone means the newest version whenever it runs.
        outputs: what it writes, by name: ``"folder"`` (also None), ``"model"``, ``"dataset"``,
            ``"file"``, ``"table"`` or ``"json"``, a `StepOutput` (with a datastore for a copy,
            columns of a table …) or an `OutputFileDatasetConfig`, which may also stand among the
            arguments; or a list of names of folders, or of the latter.
        run_after: steps that have to be done before, beside those whose outputs it reads.
        retries: how often it is tried again, or `Retries`.
        allow_reuse: whether what an equal step has made may be taken instead of running.
        when: condition without which it is skipped, and with it the steps that need its outputs:
            comparisons of ``parameters.NAME`` and ``outputs.STEP.OUTPUT`` (json, with ``.KEY``
            inside it), joined by ``and``, ``or`` and ``not``.
        for_each: a list for each of whose items it runs once: the list itself, a parameter of the
            type ``list``, or the json output of a step. ``${item}`` and ``${item.KEY}`` in its
            texts are the item, and so is the environment variable ``TANDEMLAB_ITEM``. Other steps
            get its outputs together, in the list's order: json as a list, tables one below
            another, all else in a folder, by number.
        run_config: settings that several steps share; what is given beside it comes first.
        max_run_duration_seconds: an attempt is stopped and has failed after so long.
    """

    inputs: GivenStepInputs
    outputs: GivenOutputs
    run_after: Sequence[PipelineStep]
    retries: int | Retries
    allow_reuse: bool
    when: str
    for_each: Sequence[Any] | PipelineData | PipelineParameter
    run_config: RunConfiguration
    compute_target: str
    environment: Environment | str
    environment_variables: Mapping[str, str | PipelineParameter]
    interpreter: str
    max_run_duration_seconds: float
    resources: Resources
    distribution: Distribution
    spark: SparkConfiguration


class FunctionSettings(StepSettings, total=False):
    """What steps that call a function take, by keyword.

    Attributes:
        process: what it runs in: ``forked``, ``own`` or ``shared``; see `PythonFunctionStep`.
    """

    process: str


def _check_settings(
    maker: Callable[..., Any], settings: Mapping[str, Any], form: type[StepSettings]
) -> None:
    """Refuse what is no setting of a step, such as one that is misspelt."""
    known = form.__annotations__
    for name in settings.keys() - known.keys():
        others = [each for each in signature(maker).parameters if each != "settings"]
        meant = nearest(name, [*others, *known])
        raise InvalidInput(
            f"{maker.__name__} has no argument {name!r}.",
            hint=f"Did you mean {meant!r}?" if meant else f"It has {', '.join([*others, *known])}.",
            details={"argument": name},
        )


class PipelineStep:
    """A step of a pipeline; see `PythonScriptStep` and the others, which make it.

    Attributes:
        name: unique in its pipeline.
        definition: what it is, as the pipeline's document has it.
        upstream: the steps that it needs.
        parameters: those of the pipeline that it uses.
    """

    def __init__(
        self,
        name: str,
        content: Mapping[str, Any],
        source_directory: str | os.PathLike[str] | None,
        settings: StepSettings,
        function: Function | None = None,
        component: StepComponent | None = None,
    ) -> None:
        self.name = _check_name(name, "step")
        _check_settings(type(self), settings, StepSettings)
        given: dict[str, Any] = {**content, **settings}
        parts = {part: given.pop(part, None) for part in ("inputs", "outputs", "run_after")}
        retries, allow_reuse = given.pop("retries", 0), given.pop("allow_reuse", True)
        when, listed = given.pop("when", None), given.pop("for_each", None)
        base = given.pop("run_config", None) or RunConfiguration()
        taking = _Taking({**named_inputs(base.inputs), **_named(parts["inputs"] or {})})
        changes = {key: taking.take(each) for key, each in given.items() if each is not None}
        configuration = base.replace(**{**changes, "inputs": {}, "outputs": {}})
        for_each = taking.for_each(listed)
        if component is not None:
            component = replace(component, parameters=taking.take(component.parameters))
        run_after = listed_steps(parts["run_after"] or (), "run_after")
        self.upstream = (*taking.steps(), *run_after)
        if isinstance(listed, PipelineData):
            self.upstream = (*self.upstream, listed.step)
        self.definition = Step(
            configuration.to_dict(),
            None if source_directory is None else os.fspath(source_directory),
            taking.step_inputs(),
            _outputs(
                {
                    **named_outputs(base.outputs),
                    **named_step_outputs(parts["outputs"]),
                    **taking.outputs,
                }
            ),
            function,
            tuple(each.name for each in run_after),
            Retries(retries) if isinstance(retries, int) else retries,
            allow_reuse,
            when,
            for_each,
            component=component,
        )
        self.parameters = tuple(taking.parameters.values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def _with_parameters(self, content: Mapping[str, Any]) -> Any:
        """A search as plain data, whose parameters become parameters of the step."""
        taking = _Taking({})
        plain = taking.take(content)
        self.parameters = (*self.parameters, *taking.parameters.values())
        return plain

    def output(self, name: str | None = None) -> PipelineData:
        """What the step will have written, as an input of other steps.

        Args:
            name: of the output; None if it is the only one.

        Raises:
            InvalidInput: it has no such output.
        """
        there = list(self.definition.outputs)
        if name is None and len(there) == 1:
            return PipelineData(self, there[0])
        if name not in there:
            said, hint = no_such_output(self.name, name, there)
            raise InvalidInput(said, hint=hint)
        return PipelineData(self, name)


class PythonScriptStep(PipelineStep):
    """A script of Python.

    >>> clean = PythonScriptStep("clean.py", arguments={"rows": PipelineParameter("rows", 9)},
    ...                          inputs={"raw": "x.csv"}, outputs={"rows": "table"})
    >>> clean.name, clean.definition.outputs["rows"].type
    ('clean', 'table')
    """

    _suffixes: tuple[str, ...] = (".py",)

    def __init__(
        self,
        script_name: str,
        name: str | None = None,
        arguments: Sequence[Any] | Mapping[str, Any] | None = None,
        source_directory: str | os.PathLike[str] = ".",
        **settings: Unpack[StepSettings],
    ) -> None:
        if Path(script_name).suffix not in self._suffixes:
            raise InvalidInput(
                f"{script_name!r} does not end in {self._suffixes[0]}.",
                hint="PythonScriptStep takes scripts of Python, RScriptStep scripts of R.",
            )
        content = {"script": script_name, "arguments": arguments}
        super().__init__(name or name_of_script(script_name), content, source_directory, settings)


class RScriptStep(PythonScriptStep):
    """A script of R; see `PythonScriptStep`.

    >>> RScriptStep("fit.R", outputs=["model"]).output().name
    'model'
    """

    _suffixes = (".R", ".r")


@dataclass(frozen=True)
class ParallelRunConfig:
    """How a script is called for the parts of an input; see `ParallelRunStep`.

    Attributes:
        entry_script: in Python or R.
        mini_batch_size: how many files, rows or items a call gets at once.
        error_threshold: how many of them may be of mini-batches that failed, before the step has;
            -1 for any number.
        output_action: ``append_row`` puts what the calls give together; ``summary_only`` does not.
        process_count_per_node: processes; None for the processors that the step may use.
        node_count: machines; 1. For several, part the input by a step before and run this one with
            ``for_each``: each item is a run of its own, on whatever node its target has free.
        run_max_try: how often a mini-batch that fails is tried.
        run_invocation_timeout: seconds after which a call has failed; None for any time.
        source_directory: folder with the script.
    """

    entry_script: str
    mini_batch_size: int = 10
    error_threshold: int = 0
    output_action: str = "append_row"
    process_count_per_node: int | None = None
    run_max_try: int = 3
    run_invocation_timeout: float | None = None
    source_directory: str | os.PathLike[str] = "."
    node_count: int = 1

    def __post_init__(self) -> None:
        if self.output_action not in ("append_row", "summary_only"):
            raise InvalidInput(
                f"output_action is append_row or summary_only, not {self.output_action!r}."
            )
        for name, least in (("mini_batch_size", 1), ("run_max_try", 1), ("error_threshold", -1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise InvalidInput(f"{name} is a whole number from {least} on, not {value!r}.")


class ParallelRunStep(PipelineStep):
    """A script that is called for one part of an input after another, by several processes.

    The script has ``run(mini_batch)``, and ``init()`` if it likes, which each process calls once.
    A mini-batch is a list of paths for a folder, a data frame for a table, and a list for json.
    What ``run`` gives is put together in the order of the input as the one output that is a table
    (from data frames), json (from lists) or a file (from lines). A mini-batch that was finished is
    not run again when the step is tried again or the pipeline resumed. The run's metrics
    ``mini_batches``, ``mini_batches_failed`` and ``mini_batches_taken_over`` count them, and its
    file ``logs/mini_batches.json`` says which have failed, and why.

    Args:
        input: which of the inputs is parted; None for the only one.

    >>> config = ParallelRunConfig("score.py", mini_batch_size=100, error_threshold=5)
    >>> made = ParallelRunStep("score", config, inputs={"rows": "x.csv"}, outputs={"p": "table"})
    >>> made.definition.parallel.error_threshold
    5
    """

    def __init__(
        self,
        name: str,
        parallel_run_config: ParallelRunConfig,
        arguments: Sequence[Any] | Mapping[str, Any] | None = None,
        input: str | None = None,
        **settings: Unpack[StepSettings],
    ) -> None:
        given = dict(vars(parallel_run_config))
        content = {"script": given.pop("entry_script"), "arguments": arguments}
        source = given.pop("source_directory")
        super().__init__(name, content, source, settings)
        self.definition = replace(self.definition, parallel=Parallel(input=input, **given))


class DataTransferStep(PipelineStep):
    """Copies files between datastores and paths, those that are not there with the same content.

    Its output ``report`` is json: ``copied`` and ``unchanged``, names of files, and ``bytes``. What
    is read is its one input: an output of a step, a path, a dataset or a place in a datastore. The
    copy is compared each time, so that it always runs.

    Args:
        source: what is copied.
        destination: a place in a datastore (`Datastore.path`), or an absolute folder of the machine
            of the workspace.
        overwrite: whether files with another content may be replaced; else the step fails.

    >>> made = DataTransferStep("keep", source="raw", destination="/srv/backup")
    >>> made.definition.transfer.path, made.output().name
    ('/srv/backup', 'report')
    """

    def __init__(
        self,
        name: str,
        source: GivenStepInput,
        destination: DataPath | str | os.PathLike[str],
        overwrite: bool = False,
        **settings: Unpack[StepSettings],
    ) -> None:
        given = settings.copy()
        given["inputs"], given["outputs"] = {"source": source}, {REPORT: "json"}
        given["allow_reuse"] = False
        super().__init__(name, {}, ".", given)
        datastore = None if isinstance(destination, (str, os.PathLike)) else destination.datastore
        path = destination if isinstance(destination, (str, os.PathLike)) else destination.path
        transfer = Transfer(datastore, os.fspath(path), overwrite)
        self.definition = replace(self.definition, transfer=transfer, source_directory=None)


class ModuleStep(PipelineStep):
    """A published pipeline whose steps run in the place of this one, as another team keeps it.

    Its steps are named ``NAME__INNER`` in the run. A name alone means the default version at the
    moment when the pipeline is submitted or published.

    Args:
        module: ``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS`` of a published pipeline.
        arguments: values of its parameters, by name.
        inputs: parameters that are paths or datasets, by name: outputs of steps, and paths.

    >>> clean = ModuleStep("clean", "clean-rows:2", {"least": 10}, inputs={"raw": "/srv/raw.csv"})
    >>> clean.output("rows").name
    'rows'
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Mapping[str, Any] | None = None,
        inputs: GivenStepInputs | None = None,
        run_after: Sequence[PipelineStep] = (),
        when: str | None = None,
    ) -> None:
        settings: StepSettings = {"inputs": inputs or {}, "run_after": run_after}
        if when is not None:
            settings["when"] = when
        super().__init__(name, {"arguments": arguments}, None, settings)
        self.definition = replace(self.definition, module=module)

    def output(self, name: str | None = None) -> PipelineData:
        """What a step of the module will have written: ``OUTPUT``, or ``INNER.OUTPUT``.

        Raises:
            InvalidInput: no name is given.
        """
        if name is None:
            raise InvalidInput("Which output of the module it is has to be said.")
        return PipelineData(self, name)


class DocumentStep(PipelineStep):
    """A step as a pipeline's document has it, for what the other classes do not say.

    Args:
        document: its keys, as YAML has them.
        needs: the steps that it reads of, or has to run after.

    Raises:
        InvalidInput: it does not conform to the schema; all mistakes are told.

    >>> first = CommandStep("date > ${outputs.day}", "first", outputs={"day": "file"})
    >>> inputs = {"day": {"step": "first", "output": "day", "type": "file"}}
    >>> content = {"command": "cat ${inputs.day}", "inputs": inputs}
    >>> DocumentStep("second", content, needs=[first]).definition.inputs["day"].type
    'file'
    """

    def __init__(
        self, name: str, document: Mapping[str, Any], needs: Sequence[PipelineStep] = ()
    ) -> None:
        from tandemlab.pipelines.documents import read_graph

        super().__init__(name, {}, None, {"run_after": needs})
        self.definition = read_graph({"steps": {name: document}}).steps[name]


class CommandStep(PipelineStep):
    """A line for the shell, or a program with its arguments.

    >>> CommandStep("wc -l ${inputs.raw}", "count", inputs={"raw": "x.csv"}).name
    'count'
    """

    def __init__(
        self,
        command: str | Sequence[Any],
        name: str,
        source_directory: str | os.PathLike[str] = ".",
        **settings: Unpack[StepSettings],
    ) -> None:
        super().__init__(name, {"command": command}, source_directory, settings)


class EstimatorStep(PipelineStep):
    """An estimator, or any other `ScriptRunConfig`.

    >>> EstimatorStep(ScriptRunConfig("study", "train.py"), outputs={"model": "model"}).name
    'train'
    """

    def __init__(
        self,
        estimator: ScriptRunConfig,
        name: str | None = None,
        **settings: Unpack[StepSettings],
    ) -> None:
        name = name or (None if estimator.script is None else name_of_script(estimator.script))
        if name is None:
            raise InvalidInput("A step that runs a command needs a name.")
        given: StepSettings = {"run_config": estimator, **settings}
        super().__init__(name, {}, estimator.source_directory, given)


class HyperDriveStep(PipelineStep):
    """A sweep over the hyper-parameters of a script or a command.

    Its outputs are those of the best trial that has completed, and ``metrics``, a json with
    ``best`` and ``trials``: run, status, hyper-parameters and best value of the primary metric.
    Parameters of the pipeline may stand for numbers, options and limits of the sweep:
    ``choice(8, PipelineParameter("depth", 4))``, ``max_total_runs=PipelineParameter("runs", 20)``.

    >>> from tandemlab.sweeps import GridParameterSampling, HyperDriveConfig, choice
    >>> sweep = HyperDriveConfig(
    ...     ScriptRunConfig("study", "train.py"), GridParameterSampling({"n": choice(1, 2)}), "auc"
    ... )
    >>> HyperDriveStep("tune", sweep, outputs={"model": "model"}).output("metrics").name
    'metrics'
    """

    def __init__(
        self, name: str, hyperdrive_config: HyperDriveConfig, **settings: Unpack[StepSettings]
    ) -> None:
        if hyperdrive_config.resume_from or hyperdrive_config.resume_child_runs:
            raise InvalidInput("A step cannot be resumed from earlier sweeps.")
        given: StepSettings = {"run_config": hyperdrive_config.run_config, **settings}
        given["outputs"] = {METRICS: "json", **named_step_outputs(given.get("outputs"))}
        super().__init__(name, {}, hyperdrive_config.run_config.source_directory, given)
        content = self._with_parameters(hyperdrive_config.settings.to_dict())
        self.definition = replace(self.definition, sweep=content)


class AutoMLStep(PipelineStep):
    """Automated ML: looks for the best model of a table.

    Its data are inputs: ``training_data``, and ``validation_data``, where the configuration has
    them: outputs of other steps, datasets or paths. Its outputs are ``model``, ``metrics``, a json
    with those of the best trial, and ``leaderboard``, a table of all trials, the best first, whose
    ``metrics``, ``parameters`` and ``pipeline`` are json. Its run is an `AutoMLRun`. Parameters of
    the pipeline may stand for numbers, limits and lists of the configuration:
    ``iterations=PipelineParameter("iterations", 20)``.

    Raises:
        InvalidInput: data in memory, which no step reads, or no label.

    >>> from tandemlab.automl import AutoMLConfig
    >>> clean = CommandStep("clean > ${outputs.rows}", "clean", outputs={"rows": "table"})
    >>> config = AutoMLConfig("regression", clean.output(), "price", iterations=5)
    >>> AutoMLStep("search", config).output("model").name
    'model'
    """

    def __init__(
        self, name: str, automl_config: AutoMLConfig, **settings: Unpack[StepSettings]
    ) -> None:
        from tandemlab.automl.automl_files import DATA, PLACE
        from tandemlab.automl.frames import is_frame

        given: dict[str, Any] = {**settings}
        data = {key: getattr(automl_config, key) for key in DATA}
        for key, value in data.items():
            if is_frame(value):
                raise InvalidInput(
                    f"{key} is a data frame, which no step reads.",
                    hint="Give the output of another step, a dataset or a path.",
                )
        if automl_config.label_column_name is None:
            raise InvalidInput("The step does not know what to predict; give label_column_name.")
        known = {key: value for key, value in data.items() if value is not None}
        given["inputs"] = {**known, **_named(given.get("inputs") or {})}
        given["outputs"] = {**AUTOML_OUTPUTS, **_outputs(named_step_outputs(given.get("outputs")))}
        given.setdefault("compute_target", automl_config.compute_target)
        given.setdefault("environment", automl_config.environment)
        if automl_config.memory is not None:
            given.setdefault("resources", Resources(memory=automl_config.memory))
        super().__init__(name, {}, None, given)  # type: ignore[arg-type]
        content = self._with_parameters(automl_config.to_dict())
        kept = {key: value for key, value in content.items() if key not in (*DATA, *PLACE)}
        self.definition = replace(self.definition, automl=kept)


class PythonFunctionStep(PipelineStep):
    """A function of Python; `step` makes one from a function with a decorator.

    The function sees nothing but its arguments, and what it imports itself: its text goes to where
    it runs. Its arguments are, by name: the inputs (a table as a pandas frame, json as its value,
    everything else as a path), the ``arguments``, and the paths of the outputs that it writes
    itself. Outputs of steps, paths (as `pathlib.Path`), datasets and models that are given as
    ``arguments`` are inputs. What it returns becomes the other outputs, tables or json: a value for
    one, a dict for several.

    On this machine it runs in a fork of a warm process, which has started the same interpreter with
    the same variables, and has imported tandemlab (for tables, or where the function imports them,
    also numpy, pandas and pyarrow). That takes milliseconds. The fork is a process by itself: what
    the function changes, prints or breaks concerns no other step, and limits, retries and `cancel`
    work as always.

    Many small functions that get along with each other may share a process, which saves a fork for
    each. Every one still is a run with its own folder, arguments, output and variables of the
    environment; random numbers are drawn anew, threads are waited for, and modules of its source
    are forgotten. What it changes in other modules (settings of libraries, handlers of signals and
    of logging, caches) and the memory that it keeps stay for the functions after it; what it has
    registered by `atexit` runs when the process ends. A function that dies by a signal, or is
    canceled, takes the process along, and the next ones get another one.

    Args:
        function: the function, or its source.
        process: ``"forked"``; ``"shared"`` with other functions of the same pipeline's run, unless
            the step limits memory; or ``"own"``, a new interpreter, for a function that uses a
            library which must not be forked. The last is also done where the step asks for GPUs,
            several processes or a container, and on other targets.

    Raises:
        InvalidInput: its source cannot be had, or it uses names from outside.
    """

    def __init__(
        self,
        function: Callable[..., Any] | str,
        name: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        source_directory: str | os.PathLike[str] | None = None,
        process: str = "forked",
        **settings: Unpack[StepSettings],
    ) -> None:
        found = replace(python_function(function), process=process)
        values, settings = _apart(arguments, settings)
        content = {"arguments": values}
        super().__init__(name or found.name, content, source_directory, settings, found)


class RFunctionStep(PipelineStep):
    """A function of R, given as its source; as `PythonFunctionStep`, with data frames of R.

    It, too, runs in a fork of a warm process, an R that has loaded tandemlab, or in one of its own
    (``process="own"``); functions of R do not share one.

    >>> RFunctionStep("function(rows) nrow(rows)", "count", outputs={"n": "json"}).name
    'count'
    """

    def __init__(
        self,
        code: str,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        source_directory: str | os.PathLike[str] | None = None,
        process: str = "forked",
        **settings: Unpack[StepSettings],
    ) -> None:
        function = Function("r", name, code, process)
        values, settings = _apart(arguments, settings)
        super().__init__(name, {"arguments": values}, source_directory, settings, function)


def no_such_output(step: str, name: str | None, outputs: Collection[str]) -> tuple[str, str]:
    """What to say, and the hint, where an output is not there, or is not the only one.

    >>> no_such_output("fit", "modle", ["model", "scores"])
    ("The step 'fit' has no output 'modle'.", "Did you mean 'model'?")
    >>> no_such_output("fit", None, ["model", "scores"])
    ("Which output of the step 'fit' is meant has to be said.", 'Its outputs are model, scores.')
    """
    if not outputs:
        return f"The step {step!r} has no outputs.", "What it writes is named in its outputs."
    said = f"Its outputs are {', '.join(outputs)}."
    if name is None:
        return f"Which output of the step {step!r} is meant has to be said.", said
    meant = nearest(name, outputs)
    hint = f"Did you mean {meant!r}?" if meant else said
    return f"The step {step!r} has no output {name!r}.", hint


def listed_steps(given: object, what: str) -> list[PipelineStep]:
    """What has to be a list of steps.

    Raises:
        InvalidInput: it is something else.
    """
    found = [*given] if isinstance(given, Iterable) and not isinstance(given, str) else None
    for each in [given] if found is None else found:
        if found is None or not isinstance(each, PipelineStep):
            raise InvalidInput(f"{what} is a list of steps, and has no place for {each!r}.")
    return found or []


def step(**settings: Unpack[FunctionSettings]) -> Callable[[Callable[..., Any]], StepMaker]:
    """Have a function of Python make steps: calling it gives a `PythonFunctionStep`.

    >>> @step(outputs={"total": "json"})
    ... def add(left: int, right: int) -> int:
    ...     return left + right
    >>> first = add(left=1, right=PipelineParameter("right", 2))
    >>> second = add.named("again")(left=first.output(), right=3)
    >>> second.name, second.upstream == (first,)
    ('again', True)
    """
    _check_settings(step, settings, FunctionSettings)
    return lambda function: StepMaker(function, settings)


class StepMaker:
    """A function that makes steps of a pipeline when it is called; see `step`."""

    def __init__(
        self, function: Callable[..., Any], settings: FunctionSettings, name: str | None = None
    ) -> None:
        update_wrapper(self, function)
        self._function, self._settings, self._name = function, settings, name

    def named(self, name: str) -> StepMaker:
        """The same, for a step of another name."""
        return StepMaker(self._function, self._settings, name)

    def __call__(self, *values: Any, **given: Any) -> PythonFunctionStep:
        """A step that calls the function with these inputs and arguments.

        Raises:
            InvalidInput: there are more than the function takes, or one is given twice.
        """
        try:
            first = signature(self._function).bind_partial(*values).arguments
            twice = min(first.keys() & given.keys(), default=None)
            if twice is not None:
                raise TypeError(f"{twice!r} is given twice")
        except TypeError as problem:
            raise InvalidInput(
                f"{self._function.__name__}() cannot be called so: {problem}.",
                hint=f"It is {self._function.__name__}{signature(self._function)}.",
            ) from None
        arguments = {**first, **given}
        return PythonFunctionStep(self._function, self._name, arguments, **self._settings)


def _apart(
    arguments: Mapping[str, Any] | None, settings: StepSettings
) -> tuple[dict[str, Any], StepSettings]:
    """The values among the arguments of a function, and the settings with the others as inputs."""
    given = dict(arguments or {})
    inputs = {key: each for key, each in given.items() if _is_input(each)}
    values = {key: each for key, each in given.items() if key not in inputs}
    return values, {**settings, "inputs": {**_named(settings.get("inputs", {})), **inputs}}


def _is_input(value: object) -> bool:
    if isinstance(value, (PipelineData, os.PathLike)):
        return True
    return any(hasattr(value, name) for name in ("to_input", "as_named_input", "local_path"))


class _Taking:
    """Takes what stands for something else out of a step's settings.

    Attributes:
        parameters: of the pipeline, that were met.
        outputs: that were met among the arguments.
    """

    def __init__(self, inputs: Mapping[str, GivenStepInput]) -> None:
        self._inputs = dict(inputs)
        self.parameters: dict[str, PipelineParameter] = {}
        self.outputs: dict[str, OutputFileDatasetConfig] = {}

    def take(self, value: Any) -> Any:
        """A setting as plain data."""
        if isinstance(value, PipelineParameter):
            self.parameters[value.name] = value
            return str(value)
        if isinstance(value, PipelineData):
            self._inputs[value.name] = value
            return f"${{inputs.{value.name}}}"
        if hasattr(value, "to_input"):
            self._inputs[value.name] = value
            return f"${{inputs.{value.name}}}"
        if hasattr(value, "to_output"):
            self.outputs[value.name] = value
            return f"${{outputs.{value.name}}}"
        if isinstance(value, Mapping):
            return {key: self.take(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.take(item) for item in value]
        return value

    def for_each(self, value: Any) -> ForEach | None:
        """A list whose items a step runs for."""
        if value is None:
            return None
        if isinstance(value, PipelineData):
            return ForEach(step=value.step.name, output=value.name)
        if isinstance(value, PipelineParameter):
            self.take(value)
            return ForEach(parameter=value.name)
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InvalidInput(
                f"for_each is a list, a parameter or an output of a step, not {value!r}."
            )
        return ForEach(tuple(value))

    def steps(self) -> list[PipelineStep]:
        """The steps whose outputs are inputs."""
        return [each.step for each in self._inputs.values() if isinstance(each, PipelineData)]

    def step_inputs(self) -> dict[str, StepInput]:
        """The inputs as the pipeline's document has them."""
        return {name: self._input(value) for name, value in self._inputs.items()}

    def _input(self, value: GivenStepInput) -> StepInput:
        if isinstance(value, PipelineData):
            return StepInput(value.step.name, value.name)
        if isinstance(value, PipelineStep):
            raise InvalidInput(
                f"The step {value.name!r} is no input: its outputs are.",
                hint=f"{value.name}.output() is its only one, {value.name}.output(NAME) one of "
                "several; a step that has to be done before goes to run_after.",
            )
        if isinstance(value, Mapping) and value.keys() in ({"model"}, {"dataset"}):
            return StepInput(settings={key: str(self.take(each)) for key, each in value.items()})
        model = getattr(value, "id", None) if hasattr(value, "local_path") else None
        if model is not None:
            return StepInput(settings={"model": str(model)})
        place: Any = self.take(value) if isinstance(value, PipelineParameter) else value
        given = as_input(place)
        plain = RunConfiguration(inputs={"it": given}).to_dict()["inputs"]["it"]
        return StepInput(settings={"path": plain} if isinstance(plain, str) else plain)


def _named(inputs: GivenStepInputs) -> dict[str, Any]:
    if isinstance(inputs, Mapping):
        return dict(inputs)
    given: object = inputs
    if not isinstance(given, Sequence) or any(not hasattr(each, "name") for each in inputs):
        raise InvalidInput(
            f"inputs are by name, or a list of outputs of steps, not {inputs!r}.",
            hint="inputs={'rows': step.output()} or inputs=[step.output()].",
        )
    return {each.name: each for each in inputs}


def named_step_outputs(outputs: GivenOutputs | None) -> dict[str, Any]:
    """The outputs of a step by name."""
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return {
        each if isinstance(each, str) else each.name: None if isinstance(each, str) else each
        for each in outputs or ()
    }


def _outputs(outputs: Mapping[str, Any]) -> dict[str, StepOutput]:
    found = {}
    for name, value in outputs.items():
        _check_name(name, "output")
        output = _step_output(name, value)
        if output.type not in DATA_TYPES:
            raise InvalidInput(
                f"The output {name!r} is of the type {', '.join(DATA_TYPES)}, not {output.type!r}."
            )
        found[name] = output
    return found


def _step_output(name: str, value: Any) -> StepOutput:
    if isinstance(value, StepOutput):
        return value
    if not (isinstance(value, Output) or hasattr(value, "to_output")):
        return StepOutput(value or "folder")
    given = as_output(value)
    if given.path is not None and given.datastore is None:
        raise InvalidInput(
            f"The output {name!r} of a step goes to {given.path}, and not to a datastore.",
            hint="Leave the path out: then the run keeps the files, and other steps read them.",
        )
    return StepOutput(
        register_as=given.register_as,
        description=given.description,
        tags=dict(given.tags),
        table=given.table,
        datastore=given.datastore,
        path=None if given.path is None else os.fspath(given.path),
        overwrite=given.overwrite,
    )


def _check_name(name: str, what: str) -> str:
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of a {what}.", hint="Use letters, digits and '_'."
        )
    return name


def name_of_script(script: str) -> str:
    """A step's name from its script's.

    >>> name_of_script("scripts/fit-model.R")
    'fit_model'
    """
    words = re.sub(r"\W+", "_", Path(script).stem, flags=re.ASCII).strip("_")
    return words if NAME.fullmatch(words) else f"step_{words}"
