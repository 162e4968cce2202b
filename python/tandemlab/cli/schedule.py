"""``tandemlab schedule``: have scripts and pipelines run by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Noun,
    complete_config,
    complete_names,
    experiment_option,
    limit_option,
    output_option,
    pass_session,
    seconds,
    tag_option,
    variables,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.domain import RunRecord
    from tandemlab.domain.recurrence import ScheduleRecurrence
    from tandemlab.domain.schedules import Firing
    from tandemlab.schedules import Schedule
    from tandemlab.tracking import Workspace

schedule = Noun("schedule")

_LIST = (
    Column("schedule", whole=True),
    Column("status"),
    Column("fires", rank=1),
    Column("runs", rank=2),
    Column("next"),
    Column("description", rank=3),
)
_SHOWN = (
    *_LIST,
    Column("experiment"),
    Column("start"),
    Column("end"),
    Column("catch_up"),
    Column("overlap"),
    Column("data_parameter"),
    Column("version", in_table=False),
)
_FIRINGS = (
    Column("due", whole=True),
    Column("state"),
    Column("run"),
    Column("reason", rank=2),
    Column("slot", rank=3),
    Column("run_id", in_table=False),
)


def _names(workspace: Workspace) -> list[str]:
    from tandemlab.schedules import Schedule

    return [each.name for each in Schedule.list(workspace)]


_complete = complete_names(_names)


_name_argument = click.argument("name", metavar="NAME", shell_complete=_complete)


def _moment(context: click.Context, option: click.Parameter, word: str | None) -> datetime | None:
    """A time, of this machine's clock unless it says otherwise."""
    if word is None:
        return None
    try:
        return datetime.fromisoformat(word.replace("Z", "+00:00"))
    except ValueError:
        raise click.BadParameter(f"{word!r} is not a time such as 2026-11-30T06:00.") from None


