"""Steps that search: what the run of their sweep is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tandemlab.domain.pipeline_plans import PlannedStep
from tandemlab.domain.sweeps import PlannedTrial, SweepPlan, SweepSettings
from tandemlab.sweeps.config import with_seed


def sweep_definition(planned: PlannedStep, definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition of the run of a step's sweep.

    Args:
        definition: that of a plain run of the step, with the paths of what other steps have
            written: it becomes that of the trials.
    """
    trial = {key: each for key, each in definition.items() if key not in ("sweep", "reuse")}
    settings = SweepSettings.of(definition["sweep"])
    plan = SweepPlan(
        replace(settings, sampling=with_seed(settings.sampling)),
        PlannedTrial(trial, planned.snapshot, planned.target, planned.params),
        outputs=list(definition.get("required_outputs", {})),
    )
    kept = {key: definition[key] for key in ("reuse", "input_models") if key in definition}
    return {**plan.to_definition(), **kept}
