"""``tandemlab run compare`` and ``lineage``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tandemlab.cli.commands import (
    complete_run,
    output_option,
    pass_session,
    run_argument,
    verb,
    workspace_option,
)
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.cli.screen import Screen
    from tandemlab.domain.comparison import Comparison
    from tandemlab.domain.lineage import Lineage

_VALUES = tuple(Column(name) for name in ("group", "name", "left", "right", "differs"))
_COMPARISON = tuple(Column(name) for name in ("left", "right", "values", "packages", "code"))
_LINKS = tuple(
    Column(name, whole=True)
    for name in ("source_kind", "source", "relation", "target_kind", "target")
)
_LINEAGE = (Column("run"), Column("links"))


@verb(
    "compare",
    "tandemlab run compare accidents/3 accidents/4",
    "tandemlab run compare accidents/3 latest -o json",
)
@run_argument()
@click.argument("other", metavar="OTHER", shell_complete=complete_run)
@workspace_option
@output_option
@pass_session
def compare(session: Session, reference: str, other: str) -> None:
    """Show what is different in the run OTHER than in RUN.

    RUN and OTHER are an id, the start of an id, EXPERIMENT/NUMBER, EXPERIMENT/latest or latest.
    Side by side are metrics (the newest value of each), parameters, tags, status, interpreter,
    machine and git; for the packages that were installed what was added, removed and changed, and
    for each file of the source a unified diff. In JSON all values are there, also those that do
    not differ.
    """
    from tandemlab.cli.references import find_run, reference_of
    from tandemlab.tracking import compare_runs

    workspace = session.workspace()
    runs = [find_run(workspace, name) for name in (reference, other)]
    found = compare_runs(*runs)
    _show(session.screen, found, _COMPARISON, _VALUES)
    session.suggest("run show", reference_of(runs[1].record))


@verb(
    "lineage",
    "tandemlab run lineage accidents/3",
    "tandemlab run lineage accidents/3 --mermaid > lineage.mmd",
)
@run_argument()
@click.option("--mermaid", is_flag=True, help="A flow chart in Mermaid's language, for Markdown.")
@workspace_option
@output_option
@pass_session
def lineage(session: Session, reference: str, mermaid: bool) -> None:
    """Show where a run comes from and what came of it.

    RUN is an id, the start of an id, EXPERIMENT/NUMBER, EXPERIMENT/latest or latest. Inputs are
    the source that was kept, the environment of its script, the data sets and models that it
    used and the inputs of its configuration, outputs the data sets and models that it made, its
    files without logs and the outputs of its configuration; beside them are its parents up to
    the first, and its children.
    """
    from tandemlab.cli.references import find_run, reference_of

    run = find_run(session.workspace(), reference)
    found = run.get_lineage()
    if mermaid:
        session.screen.text(found.to_mermaid())
    else:
        _show(session.screen, found, _LINEAGE, _LINKS)
    session.suggest("run show", reference_of(run.record))


def _show(
    screen: Screen,
    found: Comparison | Lineage,
    fields: Sequence[Column],
    columns: Sequence[Column],
) -> None:
    """As text for people, whole in JSON, and as the rows of its table otherwise."""
    if screen.is_for_people:
        screen.text(str(found))
    elif screen.format == "json":
        screen.record(fields, found.to_dict())
    else:
        table = found.to_table()
        cells = zip(*table.values(), strict=True)
        screen.rows(columns, [dict(zip(table, each, strict=True)) for each in cells])
