"""``tandemlab pipeline``: check and run pipelines, and see what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Noun,
    experiment_option,
    output_option,
    pass_session,
    run_argument,
    tag_option,
    variables,
    verb,
    workspace_option,
)
from tandemlab.cli.forms import duration
from tandemlab.cli.run.rows import STATUS_COLOURS, show_run
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.domain.scalars import Scalar
    from tandemlab.pipelines import Pipeline, PipelineRun, StepState

pipeline = Noun("pipeline")

_STEPS = (
    Column("step", whole=True),
    Column("status", whole=True, colours=STATUS_COLOURS),
    Column("attempts", right=True, rank=2),
    Column("reused", rank=3),
    Column("duration", form=duration, right=True, rank=1),
    Column("run", rank=4),
    Column("error", rank=5),
    Column("run_id", in_table=False),
)
_MISTAKES = (Column("mistake", whole=True),)

_file_argument = click.argument("file", type=click.Path(), metavar="FILE")
_parameter_option = click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=variables,
    help="The value of a parameter of the pipeline. May be given several times.",
)
_wait_option = click.option(
    "--wait/--no-wait",
    default=False,
    help="Print how the steps go until the pipeline ends; or return at once, as is usual.",
)


@verb(
    "run",
    "tandemlab pipeline run flights.yml --wait",
    "tandemlab pipeline run flights.yml -p rows=1000 --experiment flights",
)
@_file_argument
@_parameter_option
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
@_wait_option
@workspace_option
@output_option
@pass_session
def run(
    session: Session,
    file: str,
    parameters: Mapping[str, str],
    experiment: str | None,
    goes_on: bool,
    regenerate: bool,
    labels: Mapping[str, str | None],
    wait: bool,
) -> None:
    """Run the pipeline in the YAML file FILE.

    Everything is checked before anything runs. With --wait the command ends when the pipeline
    does, with status 6 if it failed or was canceled.
    """
    from tandemlab.domain import InvalidInput

    found = _load(file)
    values = _values(found, parameters)
    workspace = session.workspace()
    found.graph.values(values)
    if mistakes := found.validate(workspace, values):
        raise InvalidInput(
            f"{file} cannot be run. {mistakes[0]}.",
            hint=f"`tandemlab pipeline validate {file}` tells all {len(mistakes)} mistakes."
            if len(mistakes) > 1
            else "",
            details={"mistakes": mistakes},
        )
    name = experiment or found.graph.name or "pipeline"
    made = workspace.experiment(name).submit(
        found,
        labels,
        pipeline_parameters=values,
        continue_on_step_failure=goes_on,
        regenerate_outputs=regenerate,
    )
    _after_start(session, made, wait=wait)


@verb(
    "resume",
    "tandemlab pipeline resume flights/3 --wait",
    "tandemlab pipeline resume flights/latest --from fit",
)
@run_argument()
@click.option(
    "--from", "from_step", metavar="STEP", help="Run STEP again, with all steps that need it."
)
@_wait_option
@workspace_option
@output_option
@pass_session
def resume(session: Session, reference: str, from_step: str | None, wait: bool) -> None:
    """Run a pipeline again, without the steps that RUN has completed.

    Sources, parameters and settings are those of RUN, whatever has changed since.
    """
    _after_start(session, _find(session, reference).resume(from_step), wait=wait)


@verb("validate", "tandemlab pipeline validate flights.yml")
@_file_argument
@_parameter_option
@workspace_option
@output_option
@pass_session
def validate(session: Session, file: str, parameters: Mapping[str, str]) -> None:
    """Check the pipeline in FILE before anything runs.

    What is looked at: its graph, types, parameters, scripts, data, environments and targets.
    Mistakes are results, a line each; the exit status is then 2.
    """
    found = _load(file)
    mistakes = found.validate(session.workspace(), _values(found, parameters))
    session.screen.rows(_MISTAKES, [{"mistake": each} for each in mistakes])
    if mistakes:
        raise click.exceptions.Exit(2)
    session.screen.note(f"{file} can be run.")
    session.suggest("pipeline run", file)


@verb(
    "show",
    "tandemlab pipeline show flights.yml",
    "tandemlab pipeline show flights.yml --mermaid > flights.mmd",
)
@_file_argument
@click.option("--mermaid", is_flag=True, help="A flow chart in Mermaid's language, for Markdown.")
@output_option
@pass_session
def show(session: Session, file: str, mermaid: bool) -> None:
    """Show the pipeline in FILE as a tree.

    With `-o json` it is the pipeline's document.
    """
    found = _load(file)
    if session.screen.format == "json":
        click.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
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


def _load(file: str) -> Pipeline:
    from tandemlab.pipelines import Pipeline

    return Pipeline.load_yaml(file)


def _values(found: Pipeline, given: Mapping[str, str]) -> dict[str, Scalar]:
    """Values of parameters, each read as its type has it."""
    known = found.graph.parameters
    return {name: known[name].read(text) if name in known else text for name, text in given.items()}


def _find(session: Session, reference: str) -> PipelineRun:
    from tandemlab.cli.references import find_run
    from tandemlab.pipelines import PipelineRun

    workspace = session.workspace()
    return PipelineRun.get(workspace, find_run(workspace, reference).id)


def _after_start(session: Session, made: PipelineRun, *, wait: bool) -> None:
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
        "error": state.error,
        "run_id": state.run.id if state.run else None,
    }


for command in (run, resume, validate, show, steps, why, schema):
    pipeline.add_command(command)
