"""``tandemlab pipeline``: check, run and publish pipelines, and see what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Noun,
    complete_names,
    experiment_option,
    output_option,
    pass_session,
    run_argument,
    tag_option,
    variables,
    verb,
    workspace_option,
)
from tandemlab.cli.forms import duration, tag_text
from tandemlab.cli.run.rows import STATUS_COLOURS, show_run
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.domain.pipelines import ParameterValue
    from tandemlab.pipelines import Pipeline, PipelineRun, PublishedPipeline, StepState
    from tandemlab.tracking import Workspace

pipeline = Noun("pipeline")

_STEPS = (
    Column("step", whole=True),
    Column("status", whole=True, colours=STATUS_COLOURS),
    Column("attempts", right=True, rank=2),
    Column("reused", rank=3),
    Column("duration", form=duration, right=True, rank=1),
    Column("run", rank=4),
    Column("items", rank=6),
    Column("error", rank=5),
    Column("skipped", rank=7),
    Column("run_id", in_table=False),
)
_MISTAKES = (Column("mistake", whole=True),)

_PUBLISHED = (
    Column("pipeline", whole=True),
    Column("default"),
    Column("status"),
    Column("published", rank=1),
    Column("parameters", rank=2),
    Column("description", rank=3),
    Column("name", in_table=False),
    Column("version", in_table=False),
)
_SHOWN = (
    *_PUBLISHED,
    Column("steps"),
    Column("tags", form=tag_text),
    Column("published_by"),
    Column("run"),
)


def _names(workspace: Workspace) -> list[str]:
    from tandemlab.pipelines import PublishedPipeline

    return [each.id for each in PublishedPipeline.list(workspace)]


_complete = complete_names(_names)


_pipeline_argument = click.argument("name", metavar="NAME[:VERSION]", shell_complete=_complete)
_any_argument = click.argument("file", metavar="FILE|NAME", shell_complete=_complete)
_file_argument = click.argument("file", type=click.Path(), metavar="FILE")
parameter_option = click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=variables,
    help="The value of a parameter of the pipeline; a list as JSON. May be given several times.",
)
wait_option = click.option(
    "--wait/--no-wait",
    default=False,
    help="Print how the steps go until the pipeline ends; or return at once, as is usual.",
)


@verb(
    "run",
    "tandemlab pipeline run flights.yml --wait",
    "tandemlab pipeline run flights.yml -p rows=1000 --experiment flights",
    "tandemlab pipeline run score -p day=2026-11-27",
    "tandemlab pipeline run score:2 --data rows=lake:2026/11/*.csv",
)
@_any_argument
@parameter_option
@click.option(
    "--data",
    "places",
    multiple=True,
    metavar="NAME=DATASTORE:PATH",
    callback=variables,
    help="A place in a datastore for a parameter that names a dataset. May be given several times.",
)
@experiment_option("The experiment of the run. Without it, the name of the pipeline.")
@click.option(
    "--continue",
    "goes_on",
    is_flag=True,
    help="When a step fails, let those go on that do not need it. Without it the first failure "
    "ends all.",
)
@click.option(
    "--regenerate",
    is_flag=True,
    help="Run all steps, also those for which what an equal step has made before would do.",
)
@tag_option("A tag of the run. May be given several times.")
@wait_option
@workspace_option
@output_option
@pass_session
def run(
    session: Session,
    file: str,
    parameters: Mapping[str, str],
    places: Mapping[str, str],
    experiment: str | None,
    goes_on: bool,
    regenerate: bool,
    labels: Mapping[str, str | None],
    wait: bool,
) -> None:
    """Run the pipeline in the YAML file FILE, or a published one.

    NAME alone means the default version, NAME:VERSION another. Everything is checked before
    anything runs. With --wait the command ends when the pipeline does, with status 6 if it failed
    or was canceled.
    """
    from tandemlab.pipelines import Pipeline

    workspace = session.workspace()
    found = _load(file) if _is_file(file) else _published(session, file)
    graph = found.graph if isinstance(found, Pipeline) else found.template.graph
    values = {**graph.read(parameters), **_data_values(places)}
    graph.values(values)
    if isinstance(found, Pipeline):
        _check(found, workspace, values, file)
    name = experiment or graph.name or "pipeline"
    options: dict[str, Any] = {"regenerate_outputs": regenerate}
    if goes_on:
        options["continue_on_step_failure"] = True
    made = workspace.experiment(name).submit(found, labels, pipeline_parameters=values, **options)
    after_start(session, made, wait=wait)


def _check(
    found: Pipeline, workspace: Workspace, values: Mapping[str, ParameterValue], file: str
) -> None:
    from tandemlab.domain import InvalidInput
    from tandemlab.domain.schemas import as_sentence

    if mistakes := found.validate(workspace, values):
        raise InvalidInput(
            f"{file} cannot be run. {as_sentence(mistakes[:1])}",
            hint=f"`tandemlab pipeline validate {file}` tells all {len(mistakes)} mistakes."
            if len(mistakes) > 1
            else "",
            details={"mistakes": mistakes},
        )


@verb(
    "publish",
    "tandemlab pipeline publish flights.yml",
    "tandemlab pipeline publish flights.yml --name score --default",
)
@_file_argument
@click.option("--name", metavar="NAME", help="What to run it by. Without it, its own name.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option(
    "--default",
    "is_default",
    is_flag=True,
    help="Have it be the version that NAME alone means, in place of the one that was.",
)
@click.option(
    "--continue", "goes_on", is_flag=True, help="When a step fails, let the others of a run go on."
)
@tag_option("A tag of the published pipeline. May be given several times.", needs_value=True)
@workspace_option
@output_option
@pass_session
def publish(
    session: Session,
    file: str,
    name: str | None,
    description: str | None,
    is_default: bool,
    goes_on: bool,
    labels: Mapping[str, str],
) -> None:
    """Keep the pipeline in FILE as the next version of a name.

    Its sources are kept with it. From then on it runs by that name, whatever becomes of the files.
    Until one version is made the default, NAME alone means the newest that is not disabled.
    """
    made = _load(file).publish(
        session.workspace(), name, description, continue_on_step_failure=goes_on, tags=labels
    )
    show_published(session, made.set_default() if is_default else made)
    session.suggest("pipeline run", made.id)


@verb("list", "tandemlab pipeline list", "tandemlab pipeline list score --all")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--all", "with_disabled", is_flag=True, help="Disabled versions, too.")
@workspace_option
@output_option
@pass_session
def list_published(session: Session, name: str | None, with_disabled: bool) -> None:
    """List published pipelines, the newest version of each name first."""
    from tandemlab.pipelines import PublishedPipeline

    found = PublishedPipeline.list(session.workspace(), name, active_only=not with_disabled)
    session.screen.rows(_PUBLISHED, [_published_row(each) for each in found])


@verb("disable", "tandemlab pipeline disable score:3")
@_pipeline_argument
@workspace_option
@output_option
@pass_session
def disable(session: Session, name: str) -> None:
    """Keep a published pipeline from being run.

    Runs that there are go on.
    """
    show_published(session, _published(session, name).disable())


@verb("enable", "tandemlab pipeline enable score:3")
@_pipeline_argument
@workspace_option
@output_option
@pass_session
def enable(session: Session, name: str) -> None:
    """Have a published pipeline that was disabled be run again."""
    show_published(session, _published(session, name).enable())


@verb("set-default", "tandemlab pipeline set-default score:2")
@_pipeline_argument
@workspace_option
@output_option
@pass_session
def set_default(session: Session, name: str) -> None:
    """Have a version be what runs where none is named."""
    show_published(session, _published(session, name).set_default())


@verb("roll-back", "tandemlab pipeline roll-back score")
@click.argument("name", metavar="NAME", shell_complete=_complete)
@workspace_option
@output_option
@pass_session
def roll_back(session: Session, name: str) -> None:
    """Make the newest enabled version below the default one the default."""
    from tandemlab.pipelines import PipelineEndpoint

    show_published(session, PipelineEndpoint.get(session.workspace(), name).roll_back())


@verb(
    "export",
    "tandemlab pipeline export score:2 score-2",
    "tandemlab pipeline export flights.yml --language r > flights.R",
)
@_any_argument
@click.argument("folder", type=click.Path(), metavar="[FOLDER]", required=False)
@click.option(
    "--language",
    type=click.Choice(["python", "r"]),
    help="Print a script of this language that builds the pipeline.",
)
@workspace_option
@output_option
@pass_session
def export(session: Session, file: str, folder: str | None, language: str | None) -> None:
    """Write a pipeline into a folder, or as a script.

    A published one is written into an empty FOLDER: pipeline.yml, and the sources of its steps. The
    file there can be changed, run and published again. With --language the pipeline in FILE, or the
    published one, is printed as the code that a person would write for it; the paths of a published
    one are those in its FOLDER.
    """
    if (folder is None) == (language is None):
        raise click.UsageError("Give a FOLDER to write into, or --language for a script.")
    if language is not None:
        found = _load(file) if _is_file(file) else _published(session, file).pipeline
        click.echo(found.to_r() if language == "r" else found.to_python(), nl=False)
        return
    written = _published(session, file).save(str(folder))
    session.screen.record((Column("path", whole=True),), {"path": str(written)})
    session.suggest("pipeline run", str(written))


@verb(
    "resume",
    "tandemlab pipeline resume flights/3 --wait",
    "tandemlab pipeline resume flights/latest --from fit",
)
@run_argument()
@click.option(
    "--from", "from_step", metavar="STEP", help="Run STEP again, with all steps that need it."
)
@wait_option
@workspace_option
@output_option
@pass_session
def resume(session: Session, reference: str, from_step: str | None, wait: bool) -> None:
    """Run a pipeline again, without the steps that RUN has completed.

    Sources, parameters and settings are those of RUN, whatever has changed since.
    """
    after_start(session, _find(session, reference).resume(from_step), wait=wait)


@verb("validate", "tandemlab pipeline validate flights.yml")
@_file_argument
@parameter_option
@workspace_option
@output_option
@pass_session
def validate(session: Session, file: str, parameters: Mapping[str, str]) -> None:
    """Check the pipeline in FILE before anything runs.

    What is looked at: its graph, types, parameters, scripts, data, environments and targets;
    without a workspace its graph and types alone. Mistakes are results, a line each; the exit
    status is then 2.
    """
    found, workspace = _load(file), session.workspace_if_any()
    mistakes = found.validate(workspace, found.graph.read(parameters))
    session.screen.rows(_MISTAKES, [{"mistake": each} for each in mistakes])
    if mistakes:
        raise click.exceptions.Exit(2)
    if workspace is None:
        session.screen.note(
            f"The graph of {file} is right. There is no workspace here: scripts, data, "
            "environments and targets were not looked at."
        )
        return
    session.screen.note(f"{file} can be run.")
    session.suggest("pipeline run", file)


@verb(
    "show",
    "tandemlab pipeline show flights.yml",
    "tandemlab pipeline show flights.yml --mermaid > flights.mmd",
    "tandemlab pipeline show score:2",
    "tandemlab pipeline show flights.yml --svg > flights.svg",
)
@_any_argument
@click.option("--mermaid", is_flag=True, help="A flow chart in Mermaid's language, for Markdown.")
@click.option("--svg", is_flag=True, help="A picture.")
@workspace_option
@output_option
@pass_session
def show(session: Session, file: str, mermaid: bool, svg: bool) -> None:
    """Show the pipeline in FILE as a tree, or a published one.

    A published one, found by its NAME, is shown with its parameters. With `-o json` it is the
    document of the pipeline in FILE, or what is known of the published one.
    """
    if not (_is_file(file) or mermaid or svg):
        published = _published(session, file)
        show_published(session, published)
        if session.screen.is_for_people:
            session.screen.text(str(published.pipeline))
        return
    found = _load(file) if _is_file(file) else _published(session, file).pipeline
    if session.screen.format == "json":
        click.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    elif svg:
        click.echo(found.to_svg())
    else:
        session.screen.text(found.to_mermaid() if mermaid else str(found))


@verb("steps", "tandemlab pipeline steps flights/latest", "tandemlab pipeline steps flights/3")
@run_argument()
@workspace_option
@output_option
@pass_session
def steps(session: Session, reference: str) -> None:
    """List the steps of the pipeline's run RUN, and how they are doing."""
    found = _find(session, reference).get_steps()
    session.screen.rows(_STEPS, [_row(each) for each in found])
    failed = next((each.run for each in found if each.error and each.run), None)
    if failed is not None:
        session.suggest("run logs", failed.id)


