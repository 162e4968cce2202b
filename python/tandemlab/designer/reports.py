"""Reports: what components say about data and models, as inert data that the studio draws.

A report is ``{"blocks": [...]}``; each function here makes one block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def report(*blocks: Mapping[str, Any]) -> dict[str, Any]:
    """A report of blocks.

    >>> report(text("Nothing was found."))
    {'blocks': [{'type': 'text', 'text': 'Nothing was found.'}]}
    """
    return {"blocks": [dict(each) for each in blocks]}


def text(words: str) -> dict[str, Any]:
    """A paragraph."""
    return {"type": "text", "text": words}


def metrics(title: str, values: Mapping[str, float]) -> dict[str, Any]:
    """Numbers by name; they become metrics of the step's run, too."""
    return {"type": "metrics", "title": title, "values": dict(values)}


def line(name: str, x: Iterable[float], y: Iterable[float]) -> dict[str, Any]:
    """One of the lines of `lines`: x and y are of one length."""
    return {"name": name, "x": [float(each) for each in x], "y": [float(each) for each in y]}


def lines(title: str, x: str, y: str, series: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A chart of lines.

    Args:
        x: what the horizontal axis is.
        y: what the vertical axis is.
        series: of `line`.
    """
    return {"type": "lines", "title": title, "x": x, "y": y, "series": list(series)}


def bars(title: str, labels: Iterable[str], values: Iterable[float]) -> dict[str, Any]:
    """A chart of bars, one for each label."""
    named, high = [str(each) for each in labels], [float(each) for each in values]
    return {"type": "bars", "title": title, "labels": named, "values": high}


def matrix(
    title: str, rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """A matrix with named rows and columns, drawn in shades."""
    return {
        "type": "matrix",
        "title": title,
        "rows": list(rows),
        "columns": list(columns),
        "values": [list(each) for each in values],
    }


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """A small table."""
    return {
        "type": "table",
        "title": title,
        "columns": list(columns),
        "rows": [list(each) for each in rows],
    }
