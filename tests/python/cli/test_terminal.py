"""What people see: the program on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from python.cli.conftest import PROGRAM, Answer
from tandemlab import Run

Call = Callable[..., Answer]
Terminal = Callable[..., tuple[int, str]]


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    """Runs the program on a pseudo-terminal; its exit status and all that was on the screen."""

    def run(*words: str, columns: int = 80, answer: str = "", **variables: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm", **variables}
        environment.pop("COLUMNS", None)
        if "NO_COLOR" not in variables:
            environment.pop("NO_COLOR", None)
        os.write(ours, answer.encode())
        process = subprocess.Popen(
            [*PROGRAM, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        shown = b"".join(_read(ours))
        os.close(ours)
        return process.wait(), shown.decode().replace("\r\n", "\n")

    yield run


def _read(descriptor: int) -> Iterator[bytes]:
    """All that is written until the other side is closed, which Linux reports as an error."""
    while True:
        try:
            data = os.read(descriptor, 1 << 16)
        except OSError:
            return
        if not data:
            return
        yield data


def test_status_has_a_colour_on_a_terminal_only(
    terminal: Terminal, call: Call, logged: Run
) -> None:
    assert "\x1b[32mCompleted\x1b[0m" in terminal("run", "list")[1]
    assert "\x1b" not in terminal("run", "list", NO_COLOR="1")[1]
    assert "\x1b" not in terminal("run", "list", TERM="dumb")[1]
    assert "\x1b" not in call("run", "list").out


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_table_fits_the_terminal(columns: int, terminal: Terminal, logged: Run) -> None:
    logged.display_name = "a very long name that no narrow terminal can ever hold in one line"
    _, shown = terminal("run", "list", columns=columns, NO_COLOR="1")
    heading, row, *rest = shown.splitlines()
    assert row.startswith("demo/1  Completed")
    assert max(map(len, (heading, row))) <= columns
    left_out = "No room for" in rest[0]
    assert left_out is (logged.id not in row)


def test_piped_table_is_not_cut(call: Call, logged: Run) -> None:
    logged.display_name = "a very long name that no narrow terminal can ever hold in one line"
    out = call("run", "list").out
    assert logged.id in out and logged.display_name in out


@pytest.mark.parametrize(("answer", "is_there"), [("y\n", False), ("\n", True)])
def test_delete_asks_first(
    answer: str, is_there: bool, terminal: Terminal, call: Call, logged: Run
) -> None:
    status, shown = terminal("run", "delete", "demo/1", answer=answer)
    assert status == 0
    assert "Delete demo/1 for good? [y/N]" in shown
    assert ("Nothing was changed." in shown) is is_there
    assert (call("run", "show", "demo/1").status == 0) is is_there


def test_delete_of_a_workspace_says_what_would_go(terminal: Terminal, logged: Run) -> None:
    path = logged.workspace.path
    _, shown = terminal("workspace", "delete", str(path), answer="n\n", columns=500)
    assert f"Delete the workspace 'lab' at {path} with 1 run in 1 experiment?" in shown
    assert path.exists()
