"""The source of a Python function that is a step: it is all that there is where the step runs."""

from __future__ import annotations

import ast
import builtins
import inspect
import symtable
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.pipelines import Function

_OF_SCRIPTS = {"__file__", "__name__", "__doc__"}  # which every script has


def python_function(function: Callable[..., Any] | str) -> Function:
    """A function as plain data, from itself or from its source.

    Raises:
        InvalidInput: the source cannot be had, is not that of one function, or uses what is outside
            of it.
    """
    text = textwrap.dedent(function if isinstance(function, str) else _source_of(function))
    try:
        found = [each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef)]
    except SyntaxError as problem:
        raise InvalidInput(f"The function cannot be read: {problem}.") from None
    if len(found) != 1:
        raise InvalidInput("The source must be that of one function, which begins with def.")
    name = found[0].name
    lines = text.splitlines()[found[0].lineno - 1 : found[0].end_lineno]
    code = "\n".join(lines) + "\n"
    outside = names_from_outside(name, code)
    if outside:
        raise InvalidInput(
            f"The function {name}() uses {', '.join(outside)} from outside.",
            hint="Where the step runs there is nothing but the function: import inside it, and "
            "hand over values as arguments.",
            details={"names": outside},
        )
    return Function("python", name, code)


def _source_of(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError) as problem:
        raise InvalidInput(
            f"The source of {function!r} cannot be had: {problem}.",
            hint="Define it in a file or a notebook, or give its source as a text.",
        ) from None


def names_from_outside(name: str, code: str) -> list[str]:
    r"""Names that a function uses and does not bind itself: in what it does, and in its defaults.

    What functions, lambdas and comprehensions in it bind or import counts; attributes and
    annotations do not.

    >>> code = "def f(x, n=LIMIT):\n    import math\n    return [math.floor(y) + k for y in x]"
    >>> names_from_outside("f", code)
    ['LIMIT', 'k']
    """
    whole = symtable.symtable(f"from __future__ import annotations\n{code}", name, "exec")
    symbols = [*_symbols(whole)]
    bound = {each.get_name() for each in symbols if _is_bound(each)}
    used = {each.get_name() for each in symbols if each.is_global() and each.is_referenced()}
    return sorted(used - bound - {name, *dir(builtins), *_OF_SCRIPTS})


def _is_bound(symbol: symtable.Symbol) -> bool:
    return symbol.is_global() and (symbol.is_assigned() or symbol.is_imported())


def _symbols(table: symtable.SymbolTable) -> Iterator[symtable.Symbol]:
    yield from table.get_symbols()
    for inner in table.get_children():
        yield from _symbols(inner)
