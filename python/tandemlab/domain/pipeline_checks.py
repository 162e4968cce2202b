"""What is wrong with the graph of a pipeline."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.filters import fields_of
from tandemlab.domain.pipeline_places import ITEM, PLACE, fill_parameters, texts_of
from tandemlab.domain.pipelines import (
    AUTOML_OUTPUTS,
    METRICS,
    REPORT,
    TRAINING_DATA,
    Function,
    Graph,
    Step,
    StepInput,
    StepOutput,
    accepts,
)
from tandemlab.domain.schemas import Mistake, key_of, unknown_name
from tandemlab.domain.sweeps import SweepSettings


def mistakes_of(graph: Graph) -> list[Mistake]:
    """What is wrong with the graph as such, all of it."""
    found = [
        Mistake(("parameters", name), f"the default {each.default!r} is no {each.type}")
        for name, each in graph.parameters.items()
        if each.default is not None and not each.fits(each.default)
    ]
    found += [Mistake(("steps",), "there is none")] if not graph.steps else []
    for name, step in graph.steps.items():
        found += _step_mistakes(graph, name, step)
    if graph.cycle:
        found.append(Mistake(("steps",), f"they go in a circle: {' → '.join(graph.cycle)}"))
    return found


def _process_problem(function: Function) -> str:
    known = ("forked", "own", "shared") if function.language == "python" else ("forked", "own")
    if function.process in known:
        return ""
    if function.process == "shared":
        return "functions of R do not share a process; leave it out for a fork of a warm one"
    return unknown_name("such process", function.process, known)


def _step_mistakes(graph: Graph, name: str, step: Step) -> Iterator[Mistake]:
    here = ("steps", name)
    for each in step.run_after:
        if each not in graph.steps:
            yield Mistake((*here, "run_after"), unknown_name("step", each, graph.steps))
    for key, given in step.links.items():
        problem = _link_problem(graph, given)
        if problem:
            yield Mistake((*here, "inputs", key), problem)
    if step.function is not None and (problem := _process_problem(step.function)):
        yield Mistake((*here, "function", "process"), problem)
    known: Mapping[str, Mapping[str, Any]] = {
        "parameters": graph.parameters,
        "inputs": step.inputs,
        "outputs": step.outputs,
    }
    given_settings = {each: value.settings for each, value in step.inputs.items()}
    component = None if step.component is None else step.component.parameters
    others = (
        ("inputs", given_settings),
        ("sweep", step.sweep),
        ("automl", step.automl),
        ("component", component),
    )
    for part, content in (*step.settings.items(), *others):
        for text in texts_of(content):
            for kind, place in PLACE.findall(text):
                if place not in known[kind]:
                    word = unknown_name(kind.removesuffix("s"), place, known[kind])
                    yield Mistake((*here, part), f"${{{kind}.{place}}} stands there; {word}")
    yield from _condition_mistakes(graph, here, step)
    yield from _list_mistakes(graph, here, step)
    for key, output in step.outputs.items():
        if output.columns is not None and output.type != "table":
            place = (*here, "outputs", key, "columns")
            yield Mistake(place, f"{_a(output.type)} has none; a table has")
        if output.type == "dataset" and output.register_as is None:
            yield Mistake((*here, "outputs", key, "register_as"), "say the name of the dataset")
        if output.path is not None and output.datastore is None:
            yield Mistake((*here, "outputs", key, "path"), "it is in a datastore; say which")
    yield from _module_mistakes(here, step)
    yield from _transfer_mistakes(here, step)
    yield from _sweep_mistakes(graph, here, step)
    yield from _automl_mistakes(here, step)
    yield from _parallel_mistakes(graph, name, step)
    yield from _function_mistakes(here, step)
    yield from _component_mistakes(here, step)


def _module_mistakes(here: tuple[str, str], step: Step) -> Iterator[Mistake]:
    if step.module is None:
        return
    for part in sorted(step.settings.keys() - {"arguments"}):
        yield Mistake((*here, part), "the steps of a module say that themselves")
    arguments = step.settings.get("arguments", {})
    if not isinstance(arguments, Mapping):
        yield Mistake((*here, "arguments"), "those of a module are by name")
    elif twice := step.inputs.keys() & arguments.keys():
        yield Mistake((*here, "arguments", min(twice)), "there is an input of that name, too")
    if step.outputs or step.for_each is not None or step.parallel or step.transfer:
        yield Mistake(here, "a module has inputs, arguments, run_after and when alone")


def _transfer_mistakes(here: tuple[str, str], step: Step) -> Iterator[Mistake]:
    if step.transfer is None:
        return
    for part in ("script", "command"):
        if part in step.settings or step.function is not None:
            yield Mistake((*here, "transfer"), "a step copies its input, or runs something")
    if len(step.inputs) != 1:
        yield Mistake((*here, "inputs"), f"one is copied, and there are {len(step.inputs)}")
    if step.outputs != {REPORT: StepOutput("json")}:
        yield Mistake((*here, "outputs"), f"what it writes is {REPORT!r}, as json, and no more")
    if step.settings.get("compute_target", "local") != "local":
        yield Mistake((*here, "compute_target"), "it copies from the machine of the workspace")
    if step.transfer.datastore is None and not step.transfer.path.startswith(("/", "~", "${")):
        yield Mistake((*here, "transfer", "path"), "an absolute folder, or say a datastore")


def _sweep_mistakes(graph: Graph, here: tuple[str, str], step: Step) -> Iterator[Mistake]:
    if step.sweep is None:
        return
    others = (step.function, step.for_each, step.parallel, step.transfer, step.module)
    if any(each is not None for each in others):
        yield Mistake((*here, "sweep"), "a sweep runs a script or a command, and nothing else")
    if step.outputs.get(METRICS) != StepOutput("json"):
        yield Mistake((*here, "outputs", METRICS), "that is what a sweep writes itself, as json")
    for key, output in step.outputs.items():
        if output.datastore is not None:
            place = (*here, "outputs", key, "datastore")
            yield Mistake(place, "each trial would write there; copy it by a step behind this one")
    usual = {
        key: each.default for key, each in graph.parameters.items() if each.default is not None
    }
    try:
        SweepSettings.of(fill_parameters(step.sweep, usual, str))  # type: ignore[arg-type]
    except InvalidInput as problem:
        yield Mistake((*here, "sweep"), problem.message.rstrip("."))


def _automl_mistakes(here: tuple[str, str], step: Step) -> Iterator[Mistake]:
    if step.automl is None:
        return
    others = (step.function, step.for_each, step.parallel, step.transfer, step.module, step.sweep)
    if any(each is not None for each in others) or step.settings.keys() & {"script", "command"}:
        yield Mistake((*here, "automl"), "automated ML runs by itself, and nothing else")
    if TRAINING_DATA not in step.inputs:
        yield Mistake((*here, "inputs"), f"what is learned from is the input {TRAINING_DATA!r}")
    for key in sorted(step.inputs.keys() - {TRAINING_DATA, "validation_data"}):
        yield Mistake((*here, "inputs", key), "automated ML reads training_data, validation_data")
    for key, output in step.outputs.items():
        usual = AUTOML_OUTPUTS.get(key)
        if usual is None or output.type != usual.type:
            told = ", ".join(f"{name} ({each.type})" for name, each in AUTOML_OUTPUTS.items())
            yield Mistake((*here, "outputs", key), f"automated ML writes {told}")


_ONE_NODE = (
    "a parallel run has the processes of one node; for more of them, part the input by a step "
    "before this one and run this one with for_each: each item is a run of its own, on any node"
)


def _parallel_mistakes(graph: Graph, name: str, step: Step) -> Iterator[Mistake]:
    if step.parallel is None:
        return
    here = ("steps", name, "parallel")
    if "script" not in step.settings:
        yield Mistake(here, "it needs a script, with a function run(mini_batch)")
    if step.parallel.node_count != 1:
        yield Mistake((*here, "node_count"), _ONE_NODE)
    if "distribution" in step.settings:
        yield Mistake(("steps", name, "distribution"), _ONE_NODE)
    parted = step.parted
    if parted is None:
        told = f"say which of {', '.join(step.inputs)}" if step.inputs else "there is none"
        yield Mistake((*here, "input"), f"an input is parted; {told}")
    elif parted not in step.inputs:
        yield Mistake((*here, "input"), unknown_name("input", parted, step.inputs))
    if step.parallel.output_action == "append_row" and step.appended is None:
        yield Mistake(
            (*here, "output_action"),
            "append_row needs one output that is a table, json or file, and no more than that; "
            "summary_only keeps nothing of what run() gives",
        )


def _condition_mistakes(graph: Graph, here: tuple[str, str], step: Step) -> Iterator[Mistake]:
    try:
        fields = list(fields_of(step.condition)) if step.condition else []
    except InvalidInput as error:
        yield Mistake((*here, "when"), error.message)
        return
    for field in fields:
        if field.group == "params" and field.name not in graph.parameters:
            yield Mistake((*here, "when"), unknown_name("parameter", field.name, graph.parameters))
        elif field.group == "outputs":
            of, _, rest = field.name.partition(".")
            problem = _json_problem(graph, of, rest.partition(".")[0] or None)
            if problem:
                yield Mistake((*here, "when"), problem)


def _list_mistakes(graph: Graph, here: tuple[str, str], step: Step) -> Iterator[Mistake]:
    given = step.for_each
    if given is None:
        component = None if step.component is None else step.component.parameters
        given_settings = {key: each.settings for key, each in step.inputs.items()}
        texts = [step.settings, given_settings, component]
        if any(ITEM.search(text) for text in texts_of(texts)):
            yield Mistake(here, "${item} stands there, and the step has no for_each")
    elif given.parameter is not None:
        if given.parameter not in graph.parameters:
            problem = unknown_name("parameter", given.parameter, graph.parameters)
            yield Mistake((*here, "for_each"), problem)
        elif graph.parameters[given.parameter].type != "list":
            kind = graph.parameters[given.parameter].type
            yield Mistake(
                (*here, "for_each"), f"the parameter {given.parameter!r} is {_a(kind)}, no list"
            )
    elif given.step is not None:
        problem = _json_problem(graph, given.step, given.output)
        if problem:
            yield Mistake((*here, "for_each"), problem)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _json_problem(graph: Graph, step: str, output: str | None) -> str:
    """Why a value of a step cannot be looked at before others run."""
    problem = _link_problem(graph, StepInput(step, output))
    if not problem and graph.steps[step].module is not None:
        return f"{step!r} is a module, whose outputs are inputs of steps alone"
    if not problem and output is not None and graph.output(step, output).type != "json":
        kind = graph.output(step, output).type
        problem = f"the output {output!r} of {step!r} is {_a(kind)}, no json"
    return problem


def _link_problem(graph: Graph, given: StepInput) -> str:
    assert given.step is not None
    if given.step not in graph.steps:
        return unknown_name("step", given.step, graph.steps)
    if graph.steps[given.step].module is not None:
        return "" if given.output is not None else f"which output of {given.step!r} is not said"
    outputs = graph.steps[given.step].outputs
    if given.output is None:
        return f"which output of {given.step!r} is not said; it has {', '.join(outputs) or 'none'}"
    if given.output not in outputs:
        return unknown_name(f"output of {given.step!r}", given.output, outputs)
    there = graph.output(given.step, given.output).type
    if given.type is not None and not accepts(given.type, there):
        made = f"the output {given.output!r} of {given.step!r}"
        return f"is to be a {given.type}; {made} is a {there}"
    return ""


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
    for problem in _call_problems(step.function, {*step.inputs, *arguments}, step.outputs):
        yield Mistake((*here, "function"), problem)


def _call_problems(
    function: Function, given: set[str], outputs: Mapping[str, StepOutput]
) -> Iterator[str]:
    """Why a function of Python cannot be called so; R's is found out where it runs."""
    if function.language != "python":
        return
    try:
        taken, required, takes_all = _signature(function.name, function.code)
    except SyntaxError as problem:
        yield f"the function cannot be read: {problem}"
        return
    for name in () if takes_all else sorted(given - {*taken}):
        yield f"{function.name}() takes no argument {name!r}; it takes {', '.join(taken) or 'none'}"
    for name in required:
        if name not in given and name not in outputs:
            yield f"{function.name}() needs {name!r}, which is no input, argument or output"


