"""``tandemlab sweep``: search for hyper-parameters, and see which are best."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Noun,
    experiment_option,
    output_option,
    pass_session,
    run_argument,
    tag_option,
    verb,
    workspace_option,
)
from tandemlab.cli.forms import brief_tags, duration
from tandemlab.cli.pictures import picture_file_options, write_picture
from tandemlab.cli.run.rows import STATUS_COLOURS, run_row, show_run
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.sweeps import HyperDriveConfig, HyperDriveRun, TrialState

sweep = Noun("sweep")

_TRIALS = (
    Column("trial", right=True),
    Column("status", whole=True, colours={**STATUS_COLOURS, "Stopped": "yellow"}),
    Column("value", right=True),
    Column("hyperparameters", form=brief_tags, rank=1),
    Column("duration", form=duration, right=True, rank=2),
    Column("run", rank=3),
    Column("values", right=True, rank=5),
    Column("reason", rank=4),
    Column("error", rank=4),
    Column("run_id", in_table=False),
)
_SWEEPS = (
    Column("run", whole=True),
    Column("status", whole=True, colours=STATUS_COLOURS),
    Column("trials", right=True),
    Column("metric"),
    Column("best", right=True),
    Column("created", rank=1),
    Column("duration", form=duration, right=True, rank=2),
    Column("id", in_table=False),
)
_SHOWN = (
    *_SWEEPS,
    Column("best_run"),
    Column("hyperparameters", form=brief_tags),
    Column("statuses", form=brief_tags),
    Column("error"),
    Column("settings", in_table=False),
)
_IMPORTANCE = (Column("hyperparameter", whole=True), Column("importance", right=True))

_file_argument = click.argument("file", type=click.Path(), metavar="FILE")
_wait_option = click.option(
    "--wait/--no-wait",
    default=False,
    help="Print how the trials go until the sweep ends; or return at once, as is usual.",
)
_total_option = click.option(
    "--max-total",
    "max_total_runs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Trials in all, in place of what the sweep says.",
)


@verb(
    "submit",
    "tandemlab sweep submit sweep.yml --wait",
    "tandemlab sweep submit sweep.yml --max-total 10 --experiment trees",
    "tandemlab sweep submit finer.yml --resume-from trees/latest",
)
@_file_argument
@experiment_option("The experiment of the sweep. Without it, the name of the sweep.")
@_total_option
@click.option(
    "--max-concurrent",
    "max_concurrent_runs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Trials at once, in place of what FILE says.",
)
@click.option(
    "--resume-from",
    "earlier",
    multiple=True,
    metavar="RUN",
    help="A sweep whose results the sampling starts from. May be given several times.",
)
@tag_option("A tag of the sweep. May be given several times.")
@_wait_option
@workspace_option
@output_option
@pass_session
def submit(
    session: Session,
    file: str,
    experiment: str | None,
    max_total_runs: int | None,
    max_concurrent_runs: int | None,
    earlier: tuple[str, ...],
    labels: Mapping[str, str | None],
    wait: bool,
) -> None:
    """Run the sweep in the YAML file FILE.

    Everything is checked before anything runs. With --wait the command ends when the sweep does,
    with status 6 if it failed or was canceled.
    """
    limits = {"max_total_runs": max_total_runs, "max_concurrent_runs": max_concurrent_runs}
    config = _load(file).replace(
        **{name: limit for name, limit in limits.items() if limit is not None},
        resume_from=[_find(session, each) for each in earlier],
    )
    workspace = session.workspace()
    config.check(workspace)  # before the experiment is made
    made = workspace.experiment(experiment or config.name or "sweep").submit(config, labels)
    _after_start(session, made, wait=wait)


@verb("resume", "tandemlab sweep resume trees/3", "tandemlab sweep resume trees/3 --max-total 100")
@run_argument()
@_total_option
@_wait_option
@workspace_option
@output_option
@pass_session
def resume(session: Session, reference: str, max_total_runs: int | None, wait: bool) -> None:
    """Go on with the sweep RUN, which has ended.

    Trials that completed, or were stopped, count; the others are tried again. The script and its
    settings are those of RUN, whatever has changed since.
    """
    made = _find(session, reference).resume(max_total_runs=max_total_runs)
    _after_start(session, made, wait=wait)


@verb("list", "tandemlab sweep list", "tandemlab sweep list --experiment trees -o json")
@experiment_option("Only sweeps of this experiment.")
@workspace_option
@output_option
@pass_session
def list_sweeps(session: Session, experiment: str | None) -> None:
    """List sweeps, the newest first."""
    from tandemlab.domain import RunQuery
    from tandemlab.sweeps import HyperDriveRun

    query = RunQuery(type="sweep", experiment=experiment, include_children=True)
    found = session.workspace().find_runs(query)
    rows = [_listed_row(each) for each in found if isinstance(each, HyperDriveRun)]
    session.screen.rows(_SWEEPS, rows)


@verb("show", "tandemlab sweep show trees/latest", "tandemlab sweep show trees/3 -o json")
@run_argument()
@workspace_option
@output_option
@pass_session
def show(session: Session, reference: str) -> None:
    """Show how the sweep RUN stands, and what is best so far."""
    found = _find(session, reference)
    trials = found.sorted_trials()
    best = trials[0] if trials and trials[0].value is not None else None
    counts: dict[str, str] = {}
    for each in trials:
        counts[each.status] = str(int(counts.get(each.status, "0")) + 1)
    error = found.record.error
    row = {
        **_sweep_row(found),
        "best_run": None if best is None else run_row(best.run.record)["run"],
        "hyperparameters": {} if best is None else dict(best.hyperparameters),
        "statuses": counts,
        "error": None if error is None else error.message,
        "settings": found.settings.to_dict(),
    }
    session.screen.record(_SHOWN, row)
    session.suggest("sweep trials", str(row["run"]))


@verb(
    "trials",
    "tandemlab sweep trials trees/latest --top 5",
    "tandemlab sweep trials trees/3 --by-number -o tsv",
)
@run_argument()
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Only the best N.")
@click.option("--by-number", is_flag=True, help="In the order in which they were made.")
@workspace_option
@output_option
@pass_session
def trials(session: Session, reference: str, top: int | None, by_number: bool) -> None:
    """List the trials of the sweep RUN, the best first.

    Those that have not logged the primary metric come last.
    """
    sweep_run = _find(session, reference)
    found = sweep_run.get_trials() if by_number else sweep_run.sorted_trials()
    session.screen.rows(_TRIALS, [_trial_row(each) for each in found[:top]])


@verb("best", "tandemlab sweep best trees/latest", "tandemlab sweep best trees/3 -o json")
@run_argument()
@workspace_option
@output_option
@pass_session
def best(session: Session, reference: str) -> None:
    """Show the best trial of the sweep RUN."""
    from tandemlab.domain import NotFound

    found = _find(session, reference)
    ranked = found.sorted_trials(discard_no_metric=True)
    if not ranked:
        name = found.settings.primary_metric_name
        raise NotFound(
            f"No trial of the sweep {found.id} has logged a finite number as {name!r}.",
            hint=f"`tandemlab sweep trials {reference}` shows how they are doing.",
        )
    row = _trial_row(ranked[0])
    session.screen.record(_TRIALS, row)
    session.suggest("run show", str(row["run"]))


@verb("importance", "tandemlab sweep importance trees/latest")
@run_argument()
@workspace_option
@output_option
@pass_session
def importance(session: Session, reference: str) -> None:
    """Say how much each hyper-parameter of the sweep RUN matters.

    That is its share of the differences between trials, by fANOVA. This needs optuna and
    scikit-learn.
    """
    found = _find(session, reference).get_importance()
    rows = [{"hyperparameter": name, "importance": share} for name, share in found.items()]
    session.screen.rows(_IMPORTANCE, rows)


@verb(
    "plot",
    "tandemlab sweep plot trees/latest --to sweep.png",
    "tandemlab sweep plot trees/3 --kind parallel --to parallel.svg",
)
@run_argument()
@click.option(
    "--kind",
    type=click.Choice(["history", "parallel", "importance"]),
    help="Draw only this; without it, all that there is to draw.",
)
@picture_file_options
@workspace_option
@output_option
@pass_session
def plot(session: Session, reference: str, kind: str | None, file: str, overwrite: bool) -> None:
    """Draw the sweep RUN.

    The history has the value of each trial and the best so far, parallel a line for each trial
    through its hyper-parameters, the better the darker. This needs matplotlib.
    """
    found = _find(session, reference)
    write_picture(session, lambda: found.plot_sweep(kind), file=file, overwrite=overwrite)


@verb("validate", "tandemlab sweep validate sweep.yml")
@_file_argument
@workspace_option
@output_option
@pass_session
def validate(session: Session, file: str) -> None:
    """Check the sweep in FILE before anything runs.

    What is looked at: its keys and values, script, data, environment, target, and how the command
    takes the hyper-parameters. The exit status is 2 if it cannot be run.
    """
    config = _load(file)
    config.check(session.workspace())
    found = config.settings
    row = {
        "method": found.sampling.method,
        "hyperparameters": found.sampling.space.names,
        "metric": found.primary_metric_name,
        "goal": found.primary_metric_goal.value,
        "trials": found.total,
    }
    session.screen.record(tuple(map(Column, row)), row)
    session.suggest("sweep submit", file)


@verb("schema", "tandemlab sweep schema > sweep.schema.json")
def schema() -> None:
    """Print the JSON Schema of sweeps' files.

    Editors complete and check files by it, as `tandemlab config schema --help` says.
    """
    from tandemlab.sweeps.documents import sweep_schema

    click.echo(json.dumps(sweep_schema(), indent=2))


def _load(file: str) -> HyperDriveConfig:
    from tandemlab.sweeps import HyperDriveConfig

    return HyperDriveConfig.load_yaml(file)


def _find(session: Session, reference: str) -> HyperDriveRun:
    from tandemlab.cli.references import find_run
    from tandemlab.sweeps import HyperDriveRun

    workspace = session.workspace()
    return HyperDriveRun.get(workspace, find_run(workspace, reference).id)


def _after_start(session: Session, made: HyperDriveRun, *, wait: bool) -> None:
    from tandemlab.cli.run.submit import wait_until_ended

    if wait:
        wait_until_ended(session, made, next_verb="sweep show")
    else:
        session.suggest("sweep show", show_run(session, made))


def _listed_row(found: HyperDriveRun) -> dict[str, Any]:
    """The row of a sweep; of one that says nothing that could be read, what its run says."""
    from tandemlab.domain import InvalidInput

    try:
        return _sweep_row(found)
    except InvalidInput:
        row = run_row(found.record)
        known = {name: row[name] for name in ("run", "status", "created", "duration", "id")}
        return {**dict.fromkeys(("trials", "metric", "best")), **known}


def _sweep_row(found: HyperDriveRun) -> dict[str, Any]:
    row = run_row(found.record)
    name = found.settings.primary_metric_name
    made = found.sorted_trials()
    return {
        "run": row["run"],
        "status": row["status"],
        "trials": f"{len(made)}/{found.settings.total}",
        "metric": name,
        "best": made[0].value if made else None,
        "created": row["created"],
        "duration": row["duration"],
        "id": row["id"],
    }


def _trial_row(trial: TrialState) -> dict[str, Any]:
    from tandemlab.cli.references import reference_of

    return {
        "trial": trial.number,
        "status": trial.status,
        "value": trial.value,
        "hyperparameters": dict(trial.hyperparameters),
        "duration": trial.duration,
        "run": reference_of(trial.run.record),
        "values": trial.values,
        "reason": trial.reason,
        "error": trial.error,
        "run_id": trial.run.id,
    }


for command in (
    submit,
    resume,
    validate,
    list_sweeps,
    show,
    trials,
    best,
    importance,
    plot,
    schema,
):
    sweep.add_command(command)