@verb(
    "create",
    "tandemlab schedule create nightly --pipeline score --cron '30 2 * * *' --time-zone "
    "Europe/Berlin",
    "tandemlab schedule create rescore --pipeline score --on-data lake:in/*.csv --data-parameter "
    "rows",
    "tandemlab schedule create report --script report.R --after score",
    "tandemlab schedule create beat --command 'date' --every 15m --overlap queue",
)
@click.argument("name", metavar="NAME")
@click.option(
    "--pipeline",
    metavar="NAME[:VERSION]",
    help="The published pipeline to run: NAME means its default version whenever it fires.",
)
@click.option("--script", metavar="FILE", help="The script to run, in the source directory.")
@click.option("--command", metavar="TEXT", help="The line for the shell to run.")
@click.option(
    "--argument", "arguments", multiple=True, metavar="WORD", help="An argument of the script."
)
@click.option(
    "--config",
    "configuration",
    metavar="NAME|FILE",
    shell_complete=complete_config,
    help="How the script runs, as for `tandemlab run submit`; it may name the script.",
)
@click.option(
    "--source-directory",
    "--source",
    metavar="DIR",
    default=".",
    show_default=True,
    help="The folder of the script, which is kept as it is now.",
)
@click.option(
    "--cron", metavar="EXPRESSION", help="When, as cron has it: '30 6 * * MON-FRI', or @daily."
)
@click.option(
    "--every",
    metavar="TIME",
    callback=seconds,
    help="When, as a time such as 90s, 15m, 6h or 2d from the start on.",
)
@click.option("--time-zone", metavar="ZONE", help="Of --cron: an IANA name.  [default: UTC]")
@click.option(
    "--on-data",
    metavar="DATASTORE:PATH",
    help="When files at PATH (a file, a folder or a pattern) are new or changed, and complete.",
)
@click.option("--on-dataset", metavar="NAME", help="When a dataset gets a new version.")
@click.option("--after", metavar="PIPELINE", help="When a run of a published pipeline has ended.")
@click.option("--after-schedule", metavar="NAME", help="When a run of another schedule has ended.")
@click.option(
    "--after-status",
    type=click.Choice(["Completed", "Failed", "any"]),
    default="Completed",
    show_default=True,
    help="How that run has to have ended.",
)
@click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=variables,
    help="The value of a parameter of the pipeline; ${slot} and ${slot.date} in it stand for the "
    "time at which it was due. May be given several times.",
)
@click.option(
    "--data-parameter",
    metavar="NAME",
    help="The parameter of the pipeline, or the input of the script, that is given what has "
    "changed.",
)
@click.option(
    "--polling", metavar="TIME", callback=seconds, help="How often --on-data looks, such as 1m."
)
@click.option(
    "--settle",
    metavar="TIME",
    callback=seconds,
    help="How long nothing may change before files count as complete.  [default: 5s]",
)
@click.option("--start", metavar="TIME", callback=_moment, help="Nothing fires before.")
@click.option("--end", metavar="TIME", callback=_moment, help="Nothing fires after.")
@click.option(
    "--catch-up",
    type=click.Choice(["skip", "latest", "all"]),
    default="latest",
    show_default=True,
    help="Which of the times fire that were missed while no agent was at work.",
)
@click.option(
    "--overlap",
    type=click.Choice(["skip", "queue", "replace"]),
    default="skip",
    show_default=True,
    help="What becomes of a firing while the run of an earlier one goes on: it is skipped, it "
    "waits, or it takes its place.",
)
@experiment_option("The experiment of the runs. Without it, the name of the schedule.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--exist-ok", is_flag=True, help="Change the schedule of that name, if there is one.")
@tag_option("A tag of the runs. May be given several times.")
@workspace_option
@output_option
@pass_session
def create(session: Session, /, name: str, **options: Any) -> None:
    """Have a pipeline or a script run by itself.

    One of --pipeline, --script, --command and --config says what, and one of --cron, --every,
    --on-data, --on-dataset, --after and --after-schedule says when. The workspace's agent sees to
    it; `tandemlab agent install` has it come back when this machine starts.
    """
    from tandemlab.schedules import Schedule

    workspace = session.workspace()
    datastore, _, path = (options["on_data"] or "").partition(":")
    after: str | Schedule | None = options["after"]
    if options["after_schedule"] is not None:
        if after is not None:
            raise click.UsageError("Give one of --after and --after-schedule.")
        after = Schedule.get(workspace, options["after_schedule"])
    polling, settle = options["polling"], options["settle"]
    made = Schedule.create(
        workspace,
        name,
        _config(workspace, options),
        options["experiment"],
        _recurrence(options),
        options["description"],
        _parameters(workspace, options["pipeline"], options["parameters"]),
        datastore or None,
        None if polling is None else polling / 60,
        options["data_parameter"],
        path_on_datastore=path or None,
        dataset=options["on_dataset"],
        after=after,
        after_status=options["after_status"],
        settle_seconds=5.0 if settle is None else settle,
        start=options["start"],
        end=options["end"],
        catch_up=options["catch_up"],
        overlap=options["overlap"],
        tags=options["labels"],
        exist_ok=options["exist_ok"],
    )
    _show(session, made)
    session.suggest("schedule show", made.name)


def _config(workspace: Workspace, options: Mapping[str, Any]) -> object:
    from tandemlab.domain import InvalidInput
    from tandemlab.training import RunConfiguration, ScriptRunConfig

    given = [options[key] for key in ("pipeline", "script", "command") if options[key]]
    if len(given) > 1 or not (given or options["configuration"]):
        raise InvalidInput(
            "What is to run is not said, or said twice.",
            hint="Give one of --pipeline, --script and --command.",
        )
    if options["pipeline"]:
        return options["pipeline"]
    source, configuration = options["source_directory"], None
    if options["configuration"]:
        configuration = RunConfiguration.load(source, options["configuration"])
    return ScriptRunConfig(
        source,
        options["script"],
        list(options["arguments"]) or None,
        command=options["command"],
        run_config=configuration,
    )


