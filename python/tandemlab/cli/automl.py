"""``tandemlab automl``: look for the best model of a table, and use what was found."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.automl_uses import USES, data_of, opened, show_frame, to_option
from tandemlab.cli.commands import (
    CONTEXT,
    NOUNS,
    Noun,
    complete_compute,
    experiment_option,
    output_option,
    pass_session,
    run_argument,
    seconds,
    tag_option,
    verb,
    workspace_option,
    write_examples,
)
from tandemlab.cli.forms import duration, tag_text
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column, layout

if TYPE_CHECKING:
    from tandemlab.automl import AutoMLConfig, AutoMLRun

_LEADERBOARD = (
    Column("iteration", right=True, whole=True),
    Column("algorithm", whole=True),
    Column("score", right=True, whole=True),
    Column("status", whole=True, colours={"failed": "red", "stopped": "yellow"}),
    Column("seconds", form=duration, right=True, rank=1),
    Column("folds", right=True, rank=3),
    Column("parameters", form=tag_text, rank=4),
    Column("error", rank=2),
    Column("run_id", in_table=False),
    Column("metrics", in_table=False),
    Column("pipeline", in_table=False),
)
_SUMMARY = (
    Column("run", whole=True),
    Column("status"),
    Column("primary_metric"),
    Column("score"),
    Column("best"),
    Column("model"),
    Column("test_metrics"),
    Column("id", in_table=False),
    Column("guardrails", in_table=False),
    Column("leaderboard", in_table=False),
)
_SHOWN_LIVE = 10
_PAUSE = 0.5


class _Automl(Noun):
    """A noun that does what is usual when it has no verb."""

    def __init__(self, **options: Any) -> None:
        click.Group.__init__(
            self,
            "automl",
            invoke_without_command=True,
            subcommand_metavar="[COMMAND ...]",
            context_settings=CONTEXT,
            help=f"{NOUNS['automl']}\n\n{_HELP}",
            **options,
        )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(formatter, _EXAMPLES)


_HELP = """
With --data and --target, models are trained on the table in a job of the workspace until the
time is up; a leaderboard shows how they do. Each trial is a child run. The best model takes
the raw table, and is kept with the run: `tandemlab automl predict RUN --data new.csv` uses it,
and `tandemlab model register` keeps it.
"""
_EXAMPLES = (
    "tandemlab automl --data train.csv --target price --time 60s",
    "tandemlab automl --data sales.csv --target sold --time-column day --series shop --horizon 14",
)


def _start(**given: Any) -> None:
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        return
    if given["data"] is None and given["config"] is None:
        click.echo(context.get_help())
        return
    session = context.find_object(Session)
    assert session is not None
    _run(session, **given)


automl = _Automl(callback=_start)
for _option in (
    click.option(
        "--data",
        metavar="FILE|DATASET",
        help="The table to learn from: a file (CSV, TSV, Parquet, Arrow, JSON lines), or a "
        "registered dataset, NAME or NAME:VERSION.",
    ),
    click.option("--target", metavar="COLUMN", help="The column to predict."),
    click.option(
        "--time",
        "budget",
        metavar="TIME",
        callback=seconds,
        help="When all is over, such as 60s or 10m. Without it and --iterations, 10m.",
    ),
    click.option(
        "--iterations", type=click.IntRange(min=1), help="Most configurations that are tried."
    ),
    click.option(
        "--task",
        type=click.Choice(["classification", "regression", "forecasting"]),
        help="What is to be done. Without it, the column says so.",
    ),
    click.option("--metric", metavar="NAME", help="What trials are compared by."),
    click.option("--time-column", metavar="COLUMN", help="For forecasting: the time of each row."),
    click.option(
        "--horizon",
        type=click.IntRange(min=1),
        help="For forecasting: steps ahead. Without it, one season.",
    ),
    click.option(
        "--series",
        multiple=True,
        metavar="COLUMN",
        help="For forecasting: a column that tells series apart. May be given several times.",
    ),
    click.option(
        "--freq",
        metavar="STEP",
        help="For forecasting: the step of time, such as D, W-SUN, MS or 15min. Without it, it is "
        "found from the data.",
    ),
    click.option(
        "--holidays", metavar="CODE", help="For forecasting: whose holidays count, such as US."
    ),
    click.option("--seed", type=click.IntRange(min=0), help="Of all that is drawn at random."),
    click.option(
        "--config",
        type=click.Path(),
        metavar="FILE",
        help="A YAML file with further settings; `tandemlab automl schema` has their form. "
        "Options come before it.",
    ),
    click.option(
        "--test",
        metavar="FILE|DATASET",
        help="Data with the column, that the best model is measured on in the end.",
    ),
    click.option(
        "--model", type=click.Path(), metavar="FILE", help="Where to write the best model, too."
    ),
    click.option(
        "--compute",
        metavar="NAME",
        shell_complete=complete_compute,
        help="The compute target of the job. Without it, this machine.",
    ),
    experiment_option("The experiment of the run. Without it, automl."),
    tag_option("A tag of the run. May be given several times."),
    click.option(
        "--wait/--no-wait",
        default=True,
        help="Show the leaderboard until the run ends, as is usual; or return at once.",
    ),
    workspace_option,
    output_option,
):
    _option(automl)


def _run(session: Session, **given: Any) -> None:
    workspace = session.workspace()
    config = _config(session, given)
    found = workspace.experiment(given["experiment"] or "automl").submit(config, given["labels"])
    if not given["wait"]:
        from tandemlab.cli.run.rows import show_run

        session.suggest("automl show", show_run(session, found))
        return
    _follow(session, found)
    _finish(session, found, given["model"], given["test"])


def _config(session: Session, given: Mapping[str, Any]) -> AutoMLConfig:
    from tandemlab.automl import AutoMLConfig
    from tandemlab.automl.automl_files import load_settings
    from tandemlab.automl.fitting import task_of
    from tandemlab.automl.frames import as_frame
    from tandemlab.domain import InvalidInput

    settings: dict[str, Any] = {}
    if given["config"] is not None:
        settings = load_settings(given["config"])
    budget = given["budget"]
    options = {
        "training_data": data_of(session, given["data"]),
        "label_column_name": given["target"],
        "task": given["task"],
        "experiment_timeout_minutes": None if budget is None else budget / 60,
        "iterations": given["iterations"],
        "primary_metric": given["metric"],
        "seed": given["seed"],
        "compute_target": given["compute"],
    }
    settings.update({name: value for name, value in options.items() if value is not None})
    settings.update(_forecasting(settings, given))
    for name, option in (("training_data", "data"), ("label_column_name", "target")):
        if settings.get(name) is None:
            raise InvalidInput(f"--{option} is missing.", hint=f"Give it, or {name} in --config.")
    data = settings.pop("training_data")
    if isinstance(data, Mapping):
        data = data_of(session, data["dataset"])
    if "task" not in settings:
        settings["task"] = task_of(as_frame(data), settings["label_column_name"])
    return AutoMLConfig.from_dict(settings).replace(training_data=data)


def _forecasting(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of forecasting, which options give one by one; with these it is the task."""
    options = {
        "time_column_name": given["time_column"],
        "forecast_horizon": given["horizon"],
        "time_series_id_column_names": list(given["series"]) or None,
        "freq": given["freq"],
        "country_or_region_for_holidays": given["holidays"],
    }
    chosen = {name: value for name, value in options.items() if value is not None}
    if not chosen:
        return {}
    return {
        "task": settings.get("task", "forecasting"),
        "forecasting_parameters": {**settings.get("forecasting_parameters", {}), **chosen},
    }


