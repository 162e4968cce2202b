"""What a picture of runs shows, as plain data: matplotlib and R draw the same panels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, Metric, MetricShape, NotFound, RunQuery, RunRecord
from tandemlab.domain.sampling import sampled
from tandemlab.domain.scalars import Scalar, from_json

if TYPE_CHECKING:
    from tandemlab.tracking.experiment import Experiment
    from tandemlab.tracking.run_log import RunLog

OVER = ("auto", "step", "time", "index")
_MOST_POINTS = 2000
_UNITS = ((120.0, "seconds", 1.0), (7200.0, "minutes", 60.0), (math.inf, "hours", 3600.0))


@dataclass(frozen=True, slots=True)
class Line:
    """Points that belong together.

    Attributes:
        y: None breaks the line.
        errors: half the height of an error bar at each point; empty for none.
        is_dots: whether it is drawn as points alone.
        shade: how dark it is drawn, from 0 to 1; None for a colour of its own.
    """

    name: str
    x: list[float]
    y: list[float | None]
    errors: list[float] = field(default_factory=list)
    is_dots: bool = False
    shade: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of a picture.

    Attributes:
        kind: ``lines``, ``dots`` (the same without the lines), ``matrix``, ``bars``, ``image``,
            ``facts``, ``shares`` (a bar for each label) or ``parallel`` (an upright axis from 0 to
            1 for each label, at 0, 1, 2 …).
        diagonal: whether the line x = y is drawn as a guide.
        labels: classes of a matrix, from the first row on; or names of facts, shares or axes.
        cells: rows of a matrix, one for each true class.
        edges: of bars, one more than `heights`.
        texts: of facts; or what stands at the lower and the upper end of each axis.
        file: path of an image.
    """

    kind: str
    title: str
    x_label: str = ""
    y_label: str = ""
    lines: list[Line] = field(default_factory=list)
    diagonal: bool = False
    labels: list[str] = field(default_factory=list)
    cells: list[list[float]] = field(default_factory=list)
    edges: list[float] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    file: str = ""


def panels_of_run(
    run: RunLog, metrics: str | Sequence[str] | None = None, over: str = "auto"
) -> list[Panel]:
    """Panels for what a run has logged.

    Numeric series of two values or more are lines. Those whose names have the same last part
    (``train/loss``, ``val/loss``) share a panel. Tables are lines over their first column where
    that increases, else over their rows; charts and images are panels of their own. Values that
    were logged once make one panel of facts, if they were asked for or nothing else is there.

    Args:
        metrics: names of those to draw; all if None.
        over: ``step``, ``time`` (since the run began), ``index`` (1, 2, 3 …), or ``auto``: steps
            where every point of a panel has one, else the index.

    Raises:
        InvalidInput: another `over`.
        NotFound: no metric of that name, or nothing to draw.
    """
    _check_over(over, OVER)
    found = _chosen(_metrics(run), metrics, f"Run {run.id}")
    panels = _drawn(run, found, over)
    single = _singles(found)
    if single and (metrics is not None or not panels):
        panels.append(_facts("values", single))
    if not panels:
        raise NotFound(f"Run {run.id} has not logged anything that can be drawn.")
    return panels


def _metrics(run: RunLog) -> dict[str, Metric]:
    """What a run has logged, long series sampled."""
    run.workspace.place.catch_up(run.id)
    return run.workspace.store.get_metrics(run.id, max_points=_MOST_POINTS)


def _drawn(run: RunLog, found: Mapping[str, Metric], over: str) -> list[Panel]:
    """Panels for everything but single values."""
    start = _start(run.record)
    histories = {name: metric for name, metric in found.items() if _is_history(metric)}
    panels = [
        _lines_of(title, group, over, dict.fromkeys(group, start))
        for title, group in _grouped(histories).items()
    ]
    for name, metric in found.items():
        if metric.shape is MetricShape.TABLE:
            panels += _table_lines(name, metric.columns)
        elif metric.shape is not MetricShape.SERIES:
            panels.append(_chart(run, name, metric))
    return panels


def _start(record: RunRecord) -> float:
    """When a run began, in microseconds."""
    return (record.started or record.created).timestamp() * 1e6


def panels_of_details(run: RunLog) -> list[Panel]:
    """What `panels_of_run` shows, behind the facts of the run."""
    record = run.record
    facts = {
        "experiment": f"{record.experiment} ({record.number})",
        "status": record.status.value,
        "type": record.type,
        "started": "" if record.started is None else f"{record.started:%Y-%m-%d %H:%M:%S} UTC",
        "duration": "" if record.duration is None else f"{record.duration:.1f} s",
        "error": "" if record.error is None else record.error.message,
        **{name: value or "" for name, value in record.tags.items()},
    }
    facts = {name: text for name, text in facts.items() if text}
    found = _metrics(run)
    return [_facts(record.display_name, facts | _singles(found)), *_drawn(run, found, "auto")]


