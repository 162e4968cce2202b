"""Measures what a trivial step of a pipeline costs, beside Metaflow, Prefect and Dagster.

    .venv/bin/python bench/pipelines.py [--repeats 3] [--steps 1000] [--only NAME ...]

Writes pipelines.md and pipelines.json beside this file, unless --only is given.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness import Figure, describe_machine, run_json
from report import write_page
from rivals import Rival

from tandemlab import Workspace
from tandemlab.designer import ComponentStep
from tandemlab.pipelines import (
    CommandStep,
    Pipeline,
    PipelineStep,
    PythonFunctionStep,
    PythonScriptStep,
    RFunctionStep,
    RScriptStep,
)

HERE = Path(__file__).resolve().parent
SHAPES = {"chain": 20, "fan": 100}
# Those that take long get fewer steps, which does not change what each of them costs.
FEWER = {
    "bare Rscript": {"fan": 20},
    "Metaflow": {"chain": 5, "fan": 20},
    "Dagster, multiprocess": {"chain": 4, "fan": 8},
}
Measure = Callable[[str, int], float]
# What a step shall cost at most, in milliseconds.
AIMS = {"tandemlab, Python": 40.0, "tandemlab, R": 200.0, "tandemlab, shared Python function": 3.0}


def make_step(kind: str, number: int, **settings: Any) -> PipelineStep:
    """A step that does nothing."""
    name = f"step{number}"
    if kind == "Python":
        return PythonScriptStep("trivial.py", name, source_directory="source", **settings)
    if kind == "R":
        return RScriptStep("trivial.R", name, source_directory="source", **settings)
    if kind == "Python function":
        return PythonFunctionStep(trivial, name, **settings)
    if kind == "shared Python function":
        return PythonFunctionStep(trivial, name, process="shared", **settings)
    if kind == "R function":
        return RFunctionStep("function() NULL", name, **settings)
    if kind == "component":
        settings["allow_reuse"] = False  # it has an output
        return ComponentStep(name, "linear_regression", **settings)
    return CommandStep(["sh", "-c", ":"], name, "source", **settings)


def trivial() -> None:
    """What a function step calls."""


KINDS = (
    *("Python", "R", "sh"),
    *("Python function", "shared Python function", "R function", "component"),
)


def run_steps(workspace: Workspace, kind: str, shape: str, steps: int) -> float:
    """Seconds from `submit` to the end of a pipeline of trivial steps."""
    made: list[PipelineStep] = []
    for number in range(steps):
        after = made[-1:] if shape == "chain" else []
        made.append(make_step(kind, number, run_after=after))
    begin = time.perf_counter()
    run = workspace.experiment("bench").submit(Pipeline(made))
    run.wait_for_completion(timeout_seconds=1800)
    seconds = time.perf_counter() - begin
    assert run.get_status() == "Completed", run.get_status()
    return seconds


def run_bare(command: list[str]) -> Measure:
    """The same number of processes, one after the other."""

    def measure(_: str, steps: int) -> float:
        begin = time.perf_counter()
        for _ in range(steps):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin

    return measure


def _script(name: str, *more: str) -> Callable[[Any, Path, int, int], Any]:
    def measure(shape: str, python: Path, steps: int, _: int) -> float:
        quiet = {"PREFECT_LOGGING_LEVEL": "ERROR", "METAFLOW_USER": "bench"}
        quiet |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        quiet |= {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120"}
        quiet |= {"DAGSTER_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
        words = [python, HERE / name, shape, str(steps), *more]
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            places = {"METAFLOW_HOME": folder, "PREFECT_HOME": folder, "DAGSTER_HOME": folder}
            return float(run_json(words, {**places, **quiet})["seconds"])

    return measure


# Each as its documentation starts it on one machine.
_METAFLOW = ("metaflow",)
_PREFECT = ("prefect",)
_DAGSTER = ("dagster",)
RIVALS = {
    "Metaflow": Rival("metaflow", _METAFLOW, _script("pipelines_metaflow.py")),
    "Prefect": Rival("prefect", _PREFECT, _script("pipelines_prefect.py")),
    "Dagster, in process": Rival(
        "dagster", _DAGSTER, _script("pipelines_dagster.py", "in_process")
    ),
    "Dagster, multiprocess": Rival(
        "dagster", _DAGSTER, _script("pipelines_dagster.py", "multiprocess")
    ),
}


def of_rival(rival: Rival, python: Path) -> Measure:
    return lambda shape, steps: float(rival.measure(shape, python, steps, 1))  # type: ignore[arg-type]


def version_of(rival: Rival, python: Path) -> str:
    code = f"import importlib.metadata as m; print(m.version({rival.requirements[0]!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


@contextmanager
def workspace_in(folder: Path) -> Iterator[Workspace]:
    """A workspace with sources, as the working directory."""
    before = Path.cwd()
    os.environ["TANDEMLAB_CONFIG_DIR"] = str(folder / "config")
    os.chdir(folder)
    Path("source").mkdir()
    Path("source/trivial.py").write_text("pass\n")
    Path("source/trivial.R").write_text("NULL\n")
    try:
        yield Workspace.create(folder / "lab")
    finally:
        os.chdir(before)


def measure_reuse(workspace: Workspace, shape: str, steps: int, repeats: int) -> list[float]:
    """Seconds that a pipeline takes of which nothing has to run, from `submit` to its end."""
    found = []
    for _ in range(repeats + 1):
        made: list[PipelineStep] = []
        for number in range(steps):
            words = ["sh", "-c", f"echo {number} > $0", "${outputs.text}"]
            words += [made[-1].output()] if shape == "chain" and made else []
            made.append(CommandStep(words, f"step{number}", "source", outputs={"text": "file"}))
        begin = time.perf_counter()
        run = workspace.experiment("reuse").submit(Pipeline(made))
        run.wait_for_completion(timeout_seconds=1800)
        found.append(time.perf_counter() - begin)
    return found[1:]


def measure(repeats: int, steps: int, only: list[str]) -> dict[str, Any]:
    """All of it, in turn, as often as is asked."""
    versions = {"tandemlab": version("tandemlab"), "Python": sys.version.split()[0]}
    measures: dict[str, Measure] = {
        "bare python -c pass": run_bare([sys.executable, "-c", "pass"]),
        "bare Rscript": run_bare(["Rscript", "--vanilla", "-e", "NULL"]),
    }
    samples: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        machine = describe_machine(Path(place))
        with workspace_in(Path(place)) as workspace:
            for kind in KINDS:
                measures[f"tandemlab, {kind}"] = lambda shape, steps, kind=kind: run_steps(
                    workspace, kind, shape, steps
                )
            for name, rival in RIVALS.items():
                if (not only or name in only) and (python := rival.install()) is not None:
                    measures[name] = of_rival(rival, python)
                    versions[rival.name] = version_of(rival, python)
            for kind in KINDS if not only else ():
                run_steps(workspace, kind, "chain", 2)  # as the others start their servers
            for _ in range(repeats):
                for name, run in measures.items():
                    counts = {**SHAPES, **FEWER.get(name, {})}
                    for shape, count in counts.items() if not only or name in only else ():
                        seconds = run(shape, count) / count
                        samples.setdefault(name, {}).setdefault(shape, []).append(seconds)
                        print(f"{name}, {shape}: {seconds * 1e3:.1f} ms a step", file=sys.stderr)
            if not only:
                for shape in SHAPES:
                    times = measure_reuse(workspace, shape, steps, repeats)
                    samples.setdefault("reused", {})[shape] = times
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine,
        "versions": versions,
        "sizes": {**SHAPES, "reused": steps, "repeats": repeats},
        "samples": samples,
    }


def page(result: Mapping[str, Any]) -> str:
    """The Markdown page."""
    machine, sizes, samples = result["machine"], result["sizes"], dict(result["samples"])
    reused = samples.pop("reused", {})
    lines = ["| ms a step | chain of 20 | fan-out of 100 | aim |", "|---|--:|--:|--:|"]
    for name, found in samples.items():
        cells = [_cell(found.get(shape), 1e3) for shape in SHAPES]
        aim = f"≤ {AIMS[name]:g}" if name in AIMS else ""
        lines.append(f"| {name} | {' | '.join(cells)} | {aim} |")
    again = [f"{_cell(times, 1)} s ({shape})" for shape, times in reused.items()]
    versions = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    return f"""# Pipelines

