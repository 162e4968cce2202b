"""Model cards: what a model is, what it was trained on, how good it is, and how to make it again.

M. Mitchell et al., "Model cards for model reporting" (2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tandemlab.automl.documents import Bars, Block, Code, Document, Section, Table, Text
from tandemlab.automl.explanations import SHAP, Explanation
from tandemlab.version import __version__

_MOST_TRIALS = 10
_MOST_BARS = 20


def model_card(
    summary: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    title: str | None = None,
    run: str | None = None,
    explanation: Explanation | None = None,
    about: Mapping[str, str] | None = None,
) -> Document:
    """What is to be known of the best model of a search.

    Args:
        summary: of the search, as its run keeps it.
        config: what was asked for, as plain values.
        title: None: the label, and the kind of model.
        run: id of the run.
        explanation: how much the model relies on each column; None for what the search has found.
        about: what only people know, by heading, such as ``intended_use`` and ``limitations``.
    """
    best = _best(summary)
    title = title or f"{best['algorithm']} for {config.get('label_column_name')}"
    sections = [
        Section("Model", list(_model(summary, config, best, run))),
        *(_said(name, text) for name, text in (about or {}).items()),
        Section("Data", list(_data(summary))),
        Section("Metrics", list(_metrics(summary, best))),
        Section("Checks of the data", [_guardrails(summary["guardrails"])]),
    ]
    if explanation is None and summary.get("explanation") is not None:
        explanation = Explanation.from_dict(summary["explanation"])
    if explanation is not None:
        sections.append(Section("What the model relies on", list(_relied_on(explanation))))
    sections += [
        Section("Trials", [_trials(summary["leaderboard"])]),
        Section("How to make it again", list(_again(config, run))),
    ]
    return Document(title, sections)


def _best(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = summary["best"]["iteration"]
    found: Mapping[str, Any] = next(
        row for row in summary["leaderboard"] if row["iteration"] == wanted
    )
    return found


def _model(
    summary: Mapping[str, Any], config: Mapping[str, Any], best: Mapping[str, Any], run: str | None
) -> Iterator[Block]:
    values = {
        "task": config["task"],
        "predicts": config.get("label_column_name"),
        "kind": best["algorithm"],
        "found in": f"{summary['seconds']:.1f} s, {len(summary['leaderboard'])} trials",
        "made by": f"tandemlab {__version__}",
    }
    if run is not None:
        values["run"] = run
    yield Table.of(values)
    steps = [step for step in best.get("pipeline") or () if step]
    if steps:
        yield Text("What happens to the data, step by step:")
        yield Table(("step", "what"), list(enumerate(steps, 1)))


def _said(heading: str, text: str) -> Section:
    title = heading.replace("_", " ")
    return Section(title[:1].upper() + title[1:], [Text(text)])


def _data(summary: Mapping[str, Any]) -> Iterator[Block]:
    data = dict(summary.get("data") or {})
    facts = {
        name: value
        for name, value in summary.get("facts", {}).items()
        if isinstance(value, (str, int, float)) and not isinstance(value, bool)
    }
    if data or facts:
        yield Table.of({**data, **facts})
    rows = summary["featurization"]
    if rows:
        names = list(dict.fromkeys(name for row in rows for name in row))
        yield Table(names, [[row.get(name) for name in names] for row in rows])


def _metrics(summary: Mapping[str, Any], best: Mapping[str, Any]) -> Iterator[Block]:
    yield Text(
        f"On rows that the models were not trained on ({best['folds']} parts of the data)."
        if summary.get("facts", {}).get("forecast_horizon") is None
        else f"Forecasts from {best['folds']} earlier times, compared with what came."
    )
    yield Table.of(dict(sorted(best["metrics"].items())), ("metric", "value"))


def _guardrails(rows: Sequence[Mapping[str, Any]]) -> Block:
    if not rows:
        return Text("Nothing was looked at.")
    names = ("check", "status", "description")
    return Table(names, [[row[name] for name in names] for row in rows])


def _relied_on(explanation: Explanation) -> Iterator[Block]:
    if explanation.method == SHAP:
        yield Text(
            "Mean absolute contribution of each column to the predictions (SHAP), "
            f"on {explanation.rows:,} rows; it is about {explanation.covered:.0%} of the model."
        )
    else:
        yield Text(
            f"How much worse {explanation.metric} gets when the values of a column are dealt out "
            f"anew among {explanation.rows:,} held-out rows."
            + (
                f" It is about the best trial alone, {explanation.covered:.0%} of the model."
                if explanation.covered < 1
                else ""
            )
        )
    shown = dict(list(explanation.importance.items())[:_MOST_BARS])
    yield Bars(("column", "importance"), shown)


def _trials(rows: Sequence[Mapping[str, Any]]) -> Block:
    shown = rows[:_MOST_TRIALS]
    names = ("iteration", "algorithm", "status", "score", "seconds", "folds")
    return Table(names, [[row.get(name) for name in names] for row in shown])


def _again(config: Mapping[str, Any], run: str | None) -> Iterator[Block]:
    settings = {name: value for name, value in config.items() if name not in _POSITIONAL}
    lines = [
        f"    {config['task']!r},",
        "    training_data=...,  # the data of the run" if run else "    training_data=...,",
        *(f"    {name}={value!r}," for name, value in settings.items()),
    ]
    yield Text("The same search, from Python:")
    text = "\n".join(
        ["from tandemlab import AutoMLConfig", "", "config = AutoMLConfig(", *lines, ")"]
    )
    yield Code(text, "python")
    yield Text(
        "The model alone, without tandemlab: the script that export_code() writes trains it anew "
        "with the libraries that it consists of."
    )


_POSITIONAL = ("task", "training_data", "validation_data")