def panels_of_experiment(
    experiment: Experiment,
    metrics: str | Sequence[str] | None = None,
    over: str = "run",
    limit: int = 20,
) -> list[Panel]:
    """Panels that compare runs: one for each metric.

    Args:
        metrics: names of numeric metrics; all that the runs have if None.
        over: ``run`` for the newest value of each run by its number; ``step``, ``time``,
            ``index`` or ``auto`` for the histories of the runs, a line each.
        limit: so many of the newest runs that have logged something; children are left out.

    Raises:
        InvalidInput: another `over`.
        NotFound: no run has logged such a metric.
    """
    _check_over(over, ("run", *OVER))
    workspace = experiment.workspace
    workspace.place.catch_up_all()
    records = workspace.store.find_runs(RunQuery(experiment=experiment.name))
    latest = workspace.store.latest_values([record.id for record in records])
    records = [record for record in records if latest.get(record.id)][:limit]
    wanted = [metrics] if isinstance(metrics, str) else metrics
    names = [
        name
        for name in wanted or dict.fromkeys(name for r in records[::-1] for name in latest[r.id])
        if any(_number(latest[record.id].get(name)) is not None for record in records)
    ]
    if not names or (wanted and len(names) < len(wanted)):
        missing = sorted(set(wanted or []) - set(names))
        raise NotFound(
            f"No run of {experiment.name!r} has logged numbers"
            + (f" under {', '.join(missing)}." if missing else "."),
            details={"names": missing},
        )
    if over == "run":
        return [
            Panel("dots", name, "run", "", [_by_number(name, records, latest)]) for name in names
        ]
    panels = []
    for name in names:
        histories = {}
        starts = {}
        for record in records[::-1]:
            found = workspace.store.get_metrics(record.id, name, max_points=_MOST_POINTS)
            metric = found.get(name)
            if metric is not None and metric.shape is MetricShape.SERIES:
                label = f"{record.number} {record.display_name}"
                histories[label] = metric
                starts[label] = _start(record)
        panels.append(_lines_of(name, histories, over, starts))
    return panels


def _by_number(
    name: str, records: Sequence[RunRecord], latest: Mapping[str, Mapping[str, Scalar]]
) -> Line:
    points = [
        (float(record.number), value)
        for record in records[::-1]
        if (value := _number(latest[record.id].get(name))) is not None
    ]
    return Line(name, [x for x, _ in points], [y for _, y in points])


def _check_over(over: str, choices: Sequence[str]) -> None:
    """Refuse what metrics cannot be drawn over."""
    if over not in choices:
        raise InvalidInput(
            f"Metrics cannot be drawn over {over!r}.", hint=f"Choose one of {', '.join(choices)}."
        )


def _chosen(
    found: Mapping[str, Metric], metrics: str | Sequence[str] | None, whose: str
) -> dict[str, Metric]:
    """The metrics of those names, in that order.

    Raises:
        NotFound: one of them is not there.
    """
    if metrics is None:
        return dict(found)
    names = [metrics] if isinstance(metrics, str) else metrics
    for name in names:
        if name not in found:
            raise NotFound(
                f"{whose} has no metric {name!r}.",
                hint=f"It has {', '.join(found) or 'none'}.",
                details={"name": name},
            )
    return {name: found[name] for name in names}


# Lines


def _is_history(metric: Metric) -> bool:
    """Whether a metric is a series with two numbers or more."""
    if metric.shape is not MetricShape.SERIES or len(metric.values) < 2:
        return False
    return sum(_number(value) is not None for value in metric.values) >= 2


def _singles(found: Mapping[str, Metric]) -> dict[str, str]:
    """The values of series that are no histories, as texts."""
    return {
        name: _shown(metric.values[-1])
        for name, metric in found.items()
        if metric.shape is MetricShape.SERIES and metric.values and not _is_history(metric)
    }


def _grouped(histories: Mapping[str, Metric]) -> dict[str, dict[str, Metric]]:
    """Series by the last part of their names."""
    groups: dict[str, dict[str, Metric]] = {}
    for name, metric in histories.items():
        groups.setdefault(name.rpartition("/")[2] or name, {})[name] = metric
    return {
        next(iter(group)) if len(group) == 1 else title: group for title, group in groups.items()
    }


