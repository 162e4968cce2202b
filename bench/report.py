"""What the figures mean: one row per measure, with its aim."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import Any

from harness import Figure


@dataclass(frozen=True)
class Row:
    """A line of the report.

    Attributes:
        key: the measure; that of the software beside has the name `other`, or the same with
            ``mlflow_`` or ``beside_`` before it.
        unit: `scale` of these are one second, or one byte.
        rate: show 1 / seconds instead: more is better.
        aim: in `unit`; None where there is none.
        times: how many times better than the software beside it shall be.
        beside: that software.
        paired: both were measured by turns, and how many times better is the median of the pairs.
    """

    title: str
    key: str
    unit: str
    scale: float = 1.0
    rate: bool = False
    aim: float | None = None
    times: float | None = None
    other: str | None = None
    beside: str = "MLflow"
    paired: bool = False

    def show(self, seconds: float) -> float:
        return self.scale / seconds if self.rate else seconds * self.scale


MICRO, MILLI = 1e6, 1e3

ROWS = (
    Row("`run.log`, Python", "log", "µs", MICRO, times=500),
    Row("bare `write(2)`, Python", "write", "µs", MICRO),
    Row("`run.log` beyond `write(2)`", "beyond", "µs", MICRO, aim=5),
    Row("`log_metric_to_run`, R", "r_log", "µs", MICRO, times=500, other="mlflow_log"),
    Row("bare `write(2)`, R", "r_write", "µs", MICRO),
    Row("`log_metric_to_run` beyond `write(2)`", "r_beyond", "µs", MICRO, aim=5),
    Row("runs created", "create", "/s", rate=True, aim=1000),
    Row("points taken in", "ingest", "/s", rate=True, aim=200_000),
    Row("points taken in, 10 metrics in turn", "ingest_mixed", "/s", rate=True, aim=200_000),
    Row("history of one metric", "read", "ms", MILLI, aim=100),
    Row("the same, taking it in first", "ingest_and_read", "ms", MILLI, other="mlflow_read"),
    Row("the same, sampled to 1,000 points", "sample", "ms", MILLI, aim=20),
    Row("history of 10 metrics", "read_mixed", "ms", MILLI),
    Row("store, per point", "bytes", "bytes", aim=40),
    Row("store, per point, 10 metrics in turn", "bytes_mixed", "bytes"),
    Row("frame of many runs", "frame", "ms", MILLI),
    Row("the same, taking in their news first", "frame_first", "ms", MILLI, other="mlflow_frame"),
    Row("frame of ten times as many, ended", "frame_many", "ms", MILLI, aim=300),
    Row("the first 50 of these by a metric", "page", "ms", MILLI, aim=10),
    Row("`import`, beyond bare Python", "import", "ms", MILLI, aim=80),
    Row("`import` and first log in a job, beyond bare Python", "job", "ms", MILLI),
    Row("first log of a run, once imported", "first_log", "ms", MILLI),
    Row("`library(tandemlab)`, beyond bare Rscript", "r_library", "ms", MILLI, aim=150),
    Row("first log in an R job, once loaded", "r_first_log", "ms", MILLI, aim=10),
    Row("`--help` of the command line, whole", "cli_whole", "ms", MILLI, aim=150),
)


SERVER_ROWS = (
    Row("batches of 10 points, all clients", "batches", "/s", rate=True),
    Row("a point, one client", "call", "ms", MILLI),
    Row("a batch of 1,000 points, one client", "thousand", "ms", MILLI),
    Row("runs created, one client", "create", "/s", rate=True),
    Row("first 100 runs found", "page", "ms", MILLI),
    Row("history of one metric", "history", "ms", MILLI),
)


TRAINING_ROWS = (
    Row("submit to the first line, Python", "job_python", "ms", MILLI, aim=250),
    Row("submit to the first line, R", "job_r", "ms", MILLI, aim=400),
    Row("an environment that is built", "environment", "ms", MILLI, aim=50),
    Row("a table to pandas", "table", "s", times=1, beside="read_csv"),
    Row("a table to R", "r_table", "s", times=1, beside="fread"),
)


def compute_rows(targets: Sequence[str]) -> list[Row]:
    """The rows of compute targets."""
    rows = []
    for name in targets:
        rows += [
            Row(f"the engine's own start, `{name}`", f"{name}_bare", "ms", MILLI),
            Row(f"submit to start beyond that, `{name}`", f"{name}_start", "ms", MILLI, aim=300),
            Row(f"print to read, `{name}`", f"{name}_log", "ms", MILLI, aim=300),
        ]
    staged = Row("300 files, 20 MB staged, `ssh`", "ssh_stage", "ms", MILLI, times=1 / 1.5)
    rows.append(replace(staged, beside="tar", paired=True))
    rows.append(Row("the same, unchanged, `ssh`", "ssh_unchanged", "ms", MILLI, aim=100))
    return rows


def summarize(
    samples: Mapping[str, Sequence[float]], rows: Sequence[Row] = ROWS
) -> list[dict[str, Any]]:
    """The rows that were measured, with medians, quartiles, ratios and verdicts."""
    return [_summary(row, samples) for row in rows if samples.get(row.key)]


def _summary(row: Row, samples: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    figure = Figure(samples[row.key])
    names = [row.other] if row.other else [f"mlflow_{row.key}", f"beside_{row.key}"]
    other = next((samples[name] for name in names if samples.get(name)), None)
    summary: dict[str, Any] = {
        "measure": row.title,
        "unit": row.unit,
        "median": row.show(figure.median),
        "quartiles": sorted(row.show(value) for value in figure.spread),
        "repeats": len(figure.samples),
    }
    if samples.get(f"{row.key}_cpu"):
        summary["processor"] = row.show(Figure(samples[f"{row.key}_cpu"]).median)
    if other:
        summary["beside"] = row.show(Figure(other).median)
        summary["beside_quartiles"] = sorted(row.show(value) for value in Figure(other).spread)
        summary["times_better"] = Figure(other).spread[0] / figure.spread[0]
        if row.paired:
            pairs = zip(other, samples[row.key], strict=True)
            summary["times_better"] = median(beside / own for beside, own in pairs)
    if row.aim is not None:
        summary["aim"] = f"{'≥' if row.rate else '≤'} {row.aim:,.0f}"
        value = summary["median"]
        summary["met"] = value >= row.aim if row.rate else value <= row.aim
    if row.times is not None and other:
        summary["aim"] = f"{row.times:.3g} × {row.beside}"
        summary["met"] = summary["times_better"] >= row.times
    return summary


def table(rows: Sequence[Mapping[str, Any]], beside: str = "MLflow") -> str:
    """The summary as a Markdown table."""
    lines = [
        f"| measure | tandemlab | quartiles | processor | {beside} | times better | aim | |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        low, high = row["quartiles"]
        cells = [
            row["measure"],
            f"{_number(row['median'])} {row['unit']}",
            f"{_number(low)} – {_number(high)}",
            _number(row["processor"]) if "processor" in row else "",
            f"{_number(row['beside'])} {row['unit']}" if "beside" in row else "",
            f"{_number(row['times_better'])}" if "beside" in row else "",
            f"{row['aim']}{'' if '×' in row['aim'] else ' ' + row['unit']}" if "aim" in row else "",
            {True: "met", False: "missed"}.get(row.get("met"), ""),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def page(result: Mapping[str, Any]) -> str:
    """The whole Markdown page."""
    machine, sizes = result["machine"], result["sizes"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    method = f"""
        Log calls: {sizes["calls"]:,} at a time, with a step, each by turns with the bare `write(2)`
        of a line of the same length in the same process. History: {sizes["points"]:,} points in
        all. Frame: {sizes["runs"]:,} runs with two metrics and a tag each. MLflow's counts:
        {sizes["mlflow_calls"]:,} log calls, {sizes["mlflow_points"]:,} points in batches of 1,000,
        {sizes["mlflow_runs"]:,} runs; its time for a history or a frame is scaled to tandemlab's
        count where that is larger. MLflow takes in while it logs; tandemlab when somebody reads,
        so both are shown. Process starts are by turns with the bare interpreter's.
    """
    return f"""# Measurements

