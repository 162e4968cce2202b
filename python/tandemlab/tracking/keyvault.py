"""Keyvault: the secrets of a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.secrets import Secret, check_secret, check_secret_name

if TYPE_CHECKING:
    from tandemlab.store.folder import WorkspaceFolder
    from tandemlab.store.secrets import SecretStore


class Keyvault:
    """Passwords, tokens and keys that scripts need and nobody should see.

    They are encrypted in the workspace; the key is with the user who made the vault, in the
    system keyring or in a file of the configuration folder. Names are encrypted, too. At a server
    the key is with the user who runs it, and secrets are for contributors.

    Args:
        store: where they are kept; `Workspace.get_default_keyvault` gives a workspace's own.

    >>> vault = getfixture("workspace").get_default_keyvault()
    >>> vault.set_secret("db-password", "s3cr3t")
    >>> vault.list_secrets(), vault.get_secret("db-password")
    (['db-password'], Secret('…'))
    """

    def __init__(self, store: SecretStore) -> None:
        self._store = store

    def set_secret(self, name: str, value: str) -> None:
        """Add a secret, or replace it.

        Args:
            name: letters, digits, ``-``, ``_`` and ``.``, at most 127 characters.
            value: text of 1 byte to 64 KiB.

        Raises:
            InvalidInput: a name or a value that cannot be one.
            StorageError: the vault cannot be read or written; it is as it was.
        """
        self.set_secrets({name: value})

    def set_secrets(self, secrets_batch: Mapping[str, str]) -> None:
        """Add or replace several secrets: all or, after an error, none; see `set_secret`."""
        if not isinstance(secrets_batch, Mapping):
            raise InvalidInput(f"Secrets are a dict, not {type(secrets_batch).__name__}.")
        checked = {
            check_secret_name(name): check_secret(name, value)
            for name, value in secrets_batch.items()
        }
        if checked:
            self._store.set(checked)

    def get_secret(self, name: str) -> Secret:
        """The value of a secret.

        Raises:
            NotFound: there is no secret of that name.
            StorageError: the vault cannot be read with the key that is here, or is damaged.
        """
        found = self.get_secrets([name])[name]
        if found is None:
            raise NotFound(
                f"There is no secret {name!r}.",
                hint="`tandemlab keyvault list` shows the names that exist.",
                details={"name": name},
            )
        return found

    def get_secrets(self, secrets: Sequence[str]) -> dict[str, Secret | None]:
        """Values by name; None for a secret that is not there. Raises as `get_secret` does."""
        names = _names(secrets)
        found = self._store.get(names)
        return {name: found.get(name) for name in names}

    def list_secrets(self) -> list[str]:
        """The names of all secrets, sorted; never their values."""
        return self._store.names()

    def delete_secret(self, name: str) -> None:
        """Remove a secret; see `delete_secrets`."""
        self.delete_secrets([name])

    def delete_secrets(self, secrets: Sequence[str]) -> None:
        """Remove secrets.

        Raises:
            NotFound: one of them is not there; none was removed.
        """
        if names := _names(secrets):
            self._store.delete(names)


def open_keyvault(folder: WorkspaceFolder, workspace_id: str) -> Keyvault:
    """The vault of a workspace folder, with its key in the places that are this user's."""
    from tandemlab.store.secrets import open_secrets

    return Keyvault(open_secrets(folder.path, workspace_id))


def _names(secrets: Sequence[str]) -> list[str]:
    if isinstance(secrets, (str, bytes)):
        raise InvalidInput("Give a list of names, not one text.", hint="get_secret takes one name.")
    return [check_secret_name(name) for name in secrets]