def _recurrence(options: Mapping[str, Any]) -> ScheduleRecurrence | None:
    from tandemlab.domain.recurrence import ScheduleRecurrence

    every = options["every"]
    if options["cron"] is not None and every is not None:
        raise click.UsageError("Give one of --cron and --every.")
    if options["cron"] is not None:
        return ScheduleRecurrence(cron=options["cron"], time_zone=options["time_zone"])
    if every is None:
        return None
    for frequency, length in (("Hour", 3600), ("Minute", 60), ("Second", 1)):
        if every >= length and every % length == 0:
            return ScheduleRecurrence(
                frequency, int(every // length), options["start"], options["time_zone"]
            )
    raise click.UsageError("--every is a whole number of seconds from 1.")


def _parameters(
    workspace: Workspace, pipeline: str | None, given: Mapping[str, str]
) -> dict[str, Any]:
    """Values of parameters, each read as its type has it."""
    if pipeline is None or not given:
        return dict(given)
    from tandemlab.pipelines import PublishedPipeline

    return PublishedPipeline.get(workspace, pipeline).template.graph.read(given)


@verb("list", "tandemlab schedule list", "tandemlab schedule list -o json")
@click.option("--active", "active_only", is_flag=True, help="Without those that are paused.")
@workspace_option
@output_option
@pass_session
def list_schedules(session: Session, active_only: bool) -> None:
    """List the schedules, with when each fires next."""
    from tandemlab.schedules import Schedule

    found = Schedule.list(session.workspace(), active_only=active_only)
    session.screen.rows(_LIST, [_row(each, 1) for each in found])


@verb("show", "tandemlab schedule show nightly")
@_name_argument
@workspace_option
@output_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show a schedule, with the next three times at which it fires."""
    _show(session, _find(session, name))


@verb("history", "tandemlab schedule history nightly", "tandemlab schedule history nightly -n 5")
@_name_argument
@limit_option
@workspace_option
@output_option
@pass_session
def history(session: Session, name: str, limit: int) -> None:
    """List the times at which a schedule was due, with their runs.

    The last one comes first.
    """
    firings = _find(session, name).get_firings(limit)
    records = {each.id: each for each in _records(session, [each.run_id for each in firings])}
    rows = [_firing_row(each, records.get(each.run_id)) for each in firings]
    session.screen.rows(_FIRINGS, rows)


def _records(session: Session, ids: Sequence[str]) -> Sequence[RunRecord]:
    from tandemlab.domain import RunQuery
    from tandemlab.domain.filters import Comparison, Field

    if not ids:
        return []
    is_one = Comparison(Field("", "id"), "in", tuple(ids))
    return session.workspace().store.find_runs(RunQuery(filter=is_one, include_children=True))


@verb("pause", "tandemlab schedule pause nightly")
@_name_argument
@workspace_option
@output_option
@pass_session
def pause(session: Session, name: str) -> None:
    """Have nothing fire until the schedule is resumed."""
    _show(session, _find(session, name).pause())


@verb("resume", "tandemlab schedule resume nightly")
@_name_argument
@workspace_option
@output_option
@pass_session
def resume(session: Session, name: str) -> None:
    """Have a schedule go on; what was due meanwhile does not fire."""
    _show(session, _find(session, name).resume())


@verb("run-now", "tandemlab schedule run-now nightly")
@_name_argument
@workspace_option
@output_option
@pass_session
def run_now(session: Session, name: str) -> None:
    """Have a schedule fire once, now, whatever it waits for."""
    run_id = _find(session, name).run_now()
    session.screen.record((Column("run_id", whole=True),), {"run_id": run_id})
    session.suggest("schedule history", name)


@verb("delete", "tandemlab schedule delete nightly --yes")
@_name_argument
@yes_option
@workspace_option
@pass_session
def delete(session: Session, name: str, yes: bool) -> None:
    """Forget a schedule; its runs stay."""
    found = _find(session, name)
    if session.screen.confirm(f"Delete the schedule {found.name!r}?", yes=yes):
        found.delete()
        session.screen.note(f"The schedule {found.name!r} is gone.")


def _find(session: Session, name: str) -> Schedule:
    from tandemlab.schedules import Schedule

    return Schedule.get(session.workspace(), name)


def _show(session: Session, found: Schedule) -> None:
    definition = found.definition
    session.screen.record(
        _SHOWN,
        {
            **_row(found, 3),
            "experiment": definition.experiment,
            "start": definition.start,
            "end": definition.end,
            "catch_up": definition.catch_up.value,
            "overlap": definition.overlap.value,
            "data_parameter": definition.data_parameter,
            "version": found.asset.version,
        },
    )


def _row(found: Schedule, number: int) -> dict[str, Any]:
    return {
        "schedule": found.name,
        "status": found.status,
        "fires": str(found.definition.trigger),
        "runs": str(found.definition.action),
        "next": list(found.next_times(number)),
        "description": found.description,
    }


def _firing_row(firing: Firing, record: RunRecord | None) -> dict[str, Any]:
    from tandemlab.cli.references import reference_of

    return {
        "due": firing.due,
        "state": firing.state.value if record is None else record.status.value,
        "run": None if record is None else reference_of(record),
        "reason": firing.reason,
        "slot": firing.slot,
        "run_id": None if record is None else record.id,
    }


for each in (create, list_schedules, show, history, pause, resume, run_now, delete):
    schedule.add_command(each)
