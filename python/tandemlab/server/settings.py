"""How a server is set up."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tandemlab.web.addresses import is_loopback

STATE = Path(".tandemlab") / "server"
DEFAULT_PORT = 8765


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a server serves, and to whom.

    Attributes:
        root: a workspace folder, or a folder of workspaces.
        host: the address to listen at.
        port: 0 for any free one.
        names: host names by which clients may address the server, beside its address.
        max_upload_bytes: size of the largest content that may be uploaded.
        certificate, key: PEM files for TLS; none for plain HTTP.
        public_url: what clients call the server where a proxy stands before it; see
            `tandemlab.web.addresses.public_origin`.
        proxies: addresses and networks of proxies that say for whom they ask.
    """

    root: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    names: frozenset[str] = field(default_factory=frozenset)
    max_upload_bytes: int = 10 << 30
    certificate: Path | None = None
    key: Path | None = None
    public_url: str | None = None
    proxies: tuple[str, ...] = ()

    @property
    def is_public(self) -> bool:
        """Whether others than this machine can reach the server, also by a proxy."""
        return self.public_url is not None or not is_loopback(self.host)

    @property
    def state(self) -> Path:
        """The folder of the server's own files."""
        return state_folder(self.root)


def state_folder(root: Path) -> Path:
    """The folder of what a server of `root` keeps: tokens, its secret, who it is, its log."""
    return root / STATE


def make_state_folder(root: Path) -> Path:
    """`state_folder`, made if it is not there; nobody else may look into it."""
    folder = state_folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    return folder
