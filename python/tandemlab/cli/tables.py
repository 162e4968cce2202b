"""Plain tables that fit the terminal they are printed on."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from tandemlab.cli.forms import Form, plain

Painter: TypeAlias = Callable[[str, str], str]

_GAP = "  "
_NARROWEST = 8


class Column(NamedTuple):
    """A field of a result, and how tables show it.

    Attributes:
        name: its key in JSON, and its heading.
        form: how a table writes it.
        rank: on a narrow terminal the columns with the highest rank are left out first;
            those of rank 0 stay.
        whole: whether it is never cut short, as a name that is needed to go on.
        right: whether it is aligned to the right, as numbers are.
        in_table: whether tables show it at all.
        spread: whether a mapping becomes one column per key, ``NAME.KEY``.
        colours: colours of texts that have one.
    """

    name: str
    form: Form = plain
    rank: int = 0
    whole: bool = False
    right: bool = False
    in_table: bool = True
    spread: bool = False
    colours: Mapping[str, str] = MappingProxyType({})


class Table(NamedTuple):
    """A table as lines, its heading first, and the columns that found no place."""

    lines: list[str]
    left_out: list[str]


def spread(
    columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]
) -> tuple[list[Column], list[list[Any]]]:
    """Columns and cells with every spread mapping taken apart.

    >>> columns, cells = spread([Column("metrics", spread=True)], [{"metrics": {"auc": 0.9}}])
    >>> [column.name for column in columns], cells
    (['metrics.auc'], [[0.9]])
    """
    found: list[Column] = []
    cells: list[list[Any]] = [[] for _ in rows]
    for column in columns:
        if not column.spread:
            found.append(column)
            for row, values in zip(rows, cells, strict=True):
                values.append(row[column.name])
            continue
        for key in dict.fromkeys(key for row in rows for key in row[column.name]):
            found.append(column._replace(name=f"{column.name}.{key}", spread=False))
            for row, values in zip(rows, cells, strict=True):
                values.append(row[column.name].get(key))
    return found, cells


def layout(
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    width: int | None,
    paint: Painter | None = None,
) -> Table:
    """Lines of a table.

    Columns without any content are not shown. Where the rest is wider than `width`, columns
    leave by rank, and then long cells are cut.

    Args:
        width: of the terminal; None where nothing is to be cut.
        paint: gives a text a colour.

    >>> rows = [{"run": "demo/1", "note": "a very long description"}]
    >>> layout([Column("run", whole=True), Column("note")], rows, 20).lines
    ['run     note', 'demo/1  a very long…']
    """
    flat, cells = spread(columns, rows)
    texts = [[column.form(value) for column, value in zip(flat, row, strict=True)] for row in cells]
    shown = [
        index
        for index, column in enumerate(flat)
        if column.in_table and (not rows or any(text[index] for text in texts))
    ]
    widths = {
        index: max(
            display_width(text) for text in (flat[index].name, *(row[index] for row in texts))
        )
        for index in shown
    }
    left_out = []
    for index in sorted(shown, key=lambda index: -flat[index].rank):
        if width is None or not flat[index].rank or _total(widths) <= width:
            break
        left_out.append(flat[index].name)
        del widths[index]
    if width is not None:
        _shrink(flat, widths, width)
    heading = [column.name for column in flat]
    lines = [_line(flat, row, widths, paint) for row in (heading, *texts)]
    return Table(lines, left_out)


def _total(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1)


def _shrink(columns: Sequence[Column], widths: dict[int, int], width: int) -> None:
    """Take from the widest columns that may be cut until all fits or no more can be taken."""
    while _total(widths) > width:
        able = [
            index
            for index in widths
            if not columns[index].whole
            and widths[index] > max(_NARROWEST, display_width(columns[index].name))
        ]
        if not able:
            return
        widths[max(able, key=lambda index: widths[index])] -= 1


def _line(
    columns: Sequence[Column],
    texts: Sequence[str],
    widths: Mapping[int, int],
    paint: Painter | None,
) -> str:
    parts = []
    for index, width in widths.items():
        text = cut(texts[index], width)
        space = " " * (width - display_width(text))
        colour = columns[index].colours.get(texts[index])
        if paint is not None and colour is not None:
            text = paint(text, colour)
        parts.append(space + text if columns[index].right else text + space)
    return _GAP.join(parts).rstrip()


def cut(text: str, width: int) -> str:
    """The start of a text that is too wide, ended by ``…``.

    >>> cut("accidents", 6), cut("事故事故", 6), cut("short", 6)
    ('accid…', '事故…', 'short')
    """
    if display_width(text) <= width:
        return text
    while display_width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def display_width(text: str) -> int:
    """How many cells of a terminal a text takes.

    >>> display_width("Unfälle"), display_width("事故"), display_width("a\u0308")
    (7, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
