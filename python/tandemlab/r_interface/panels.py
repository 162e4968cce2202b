"""Panels of pictures as R gets them."""

from __future__ import annotations

from collections.abc import Sequence

from tandemlab.r_interface.wire import Json, clean, vector
from tandemlab.tracking.panels import Line, Panel


def panel_list(panels: Sequence[Panel]) -> Json:
    """Panels as a list of named lists; `cells` are rows."""
    return [_panel(panel) for panel in panels]


def _panel(panel: Panel) -> Json:
    return {
        "$map": [
            ["kind", panel.kind],
            ["title", clean(panel.title)],
            ["x_label", clean(panel.x_label)],
            ["y_label", clean(panel.y_label)],
            ["lines", [_line(line) for line in panel.lines]],
            ["diagonal", panel.diagonal],
            ["labels", vector(panel.labels, "character")],
            ["cells", [vector(row, "double") for row in panel.cells]],
            ["edges", vector(panel.edges, "double")],
            ["heights", vector(panel.heights, "double")],
            ["texts", vector(panel.texts, "character")],
            ["file", panel.file],
        ]
    }


def _line(line: Line) -> Json:
    return {
        "$map": [
            ["name", clean(line.name)],
            ["x", vector(line.x, "double")],
            ["y", vector(line.y, "double")],
            ["errors", vector(line.errors, "double")],
        ]
    }
