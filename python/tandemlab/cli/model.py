"""``tandemlab model``: keep models by name and version, and get them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Function,
    Noun,
    complete_names,
    output_option,
    pass_session,
    tag_option,
    tags,
    variables,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.copies import prune_command
from tandemlab.cli.forms import size, tag_text
from tandemlab.cli.service import package, serve
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.models import Model
    from tandemlab.tracking import Workspace

model = Noun("model")

_LIST = (
    Column("model", whole=True),
    Column("aliases"),
    Column("format", rank=2),
    Column("size", right=True, form=size, rank=3),
    Column("created", rank=1),
    Column("tags", form=tag_text, rank=1),
)
_SHOWN = (
    Column("model", whole=True),
    Column("name", in_table=False),
    Column("version", in_table=False),
    Column("aliases"),
    Column("description"),
    Column("format"),
    Column("framework"),
    Column("framework_version"),
    Column("inputs"),
    Column("outputs"),
    Column("signature", in_table=False),
    Column("sample_input", in_table=False),
    Column("sample_output", in_table=False),
    Column("tags", form=tag_text),
    Column("properties", form=tag_text),
    Column("created"),
    Column("created_by"),
    Column("run", whole=True),
    Column("datasets"),
    Column("used_by"),
    Column("size", form=size),
    Column("files"),
)
_COPY = (Column("model", whole=True), Column("path", whole=True))


def _row(found: Model) -> dict[str, Any]:
    return {
        "model": found.id,
        "aliases": list(found.aliases),
        "format": found.format.value,
        "size": found.size,
        "created": found.created_time,
        "tags": found.tags,
    }


def _full_row(found: Model) -> dict[str, Any]:
    signature = found.signature
    return {
        **_row(found),
        "name": found.name,
        "version": found.version,
        "description": found.description,
        "framework": found.framework,
        "framework_version": found.framework_version,
        "inputs": None if signature is None else str(signature.inputs),
        "outputs": str(signature.outputs) if signature and signature.outputs else None,
        "signature": None if signature is None else signature.to_dict(),
        "sample_input": found.sample_input,
        "sample_output": found.sample_output,
        "properties": found.properties,
        "created_by": found.created_by,
        "run": found.run_id,
        "datasets": [f"{each.scenario}={each.id}" for each in found.datasets],
        "used_by": list(found.used_by()),
        "files": list(found.files),
    }


def _names(workspace: Workspace) -> list[str]:
    from tandemlab.models import Model

    return [each.id for each in Model.list(workspace)]


_complete = complete_names(_names)


def _reference_argument(function: Function) -> Function:
    return click.argument("reference", metavar="MODEL", shell_complete=_complete)(function)


def _find(session: Session, reference: str) -> Model:
    from tandemlab.models import Model

    return Model(session.workspace(), reference)


@verb("list", "tandemlab model list", "tandemlab model list --name accidents --tag team=a")
@click.option("--name", metavar="NAME", help="All versions of one name.")
@tag_option("Only models that have this tag. May be given several times.")
@click.option("--run", "reference", metavar="RUN", help="Only models that this run has made.")
@click.option("--all", "all_versions", is_flag=True, help="All versions, not only the newest.")
@workspace_option
@output_option
@pass_session
def list_(
    session: Session,
    name: str | None,
    labels: Mapping[str, str | None],
    reference: str | None,
    all_versions: bool,
) -> None:
    """List models by name: the newest version of each."""
    from tandemlab.cli.references import find_run
    from tandemlab.models import Model

    workspace = session.workspace()
    found = Model.list(
        workspace,
        name,
        tags=labels or None,
        run_id=find_run(workspace, reference).id if reference else None,
        latest=not (all_versions or name or labels or reference),
    )
    session.screen.rows(_LIST, [_row(each) for each in found], empty="No models.")


@verb("show", "tandemlab model show accidents", "tandemlab model show accidents@production -o json")
@_reference_argument
@workspace_option
@output_option
@pass_session
def show(session: Session, reference: str) -> None:
    """Show what is known of a model.

    MODEL is NAME for the newest version, NAME:VERSION or NAME@ALIAS. Its signature and sample are
    in the JSON form (-o json).
    """
    found = _find(session, reference)
    session.screen.record(_SHOWN, _full_row(found))
    session.suggest("model download", found.id)


@verb(
    "register",
    "tandemlab model register accidents model.joblib --tag team=a --sample test.csv",
    "tandemlab model register accidents outputs/model.rds --run demo/3 --alias candidate",
)
@click.argument("name")
@click.argument("path")
@click.option(
    "--run", "reference", metavar="RUN", help="Take PATH from the files of this run, its maker."
)
@click.option("--description", metavar="TEXT", help="What the model is for.")
@click.option("--framework", metavar="NAME", help="What trained it, such as ScikitLearn.")
@click.option("--framework-version", metavar="VERSION", help="Version of the framework.")
@tag_option("A label. May be given several times.", needs_value=True)
@click.option(
    "--property",
    "properties",
    multiple=True,
    metavar="NAME=VALUE",
    callback=variables,
    help="A fact that does not change. May be given several times.",
)
@click.option("--alias", "aliases", multiple=True, metavar="ALIAS", help="Another name of it.")
@click.option(
    "--sample",
    metavar="FILE",
    help="A table of inputs (.csv, .tsv, .txt, .parquet, .arrow, .jsonl; dataset:NAME): the "
    "signature is found from it, and a few rows are kept.",
)
@click.option(
    "--sample-output", metavar="FILE", help="A table of what the model gave for such inputs."
)
@click.option("--signature", metavar="FILE", help="A signature as JSON, instead of a sample's.")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="SCENARIO=NAME[:VERSION]",
    callback=variables,
    help="A registered dataset that it comes from, such as training=accidents:2.",
)
@workspace_option
@output_option
@pass_session
def register(
    session: Session,
    /,
    name: str,
    path: str,
    reference: str | None,
    labels: Mapping[str, str | None],
    sample: str | None,
    sample_output: str | None,
    signature: str | None,
    datasets: Mapping[str, str],
    framework: str | None,
    framework_version: str | None,
    **about: Any,
) -> None:
    """Keep a file or folder as the next version of a model.

    NAME is the model's name, PATH the file or folder on this machine, or with --run a file or
    folder of that run. It is copied; the format is told by its ending (.joblib, .pkl, .skops,
    .onnx, .pt, .rds), and any other is kept as it is.
    """
    from tandemlab.cli.references import find_run
    from tandemlab.models import Model

    workspace = session.workspace()
    about |= {
        "tags": {label: value or "" for label, value in labels.items()},
        "datasets": list(datasets.items()),
        "model_framework": framework,
        "model_framework_version": framework_version,
        "signature": None if signature is None else _read_signature(signature),
        "sample_input_dataset": None if sample is None else _table(session, sample),
        "sample_output_dataset": None if sample_output is None else _table(session, sample_output),
    }
    if reference is None:
        found = Model.register(workspace, path, name, **about)
    else:
        found = find_run(workspace, reference).register_model(name, path, **about)
    session.screen.record(_SHOWN, _full_row(found))
    session.suggest("model alias", found.id, "production")


def _table(session: Session, path: str) -> Any:
    from tandemlab.cli.places import check_is_table, table_of

    check_is_table(path)
    return table_of(session, (path,))


def _read_signature(path: str) -> Any:
    import json

    from tandemlab.domain import InvalidInput
    from tandemlab.store.durable import storage_errors

    with storage_errors(path):
        text = Path(path).read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except ValueError as problem:
        raise InvalidInput(f"{path} is no JSON: {problem}.") from None


@verb(
    "download",
    "tandemlab model download accidents",
    "tandemlab model download accidents@production --to models --exist-ok",
)
@_reference_argument
@click.option("--to", "folder", default=".", metavar="DIR", help="Where it goes.  [default: .]")
@click.option("--exist-ok", is_flag=True, help="Replace what has its name there.")
@workspace_option
@output_option
@pass_session
def download(session: Session, reference: str, folder: str, exist_ok: bool) -> None:
    """Copy a model's file or folder."""
    found = _find(session, reference)
    path = found.download(folder, exist_ok=exist_ok)
    session.screen.record(_COPY, {"model": found.id, "path": str(path)})