@verb("why", "tandemlab pipeline why flights/latest fit")
@run_argument()
@click.argument("step")
@workspace_option
@output_option
@pass_session
def why(session: Session, reference: str, step: str) -> None:
    """Say why a step of the pipeline's run RUN ran, or did not.

    If it ran since something has changed: what, with the differences of its source.
    """
    found = _find(session, reference).why(step)
    if session.screen.is_for_people:
        session.screen.text(str(found))
    else:
        content = {**asdict(found), "reason": found.reason.value}
        session.screen.record(tuple(map(Column, content)), content)


@verb("schema", "tandemlab pipeline schema > pipeline.schema.json")
def schema() -> None:
    """Print the JSON Schema of pipelines' files.

    Editors complete and check files by it, as `tandemlab config schema --help` says.
    """
    from tandemlab.pipelines.documents import pipeline_schema

    click.echo(json.dumps(pipeline_schema(), indent=2))


def _is_file(name: str) -> bool:
    """Whether what was given is a file, rather than the name of a published pipeline."""
    return name.endswith((".yml", ".yaml")) or "/" in name


def _load(file: str) -> Pipeline:
    from tandemlab.pipelines import Pipeline

    return Pipeline.load_yaml(file)


def _published(session: Session, name: str) -> PublishedPipeline:
    from tandemlab.pipelines import PublishedPipeline

    return PublishedPipeline.get(session.workspace(), name)


