"""ComponentStep: a step of a pipeline that runs a component of the designer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tandemlab.designer.component import PORT_KINDS
from tandemlab.designer.lowering import mistakes_of
from tandemlab.designer.registry import find_component
from tandemlab.domain import InvalidInput
from tandemlab.domain.pipeline_checks import describe_mistakes
from tandemlab.domain.pipelines import Graph, StepComponent
from tandemlab.pipelines.steps import PipelineStep, named_step_outputs

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from tandemlab.pipelines.steps import StepSettings


class ComponentStep(PipelineStep):
    """A component of the designer: what is put on its canvas, used from Python.

    Its outputs are those of the component's ports. On this machine it runs in a fork of a warm
    process, as functions do, and like every step it is reused where nothing has changed: neither
    its parameters and inputs, nor the component's version.

    Args:
        component: its name; `tandemlab.designer.list_components` has all.
        parameters: by name; what is not given is as usual. Values may be a `PipelineParameter`.
        settings: as of all steps. ``inputs`` are what goes into its ports, and among ``outputs``
            those of ports may be given to say what becomes of them, such as
            ``StepOutput("model", register_as="prices")``.

    Raises:
        InvalidInput: there is no such component, or it does not take its parameters or inputs; all
            mistakes are told.

    >>> from tandemlab.pipelines import CommandStep
    >>> rows = CommandStep("cp /srv/x.arrow ${outputs.rows}", "rows", outputs={"rows": "table"})
    >>> split = ComponentStep("split", "split_data", inputs={"data": rows.output()})
    >>> split.output("first").name
    'first'
    >>> ComponentStep("split", "split_data", {"fraction": 8}, inputs={"data": rows.output()})
    Traceback (most recent call last):
    tandemlab.domain.errors.InvalidInput: ...parameters.fraction: Input should be less than or ...
    """

    def __init__(
        self,
        name: str,
        component: str,
        parameters: Mapping[str, Any] | None = None,
        **settings: Unpack[StepSettings],
    ) -> None:
        found = find_component(component)
        given = settings.copy()
        outputs = named_step_outputs(given.get("outputs"))
        for key, port in found.outputs.items():
            outputs.setdefault(key, PORT_KINDS[port.kind])
        given["outputs"] = outputs
        made = StepComponent(component, found.version, dict(parameters or {}))
        super().__init__(name, {}, None, given, component=made)
        steps = {each.name: each.definition for each in (*self.upstream, self)}
        check_component(Graph(steps, {each.name: each.parameter for each in self.parameters}), name)


def check_component(graph: Graph, name: str) -> None:
    """Refuse what the component of a step does not take.

    Raises:
        InvalidInput: all mistakes of that step.
    """
    known = {key: each.default for key, each in graph.parameters.items()}
    defaults = {key: value for key, value in known.items() if value is not None}
    here = f"steps.{name}."
    told = [
        each.removeprefix(here)
        for each in describe_mistakes(mistakes_of(graph, defaults))
        if each.startswith(here)
    ]
    if told:
        raise InvalidInput(
            f"The step {name!r} cannot be used. {'; '.join(told)}.", details={"mistakes": told}
        )
