"""Addresses of servers: who can reach them, and by what names they may be asked."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from tandemlab.domain import AlreadyExists, InvalidInput, NotAllowed

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and what it is called.

    Attributes:
        host: the address to listen at.
        names: host names by which clients may address it, beside its address.
        public_url: what clients call it where a proxy stands before it, as `public_origin` gives
            it.
    """

    host: str
    names: frozenset[str] = field(default_factory=frozenset)
    public_url: str | None = None

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
        if len(given) != 1 or not _goes_by(self, given[0]):
            raise NotAllowed(
                f"The server does not go by the name {(given or [''])[0][:100]!r}.",
                hint="Start it with --name HOST to allow that name.",
                details={"reason": "host"},
            )

    def origin(self, host: str, scheme: str) -> str:
        """The origin of the server's pages for whoever asks by that Host header.

        A proxy that takes HTTPS asks by HTTP, maybe without naming its port.

        >>> Address("127.0.0.1").origin("localhost:8765", "http")
        'http://localhost:8765'
        >>> proxied = Address("127.0.0.1", public_url="https://lab.example.org:8443")
        >>> proxied.origin("lab.example.org", "http")
        'https://lab.example.org:8443'
        """
        return _origin(self, host, scheme)


# A server is asked the same for every request.


@lru_cache(maxsize=1024)
def _goes_by(address: Address, given: str) -> bool:
    host = host_name(given)
    if host is None:
        return False
    own = (
        _LOOPBACK_NAMES | address.names | {address.host.strip("[]").lower(), _public_name(address)}
    )
    if host in own:
        return True
    # It is reached by whatever address or name leads here; a secret is needed anyway.
    return not address.is_loopback and (not address.names or _is_address(host))


@lru_cache(maxsize=1024)
def _origin(address: Address, host: str, scheme: str) -> str:
    if address.public_url and host_name(host) == _public_name(address):
        return address.public_url
    return f"{scheme}://{host.lower()}"


def _public_name(address: Address) -> str | None:
    return urlsplit(address.public_url).hostname if address.public_url else None


def public_origin(url: str) -> str:
    """A server's public URL as browsers write it in an Origin header.

    Raises:
        InvalidInput: it is not ``http(s)://HOST[:PORT]``.

    >>> public_origin("https://Lab.example.org:443/")
    'https://lab.example.org'
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = host_name(parts.netloc)
    if (
        parts.scheme not in _PORTS
        or host is None
        or not url.isascii()
        or (parts.path.strip("/"), parts.query, parts.fragment) != ("", "", "")
    ):
        raise InvalidInput(
            f"{url!r} cannot be the URL of a server.",
            hint="Give https://HOST or https://HOST:PORT; a server has a host name of its own.",
            details={"url": url},
        )
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def network(text: str) -> str:
    """An address or a network in its standard form.

    Raises:
        InvalidInput: it is neither.

    >>> network("10.0.0.7"), network("10.0.0.7/24")
    ('10.0.0.7/32', '10.0.0.0/24')
    """
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise InvalidInput(
            f"{text!r} is neither an address nor a network.",
            hint="Give for instance 10.0.0.7 or 10.0.0.0/24.",
            details={"address": text},
        ) from error


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
