"""Source of modules, as parts of a script."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping
from pprint import pformat
from types import ModuleType
from typing import Any

_PACKAGE = "tandemlab"
_WIDTH = 96


def sources(modules: Iterable[ModuleType]) -> tuple[list[str], list[str]]:
    """What modules import from elsewhere, each once, and what else is in them.

    Their imports of tandemlab are left out: whoever exports a module has all that it needs of
    tandemlab among the modules.
    """
    imports: dict[str, None] = {}
    bodies = []
    for module in modules:
        text = inspect.getsource(module)
        lines = text.splitlines()
        values, definitions = [], []
        for node in ast.parse(text).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                if _is_foreign(node):
                    imports[ast.unparse(node)] = None
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                values.append(_lines(lines, node))
            elif not _is_text(node):
                definitions.append(_lines(lines, node))
        bodies += ["\n".join(values), "\n\n\n".join(definitions)]
    ordered = sorted(imports, key=lambda line: (line.startswith("from"), line))
    return ordered, [body for body in bodies if body]


def settings(values: Mapping[str, Any]) -> str:
    """Lines that give names to plain values."""
    return "\n".join(f"{name} = {_literal(value)}" for name, value in values.items())


def script(header: str, imports: Iterable[str], *parts: str) -> str:
    """A script of a docstring, imports, and parts that stand two lines apart."""
    head = [f'"""{header.strip()}\n"""', "from __future__ import annotations", "\n".join(imports)]
    return "\n\n".join(head) + "\n\n" + "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _literal(value: Any) -> str:
    return pformat(value, width=_WIDTH, sort_dicts=False)


def _lines(lines: list[str], node: ast.stmt) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(lines[first - 1 : node.end_lineno])


def _is_foreign(node: ast.Import | ast.ImportFrom) -> bool:
    name = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    return name != "__future__" and (name or "").partition(".")[0] != _PACKAGE


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
