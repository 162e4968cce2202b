"""``tandemlab draft``: pipelines as the designer draws them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Noun,
    complete_names,
    experiment_option,
    output_option,
    pass_session,
    run_argument,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.pipeline import (
    after_start,
    parameter_option,
    show_published,
    wait_option,
)
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.designer import Draft
    from tandemlab.pipelines import PipelineRun
    from tandemlab.tracking import Workspace

draft = Noun("draft")

_DRAFTS = (
    Column("draft", whole=True),
    Column("steps", right=True, rank=1),
    Column("saved", rank=2),
    Column("saved_by", rank=4),
    Column("description", rank=3),
    Column("name", in_table=False),
    Column("version", in_table=False),
)
_SAMPLES = (Column("sample", whole=True), Column("steps", right=True), Column("description"))


def _names(workspace: Workspace) -> list[str]:
    return [each.name for each in workspace.assets.list("draft")]


_name_argument = click.argument("name", metavar="NAME", shell_complete=complete_names(_names))
_version_option = click.option(
    "--version", type=click.IntRange(min=1), help="Which version; the newest without it."
)


@verb("list", "tandemlab draft list", "tandemlab draft list --samples")
@click.option("--samples", "of_samples", is_flag=True, help="The samples that import takes.")
@workspace_option
@output_option
@pass_session
def list_drafts(session: Session, of_samples: bool) -> None:
    """List the drafts: the newest version of each."""
    from tandemlab.designer import Draft
    from tandemlab.designer.samples import samples

    if of_samples:
        rows = [
            {
                "sample": each.name,
                "steps": len(each.pipeline.graph.steps),
                "description": each.description,
            }
            for each in samples().values()
        ]
        session.screen.rows(_SAMPLES, rows)
        return
    found = Draft.list(session.workspace())
    session.screen.rows(_DRAFTS, [_row(each) for each in found], empty="No drafts yet.")


@verb("show", "tandemlab draft show prices", "tandemlab draft show prices --version 3")
@_name_argument
@_version_option
@workspace_option
@pass_session
def show(session: Session, name: str, version: int | None) -> None:
    """Print the steps of the draft NAME, and what is wrong with them."""
    from tandemlab.designer import check_pipeline

    workspace = session.workspace()
    found = _find(session, name, version)
    click.echo(str(found.pipeline))
    for each in check_pipeline(found.pipeline, workspace).problems:
        place = ".".join(filter(None, (each.step, each.input, each.parameter)))
        session.screen.warn(f"{place}: {each.message}" if place else each.message)


@verb(
    "import",
    "tandemlab draft import prices.json",
    "tandemlab draft import --sample automobile-prices",
    "tandemlab draft import flights.yml --name flights",
    "tandemlab draft import --published score --name score-draft",
)
@click.argument("file", required=False, type=click.Path(), metavar="[FILE]")
@click.option("--sample", metavar="NAME", help="A sample (see draft list --samples).")
@click.option("--published", metavar="NAME[:VERSION]", help="A published pipeline.")
@click.option("--run", "run", metavar="RUN", help="The pipeline that a run was of.")
@click.option("--name", metavar="NAME", help="Of the draft. Without it, that of what it is from.")
@workspace_option
@output_option
@pass_session
def import_draft(
    session: Session,
    file: str | None,
    sample: str | None,
    published: str | None,
    run: str | None,
    name: str | None,
) -> None:
    """Make a draft of a file, a sample, a published pipeline or a run.

    FILE is what `draft export` wrote, or the YAML file of a pipeline; - is standard input.
    """
    if sum(each is not None for each in (file, sample, published, run)) != 1:
        raise click.UsageError("Give FILE, --sample, --published or --run, and one of them.")
    made = _imported(session, file, sample, published, run, name)
    session.screen.record(_DRAFTS, _row(made))
    session.suggest("draft run", made.name)


def _imported(
    session: Session,
    file: str | None,
    sample: str | None,
    published: str | None,
    run: str | None,
    name: str | None,
) -> Draft:
    from tandemlab.designer import Draft
    from tandemlab.designer.samples import find_sample
    from tandemlab.pipelines import Pipeline, PublishedPipeline

    workspace = session.workspace()
    if sample is not None:
        found = find_sample(sample)
        return Draft.create(workspace, name or sample, found.pipeline, found.layout)
    if published is not None:
        version = PublishedPipeline.get(workspace, published)
        graph = version.template.graph
        return Draft.create(workspace, name or version.name, Pipeline.from_graph(graph))
    if run is not None:
        of_run = _find_run(workspace, run)
        called = name or of_run.pipeline.graph.name or of_run.experiment.name
        return Draft.of_run(workspace, called, of_run)
    assert file is not None
    if Path(file).suffix in (".yml", ".yaml"):
        pipeline = Pipeline.load_yaml(file)
        return Draft.create(workspace, name or Path(file).stem, pipeline)
    if file == "-":
        return Draft.from_json(workspace, sys.stdin.read(), name)
    return Draft.from_file(workspace, file, name)


@verb("export", "tandemlab draft export prices > prices.json")
@_name_argument
@_version_option
@workspace_option
@pass_session
def export(session: Session, name: str, version: int | None) -> None:
    """Print the draft NAME as JSON, as `draft import` takes it.

    `tandemlab pipeline export` writes scripts of Python and R.
    """
    click.echo(_find(session, name, version).to_json())


@verb(
    "run",
    "tandemlab draft run prices --wait",
    "tandemlab draft run prices --until clean -p rows=1000",
)
@_name_argument
@_version_option
@parameter_option
@click.option("--until", metavar="STEP", help="Only the steps that this one needs, and itself.")
@experiment_option("The experiment of the run. Without it, the draft's name.")
@click.option("--regenerate", is_flag=True, help="Run all steps, whatever was made before.")
@wait_option
@workspace_option
@output_option
@pass_session
def run_draft(
    session: Session,
    name: str,
    version: int | None,
    parameters: Mapping[str, str],
    until: str | None,
    experiment: str | None,
    regenerate: bool,
    wait: bool,
) -> None:
    """Run the draft NAME, whole or up to a step."""
    found = _find(session, name, version)
    made = found.submit(
        experiment,
        found.pipeline.graph.read(parameters),
        until=until,
        regenerate_outputs=regenerate,
    )
    after_start(session, made, wait=wait)


@verb("publish", "tandemlab draft publish prices", "tandemlab draft publish prices --name score")
@_name_argument
@_version_option
@click.option("--name", "published", metavar="NAME", help="What to run it by; the draft's name.")
@workspace_option
@output_option
@pass_session
def publish(session: Session, name: str, version: int | None, published: str | None) -> None:
    """Keep the draft's pipeline as the next version of a published one."""
    found = _find(session, name, version)
    made = found.pipeline.publish(session.workspace(), published or found.name, found.description)
    show_published(session, made)
    session.suggest("pipeline run", made.id)


