"""Reading a growing log file by byte offset, without ever cutting a character."""

from __future__ import annotations

import codecs
from pathlib import Path

from tandemlab.domain import InvalidInput


def read_text(path: Path, offset: int, limit: int) -> tuple[str, int]:
    """Text of a file from `offset` on, at most `limit` bytes, and the offset behind it.

    A character whose last bytes have not arrived is left for the next read; bytes that can
    never be UTF-8 become ``�``. A file that is not there is empty.
    """
    if offset < 0:
        raise InvalidInput(f"An offset counts from 0; {offset} is before the start.")
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(limit)
    except FileNotFoundError:
        return "", offset
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    waiting, _ = decoder.getstate()
    return text, offset + len(data) - len(waiting)


def tail(path: Path, lines: int = 20, limit: int = 64 << 10) -> list[str]:
    """The last lines of a log file."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - limit))
            data = stream.read()
    except FileNotFoundError:
        return []
    return data.decode("utf-8", "replace").splitlines()[-lines:]