`make bench` measures and writes this page and `results.json`; [bridge.md](bridge.md) has the bridge
between R and Python. MLflow runs beside tandemlab, on its SQLite store, in an environment of its
own. Take the ratios: the machine is shared, and its figures are noisy.

{table(result["rows"])}

Medians with their quartiles. The column *processor* has the same by processor time, which other
work on the machine does not lengthen. For the same reason the ratio is that of the lower quartiles:
MLflow's median may be several times its quickest quarter.

{fill(" ".join(method.split()), width=100)}

- Measured on {result["date"]} in {result["rounds"]} rounds
- Machine: {machine["processor"]}, {machine["cores"]} cores, {machine["memory_gib"]} GiB,
  {machine["system"]}, {machine["file_system"]}; load average before: {machine["load_before"]}
- Versions: {versions}
"""


def server_part(result: Mapping[str, Any]) -> str:
    """The part of the page about servers."""
    machine, sizes = result["machine"], result["sizes"]
    method = f"""
        Both servers answer the same calls of MLflow's REST API on this machine, each as one process
        on a SQLite store. {sizes["clients"]} clients log for
        {sizes["seconds"]} seconds; {sizes["calls"]} points one by one; {sizes["runs"]} runs; a
        history of {sizes["points"]:,} points. Measured on {result["date"]}; load average before:
        {machine["load_before"]}.
    """
    return f"""