@lru_cache(maxsize=1000)
def _signature(name: str, code: str) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    r"""The arguments that a function takes by name, those that it needs, whether it takes all.

    What is not plainly defined in the code may take anything.

    >>> _signature("f", "def g(x): pass\ndef f(a, b=1, *, c, d=2): pass")
    (('a', 'b', 'c', 'd'), ('a', 'c'), False)
    """
    defined = {
        each.name: each for each in ast.parse(code).body if isinstance(each, ast.FunctionDef)
    }
    made = defined.get(name)
    if made is None or made.decorator_list:
        return (), (), True
    known = made.args
    plain = [each.arg for each in (*known.posonlyargs, *known.args)]
    named = [each.arg for each in known.kwonlyargs]
    pairs = zip(named, known.kw_defaults, strict=True)
    needed = [name for name, default in pairs if default is None]
    required = (*plain[: len(plain) - len(known.defaults)], *needed)
    return (*plain, *named), required, known.kwarg is not None


def _component_mistakes(here: tuple[str, str], step: Step) -> Iterator[Mistake]:
    """What a step has beside its component; what the component makes of it, the designer knows."""
    if step.component is None:
        return
    others = (step.parallel, step.transfer, step.module, step.sweep, step.automl)
    if any(each is not None for each in others) or step.settings.keys() & {"script", "command"}:
        yield Mistake((*here, "component"), "a step runs a component, or something else, not both")
    if "arguments" in step.settings:
        yield Mistake((*here, "arguments"), "those of a component are its parameters")


def describe_mistakes(mistakes: list[Mistake]) -> list[str]:
    """Mistakes as lines: where, and what."""
    return [f"{key_of(each.path)}: {each.message}" for each in mistakes]
