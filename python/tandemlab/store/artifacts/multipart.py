"""Uploads to S3 that go on where an interrupted one has stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tandemlab.store.artifacts.place import damaged

PART = 16 << 20
_MOST_PARTS = 9_000


def _tell_nobody(count: int) -> None:
    pass


def upload(
    files: Any, path: Path, target: str, digest: str, told: Callable[[int], None] = _tell_nobody
) -> None:
    """Bring a file there, in parts if it is large.

    Several may do so at once: they send parts of the same upload, and whoever has the last one
    makes it whole.

    Args:
        files: a file system of s3fs.
        target: ``bucket/key``.
        digest: SHA-256 that the file must have.
        told: hears of bytes as they are there.
    """
    size = path.stat().st_size
    if size <= PART:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise damaged(path)
        files.pipe_file(target, data)
        told(size)
        return
    bucket, _, key = target.partition("/")
    place = {"Bucket": bucket, "Key": key}
    begun = _begun(files, bucket, key)
    upload_id = begun or files.call_s3("create_multipart_upload", **place)["UploadId"]
    try:
        _send(files, path, {**place, "UploadId": upload_id}, size, digest, told)
    except FileNotFoundError:  # somebody else has made it whole, or has given it up
        if not files.exists(target):
            upload(files, path, target, digest, told)


def _send(
    files: Any,
    path: Path,
    place: dict[str, Any],
    size: int,
    digest: str,
    told: Callable[[int], None],
) -> None:
    present = {number: (tag, length) for number, tag, length in _parts(files, place)}
    state, parts = hashlib.sha256(), []
    length = part_length(size)
    with path.open("rb") as reader:
        number = 0
        while chunk := reader.read(length):
            number += 1
            state.update(chunk)
            tag = f'"{hashlib.md5(chunk, usedforsecurity=False).hexdigest()}"'
            if present.get(number) != (tag, len(chunk)):
                answer = files.call_s3("upload_part", **place, PartNumber=number, Body=chunk)
                tag = answer["ETag"]
            parts.append({"PartNumber": number, "ETag": tag})
            told(len(chunk))
    if state.hexdigest() != digest:
        files.call_s3("abort_multipart_upload", **place)
        raise damaged(path)
    files.call_s3("complete_multipart_upload", **place, MultipartUpload={"Parts": parts})


def part_length(size: int) -> int:
    """How long each part of a file but the last is: S3 takes 10,000 of them at most."""
    return max(PART, -(-size // _MOST_PARTS))


def _begun(files: Any, bucket: str, key: str) -> str | None:
    """The newest upload of that key which was begun and not ended."""
    found = [each for each in _uploads(files, bucket, key) if each["Key"] == key]
    newest = max(found, key=lambda each: each["Initiated"], default=None)
    return None if newest is None else str(newest["UploadId"])


def _uploads(files: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    after: dict[str, str] = {}
    while True:
        answer = files.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix, **after)
        yield from answer.get("Uploads", [])
        if not answer.get("IsTruncated"):
            return
        after = {
            "KeyMarker": answer["NextKeyMarker"],
            "UploadIdMarker": answer["NextUploadIdMarker"],
        }


def _parts(files: Any, place: dict[str, Any]) -> Iterator[tuple[int, str, int]]:
    """Number, tag and size of the parts that are there."""
    marker = 0
    while True:
        answer = files.call_s3("list_parts", **place, PartNumberMarker=marker)
        for part in answer.get("Parts", []):
            yield part["PartNumber"], part["ETag"], part["Size"]
        if not answer.get("IsTruncated"):
            return
        marker = answer["NextPartNumberMarker"]


def abandon(files: Any, prefix: str, before: float) -> None:
    """Give up uploads below ``bucket/prefix`` that got no part since `before`."""
    bucket, _, key = prefix.partition("/")
    for each in list(_uploads(files, bucket, f"{key}/")):
        place = {"Bucket": bucket, "Key": each["Key"], "UploadId": each["UploadId"]}
        with suppress(FileNotFoundError):
            answer = files.call_s3("list_parts", **place)
            times = [part["LastModified"] for part in answer.get("Parts", [])]
            if max([each["Initiated"], *times]).timestamp() < before:
                files.call_s3("abort_multipart_upload", **place)
