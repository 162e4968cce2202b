"""Panels of pictures as R gets them."""

from __future__ import annotations

from collections.abc import Sequence

from tandemlab.bridge.values import Vector
from tandemlab.tracking.panels import Line, Panel


def panel_list(panels: Sequence[Panel]) -> object:
    """Panels as a list of named lists; `cells` are rows."""
    return [_panel(panel) for panel in panels]


def _panel(panel: Panel) -> object:
    return {
        "kind": panel.kind,
        "title": panel.title,
        "x_label": panel.x_label,
        "y_label": panel.y_label,
        "lines": [_line(line) for line in panel.lines],
        "diagonal": panel.diagonal,
        "labels": Vector(panel.labels, "character"),
        "cells": [Vector(row, "double") for row in panel.cells],
        "edges": Vector(panel.edges, "double"),
        "heights": Vector(panel.heights, "double"),
        "texts": Vector(panel.texts, "character"),
        "file": panel.file,
    }


def _line(line: Line) -> object:
    return {
        "name": line.name,
        "x": Vector(line.x, "double"),
        "y": Vector(line.y, "double"),
        "errors": Vector(line.errors, "double"),
        "is_dots": line.is_dots,
        "shade": line.shade,
    }
