"""Steps that run for each item of a list: which items are still to run, and what gathers them."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tandemlab.domain.jobs import InputMode
from tandemlab.domain.pipeline_plans import PlannedStep, Unit
from tandemlab.domain.pipelines import Step
from tandemlab.pipelines.reuse import Decision
from tandemlab.store.durable import write_json

_AT_ONCE = 100  # runs of a list that are queued together: more would only wait, and be watched


@dataclass
class ItemRuns:
    """The items of one step that are to run.

    Attributes:
        planned: the step for each item.
        decision: why the step as a whole runs.
        waiting: items that have no run yet.
        open: items that have not ended.
    """

    planned: Mapping[Unit, PlannedStep]
    decision: Decision
    waiting: deque[Unit] = field(default_factory=deque)
    open: set[Unit] = field(default_factory=set)

    def next(self) -> list[Unit]:
        """The items that may be queued now; they are open from here on."""
        number = min(len(self.waiting), max(0, _AT_ONCE - len(self.open)))
        found = [self.waiting.popleft() for _ in range(number)]
        self.open.update(found)
        return found

    @property
    def is_over(self) -> bool:
        """Whether all items have ended."""
        return not self.waiting and not self.open


def gathering(step: Step, items: Iterable[Path], parts: Path) -> dict[str, Any]:
    """The definition of the run that gathers what items have written, in their order.

    Args:
        items: the folder of each item's outputs.
        parts: a file that tells that run where these are.
    """
    folders = list(items)
    content = {
        name: {
            "type": each.gathered().type,
            "paths": [str(folder / name / (each.file_name(name) or "")) for folder in folders],
        }
        for name, each in step.outputs.items()
    }
    parts.parent.mkdir(parents=True, exist_ok=True)
    write_json(parts, content)
    return {
        "command": [sys.executable, "-m", "tandemlab.pipelines.gathering"],
        "arguments": [],
        "language": "python",
        "inputs": {"parts": {"path": str(parts), "mode": InputMode.DIRECT.value}},
        "outputs": dict.fromkeys(step.outputs),
        "required_outputs": {
            name: each.gathered().file_name(name) or "" for name, each in step.outputs.items()
        },
        "environment_variables": {},
        "max_run_duration_seconds": None,
    }
