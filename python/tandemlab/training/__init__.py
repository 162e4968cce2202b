"""What to run: configurations that become runs."""

from tandemlab.training.run_configuration import RunConfiguration
from tandemlab.training.script_run_config import ScriptRunConfig

__all__ = ["RunConfiguration", "ScriptRunConfig"]
