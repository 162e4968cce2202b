"""What the file systems of fsspec say, as errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from tandemlab.domain import NotAllowed, StorageError, TandemlabError, Unavailable
from tandemlab.store.durable import storage_error

_FOREIGN = frozenset({"aiobotocore", "aiohttp", "asyncio", "botocore", "fsspec", "s3fs"})
_NO_KEYS = frozenset({"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"})
_LOCAL = frozenset({"ProfileNotFound", "ParamValidationError", "InvalidRegionError"})


class Hints(NamedTuple):
    """What to do next, by what went wrong.

    Attributes:
        missing: there is no such bucket or folder.
        refused: the keys are missing, or do not suffice.
        away: the place does not answer.
    """

    missing: str
    refused: str
    away: str


_OF_ARTIFACTS = Hints(
    missing="Make the bucket or folder first, or check its name, endpoint and region.",
    refused="For S3, check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, and "
    "that they may list, read, write and delete there.",
    away="What was not sent waits here, and is sent later.",
)


@contextmanager
def artifact_errors(address: object) -> Iterator[None]:
    """Turn what a file system refuses into an error that names the place."""
    with place_errors(address, _OF_ARTIFACTS, {"artifacts": str(address)}):
        yield


@contextmanager
def place_errors(address: object, hints: Hints, details: Mapping[str, str]) -> Iterator[None]:
    """The same for any place; what is no error of a file system stays as it is."""
    try:
        yield
    except Exception as error:
        found = _translated(error, str(address), hints, details)
        if found is None:
            raise
        raise found from error


def _translated(
    error: Exception, address: str, hints: Hints, details: Mapping[str, str]
) -> TandemlabError | None:
    kind, library = type(error).__name__, type(error).__module__.partition(".")[0]
    reason = str(error).rstrip(".") or kind
    if isinstance(error, FileNotFoundError):
        return StorageError(
            f"There is no {address}: {reason}.", hint=hints.missing, details=details
        )
    if isinstance(error, PermissionError) or kind in _NO_KEYS:
        return NotAllowed(
            f"{address} does not let you in: {reason}.", hint=hints.refused, details=details
        )
    if isinstance(error, (ConnectionError, TimeoutError)) or (
        library in _FOREIGN and kind not in _LOCAL
    ):
        return Unavailable(
            f"{address} cannot be reached: {reason}.", hint=hints.away, details=details
        )
    if isinstance(error, OSError):
        return storage_error(error, address)
    if library in _FOREIGN:
        return StorageError(f"{address}: {reason}.", details=details)
    return None
