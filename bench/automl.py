"""Automated machine learning beside FLAML, AutoGluon and statsforecast, at equal wall time.

    .venv/bin/python bench/automl.py [--quick] [--seconds 20 30 60] [--seeds 0 1 2]
                                     [--only tandemlab flaml] [--sets fair digits] [--again]

Each cell (a system on a set, for so many seconds, with a seed) is measured alone, in a process of
its own, and written to ``bench/automl.json`` as soon as it is done. Cells that are there already
are passed over, so that a run can be stopped at any time and go on later; ``--again`` forgets those
that are asked for first, so that a run which was stopped goes on without it. ``--quick`` is 20
seconds, one seed, all sets and systems but AutoGluon's good preset: about 22 minutes. The others
get environments of their own below ``--environments``, made by uv. The page ``bench/automl.md`` is
written from all that is known, also by ``--page``, which measures nothing.
Run it when nothing else runs: where the processors are shared, all systems come to less.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from automl_data import TABLES, split
from harness import describe_machine

HERE = Path(__file__).parent
RESULTS = HERE / "automl.json"
PAGE = HERE / "automl.md"
PACKAGES = {
    "flaml": ["flaml[automl,catboost,ts_forecast]", "pandas<3", "pyarrow"],
    "autogluon": ["autogluon.tabular[lightgbm,catboost,xgboost]", "pyarrow"],
}
_TABULAR = ("classification", "regression")
_OF_SERIES = ("forecasting",)
_PATIENCE = 5  # times the seconds that a system was given, until it is ended
_OVERHEAD = 120.0
Result = dict[str, Any]


@dataclass(frozen=True)
class System:
    """Something that looks for models.

    Attributes:
        environment: a key of `PACKAGES`; None for this very one.
        tasks: what it can do here.
        has_panels: whether it forecasts several series; FLAML does so with torch alone.
    """

    title: str
    environment: str | None
    tasks: Sequence[str]
    has_panels: bool = True


SYSTEMS = {
    "tandemlab": System("tandemlab", None, (*_TABULAR, *_OF_SERIES)),
    "flaml": System("FLAML", "flaml", (*_TABULAR, *_OF_SERIES), has_panels=False),
    "autogluon_medium": System("AutoGluon medium", "autogluon", _TABULAR),
    "autogluon_good": System("AutoGluon good", "autogluon", _TABULAR),
    "statsforecast": System("statsforecast", None, _OF_SERIES),
}
_QUICK = [name for name in SYSTEMS if name != "autogluon_good"]


@dataclass(frozen=True, order=True)
class Cell:
    """What is measured at once."""

    seconds: float
    table: str
    seed: int
    system: str

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Cell:
        """The cell that a result is of."""
        return cls(result["time"], result["table"], result["seed"], result["system"])


def python_of(system: str, environments: Path) -> Path:
    """The Python that has a system; its environment is made when it is first asked for."""
    name = SYSTEMS[system].environment
    if name is None:
        return Path(sys.executable)
    folder = environments / name
    whole = folder / "whole"
    if not whole.exists() or whole.read_text() != " ".join(PACKAGES[name]):
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--python", "3.11", "--clear", str(folder)], check=True)
        python = str(folder / "bin" / "python")
        subprocess.run([uv, "pip", "install", "--python", python, *PACKAGES[name]], check=True)
        whole.write_text(" ".join(PACKAGES[name]))
    return folder / "bin" / "python"


def cells(chosen: argparse.Namespace) -> Iterator[Cell]:
    """What is to be measured: of each set and seed one system after the other."""
    for seconds in chosen.seconds:
        for seed in chosen.seeds:
            for table in chosen.sets:
                yield from (Cell(seconds, table, seed, system) for system in chosen.only)


def measure(cell: Cell, python: Path) -> Result | None:
    """One system on one set, in a process of its own; None where it cannot do that at all."""
    data = TABLES[cell.table]()
    load = os.getloadavg()[0]
    able = SYSTEMS[cell.system]
    if data.task not in able.tasks or (data.series is not None and not able.has_panels):
        return None
    train, test = split(data, cell.seed)
    about = {
        "label": data.label,
        "task": data.task,
        "time": data.time,
        "series": data.series,
        "horizon": data.horizon,
        "season": data.season,
    }
    with tempfile.TemporaryDirectory(prefix="automl-bench-") as text:
        folder = Path(text)
        train.to_parquet(folder / "train.parquet")
        test.to_parquet(folder / "test.parquet")
        (folder / "about.json").write_text(json.dumps(about))
        script = str(HERE / "automl_worker.py")
        words = [str(python), script, cell.system, text, str(cell.seconds), str(cell.seed)]
        found = _asked(words, cell)
    about_cell = {"table": cell.table, "time": cell.seconds, "seed": cell.seed}
    return {**found, **about_cell, "load": round(load, 2)}


def _asked(words: Sequence[str], cell: Cell) -> Result:
    """What the process prints last, or why it printed nothing."""
    few_threads = {} if cell.system == "tandemlab" else {"OMP_NUM_THREADS": "2"}
    try:
        answer = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=cell.seconds * _PATIENCE + _OVERHEAD,
            env={**os.environ, **few_threads},
            check=True,
        )
        found: Result = json.loads(answer.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as problem:
        found = {"system": cell.system, "error": f"{type(problem).__name__}: {problem}"[:300]}
    return found


def shared_cases(results: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Results by set, time and seed, where all systems have been measured that there are."""
    by_case: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for each in results:
        by_case[each["table"], each["time"], each["seed"]].append(each)
    systems = len({each["system"] for each in results})
    return [case for case in by_case.values() if len(case) == systems]


