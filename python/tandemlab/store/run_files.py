"""Putting files into a run: they appear under ``files/`` whole, and only once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from tandemlab.domain import AlreadyExists, InvalidInput
from tandemlab.domain.names import check_file_name
from tandemlab.store.durable import link_or_copy, storage_errors

ENVIRONMENT_FILE = "system/environment.json"
INPUTS_FILE = "system/inputs.json"
LOG_FILE = "user_logs/std_log.txt"
STOP_FILE = "job/stop.json"
"""Below a run's directory: that its job is to end by itself, soon."""


def put_file(run_directory: Path, name: str, source: Path | BinaryIO) -> int:
    """Copy `source` to the run's file `name`; its size in bytes.

    Raises:
        InvalidInput: `name` cannot be one, or `source` is not a file.
        AlreadyExists: the run has a file of that name.
        StorageError: it could not be written; nothing is left behind.
    """
    check_file_name(name)
    if isinstance(source, Path) and not source.is_file():
        kind = "a folder" if source.is_dir() else "not there"
        raise InvalidInput(
            f"{source} cannot be uploaded: it is {kind}.",
            hint="upload_folder takes folders." if source.is_dir() else "",
            details={"path": str(source)},
        )
    target = run_directory / "files" / name
    temporary = run_directory.parent.parent / "tmp" / token_hex(8)
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.parent.mkdir(parents=True, exist_ok=True)
        try:
            _copy(source, temporary)
            size = temporary.stat().st_size
            place_file(temporary, target, name)
            return size
        finally:
            with suppress(OSError):
                temporary.unlink()


def place_file(source: Path, target: Path, name: str) -> None:
    """Give a whole file its name.

    Raises:
        AlreadyExists: the name is taken.
    """
    try:
        link_or_copy(source, target)
    except FileExistsError:
        raise AlreadyExists(
            f"The run has a file {name!r} already.",
            hint="Files of a run do not change; use another name.",
            details={"name": name},
        ) from None


def replace_file(source: Path, target: Path) -> None:
    """Have `target` be a whole file, in the place of what has its name."""
    temporary = target.with_name(f".{token_hex(6)}.tmp")
    try:
        link_or_copy(source, temporary)
        temporary.replace(target)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _copy(source: Path | BinaryIO, target: Path) -> None:
    with target.open("wb") as writer:
        if isinstance(source, Path):
            with source.open("rb") as reader:
                shutil.copyfileobj(reader, writer, 1 << 20)
        else:
            shutil.copyfileobj(source, writer, 1 << 20)


def folder_files(folder: Path) -> list[str]:
    """Relative paths of the files below a folder, sorted; links are followed to files only."""
    prefix = len(str(folder)) + 1
    return sorted(each.path[prefix:] for each in _files_below(folder))


def file_sizes(folder: Path) -> list[int]:
    """The sizes in bytes of the files below a folder, which need not be there."""
    return [each.stat().st_size for each in _files_below(folder)]


def _files_below(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = os.scandir(folder)
    except OSError:
        return  # it is not there, or may not be read
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path)
            elif entry.is_file():
                yield entry
