"""``tandemlab run list`` and ``show``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from tandemlab.cli.commands import (
    complete_run,
    experiment_option,
    output_option,
    pass_session,
    run_argument,
    tags,
    verb,
    workspace_option,
)
from tandemlab.cli.run.rows import DETAILS, RUN, RUN_WITH_METRICS, run_details, run_row
from tandemlab.cli.session import Session


@verb(
    "list",
    "tandemlab run list --last 10",
    "tandemlab run list --experiment accidents --metrics",
    "tandemlab run list --status failed --tag data=2002 -o json",
)
@experiment_option("Only runs of this experiment.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="STATUS",
    help="Only runs in this status, such as Queued, Running, Completed, Failed or Canceled. May "
    "be given several times.",
)
@click.option(
    "--tag",
    "labels",
    multiple=True,
    metavar="NAME[=VALUE]",
    callback=tags,
    help="Only runs with this tag, whatever its value or with this one. May be given several "
    "times; then all have to fit.",
)
@click.option("--target", metavar="NAME", help="Only runs submitted to this compute target.")
@click.option(
    "--parent", metavar="RUN", shell_complete=complete_run, help="Only children of this run."
)
@click.option(
    "--last", type=click.IntRange(min=1), metavar="N", help="Only the N newest of these runs."
)
@click.option("--include-children", is_flag=True, help="List child runs beside their parents.")
@click.option(
    "--metrics",
    "with_metrics",
    is_flag=True,
    help="Add the newest value of every metric, to compare runs.",
)
@workspace_option
@output_option
@pass_session
def list_(
    session: Session,
    experiment: str | None,
    statuses: Sequence[str],
    labels: Mapping[str, str | None],
    target: str | None,
    parent: str | None,
    last: int | None,
    include_children: bool,
    with_metrics: bool,
) -> None:
    """List runs, the newest first.

    The first column names a run in other commands. In JSON `tags` and `metrics` are objects;
    tables and tab-separated values have a column for each metric.
    """
    from tandemlab.cli.references import find_experiment, find_run
    from tandemlab.domain import RunQuery
    from tandemlab.tracking.experiment import as_statuses

    workspace = session.workspace()
    query = RunQuery(
        experiment=None if experiment is None else find_experiment(workspace, experiment).name,
        status=as_statuses(_spelled(statuses)) if statuses else None,
        tags=labels,
        target=target,
        parent=None if parent is None else find_run(workspace, parent).id,
        include_children=include_children,
        limit=last,
    )
    workspace.place.catch_up_all()
    records = workspace.store.find_runs(query)
    rows = [run_row(record) for record in records]
    if with_metrics:
        latest = workspace.store.latest_values([record.id for record in records])
        rows = [{**row, "metrics": latest[row["id"]]} for row in rows]
    session.screen.rows(RUN_WITH_METRICS if with_metrics else RUN, rows, empty="No runs fit.")
    if rows:
        session.suggest("run show", rows[0]["run"])
    else:
        session.suggest("run submit train.py")


def _spelled(statuses: Sequence[str]) -> list[str]:
    """Statuses in the case that they are written in."""
    from tandemlab.domain import RunStatus

    known = {status.value.lower(): status.value for status in RunStatus}
    return [known.get(status.lower(), status) for status in statuses]


@verb("show", "tandemlab run show accidents/3", "tandemlab run show latest -o json")
@run_argument()
@workspace_option
@output_option
@pass_session
def show(session: Session, reference: str) -> None:
    """Show all that is known about a run.

    RUN is an id, the start of an id, EXPERIMENT/NUMBER, EXPERIMENT/latest or latest. The metrics
    are the newest value of each. JSON has some more than the table: the circumstances in which
    the run was made.
    """
    from tandemlab.cli.references import find_run

    run = find_run(session.workspace(), reference)
    details = run_details(run)
    session.screen.record(DETAILS, details)
    if details["log"] is not None and details["status"] != "Completed":
        session.suggest("run logs", details["run"])
    else:
        session.suggest("run files", details["run"])
