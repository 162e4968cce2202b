"""What pictures of sweeps show, as panels, which matplotlib and R draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from tandemlab.domain import InvalidInput, MissingDependency, NotFound
from tandemlab.domain.scalars import Scalar
from tandemlab.domain.search_spaces import Choice, Expression, RandInt, Uniform, plain_name
from tandemlab.domain.sweeps import SweepSettings
from tandemlab.sweeps.samplers import study_of
from tandemlab.sweeps.trials import Trial
from tandemlab.tracking.panels import Line, Panel

_MOST_LINES = 500


def panels_of_sweep(
    run_id: str, settings: SweepSettings, trials: Sequence[Trial], kind: str | None
) -> list[Panel]:
    """Panels for the trials of a sweep; see `HyperDriveRun.plot_sweep`.

    Raises:
        InvalidInput: another kind.
        NotFound: no trial has a value yet, or there is nothing of that kind to draw.
    """
    if kind is not None and kind not in _KINDS:
        raise InvalidInput(f"A sweep is drawn as {', '.join(_KINDS)}, not {kind!r}.")
    found = [each for each in trials if each.history.best is not None]
    if not found:
        raise NotFound(
            f"No trial of the sweep {run_id} has logged a finite number as "
            f"{settings.primary_metric_name!r}.",
            hint=f"`tandemlab sweep trials {run_id}` shows how they are doing.",
        )
    wanted = _KINDS if kind is None else {kind: _KINDS[kind]}
    panels = []
    for each in wanted:
        if kind is None and each == "importance" and not _can_explain():
            continue
        panel = wanted[each](settings, found)
        if panel is not None:
            panels.append(panel)
    if not panels:
        raise NotFound(
            "There is nothing to draw: two trials with different values are needed for that."
        )
    return panels


def _can_explain() -> bool:
    return find_spec("optuna") is not None and find_spec("sklearn") is not None


def _history(settings: SweepSettings, trials: Sequence[Trial]) -> Panel:
    goal = settings.primary_metric_goal
    places = [float(each.number) for each in trials]
    values = [each.history.best for each in trials]
    best: list[float | None] = []
    for value in values:
        assert value is not None
        before = best[-1] if best else None
        best.append(value if before is None or goal.is_better(value, before) else before)
    lines = [Line("trial", places, values, is_dots=True), Line("best so far", places, best)]
    return Panel("lines", "history", "trial", settings.primary_metric_name, lines)


def _parallel(settings: SweepSettings, trials: Sequence[Trial]) -> Panel:
    """An axis for each hyper-parameter and the metric; each trial a line, the better the darker."""
    space, goal = settings.sampling.space, settings.primary_metric_goal
    shown = trials[-_MOST_LINES:]
    params = [each.params(space) for each in shown]
    labels, ends = [], []
    columns: list[list[float | None]] = []
    for name, expression in space.expressions.items():
        column = [each.get(plain_name(name)) for each in params]
        places, low, high = _axis(expression, column)
        labels.append(plain_name(name))
        columns.append(places)
        ends += [low, high]
    values = [each.history.best or 0.0 for each in shown]
    least, most = min(values), max(values)
    heights = [(value - least) / (most - least) if most > least else 0.5 for value in values]
    labels.append(settings.primary_metric_name)
    columns.append(list(heights))
    ends += [f"{least:.4g}", f"{most:.4g}"]
    lines = []
    for row, trial in enumerate(shown):
        shade = heights[row] if goal.is_better(1, 0) else 1 - heights[row]
        x = [float(axis) for axis in range(len(columns))]
        y = [column[row] for column in columns]
        lines.append(Line(str(trial), x, y, shade=shade))
    lines.sort(key=lambda line: line.shade or 0.0)
    return Panel("parallel", "hyper-parameters", lines=lines, labels=labels, texts=ends)


def _axis(expression: Expression, column: Sequence[Scalar]) -> tuple[list[float | None], str, str]:
    """Heights of values on their axis, and what is written at its ends."""
    if isinstance(expression, Choice):
        return _spread(expression, column), str(expression.options[0]), str(expression.options[-1])
    numbers = [float(v) for v in column if isinstance(v, (int, float))]
    if isinstance(expression, RandInt):
        numbers = [expression.lower, expression.upper - 1]
    if not numbers:
        return [None] * len(column), "", ""
    least, most = min(numbers), max(numbers)
    if isinstance(expression, Uniform):
        least, most = float(expression.min_value), float(expression.max_value)
        places = [expression.place_of(value) if value is not None else None for value in column]
        return places, f"{least:.4g}", f"{most:.4g}"
    width = most - least or 1.0
    found = [(float(v) - least) / width if isinstance(v, (int, float)) else None for v in column]
    return found, f"{least:.4g}", f"{most:.4g}"


def _spread(choice: Choice, column: Sequence[Scalar]) -> list[float | None]:
    """Heights of options, the first at the bottom of the axis and the last at its top."""
    last = choice.count - 1
    places = [None if value is None else choice.place_of(value) for value in column]
    return [
        None if place is None else (place * choice.count - 0.5) / last if last else 0.5
        for place in places
    ]


def _importance(settings: SweepSettings, trials: Sequence[Trial]) -> Panel | None:
    found = importance_of(settings, trials)
    if not found:
        return None
    return Panel("shares", "importance", "share", labels=list(found), heights=list(found.values()))


def importance_of(settings: SweepSettings, trials: Sequence[Trial]) -> dict[str, float]:
    """See `HyperDriveRun.get_importance`."""
    if not _can_explain():
        raise MissingDependency(
            "Importance needs optuna and scikit-learn, which are not installed.",
            hint="pip install 'tandemlab[sweeps]' scikit-learn",
        )
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    space = settings.sampling.space
    tried = [found for each in trials if (found := each.as_tried(space)) is not None]
    whole = [each for each in tried if each.has_ended and each.history.best is not None]
    if len({each.history.best for each in whole}) < 2:
        return {}
    study = study_of(space, settings.primary_metric_goal, whole, are_complete=True)
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return {plain_name(name): float(share) for name, share in shares.items()}


_KINDS: dict[str, Callable[[SweepSettings, Sequence[Trial]], Panel | None]] = {
    "history": _history,
    "parallel": _parallel,
    "importance": _importance,
}