@verb(
    "deploy",
    "tandemlab draft deploy prices/4 --name prices",
    "tandemlab draft deploy prices/4 --name prices --step score_forest",
)
@run_argument()
@click.option("--name", required=True, metavar="NAME", help="Of the service, and of its model.")
@click.option("--step", metavar="STEP", help="Where the path to predictions ends.")
@click.option("--overwrite", is_flag=True, help="Replace a service of that name.")
@workspace_option
@output_option
@pass_session
def deploy(session: Session, reference: str, name: str, step: str | None, overwrite: bool) -> None:
    """Have a trained pipeline answer requests, as a service.

    The path from rows to predictions is cut out of it, with what was learned in the run: it ends at
    the Web service output, or at the only step that scores.
    """
    from tandemlab.cli.service import show_service
    from tandemlab.designer import deploy_pipeline_run

    run = _find_run(session.workspace(), reference)
    service = deploy_pipeline_run(run, name, step, overwrite=overwrite)
    service.wait_for_deployment()
    show_service(session, service, "service run")


@verb(
    "batch",
    "tandemlab draft batch prices/4 --name score-cars --dataset cars --register-as cars-scored",
)
@run_argument()
@click.option("--name", required=True, metavar="NAME", help="Of the new draft, and of its model.")
@click.option(
    "--dataset",
    required=True,
    metavar="NAME[:VERSION]",
    help="What it scores; without a version the newest one whenever it runs.",
)
@click.option(
    "--register-as", required=True, metavar="NAME", help="Of the dataset of the scored rows."
)
@click.option("--step", metavar="STEP", help="Where the path to predictions ends.")
@workspace_option
@output_option
@pass_session
def batch(
    session: Session, reference: str, name: str, dataset: str, register_as: str, step: str | None
) -> None:
    """Make a draft that scores a dataset as a trained pipeline does.

    The path from rows to predictions is cut out of it, as by `draft deploy`, and becomes a model;
    the draft is run, published and scheduled as any other.
    """
    from tandemlab.designer import create_batch_draft

    run = _find_run(session.workspace(), reference)
    made = create_batch_draft(run, name, dataset, register_as, step)
    session.screen.record(_DRAFTS, _row(made))
    session.suggest("draft run", made.name)


@verb("delete", "tandemlab draft delete prices --yes")
@_name_argument
@yes_option
@workspace_option
@pass_session
def delete(session: Session, name: str, yes: bool) -> None:
    """Forget the draft NAME with all its versions; its runs stay."""
    found = _find(session, name)
    if session.screen.confirm(f"Delete the draft {found.name!r}?", yes=yes):
        found.delete()
        session.screen.note(f"The draft {found.name!r} is gone.")


def _find(session: Session, name: str, version: int | None = None) -> Draft:
    from tandemlab.designer import Draft

    return Draft.get(session.workspace(), name, version)


def _find_run(workspace: Workspace, reference: str) -> PipelineRun:
    from tandemlab.cli.references import find_run
    from tandemlab.pipelines import PipelineRun

    return PipelineRun.get(workspace, find_run(workspace, reference).id)


def _row(found: Draft) -> dict[str, Any]:
    return {
        "draft": found.asset.reference,
        "steps": len(found.asset.definition["pipeline"]["steps"]),
        "saved": found.asset.created,
        "saved_by": found.created_by,
        "description": found.description,
        "name": found.name,
        "version": found.asset.version,
    }


for each in (list_drafts, show, import_draft, export, run_draft, publish, deploy, batch, delete):
    draft.add_command(each)
