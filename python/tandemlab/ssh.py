"""Machines that are reached by SSH: what describes them, the connection, and its errors.

The host key is compared each time: with the one that is known for the machine, or else with the
user's ``~/.ssh/known_hosts``. There is no way to trust every machine.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tandemlab.bridge.libraries import need
from tandemlab.domain import InvalidInput, NotAllowed, Unavailable
from tandemlab.domain.secrets import check_secret
from tandemlab.store.patience import patience_seconds

Answer = TypeVar("Answer")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}")
_KEY = "-----BEGIN "


def described(
    host: object,
    *,
    port: object = 22,
    username: str | None = None,
    password: str | None = None,
    private_key: str | os.PathLike[str] | None = None,
    passphrase: str | None = None,
    host_key: str | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """A machine as settings that everybody may see, and credentials that nobody may.

    Args:
        host: name or address.
        username: there; each user's own if None.
        password: without it and a key, each user's agent and keys are used.
        private_key: its text, or the path of its file.
        passphrase: of the private key.
        host_key: type and key, such as ``"ssh-ed25519 AAAA…"``.

    Raises:
        InvalidInput: a value that cannot be one.
    """
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        raise InvalidInput(
            f"{str(host)[:80]!r} is no host.",
            hint="Give the name or address alone; port, username and path are arguments.",
        )
    if type(port) is not int or not 0 < port < 65536:
        raise InvalidInput(f"{port!r} is no port.")
    if password is not None and private_key is not None:
        raise InvalidInput("Give a password or a private key, not both.")
    key = None if private_key is None else _key_text(private_key)
    settings = {
        "host": host,
        "port": port,
        "username": username,
        "host_key": None if host_key is None else checked_host_key(host_key),
    }
    credentials = {"password": password, "private_key": key, "passphrase": passphrase}
    return (
        {name: value for name, value in settings.items() if value is not None},
        {name: str(check_secret(name, it)) for name, it in credentials.items() if it is not None},
    )


def _key_text(key: str | os.PathLike[str]) -> str:
    """A private key as text; what does not look like one is the path of its file."""
    if isinstance(key, str) and key.startswith(_KEY):
        return key
    try:
        text = Path(key).expanduser().read_text(encoding="ascii")
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is no text"
        raise InvalidInput(f"The private key cannot be read: {reason}.") from None
    if not text.startswith(_KEY):
        raise InvalidInput("The file of the private key holds none.")
    return text


def checked_host_key(key: object) -> str:
    """Type and key of a host, without what may follow.

    Raises:
        InvalidInput: it is of no such form.
    """
    words = key.split() if isinstance(key, str) else []
    if len(words) < 2 or not re.fullmatch(r"[A-Za-z0-9@.-]+", words[0]):
        raise InvalidInput(
            "A host key has a type and a key, as in a file of known hosts.",
            hint="For example 'ssh-ed25519 AAAA…'; `ssh-keyscan HOST` shows those of a server.",
        )
    return " ".join(words[:2])


class Connection:
    """A connection, and the thread in which it works.

    Args:
        settings: what `described` says of the machine, with, for one behind another, ``jump``:
            the same of that one.
        credentials: serve both.
    """

    def __init__(self, settings: Mapping[str, Any], credentials: Mapping[str, str]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self.ssh = self.wait(_connect(settings, credentials))
        except BaseException:
            self._end()
            raise

    @property
    def is_cut(self) -> bool:
        """Whether it has ended."""
        return bool(self.ssh.is_closed())

    @property
    def host_key(self) -> str:
        """Type and key that the machine has shown."""
        text = self.ssh.get_server_host_key().export_public_key("openssh").decode()
        return " ".join(text.split()[:2])

    def wait(self, work: Awaitable[Answer]) -> Answer:
        """What comes of some work; an interrupt ends the work as well."""
        future = asyncio.run_coroutine_threadsafe(_answer(work), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End it, and its thread."""
        self._loop.call_soon_threadsafe(self.ssh.abort)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def shown_host_key(host: str, port: int = 22) -> str:
    """Type and key that a machine shows, whoever it is.

    This is for machines that were made a moment ago, whose keys nobody can know: it is compared
    from then on.
    """
    asyncssh, location = library(), f"ssh://{host}:{port}"
    with errors(location, {}):
        key = asyncio.run(asyncssh.get_server_host_key(host, port))
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


