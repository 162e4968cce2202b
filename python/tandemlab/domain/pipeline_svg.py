"""The graph of a pipeline as a picture in SVG: steps from left to right, by when they can run."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from tandemlab.domain.pipeline_pictures import edges_of, levels_of
from tandemlab.domain.pipelines import Graph

_HEIGHT, _GAP, _LETTER, _MARGIN = 44, 24, 7, 16  # pixels; a letter's width is an estimate
_STYLE = """\
  <style>
    .step { fill: #fff; stroke: #556; }
    .edge { fill: none; stroke: #778; }
    .order { stroke-dasharray: 4 3; }
    text { font: 12px system-ui, sans-serif; fill: #223; text-anchor: middle; }
    .kind, .data { font-size: 10px; fill: #667; }
    .data { paint-order: stroke; stroke: #fff; stroke-width: 3px; }
  </style>
  <defs>
    <marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" \
orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#778"/></marker>
  </defs>"""


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.y + _HEIGHT / 2


def svg_of(graph: Graph) -> str:
    """A picture of the steps, what they hand on, and their order; a file of its own.

    >>> from tandemlab.domain.pipeline_documents import graph_of
    >>> picture = svg_of(graph_of({"name": "a & b", "steps": {"one": {"command": "true"}}}))
    >>> picture.startswith("<svg xmlns="), "<title>a &amp; b</title>" in picture
    (True, True)
    """
    labels = {name: _shortened(graph.steps[name].kind) for name in graph.order}
    boxes = _boxes(graph, labels)
    width = max((box.x + box.width for box in boxes.values()), default=0.0) + _MARGIN
    height = max((box.y for box in boxes.values()), default=0.0) + _HEIGHT + _MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"  <title>{escape(graph.name or 'pipeline')}</title>",
        _STYLE,
    ]
    lines += [_edge(boxes[source], boxes[target], by) for source, by, target in edges_of(graph)]
    for name, box in boxes.items():
        lines += _step(name, labels[name], box)
    return "\n".join([*lines, "</svg>"])


def _boxes(graph: Graph, labels: dict[str, str]) -> dict[str, _Box]:
    columns: dict[int, list[str]] = {}
    for name, level in levels_of(graph).items():
        columns.setdefault(level, []).append(name)
    edges = edges_of(graph)
    tallest = max(map(len, columns.values()), default=0)
    found: dict[str, _Box] = {}
    x = float(_MARGIN)
    for level in sorted(columns):
        names = columns[level]
        width = max(max(len(each), len(labels[each])) for each in names) * _LETTER + 24
        top = _MARGIN + (tallest - len(names)) * (_HEIGHT + _GAP) / 2
        for place, name in enumerate(names):
            found[name] = _Box(x, top + place * (_HEIGHT + _GAP), width)
        behind = [len(label) for source, label, _ in edges if source in names]
        x += width + max([6, *behind]) * _LETTER + 24
    return found


def _edge(source: _Box, target: _Box, label: str) -> str:
    x1, y1, x2, y2 = source.x + source.width, source.middle, target.x, target.middle
    bend = (x2 - x1) / 2
    kind = "edge" if label else "edge order"
    path = (
        f"M{x1:.0f} {y1:.0f} C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    )
    line = f'  <path class="{kind}" d="{path}" marker-end="url(#end)"/>'
    if not label:
        return line
    x, y = (x1 + x2) / 2, (y1 + y2) / 2 - 4
    return f'{line}\n  <text class="data" x="{x:.0f}" y="{y:.0f}">{escape(label)}</text>'


def _step(name: str, kind: str, box: _Box) -> list[str]:
    x = box.x + box.width / 2
    return [
        f'  <rect class="step" x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" '
        f'height="{_HEIGHT}" rx="6"/>',
        f'  <text x="{x:.0f}" y="{box.y + 19:.0f}">{escape(name)}</text>',
        f'  <text class="kind" x="{x:.0f}" y="{box.y + 34:.0f}">{escape(kind)}</text>',
    ]


def _shortened(text: str) -> str:
    return text if len(text) <= 28 else f"{text[:27]}…"
