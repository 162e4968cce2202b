"""Jobs of real runs: a script of Python that is run to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tandemlab import Run, ScriptRunConfig, Workspace

Submit: TypeAlias = Callable[..., Run]


@pytest.fixture
def submit(workspace: Workspace, source: Path) -> Submit:
    """Runs code as a script of Python in `source`, with arguments and other settings."""

    def run(code: str, arguments: Any = None, **settings: Any) -> Run:
        (source / "job.py").write_text(code)
        config = ScriptRunConfig(source, "job.py", arguments, **settings)
        made = workspace.experiment("jobs").submit(config)
        made.wait_for_completion(raise_on_error=False, timeout_seconds=120)
        return made

    return run
