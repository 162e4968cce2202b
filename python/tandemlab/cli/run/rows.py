"""Runs as results: the same fields in tables, JSON and tab-separated values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tandemlab.cli.forms import brief_tags, definition_text, duration, tag_text
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.cli.session import Session
    from tandemlab.domain import RunRecord
    from tandemlab.tracking import Run

STATUS_COLOURS = {
    "Running": "cyan",
    "Completed": "green",
    "Failed": "red",
    "Canceled": "yellow",
    "CancelRequested": "yellow",
}

RUN = (
    Column("run", whole=True),
    Column("status", whole=True, colours=STATUS_COLOURS),
    Column("display_name", rank=3),
    Column("created", rank=2),
    Column("duration", form=duration, rank=1, right=True),
    Column("id", whole=True, rank=9),
    Column("type", rank=8),
    Column("target", rank=7),
    Column("parent", rank=10, whole=True),
    Column("tags", form=tag_text, rank=4),
    Column("params", form=brief_tags, rank=5),
    Column("experiment", in_table=False),
    Column("number", in_table=False),
    Column("started", in_table=False),
    Column("ended", in_table=False),
    Column("exit_code", in_table=False),
    Column("error", in_table=False),
)
RUN_WITH_METRICS = (*RUN[:2], Column("metrics", spread=True), *RUN[2:])
DETAILS = (
    *(
        column._replace(
            in_table=column.name not in ("experiment", "number"),
            form=tag_text if column.form is brief_tags else column.form,
        )
        for column in RUN
    ),
    Column("description"),
    Column("metrics"),
    Column("properties"),
    Column("definition", form=definition_text),
    Column("snapshot"),
    Column("context", in_table=False),
    Column("directory"),
    Column("log"),
)


def run_row(record: RunRecord) -> dict[str, Any]:
    """A run as one row of a list."""
    from tandemlab.domain.scalars import as_scalars

    error = record.error
    return {
        "run": f"{record.experiment}/{record.number}",
        "status": record.status.value,
        "display_name": record.display_name,
        "created": record.created,
        "duration": record.duration,
        "id": record.id,
        "type": record.type,
        "target": record.target,
        "parent": record.parent,
        "tags": dict(record.tags),
        "params": as_scalars(record.params),
        "experiment": record.experiment,
        "number": record.number,
        "started": record.started,
        "ended": record.ended,
        "exit_code": record.exit_code,
        "error": None if error is None else {"message": error.message, "code": error.code},
    }


def run_details(run: Run) -> dict[str, Any]:
    """Everything about a run, with the newest values of its metrics."""
    record = run.record
    return {
        **run_row(record),
        "description": record.description,
        "metrics": run.workspace.store.latest_values([record.id])[record.id],
        "properties": dict(record.properties),
        "definition": dict(record.definition),
        "snapshot": record.snapshot,
        "context": dict(record.context),
        "directory": run.directory,
        "log": run.log_path if run.log_path.exists() else None,
    }


def show_run(session: Session, run: Run) -> str:
    """Print one run as a list would; its short name."""
    row = run_row(run.record)
    if session.screen.is_for_people:
        session.screen.rows(RUN, [row])
    else:
        session.screen.record(RUN, row)
    return str(row["run"])


def show_runs(session: Session, runs: list[Run]) -> str:
    """Print several runs; the short name of the first."""
    rows = [run_row(run.record) for run in runs]
    session.screen.rows(RUN, rows)
    return str(rows[0]["run"])
