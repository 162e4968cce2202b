"""Addresses of servers: who can reach them, and by what names they may be asked."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from functools import lru_cache

from tandemlab.domain import AlreadyExists, NotAllowed

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and what it is called.

    Attributes:
        host: the address to listen at.
        names: host names by which clients may address it, beside its address.
    """

    host: str
    names: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def check_host(self, given: list[str]) -> None:
        """Refuse a request to somebody else: a name may have been made to point here.

        Args:
            given: the request's Host headers.

        Raises:
            NotAllowed: the server does not go by that name.
        """
        host = host_name(given[0]) if len(given) == 1 else None
        own = _LOOPBACK_NAMES | self.names | {self.host.strip("[]").lower()}
        is_known = host is not None and host in own
        if not is_known and not self.is_loopback:
            # It is reached by whatever address or name leads here; a secret is needed anyway.
            is_known = host is not None and (not self.names or _is_address(host))
        if not is_known:
            raise NotAllowed(
                f"The server does not go by the name {(given or [''])[0][:100]!r}.",
                hint="Start it with --name HOST to allow that name.",
                details={"reason": "host"},
            )


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether a host is this machine, seen from itself.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_name(given: str) -> str | None:
    """The name in a Host header, without its port; None if it is none.

    >>> host_name("localhost:8765"), host_name("[::1]:80"), host_name("a/b")
    ('localhost', '::1', None)
    """
    text = given.lower()
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        is_sound = bool(bracket) and (not rest or (rest[0] == ":" and rest[1:].isdecimal()))
        return name if is_sound else None
    name, colon, port = text.partition(":")
    is_sound = bool(name) and (not colon or port.isdecimal()) and not set(name) & set("/\\@?# ")
    return name if is_sound else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def url_of(listening: socket.socket, host: str, scheme: str = "http") -> str:
    """The URL of a server at a socket that listens."""
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{listening.getsockname()[1]}"


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections from here on: whoever knows the URL gets through.

    Args:
        port: 0 for any free one.

    Raises:
        AlreadyExists: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
    except OSError as error:
        listening.close()
        raise AlreadyExists(
            f"The server cannot listen at {host}:{port}: {error.strerror}.",
            hint="Choose another port with --port; 0 takes any free one.",
            details={"host": host, "port": port},
        ) from error
    listening.listen(2048)
    listening.set_inheritable(False)
    return listening
