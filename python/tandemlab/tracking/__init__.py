"""The user's handles: `Workspace`, `Experiment` and `Run`."""

from tandemlab.tracking.comparing import compare_runs
from tandemlab.tracking.context import get_current_run
from tandemlab.tracking.experiment import Experiment
from tandemlab.tracking.keyvault import Keyvault
from tandemlab.tracking.run import Run
from tandemlab.tracking.workspace import Workspace

__all__ = ["Experiment", "Keyvault", "Run", "Workspace", "compare_runs", "get_current_run"]
