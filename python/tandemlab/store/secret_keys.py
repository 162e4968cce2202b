"""Where the key of a workspace's secrets is kept: never beside what it opens."""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, Protocol

from tandemlab.domain import StorageError
from tandemlab.store.durable import storage_error, storage_errors, write_file

_BYTES = 32
_SERVICE = "tandemlab"


class Key(bytes):
    """A key for AES-256, which does not show itself."""

    @classmethod
    def generate(cls) -> Key:
        """A new key."""
        return cls(os.urandom(_BYTES))

    @classmethod
    def parse(cls, text: bytes) -> Key | None:
        """The key behind its text; None if there is none."""
        try:
            key = cls(b64decode(text.strip(), validate=True))
        except ValueError:
            return None
        return key if len(key) == _BYTES else None

    def __repr__(self) -> str:
        return "Key(…)"

    @property
    def text(self) -> str:
        """The key as it is kept."""
        return b64encode(self).decode()

    @property
    def fingerprint(self) -> str:
        """What tells keys apart without giving any of them away.

        >>> Key(bytes(32)).fingerprint
        '08233e152713fa58'
        """
        return hashlib.sha256(b"tandemlab key " + self).hexdigest()[:16]


class KeyPlace(Protocol):
    """A place for the key of one workspace; its text says where that is."""

    def read(self) -> Key | None:
        """The key, or None if none is there."""

    def keep(self, key: Key) -> bool:
        """Keep a new key; False if this place cannot."""


class KeyFile:
    """A file that only its user may read.

    Raises:
        StorageError: others may read it too, or it does not hold a key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def read(self) -> Key | None:
        """The key, or None if there is no such file."""
        try:
            mode = self._path.stat().st_mode
            key = None if mode & 0o077 else Key.parse(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, self._path) from error
        if mode & 0o077:
            raise StorageError(
                f"Others than its owner may read or change the key file {self._path}.",
                hint=f"`chmod 600 {self._path}`; change what the secrets open if somebody may "
                "have read them.",
                details={"path": str(self._path), "mode": f"{mode & 0o777:o}"},
            )
        return _present(key, str(self))

    def keep(self, key: Key) -> bool:
        """Write the file; its folder is for its user alone too."""
        folder = self._path.parent
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(self._path, f"{key.text}\n".encode(), mode=0o600)
        _flush(folder)
        return True


class SystemKeyring:
    """The keyring of the desktop, through the package ``keyring``, where there is one that works.

    Args:
        name: under which the key is kept: the workspace's id.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return f"the system keyring ({_SERVICE}, {self._name})"

    def read(self) -> Key | None:
        """The key, or None if none is there or no keyring works."""
        keyring = _working_keyring()
        if keyring is None:
            return None
        from keyring.errors import KeyringError

        try:
            text = keyring.get_password(_SERVICE, self._name)
        except KeyringError:
            return None
        return None if text is None else _present(Key.parse(text.encode()), str(self))

    def keep(self, key: Key) -> bool:
        """Keep the key, and see that it can be read again."""
        keyring = _working_keyring()
        if keyring is None:
            return False
        from keyring.errors import KeyringError

        try:
            keyring.set_password(_SERVICE, self._name, key.text)
        except KeyringError:
            return False
        return self.read() == key


def _working_keyring() -> Any:
    """The keyring that the package ``keyring`` would use, or None: its stand-ins keep nothing."""
    try:
        import keyring
    except ImportError:
        return None
    found = keyring.get_keyring()
    return found if found.priority >= 1 else None


def _present(key: Key | None, place: str) -> Key:
    if key is None:
        raise StorageError(
            f"{place} does not hold a key.",
            hint="Restore it from a backup.",
            details={"path": place, "reason": "damaged_key"},
        )
    return key


def _flush(folder: Path) -> None:
    """Have a new name in a folder survive a power cut: without the key all is lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
