"""Secrets of a workspace, encrypted in one file; the key is kept elsewhere.

``secrets.json`` holds one text for all: the names of secrets say what they open, so they are
encrypted with the values. ARCHITECTURE.md specifies the format.
"""

from __future__ import annotations

import fcntl
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tandemlab.domain import NotFound, StorageError, VersionMismatch
from tandemlab.domain.secrets import Secret
from tandemlab.store.durable import storage_error, storage_errors, write_json
from tandemlab.store.secret_keys import Key, KeyFile, KeyPlace, SystemKeyring
from tandemlab.store.user import configuration_folder

FILE = "secrets.json"
_FORMAT = 1
_CIPHER = "AES-256-GCM"
_NONCE_BYTES = 12


class SecretStore(Protocol):
    """Keeps secrets by name. Names and values have been checked; every method is one step."""

    def names(self) -> list[str]:
        """Names of all secrets, sorted."""

    def get(self, names: Sequence[str]) -> dict[str, Secret]:
        """Those of `names` that are there."""

    def set(self, secrets: Mapping[str, Secret]) -> None:
        """Add or replace secrets: all of them or none."""

    def delete(self, names: Sequence[str]) -> None:
        """Remove secrets: all of them or none.

        Raises:
            NotFound: one of them is not there.
        """


class SecretFile:
    """The `SecretStore` of a workspace folder.

    Args:
        workspace: the folder.
        workspace_id: what binds the file to its workspace.
        reading: where the key may be, the cheapest first.
        new: places for a new key, the best first.
    """

    def __init__(
        self,
        workspace: Path,
        workspace_id: str,
        *,
        reading: Sequence[KeyPlace],
        new: Sequence[KeyPlace],
    ) -> None:
        self._path = workspace / FILE
        self._lock = workspace / "secrets.lock"
        self._bound_to = f"tandemlab secrets {_FORMAT} {workspace_id}".encode()
        self._keys = reading
        self._new_keys = new

    def names(self) -> list[str]:
        """Names of all secrets, sorted.

        Raises:
            StorageError: the file cannot be read with the key that is here, or is damaged.
        """
        return sorted(self._read())

    def get(self, names: Sequence[str]) -> dict[str, Secret]:
        """Those of `names` that are there; raises as `names` does."""
        found = self._read()
        return {name: found[name] for name in names if name in found}

    def set(self, secrets: Mapping[str, Secret]) -> None:
        """Add or replace secrets; raises as `names` does."""
        with self._changing() as found:
            found.update(secrets)

    def delete(self, names: Sequence[str]) -> None:
        """Remove secrets.

        Raises:
            NotFound: one of them is not there; nothing was removed.
        """
        with self._changing() as found:
            absent = [name for name in names if name not in found]
            if absent:
                raise NotFound(
                    f"There is no secret {absent[0]!r}.",
                    hint="`tandemlab keyvault list` shows the names that exist.",
                    details={"names": absent},
                )
            for name in names:
                found.pop(name, None)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Secret]]:
        with storage_errors(self._lock):
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            found = self._read()
            yield found
            self._write(found)
        finally:
            os.close(descriptor)

    def _read(self) -> dict[str, Secret]:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise storage_error(error, self._path) from error
        envelope = self._opened(content)
        return self._decrypt(envelope, self._key(envelope["key"]))

    def _opened(self, content: bytes) -> dict[str, Any]:
        try:
            envelope = json.loads(content)
            found = envelope["format"]
            if found == _FORMAT:
                envelope["nonce"] = b64decode(envelope["nonce"], validate=True)
                envelope["data"] = b64decode(envelope["data"], validate=True)
                envelope["key"] = str(envelope["key"])
        except (ValueError, KeyError, TypeError):
            raise self._damaged() from None
        if found != _FORMAT or envelope.get("cipher") != _CIPHER:
            raise VersionMismatch(
                f"{self._path} has the format {found!r}; this tandemlab knows {_FORMAT}.",
                hint="Upgrade tandemlab.",
                details={"found": found, "known": _FORMAT},
            )
        return dict(envelope)

    def _key(self, wanted: str) -> Key:
        """The key that the file names."""
        others = []
        for place in self._keys:
            key = place.read()
            if key is not None and key.fingerprint == wanted:
                return key
            if key is not None:
                others.append(str(place))
        if others:
            raise StorageError(
                f"The key in {' and in '.join(others)} is not the one that {self._path} was "
                "encrypted with.",
                hint="Put the right key there again, from a backup or from who made the vault; or "
                f"move {FILE} away to begin a new one.",
                details={"path": str(self._path), "reason": "wrong_key"},
            )
        raise StorageError(
            f"The key of {self._path} is not here: it is neither in "
            f"{' nor in '.join(map(str, self._keys))}.",
            hint="Secrets can be read by the user who made the vault, on the machine where it was "
            f"made. Copy the key from there; or move {FILE} away to begin a new vault.",
            details={"path": str(self._path), "reason": "no_key"},
        )

    def _decrypt(self, envelope: Mapping[str, Any], key: Key) -> dict[str, Secret]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            # No name holds the bare text: a traceback may show what names hold.
            found: dict[str, Secret] = json.loads(
                AESGCM(key).decrypt(envelope["nonce"], envelope["data"], self._bound_to),
                object_hook=_as_secrets,
            )
        except (InvalidTag, ValueError):
            raise self._damaged() from None
        return found

    def _damaged(self) -> StorageError:
        return StorageError(
            f"{self._path} is damaged, or belongs to another workspace.",
            hint="Restore it from a backup; or move it away to begin a new vault.",
            details={"path": str(self._path), "reason": "damaged"},
        )

    def _write(self, secrets: Mapping[str, Secret]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key, nonce = self._present_or_new_key(), os.urandom(_NONCE_BYTES)
        data = AESGCM(key).encrypt(nonce, json.dumps(secrets).encode(), self._bound_to)
        envelope = {
            "format": _FORMAT,
            "cipher": _CIPHER,
            "key": key.fingerprint,
            "nonce": b64encode(nonce).decode(),
            "data": b64encode(data).decode(),
        }
        write_json(self._path, envelope, mode=0o600)

    def _present_or_new_key(self) -> Key:
        for place in self._keys:
            if (key := place.read()) is not None:
                return key
        key = Key.generate()
        for place in self._new_keys:
            if place.keep(key):
                return key
        raise StorageError("The key of a new vault could not be kept anywhere.")


def _as_secrets(found: dict[str, str]) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in found.items()}


def open_secrets(workspace: Path, workspace_id: str) -> SecretFile:
    """The secrets of a workspace folder, with their key in the places that are this user's."""
    file = KeyFile(configuration_folder() / "keys" / f"{workspace_id}.key")
    ring = SystemKeyring(workspace_id)
    return SecretFile(workspace, workspace_id, reading=(file, ring), new=(ring, file))
