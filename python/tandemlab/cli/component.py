"""``tandemlab component``: what is put on the designer's canvas, and is a step of pipelines."""

from __future__ import annotations

import click

from tandemlab.cli.commands import Noun, output_option, pass_session, verb
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

component = Noun("component")

_COMPONENTS = (
    Column("name", whole=True),
    Column("title", rank=1),
    Column("category", rank=2),
    Column("inputs", rank=3),
    Column("outputs", rank=4),
    Column("version", in_table=False),
)


def _complete(context: click.Context, option: click.Parameter, start: str) -> list[str]:
    from tandemlab.designer import list_components

    return [name for name in list_components() if name.startswith(start)]


@verb("list", "tandemlab component list", "tandemlab component list --output json")
@output_option
@pass_session
def list_all(session: Session) -> None:
    """List the components, those of other packages included."""
    from tandemlab.designer import list_components
    from tandemlab.designer.pages import ports_text
    from tandemlab.designer.registry import component_problems

    for problem in component_problems():
        session.screen.warn(problem)
    rows = [
        {
            "name": each.name,
            "title": each.title,
            "category": each.category,
            "inputs": ports_text(each.inputs),
            "outputs": ports_text(each.outputs),
            "version": each.version,
        }
        for each in list_components().values()
    ]
    session.screen.rows(_COMPONENTS, rows)


@verb("show", "tandemlab component show split_data")
@click.argument("name", metavar="NAME", shell_complete=_complete)
@pass_session
def show(session: Session, name: str) -> None:
    """Print the page of a component, in Markdown.

    That is what it does, its ports, and its parameters with their defaults.
    """
    from tandemlab.designer import find_component
    from tandemlab.designer.pages import page_of

    click.echo(page_of(find_component(name)), nl=False)


for each in (list_all, show):
    component.add_command(each)
