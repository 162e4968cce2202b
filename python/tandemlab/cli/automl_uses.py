"""What ``tandemlab automl`` does with a model that it has found, beside predicting rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import output_option, pass_session, run_argument, verb, workspace_option
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.automl import AutoMLRun, Explanation

_IMPORTANCE = (
    Column("feature", whole=True),
    Column("importance", right=True, whole=True),
    Column("deviation", right=True, rank=1),
)


def opened(session: Session, reference: str) -> AutoMLRun:
    """The automated run that somebody means."""
    from tandemlab.automl import AutoMLRun
    from tandemlab.cli.references import find_run

    workspace = session.workspace()
    return AutoMLRun.get(workspace, find_run(workspace, reference).id)


def data_of(session: Session, text: str | None) -> Any:
    """A file, or else a registered dataset."""
    from tandemlab.automl.frames import dataset_of
    from tandemlab.data import Dataset

    if text is None:
        return None
    if Path(text).suffix or Path(text).exists():
        return dataset_of(text)
    return Dataset.get_by_name(session.workspace(), text)


def show_frame(session: Session, frame: Any, target: str | None, what: str) -> None:
    """Print a frame, or write it to a file."""
    if target is None:
        columns = [Column(str(name)) for name in frame.columns]
        session.screen.rows(columns, frame.to_dict("records"))
        return
    from tandemlab.bridge import write_frame

    if Path(target).suffix.lower() == ".csv":
        frame.to_csv(target, index=False)
    else:
        write_frame(frame, target)
    session.screen.note(f"{len(frame)} {what} are in {target}.")


to_option = click.option(
    "--to",
    "target",
    type=click.Path(),
    metavar="FILE",
    help="The file to write: .csv, .parquet or .arrow. Without it, they are printed.",
)


@verb(
    "forecast",
    "tandemlab automl forecast automl/3 --horizon 12 --quantile 0.1 --quantile 0.9",
    "tandemlab automl forecast automl/3 --data future.csv --to forecast.csv",
)
@run_argument()
@click.option(
    "--data",
    metavar="FILE|DATASET",
    help="Times and series to forecast for, with the columns that are known ahead. Without it, "
    "the next steps of all series.",
)
@click.option("--horizon", type=click.IntRange(min=1), help="Steps ahead, without --data.")
@click.option(
    "--quantile",
    "quantiles",
    multiple=True,
    type=float,
    metavar="Q",
    help="A column of this quantile, between 0 and 1. May be given several times.",
)
@click.option(
    "--rolling",
    type=click.IntRange(min=1),
    metavar="STEP",
    help="Forecast --data, which has the target, anew from every so many steps.",
)
@to_option
@workspace_option
@output_option
@pass_session
def forecast(
    session: Session,
    reference: str,
    data: str | None,
    horizon: int | None,
    quantiles: tuple[float, ...],
    rolling: int | None,
    target: str | None,
) -> None:
    """Forecast what comes next with the best model of RUN."""
    run = opened(session, reference)
    given = data_of(session, data)
    if rolling is not None:
        if given is None:
            raise click.UsageError("--rolling needs --data, with the target as it came.")
        made = run.rolling_forecast(given, step=rolling, quantiles=quantiles)
    else:
        made = run.forecast(given, horizon=horizon, quantiles=quantiles)
    times = made.select_dtypes(["datetime", "datetimetz"]).columns
    made = made.astype(dict.fromkeys(times, "string"))
    show_frame(session, made, target, "forecasts")


@verb("explain", "tandemlab automl explain automl/3 --data test.csv")
@run_argument()
@click.option("--data", metavar="FILE|DATASET", help="Rows that the model was not trained on.")
@click.option(
    "--method",
    type=click.Choice(["permutation", "shap"]),
    help="With permutation, how much worse a metric gets when a column is dealt out anew; with "
    "shap, mean absolute contributions. Without it, permutation with --data, shap else.",
)
@click.option("--metric", metavar="NAME", help="What gets worse. Without it, the usual one.")
@workspace_option
@output_option
@pass_session
def explain(
    session: Session, reference: str, data: str | None, method: str | None, metric: str | None
) -> None:
    """Tell how much the best model of RUN relies on each column."""
    found = _explained(session, opened(session, reference), data, method, metric)
    rows = [
        {"feature": name, "importance": value, "deviation": found.deviation.get(name)}
        for name, value in found.importance.items()
    ]
    session.screen.rows(_IMPORTANCE, rows)


def _explained(
    session: Session,
    run: AutoMLRun,
    data: str | None,
    method: str | None = None,
    metric: str | None = None,
) -> Explanation:
    chosen = method or ("shap" if data is None else "permutation")
    return run.explain(data_of(session, data), method=chosen, metric=metric)


@verb(
    "card",
    "tandemlab automl card automl/3 --to card.html --data test.csv",
    'tandemlab automl card automl/3 --about "limitations=Cars of 1974 only."',
)
@run_argument()
@click.option(
    "--to",
    "target",
    type=click.Path(),
    metavar="FILE",
    help="The file to write, .md or .html. Without it, the card is printed.",
)
@click.option(
    "--data",
    metavar="FILE|DATASET",
    help="Rows that the model was not trained on: the card says what it relies on.",
)
@click.option(
    "--about",
    multiple=True,
    metavar="HEADING=TEXT",
    help="What only people know, such as intended_use=… May be given several times.",
)
@workspace_option
@pass_session
def card(
    session: Session,
    reference: str,
    target: str | None,
    data: str | None,
    about: tuple[str, ...],
) -> None:
    """Write the model card of the best model of RUN.

    It has data, metrics, checks, trials, and how the model can be made again.
    """
    run = opened(session, reference)
    said = {}
    for text in about:
        heading, equals, words = text.partition("=")
        if not equals:
            raise click.UsageError(f"--about takes HEADING=TEXT, not {text!r}.")
        said[heading] = words
    explanation = None if data is None else _explained(session, run, data)
    made = run.model_card(explanation=explanation, about=said)
    if target is None:
        click.echo(made.to_markdown(), nl=False)
        return
    session.screen.note(f"The card is in {made.save(target)}.")


@verb("code", "tandemlab automl code automl/3 > train.py")
@run_argument()
@click.option(
    "--to",
    "target",
    type=click.Path(),
    metavar="FILE",
    help="The file to write. Without it, the script is printed.",
)
@workspace_option
@pass_session
def code(session: Session, reference: str, target: str | None) -> None:
    """Write a script that trains the best model of RUN.

    It needs the libraries that the model consists of, and no tandemlab.
    """
    text = opened(session, reference).export_code(target)
    if target is None:
        click.echo(text, nl=False)
        return
    session.screen.note(f"The script is in {target}.")


USES = (forecast, explain, card, code)