`bench/pipelines.py` measures and writes this page and `pipelines.json`. Every step does nothing;
from `submit`, or what is the same elsewhere, to the end, divided by the number of steps. The others
run in environments of their own, with their local runners and at most two processes at once where
these are processes; the bare interpreters run one after the other. Those that take long get fewer
steps ({_fewer()}).
Functions are forks of a process that a first pipeline has started; those that are shared are run by
such a fork one after the other.

{chr(10).join(lines)}

Medians and quartiles. A pipeline of {sizes["reused"]:,} steps of which none has to run:
{", ".join(again) or "not measured"}; the aim is 0.5 s.

- Measured on {result["date"]}, {sizes["repeats"]} times
- Machine: {machine["processor"]}, {machine["cores"]} cores, {machine["memory_gib"]} GiB,
  {machine["system"]}, {machine["file_system"]}; load average before: {machine["load_before"]}
- Versions: {versions}
"""


def _fewer() -> str:
    return "; ".join(
        f"{name}: {' and '.join(map(str, counts.values()))}" for name, counts in FEWER.items()
    )


def _cell(samples: list[float] | None, scale: float) -> str:
    if not samples:
        return ""
    figure = Figure([each * scale for each in samples])
    low, high = figure.spread
    return f"{figure.median:.3g} ({low:.3g} – {high:.3g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    options = parser.parse_args()
    result = measure(options.repeats, options.steps, options.only)
    print(page(result))
    if not options.only:
        text = json.dumps(result, indent=1, ensure_ascii=False)
        (HERE / "pipelines.json").write_text(f"{text}\n", encoding="utf-8")
        (HERE / "pipelines.md").write_text(page(result), encoding="utf-8")
        write_page(HERE)


if __name__ == "__main__":
    main()
