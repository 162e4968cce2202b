"""Tokens: who may do what at a server.

They are kept in a file of the server, not in a workspace: one server may serve several, and a
workspace that is copied takes no keys along. Only hashes are kept. A secret has 256 random bits, so
a fast hash is enough, and there is nothing to guess. The file is looked at before every request:
what is revoked is refused at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from secrets import token_hex, token_urlsafe

from tandemlab.domain import InvalidInput, NotFound, StorageError
from tandemlab.domain.names import check_metric_name
from tandemlab.domain.times import from_micros, now, to_micros
from tandemlab.store.durable import storage_errors
from tandemlab.store.http.credentials import write_private

PREFIX = "tandem_"
STUDIO_OF = "studio of "
"""How the names of tokens begin that a studio on this machine makes for its user."""
_FILE = "tokens.json"
_NOBODY = "0" * 64


class Role(str, Enum):
    """What a user may do; each may do what those before it may."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    OWNER = "owner"

    def __str__(self) -> str:
        return self.value

    def may(self, needed: Role) -> bool:
        """Whether this role may do what needs another.

        >>> Role.OWNER.may(Role.READER), Role.READER.may(Role.CONTRIBUTOR)
        (True, False)
        """
        return _RANKS[self] >= _RANKS[needed]


_RANKS = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret.

    Attributes:
        id: 12 hexadecimal digits; not secret.
        name: whose it is, or what for.
        expires: when it ends; None for never.
    """

    id: str
    name: str
    role: Role
    created: datetime
    expires: datetime | None = None

    @property
    def is_valid(self) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now() < self.expires


@dataclass(frozen=True, slots=True)
class _Kept:
    id: str
    name: str
    role: str
    digest: str
    created: int
    expires: int | None = None

    @property
    def token(self) -> Token:
        expires = None if self.expires is None else from_micros(self.expires)
        return Token(self.id, self.name, Role(self.role), from_micros(self.created), expires)


class Tokens:
    """The tokens of a server.

    Args:
        folder: of the server's own files.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self._path = str(self._file)  # it is looked at before every request
        self._version: tuple[int, ...] | None = None
        self._known: dict[str, _Kept] = {}

    @property
    def are_required(self) -> bool:
        """Whether the server asks for a token: since the first was made, whatever became of it."""
        try:
            os.stat(self._path)
        except FileNotFoundError:
            return False
        return True

    def create(self, name: str, role: Role, *, days: float | None = None) -> tuple[Token, str]:
        """A new token, and the text that its user shows; nothing else can tell it again.

        Args:
            days: how long it is valid; None for ever.

        Raises:
            InvalidInput: no name, or no time to live.
        """
        check_metric_name(name)
        if days is not None and not 0 < days <= 36500:
            raise InvalidInput(
                f"A token is valid for more than 0 and at most 36500 days, not {days}."
            )
        secret = token_urlsafe(32)
        created = now()
        expires = None if days is None else to_micros(created + timedelta(days=days))
        kept = _Kept(token_hex(6), name, role.value, _hash(secret), to_micros(created), expires)
        with self._editing() as tokens:
            tokens[kept.id] = kept
        return kept.token, f"{PREFIX}{kept.id}_{secret}"

    def revoke(self, token_id: str) -> Token:
        """End a token now.

        Raises:
            NotFound: there is none of that id.
        """
        with self._editing() as tokens:
            if token_id not in tokens:
                raise NotFound(
                    f"There is no token {token_id!r}.",
                    hint="`tandemlab server token list` shows those that exist.",
                    details={"token": token_id},
                )
            return tokens.pop(token_id).token

    def list(self) -> list[Token]:
        """All tokens, oldest first."""
        self._look()
        return sorted((kept.token for kept in self._known.values()), key=lambda t: t.created)

    def find(self, token_id: str) -> Token | None:
        """A valid token by its id; None if it was revoked or has expired."""
        self._look()
        kept = self._known.get(token_id)
        return kept.token if kept is not None and kept.token.is_valid else None

    def check(self, text: str) -> Token | None:
        """The valid token behind a text that a user shows; None if there is none.

        It takes as long for an id that does not exist as for a wrong secret.
        """
        token_id, _, secret = text.removeprefix(PREFIX).partition("_")
        self._look()
        kept = self._known.get(token_id)
        expected = _NOBODY if kept is None else kept.digest
        is_right = hmac.compare_digest(_hash(secret), expected)
        if kept is None or not is_right or not text.startswith(PREFIX) or not kept.token.is_valid:
            return None
        return kept.token

    def _look(self) -> None:
        """Read the file again if it is another one than last time."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            self._version, self._known = None, {}
            return
        version = (status.st_mtime_ns, status.st_ino, status.st_size)
        if version != self._version:
            self._known, self._version = self._read(), version

    def _read(self) -> dict[str, _Kept]:
        try:
            entries = json.loads(self._file.read_text(encoding="utf-8"))["tokens"]
            return {entry["id"]: _Kept(**entry) for entry in entries}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StorageError(
                f"{self._file} cannot be used: {error}.",
                hint="Restore it from a backup, or remove it and make new tokens.",
            ) from error

    @contextmanager
    def _editing(self) -> Iterator[dict[str, _Kept]]:
        with storage_errors(self._file), self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            tokens = self._read()
            yield tokens
            content = {"format": 1, "tokens": [asdict(kept) for kept in tokens.values()]}
            write_private(self._file, json.dumps(content, indent=2).encode())


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
