"""Measures logging, reading and start-up in Python and R, beside MLflow, in one run.

    .venv/bin/python bench/tracking.py [--quick] [--without-mlflow]

Writes results.json and README.md beside this file, unless --quick.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import report
from harness import Start, describe_machine, run_json, time_starts

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / ".build"
MLFLOW = BUILD / "mlflow"
R_LIBRARY = HERE.parent / ".rlib"
RSCRIPT = ["Rscript", "--no-init-file"]

Samples = defaultdict[str, list[float]]


def sizes(*, quick: bool) -> dict[str, int]:
    """How much is measured; MLflow gets less of what takes it minutes."""
    if quick:
        return {
            "calls": 5_000, "points": 20_000, "runs": 200, "repeats": 3, "starts": 5,
            "mlflow_calls": 50, "mlflow_points": 5_000, "mlflow_runs": 50,
        }  # fmt: skip
    return {
        "calls": 20_000, "points": 100_000, "runs": 1_000, "repeats": 5, "starts": 9,
        "mlflow_calls": 200, "mlflow_points": 100_000, "mlflow_runs": 1_000,
    }  # fmt: skip


def install_mlflow(*, upgrade: bool) -> bool:
    """Put the newest MLflow into .build/mlflow; whether it is there."""
    python = MLFLOW / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, MLFLOW], check=True)
        upgrade = True
    if upgrade:
        command = [uv, "pip", "install", "--quiet", "--python", python, "--upgrade", "mlflow"]
        if subprocess.run(command, check=False).returncode:
            say("the newest MLflow could not be installed")
    check = subprocess.run(
        [python, "-c", "import mlflow"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return check.returncode == 0


def build_write(folder: Path) -> Path:
    """The bare write(2) for R, compiled."""
    shutil.copy(HERE / "write.c", folder)
    subprocess.run(
        ["R", "CMD", "SHLIB", "write.c"], cwd=folder, stdout=subprocess.DEVNULL, check=True
    )
    return folder / f"write{'.dll' if os.name == 'nt' else '.so'}"


def job_environment(folder: Path) -> dict[str, str]:
    """The variables of a job that belongs to a new run."""
    from tandemlab import Workspace

    workspace = Workspace.ensure(folder / "jobs")
    run = workspace.experiment("bench").create_run(type="interactive")
    return {
        "TANDEMLAB_RUN_ID": run.id,
        "TANDEMLAB_RUN_DIR": str(run.directory),
        "TANDEMLAB_WORKSPACE": str(workspace.path),
        "TANDEMLAB_EXPERIMENT": "bench",
        "R_LIBS": str(R_LIBRARY),
    }


def measure_lab(folder: Path, size: Mapping[str, int]) -> dict[str, list[float]]:
    counts = [str(size[name]) for name in ("calls", "points", "runs", "repeats")]
    return run_json([sys.executable, HERE / "lab.py", folder, *counts], {})


def measure_r(folder: Path, size: Mapping[str, int], write: Path) -> dict[str, list[float]]:
    counts = [str(size[name]) for name in ("calls", "repeats")]
    command = [*RSCRIPT, HERE / "log.R", write, folder / "scratch", *counts]
    return run_json(command, job_environment(folder))


def measure_mlflow(folder: Path, size: Mapping[str, int]) -> dict[str, list[float]]:
    counts = [str(size[name]) for name in ("mlflow_calls", "mlflow_points", "mlflow_runs")]
    command = [MLFLOW / "bin" / "python", HERE / "mlflow_store.py", folder, *counts, "2"]
    found = run_json(command, {"GIT_PYTHON_REFRESH": "quiet"})
    scale = {
        "read": size["points"] / size["mlflow_points"],
        "frame": size["runs"] / size["mlflow_runs"],
    }
    return {
        f"mlflow_{name}": [value * scale.get(name, 1) for value in values]
        for name, values in found.items()
    }


def measure_starts(folder: Path, size: Mapping[str, int], *, with_mlflow: bool) -> Samples:
    """Interpreters, command lines and first logs of new processes."""
    job = job_environment(folder)
    python, command = sys.executable, Path(sys.executable).with_name("tandemlab")
    log = "import tandemlab; tandemlab.get_current_run().log('loss', 0.5)"
    bare, bare_r = [python, "-c", "pass"], [*RSCRIPT, "-e", "1"]
    found: Samples = defaultdict(list)
    found.update(
        time_starts(
            {
                "import": Start([python, "-c", "import tandemlab"], bare, {}),
                "job": Start([python, "-c", log], bare, job),
                "cli": Start([command, "--help"], bare, {}),
                "r_library": Start([*RSCRIPT, "-e", "library(tandemlab)"], bare_r, job),
            },
            size["starts"],
        )
    )
    found["r_first_log"] = [
        float(ask([*RSCRIPT, HERE / "first_log.R"], job)) for _ in range(size["starts"])
    ]
    if with_mlflow:
        python, command = MLFLOW / "bin" / "python", MLFLOW / "bin" / "mlflow"
        bare = [python, "-c", "pass"]
        environment = {
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'start.db'}",
            "GIT_PYTHON_REFRESH": "quiet",
        }
        new_run = "import mlflow; print(mlflow.MlflowClient().create_run('0').info.run_id)"
        environment["MLFLOW_RUN_ID"] = ask([python, "-c", new_run], environment)
        log = "import mlflow; mlflow.log_metric('loss', 0.5)"
        found.update(
            time_starts(
                {
                    "mlflow_import": Start([python, "-c", "import mlflow"], bare, {}),
                    "mlflow_job": Start([python, "-c", log], bare, environment),
                    "mlflow_cli": Start([command, "--help"], bare, {}),
                },
                max(3, size["starts"] // 3),
            )
        )
    return found


def versions(*, with_mlflow: bool) -> dict[str, str]:
    found = {
        "tandemlab": version("tandemlab"),
        "Python": platform.python_version(),
        "SQLAlchemy": version("sqlalchemy"),
        "msgspec": version("msgspec"),
        "SQLite": sqlite3.sqlite_version,
        "R": ask([*RSCRIPT, "-e", "cat(as.character(getRversion()))"]),
    }
    if with_mlflow:
        ask_version = "from importlib.metadata import version; print(version('mlflow'))"
        found["MLflow"] = ask([MLFLOW / "bin" / "python", "-c", ask_version])
    return found


def ask(command: list[str | Path], environment: Mapping[str, str] | None = None) -> str:
    """The last word that a command prints."""
    variables = {**os.environ, **(environment or {})}
    result = subprocess.run(
        command, env=variables, stdout=subprocess.PIPE, text=True, check=True, cwd=BUILD
    )
    return result.stdout.split()[-1]


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def measure(*, quick: bool, with_mlflow: bool) -> dict[str, Any]:
    """Everything, in rounds whose order alternates."""
    size, rounds = sizes(quick=quick), 1 if quick else 3
    samples: Samples = defaultdict(list)
    machine = describe_machine(BUILD)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="bench-") as name:
        folder = Path(name)
        os.environ["TANDEMLAB_CONFIG_DIR"] = str(folder / "config")
        write = build_write(folder)
        for number in range(rounds):
            parts = {
                "tandemlab in Python": lambda place: measure_lab(place, size),
                "tandemlab in R": lambda place: measure_r(place, size, write),
            }
            # Minutes of MLflow's own work: twice is enough beside the ratios that are asked for.
            if with_mlflow and number < 2:
                parts["MLflow"] = lambda place: measure_mlflow(place, size)
            for part in list(parts) if number % 2 == 0 else reversed(parts):
                say(f"round {number + 1} of {rounds}: {part}")
                place = folder / f"{number}-{part.replace(' ', '-')}"
                place.mkdir()
                for key, values in parts[part](place).items():
                    samples[key] += values
        say("process starts")
        samples |= measure_starts(folder, size, with_mlflow=with_mlflow)
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine,
        "versions": versions(with_mlflow=with_mlflow),
        "rounds": rounds,
        "sizes": size,
        "rows": report.summarize(samples),
        "samples": {key: [float(f"{value:.6g}") for value in samples[key]] for key in samples},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small round; writes no page")
    parser.add_argument("--without-mlflow", action="store_true", help="tandemlab alone")
    options = parser.parse_args()
    if not (R_LIBRARY / "tandemlab").exists():
        sys.exit("bench: the R package is missing; tools/install-r-package installs it")
    BUILD.mkdir(exist_ok=True)
    with_mlflow = not options.without_mlflow and install_mlflow(upgrade=not options.quick)
    result = measure(quick=options.quick, with_mlflow=with_mlflow)
    print(report.table(result["rows"]))
    if not options.quick and with_mlflow:
        text = json.dumps(result, indent=1, ensure_ascii=False)
        (HERE / "results.json").write_text(f"{text}\n", encoding="utf-8")
        report.write_page(HERE)


if __name__ == "__main__":
    main()
