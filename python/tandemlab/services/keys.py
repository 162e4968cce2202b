"""What requests to a service show: one of its two keys, or a token that is valid for a while.

There are two keys so that clients can change over while either is valid. A token is
``token.EXPIRY.SIGNATURE``, signed by the primary key: nothing is kept of it, and it ends when that
key is made anew.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from secrets import token_urlsafe

from tandemlab.domain import InvalidInput, StorageError
from tandemlab.store.durable import storage_errors
from tandemlab.store.http.credentials import write_private

KEY_TYPES = ("Primary", "Secondary")
_TOKEN = "token"
_LONGEST_SECONDS = 30 * 86400
_REFRESHED_AFTER = 0.8  # of its time


@dataclass(frozen=True, slots=True)
class ServiceAccessToken:
    """What a client may show instead of a key, for a while.

    Attributes:
        access_token: the text; requests show it as ``Authorization: Bearer TEXT``.
        token_type: ``Bearer``.
        refresh_after: when to ask for another, in UTC.
        expiry_on: from when on it is refused, in UTC.
    """

    access_token: str = field(repr=False)
    refresh_after: datetime
    expiry_on: datetime
    token_type: str = "Bearer"


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
        """Whether a text is one of the keys, or a token that is valid now.

        It takes as long whatever the text is.
        """
        given = shown.encode("utf-8", "replace")
        kind, _, rest = shown.partition(".")
        expiry, _, _ = rest.partition(".")
        known = [self.primary, self.secondary]
        if kind == _TOKEN and _is_time(expiry) and int(expiry) > time.time():
            known.append(self._signed(expiry))
        fits = [hmac.compare_digest(given, each.encode()) for each in known]
        return any(fits)

    def token(self, lifetime_seconds: float) -> ServiceAccessToken:
        """A token that is valid for so long.

        Raises:
            InvalidInput: for no time, or for more than 30 days.
        """
        if not 1 <= lifetime_seconds <= _LONGEST_SECONDS:
            raise InvalidInput(
                f"A token is valid for 1 second to 30 days, not for {lifetime_seconds:g} seconds.",
                hint="What must be valid for longer is a key.",
            )
        now = time.time()
        expiry = int(now + lifetime_seconds)
        refresh = now + _REFRESHED_AFTER * lifetime_seconds
        return ServiceAccessToken(
            self._signed(str(expiry)),
            refresh_after=datetime.fromtimestamp(int(refresh), timezone.utc),
            expiry_on=datetime.fromtimestamp(expiry, timezone.utc),
        )

    def _signed(self, expiry: str) -> str:
        text = f"{_TOKEN}.{expiry}"
        digest = hmac.digest(self.primary.encode(), text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def _is_time(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


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
