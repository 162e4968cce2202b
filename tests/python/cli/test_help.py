"""Help texts. To accept new ones: WRITE_HELP_TEXTS=1 pytest tests/python/cli/test_help.py."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
import pytest

from python.cli.conftest import Answer
from tandemlab.cli.commands import Verb
from tandemlab.cli.program import root
from tandemlab.cli.session import Session

TEXTS = Path(__file__).parent / "help"


def all_commands(
    command: click.Command = root, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from all_commands(found, (*words, name))


COMMANDS = dict(all_commands())
VERBS = {words: command for words, command in COMMANDS.items() if isinstance(command, Verb)}


def by_words(commands: Mapping[tuple[str, ...], click.Command]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("words", commands, ids=lambda words: "-".join(words) or "root")


def file_of(words: tuple[str, ...]) -> Path:
    return TEXTS / f"{'-'.join(('tandemlab', *words))}.txt"


@by_words(COMMANDS)
def test_help_reads_as_it_did(
    words: tuple[str, ...], call: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = call(*words, "--help")
    if os.environ.get("WRITE_HELP_TEXTS"):
        file_of(words).write_text(answer.out)
    assert (answer.status, answer.err) == (0, "")
    assert answer.out == file_of(words).read_text()


def test_no_help_text_is_left_from_a_command_that_is_gone() -> None:
    assert set(TEXTS.iterdir()) == {file_of(words) for words in COMMANDS}


@by_words(COMMANDS)
def test_every_command_and_option_is_documented(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    assert command.help and command.help.split("\n")[0].endswith(".")
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help and option.help.rstrip("] ")[0].isupper(), option.name


@by_words(VERBS)
def test_summary_fits_the_list_of_commands(words: tuple[str, ...]) -> None:
    assert not COMMANDS[words].get_short_help_str(66).endswith("...")


@by_words(VERBS)
def test_examples_are_commands_that_can_be_given(words: tuple[str, ...]) -> None:
    command = VERBS[words]
    assert command.examples
    for example in command.examples:
        text = example.removeprefix('eval "$(').removesuffix(')"')
        line = shlex.split(re.split(r" [|<>] ", text)[0])
        start = ["tandemlab", *words]
        assert line[: len(start)] == start
        command.make_context(words[-1], line[len(start) :], obj=Session())


@by_words({words: command for words, command in COMMANDS.items() if words not in VERBS})
def test_noun_by_itself_shows_its_help(words: tuple[str, ...], call: Callable[..., Answer]) -> None:
    assert call(*words) == call(*words, "--help")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["run", "submit", "--help"]])
def test_help_loads_neither_store_nor_tracking(words: list[str]) -> None:
    code = (
        "import sys; from tandemlab.cli import main; main(sys.argv[1:]); "
        "print([name for name in ('sqlalchemy', 'rich', 'tandemlab.domain', 'tandemlab.store', "
        "'tandemlab.tracking') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"
