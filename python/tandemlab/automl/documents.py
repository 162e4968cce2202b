"""Documents of text, tables and bars, as Markdown and as a page of HTML that needs nothing else."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.store.durable import write_file

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem .75rem; border-bottom: 1px solid #d5dae0; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #f3f5f7; padding: 1rem; overflow-x: auto; }
.bar { display: inline-block; height: .8em; background: #0072b2; min-width: 1px; }
@media (prefers-color-scheme: dark) {
  body { background: #15191e; color: #e4e8ec; } pre { background: #20262d; }
  th, td { border-color: #3a424b; } .bar { background: #56b4e9; }
}
""".strip()
_WIDEST = 20  # em of a bar


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Lines of a program."""

    text: str
    language: str


@dataclass(frozen=True)
class Table:
    """Rows under names of columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @classmethod
    def of(cls, values: Mapping[str, Any], names: Sequence[str] = ("", "")) -> Table:
        """Names and values, one a row."""
        return cls(names, list(values.items()))


@dataclass(frozen=True)
class Bars:
    """Values by name, drawn as bars where that can be."""

    names: tuple[str, str]
    values: Mapping[str, float]


Block = Text | Code | Table | Bars


@dataclass(frozen=True)
class Section:
    """A heading, and what stands under it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """Sections under a title.

    >>> document = Document("Cars", [Section("Data", [Table.of({"rows": 50}, ("", "count"))])])
    >>> print(document.to_markdown())
    # Cars
    <BLANKLINE>
    ## Data
    <BLANKLINE>
    |  | count |
    | --- | --- |
    | rows | 50 |
    <BLANKLINE>
    """

    title: str
    sections: Sequence[Section] = field(default_factory=list)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as what the file's name says, ``.md`` or ``.html``; the path.

        Raises:
            InvalidInput: the name ends otherwise.
        """
        place = Path(path)
        forms = {".md": self.to_markdown, ".html": self.to_html}
        if place.suffix not in forms:
            raise InvalidInput(f"{place.name} is no name of a document: it ends in .md or .html.")
        write_file(place, forms[place.suffix]().encode())
        return place

    def to_markdown(self) -> str:
        """As Markdown of GitHub's kind."""
        parts = [f"# {_plain(self.title)}"]
        for section in self.sections:
            parts.append(f"## {_plain(section.title)}")
            parts += [_markdown(block) for block in section.blocks]
        return "\n\n".join(parts) + "\n"

    def to_html(self) -> str:
        """As a page of HTML, without scripts and without anything from elsewhere."""
        title = html.escape(self.title)
        body = [f"<h1>{title}</h1>"]
        for section in self.sections:
            body.append(f"<h2>{html.escape(section.title)}</h2>")
            body += [_html(block) for block in section.blocks]
        return (
            "<!doctype html>\n"
            '<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title>\n<style>\n{_STYLE}\n</style></head>\n<body>\n"
            + "\n".join(body)
            + "\n</body></html>\n"
        )


def _markdown(block: Block) -> str:
    if isinstance(block, Text):
        return block.text
    if isinstance(block, Code):
        fence = "```" if "```" not in block.text else "~~~~"
        return f"{fence}{block.language}\n{block.text.rstrip()}\n{fence}"
    table = Table.of(block.values, block.names) if isinstance(block, Bars) else block
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(_plain(_shown(cell)) for cell in line)} |" for line in lines)


def _html(block: Block) -> str:
    if isinstance(block, Text):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Code):
        return f"<pre><code>{html.escape(block.text.rstrip())}</code></pre>"
    if isinstance(block, Bars):
        return _bars(block)
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in block.columns)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in block.rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"


def _bars(bars: Bars) -> str:
    greatest = max((abs(value) for value in bars.values.values()), default=0.0) or 1.0
    head = "".join(f"<th>{html.escape(name)}</th>" for name in bars.names)
    rows = "\n".join(
        f"<tr>{_cell(name)}{_cell(value)}<td><span class='bar' "
        f"style='width:{_WIDEST * max(value, 0.0) / greatest:.2f}em'></span></td></tr>"
        for name, value in bars.values.items()
    )
    return f"<table><thead><tr>{head}<th></th></tr></thead>\n<tbody>\n{rows}\n</tbody></table>"


def _cell(value: Any) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    kind = ' class="number"' if is_number else ""
    return f"<td{kind}>{html.escape(_shown(value))}</td>"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return str(value)


def _plain(text: str) -> str:
    """Text that Markdown takes as it is, in one line."""
    return " ".join(text.split()).replace("|", "\\|")
