"""What a run logs: metrics, tables, images and charts, tags and properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import AlreadyExists, InvalidInput, Metric, MetricShape, NotFound
from tandemlab.domain.sampling import LEAST
from tandemlab.domain.scalars import Scalar, as_scalar, as_scalars, to_json
from tandemlab.domain.secrets import as_public_text
from tandemlab.tracking import charts
from tandemlab.tracking.run_files import RunFiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tandemlab.tracking.workspace import Workspace


def metrics_of(workspace: Workspace, run_ids: Sequence[str]) -> dict[str, dict[str, Metric]]:
    """Everything that runs have logged, by run and name, with one question to the store."""
    workspace.place.catch_up_all()
    found = workspace.store.metrics_of(run_ids)
    return {run_id: found.get(run_id, {}) for run_id in run_ids}


class RunLog(RunFiles):
    """The part of `Run` that logs."""

    def log(self, name: str, value: object, description: str = "", step: int | None = None) -> None:
        """Log a scalar; the same name again makes a series.

        Args:
            name: any printable text up to 250 characters.
            value: a number, text, a boolean, None (missing) or a numpy scalar.
            description: what it means.
            step: where in the training it belongs, such as the epoch.

        Raises:
            InvalidInput: several values, a type that is no scalar, or a name in other use.
            StorageError: it could not be written, and is not there.
        """
        scalar = as_scalar(value)
        if step is not None:
            step = _step(step)
        if description:
            self._spool.append("metric", name, to_json(scalar), description=description)
        else:
            self._spool.log_scalar(name, scalar, step)

    def log_list(self, name: str, value: Sequence[object], description: str = "") -> None:
        """Log several scalars at once; they are appended to the series of that name."""
        values = [to_json(as_scalar(item)) for item in charts.as_items(value)]
        self._spool.append("list", name, values, description=description)

    def log_row(self, name: str, description: str = "", **columns: object) -> None:
        """Append one row to a table; a column that a row lacks is None there."""
        if not columns:
            raise InvalidInput("A row needs at least one column.", hint="log_row(name, x=1, y=2)")
        row = {column: to_json(as_scalar(value)) for column, value in columns.items()}
        self._spool.append("row", name, row, description=description)

    def log_table(self, name: str, value: object, description: str = "") -> None:
        """Append rows to a table.

        Args:
            value: a dict column → list (a scalar counts as one row), or a data frame.
        """
        self._spool.append("table", name, charts.as_columns(value), description=description)

    def log_image(
        self, name: str, path: str | Path | None = None, plot: Any = None, description: str = ""
    ) -> None:
        """Keep an image: a file, or a matplotlib figure (or anything with ``savefig``).

        The image becomes the file ``images/NAME.EXT`` of the run, with a number where the name
        is taken.

        Raises:
            InvalidInput: neither or both given, or a file that is not an image.
        """
        source, suffix = charts.as_image(path, plot)
        for file_name in charts.image_names(name, suffix):
            with suppress(AlreadyExists):
                self._put(file_name, source())
                break
        self._spool.append("image", name, {"file": file_name}, description=description)

    def log_confusion_matrix(self, name: str, value: object, description: str = "") -> None:
        """Log a confusion matrix; its rows are the true classes.

        Args:
            value: ``{"class_labels": […], "matrix": [[…]]}``, with or without SDK v1's schema
                around it, or the same as JSON text.
        """
        self._log_chart("confusion_matrix", name, value, description)

    def log_accuracy_table(self, name: str, value: object, description: str = "") -> None:
        """Log true and false positives and negatives by threshold, in SDK v1's schema."""
        self._log_chart("accuracy_table", name, value, description)

    def log_residuals(self, name: str, value: object, description: str = "") -> None:
        """Log a histogram of residuals: ``bin_edges`` (n+1) and ``bin_counts`` (n)."""
        self._log_chart("residuals", name, value, description)

    def log_predictions(self, name: str, value: object, description: str = "") -> None:
        """Log predictions by bins of the truth.

        Args:
            value: ``bin_averages``, ``bin_errors``, ``bin_counts`` (n each) and ``bin_edges``
                (n+1).
        """
        self._log_chart("predictions", name, value, description)

    def _log_chart(self, kind: str, name: str, value: object, description: str) -> None:
        self._spool.append(kind, name, charts.as_chart(kind, value), description=description)

    def log_param(self, name: str, value: object) -> None:
        """Record a parameter: what the run was made with, such as a learning rate.

        The same name again replaces it. The arguments of a submitted script are recorded by
        themselves.

        Args:
            name: any printable text up to 250 characters.
            value: a number, text, a boolean, None (missing) or a numpy scalar.

        Raises:
            InvalidInput: several values, a type that is no scalar, or a name that cannot be one.
            StorageError: it could not be written, and is not there.
        """
        self._spool.append("param", name, to_json(as_scalar(value)))

    def log_params(self, params: Mapping[str, object]) -> None:
        """Record several parameters; see `log_param`."""
        values = {name: to_json(as_scalar(value)) for name, value in params.items()}
        for name, value in values.items():
            self._spool.append("param", name, value)

    @property
    def params(self) -> dict[str, Scalar]:
        """The run's parameters: the script's arguments, and what was recorded."""
        return as_scalars(self.record.params)

    def get_params(self) -> dict[str, Scalar]:
        """The run's parameters."""
        return self.params

    def flush(self, timeout_seconds: float = 300) -> None:
        """Do nothing: what was logged is written already. Kept for scripts that call it."""

    @property
    def metrics(self) -> dict[str, Metric]:
        """Everything logged, by name, with times and steps."""
        self.workspace.place.catch_up(self.id)
        return self.workspace.store.get_metrics(self.id)

    def get_metric_history(self, name: str, max_points: int | None = 1000) -> Metric:
        """The points of a series, or so many of them as show its course.

        Of a longer series the first and the last point are kept, and the least and the greatest
        of stretches of equal length between them, so that no peak is lost (M4; see
        `tandemlab.domain.sampling`).

        Args:
            name: of the metric.
            max_points: at most so many, at least 4; None for all.

        Returns:
            The metric with its ``values``, ``steps``, ``times`` (microseconds since 1970-01-01
            UTC) and ``places`` (1, 2, 3 … in the whole series); ``points`` has them one by one.

        Raises:
            NotFound: the run has no metric of that name.
            InvalidInput: it is no series, or `max_points` is too small.

        >>> run = getfixture("workspace").experiment("demo").create_run(type="interactive")
        >>> for step in range(100):
        ...     run.log("loss", 1 / (step + 1))
        >>> run.get_metric_history("loss", max_points=4).places
        [1, 2, 99, 100]
        """
        if max_points is not None and max_points < LEAST:
            raise InvalidInput(
                f"max_points is a whole number from {LEAST} on, or None, not {max_points!r}."
            )
        self.workspace.place.catch_up(self.id)
        found = self.workspace.store.get_metrics(self.id, name, max_points=max_points)
        if name not in found:
            raise NotFound(f"Run {self.id} has no metric {name!r}.", details={"name": name})
        if found[name].shape is not MetricShape.SERIES:
            raise InvalidInput(
                f"The metric {name!r} is no series but a {found[name].shape.value}.",
                hint="get_metrics() gives its value.",
                details={"name": name},
            )
        return found[name]

    def plot(self, metrics: str | Sequence[str] | None = None, *, over: str = "auto") -> Figure:
        """Draw what the run has logged: a panel for each series, table, chart and image.

        Series whose names have the same last part (``train/loss``, ``val/loss``) share a panel.
        A table's numeric columns are lines.

        Args:
            metrics: names of those to draw; all if None.
            over: ``step``, ``time``, ``index``, or ``auto``: steps where all points have one.

        Returns:
            A matplotlib figure, which notebooks show; ``savefig`` writes it to a file.

        Raises:
            NotFound: no metric of that name, or nothing to draw.
            MissingDependency: matplotlib is not installed.
        """
        from tandemlab.tracking.panels import panels_of_run
        from tandemlab.tracking.pictures import draw

        return draw(panels_of_run(self, metrics, over))

    def plot_details(self) -> Figure:
        """Draw what `plot` does, beside the facts of the run: status, times, tags, values."""
        from tandemlab.tracking.panels import panels_of_details
        from tandemlab.tracking.pictures import draw

        return draw(panels_of_details(self))

    # Tags and properties

    @property
    def tags(self) -> dict[str, str | None]:
        """The run's tags."""
        return dict(self.record.tags)

    def get_tags(self) -> dict[str, str | None]:
        """The run's tags."""
        return self.tags

    def tag(self, name: str, value: str | None = None) -> None:
        """Mark the run; an existing tag is replaced."""
        text = None if value is None else as_public_text(value, "tag")
        self._spool.append("tag", name, text)

    def set_tags(self, tags: Mapping[str, str | None]) -> None:
        """Add or replace several tags."""
        for name, value in tags.items():
            self.tag(name, value)

    def remove_tags(self, names: Sequence[str]) -> None:
        """Remove tags."""
        for name in [names] if isinstance(names, str) else names:
            self._spool.append("untag", name)

    @property
    def properties(self) -> dict[str, str]:
        """The run's properties."""
        return dict(self.record.properties)

    def get_properties(self) -> dict[str, str]:
        """The run's properties."""
        return self.properties

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties, which never change.

        Raises:
            AlreadyExists: one of them has another value already; none was added.
        """
        present = self.properties
        texts = {name: as_public_text(value, "property") for name, value in properties.items()}
        for name, text in texts.items():
            if present.get(name, text) != text:
                raise AlreadyExists(
                    f"The property {name!r} of run {self.id} is {present[name]!r} already.",
                    hint="Properties do not change; use a tag for what may.",
                    details={"name": name},
                )
        for name, text in texts.items():
            self._spool.append("property", name, text)


def _step(step: object) -> int:
    number = as_scalar(step, what="step")
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number != int(number):
        raise InvalidInput(f"A step is a whole number, not {number!r}.")
    return int(number)
