"""Reading a growing log by byte offset, without ever cutting a character."""

from __future__ import annotations

import codecs
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


TAIL_BYTES = 64 << 10