@verb(
    "alias",
    "tandemlab model alias accidents:3 production",
    "tandemlab model alias accidents@production candidate --remove",
)
@_reference_argument
@click.argument("aliases", metavar="ALIAS...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the aliases away.")
@workspace_option
@output_option
@pass_session
def alias(session: Session, reference: str, aliases: Sequence[str], remove: bool) -> None:
    """Name one version of a model by an alias, such as production.

    An alias that another version has moves here. NAME@ALIAS then means this version, in scripts
    and services, too.
    """
    found = _find(session, reference)
    for each in aliases:
        if remove:
            found.remove_alias(each)
        else:
            found.set_alias(each)
    session.screen.record(_LIST, _row(found))


@verb(
    "tag",
    "tandemlab model tag accidents:3 team=a reviewed",
    "tandemlab model tag accidents --remove reviewed",
)
@_reference_argument
@click.argument("labels", metavar="NAME[=VALUE]...", nargs=-1, callback=tags)
@click.option(
    "--remove", "removed", multiple=True, metavar="NAME", help="Take a tag away. Also several."
)
@workspace_option
@output_option
@pass_session
def tag(
    session: Session, reference: str, labels: Mapping[str, str | None], removed: Sequence[str]
) -> None:
    """Set tags of a model, or take them away."""
    if not labels and not removed:
        raise click.UsageError("Say which tags: NAME=VALUE, or --remove NAME.")
    found = _find(session, reference)
    if removed:
        found.remove_tags(removed)
    if labels:
        found.add_tags({name: value or "" for name, value in labels.items()})
    session.screen.record(_LIST, _row(found))


@verb("remove", "tandemlab model remove accidents:3")
@_reference_argument
@yes_option
@workspace_option
@output_option
@pass_session
def remove(session: Session, reference: str, yes: bool) -> None:
    """Remove one version of a model.

    Its files go with the next `tandemlab workspace gc`, unless runs or others have them, too. Its
    number is not used again. One that a service uses stays. There is no way back, so this asks
    first.
    """
    found = _find(session, reference)
    row = _row(found)
    if session.screen.confirm(f"Remove {found.id} for good?", yes=yes):
        found.delete()
        session.screen.record(_LIST, row)
        session.screen.note(f"Removed {found.id}.")
        session.suggest("model list")


for command in (
    list_,
    show,
    register,
    download,
    serve,
    package,
    alias,
    tag,
    remove,
    prune_command("model", "models"),
):
    model.add_command(command)
