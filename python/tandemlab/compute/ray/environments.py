"""Environments on a cluster of Ray: each machine builds those that its jobs need."""

from __future__ import annotations

from collections.abc import Callable

from tandemlab.compute.remote.environments import EnvironmentRecipes
from tandemlab.domain.environments import Environment
from tandemlab.environments import BuiltEnvironment


class RayEnvironments(EnvironmentRecipes):
    """What jobs build themselves, by ``relay.py``: a cluster's machines come and go."""

    def is_built(self, environment: Environment) -> bool:
        """Whoever runs a job in it need not build it before."""
        return True

    def build(
        self, environment: Environment, *, stopped: Callable[[], bool] = lambda: False
    ) -> BuiltEnvironment:
        """Only what cannot be built at all is refused here."""
        self.check(environment)
        return self.locate(environment)
