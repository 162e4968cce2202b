"""The sweep of the examples is the same from a file, from Python and from R, and runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tandemlab.sweeps import HyperDriveConfig

ROOT = Path(__file__).parents[3]


@pytest.mark.full
def test_the_sweep_of_the_file_finds_a_good_network(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tandemlab.cli"]
    subprocess.run([*command, "workspace", "create", "lab"], cwd=tmp_path, check=True)
    file = str(ROOT / "examples" / "sweep" / "sweep.yml")
    place = ["-w", "lab", "-o", "json"]
    submit = [*command, "sweep", "submit", file, "--max-total", "4", "--wait", *place]
    subprocess.run(submit, cwd=tmp_path, check=True, timeout=120)
    best = subprocess.run(
        [*command, "sweep", "best", "iris/1", *place],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(best.stdout)
    assert found["value"] < 1.0
    assert set(found["hyperparameters"]) == {"rate", "units", "penalty"}


def test_the_file_says_what_the_script_of_python_does(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = HyperDriveConfig.load_yaml(ROOT / "examples" / "sweep" / "sweep.yml")
    code = (ROOT / "examples" / "sweep" / "submit.py").read_text()
    names = {"__file__": str(ROOT / "examples" / "sweep" / "submit.py"), "__name__": "submit"}
    exec(code.partition("\nrun = ")[0], names)
    made = names["config"].settings  # type: ignore[attr-defined]
    assert made == loaded.settings
