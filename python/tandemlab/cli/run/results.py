"""``tandemlab run logs``, ``metrics``, ``files``, ``download`` and ``snapshot``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    output_option,
    pass_session,
    run_argument,
    verb,
    workspace_option,
)
from tandemlab.cli.forms import size
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.domain import Metric, Scalar
    from tandemlab.tracking import Run

_METRICS = (
    Column("name", whole=True),
    Column("shape", rank=2),
    Column("count", right=True, rank=1),
    Column("last", right=True),
    Column("min", right=True, rank=3),
    Column("max", right=True, rank=3),
    Column("value", in_table=False),
)
_POINTS = (Column("step", right=True), Column("time"), Column("value", right=True))
_FILES = (
    Column("name", whole=True),
    Column("size", form=size, right=True),
    Column("sha256", in_table=False),
    Column("path", in_table=False),
)
_DOWNLOADS = (Column("name", whole=True), Column("size", form=size, right=True), Column("path"))


def _find(session: Session, reference: str) -> tuple[Run, str]:
    from tandemlab.cli.references import find_run, reference_of

    run = find_run(session.workspace(), reference)
    return run, reference_of(run.record)


@verb(
    "logs",
    "tandemlab run logs accidents/3",
    "tandemlab run logs latest --follow",
    "tandemlab run logs accidents/3 | grep -i warning",
)
@run_argument()
@click.option(
    "--follow", "-f", is_flag=True, help="Go on as the script prints more, until it ends."
)
@workspace_option
@pass_session
def logs(session: Session, reference: str, follow: bool) -> None:
    """Print what a submitted script has printed.

    Output and errors are one text, byte by byte as the script wrote them. With --follow, what is
    not UTF-8 is shown as �, and the exit status is 6 if the run failed or was canceled; Ctrl-C
    leaves the run alone.
    """
    run, name = _find(session, reference)
    if not run.record.is_submitted:
        session.screen.note(f"Run {name} was not submitted, so nothing was kept of its output.")
    elif follow:
        _follow(run)
        session.screen.note(f"Run {name} is {run.status}.")
    elif not _print_log(run):
        session.screen.note(f"Run {name} is {run.status} and has not printed anything.")
    if run.status.is_terminal:
        session.suggest("run metrics", name)
    else:
        session.suggest("run logs --follow", name)


def _print_log(run: Run) -> bool:
    """Print the bytes of a run's log; whether there are any."""
    from tandemlab.store.run_files import LOG_FILE

    sys.stdout.flush()
    offset = 0
    while data := run.read_file(LOG_FILE, offset, 4 << 20):
        sys.stdout.buffer.write(data)
        offset += len(data)
    sys.stdout.buffer.flush()
    return offset > 0


def _follow(run: Run) -> None:
    from tandemlab.domain import RunFailed

    try:
        run.wait_for_completion(show_output=True)
    except RunFailed as error:
        # What the script printed is on the screen already.
        message = error.message.splitlines()[0]
        raise RunFailed(message, hint=error.hint, details=error.details) from error


@verb(
    "metrics",
    "tandemlab run metrics accidents/3",
    "tandemlab run metrics accidents/3 --name loss -o tsv > loss.tsv",
    "tandemlab run metrics accidents/3 --name loss --max-points 1000 -o json",
)
@run_argument()
@click.option(
    "--name", "-n", metavar="METRIC", help="All that was logged under one name, point by point."
)
@click.option(
    "--max-points",
    type=click.IntRange(4),
    metavar="N",
    help="With --name: of a longer series show at most N points, the first, the last, and the "
    "least and the greatest of stretches between them.",
)
@workspace_option
@output_option
@pass_session
def metrics(session: Session, reference: str, name: str | None, max_points: int | None) -> None:
    """Show what a run has logged.

    Without --name there is one line for each metric: how many values it has, the last of them,
    and the least and greatest. In JSON `value` is all of it: a scalar if logged once, a list if
    more often, an object of columns for a table, and an object for a chart.

    JSON has no numbers that are not finite; here they are the texts "NaN", "Infinity" and
    "-Infinity". A missing value is null.
    """
    if max_points is not None and name is None:
        raise click.UsageError("--max-points needs --name.")
    run, short = _find(session, reference)
    if name is not None and max_points is not None:
        _show_metric(session, run.get_metric_history(name, max_points))
        session.suggest("run plot", short, "--metric", name)
        return
    found = run.metrics
    if name is None:
        rows = [_summary(key, metric) for key, metric in found.items()]
        session.screen.rows(_METRICS, rows, empty=f"Run {short} has not logged any metrics.")
        series = [str(row["name"]) for row in rows if row["count"] > 1]
        if series:
            session.suggest("run metrics", short, "--name", series[0])
        else:
            session.suggest("run files", short)
        return
    if name not in found:
        from tandemlab.domain import NotFound

        raise NotFound(
            f"Run {short} has no metric {name!r}.",
            hint=f"It has {', '.join(found) or 'none'}.",
            details={"name": name},
        )
    _show_metric(session, found[name])
    session.suggest("run files", short)


def _summary(name: str, metric: Metric) -> dict[str, Any]:
    numbers = [
        value
        for value in metric.values
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    ]
    return {
        "name": name,
        "shape": metric.shape.value,
        "count": _count(metric),
        "last": metric.values[-1] if metric.values else None,
        "min": min(numbers, default=None),
        "max": max(numbers, default=None),
        "value": metric.value,
    }