async def _answer(work: Awaitable[Answer]) -> Answer:
    return await work


async def _connect(settings: Mapping[str, Any], credentials: Mapping[str, str]) -> Any:
    options = _options(settings, credentials)
    if "jump" in settings:
        options["tunnel"] = await _connect(settings["jump"], credentials)
    allowed = library().SSHClientConnectionOptions(**options).encryption_algs
    options["encryption_algs"] = fast_first([name.decode() for name in allowed])
    return await library().connect(**options)


def fast_first(ciphers: Sequence[str]) -> list[str]:
    """Ciphers with those first that processors do by themselves: half the work for both sides.

    >>> fast_first(["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr"])
    ['aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes256-ctr']
    """
    return sorted(ciphers, key=lambda name: "-gcm" not in name)


def _options(settings: Mapping[str, Any], credentials: Mapping[str, str]) -> dict[str, Any]:
    asyncssh, seconds = library(), max(patience_seconds(), 1.0)
    found: dict[str, Any] = {
        "host": settings["host"],
        "port": settings["port"],
        "connect_timeout": seconds,
        "login_timeout": seconds,
        "keepalive_interval": seconds,
    }
    if "username" in settings:
        found["username"] = settings["username"]
    if "host_key" in settings:
        found["known_hosts"] = ([asyncssh.import_public_key(settings["host_key"])], [], [])
    if "password" in credentials:
        found |= {"password": credentials["password"], "client_keys": None}
        found |= {"agent_path": None, "preferred_auth": "password,keyboard-interactive"}
    if "private_key" in credentials:
        key = asyncssh.import_private_key(credentials["private_key"], credentials.get("passphrase"))
        found |= {"client_keys": [key], "agent_path": None, "preferred_auth": "publickey"}
    return found


@contextmanager
def errors(location: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """Turn what a connection raises into errors that name the place.

    What a session of SFTP answers is left as it is, unless it says that the connection has ended.
    """
    asyncssh, details = library(), {"location": location}
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        raise _unknown_host(location, "host_key" in settings) from error
    except asyncssh.PermissionDenied as error:
        raise NotAllowed(
            f"{location} does not let you in: {reason_of(error)}.",
            hint="Check the user's name, and the password or private key. Registering it again "
            "replaces the credentials.",
            details=details,
        ) from error
    except (asyncssh.Error, OSError, asyncio.TimeoutError) as error:
        ends = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
        if isinstance(error, asyncssh.SFTPError) and not isinstance(error, ends):
            raise
        raise Unavailable(
            f"{location} cannot be reached: {reason_of(error)}.",
            hint="Check the host, the port and the network, then try again: what is there already "
            "is not copied twice.",
            details=details,
        ) from error


def _unknown_host(location: str, is_registered: bool) -> NotAllowed:
    if is_registered:
        message = f"{location} shows another host key than the registered one."
        hint = (
            "If the server has a new key, register it again; else somebody may be listening in "
            "between. Nothing was sent."
        )
    else:
        message = f"The host key of {location} is not known on this machine."
        hint = (
            "Ask who runs it for the key, and give it as host_key; or log in once by `ssh`, which "
            "keeps it in ~/.ssh/known_hosts."
        )
    return NotAllowed(message, hint=hint, details={"location": location, "reason": "host_key"})


def reason_of(error: Exception) -> str:
    """What an error says, to stand in a sentence."""
    return str(error).rstrip(".") or type(error).__name__


def library() -> Any:
    """The library asyncssh, imported now.

    Raises:
        MissingDependency: it is not installed.
    """
    return need("asyncssh", "Machines that are reached by SSH", "ssh")
