"""Writing files so that they are there wholly or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from tandemlab.domain import StorageError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@contextmanager
def storage_errors(path: Path | str) -> Iterator[None]:
    """Turn the operating system's refusals into a `StorageError` that names the place."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


def storage_error(error: OSError, path: Path | str) -> StorageError:
    """The `StorageError` for an operating system error at `path`."""
    place = str(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        message, hint = f"The disk is full: {place} could not be written.", "Free some space."
    elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        message = f"{place} is read-only for this user."
        hint = "Change its permissions, or use another workspace folder."
    else:
        reason = str(error.strerror or error).rstrip(".")
        message, hint = f"{place}: {reason}.", ""
    return StorageError(message, hint=hint, details={"path": place, "errno": error.errno})


def write_file(path: Path, data: bytes, *, flush: bool = True, mode: int = 0o666) -> None:
    """Write `data` under a temporary name beside `path`, and rename.

    Args:
        flush: whether it is on the disk before it has its name, and so survives a power cut.
        mode: permissions of the file, less those that the user's mask takes away.
    """
    temporary = path.with_name(f".{path.name[:80]}.{token_hex(4)}.tmp")
    with storage_errors(path):
        try:
            descriptor = os.open(temporary, _NEW, mode)
            with open(descriptor, "wb") as stream:
                stream.write(data)
                if flush:
                    stream.flush()
                    os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def write_json(path: Path, value: Any, *, flush: bool = True, mode: int = 0o666) -> None:
    """Write `value` as indented JSON, atomically; options as for `write_file`."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_file(path, text.encode(), flush=flush, mode=mode)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where the file system has no links.

    Raises:
        FileExistsError: `target` is there already.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        with source.open("rb") as reader, target.open("xb") as writer:
            shutil.copyfileobj(reader, writer)
