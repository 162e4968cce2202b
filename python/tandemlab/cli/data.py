"""``tandemlab data``: look into tables in files, write them in another form, and keep them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import click

from tandemlab.cli.commands import Noun, output_option, pass_session, verb, workspace_option
from tandemlab.cli.copies import prune_command
from tandemlab.cli.datasets import COMMANDS
from tandemlab.cli.places import Reading, reading_options, table_of
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

data = Noun("data")

_COLUMNS = (Column("name", whole=True), Column("type"))
_PROFILE = (
    Column("name", whole=True),
    Column("type"),
    Column("count", right=True),
    Column("missing", right=True),
    Column("distinct", right=True, rank=1),
    Column("least"),
    Column("greatest"),
    Column("mean", right=True),
    Column("deviation", right=True, rank=2),
    Column("quantiles", in_table=False),
    Column("histogram", in_table=False),
    Column("most_frequent", in_table=False),
)
_WRITTEN = (Column("folder"), Column("files", right=True), Column("rows", right=True))

_path_argument = click.argument("paths", metavar="PATH...", nargs=-1, required=True)


@verb(
    "columns",
    "tandemlab data columns accidents.csv",
    "tandemlab data columns '2026/*.parquet'",
    "tandemlab data columns 'datastore:lake/2026/*.csv'",
    "tandemlab data columns dataset:accidents:3",
)
@_path_argument
@reading_options
@workspace_option
@output_option
@pass_session
def columns(session: Session, paths: tuple[str, ...], reading: Reading) -> None:
    """Show the columns of a table and their types.

    PATH is a file, a folder or a pattern in quotes, or datastore:NAME/PATH for such in a datastore
    of the workspace. The ending, or that of the files in a folder, says the format: .parquet,
    .arrow or .feather, .jsonl or .ndjson (JSON lines), .tsv; anything else is delimited text.
    dataset:NAME[:VERSION] is a table that the workspace keeps.
    """
    found = table_of(session, paths, reading).columns
    rows = [{"name": name, "type": kind} for name, kind in found.items()]
    session.screen.rows(_COLUMNS, rows, empty="No columns.")


@verb("head", "tandemlab data head accidents.csv", "tandemlab data head a.csv --filter 'age = 90'")
@_path_argument
@reading_options
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="COUNT",
    help="How many rows.",
)
@click.option("--filter", "condition", metavar="SQL", help="Only rows for which this is true.")
@workspace_option
@output_option
@pass_session
def head(
    session: Session, paths: tuple[str, ...], reading: Reading, rows: int, condition: str | None
) -> None:
    """Show the first rows of a table."""
    table = table_of(session, paths, reading)
    if condition is not None:
        table = table.filter(condition)
    found = table.take(rows).to_arrow()
    shown = tuple(Column(name) for name in found.column_names)
    values = [{name: _shown(value) for name, value in row.items()} for row in found.to_pylist()]
    session.screen.rows(shown, values, empty="No rows.")


def _shown(value: object) -> object:
    """A value as results hold it; a time without a zone stays what the clock showed."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.isoformat(sep=" ")
    return str(value) if isinstance(value, Decimal) else value


@verb("profile", "tandemlab data profile accidents.csv")
@_path_argument
@reading_options
@workspace_option
@output_option
@pass_session
def profile(session: Session, paths: tuple[str, ...], reading: Reading) -> None:
    """Show what the columns of a table hold.

    Quantiles, histograms and most frequent values are in the JSON form (-o json).
    """
    profiles = [each.to_dict() for each in table_of(session, paths, reading).profile()]
    found = [{name: _shown(value) for name, value in each.items()} for each in profiles]
    session.screen.rows(_PROFILE, found, empty="No columns.")


@verb(
    "convert",
    "tandemlab data convert accidents.csv --to parquet accidents",
    "tandemlab data convert 'logs/*.jsonl' --to csv errors --filter 'level = 3'",
)
@_path_argument
@click.argument("folder", type=click.Path())
@click.option(
    "--to", "form", type=click.Choice(["parquet", "csv"]), required=True, help="The other form."
)
@reading_options
@click.option("--filter", "condition", metavar="SQL", help="Only rows for which this is true.")
@workspace_option
@output_option
@pass_session
def convert(
    session: Session,
    paths: tuple[str, ...],
    folder: str,
    form: str,
    reading: Reading,
    condition: str | None,
) -> None:
    """Write a table into a new FOLDER in another form.

    FOLDER is there when all of the table is in it, or not at all.
    """
    from tandemlab.data import Dataset

    table = table_of(session, paths, reading)
    if condition is not None:
        table = table.filter(condition)
    if form == "parquet":
        files = table.to_parquet_files(folder)
        written = Dataset.Tabular.from_parquet_files(folder)
    else:
        separator = reading.delimited.get("separator", ",")
        files = table.to_csv_files(folder, separator=separator)
        written = Dataset.Tabular.from_delimited_files(
            folder, separator=separator, infer_column_types=False
        )
    session.screen.record(
        _WRITTEN, {"folder": folder, "files": len(files.files()), "rows": len(written)}
    )


for command in (columns, head, profile, convert, *COMMANDS, prune_command("data", "data")):
    data.add_command(command)
