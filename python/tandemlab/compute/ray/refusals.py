"""Jobs that no machine of a cluster of Ray can ever run."""

from __future__ import annotations

import ast
import re
import time
from contextlib import suppress

from tandemlab.compute.ray.client import RayClient
from tandemlab.compute.ray.resources import resources_of
from tandemlab.domain.jobs import Job

_UNFULFILLED = re.compile(r"No available node types can fulfill[^{]*(\{[^{}]*\}).*")
_LOOK_FOR_REFUSALS = 3.0


class Refusals:
    """What the cluster says of jobs that none of its machines can ever run."""

    def __init__(self, client: RayClient) -> None:
        self._client = client
        self._before: dict[str, set[str]] = {}
        self._events: dict[str, str] = {}
        self._looked = 0.0

    def begin(self, job: Job) -> None:
        """Only what is said from now on is of this job."""
        self._before[job.run_id] = set(self._client.events())

    def end(self, job: Job) -> None:
        """It is not asked after any more."""
        self._before.pop(job.run_id, None)

    def of(self, job: Job) -> str | None:
        """What was said of a job that waits; None for nothing."""
        if job.run_id not in self._before:
            self.begin(job)
        if time.monotonic() - self._looked > _LOOK_FOR_REFUSALS:
            self._events, self._looked = self._client.events(), time.monotonic()
        asked = resources_of(job)
        for name, message in self._events.items():
            found = _UNFULFILLED.search(message)
            if found is None or name in self._before[job.run_id]:
                continue
            with suppress(ValueError, SyntaxError):
                if ast.literal_eval(found[1]) == asked:
                    return found[0]
        return None
