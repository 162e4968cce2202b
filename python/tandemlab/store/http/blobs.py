"""File contents at a server, with a cache on this machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from tandemlab.domain import StorageError
from tandemlab.store.blobs import BlobStore
from tandemlab.store.durable import storage_errors
from tandemlab.store.http.client import Client, chunks, part
from tandemlab.store.http.wire import decode, encode


class HttpBlobs:
    """See `tandemlab.store.place.Blobs`. What is kept stays here until `send` takes it along.

    Args:
        cache: the contents on this machine.
        temporary: a folder for files that are not whole yet.
    """

    def __init__(self, client: Client, name: str, cache: Path, temporary: Path) -> None:
        self._client = client
        self._base = f"/workspaces/{part(name)}/blobs"
        self._temporary = temporary
        self._cache = BlobStore(cache, temporary)

    def find(self, digest: str) -> Path:
        path = self._cache.path(digest)
        if not path.exists():
            self._fetch(digest)
        return path

    def put_bytes(self, data: bytes) -> str:
        return self._cache.put_bytes(data)

    def put_copy(self, source: Path) -> tuple[str, int]:
        return self._cache.put_copy(source)

    def adopt(self, source: Path) -> tuple[str, int]:
        digest, size = self._cache.adopt(source)
        self.send([digest])
        return digest, size

    def commit(self, digests: Iterable[str]) -> None:
        """Nothing is left to do: the server had them before it recorded them."""

    def materialize(self, digest: str, target: Path, *, executable: bool = False) -> None:
        self.find(digest)
        self._cache.materialize(digest, target, executable=executable)

    def send(self, digests: Sequence[str]) -> None:
        """Upload those contents that the server does not have."""
        asked = self._client.request(
            "POST", f"{self._base}/missing", content=encode({"digests": list(digests)})
        )
        for digest in decode(asked.content, list[str]):
            path = self._cache.find(digest)
            self._client.request(
                "PUT",
                f"{self._base}/{digest}",
                content=lambda path=path: chunks(path),  # type: ignore[misc]
                headers={
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(path.stat().st_size),
                },
            )

    def _fetch(self, digest: str) -> None:
        """Download a content; it is in the cache whole, or not at all."""
        temporary = self._temporary / token_hex(8)
        state = hashlib.sha256()
        try:
            with (
                storage_errors(temporary),
                self._client.stream(f"{self._base}/{part(digest)}") as answer,
                temporary.open("wb") as writer,
            ):
                for chunk in answer.iter_bytes(1 << 20):
                    state.update(chunk)
                    writer.write(chunk)
            if state.hexdigest() != digest:
                raise StorageError(
                    f"The content {digest[:12]}… arrived damaged.", hint="Try again."
                )
            self._cache.adopt(temporary)
        finally:
            with suppress(OSError):
                temporary.unlink()


def prune(cache: Path, limit: int) -> None:
    """Remove the contents that were used longest ago until the cache takes at most `limit` bytes.

    For a cache whose contents are all at the server.
    """
    found = [path for path in cache.glob("*/*") if path.is_file()]
    sizes = {path: path.stat() for path in found}
    total = sum(status.st_size for status in sizes.values())
    for path in sorted(found, key=lambda path: sizes[path].st_mtime):
        if total <= limit:
            return
        total -= sizes[path].st_size
        with suppress(OSError):
            os.unlink(path)