def _count(metric: Metric) -> int:
    if metric.chart is not None:
        return 1
    return max((len(column) for column in metric.columns.values()), default=len(metric.values))


def _show_metric(session: Session, metric: Metric) -> None:
    screen = session.screen
    if metric.columns:
        names = [Column(name, right=True) for name in metric.columns]
        screen.rows(names, _table_rows(metric.columns))
    elif metric.chart is None:
        points = [{"step": p.step, "time": p.time, "value": p.value} for p in metric.points]
        screen.rows(_POINTS, points)
    elif screen.is_for_people and metric.shape.value == "confusion_matrix":
        screen.rows(*_confusion_matrix(metric.chart["data"]))
    else:
        screen.record([Column(name) for name in metric.chart], metric.chart)


def _table_rows(columns: Mapping[str, Sequence[Scalar]]) -> list[dict[str, Scalar]]:
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _confusion_matrix(data: Mapping[str, Any]) -> tuple[list[Column], list[dict[str, Any]]]:
    """One row per true class, one column per predicted class."""
    labels = [str(label) for label in data["class_labels"]]
    heading = "true \\ predicted"
    rows = [
        {heading: label, **dict(zip(labels, counts, strict=True))}
        for label, counts in zip(labels, data["matrix"], strict=True)
    ]
    return [Column(heading), *(Column(label, right=True) for label in labels)], rows


@verb("files", "tandemlab run files accidents/3", "tandemlab run files latest -o json")
@run_argument()
@workspace_option
@output_option
@pass_session
def files(session: Session, reference: str) -> None:
    """List a run's files.

    They are what the script left in outputs/ and logs/, what it printed, and what it uploaded.
    In JSON `path` says where a file is on this machine, if the workspace is a folder; do not
    change it there.
    """
    run, short = _find(session, reference)
    run.get_file_names()  # takes in what the run has uploaded so far
    rows = [
        {
            "name": file.name,
            "size": file.size,
            "sha256": file.digest,
            "path": None if run.workspace.is_remote else run.directory / "files" / file.name,
        }
        for file in run.workspace.store.list_files(run.id)
    ]
    session.screen.rows(_FILES, rows, empty=f"Run {short} has no files.")
    if rows:
        session.suggest("run download", short, str(rows[0]["name"]))


@verb(
    "download",
    "tandemlab run download accidents/3 outputs/model.rds",
    "tandemlab run download accidents/3 --prefix outputs/ --to results",
)
@run_argument()
@click.argument("name", required=False)
@click.option("--prefix", metavar="TEXT", help="All files whose names start with this text.")
@click.option(
    "--to",
    "directory",
    metavar="DIR",
    default=".",
    help="The folder to copy to, made if it is not there; the working directory without it.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@workspace_option
@output_option
@pass_session
def download(
    session: Session,
    reference: str,
    name: str | None,
    prefix: str | None,
    directory: str,
    overwrite: bool,
) -> None:
    """Copy a run's files to a folder of yours.

    NAME is one file; its copy has the last part of that name. With --prefix, or with neither for
    all files, the copies keep their whole names, as in outputs/model.rds.
    """
    from tandemlab.domain import AlreadyExists, NotFound
    from tandemlab.tracking.downloads import download as copy

    if name is not None and prefix is not None:
        raise click.UsageError("Give NAME or --prefix, not both.")
    run, short = _find(session, reference)
    folder = Path(directory).expanduser()
    if name is not None:
        targets = {name: folder / Path(name).name}
    else:
        names = [file for file in run.get_file_names() if file.startswith(prefix or "")]
        targets = {file: folder / file for file in names}
    if not targets:
        raise NotFound(
            f"Run {short} has no files" + (f" that start with {prefix!r}." if prefix else "."),
            hint=f"`tandemlab run files {short}` shows what it has.",
            details={"prefix": prefix},
        )
    present = [path for path in targets.values() if path.exists()]
    if present and not overwrite:
        raise AlreadyExists(
            f"{present[0]} is there already.",
            hint="Add --overwrite to replace it, or choose another folder with --to.",
            details={"paths": [str(path) for path in present]},
        )
    copy(run, targets)
    rows = [
        {"name": file, "size": path.stat().st_size, "path": path} for file, path in targets.items()
    ]
    session.screen.rows(_DOWNLOADS, rows)
    session.suggest("run show", short)


@verb("snapshot", "tandemlab run snapshot accidents/3 --to source")
@run_argument()
@click.option(
    "--to",
    "directory",
    metavar="DIR",
    required=True,
    help="The folder to copy to; it must be empty, and is made if it is not there.",
)
@workspace_option
@output_option
@pass_session
def snapshot(session: Session, reference: str, directory: str) -> None:
    """Copy the source that a run was made from to a folder of yours.

    The files are those of the source directory when the script was submitted, less what its
    ignore rules name.
    """
    from tandemlab.store.run_files import folder_files

    run, short = _find(session, reference)
    folder = run.restore_snapshot(Path(directory).expanduser())
    names = folder_files(folder)
    rows = [
        {"name": name, "size": (folder / name).stat().st_size, "path": folder / name}
        for name in names
    ]
    session.screen.rows(_DOWNLOADS, rows)
    session.suggest("run show", short)
