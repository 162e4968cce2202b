"""The way to the dashboard of a head that listens to itself alone: a socket here, by SSH."""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tandemlab import ssh


class Tunnel:
    """A socket that only this user may open, and that leads to a port of another machine.

    Args:
        login: as `tandemlab.ssh.Connection` takes its settings, and ``private_key_file``: the path
            of a key, without which this user's agent and keys are used.
        port: of that machine.
    """

    def __init__(self, login: Mapping[str, Any], port: int) -> None:
        self._login = login
        self._port = port
        self._lock = threading.Lock()
        self._connection: ssh.Connection | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="tandemlab-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    @property
    def location(self) -> str:
        """``ssh://HOST:PORT``."""
        return f"ssh://{self._login['host']}:{self._login['port']}"

    @property
    def host_key(self) -> str:
        """Type and key that the machine has shown."""
        self.open()
        assert self._connection is not None
        return self._connection.host_key

    def open(self) -> str:
        """Path of the socket, behind which there is a connection again if it was cut.

        Raises:
            NotAllowed: the host key is unknown or another one, or nobody is let in.
            Unavailable: the machine cannot be reached.
        """
        path = self._folder / "socket"
        with self._lock, ssh.errors(self.location, self._login):
            if self._connection is None or self._connection.is_cut:
                path.unlink(missing_ok=True)
                connection = ssh.Connection(self._login, self._credentials())
                connection.wait(
                    connection.ssh.forward_local_path_to_port(str(path), "127.0.0.1", self._port)
                )
                self._connection = connection
        return str(path)

    def _credentials(self) -> dict[str, str]:
        key = self._login.get("private_key_file")
        private_key = None if key is None else Path(key)
        return ssh.described(self._login["host"], private_key=private_key)[1]

    def close(self) -> None:
        """End the connection, and take the socket away."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        self._remove()
