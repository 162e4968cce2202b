"""The keys of a service: two, so that clients can change over while either is valid."""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_urlsafe

from tandemlab.domain import InvalidInput, StorageError
from tandemlab.store.durable import storage_errors
from tandemlab.store.http.credentials import write_private

KEY_TYPES = ("Primary", "Secondary")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a service; each has 256 random bits."""

    primary: str
    secondary: str

    @classmethod
    def new(cls) -> Keys:
        """Keys that nobody has seen."""
        return cls(token_urlsafe(32), token_urlsafe(32))

    def regenerated(self, key_type: str) -> Keys:
        """The same with one of them new.

        Raises:
            InvalidInput: there is no such key.
        """
        if key_type.capitalize() not in KEY_TYPES:
            raise InvalidInput(
                f"A service has no {key_type!r} key.", hint=f"It has {' and '.join(KEY_TYPES)}."
            )
        if key_type.capitalize() == "Primary":
            return Keys(token_urlsafe(32), self.secondary)
        return Keys(self.primary, token_urlsafe(32))

    def fit(self, shown: str) -> bool:
        """Whether a text is one of the keys; it takes as long whatever the text is."""
        given = shown.encode("utf-8", "replace")
        fits = [hmac.compare_digest(given, key.encode()) for key in (self.primary, self.secondary)]
        return any(fits)


def read_keys(path: Path) -> Keys:
    """The keys in a file."""
    try:
        return Keys(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StorageError(
            f"{path} cannot be used: {error}.", hint="Make new keys: `tandemlab service keys NAME`."
        ) from error


def write_keys(path: Path, keys: Keys) -> None:
    """Keep keys in a file that only this user may read."""
    with storage_errors(path):
        write_private(path, json.dumps(asdict(keys), indent=2).encode())


class KeyFile:
    """The keys in a file, read again when the file is another one than last time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._keys: Keys | None = None

    def fit(self, shown: str) -> bool:
        """Whether a text is one of the keys; none is if there is no file."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return False
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen or self._keys is None:
            self._keys, self._seen = read_keys(self._path), seen
        return self._keys.fit(shown)
