"""What R asks of the doctor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tandemlab.bridge.values import Table
from tandemlab.doctor import examine

_TABLES = {
    "places": ("language", "place", "path", "exists"),
    "findings": ("problem", "repair"),
}


def examined(workspace: str | None) -> dict[str, object]:
    """The doctor's report, its tables as data frames."""
    report = examine(None if workspace is None else Path(workspace), is_in_r=True)
    return {
        name: _table(value, _TABLES[name]) if name in _TABLES else value
        for name, value in report.items()
    }


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    return Table({name: [row[name] for row in rows] for name in columns})
