"""``plot`` of runs and experiments: pictures in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Function,
    output_option,
    pass_session,
    run_argument,
    verb,
    workspace_option,
)
from tandemlab.cli.forms import size
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FORMATS = ("png", "svg", "pdf")
_FILE = (Column("path"), Column("size", form=size), Column("panels"))


def _picture_options(*over: str) -> Callable[[Function], Function]:
    """Which metrics, over what, and to which file."""
    options = (
        click.option(
            "--metric",
            "-m",
            "metrics",
            multiple=True,
            metavar="NAME",
            help="Draw only this metric. May be given several times.",
        ),
        click.option(
            "--over",
            type=click.Choice(over),
            default=over[0],
            show_default=True,
            help="What values are drawn over.",
        ),
    )

    def add(function: Function) -> Function:
        function = picture_file_options(function)
        for option in reversed(options):
            function = option(function)
        return function

    return add


def picture_file_options(function: Function) -> Function:
    """To which file a picture goes."""
    for option in (
        click.option("--overwrite", is_flag=True, help="Replace FILE if it is there."),
        click.option(
            "--to",
            "file",
            required=True,
            metavar="FILE",
            help="The picture to write; its name ends with .png, .svg or .pdf.",
        ),
    ):
        function = option(function)
    return function


@verb(
    "plot",
    "tandemlab run plot accidents/3 --to accidents.png",
    "tandemlab run plot latest --metric loss --over time --to loss.svg",
)
@run_argument()
@_picture_options("auto", "step", "time", "index")
@click.option("--details", is_flag=True, help="Show status, times, tags and values, too.")
@workspace_option
@output_option
@pass_session
def plot_run(
    session: Session,
    /,
    reference: str,
    metrics: Sequence[str],
    over: str,
    details: bool,
    **options: Any,
) -> None:
    """Draw what a run has logged.

    There is a panel for each series, table, chart and image. Series whose names have the same
    last part, such as train/loss and val/loss, share one. `auto` means steps where all points
    have one, else 1, 2, 3 and so on. This needs matplotlib.
    """
    from tandemlab.cli.references import find_run, reference_of

    if details and metrics:
        raise click.UsageError("Give --details or --metric, not both.")
    run = find_run(session.workspace(), reference)
    write_picture(
        session,
        lambda: run.plot_details() if details else run.plot(metrics or None, over=over),
        **options,
    )
    session.suggest("run metrics", reference_of(run.record))


@verb(
    "plot",
    "tandemlab experiment plot accidents --metric auc --to auc.png",
    "tandemlab experiment plot accidents --metric loss --over step --to loss.png",
)
@click.argument("name")
@_picture_options("run", "auto", "step", "time", "index")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="So many of the newest runs.",
)
@workspace_option
@output_option
@pass_session
def plot_experiment(
    session: Session,
    /,
    name: str,
    metrics: Sequence[str],
    over: str,
    limit: int,
    **options: Any,
) -> None:
    """Draw the runs of the experiment NAME beside each other.

    There is a panel for each metric: over `run` the newest value of each run, else a line for
    the history of each run. This needs matplotlib.
    """
    from tandemlab.cli.references import find_experiment

    workspace = session.workspace()
    record = find_experiment(workspace, name)
    write_picture(
        session,
        lambda: workspace.experiment(record.name).plot(metrics or None, over=over, limit=limit),
        **options,
    )
    session.suggest("run list --metrics --experiment", record.name)


def write_picture(
    session: Session, draw: Callable[[], Figure], *, file: str, overwrite: bool
) -> None:
    """Draw into a file, which is there wholly or not at all."""
    from io import BytesIO

    from tandemlab.domain import AlreadyExists, InvalidInput
    from tandemlab.store.durable import write_file

    path = Path(file).expanduser()
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _FORMATS:
        raise InvalidInput(
            f"{file} names no kind of picture.", hint="End it with .png, .svg or .pdf."
        )
    if path.exists() and not overwrite:
        raise AlreadyExists(
            f"{path} is there already.",
            hint="Add --overwrite to replace it, or choose another name with --to.",
            details={"path": str(path)},
        )
    picture, content = draw(), BytesIO()
    picture.savefig(content, format=kind, dpi=120)
    write_file(path, content.getvalue())
    session.screen.record(
        _FILE, {"path": path, "size": path.stat().st_size, "panels": len(picture.axes)}
    )
