"""Lines for the shell with values and variables in them, outside of quotes and inside."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

_HERE = re.compile(r"<<-?\s*(?:'(\w+)'|\"(\w+)\"|\\?([A-Za-z_]\w*))")
_BEFORE_COMMENT = " \t\n;&|("


def fill_line(line: str, place: re.Pattern[str], write: Callable[[re.Match[str], str], str]) -> str:
    r"""A line with something for each place in it, none of them in a comment.

    Args:
        write: what stands for a place, whose second argument is the quote that it is in: ``'``,
            ``"`` or an empty text.

    >>> each = re.compile(r"\$\{(\w+)\}")
    >>> print(fill_line("a ${x} '${x}' \"${x}\"", each, lambda found, quote: value_in("$y", quote)))
    a '$y' '''$y''' "\$y"
    """
    parts: list[str] = []
    around = [""]  # quotes, parentheses and backquotes that are open
    end = ""  # of a here-document that begins with the next line
    at = 0
    while at < len(line):
        inner, rest = around[-1], line[at:]
        found = place.match(line, at)
        size = 1
        if found is not None:
            parts.append(write(found, inner if inner in ("'", '"') else ""))
            at = found.end()
            continue
        if inner == "'":
            if rest[0] == "'":
                around.pop()
        elif rest[0] == "\\":
            size = 2
        elif rest.startswith("$("):
            around.append("(")
            size = 2
        elif rest[0] in '"`':
            _turn(around, rest[0])
        elif inner != '"':
            if rest[0] == "#" and (not at or line[at - 1] in _BEFORE_COMMENT):
                size = len(rest.partition("\n")[0])
                parts.append(place.sub("", rest[:size]))
                at += size
                continue
            if rest[0] in "'(":
                around.append(rest[0])
            elif rest[0] == ")" and inner == "(":
                around.pop()
            elif (begun := _HERE.match(rest)) and not rest.startswith("<<<"):
                end = next(word for word in begun.groups() if word)
                size = begun.end()
            elif rest[0] == "\n" and end:
                body = re.match(rf"\n(?:.*\n)*?\t*{end}$", rest, re.MULTILINE)
                end = ""
                if body is not None:
                    parts.append(place.sub(lambda found: write(found, ""), body[0]))
                    at += body.end()
                    continue
        parts.append(rest[:size])
        at += size
    return "".join(parts)


def _turn(around: list[str], mark: str) -> None:
    if around[-1] == mark:
        around.pop()
    else:
        around.append(mark)


def value_in(value: str, quote: str) -> str:
    r"""A value as part of one word, whatever is in it.

    >>> print(value_in("a b", ""), value_in("it's $5", '"'))
    'a b' it's \$5
    """
    if quote == '"':
        return re.sub(r'([\\$"`])', r"\\\1", value)
    return f"{quote}{shlex.quote(value)}{quote}"


def variable_in(name: str, quote: str) -> str:
    """The value of a variable, which in single quotes has to be let in.

    >>> print(variable_in("x", "'"), variable_in("x", '"'))
    '"${x}"' ${x}
    """
    return f"'\"${{{name}}}\"'" if quote == "'" else f"${{{name}}}"
