"""Featurizer: from a raw frame to one matrix of numbers, the same way each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tandemlab.automl.columns import Column, is_plain_fractions
from tandemlab.automl.featurization_config import FeaturizationConfig, Purpose
from tandemlab.automl.frames import shown
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray

_TEXT_PARTS = 24
_TEXT_BITS = 16
_MANY = 30


@dataclass(frozen=True, slots=True)
class Feature:
    """A column of the matrix.

    Attributes:
        source: the column of the frame that it comes from.
        transformer: what made it.
        levels: of a category, whose codes are 0, 1, 2 …; 0 for a number.
    """

    name: str
    source: str
    transformer: str
    levels: int = 0


@dataclass
class _Numbers:
    """Numbers as they are, or with missing ones filled in; infinite ones are missing.

    Attributes:
        imputer: a strategy of scikit-learn's ``SimpleImputer``, or what to fill in.
        fill: what is filled in; None for nothing.
    """

    name: str
    imputer: str | float | None = None
    fill: float | None = None

    def fit(self, values: pandas.Series) -> Sequence[Feature]:
        self.fill = self._learned(values) if isinstance(self.imputer, str) else self.imputer
        return [Feature(self.name, self.name, "Numeric")]

    def _learned(self, values: pandas.Series) -> float:
        from sklearn.impute import SimpleImputer

        imputer = SimpleImputer(strategy=self.imputer, keep_empty_features=True)
        return float(imputer.fit(self._numbers(values).reshape(-1, 1)).statistics_[0])

    def transform(self, values: pandas.Series) -> list[NDArray[Any]]:
        import numpy

        found = self._numbers(values)
        if self.fill is not None:
            found[numpy.isnan(found)] = self.fill
        return [found]

    def _numbers(self, values: pandas.Series) -> NDArray[Any]:
        import numpy

        found = as_numbers(values, self.name)
        found[~numpy.isfinite(found)] = numpy.nan
        return found


@dataclass
class _MissingIndicator:
    name: str

    def fit(self, values: pandas.Series) -> Sequence[Feature]:
        return [Feature(f"{self.name}:missing", self.name, "MissingIndicator")]

    def transform(self, values: pandas.Series) -> list[NDArray[Any]]:
        return [values.isna().to_numpy().astype("float32")]


@dataclass
class _TruthValues:
    name: str

    def fit(self, values: pandas.Series) -> Sequence[Feature]:
        return [Feature(self.name, self.name, "Boolean")]

    def transform(self, values: pandas.Series) -> list[NDArray[Any]]:
        import numpy

        known = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
        texts = values.astype(object).where(values.notna(), None)
        found = [None if value is None else known.get(str(value).lower()) for value in texts]
        wrong = [
            value
            for value, code in zip(texts, found, strict=True)
            if code is None and value is not None
        ]
        if wrong:
            raise _unfit(self.name, "true or false", wrong[0])
        return [numpy.array(found, dtype="float64").astype("float32")]


@dataclass
class _Levels:
    """Codes of levels, the most frequent first; levels that were not there are missing."""

    name: str
    with_counts: bool = False
    levels: list[str] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)

    def fit(self, values: pandas.Series) -> Sequence[Feature]:
        counted = as_texts(values).value_counts()
        counted = counted.sort_index().sort_values(ascending=False, kind="stable")
        self.levels = [str(level) for level in counted.index]
        self.counts = [float(count) / max(1, len(values)) for count in counted]
        features = [Feature(self.name, self.name, "Categorical", max(1, len(self.levels)))]
        if self.with_counts:
            features.append(Feature(f"{self.name}:frequency", self.name, "CountEncoder"))
        return features

    def transform(self, values: pandas.Series) -> list[NDArray[Any]]:
        import numpy
        import pandas

        coded = pandas.Index(self.levels, dtype=object).get_indexer(as_texts(values))
        codes = coded.astype("float32")
        codes[coded < 0] = numpy.nan
        if not self.with_counts:
            return [codes]
        counts = numpy.array([*self.counts, 0.0], dtype="float32")
        return [codes, counts[coded]]


@dataclass
class _DateParts:
    name: str
    parts: list[str] = field(default_factory=list)

    def fit(self, values: pandas.Series) -> Sequence[Feature]:
        found = self._all(values)
        self.parts = [name for name, each in found.items() if name == "days" or _varies(each)]
        return [Feature(f"{self.name}:{part}", self.name, "DateParts") for part in self.parts]

    def transform(self, values: pandas.Series) -> list[NDArray[Any]]:
        found = self._all(values)
        return [found[part] for part in self.parts]

    def _all(self, values: pandas.Series) -> Mapping[str, NDArray[Any]]:
        import pandas

        times = as_times(values, self.name)
        seconds = (times - pandas.Timestamp("1970-01-01", tz="UTC")).dt.total_seconds()
        of = times.dt
        parts = {
            "days": seconds / 86400,
            "year": of.year,
            "month": of.month,
            "day": of.day,
            "weekday": of.day_of_week,
            "day_of_year": of.day_of_year,
            "hour": of.hour,
            "minute": of.minute,
        }
        return {name: each.to_numpy(dtype="float32") for name, each in parts.items()}


@dataclass
class _HashedText:
    """TF-IDF of hashed words and pairs, brought to a few dimensions (latent semantic analysis)."""

    name: str
    seed: int
    pipeline: Any = None

    def fit(self, values: pandas.Series) -> Sequence[Feature]:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
        from sklearn.pipeline import make_pipeline

        texts = self._texts(values)
        hashed = HashingVectorizer(
            n_features=1 << _TEXT_BITS, ngram_range=(1, 2), alternate_sign=False
        )
        weighted = TfidfTransformer(sublinear_tf=True)
        counts = weighted.fit_transform(hashed.transform(texts))
        size = min(_TEXT_PARTS, max(1, len(texts) - 1))
        reduced = TruncatedSVD(size, random_state=self.seed, n_iter=3)
        reduced.fit(counts)
        self.pipeline = make_pipeline(hashed, weighted, reduced)
        names = [f"{self.name}:text{number}" for number in range(size)]
        lengths = Feature(f"{self.name}:words", self.name, "HashedTfIdf")
        return [*(Feature(name, self.name, "HashedTfIdf") for name in names), lengths]

    def transform(self, values: pandas.Series) -> list[NDArray[Any]]:
        import numpy

        texts = self._texts(values)
        words = numpy.array([text.count(" ") + 1 if text else 0 for text in texts], "float32")
        return [*self.pipeline.transform(texts).astype("float32").T, words]

    def _texts(self, values: pandas.Series) -> list[str]:
        return as_texts(values).fillna("").tolist()


def _varies(values: NDArray[Any]) -> bool:
    import numpy

    known = values[numpy.isfinite(values)]
    return bool(len(known) and known.min() < known.max())


class Featurizer:
    """Turns a raw frame into one matrix: n × features, float32, NaN for what is missing.

    It learns from the training data alone which levels, words and parts of dates there are, and
    never from the target.

    Args:
        columns: what each column of the frame is for.
        config: what is configured otherwise.
        seed: of what is drawn at random.
    """

    def __init__(
        self, columns: Sequence[Column], config: FeaturizationConfig, seed: int = 0
    ) -> None:
        self.columns = [each for each in columns if each.purpose is not Purpose.IGNORE]
        self.features: list[Feature] = []
        self._config = config
        self._parts: list[tuple[Column, Any]] = [
            (column, part) for column in self.columns for part in self._parts_of(column, seed)
        ]

    def _parts_of(self, column: Column, seed: int) -> list[Any]:
        blocked = self._config.blocked_transformers
        name = column.name
        if column.purpose is Purpose.NUMERIC:
            imputer = self._config.imputers.get(name)
            parts: list[Any] = [_Numbers(name, imputer)]
            if "MissingIndicator" not in blocked and imputer is not None:
                parts.append(_MissingIndicator(name))
            return parts
        if column.purpose is Purpose.BOOLEAN:
            return [_TruthValues(name)]
        if column.purpose is Purpose.DATETIME:
            return [] if "DateParts" in blocked else [_DateParts(name)]
        if column.purpose is Purpose.TEXT:
            return [] if "HashedTfIdf" in blocked else [_HashedText(name, seed)]
        counts = column.levels > _MANY and "CountEncoder" not in blocked
        return [_Levels(name, with_counts=counts)]

    def fit_transform(self, frame: pandas.DataFrame) -> NDArray[Any]:
        """Learn from the training data, and give its matrix."""
        series = dict(frame.items())  # of thousands of columns, each look-up by name takes long
        self.features = [
            feature for column, part in self._parts for feature in part.fit(series[column.name])
        ]
        return self.transform(frame)

    def transform(self, frame: pandas.DataFrame) -> NDArray[Any]:
        """The matrix of a frame.

        Raises:
            InvalidInput: a column is missing, or has values that cannot be what it is for.
        """
        import numpy

        self.check(frame)
        matrix = numpy.empty((len(frame), len(self.features)), dtype="float32", order="F")
        at = 0
        series = dict(frame.items())
        for column, part in self._parts:
            for values in part.transform(series[column.name]):
                matrix[:, at] = values
                at += 1
        return matrix

    def check(self, frame: pandas.DataFrame) -> None:
        """Refuse a frame that lacks columns.

        Raises:
            InvalidInput: with the names of those that are missing.
        """
        missing = [each.name for each in self.columns if each.name not in frame.columns]
        if missing:
            shown = ", ".join(missing[:10])
            raise InvalidInput(
                f"The data lack {len(missing)} of the columns that the model takes: {shown}.",
                hint="Give all columns that it was trained on, but for the label; those that are "
                "not known may be missing values.",
                details={"missing": missing},
            )

    @property
    def imputers(self) -> Mapping[str, str | float]:
        """How missing numbers are filled in, by column."""
        return self._config.imputers

    @property
    def categories(self) -> list[int]:
        """Which features are codes of categories."""
        return [place for place, each in enumerate(self.features) if each.levels]


def as_numbers(values: pandas.Series, name: str) -> NDArray[Any]:
    """A column as float32.

    Raises:
        InvalidInput: it holds something that is no number.
    """
    import numpy
    import pandas
    from pandas.api import types

    if is_plain_fractions(values):
        with numpy.errstate(over="ignore", invalid="ignore"):
            return values.to_numpy().astype("float32")
    if types.is_timedelta64_dtype(values.dtype):
        return values.dt.total_seconds().to_numpy(dtype="float32")
    if types.is_numeric_dtype(values.dtype) or types.is_bool_dtype(values.dtype):
        # Beyond float32 is infinite, and so missing; R's NA is a NaN that casts notice.
        with numpy.errstate(over="ignore", invalid="ignore"):
            return values.to_numpy(dtype="float64", na_value=numpy.nan).astype("float32")
    if types.is_datetime64_any_dtype(values.dtype):
        raise _unfit(name, "a number", values.iloc[0])
    found = pandas.to_numeric(values.astype(object), errors="coerce")
    wrong = values[found.isna() & values.notna()]
    if len(wrong):
        raise _unfit(name, "a number", wrong.iloc[0])
    return found.to_numpy(dtype="float64", na_value=numpy.nan).astype("float32")


def as_texts(values: pandas.Series) -> pandas.Series:
    """A column as texts, missing ones as they are. A whole number has no decimal point."""
    import pandas
    from pandas.api import types

    if isinstance(values.dtype, pandas.CategoricalDtype):
        levels = as_texts(pandas.Series(values.cat.categories)).tolist()
        codes = values.cat.codes.to_numpy()
        coded = pandas.Categorical.from_codes(codes, pandas.Index(levels))
        return pandas.Series(coded, index=values.index).astype(object)
    texts = values.astype(object)
    if isinstance(values.dtype, pandas.StringDtype):
        return texts.where(values.notna(), None)
    if types.is_float_dtype(values.dtype):
        texts = texts.map(lambda value: int(value) if value == value and value % 1 == 0 else value)
    return texts.where(values.isna(), texts.map(str)).where(values.notna(), None)


def as_times(values: pandas.Series, name: str) -> pandas.Series:
    """A column as times in UTC.

    Raises:
        InvalidInput: it holds something that is no time.
    """
    import pandas
    from pandas.api import types

    if types.is_numeric_dtype(values.dtype) and values.notna().any():
        raise _unfit(name, "a time", values.dropna().iloc[0])
    if types.is_datetime64_any_dtype(values.dtype):
        times = values
    else:
        times = pandas.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
    wrong = values[times.isna() & values.notna()]
    if len(wrong):
        raise _unfit(name, "a time", wrong.iloc[0])
    return times.dt.tz_localize("UTC") if times.dt.tz is None else times.dt.tz_convert("UTC")


def _unfit(column: str, wanted: str, value: object) -> InvalidInput:
    return InvalidInput(
        f"The column {column!r} holds {shown(value)}, where the model was trained on "
        f"{'numbers' if wanted == 'a number' else 'times' if wanted == 'a time' else wanted}.",
        hint="Give the column in the type that the training data had.",
        details={"column": column},
    )
