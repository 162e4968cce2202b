"""The program: its nouns, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from tandemlab.cli.commands import NOUNS, Noun
from tandemlab.cli.session import Session

_HELP = """One lab for R and Python: experiments, runs and jobs on your own machines.

A workspace is a folder. It holds experiments, an experiment holds runs, and a run is one
execution of a script with everything that it logged. Commands read `tandemlab NOUN VERB`; each
explains itself with --help.
"""

_MORE = """
Results go to standard output, and everything else to standard error. `-o json`
and `-o tsv` give programs the same fields as the tables: there times are in
UTC, durations in seconds and sizes in bytes. With `-o json` an error is JSON too.

Exit status:
  0 success        4 already exists   8 wrong version      130 interrupted
  1 other error    5 invalid state    9 missing package
  2 wrong input    6 the run failed  10 server unreachable
  3 not found      7 storage error   11 not allowed       15 the service's script failed

Environment:
  TANDEMLAB_WORKSPACE   name, path or URL of the workspace to work in
  TANDEMLAB_TOKEN       token for the servers of workspaces that are opened by URL
  TANDEMLAB_CONFIG_DIR  folder of the known workspaces and of the keys to secrets
  NO_COLOR              no colour, whatever the terminal

Examples:
  tandemlab workspace create lab
  tandemlab run submit train.py --epochs 10
  tandemlab run list --metrics
"""

_FORMER_NAMES = {
    ("folder", "attach"): "workspace create",
    ("run", "submit-script"): "run submit",
    ("run", "submit-hyperdrive"): "sweep submit",
    ("run", "monitor-logs"): "run logs --follow",
    ("run", "download-logs"): "run download --prefix user_logs/",
}

_INTERRUPTED = 130
_BROKEN_PIPE = 141
_STORAGE = 7
COMPLETION = "_TANDEMLAB_COMPLETE"


class _Root(Noun):
    """The nouns, each loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in NOUNS:
            return None
        command = getattr(import_module(f"tandemlab.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(NOUNS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(_MORE)


def _show_version(context: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        from tandemlab import __version__

        click.echo(f"tandemlab {__version__}")
        context.exit()


root = _Root(
    "tandemlab",
    help=_HELP,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_show_version,
            help="Print the version and exit.",
        )
    ],
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; those of this process if None.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    session = Session()
    try:
        for stream in (sys.stdout, sys.stderr):
            _write_any_text(stream)
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning(session)
            status = _answer(session, words)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _let_go_of_output()
        return _BROKEN_PIPE


def _answer(session: Session, words: list[str]) -> int:
    if instruction := os.environ.get(COMPLETION):
        from click.shell_completion import shell_complete

        return shell_complete(root, {"obj": session}, "tandemlab", COMPLETION, instruction)
    try:
        with root.make_context("tandemlab", words, obj=session) as context:
            root.invoke(context)
        return 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        return _explain_usage(session, error, words)
    except BrokenPipeError:
        raise
    except OSError as error:
        session.screen.error("storage_error", f"{error}.", "", _STORAGE, {})
        return _STORAGE
    except Exception as error:
        from tandemlab.domain import TandemlabError

        if not isinstance(error, TandemlabError):
            raise
        return session.screen.fail(error)


def _explain_usage(session: Session, error: click.ClickException, words: Sequence[str]) -> int:
    screen = session.screen
    if screen.format is None and _asks_for_json(words):
        screen.format = "json"
    context = getattr(error, "ctx", None)
    hint = ""
    if context is not None:
        if screen.is_for_people:
            sys.stderr.write(f"{context.get_usage()}\n")
        hint = f"`{context.command_path} --help` explains it."
        if isinstance(error, click.NoSuchOption) and isinstance(context.command, click.Group):
            hint = f"Options stand behind the verb. {hint}"
    if tuple(words[:2]) in _FORMER_NAMES:
        hint = f"`tandemlab {_FORMER_NAMES[words[0], words[1]]}` does that here."
    screen.error("usage", error.format_message(), hint, error.exit_code, {})
    return error.exit_code


def _asks_for_json(words: Sequence[str]) -> bool:
    """Whether a command line that could not be read as a whole asks for JSON."""
    text = " ".join(words)
    return any(form in text for form in ("-o json", "-ojson", "--output json", "--output=json"))


def _show_warning(session: Session) -> Any:
    def show(message: Warning | str, *place: Any) -> None:
        session.screen.warn(str(message))

    return show


def _write_any_text(stream: Any) -> None:
    """Have file names that are no valid text come out as the bytes that they are."""
    if hasattr(stream, "reconfigure"):
        is_unicode = stream.encoding.lower().replace("-", "") == "utf8"
        stream.reconfigure(errors="surrogateescape" if is_unicode else "backslashreplace")


def _let_go_of_output() -> None:
    """Keep the interpreter from complaining, at its end, about a reader that has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
