"""The screen: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from tandemlab.cli.forms import as_json, cell, one_line, plain
from tandemlab.cli.tables import Column, display_width, layout, spread

if TYPE_CHECKING:
    from tandemlab.domain import TandemlabError

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "cyan": 36, "bold": 1, "dim": 2}


class Screen:
    """Where a command writes.

    Attributes:
        format: ``table``, ``json`` or ``tsv``; None until the option has been read.
    """

    def __init__(self) -> None:
        self.format: str | None = None

    @property
    def is_for_people(self) -> bool:
        """Whether a person reads the results, rather than a program."""
        return self.format in (None, "table")

    # Results

    def rows(
        self, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], *, empty: str = ""
    ) -> None:
        """Print a list of results.

        Args:
            empty: what to tell people when there are none.
        """
        if self.format == "json":
            names = [column.name for column in columns]
            self._json([{name: row[name] for name in names} for row in rows])
        elif self.format == "tsv":
            self._tsv(columns, rows)
        elif rows:
            self._table(columns, rows)
        else:
            self.note(empty)
        sys.stdout.flush()

    def record(self, columns: Sequence[Column], record: Mapping[str, Any]) -> None:
        """Print one result: in a table a line for each field that is not empty."""
        if self.format == "json":
            self._json({column.name: record[column.name] for column in columns})
        elif self.format == "tsv":
            self._tsv(columns, [record])
        else:
            self._fields(columns, record)
        sys.stdout.flush()

    def text(self, text: str) -> None:
        """Print a result that is a text of several lines, such as a tree."""
        lines = text.splitlines()
        sys.stdout.write("".join(f"{one_line(line.expandtabs())}\n" for line in lines))
        sys.stdout.flush()

    def _json(self, value: Any) -> None:
        is_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        json.dump(as_json(value), sys.stdout, indent=2, ensure_ascii=not is_unicode)
        sys.stdout.write("\n")

    def _tsv(self, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
        flat, cells = spread(columns, rows)
        lines = [[cell(column.name) for column in flat]]
        lines += [[cell(value) for value in row] for row in cells]
        for line in lines:
            sys.stdout.write("\t".join(line) + "\n")

    def _table(self, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        table = layout(columns, rows, width, _painted)
        heading, *lines = table.lines
        for line in (_painted(heading, "bold"), *lines):
            sys.stdout.write(line + "\n")
        if table.left_out:
            self.note(f"No room for {', '.join(table.left_out)}; `-o json` has everything.")

    def _fields(self, columns: Sequence[Column], record: Mapping[str, Any]) -> None:
        lines = []
        for column in columns:
            if column.in_table:
                value = record[column.name]
                if isinstance(value, Mapping) and column.form is plain:
                    lines += _parts(column.name, value)
                elif text := column.form(value):
                    colour = column.colours.get(text)
                    lines.append((column.name, _painted(text, colour) if colour else text))
        width = max((display_width(name) for name, _ in lines), default=0)
        for name, text in lines:
            label = _painted(name, "bold") + " " * (width - display_width(name))
            sys.stdout.write(f"{label}  {text}".rstrip() + "\n")

    # Everything else

    def note(self, text: str) -> None:
        """Tell people something beside the result."""
        if text and self.is_for_people:
            sys.stderr.write(text + "\n")

    def warn(self, text: str) -> None:
        """Say what did not go as it should, but does not stop the command."""
        sys.stderr.write(f"{paint('Warning:', 'yellow', sys.stderr)} {text}\n")

    def suggest(self, command: str) -> None:
        """The last line of a success: what to do next."""
        self.note(f"{paint('Next:', 'dim', sys.stderr)} tandemlab {command}")

    def error(
        self, code: str, message: str, hint: str, exit_code: int, details: Mapping[str, Any]
    ) -> None:
        """Say what went wrong, in the form that was asked for."""
        if self.format == "json":
            error = {"code": code, "message": message, "hint": hint, "exit_code": exit_code}
            json.dump({"error": {**error, "details": as_json(details)}}, sys.stderr, default=str)
            sys.stderr.write("\n")
            return
        sys.stderr.write(f"{paint('Error:', 'red', sys.stderr)} {message}\n")
        if hint:
            sys.stderr.write(f"{paint('Hint:', 'cyan', sys.stderr)} {hint}\n")

    def fail(self, error: TandemlabError) -> int:
        """Say what went wrong; the exit status that goes with it."""
        self.error(error.code, error.message, error.hint, error.exit_code, error.details)
        return error.exit_code

    def confirm(self, question: str, *, yes: bool) -> bool:
        """Ask before something is destroyed.

        Args:
            yes: whether the answer was given in advance.

        Raises:
            InvalidInput: there is nobody to ask.
        """
        if yes:
            return True
        if not sys.stdin.isatty():
            from tandemlab.domain import InvalidInput

            raise InvalidInput(
                f"{question} This needs an answer, and the input is not a terminal.",
                hint="Add --yes to go ahead.",
            )
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return True
        self.note("Nothing was changed.")
        return False


def _parts(name: str, value: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A mapping as lines of a record, without what is empty."""
    return [
        (f"{name}.{one_line(key)}", text) for key, item in value.items() if (text := plain(item))
    ]


def has_colour(stream: IO[str]) -> bool:
    """Whether to use colour: only on a terminal, and not where NO_COLOR or TERM forbids it."""
    return (
        stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") != "dumb"
    )


def paint(text: str, colour: str, stream: IO[str]) -> str:
    """A text in a colour, where the stream has any."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if has_colour(stream) else text


def _painted(text: str, colour: str) -> str:
    return paint(text, colour, sys.stdout)