def ranks(cases: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """The mean rank of each system by its loss; failed is last."""
    found: dict[str, list[int]] = defaultdict(list)
    for case in cases:
        ordered = sorted(case, key=lambda each: each.get("loss", float("inf")))
        for place, each in enumerate(ordered, 1):
            found[each["system"]].append(len(case) if "loss" not in each else place)
    return {system: mean(places) for system, places in sorted(found.items())}


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """The page of what is known."""
    lines = [
        "# Automated machine learning",
        "",
        "`.venv/bin/python bench/automl.py` measures and writes this page. All get the same",
        "seconds, two processors and the same rows, one after the other, each in a process of its",
        "own; losses are those on rows that none has seen: log loss for classes, root mean squared",
        "error for values, mean absolute scaled error for forecasts. The clock begins before a",
        "system is imported. statsforecast is the mean of four statistical models, however long",
        "these take. AutoGluon has no torch here, whose builds on PyPI are for GPUs: so it has no",
        "networks and makes no forecasts. A loss is the mean over the seeds, each with a split of",
        "its own. Ranks and what was used are of the sets and seeds that all systems were measured",
        "on. tandemlab loads libraries with the first prediction, the others do so to train.",
    ]
    for seconds in sorted({each["time"] for each in results}):
        lines += ["", f"## {seconds:g} seconds", ""]
        mine = [each for each in results if each["time"] == seconds]
        for title, tasks in (("tables", _TABULAR), ("forecasts", _OF_SERIES)):
            part = [each for each in mine if _TASKS[each["table"]] in tasks]
            lines += _tables(title, part) if part else []
    newest = max((each.get("date", "") for each in results), default="")
    lines += [f"- Measured until {newest}; versions: {_versions(results)}"]
    loads = [each["load"] for each in results if "load" in each]
    machine = describe_machine(HERE)
    machine.pop("load_before", None)
    if loads:
        machine["load before a system"] = f"{mean(loads):.2f} in the mean, {max(loads):.2f} at most"
    lines += [f"- {name}: {value}" for name, value in machine.items()]
    return "\n".join(lines) + "\n"


_TASKS = {
    **dict.fromkeys(TABLES, "classification"),
    **dict.fromkeys(("diabetes", "randhie", "star98", "with_gaps", "long"), "regression"),
    **dict.fromkeys(("co2", "elnino", "sunspots", "shops"), "forecasting"),
}


def _versions(results: Sequence[Mapping[str, Any]]) -> str:
    found = {each["system"]: each["version"] for each in results if "version" in each}
    return ", ".join(f"{SYSTEMS[name].title} {found[name]}" for name in SYSTEMS if name in found)


def _tables(title: str, results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Losses by set, and what they took."""
    systems = [name for name in SYSTEMS if any(each["system"] == name for each in results)]
    rule = f"|---|{'--:|' * len(systems)}"
    named = " | ".join(SYSTEMS[name].title for name in systems)
    lines = [f"| loss, {title} | {named} |", rule]
    for table in TABLES:
        of_table = [each for each in results if each["table"] == table]
        if of_table:
            lines.append(f"| {table} | {' | '.join(_losses(of_table, systems))} |")
    cases = shared_cases(results)
    shared = [each for case in cases for each in case]
    placed = ranks(cases)
    places = " | ".join(_shown(placed.get(name)) for name in systems)
    lines.append(f"| mean rank of {len(cases)} | {places} |")
    lines += ["", f"| use, {title} | {named} |", rule]
    for what, key, reduce in (
        ("seconds, mean", "train_seconds", mean),
        ("seconds, most", "train_seconds", max),
        ("processor seconds, mean", "cpu_seconds", mean),
        ("megabytes, mean", "megabytes", mean),
        ("megabytes, most", "megabytes", max),
        ("seconds to predict first, mean", "predict_seconds", mean),
        ("seconds to predict again, mean", "again_seconds", mean),
    ):
        cells = []
        for name in systems:
            values = [each[key] for each in shared if each["system"] == name and key in each]
            cells.append(_shown(reduce(values)) if values else "")
        lines.append(f"| {what} | {' | '.join(cells)} |")
    seeds = {
        table: len({each["seed"] for each in results if each["table"] == table}) for table in TABLES
    }
    told = sorted({count for count in seeds.values() if count})
    lines += ["", f"Seeds of a set: {', '.join(map(str, told))}.", ""]
    return [*lines, *_lost(title, results)]


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _mean_losses(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Of each system on a set, over the seeds; systems that failed once are left out."""
    found: dict[str, list[float]] = defaultdict(list)
    for each in results:
        found[each["system"]].append(each.get("loss", float("nan")))
    means = {name: mean(values) for name, values in found.items()}
    return {name: value for name, value in means.items() if value == value}


def _losses(results: Sequence[Mapping[str, Any]], systems: Sequence[str]) -> list[str]:
    means = _mean_losses(results)
    best = min(means.values(), default=float("nan"))
    found = []
    for name in systems:
        if name in means:
            text = f"{means[name]:.4g}"
            found.append(f"**{text}**" if means[name] == best else text)
        else:
            found.append("failed" if any(each["system"] == name for each in results) else "")
    return found


def _lost(title: str, results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where another system is better in the mean, and by how much."""
    told, compared = [], 0
    for table in TABLES:
        means = _mean_losses([each for each in results if each["table"] == table])
        mine = means.pop("tandemlab", None)
        if mine is None or not means:
            continue
        compared += 1
        name = min(means, key=means.__getitem__)
        if mine > means[name]:
            told.append(f"{table} (by {mine / means[name] - 1:.2%}, {SYSTEMS[name].title})")
    if not compared:
        return []
    where = f": {', '.join(told)}" if told else ""
    return [
        f"Of {compared} {title} with another system beside it, tandemlab has the greater mean loss",
        f"on {len(told)}{where}.",
        "",
    ]


def _version_of(system: str, python: Path) -> str:
    package = {"autogluon_medium": "autogluon.tabular", "autogluon_good": "autogluon.tabular"}
    name = package.get(system, system)
    if SYSTEMS[system].environment is None:
        return version(name)
    code = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    """Measure what the arguments ask for and is not known, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SYSTEMS)
    parser.add_argument("--seconds", nargs="+", type=float, default=[20.0, 30.0, 60.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--sets", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--environments", type=Path, default=Path.home() / ".cache/automl-bench")
    parser.add_argument("--results", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.seconds, chosen.seeds = [20.0], [0]
    chosen.only = chosen.only or (_QUICK if chosen.quick else list(SYSTEMS))
    known: dict[Cell, Result] = {}
    if chosen.results.exists():
        known = {Cell.of(each): each for each in json.loads(chosen.results.read_text())}
    if chosen.again:
        for cell in cells(chosen):
            known.pop(cell, None)
    asked = [] if chosen.page else [cell for cell in cells(chosen) if cell not in known]
    for cell in asked:
        python = python_of(cell.system, chosen.environments)
        found = measure(cell, python)
        if found is None:
            continue
        found |= {"version": _version_of(cell.system, python), "date": time.strftime("%Y-%m-%d")}
        print(json.dumps(found), file=sys.stderr, flush=True)
        known[cell] = found
        ordered = [known[each] for each in sorted(known)]
        partial = chosen.results.with_suffix(".part")
        partial.write_text(json.dumps(ordered, indent=1) + "\n")
        partial.replace(chosen.results)
    text = page(list(known.values()))
    if chosen.results == RESULTS:
        PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
