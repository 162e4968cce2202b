"""A bucket of an S3-like server, or what is below a prefix in it, as a datastore."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from tandemlab.data.datastores.parts import CHUNK, chunks
from tandemlab.data.datastores.protocol import StoredFile, Told, same_bytes
from tandemlab.store.artifacts.errors import Hints, place_errors
from tandemlab.store.artifacts.multipart import part_length, upload
from tandemlab.store.blobs import digest_of
from tandemlab.store.patience import patience_seconds
from tandemlab.store.s3 import open_s3

_HINTS = Hints(
    missing="Check the name of the bucket, the endpoint and the region; create_if_not_exists "
    "makes the bucket.",
    refused="Check the access key, the secret access key and what they may do there. Registering "
    "the datastore again replaces the keys.",
    away="Check the endpoint and the network, then try again: what is there already is not copied "
    "twice.",
)


class S3Files:
    """The objects of a bucket whose keys begin with a prefix.

    Args:
        bucket: its name.
        prefix: a folder in it, without a slash at its end; empty for the whole bucket.
        options: ``endpoint``, ``region`` and ``profile``, as far as given.
        keys: ``key``, ``secret`` and perhaps ``token``; what the environment offers if empty.
    """

    def __init__(
        self, bucket: str, prefix: str, options: Mapping[str, str], keys: Mapping[str, str]
    ) -> None:
        self._bucket = bucket
        self._base = f"{prefix}/" if prefix else ""
        self._options = dict(options)
        self._keys = dict(keys)

    @property
    def location(self) -> str:
        """``s3://BUCKET/PREFIX``, and the server where it is not Amazon's."""
        endpoint = self._options.get("endpoint")
        at = f" at {endpoint}" if endpoint else ""
        return f"s3://{self._bucket}/{self._base}".rstrip("/") + at

    @property
    def root(self) -> Path | None:
        """None."""
        return None

    @property
    def _files(self) -> Any:
        seconds = max(patience_seconds(), 1.0)
        return open_s3(
            "Datastores in S3",
            self._options,
            self._keys,
            seconds=seconds,
            answer_seconds=2 * seconds,
            tries=1,
            retries=2,
        )

    def _errors(self) -> AbstractContextManager[None]:
        return place_errors(self.location, _HINTS, {"location": self.location})

    @property
    def found(self) -> dict[str, str]:
        """Nothing."""
        return {}

    def check(self, *, create: bool = False) -> None:
        """As the protocol says."""
        with self._errors():
            try:
                self._list(self._base, MaxKeys=1)
            except FileNotFoundError:
                if not create:
                    raise
                self._make()

    def find(self, prefix: str = "") -> Iterator[StoredFile]:
        """Keys that end with a slash, which stand for folders, are passed over."""
        after: dict[str, str] = {}
        while True:
            with self._errors():
                answer = self._list(self._base + prefix, **after)
            for each in answer.get("Contents", []):
                name = each["Key"].removeprefix(self._base)
                if name and not name.endswith("/"):
                    yield _described(name, each["Size"], each)
            if not answer.get("IsTruncated"):
                return
            after = {"ContinuationToken": answer["NextContinuationToken"]}

    def info(self, name: str) -> StoredFile | None:
        """As the protocol says."""
        with self._errors(), suppress(FileNotFoundError):
            answer = self._files.call_s3("head_object", Bucket=self._bucket, Key=self._base + name)
            return _described(name, answer["ContentLength"], answer)
        return None

    def read(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """As the protocol says."""
        with self._errors():
            head = self._files.call_s3("head_object", Bucket=self._bucket, Key=self._base + name)
        path, size = f"{self._bucket}/{self._base}{name}", head["ContentLength"]
        for start in range(offset, size, CHUNK):
            with self._errors():
                piece = self._files.cat_file(path, start=start, end=min(start + CHUNK, size))
            yield piece

    def write(self, name: str, source: Path, told: Told) -> None:
        """Goes on with the parts that an interrupted upload has sent."""
        target = f"{self._bucket}/{self._base}{name}"
        digest = digest_of(source)
        with self._errors():
            upload(self._files, source, target, digest, told)

    def is_same(self, file: StoredFile, path: Path) -> bool:
        """By the tag, where it is that of a plain upload or one of ours; else by reading."""
        return file.tag in _tags(path, file.size) or same_bytes(self, file, path)

    def _make(self) -> None:
        region = self._options.get("region", "us-east-1")
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        options = place if region != "us-east-1" else {}  # which S3 does not want to hear
        self._files.call_s3("create_bucket", Bucket=self._bucket, **options)

    def _list(self, prefix: str, **options: Any) -> Any:
        return self._files.call_s3("list_objects_v2", Bucket=self._bucket, Prefix=prefix, **options)


def _described(name: str, size: int, answer: Mapping[str, Any]) -> StoredFile:
    modified: datetime = answer["LastModified"]
    return StoredFile(name, size, int(modified.timestamp()) * 10**9, answer["ETag"].strip('"'))


def _tags(path: Path, size: int) -> Iterator[str]:
    """What S3 calls a content that came at once, and one that came in parts as long as ours."""
    whole, parts = hashlib.md5(usedforsecurity=False), []
    length, part, filled = part_length(size), hashlib.md5(usedforsecurity=False), 0
    for chunk in chunks(path):
        whole.update(chunk)
        part.update(chunk)
        filled += len(chunk)
        if filled == length:
            parts.append(part.digest())
            part, filled = hashlib.md5(usedforsecurity=False), 0
    if filled:
        parts.append(part.digest())
    yield whole.hexdigest()
    yield f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"
