"""Tokens of servers: from the environment, or kept for this user by ``tandemlab server login``."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from tandemlab.store.durable import storage_errors
from tandemlab.store.user import configuration_folder

VARIABLE = "TANDEMLAB_TOKEN"


def token_for(server: str) -> str | None:
    """The token to show to a server; None if there is none.

    Args:
        server: scheme, host and port, such as ``http://127.0.0.1:8765``.
    """
    return os.environ.get(VARIABLE) or _read().get(server)


def keep_token(server: str, token: str) -> Path:
    """Keep a token for this user; the file, which nobody else may read."""
    with _editing() as tokens:
        tokens[server] = token
    return _file()


def forget_token(server: str) -> bool:
    """Forget the token of a server; whether there was one."""
    with _editing() as tokens:
        return tokens.pop(server, None) is not None


def _file() -> Path:
    return configuration_folder() / "credentials.json"


def _read() -> dict[str, str]:
    try:
        return dict(json.loads(_file().read_text(encoding="utf-8"))["tokens"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


@contextmanager
def _editing() -> Iterator[dict[str, str]]:
    file = _file()
    with storage_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with (file.parent / "credentials.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tokens = _read()
            yield tokens
            write_private(file, json.dumps({"tokens": tokens}, indent=2).encode())


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only this user may read, from its first byte on; atomically."""
    temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
