"""``tandemlab experiment``: make, list and archive experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Noun,
    complete_experiment,
    output_option,
    pass_session,
    verb,
    workspace_option,
)
from tandemlab.cli.pictures import plot_experiment
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.domain import ExperimentRecord

experiment = Noun("experiment")

_LIST = (
    Column("name", whole=True),
    Column("runs", right=True),
    Column("created", rank=1),
    Column("archived", rank=2),
)
_DETAILS = (*_LIST, Column("statuses"), Column("latest_run"))

_name_argument = click.argument("name", shell_complete=complete_experiment)


def _row(record: ExperimentRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "runs": record.run_count,
        "created": record.created,
        "archived": record.archived,
    }


@verb(
    "create",
    "tandemlab experiment create accidents",
    "tandemlab experiment create 'crash tests 2002' --exist-ok",
)
@click.argument("name")
@click.option("--exist-ok", is_flag=True, help="Take an experiment that is there already.")
@workspace_option
@output_option
@pass_session
def create(session: Session, name: str, exist_ok: bool) -> None:
    """Make an experiment called NAME.

    This is seldom needed: submitting a run makes its experiment. A name may have letters of any
    script, digits, spaces and punctuation, but no slashes.
    """
    from tandemlab.domain import AlreadyExists
    from tandemlab.domain.names import check_name

    workspace = session.workspace()
    name = check_name(name, what="experiment")
    if not exist_ok and workspace.store.get_experiment(name) is not None:
        raise AlreadyExists(
            f"There is an experiment {name!r} in the workspace {workspace.name!r} already.",
            hint="Use it as it is, or add --exist-ok.",
            details={"name": name},
        )
    session.screen.record(_LIST, _row(workspace.store.ensure_experiment(name)))
    session.suggest("run submit train.py --experiment", name)


@verb("list", "tandemlab experiment list", "tandemlab experiment list --all -o json")
@click.option("--all", "everything", is_flag=True, help="Include archived experiments.")
@workspace_option
@output_option
@pass_session
def list_(session: Session, everything: bool) -> None:
    """List the experiments of a workspace by name."""
    workspace = session.workspace()
    workspace.place.catch_up_all()
    records = [
        record for record in workspace.store.list_experiments() if everything or not record.archived
    ]
    session.screen.rows(_LIST, [_row(record) for record in records], empty="No experiments yet.")
    if records:
        session.suggest("run list --experiment", records[0].name)
    else:
        session.suggest("run submit train.py")


@verb("show", "tandemlab experiment show accidents")
@_name_argument
@workspace_option
@output_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show the experiment NAME: how many runs it has, and how they went."""
    from collections import Counter

    from tandemlab.cli.references import find_experiment, reference_of
    from tandemlab.domain import RunQuery

    workspace = session.workspace()
    record = find_experiment(workspace, name)
    runs = workspace.store.find_runs(RunQuery(experiment=record.name, include_children=True))
    details = {
        **_row(record),
        "statuses": dict(sorted(Counter(run.status.value for run in runs).items())),
        "latest_run": reference_of(runs[0]) if runs else None,
    }
    session.screen.record(_DETAILS, details)
    session.suggest("run list --metrics --experiment", record.name)


@verb("archive", "tandemlab experiment archive accidents")
@_name_argument
@workspace_option
@output_option
@pass_session
def archive(session: Session, name: str) -> None:
    """Hide the experiment NAME from lists; its runs stay."""
    _set_archived(session, name, archived=True)
    session.suggest("experiment reactivate", name)


@verb("reactivate", "tandemlab experiment reactivate accidents")
@_name_argument
@workspace_option
@output_option
@pass_session
def reactivate(session: Session, name: str) -> None:
    """Show the archived experiment NAME in lists again."""
    _set_archived(session, name, archived=False)
    session.suggest("run list --experiment", name)


def _set_archived(session: Session, name: str, *, archived: bool) -> None:
    from tandemlab.cli.references import find_experiment

    workspace = session.workspace()
    record = find_experiment(workspace, name)
    workspace.store.archive_experiment(record.name, archived=archived)
    session.screen.record(_LIST, _row(find_experiment(workspace, name)))


for command in (create, list_, show, plot_experiment, archive, reactivate):
    experiment.add_command(command)
