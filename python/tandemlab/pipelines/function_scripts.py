"""Scripts that call a function of a step: what they get, and what becomes of what it returns."""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import by_output, place_variable
from tandemlab.domain.pipelines import Function

if TYPE_CHECKING:
    from typing import TypeGuard

# Libraries with threads of their own that go on in a fork as though nothing had happened.
_FORKABLE = ("numpy", "pandas", "pyarrow")
_FOR_TABLES = (*_FORKABLE, "tandemlab.bridge.files", "tandemlab.bridge.pandas_frames")
_PYTHON = """\
from __future__ import annotations

{code}

if __name__ == "__main__":
    from tandemlab.pipelines.function_scripts import call_function

    call_function({name})
"""
_R = """\
{name} <- {code}

tandemlab:::call_step_function({name})
"""


def function_script(function: Function) -> str:
    """The script that calls a function; its one argument says how (`call_function`)."""
    template = _PYTHON if function.language == "python" else _R
    return template.format(name=function.name, code=function.code.strip())


def modules_ahead(function: Function, call: Mapping[str, Any]) -> list[str]:
    r"""What a process loads that is forked for a function, so that each call need not.

    Args:
        call: as the script gets it.

    >>> sum_up = Function("python", "sum_up", "def sum_up(x):\n    import numpy\n    return x\n")
    >>> modules_ahead(sum_up, {"inputs": {"x": "json"}, "outputs": {}})
    ['tandemlab.pipelines.function_scripts', 'numpy']
    """
    if function.language != "python":
        return []
    if "table" in (*call["inputs"].values(), *call["outputs"].values()):
        return [__name__, *_FOR_TABLES]
    statements = [each for each in ast.walk(ast.parse(function.code)) if _is_import(each)]
    wanted = {name.partition(".")[0] for each in statements for name in _imported(each)}
    return [__name__, *(name for name in _FORKABLE if name in wanted)]


def _is_import(node: ast.AST) -> TypeGuard[ast.Import | ast.ImportFrom]:
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _imported(statement: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(statement, ast.ImportFrom):
        return [statement.module or ""]
    return [alias.name for alias in statement.names]


def call_function(function: Callable[..., Any]) -> None:
    """Call the function of a step as the script's argument says, and write what it returns.

    That argument is a JSON object: ``arguments`` by name, and the types of ``inputs`` and
    ``outputs``.

    Raises:
        InvalidInput: it returns something else than its outputs.
    """
    call = json.loads(sys.argv[1])
    given = {*call["arguments"], *call["inputs"]}
    known = inspect.signature(function).parameters.keys() - given
    paths = {name: _path("outputs", name) for name in call["outputs"]}
    written = {name: str(path) for name, path in paths.items() if name in known}
    inputs = {name: _read(_path("inputs", name), type) for name, type in call["inputs"].items()}
    value = function(**call["arguments"], **inputs, **written)
    types = {name: type for name, type in call["outputs"].items() if name not in written}
    hint = "An output that is an argument of the function is a path that it writes itself."
    for name, each in by_output(value, list(types), "The function", hint).items():
        _write(each, types[name], paths[name], name)


def _path(kind: str, name: str) -> Path:
    return Path(os.environ[place_variable(kind, name)])


def _read(path: Path, type: str | None) -> Any:
    if type == "table" or (type is None and path.suffix == ".arrow"):
        from tandemlab.bridge import read_frame

        return read_frame(path, "pandas")
    if type == "json":
        return json.loads(path.read_text(encoding="utf-8"))
    return str(path)


def _write(value: Any, type: str, path: Path, name: str) -> None:
    if type == "table":
        from tandemlab.bridge import write_frame

        write_frame(value, path)
    elif type == "json":
        path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    else:
        raise InvalidInput(
            f"What a function returns becomes a table or json; the output {name!r} is a {type}.",
            hint=f"Give the function an argument {name}: it is the path to write.",
        )
