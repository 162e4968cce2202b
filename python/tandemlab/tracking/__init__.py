"""The user's handles: `Workspace`, `Experiment` and `Run`."""

from typing import TYPE_CHECKING

from tandemlab.lazy import loader
from tandemlab.tracking.context import get_current_run
from tandemlab.tracking.experiment import Experiment
from tandemlab.tracking.keyvault import Keyvault
from tandemlab.tracking.run import Run
from tandemlab.tracking.workspace import Workspace

if TYPE_CHECKING:
    from tandemlab.tracking.comparing import compare_runs

__all__ = ["Experiment", "Keyvault", "Run", "Workspace", "compare_runs", "get_current_run"]

# A job that logs compares nothing, and is to start soon.
__getattr__ = loader(__name__, {"compare_runs": "tandemlab.tracking.comparing"})
