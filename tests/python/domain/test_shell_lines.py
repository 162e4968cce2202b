"""Values and variables in lines for the shell: one word each, wherever they stand."""

import re
import subprocess

import pytest

from tandemlab.domain.shell_lines import fill_line, value_in, variable_in

PLACE = re.compile(r"\$\{p\}")
VALUES = ["a b", "it's", "$(echo no)", "`echo no`", '"; echo no; "', "\\", "; echo no", "a\nb", ""]
LINES = [
    "printf '[%s]' ${p}",
    "printf '[%s]' '${p}'",
    'printf "[%s]" "${p}"',
    "printf '[%s]' \"$(printf %s ${p})\"",
    'printf \'[%s]\' "$(printf %s "${p}")"',
    "printf '[%s]' \"$(printf %s '${p}')\"",
    "# don't ${p}\nprintf '[%s]' ${p}",
    "(printf '[%s]' \"${p}\") # it's ${p}",
    "cat <<E >/dev/null\nit's one\nE\nprintf '[%s]' '${p}'",
    "printf '[%s]' \"${p}\" && echo \\' >/dev/null; true '${p}'",
]


def said(line: str, **variables: str) -> str:
    command = ["/bin/sh", "-c", line]
    return subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", **variables}, text=True, check=True, stdout=-1
    ).stdout


@pytest.mark.parametrize("line", LINES)
def test_a_value_is_one_word_in_all_quotes_and_nothing_of_it_is_run(line: str) -> None:
    lines = [fill_line(line, PLACE, lambda _, quote, v=v: value_in(v, quote)) for v in VALUES]
    assert said("\necho\n".join(lines)).split("]\n") == [
        *(f"[{value}" for value in VALUES[:-1]),
        "[]",
    ]


@pytest.mark.parametrize("line", LINES)
def test_a_variable_is_its_value_in_single_quotes_too(line: str) -> None:
    made = fill_line(line, PLACE, lambda _, quote: variable_in("it", quote))
    assert said(made, it="value") == "[value]"
