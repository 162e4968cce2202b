"""python tools/docs.py SITE: a page for each component of the designer as HTML in SITE."""

from __future__ import annotations

import sys
from html import escape
from itertools import groupby
from pathlib import Path

import markdown2

from tandemlab.designer import list_components
from tandemlab.designer.pages import page_of

_EXTRAS = ["tables", "fenced-code-blocks"]
_HEAD = '<!doctype html>\n<meta charset="utf-8">\n<title>tandemlab: {title}</title>\n'


def main(site: Path) -> None:
    """Write the pages, and an index by the parts of the palette."""
    site.mkdir(parents=True, exist_ok=True)
    found = list(list_components().values())
    lines = ["<h1>tandemlab: components of the designer</h1>"]
    for category, members in groupby(found, key=lambda each: each.category):
        lines.append(f"<h2>{escape(category)}</h2>\n<ul>")
        for each in members:
            page = markdown2.markdown(page_of(each), extras=_EXTRAS)
            head = _HEAD.format(title=escape(each.title))
            (site / f"{each.name}.html").write_text(head + page, encoding="utf-8")
            lines.append(f'<li><a href="{each.name}.html">{escape(each.title)}</a></li>')
        lines.append("</ul>")
    head = _HEAD.format(title="components of the designer")
    (site / "index.html").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