def _data_values(places: Mapping[str, str]) -> dict[str, ParameterValue]:
    """Places in datastores, as parameters have them."""
    from tandemlab.data import DataPath
    from tandemlab.pipelines.published_pipeline import parameter_values

    split = {name: text.partition(":") for name, text in places.items()}
    return parameter_values(
        {name: DataPath(datastore, path) for name, (datastore, _, path) in split.items()}
    )


def _published_row(found: PublishedPipeline) -> dict[str, Any]:
    parameters = found.template.graph.parameters
    return {
        "pipeline": found.id,
        "default": "default" if found.is_default else None,
        "status": found.status,
        "published": found.published_time,
        "parameters": [
            name if each.default is None else f"{name}={each.default}"
            for name, each in parameters.items()
        ],
        "description": found.description,
        "name": found.name,
        "version": found.version,
    }


def show_published(session: Session, found: PublishedPipeline) -> None:
    """Print a version of a published pipeline."""
    row = {
        **_published_row(found),
        "steps": list(found.get_step_names()),
        "tags": found.tags,
        "published_by": found.asset.user,
        "run": found.asset.run_id,
    }
    session.screen.record(_SHOWN, row)


def _find(session: Session, reference: str) -> PipelineRun:
    from tandemlab.cli.references import find_run
    from tandemlab.pipelines import PipelineRun

    workspace = session.workspace()
    return PipelineRun.get(workspace, find_run(workspace, reference).id)


def after_start(session: Session, made: PipelineRun, *, wait: bool) -> None:
    """Print a run that was begun, or how it goes until it has ended."""
    from tandemlab.cli.run.submit import wait_until_ended

    if wait:
        wait_until_ended(session, made, next_verb="pipeline steps")
    else:
        session.suggest("pipeline steps", show_run(session, made))


def _row(state: StepState) -> dict[str, Any]:
    from tandemlab.cli.references import reference_of

    return {
        "step": state.name,
        "status": state.status.value,
        "attempts": state.attempts,
        "reused": state.reused,
        "duration": state.duration,
        "run": reference_of(state.run.record) if state.run else None,
        "items": None if state.items is None else f"{state.items_done}/{state.items}",
        "error": state.error,
        "skipped": state.skipped,
        "run_id": state.run.id if state.run else None,
    }


for command in (
    run,
    resume,
    validate,
    show,
    steps,
    why,
    publish,
    list_published,
    set_default,
    roll_back,
    disable,
    enable,
    export,
    schema,
):
    pipeline.add_command(command)
