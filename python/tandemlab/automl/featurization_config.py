"""FeaturizationConfig: what is done to which column before a model sees it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import nearest


class Purpose(str, Enum):
    """What a column is for; the names are those of SDK v1."""

    NUMERIC = "Numeric"
    BOOLEAN = "Boolean"
    CATEGORICAL = "Categorical"
    CATEGORICAL_HASH = "CategoricalHash"
    DATETIME = "DateTime"
    TEXT = "Text"
    IGNORE = "Ignore"

    def __str__(self) -> str:
        return self.value


TRANSFORMERS = ("CountEncoder", "DateParts", "HashedTfIdf", "MissingIndicator")
STRATEGIES = ("median", "mean", "most_frequent")


@dataclass(frozen=True)
class FeaturizationConfig:
    """What is done to which column before a model sees it, where it is not to be found out.

    Attributes:
        column_purposes: by column: ``Numeric``, ``Boolean``, ``Categorical``, ``CategoricalHash``
            (one of very many levels), ``DateTime``, ``Text`` or ``Ignore``.
        blocked_transformers: what is left out: ``CountEncoder`` (how frequent a level is),
            ``DateParts``, ``HashedTfIdf`` or ``MissingIndicator``.
        drop_columns: columns that no model sees.
        imputers: by numeric column, how its missing values are filled for all models: ``median``,
            ``mean`` or ``most_frequent`` of the training data, or a number. Another feature says
            where they were missing. Without one, models of trees take missing values as they are,
            and the others see the median.

    Raises:
        InvalidInput: a purpose, transformer or strategy that there is not.

    >>> FeaturizationConfig({"zip": "Categorical"}).purpose("zip").value
    'Categorical'
    """

    column_purposes: Mapping[str, str] = field(default_factory=dict)
    blocked_transformers: Sequence[str] = ()
    drop_columns: Sequence[str] = ()
    imputers: Mapping[str, str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column, purpose in self.column_purposes.items():
            _check(purpose, [each.value for each in Purpose], f"purpose of {column!r}")
        for name in self.blocked_transformers:
            _check(name, TRANSFORMERS, "transformer")
        for column, strategy in self.imputers.items():
            if isinstance(strategy, bool) or not isinstance(strategy, (int, float)):
                _check(strategy, STRATEGIES, f"imputer of {column!r}")

    def purpose(self, column: str) -> Purpose | None:
        """The purpose of a column; None where it is to be found out."""
        if column in self.drop_columns:
            return Purpose.IGNORE
        given = self.column_purposes.get(column)
        return None if given is None else Purpose(given)

    @property
    def columns(self) -> set[str]:
        """All columns that are named."""
        return {*self.column_purposes, *self.drop_columns, *self.imputers}

    def to_dict(self) -> dict[str, Any]:
        """As plain values, without what is as usual."""
        found = dataclasses.asdict(self)
        for name in ("blocked_transformers", "drop_columns"):
            found[name] = list(found[name])
        return {name: value for name, value in found.items() if value}


def _check(word: object, known: Sequence[str], what: str) -> None:
    if word not in known:
        meant = nearest(str(word), known)
        raise InvalidInput(
            f"{word!r} is no {what}.",
            hint=f"Did you mean {meant!r}?" if meant else f"Known are {', '.join(known)}.",
        )
