"""``tandemlab data``: the datasets that a workspace keeps by name and version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    output_option,
    pass_session,
    tag_option,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.forms import size
from tandemlab.cli.places import Reading, places_of, reading_options, table_of
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.data import FileDataset, TabularDataset

_LIST = (
    Column("name", whole=True),
    Column("version", right=True),
    Column("kind"),
    Column("files", right=True, rank=2),
    Column("size", size, right=True, rank=1),
    Column("created", rank=1),
    Column("description", rank=3),
    Column("tags", rank=4),
)
_SHOW = (*_LIST, Column("paths"), Column("digest"), Column("definition", in_table=False))
_CHANGES = (Column("name", whole=True), Column("change"))
_NAME = click.argument("name", metavar="NAME[:VERSION]")


def _row(found: TabularDataset | FileDataset) -> dict[str, Any]:
    from tandemlab.data import TabularDataset

    assert found.registration is not None
    asset = found.registration.asset
    data = asset.definition["data"]
    return {
        "name": asset.name,
        "version": asset.version,
        "kind": "tabular" if isinstance(found, TabularDataset) else "file",
        "files": data["files"],
        "size": data["size"],
        "created": asset.created,
        "description": asset.description,
        "tags": dict(asset.tags),
        "paths": [str(path) for path in found.definition.source.paths],
        "digest": data["digest"],
        "definition": asset.definition["dataset"],
    }


@verb("list", "tandemlab data list")
@workspace_option
@output_option
@pass_session
def list_(session: Session) -> None:
    """List the datasets of the workspace, each name's newest version."""
    from tandemlab.data import Dataset

    found = Dataset.get_all(session.workspace()).values()
    session.screen.rows(_LIST, [_row(each) for each in found], empty="No datasets yet.")


@verb("versions", "tandemlab data versions cars")
@click.argument("name")
@workspace_option
@output_option
@pass_session
def versions(session: Session, name: str) -> None:
    """List the versions of a dataset, the newest first."""
    from tandemlab.data import Dataset

    found = Dataset.get_versions(session.workspace(), name)
    session.screen.rows(_LIST, [_row(each) for each in found])


@verb("show", "tandemlab data show cars", "tandemlab data show cars:3 -o json")
@_NAME
@workspace_option
@output_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show a dataset of the workspace."""
    from tandemlab.data import Dataset

    session.screen.record(_SHOW, _row(Dataset.get_by_id(session.workspace(), name)))


@verb(
    "register",
    "tandemlab data register accidents.csv --name accidents",
    "tandemlab data register images --name images --files --tag year=2026",
    "tandemlab data register datastore:lake/trips.parquet --name trips",
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--name", required=True, metavar="NAME", help="Its name in the workspace.")
@click.option("--files", "as_files", is_flag=True, help="Files as they are, not a table.")
@reading_options
@click.option("--description", metavar="TEXT", help="What it is, in words.")
@tag_option("A tag of the dataset. May be given several times.")
@click.option(
    "--new-version", is_flag=True, help="Make the next version of a name that is there already."
)
@workspace_option
@output_option
@pass_session
def register(
    session: Session,
    paths: tuple[str, ...],
    name: str,
    as_files: bool,
    reading: Reading,
    description: str | None,
    labels: Mapping[str, str | None],
    new_version: bool,
) -> None:
    """Keep a table or files in the workspace, by name and version.

    The data stays where it is; what it is now is recorded, so that `tandemlab data changed` can
    tell later. The same again is the same version.
    """
    from tandemlab.data import Dataset

    dataset: TabularDataset | FileDataset
    if as_files:
        reading.refuse("A dataset of files")
        dataset = Dataset.File.from_files(places_of(session, paths))
    else:
        dataset = table_of(session, paths, reading)
    found = dataset.register(
        session.workspace(),
        name,
        description,
        {key: value or "" for key, value in labels.items()},
        create_new_version=new_version,
    )
    session.screen.record(_SHOW, _row(found))
    session.suggest(f"run submit --input data=dataset:{found.id} train.py")


@verb("changed", "tandemlab data changed cars", "tandemlab data changed cars:3")
@_NAME
@workspace_option
@output_option
@pass_session
def changed(session: Session, name: str) -> None:
    """Show which files of a dataset have changed since its version."""
    from tandemlab.data import Dataset

    found = Dataset.get_by_id(session.workspace(), name).changes()
    rows = [{"name": each.name, "change": each.change} for each in found]
    session.screen.rows(_CHANGES, rows, empty="Nothing has changed.")


@verb("remove", "tandemlab data remove cars:2", "tandemlab data remove cars --yes")
@_NAME
@yes_option
@workspace_option
@output_option
@pass_session
def remove(session: Session, name: str, yes: bool) -> None:
    """Forget a version of a dataset, or all; the data stays where it is."""
    from tandemlab.data import Dataset
    from tandemlab.domain.asset_names import AssetReference

    found = Dataset.get_by_id(session.workspace(), name)
    one = AssetReference.of(name, kind="dataset").version is not None
    question = f"Forget {found.id if one else f'all versions of {found.name}'}?"
    if session.screen.confirm(question, yes=yes):
        if one:
            found.unregister()
        else:
            found.unregister_all_versions()


COMMANDS = (list_, show, register, versions, changed, remove)
