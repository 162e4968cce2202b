"""Code as values: what a script consists of, whatever its language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Code:
    """Code as it stands, such as the name of a variable."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function or a class.

    Attributes:
        named: arguments by name, behind the others.
    """

    function: str
    arguments: Sequence[Any] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vector:
    """Values of one kind, by name or not: in R a vector."""

    values: Sequence[Any] | Mapping[str, Any]


class Writer(Protocol):
    """What a language writes differently.

    Attributes:
        indentation: columns of a level.
        has_last_comma: whether a comma stands behind the last of several lines.
    """

    indentation: int
    has_last_comma: bool

    def scalar(self, value: Any) -> str:
        """A plain value."""

    def items(self, value: Any) -> tuple[str, list[tuple[str, Any]], str]:
        """What opens a list, mapping or call, its parts, each behind a text, and what closes it."""


def written(value: Any, writer: Writer, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """A value as code, in several lines if it does not fit in one.

    Args:
        indent: columns that its first line is indented by.
        before: columns that are taken in front of it, on the same line, beside the indentation.
        after: columns that are needed behind it.
    """
    if isinstance(value, Code):
        return value.text
    if not isinstance(value, (Call, Vector, Mapping, list, tuple)):
        return writer.scalar(value)
    opening, parts, closing = writer.items(value)
    texts = [f"{label}{written(each, writer)}" for label, each in parts]
    line = f"{opening}{', '.join(texts)}{closing}"
    fits = indent + before + len(line) + after <= WIDTH and "\n" not in line
    if fits or not parts:
        return line
    step = writer.indentation
    inner = indent + step
    lines = [
        f"{' ' * inner}{label}{written(each, writer, inner, len(label), 1)}"
        for label, each in parts
    ]
    comma = "," if writer.has_last_comma else ""
    return "\n".join([opening, ",\n".join(lines) + comma, f"{' ' * indent}{closing}"])