def _lines_of(
    title: str, group: Mapping[str, Metric], over: str, starts: Mapping[str, float]
) -> Panel:
    """Series as the lines of one panel.

    Args:
        starts: when the time of each begins, in microseconds.
    """
    if over == "auto":
        stepped = all(step is not None for metric in group.values() for step in metric.steps)
        over = "step" if stepped else "index"
    places = {name: _places(metric, over, starts[name]) for name, metric in group.items()}
    label, divisor = over, 1.0
    if over == "time":
        longest = max((x for xs in places.values() for x in xs if x is not None), default=0.0)
        label, divisor = next((unit, size) for most, unit, size in _UNITS if longest < most)
    lines = []
    for name, metric in group.items():
        pairs = [
            (x / divisor, _number(value))
            for x, value in zip(places[name], metric.values, strict=True)
            if x is not None
        ]
        if over == "step":
            pairs.sort(key=lambda pair: pair[0])
        lines.append(_line(name, pairs))
    if over == "time":
        label = f"{label} since the start"
    return Panel("lines", title, label, "", lines)


def _places(metric: Metric, over: str, start: float) -> list[float | None]:
    if over == "step":
        return [None if step is None else float(step) for step in metric.steps]
    if over == "time":
        return [max(0.0, (time - start) / 1e6) for time in metric.times]
    return [float(place) for place in metric.places]


def _line(name: str, pairs: Sequence[tuple[float, float | None]]) -> Line:
    kept = sampled(range(1, len(pairs) + 1), [y for _, y in pairs], _MOST_POINTS)
    return Line(name, [pairs[at][0] for at in kept], [pairs[at][1] for at in kept])


def _table_lines(name: str, columns: Mapping[str, Sequence[Scalar]]) -> list[Panel]:
    """The numeric columns of a table as lines; nothing where there are none."""
    numeric = {
        column: [_number(value) for value in values]
        for column, values in columns.items()
        if len(values) > 1 and any(_number(value) is not None for value in values)
    }
    if not numeric:
        return []
    rows = len(next(iter(columns.values())))
    first = next(iter(columns))
    places = [x for x in numeric.get(first, []) if x is not None]
    increases = len(places) == rows and all(a < b for a, b in pairwise(places))
    if increases and len(numeric) > 1:
        x_label = first
        del numeric[first]
    else:
        x_label, places = "row", [float(row) for row in range(1, rows + 1)]
    lines = [
        _line(column, list(zip(places, values, strict=True))) for column, values in numeric.items()
    ]
    return [Panel("lines", name, x_label, "", lines)]


# Charts


def _chart(run: RunLog, name: str, metric: Metric) -> Panel:
    content: Mapping[str, Any] = metric.chart or {}
    if metric.shape is MetricShape.IMAGE:
        return Panel("image", name, file=str(run.local_file(content["file"])))
    data = content["data"]
    if metric.shape is MetricShape.CONFUSION_MATRIX:
        labels = [str(label) for label in data["class_labels"]]
        cells = [_numbers(row) for row in data["matrix"]]
        return Panel("matrix", name, "predicted", "true", labels=labels, cells=cells)
    if metric.shape is MetricShape.RESIDUALS:
        edges, heights = _numbers(data["bin_edges"]), _numbers(data["bin_counts"])
        return Panel("bars", name, "residual", "count", edges=edges, heights=heights)
    if metric.shape is MetricShape.PREDICTIONS:
        return _predictions(name, data)
    return _accuracy(name, data)


def _predictions(name: str, data: Mapping[str, Any]) -> Panel:
    edges = _numbers(data["bin_edges"])
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    averages = [_number(from_json(value)) for value in data["bin_averages"]]
    line = Line("average", middles, averages, _numbers(data["bin_errors"]))
    return Panel("lines", name, "true value", "predicted", [line], diagonal=True)


def _accuracy(name: str, data: Mapping[str, Any]) -> Panel:
    """The receiver operating characteristic of each class."""
    lines = []
    for label, table in zip(data["class_labels"], data["probability_tables"], strict=False):
        rates = sorted(
            (_share(fp, tn), _share(tp, fn))
            for tp, fp, tn, fn in (_numbers(counts) for counts in table)
        )
        lines.append(Line(str(label), [x for x, _ in rates], [y for _, y in rates]))
    x, y = "false positive rate", "true positive rate"
    return Panel("lines", name, x, y, lines, diagonal=True)


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else 0.0


def _numbers(values: Sequence[Any]) -> list[float]:
    return [_number(from_json(value)) or 0.0 for value in values]


# Values


def _number(value: Scalar) -> float | None:
    """A finite number, or None."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    return None


def _shown(value: Scalar) -> str:
    if value is None:
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _facts(title: str, facts: Mapping[str, str]) -> Panel:
    return Panel("facts", title, labels=list(facts), texts=list(facts.values()))