## Beside MLflow's server

`bench/mlflow_server.py` measures this part.

{table(result["rows"])}

{fill(" ".join(method.split()), width=100)}
"""


def training_part(result: Mapping[str, Any]) -> str:
    """The part of the page about jobs, environments and datasets."""
    machine, sizes = result["machine"], result["sizes"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    method = f"""
        Scripts print a line; their workspace has run such scripts before. Tables: {sizes["rows"]:,}
        rows of delimited text with two whole numbers, a double, a text and a date, described and
        read, by turns with pandas.read_csv, which leaves dates as text, and data.table::fread.
        Measured on {result["date"]} with {versions}; load average before:
        {machine["load_before"]}.
    """
    return f"""
## Jobs, environments and datasets

`bench/training.py` measures this part.

{table(result["rows"], "read_csv, fread")}

{fill(" ".join(method.split()), width=100)}
"""


def compute_part(result: Mapping[str, Any]) -> str:
    """The part of the page about compute targets."""
    machine, sizes = result["machine"], result["sizes"]
    method = f"""
        {sizes["repeats"]} scripts that say when they begin to run, by turns with the engine's own
        command (a process, `ssh` over a connection that is open, `sbatch`, a request to Ray's Jobs
        API, `spark-submit`), and lines that a script prints, until they can be read here. Staging
        ends when the job was started, over a connection that is open, by turns with `tar` through
        `ssh`, whose connection is open as well; compared is the median of the pairs.
        Measured on {result["date"]}; load average before: {machine["load_before"]}.
    """
    return f"""
## Compute targets

`bench/compute.py` measures this part.

{table(result["rows"], "tar")}

{fill(" ".join(method.split()), width=100)}
"""


def pipelines_part(result: Mapping[str, Any]) -> str:
    """The part of the page about pipelines, which have a page of their own."""
    return f"""
## Pipelines

[pipelines.md](pipelines.md) has what a step of a pipeline costs, beside Metaflow, Prefect and
Dagster. `bench/pipelines.py` measures it; last on {result["date"]}.
"""


def write_page(folder: Path) -> None:
    """Write README.md from the results beside it."""
    text = page(json.loads((folder / "results.json").read_text("utf-8")))
    for name, part in (
        ("mlflow_server", server_part),
        ("training", training_part),
        ("compute", compute_part),
        ("pipelines", pipelines_part),
    ):
        if (folder / f"{name}.json").exists():
            text += part(json.loads((folder / f"{name}.json").read_text("utf-8")))
    (folder / "README.md").write_text(text, encoding="utf-8")
