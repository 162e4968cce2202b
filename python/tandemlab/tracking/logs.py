"""Reading a growing log by byte offset, without ever cutting a character."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidInput
from tandemlab.store.run_files import LOG_FILE

if TYPE_CHECKING:
    from tandemlab.tracking.run_handle import RunHandle


def read_text(run: RunHandle, offset: int, limit: int) -> tuple[str, int]:
    """What a run has printed from `offset` on, at most `limit` bytes, and the offset behind it.

    A character whose last bytes have not arrived is left for the next read; bytes that can
    never be UTF-8 become ``�``. A run that has printed nothing has an empty log.
    """
    if offset < 0:
        raise InvalidInput(f"An offset counts from 0; {offset} is before the start.")
    data = run.read_file(LOG_FILE, offset, limit) or b""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    waiting, _ = decoder.getstate()
    return text, offset + len(data) - len(waiting)


def last_lines(data: bytes | None, lines: int = 20) -> list[str]:
    """The last lines of a log, or of the end of one."""
    return (data or b"").decode("utf-8", "replace").splitlines()[-lines:]


def telling_line(lines: Sequence[str]) -> str:
    """The last line that gives a reason: no hint, and nothing of what R prints behind an error.

    >>> telling_line(["ValueError: n is negative", "Hint: Give one from 0 on."])
    'ValueError: n is negative'
    >>> telling_line(["Error in `f()`:", "! n is negative.", "Backtrace:", " 1. f()", ""])
    'n is negative.'
    """
    said = [line.strip() for line in lines if line.strip()]
    traces = [place for place, line in enumerate(said) if line == "Backtrace:"]
    if traces and all(_is_of_trace(line) for line in said[traces[-1] + 1 :]):
        said = said[: traces[-1]]
    found = next((line for line in reversed(said) if not line.startswith(_BESIDES)), "")
    return found.removeprefix("! ")


_BESIDES = ("Execution halted", "Calls: ", "Hint: ", "ℹ ")
_TRACE = re.compile(r"▆|(\d+\. )?[│├└─ ]|\d+\. |Execution halted")


def _is_of_trace(line: str) -> bool:
    return _TRACE.match(line) is not None


TAIL_BYTES = 64 << 10
