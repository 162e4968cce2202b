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
    tag_option,
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
    "tandemlab run list --filter \"metrics.auc>0.8 and params.model='glm'\"",
    "tandemlab run list --metrics --sort 'metrics.auc desc' --last 5",
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
@tag_option(
    "Only runs with this tag, whatever its value or with this one. May be given several "
    "times; then all have to fit."
)
@click.option("--target", metavar="NAME", help="Only runs submitted to this compute target.")
@click.option(
    "--parent", metavar="RUN", shell_complete=complete_run, help="Only children of this run."
)
@click.option(
    "--filter",
    "filter_text",
    metavar="TEXT",
    help="Only runs for which this holds: metrics.NAME, params.NAME, tags.NAME, properties.NAME, "
    "status, created, duration, user, text and others, compared by = != < <= > >= in like "
    "contains, joined by and, or, not.",
)
@click.option(
    "--sort",
    metavar="FIELD [desc]",
    help="Sort by a field such as metrics.auc instead of newest first; several are separated by "
    "commas.",
)
@click.option(
    "--last",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the first N of these runs: the newest, unless they are sorted.",
)
@click.option(
    "--skip", type=click.IntRange(min=0), default=0, metavar="N", help="Pass over the first N."
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
    filter_text: str | None,
    sort: str | None,
    last: int | None,
    skip: int,
    include_children: bool,
    with_metrics: bool,
) -> None:
    """List runs, the newest first unless they are sorted.

    The first column names a run in other commands. In JSON `tags` and `metrics` are objects;
    tables and tab-separated values have a column for each metric.
    """
    from tandemlab.cli.references import find_experiment, find_run
    from tandemlab.tracking.experiment import as_statuses
    from tandemlab.tracking.queries import run_query

    workspace = session.workspace()
    query = run_query(
        filter_text,
        sort,
        experiment=None if experiment is None else find_experiment(workspace, experiment).name,
        status=as_statuses(_spelled(statuses)) if statuses else None,
        tags=labels,
        target=target,
        parent=None if parent is None else find_run(workspace, parent).id,
        include_children=include_children,
        limit=last,
        offset=skip,
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
