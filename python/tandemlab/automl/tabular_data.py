"""Training data of classification and regression: checked, and turned into a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tandemlab.automl import guardrails
from tandemlab.automl.automl_config import AutoMLConfig
from tandemlab.automl.columns import Column, look_at, rows_of
from tandemlab.automl.featurization_config import FeaturizationConfig, Purpose
from tandemlab.automl.featurizer import Featurizer, as_texts
from tandemlab.automl.folds import cut, hold_out, usual_folds
from tandemlab.automl.frames import shown
from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import nearest

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

_LEAST_ROWS = 10
_MOST_CLASSES = 1000


@dataclass(frozen=True)
class Labels:
    """The label as numbers.

    Attributes:
        y: codes of the classes, or values; n.
        classes: the classes in their order, as they are in the data; None for values.
    """

    y: NDArray[Any]
    classes: NDArray[Any] | None

    @property
    def names(self) -> list[str]:
        """The classes as texts."""
        return [] if self.classes is None else [str(each) for each in self.classes]


@dataclass(frozen=True)
class TabularData:
    """Training data that a search can work on.

    Attributes:
        x: n × features.
        held: for each row and fold whether the fold is measured on the row.
        never: the row from which on no model is trained; None if there is none.
    """

    x: NDArray[Any]
    labels: Labels
    weights: NDArray[Any] | None
    held: NDArray[Any]
    never: int | None
    featurizer: Featurizer
    columns: Sequence[Column]
    rails: Sequence[guardrails.Guardrail]

    def summary(self) -> list[Mapping[str, Any]]:
        """A row for each column of the frame: what it is for, and the features that it gives."""
        counts: dict[str, int] = {}
        made: dict[str, list[str]] = {}
        for feature in self.featurizer.features:
            counts[feature.source] = counts.get(feature.source, 0) + 1
            if feature.transformer not in made.setdefault(feature.source, []):
                made[feature.source].append(feature.transformer)
        return [
            {
                **row,
                "features": counts.get(row["column"], 0),
                "transformers": made.get(row["column"], []),
            }
            for row in rows_of(list(self.columns))
        ]


def check_columns(frame: pandas.DataFrame, config: AutoMLConfig) -> str:
    """The label's name, if the frame has all columns that the configuration names.

    Raises:
        InvalidInput: it lacks one, or no label is named.
    """
    label = config.label_column_name
    if label is None:
        raise InvalidInput(
            "The configuration does not say what is to be predicted.",
            hint="Give label_column_name.",
        )
    named = [label, *config.cv_split_column_names, *sorted(config.featurization_config.columns)]
    if config.weight_column_name is not None:
        named.append(config.weight_column_name)
    for name in named:
        if name not in frame.columns:
            meant = nearest(name, map(str, frame.columns))
            columns = ", ".join(map(str, frame.columns[:10]))
            what = "label" if name == label else "column"
            raise InvalidInput(
                f"The data have no column {name!r}, which is the {what} that was asked for.",
                hint=f"Did you mean {meant!r}?" if meant else f"There are {columns}.",
                details={"column": name},
            )
    return label


def prepare(
    frame: pandas.DataFrame, validation: pandas.DataFrame | None, config: AutoMLConfig
) -> TabularData:
    """Check training data, and make them numbers.

    Raises:
        InvalidInput: nothing can be learned from them, and why.
    """
    import pandas

    label = check_columns(frame, config)
    rows = len(frame)
    never = None
    if validation is not None:
        lacking = [name for name in frame.columns if name not in validation.columns]
        if lacking:
            raise InvalidInput(
                f"The validation data lack columns: {', '.join(map(str, lacking[:10]))}.",
                details={"missing": lacking},
            )
        frame = frame[frame[label].notna()]
        validation = validation[validation[label].notna()]
        never = len(frame)
        frame = pandas.concat([frame, validation[frame.columns]], ignore_index=True)
        rows = len(frame)
    frame = frame[frame[label].notna()].reset_index(drop=True)
    _check_rows(frame, rows, label)
    labels = _labels(frame[label], config)
    if never is not None:
        _check_classes(labels, never)
    held = _held(frame, labels, never, config)
    weights = _weights(frame, config)
    others = [label, *config.cv_split_column_names, config.weight_column_name]
    inputs = frame[[name for name in frame.columns if name not in others]]
    featurization = _featurization(inputs, config)
    columns = look_at(inputs, featurization)
    infinite = _infinite(inputs, columns)
    featurizer = Featurizer(columns, featurization, config.seed)
    x = featurizer.fit_transform(inputs) if featurizer.columns else None
    if x is None or x.shape[1] == 0:
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in columns[:5])
        raise InvalidInput(
            f"No column is left to learn from ({reasons or 'there is only the label'}).",
            hint="column_purposes of a FeaturizationConfig says what a column is for.",
        )
    features = featurizer.features
    rails = [
        guardrails.of_label(rows - len(frame), rows),
        *guardrails.of_columns(columns, infinite),
        guardrails.of_rows(frame),
        guardrails.of_leakage(
            x,
            labels.y,
            [feature.name for feature in features],
            [feature.levels for feature in features],
            len(labels.names),
        ),
    ]
    if labels.classes is not None:
        rails += guardrails.of_classes(labels.y, labels.names, held.shape[1])
    return TabularData(x, labels, weights, held, never, featurizer, columns, rails)


def _check_rows(frame: pandas.DataFrame, rows: int, label: str) -> None:
    if len(frame) < _LEAST_ROWS:
        of = f"{len(frame)} rows with a label {label!r}" if rows else "no rows"
        raise InvalidInput(
            f"The data have {of}; a model needs {_LEAST_ROWS} at least.",
            hint="Give more data." if rows == len(frame) else "The other rows have no label.",
            details={"rows": len(frame)},
        )


def _labels(values: pandas.Series, config: AutoMLConfig) -> Labels:
    try:
        count = values.nunique()
    except TypeError as problem:  # lists, dicts and the like
        raise InvalidInput(
            f"The label {values.name!r} holds {shown(values.iloc[0])}, which is neither a number "
            "nor a class.",
            details={"label": values.name},
        ) from problem
    if count == 1:
        raise InvalidInput(
            f"The label {values.name!r} is {shown(values.iloc[0])} in all rows: there is "
            "nothing to predict.",
            details={"label": values.name},
        )
    return _classes(values) if config.is_classification else _values(values)


def _check_classes(labels: Labels, never: int) -> None:
    """Refuse validation data with classes that nothing is trained on."""
    import numpy

    if labels.classes is None:
        return
    unknown = numpy.setdiff1d(labels.y[never:], labels.y[:never])
    if len(unknown):
        names = ", ".join(repr(labels.names[code]) for code in unknown[:10])
        raise InvalidInput(
            f"The validation data have classes that the training data lack: {names}.",
            hint="Leave out their rows, or give the training data some.",
            details={"classes": [labels.names[code] for code in unknown]},
        )


def _classes(values: pandas.Series) -> Labels:
    import numpy
    import pandas

    if isinstance(values.dtype, pandas.CategoricalDtype):
        used = values.cat.remove_unused_categories()
        classes = numpy.asarray(used.cat.categories)
        codes = used.cat.codes.to_numpy()
    else:
        try:
            found, unique = pandas.factorize(values, sort=True)
        except TypeError:  # numbers and texts have no order
            found, unique = pandas.factorize(as_texts(values), sort=True)
        classes, codes = numpy.asarray(unique), found
    if len(classes) > _MOST_CLASSES or (len(classes) > 50 and len(classes) > len(values) / 3):
        raise InvalidInput(
            f"The label {values.name!r} has {len(classes)} classes in {len(values)} rows.",
            hint="If these are numbers, the task is regression.",
            details={"classes": len(classes)},
        )
    return Labels(codes.astype("int64"), classes)


def _values(values: pandas.Series) -> Labels:
    import numpy
    import pandas

    found = pandas.to_numeric(values.astype(object), errors="coerce").to_numpy(dtype="float64")
    if numpy.isnan(found).any():
        wrong = values[numpy.isnan(found)].iloc[0]
        raise InvalidInput(
            f"The label {values.name!r} holds {shown(wrong)}, which is no number.",
            hint="For classes, the task is classification.",
            details={"label": values.name},
        )
    if numpy.isinf(found).any():
        raise InvalidInput(
            f"The label {values.name!r} has {int(numpy.isinf(found).sum())} infinite values.",
            hint="Leave out these rows, or cut the values.",
            details={"label": values.name},
        )
    return Labels(found, None)


def _held(
    frame: pandas.DataFrame, labels: Labels, never: int | None, config: AutoMLConfig
) -> NDArray[Any]:
    import numpy

    rows = len(frame)
    by_class = labels.classes is not None
    if never is not None:
        if not 0 < never < rows:
            raise InvalidInput("The training or the validation data have no row with a label.")
        return (numpy.arange(rows) >= never)[:, None]
    if config.cv_split_column_names:
        return _by_columns(frame, config.cv_split_column_names)
    if config.validation_size is not None:
        return hold_out(labels.y, config.validation_size, config.seed, by_class=by_class)
    count = config.n_cross_validations or usual_folds(rows, config.timeout_seconds)
    if count > rows:
        raise InvalidInput(
            f"{rows} rows cannot be cut into {count} parts.",
            hint="Give a smaller n_cross_validations.",
        )
    return cut(labels.y, count, config.seed, by_class=by_class)


def _by_columns(frame: pandas.DataFrame, names: Sequence[str]) -> NDArray[Any]:
    import numpy

    held = numpy.empty((len(frame), len(names)), dtype=bool)
    for place, name in enumerate(names):
        values = frame[name]
        if not values.isin([0, 1]).all():
            raise InvalidInput(
                f"The column {name!r} does not have 1 (to train on) or 0 (to measure on) in each "
                "row.",
                details={"column": name},
            )
        held[:, place] = values == 0
        if held[:, place].all() or not held[:, place].any():
            raise InvalidInput(
                f"The column {name!r} leaves no rows to train on, or none to measure on.",
                details={"column": name},
            )
    return held


def _weights(frame: pandas.DataFrame, config: AutoMLConfig) -> NDArray[Any] | None:
    import numpy
    from pandas.api import types

    name = config.weight_column_name
    if name is None:
        return None
    values = frame[name]
    if types.is_numeric_dtype(values.dtype):
        found = values.to_numpy(dtype="float64", na_value=numpy.nan)
        if (found >= 0).all() and numpy.isfinite(found).all() and found.sum() > 0:
            return found / found.mean()
    raise InvalidInput(
        f"The weights in {name!r} are not all numbers from 0 on.",
        hint="Fill missing ones.",
        details={"column": name},
    )


def _featurization(inputs: pandas.DataFrame, config: AutoMLConfig) -> FeaturizationConfig:
    if config.featurization != "off":
        return config.featurization_config
    from pandas.api import types

    wrong = [name for name in inputs.columns if not types.is_numeric_dtype(inputs[name].dtype)]
    if wrong:
        raise InvalidInput(
            f"Without featurization all columns have to be numbers; {wrong[0]!r} is not.",
            hint="featurization='auto' takes texts, times and categories.",
            details={"columns": wrong},
        )
    return FeaturizationConfig(dict.fromkeys(inputs.columns, Purpose.NUMERIC.value))


def _infinite(inputs: pandas.DataFrame, columns: Sequence[Column]) -> dict[str, int]:
    """How many infinite values each column has that has any."""
    import numpy
    from pandas.api import types

    floats = inputs.loc[:, [types.is_float_dtype(kind) for kind in inputs.dtypes]]
    counts = numpy.isinf(floats.to_numpy(dtype="float64", na_value=numpy.nan)).sum(axis=0)
    numeric = {column.name for column in columns if column.purpose is Purpose.NUMERIC}
    return {
        name: int(count)
        for name, count in zip(floats.columns, counts, strict=True)
        if count and name in numeric
    }
