"""Plans: what the run of a pipeline keeps, so that nothing that changes later matters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.pipeline_checks import describe_mistakes, mistakes_of
from tandemlab.domain.pipeline_documents import document_of, graph_of
from tandemlab.domain.pipeline_places import fill_item
from tandemlab.domain.pipelines import Graph, ParameterValue
from tandemlab.domain.scalars import Scalar


class Unit(NamedTuple):
    """What has runs of its own: a step, or one item of a step that runs for each of a list.

    Attributes:
        item: place of the item in its list, from 0; None for the step itself, which for a list
            is the run that gathers what its items have written.

    >>> str(Unit("fit", 3)), Unit.of("fit[3]"), Unit.of("fit")
    ('fit[3]', Unit(step='fit', item=3), Unit(step='fit', item=None))
    """

    step: str
    item: int | None = None

    def __str__(self) -> str:
        return self.step if self.item is None else f"{self.step}[{self.item}]"

    @classmethod
    def of(cls, text: str) -> Unit:
        """The unit of a name."""
        step, _, item = text.rstrip("]").partition("[")
        return cls(step, int(item) if item else None)

    @property
    def properties(self) -> dict[str, str]:
        """By which its runs are found."""
        if self.item is None:
            return {"step": self.step}
        return {"item_of": self.step, "item": str(self.item)}


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

    def for_item(self, item: Any, *, is_call: bool) -> PlannedStep:
        """The step for one item of a list: the item fills the texts, and is in the variables.

        Those are ``TANDEMLAB_ITEM``, and ``TANDEMLAB_ITEM_KEY`` for each key of an item that has
        keys; what is no text is JSON.

        Raises:
            InvalidInput: the item has not all that the step wants of it.
        """
        definition = dict(self.definition)
        for part in ("command", "arguments", "environment_variables"):
            if part in definition:
                definition[part] = _filled(definition[part], item, is_call=is_call)
        definition["inputs"] = fill_item(definition.get("inputs", {}), item, as_text)
        parts = item if isinstance(item, Mapping) else {}
        definition["environment_variables"] = {
            **definition.get("environment_variables", {}),
            "TANDEMLAB_ITEM": as_text(item),
            **{f"TANDEMLAB_ITEM_{key}": as_text(part) for key, part in parts.items()},
        }
        params = fill_item(self.params, item, as_text)
        plain = {
            name: as_text(value) if isinstance(value, (Mapping, list)) else value
            for name, value in params.items()
        }
        return replace(self, definition=definition, params=plain)


def as_text(value: Any) -> str:
    """A value as scripts get it: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _filled(value: Any, item: Any, *, is_call: bool) -> Any:
    """Words with an item; those of a function's call, which are JSON, stay that."""
    if isinstance(value, Mapping):
        return {key: _filled(each, item, is_call=False) for key, each in value.items()}
    if not isinstance(value, str):
        return [_filled(each, item, is_call=is_call) for each in value]
    if is_call and value.startswith("{"):
        return json.dumps(fill_item(json.loads(value), item, as_text), ensure_ascii=False)
    return as_text(fill_item(value, item, as_text))


@dataclass(frozen=True, slots=True)
class Plan:
    """A pipeline as its run keeps it: all that is needed to run it, whatever becomes of the source.

    Attributes:
        continue_on_step_failure: whether steps that do not need the failed one go on.
        taken: the runs of units (by name) that an earlier run of the pipeline has completed: these
            are not run again.
        forced: the steps that run whatever an equal step has made before.
        parameters: their values in this run.
    """

    graph: Graph
    steps: Mapping[str, PlannedStep]
    continue_on_step_failure: bool = False
    taken: Mapping[str, str] = field(default_factory=dict)
    forced: frozenset[str] = frozenset()
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)

    def to_definition(self) -> dict[str, Any]:
        """The definition of the pipeline's run."""
        return {
            "pipeline": document_of(self.graph),
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
            "parameters": dict(self.parameters),
        }

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Plan:
        """The plan that a run's definition holds; who takes it from others checks it, too.

        Raises:
            InvalidInput: it holds none.
        """
        try:
            return cls(
                graph_of(definition["pipeline"]),
                {name: PlannedStep(**each) for name, each in definition["steps"].items()},
                bool(definition["continue_on_step_failure"]),
                dict(definition["taken"]),
                frozenset(definition["forced"]),
                dict(definition.get("parameters", {})),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise InvalidInput(f"The run's definition holds no pipeline: {problem!r}.") from None

    def check(self) -> None:
        """Refuse a plan that nobody here has made.

        Raises:
            InvalidInput: its graph has mistakes, or other steps than it.
        """
        mistakes = describe_mistakes(mistakes_of(self.graph))
        if mistakes or self.steps.keys() != self.graph.steps.keys():
            raise InvalidInput(f"The run's pipeline cannot be run. {'; '.join(mistakes)}")
