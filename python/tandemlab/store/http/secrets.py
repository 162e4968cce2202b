"""The secrets of a workspace at a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tandemlab.domain.secrets import Secret
from tandemlab.store.http.client import Client, part
from tandemlab.store.http.wire import decode, encode


class HttpSecrets:
    """See `tandemlab.store.secrets.SecretStore`. The server decrypts; nothing is kept here.

    Names stand in the content of requests, never in a URL, which logs and proxies write down.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._base = f"/workspaces/{part(name)}/secrets"

    def names(self) -> list[str]:
        """Names of all secrets, sorted."""
        return decode(self._client.request("GET", self._base).content, list[str])

    def get(self, names: Sequence[str]) -> dict[str, Secret]:
        """Those of `names` that are there."""
        answer = self._post("/values", {"names": list(names)})
        found = decode(answer, dict[str, str])
        return {name: Secret(value) for name, value in found.items()}

    def set(self, secrets: Mapping[str, Secret]) -> None:
        """Add or replace secrets: all of them or none."""
        self._post("", {"secrets": {name: str(value) for name, value in secrets.items()}})

    def delete(self, names: Sequence[str]) -> None:
        """Remove secrets: all of them or none."""
        self._post("/delete", {"names": list(names)})

    def _post(self, path: str, body: Any) -> bytes:
        return bytes(self._client.request("POST", self._base + path, content=encode(body)).content)
