"""A place for contents, over a file system of fsspec.

::

    PREFIX/tandemlab.json     {"format": 1, "workspace": ID, "store": ADDRESS or null}
    PREFIX/blobs/ab/abcd…     contents by SHA-256
    PREFIX/tmp/               what is being written, where a rename makes it whole
    PREFIX/clock              written to learn what time it is there
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from tandemlab.domain import NotFound, StorageError, VersionMismatch
from tandemlab.store.artifacts.address import Address
from tandemlab.store.artifacts.errors import artifact_errors
from tandemlab.store.blobs import Content, digest_of, is_digest
from tandemlab.store.durable import storage_errors
from tandemlab.store.s3 import need_for_s3, open_s3

_FORMAT = 1
_MARKER = "tandemlab.json"
_SECONDS = 20
_CHUNK = 8 << 20


class ArtifactPlace:
    """Keeps contents by digest.

    Args:
        address: where.
        keys: ``key`` and ``secret`` for S3; what the environment offers if empty.
    """

    def __init__(self, address: Address, keys: Mapping[str, str] | None = None) -> None:
        self.address = address
        self._keys = dict(keys or {})
        self._opened: tuple[int, Any] | None = None

    @property
    def _files(self) -> Any:
        """The file system; a forked child has one of its own."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), _open(self.address, self._keys))
        return self._opened[1]

    def _path(self, *parts: str) -> str:
        return "/".join((self.address.root, *parts))

    def _blob(self, digest: str) -> str:
        return self._path("blobs", digest[:2], digest)

    # Whose it is

    def read_marker(self) -> dict[str, Any] | None:
        """Whose contents these are; None if nobody's yet.

        Raises:
            VersionMismatch: a newer program wrote it.
            StorageError: the bucket is missing, or it is not a marker.
            NotAllowed: it may not be read.
            Unavailable: the place cannot be reached.
        """
        with artifact_errors(self.address):
            try:
                text = self._files.cat_file(self._path(_MARKER))
            except FileNotFoundError:
                if self.address.scheme == "s3":
                    self._files.ls(self.address.root.partition("/")[0])  # is there a bucket?
                return None
        try:
            marker = dict(json.loads(text))
            found = marker["format"]
        except (ValueError, TypeError, KeyError):
            raise StorageError(f"{self.address}: {_MARKER} is damaged.") from None
        if found > _FORMAT:
            raise VersionMismatch(
                f"{self.address} has the format {found}; this tandemlab knows {_FORMAT}.",
                hint="Upgrade tandemlab.",
            )
        return marker

    def write_marker(
        self, workspace_id: str, store: str | None, home: Mapping[str, Any] | None = None
    ) -> None:
        """Say whose contents these are, having seen that they can be written, read and removed.

        Args:
            home: the folder that alone removes contents (`home_of`).
        """
        probe = self._path("tmp", token_hex(8))
        marker = {"format": _FORMAT, "workspace": workspace_id, "store": store, "home": home}
        with artifact_errors(self.address):
            self._write(probe, b"probe")
            assert self._files.cat_file(probe) == b"probe"
            self._files.rm_file(probe)
            self._write(self._path(_MARKER), json.dumps(marker).encode())

    def remove_marker(self) -> None:
        """Have the place belong to nobody again."""
        with artifact_errors(self.address), suppress(FileNotFoundError):
            self._files.rm_file(self._path(_MARKER))

    # Contents

    def size(self, digest: str) -> int | None:
        """How many bytes a content has; None if it is not there."""
        with artifact_errors(self.address):
            try:
                return int(self._files.info(self._blob(digest))["size"])
            except FileNotFoundError:
                return None

    def put(self, path: Path, digest: str) -> None:
        """Bring a content there: whole or not at all. What an interrupted one sent is used.

        Raises:
            StorageError: the file is not what its digest says.
        """
        if self.address.scheme == "s3":
            from tandemlab.store.artifacts.multipart import upload

            with artifact_errors(self.address):
                upload(self._files, path, self._blob(digest), digest)
            return
        if digest_of(path) != digest:
            raise damaged(path)
        temporary = self._path("tmp", token_hex(8))
        with artifact_errors(self.address):
            try:
                self._make_parent(temporary)
                self._files.put_file(str(path), temporary)
                self._make_parent(self._blob(digest))
                self._files.mv(temporary, self._blob(digest))
            finally:
                with suppress(FileNotFoundError):
                    self._files.rm_file(temporary)

    def fetch(self, digest: str, target: Path) -> None:
        """Write a content to a local file, and see that it is the one.

        Raises:
            NotFound: it is not there.
            StorageError: it is damaged there.
        """
        state = hashlib.sha256()
        with storage_errors(target), target.open("wb") as writer:
            for chunk in self.read(digest):
                state.update(chunk)
                writer.write(chunk)
        if state.hexdigest() != digest:
            raise StorageError(
                f"The content {digest[:12]}… is damaged at {self.address}.",
                hint="`tandemlab workspace check --repair --deep` sends it again where this "
                "machine has it.",
                details={"digest": digest},
            )

    def read(self, digest: str) -> Iterator[bytes]:
        """What is there under a digest, in pieces; raises as `fetch` does if it is not there."""
        with artifact_errors(self.address):
            try:
                reader = self._files.open(self._blob(digest), "rb", cache_type="none")
            except FileNotFoundError:
                raise NotFound(
                    f"The content {digest[:12]}… is missing from {self.address}.",
                    hint="If it was logged on another machine, it may still wait there: "
                    "`tandemlab sync` sends it.",
                    details={"digest": digest},
                ) from None
        with reader:
            while True:
                with artifact_errors(self.address):
                    chunk = reader.read(_CHUNK)
                if not chunk:
                    return
                yield chunk

    def contents(self) -> Iterator[Content]:
        """All that is there."""
        with artifact_errors(self.address):
            found = self._files.find(self._path("blobs"), detail=True)
        for path, info in found.items():
            digest = path.rpartition("/")[2]
            if is_digest(digest):
                yield Content(digest, int(info["size"]), _modified(info))

    def clock(self) -> float:
        """The time, as the place itself tells it."""
        path = self._path("clock")
        with artifact_errors(self.address):
            self._write(path, b"")
            return _modified(self._files.info(path))

    def remove(self, digests: Sequence[str]) -> None:
        """Remove contents; those that are gone already are passed over."""
        with artifact_errors(self.address):
            paths = [self._blob(digest) for digest in digests]
            if self.address.scheme == "s3":
                self._files.rm(paths)
                return
            for path in paths:
                with suppress(FileNotFoundError):
                    self._files.rm_file(path)

    def abandon(self, before: float) -> None:
        """Remove what interrupted uploads left that nobody has gone on with since `before`."""
        with artifact_errors(self.address):
            if self.address.scheme == "s3":
                from tandemlab.store.artifacts.multipart import abandon

                abandon(self._files, self._path("blobs"), before)
            elif self._files.exists(self._path("tmp")):
                for path, info in self._files.find(self._path("tmp"), detail=True).items():
                    if _modified(info) < before:
                        with suppress(FileNotFoundError):
                            self._files.rm_file(path)

    def _write(self, path: str, data: bytes) -> None:
        self._make_parent(path)
        self._files.pipe_file(path, data)

    def _make_parent(self, path: str) -> None:
        if self.address.scheme != "s3":  # there a key has no folder
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)


def damaged(path: Path) -> StorageError:
    """The error for a local file that is not what its name says."""
    return StorageError(
        f"{path} is damaged: it is not what its name says, and is not sent.",
        hint="`tandemlab workspace check --repair --deep` looks for a whole copy.",
        details={"path": str(path)},
    )


def _modified(info: Mapping[str, Any]) -> float:
    """When a file was written: S3 gives a time, local file systems seconds."""
    found = info.get("LastModified", info.get("mtime"))
    return found.timestamp() if isinstance(found, datetime) else float(found or 0)


def _open(address: Address, keys: Mapping[str, str]) -> Any:
    what = f"Artifacts at {address}"
    if address.scheme == "file":
        return need_for_s3("fsspec", what).filesystem("file", skip_instance_cache=True)
    with artifact_errors(address):
        return open_s3(
            what,
            dict(address.options),
            keys,
            seconds=_SECONDS,
            answer_seconds=3 * _SECONDS,
            tries=3,
            retries=5,
        )
