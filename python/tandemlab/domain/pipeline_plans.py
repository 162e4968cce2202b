"""Plans: what the run of a pipeline keeps, so that nothing that changes later matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.pipeline_checks import describe_mistakes, mistakes_of
from tandemlab.domain.pipeline_documents import document_of, graph_of
from tandemlab.domain.pipelines import Graph
from tandemlab.domain.scalars import Scalar


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
        }

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Plan:
        """The plan that a run's definition holds.

        Raises:
            InvalidInput: it holds none.
        """
        try:
            plan = cls(
                graph_of(definition["pipeline"]),
                {name: PlannedStep(**each) for name, each in definition["steps"].items()},
                bool(definition["continue_on_step_failure"]),
                dict(definition["taken"]),
                frozenset(definition["forced"]),
            )
        except (KeyError, TypeError, AttributeError) as problem:
            raise InvalidInput(f"The run's definition holds no pipeline: {problem!r}.") from None
        mistakes = describe_mistakes(mistakes_of(plan.graph))
        if mistakes or plan.steps.keys() != plan.graph.steps.keys():
            raise InvalidInput(f"The run's pipeline cannot be run. {'; '.join(mistakes)}")
        return plan
