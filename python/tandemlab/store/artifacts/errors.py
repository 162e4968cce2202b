"""What the file systems of fsspec say, as errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tandemlab.domain import NotAllowed, StorageError, TandemlabError, Unavailable
from tandemlab.store.durable import storage_error

_FOREIGN = frozenset({"aiobotocore", "aiohttp", "asyncio", "botocore", "fsspec", "s3fs"})
_NO_KEYS = frozenset({"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"})
_LOCAL = frozenset({"ProfileNotFound", "ParamValidationError", "InvalidRegionError"})


@contextmanager
def artifact_errors(address: object) -> Iterator[None]:
    """Turn what a file system refuses into an error that names the place."""
    try:
        yield
    except Exception as error:
        found = _translated(error, str(address))
        if found is None:
            raise
        raise found from error


def _translated(error: Exception, address: str) -> TandemlabError | None:
    details = {"artifacts": address}
    kind, library = type(error).__name__, type(error).__module__.partition(".")[0]
    reason = str(error).rstrip(".") or kind
    if isinstance(error, FileNotFoundError):
        return StorageError(
            f"There is no {address}: {reason}.",
            hint="Make the bucket or folder first, or check its name, endpoint and region.",
            details=details,
        )
    if isinstance(error, PermissionError) or kind in _NO_KEYS:
        return NotAllowed(
            f"{address} does not let you in: {reason}.",
            hint="For S3, check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, and "
            "that they may list, read, write and delete there.",
            details=details,
        )
    if isinstance(error, (ConnectionError, TimeoutError)) or (
        library in _FOREIGN and kind not in _LOCAL
    ):
        return Unavailable(
            f"{address} cannot be reached: {reason}.",
            hint="What was not sent waits here, and is sent later.",
            details=details,
        )
    if isinstance(error, OSError):
        return storage_error(error, address)
    if library in _FOREIGN:
        return StorageError(f"{address}: {reason}.", details=details)
    return None