def _follow(session: Session, run: AutoMLRun) -> None:
    """Show the leaderboard while it changes; Ctrl-C leaves the run alone, and says so."""
    is_live = session.screen.is_for_people
    board = _Board(run.config.metric.name)
    try:
        while True:
            is_over = run.status.is_terminal
            if is_live:
                board.show(run.leaderboard_rows())
            if is_over:
                break
            run.workspace.attend()
            time.sleep(_PAUSE)
    except KeyboardInterrupt:
        sys.stderr.write(
            f"\nRun {run.id} goes on. `tandemlab run cancel {run.id}` ends it with the best so "
            "far.\n"
        )
        raise


class _Board:
    """The leaderboard on standard error: drawn anew on a terminal, a line for each trial else."""

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._seen: set[int] = set()
        self._height = 0

    def show(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Show it as it is now, if anything has changed."""
        new = [row for row in rows if row["iteration"] not in self._seen]
        if not new:
            return
        self._seen |= {row["iteration"] for row in new}
        if sys.stderr.isatty():
            self._draw(rows)
            return
        for row in sorted(new, key=lambda row: row["iteration"]):
            score = "failed" if row["score"] is None else f"{row['score']:.6g}"
            sys.stderr.write(f"{row['iteration']:4}  {row['algorithm']}  {self._metric} {score}\n")
        sys.stderr.flush()

    def _draw(self, rows: Sequence[Mapping[str, Any]]) -> None:
        import shutil

        width = shutil.get_terminal_size().columns
        lines = layout(_LEADERBOARD, rows[:_SHOWN_LIVE], width - 1).lines
        lines.append(f"{len(rows)} trials; score is {self._metric}")
        if self._height:
            sys.stderr.write(f"\x1b[{self._height}A\x1b[J")
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
        self._height = len(lines)


def _finish(session: Session, run: AutoMLRun, file: str | None, test: str | None) -> None:
    from tandemlab.automl.job import MODEL
    from tandemlab.tracking.waiting import raise_if_failed

    raise_if_failed(run)
    best = run.get_trial(run.find_iteration())
    if file is not None:
        run.download_file(MODEL, file)
    measured = None
    if test is not None:
        model: Any = run.load_model()
        measured = model.score(data_of(session, test))
    rows = run.leaderboard_rows()
    name = f"{run.experiment.name}/{run.number}"
    screen = session.screen
    summary = {
        "run": name,
        "status": run.status.value,
        "primary_metric": run.config.metric.name,
        "score": run.summary["facts"].get("score"),
        "best": best.properties.get("algorithm"),
        "model": file,
        "test_metrics": measured,
        "id": run.id,
        "guardrails": run.get_guardrails(),
        "leaderboard": rows,
    }
    if screen.format == "tsv":
        screen.rows(_LEADERBOARD, rows)
        return
    if screen.is_for_people and not sys.stderr.isatty():
        screen.rows(_LEADERBOARD, rows[:_SHOWN_LIVE])
    for rail in summary["guardrails"]:
        if rail["status"] == "alerted":
            screen.note(f"Look at this: {rail['description']}")
    screen.record(_SUMMARY, summary)
    if run.config.task == "forecasting":
        session.suggest("automl forecast", name)
    else:
        session.suggest("automl predict", name, "--data", "new.csv")


@verb("show", "tandemlab automl show automl/3", "tandemlab automl show automl/3 -o json")
@run_argument()
@workspace_option
@output_option
@pass_session
def show(session: Session, reference: str) -> None:
    """Show the leaderboard of RUN.

    The best trial comes first. It may be asked for while the run goes on.
    """
    session.screen.rows(
        _LEADERBOARD, opened(session, reference).leaderboard_rows(), empty="No trial has ended."
    )


@verb(
    "predict",
    "tandemlab automl predict automl/3 --data new.csv --to predictions.csv",
    "tandemlab automl predict automl/3 --data new.csv -o json",
)
@run_argument()
@click.option("--data", required=True, metavar="FILE|DATASET", help="The rows to predict.")
@click.option(
    "--iteration",
    type=click.IntRange(min=0),
    help="The trial whose model predicts. Without it, the best one.",
)
@to_option
@workspace_option
@output_option
@pass_session
def predict(
    session: Session, reference: str, data: str, iteration: int | None, target: str | None
) -> None:
    """Predict rows with the best model of RUN, or that of another trial.

    The rows have the columns of the training data; that of the label may be missing. What comes
    is a row for each: .pred of a number, .pred_class and the probability of each class else.
    """
    from tandemlab.automl.frames import as_frame

    model: Any = opened(session, reference).load_model(iteration)
    found = model.predict_frame(as_frame(data_of(session, data)))
    show_frame(session, found, target, "predictions")


@verb("resume", "tandemlab automl resume automl/3")
@run_argument()
@workspace_option
@output_option
@pass_session
def resume(session: Session, reference: str) -> None:
    """Go on from RUN, which failed or was canceled.

    Trials and folds that it has finished are not done again.
    """
    from tandemlab.cli.run.rows import show_run

    made = opened(session, reference).resume()
    session.suggest("automl show", show_run(session, made))


@verb("schema", "tandemlab automl schema > automl.schema.json")
@pass_session
def schema(session: Session) -> None:
    """Print the JSON Schema of configurations.

    Editors complete and check files by it, as `tandemlab config schema --help` says.
    """
    import json

    from tandemlab.automl.automl_files import automl_schema

    click.echo(json.dumps(automl_schema(), indent=2))


for _command in (show, predict, *USES, resume, schema):
    automl.add_command(_command)
