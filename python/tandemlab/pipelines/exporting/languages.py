"""How Python and R write values, calls and names."""

from __future__ import annotations

import builtins
import json
import keyword
import re
from collections.abc import Mapping
from typing import Any

from tandemlab.pipelines.exporting.expressions import Call, Code, Vector

_R_WORDS = frozenset(
    "if else repeat while function for next break TRUE FALSE NULL Inf NaN NA NA_integer_ NA_real_ "
    "NA_character_ in".split()
)
_R_FUNCTIONS = frozenset("c list pipeline step_output options structure setNames".split())
_R_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*|[.][A-Za-z_][A-Za-z0-9_.]*")


class Python:
    """Python."""

    name = "python"
    indentation = 4
    has_last_comma = True
    assignment = "="
    reserved = frozenset((*keyword.kwlist, *dir(builtins)))

    def variable(self, name: str) -> str:
        """A name as that of a variable, as far as it can be one."""
        return name

    def scalar(self, value: Any) -> str:
        """A plain value."""
        if not isinstance(value, str):
            return repr(value)
        if "\n" in value.rstrip("\n") and '"""' not in value and value[-1] not in '"\\':
            return f'r"""{value}"""' if "\\" in value else f'"""\\\n{value}"""'
        return repr(value) if '"' in value and "'" not in value else _double_quoted(value)

    def items(self, value: Any) -> tuple[str, list[tuple[str, Any]], str]:
        """What opens a list, mapping or call, its parts, and what closes it."""
        if isinstance(value, Call):
            named = [(f"{key}=", each) for key, each in value.named.items()]
            return f"{value.function}(", [*(("", each) for each in value.arguments), *named], ")"
        if isinstance(value, Vector):
            return self.items(value.values)
        if isinstance(value, Mapping):
            parts = [(f"{self.scalar(key)}: ", each) for key, each in value.items()]
            return "{", parts, "}"
        return "[", [("", each) for each in value], "]"

    def lists(self, value: Any) -> Any:
        """A plain value whose lists have to stay such."""
        return value

    def output(self, variable: str, name: str | None) -> Code:
        """The output of a step, as an input of others."""
        return Code(f"{variable}.output({'' if name is None else _double_quoted(name)})")


class R:
    """R."""

    name = "r"
    indentation = 2
    has_last_comma = False
    assignment = "<-"
    reserved = _R_WORDS | _R_FUNCTIONS

    def variable(self, name: str) -> str:
        """A name as that of a variable, as far as it can be one."""
        return name if _R_NAME.fullmatch(name) else f"the{name}"

    def scalar(self, value: Any) -> str:
        """A plain value."""
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return str(value).upper()
        if isinstance(value, int):
            return f"{value}L" if abs(value) < 2**31 else f"{value}"
        if not isinstance(value, str):
            return repr(value)
        if "\n" in value or '"' in value or "\\" in value:
            return _raw_string(value)
        return _double_quoted(value)

    def items(self, value: Any) -> tuple[str, list[tuple[str, Any]], str]:
        """What opens a list, mapping or call, its parts, and what closes it."""
        if isinstance(value, Call):
            named = [(f"{_r_key(key)} = ", each) for key, each in value.named.items()]
            return f"{value.function}(", [*(("", each) for each in value.arguments), *named], ")"
        if isinstance(value, Vector):
            return self.items(Call("c", *_arguments(value.values)))
        if isinstance(value, Mapping) and not value:
            return "setNames(list(), character()", [], ")"
        if isinstance(value, (list, tuple)) and len(value) > 1 and _is_of_one_kind(value):
            return self.items(Call("c", value))
        return self.items(Call("list", *_arguments(value)))

    def lists(self, value: Any) -> Any:
        """A plain value whose lists have to stay such, and not become vectors."""
        if isinstance(value, Mapping):
            return {key: self.lists(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return Call("list", [self.lists(each) for each in value])
        return value

    def output(self, variable: str, name: str | None) -> Code:
        """The output of a step, as an input of others."""
        more = "" if name is None else f", {_double_quoted(name)}"
        return Code(f"step_output({variable}{more})")


Language = Python | R
LANGUAGES: Mapping[str, Language] = {"python": Python(), "r": R()}


_R_TOKEN = re.compile(
    r"""[rR]"(?P<dashes>-*)\(.*?\)(?P=dashes)"|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*|.""",
    re.DOTALL,
)


def is_r_function(code: str) -> bool:
    r"""Whether some code of R is one function, which can stand as an argument, and no more.

    >>> is_r_function("function(x) paste(x, ')')"), is_r_function("function(x) x); quit(")
    (True, False)
    """
    if not re.match(r"function\s*\(|\\\(", code) or code != code.strip():
        return False
    depth = 0
    for found in _R_TOKEN.finditer(code):
        token = found[0]
        depth += (token in "([{") - (token in ")]}")
        if depth < 0 or (depth == 0 and token in ",;") or (token in "\"'`"):
            return False
    return depth == 0 and not token.startswith("#")


def _arguments(value: Any) -> tuple[Any, Any]:
    return ((), value) if isinstance(value, Mapping) else (value, {})


def _is_of_one_kind(values: Any) -> bool:
    kinds = {type(each) for each in values}
    return len(kinds) == 1 and kinds <= {str, int, float, bool}


def _double_quoted(text: str) -> str:
    """A text that both languages read alike."""
    return json.dumps(text, ensure_ascii=False)


def _raw_string(text: str) -> str:
    """R's raw string, with as many dashes as it needs."""
    dashes = ""
    while f'){dashes}"' in text:
        dashes += "-"
    return f'r"{dashes}({text}){dashes}"'


def _r_key(name: str) -> str:
    is_plain = _R_NAME.fullmatch(name) and name not in _R_WORDS
    return name if is_plain else f"`{name}`"
