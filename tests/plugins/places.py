"""Servers for the tests of R: S3, OpenSSH's and PostgreSQL's, as those of Python have them.

    python -m plugins.places FILE

tells in FILE, as JSON, how each is reached (null where it is not installed), and stops them when
its input ends, as it does when R does.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from plugins import postgresql, s3, ssh


@contextmanager
def _s3() -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="s3-") as name:
        server = s3.S3(Path(name))
        server.start()
        try:
            bucket = urlsplit(server.new_bucket()).hostname
            yield {"endpoint": server.url, "bucket": bucket, **s3.KEYS}
        finally:
            server.kill()


@contextmanager
def _ssh() -> Iterator[dict[str, Any] | None]:
    with ssh.running() as server:
        yield {
            "port": server.port,
            "username": server.user,
            "private_key": server.client_key,
            "host_key": server.host_key,
            "path": str(server.new_folder()),
        }


@contextmanager
def _postgresql() -> Iterator[str]:
    with postgresql.running() as server:
        yield server.new_database()


def main(file: Path) -> None:
    with ExitStack() as stack:
        found: dict[str, Any] = {}
        for name, place in (("s3", _s3), ("ssh", _ssh), ("postgresql", _postgresql)):
            try:
                found[name] = stack.enter_context(place())
            except pytest.skip.Exception:
                found[name] = None
        part = file.with_suffix(".part")
        part.write_text(json.dumps(found))
        part.rename(file)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
