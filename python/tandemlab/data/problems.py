"""What is wrong with data: DuckDB's errors in our words, with file, line and what to do."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from secrets import token_hex
from typing import Any

from tandemlab.domain import InvalidInput, NotFound, StorageError, TandemlabError

UNFIT = "tandemlab unfit "
_RENEW = "Is it still being written, or was it cut short when it was copied?"


def out_of_memory() -> StorageError:
    """The error where memory ends."""
    return StorageError(
        "Memory does not suffice for this table; no part of it was given.",
        hint="take(), keep_columns() and filter() make it smaller; to_parquet_files() writes "
        "it piece by piece.",
    )


_failures: dict[str, TandemlabError] = {}


@contextmanager
def through_duckdb() -> Iterator[None]:
    """Brings an error of rows that DuckDB asks for through to who has asked DuckDB."""
    try:
        yield
    except TandemlabError as problem:
        name = token_hex(8)
        _failures[name] = problem
        raise RuntimeError(f"tandemlab failure {name}") from None


def in_our_words(problem: Exception) -> TandemlabError:
    """What an error of DuckDB means for who reads data."""
    import duckdb  # which has raised it

    text = str(problem)
    failure = re.search(r"tandemlab failure ([0-9a-f]{16})", text)
    if failure and failure[1] in _failures:
        return _failures.pop(failure[1])
    if isinstance(problem, duckdb.OutOfMemoryException):
        return out_of_memory()
    if isinstance(problem, duckdb.IOException) and "No files found" in text:
        return NotFound(first_line(problem), hint="Was the file moved or removed?")
    return _of_text(text) or InvalidInput(f"The data cannot be read: {first_line(problem)}")


def _of_text(text: str) -> InvalidInput | None:
    if found := re.search(f"{UNFIT}(.*)", text):
        return unfit_value(json.loads(found[1]))
    if line := re.search(r"CSV Error on Line: (\d+)", text):
        return _malformed_row(text, int(line[1]))
    if "invalid state" in text and (path := _csv_path(text)):
        return _ends_differ(path)
    if found := re.search(r'Malformed JSON in file "(.*)", at', text):
        return malformed_json(found[1], text.split("\n", 1)[0].rsplit(": ", 1)[-1].strip())
    if found := re.search(r'JSON transform error in file "(.*)", in line (\d+): (.*)', text):
        return _unfit_json(found[1], int(found[2]), found[3])
    return None


def unfit_value(said: Mapping[str, Any]) -> InvalidInput:
    """The error for a value that is not of its column's type, or in none of its formats.

    Args:
        said: ``path``, ``column``, ``value`` and what is ``expected``; of delimited text
            ``separator``, ``encoding`` and the ``names`` of the columns, too.
    """
    line = _line_of_row(said) if "separator" in said else _line_of_json(said)
    place = said["path"] if line is None else f"{said['path']}, line {line}"
    return InvalidInput(
        f"{place}: column {said['column']!r}: {said['value']} is not {said['expected']}.",
        hint="Nothing was read. Give the column another type by set_column_types, or "
        + (
            "name the text that stands for a missing value by missing_values."
            if "separator" in said
            else "have values that do not fit be missing: invalid_lines='drop'."
        ),
        details={"path": said["path"], "line": line, "column": said["column"]},
    )


def _line_of_row(said: Mapping[str, Any]) -> int | None:
    encoding = "utf-8-sig" if said["encoding"] == "utf-8" else said["encoding"]
    with open(said["path"], encoding=encoding, errors="replace", newline="") as stream:
        rows = csv.reader(stream, delimiter=said["separator"])
        try:
            first = next(rows, [])
            has_header = said["column"] in first
            place = (first if has_header else said["names"]).index(said["column"])
            before = rows.line_num if has_header else 0
            for row in rows if has_header else chain([first], rows):
                if row[place : place + 1] == [said["value"]]:
                    return before + 1
                before = rows.line_num
        except csv.Error:
            return None
    return None


def _line_of_json(said: Mapping[str, Any]) -> int | None:
    with open(said["path"], "rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                value = json.loads(line).get(said["column"])
            except (ValueError, AttributeError):
                continue
            if said["value"] in (value, json.dumps(value, separators=(",", ":"))):
                return number
    return None


def surplus_values(path: str, line: int, columns: int) -> InvalidInput:
    """The error for a row that goes on behind its last value, without one."""
    return InvalidInput(
        f"{path}, line {line}: the row has more than {columns} values, the last of them empty.",
        hint="Nothing was read. Each separator begins another value: take those at the ends of "
        "rows away, or give the header one more.",
        details={"path": path, "line": line},
    )


def _csv_path(text: str) -> str | None:
    found = re.search(r"^\s*file = (.*)$", text, re.MULTILINE)
    return found[1].strip() if found else None


def _malformed_row(text: str, line: int) -> InvalidInput:
    path = _csv_path(text)
    count = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    value = re.search(r'Error when converting column "(.*)"\. (.*)', text)
    details: dict[str, Any] = {"line": line, **({"path": path} if path else {})}
    place = f"{path or 'The file'}, line {line}"
    if value:
        details["column"] = value[1]
        return InvalidInput(
            f"{place}: column {value[1]!r}: {value[2]}.",
            hint="Give the column another type by set_column_types, or name the text that stands "
            "for a missing value by missing_values.",
            details=details,
        )
    if count:
        return InvalidInput(
            f"{place}: {count[2]} values where the header has {count[1]}.",
            hint="Nothing was read. A value that holds the separator needs quotes.",
            details=details,
        )
    reason, hint = _reason(text)
    return InvalidInput(
        f"{place}: {reason}", hint=f"Nothing was read. {hint}".strip(), details=details
    )


def _reason(text: str) -> tuple[str, str]:
    """Why a row is none, and what to do."""
    if "Maximum line size" in text:
        return (
            "a row of more than 2 MB.",
            "Is a quote not closed? Parquet and Arrow files hold longer values.",
        )
    if "unterminated quote" in text:
        return (
            "a value begins with a quote, and does not end with one.",
            'A quote within a value in quotes is written twice: "".',
        )
    if "Invalid unicode" in text:
        return "this is no UTF-8.", 'Say the encoding, such as encoding="latin-1".'
    above = text.split("Possible fixes", 1)[0].strip().splitlines()
    return above[-1].strip(), ""


def _ends_differ(path: str) -> InvalidInput:
    line = differing_end(path)
    if line is None:
        return InvalidInput(f"{path} cannot be read as delimited text.", details={"path": path})
    return InvalidInput(
        f"{path}, line {line}: it ends otherwise than the lines before (LF, CR LF or CR).",
        hint="Nothing was read. Give all lines the same end, as `dos2unix` does.",
        details={"path": path, "line": line},
    )


def differing_end(path: str) -> int | None:
    """The first line of delimited text that does not end as the first does, from 1."""
    first: bytes | None = None
    quoted = False
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, start=1):
            inside = quoted
            quoted ^= line.count(b'"') % 2 == 1
            if quoted or not line.endswith(b"\n"):
                continue
            end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
            plain = not inside and b'"' not in line
            if end != (first or end) or (plain and b"\r" in line[: -len(end)]):
                return number
            first = end
    return None


def malformed_json(path: str, reason: str) -> InvalidInput:
    """The error for a line that is no JSON object, which DuckDB counts by its buffers."""
    from tandemlab.data.json_lines import malformed_line

    line = malformed_line(path)
    place = path if line is None else f"{path}, line {line}"
    return InvalidInput(
        f"{place}: {reason}",
        hint="Nothing was read. invalid_lines='drop' leaves out lines that are no JSON.",
        details={"path": path, "line": line},
    )


def _unfit_json(path: str, line: int, reason: str) -> InvalidInput:
    unfit = (
        "Give the column another type by set_column_types, or have values that do not fit be "
        "missing: invalid_lines='drop'."
    )
    hint = "A field may be there once." if "duplicate key" in reason else unfit
    return InvalidInput(
        f"{path}, line {line}: {reason}.",
        hint=f"Nothing was read. {hint}",
        details={"path": path, "line": line},
    )


def unreadable(path: str, form: str, problem: Exception) -> InvalidInput:
    """The error for a file that is not of its format."""
    return InvalidInput(
        f"{path} cannot be read as {form}: {first_line(problem)}.",
        hint=_RENEW,
        details={"path": path},
    )


def first_line(problem: Exception) -> str:
    """What an error of DuckDB says first, without its kind."""
    return re.sub(r"^[A-Z]\w*( [A-Z]\w*)* Error: ", "", str(problem).split("\n", 1)[0])
