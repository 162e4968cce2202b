"""Requests to a server: repeated while it cannot be reached, its errors raised as our own."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from tandemlab.domain import (
    InvalidInput,
    MissingDependency,
    NotAllowed,
    StorageError,
    TandemlabError,
    Unavailable,
)
from tandemlab.domain.errors import errors_by_code
from tandemlab.store.http.credentials import VARIABLE, token_for
from tandemlab.store.http.wire import API
from tandemlab.store.patience import patience_seconds
from tandemlab.version import __version__

if TYPE_CHECKING:
    import httpx

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_BUSY = frozenset({429, 502, 503, 504})
_FRESH_SECONDS = 30.0

AUTHORITIES = "TANDEMLAB_CA_FILE"
"""The variable that names a PEM file of authorities to be believed beside the system's."""


@dataclass(frozen=True, slots=True)
class Address:
    """A workspace's URL in its parts.

    Attributes:
        server: scheme, host and port, without a path.
        name: the workspace's name; empty for the server itself.

    >>> Address.of("http://LOCALHOST:8765/crash%20tests/")
    Address(server='http://localhost:8765', name='crash tests')
    """

    server: str
    name: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Take a URL apart.

        Raises:
            InvalidInput: it is not ``http(s)://HOST[:PORT][/NAME]``.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _bad(url, str(error)) from error
        path = parts.path.strip("/")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _bad(url, "it has no host")
        if "@" in parts.netloc or parts.query or parts.fragment or "/" in path:
            raise _bad(url, "it has more than a host, a port and the name of a workspace")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        default = {"http": 80, "https": 443}[parts.scheme]
        ending = "" if port in (None, default) else f":{port}"
        return cls(f"{parts.scheme}://{host}{ending}", unquote(path))

    @property
    def url(self) -> str:
        """The whole of it."""
        return f"{self.server}/{quote(self.name, safe='')}" if self.name else self.server


def _bad(url: str, problem: str) -> InvalidInput:
    return InvalidInput(
        f"{url!r} is not the URL of a workspace: {problem}.",
        hint="Give http://HOST:PORT/NAME.",
        details={"url": url},
    )


class Client:
    """Talks to one server. Threads may share it; a forked child makes connections of its own.

    Args:
        server: scheme, host and port.
        patience: seconds to try again while the server cannot be reached; if None,
            ``TANDEMLAB_PATIENCE_SECONDS``, else 10. Once that was in vain, for half a minute a
            single try is made.
        token: shown instead of the one that this user has for the server.
    """

    def __init__(
        self, server: str, *, patience: float | None = None, token: str | None = None
    ) -> None:
        self.server = server
        self._token = token
        self._patience = patience_seconds() if patience is None else patience
        self._owner = 0
        self._http: httpx.Client | None = None
        self._missed = -_FRESH_SECONDS

    def __del__(self) -> None:
        if getattr(self, "_http", None) is not None:
            self.close()

    def close(self) -> None:
        """Let go of connections."""
        if self._http is not None and self._owner == os.getpid():
            self._http.close()
        self._http = None

    def _connections(self) -> httpx.Client:
        if self._http is None or self._owner != os.getpid():
            httpx = _httpx()
            self._http = httpx.Client(
                base_url=self.server,
                # Without TLS there is nothing to verify, and reading certificates takes a while.
                verify=trusted_authorities() if self.server.startswith("https:") else False,
                headers={"User-Agent": f"tandemlab/{__version__}"},
                timeout=httpx.Timeout(60.0, connect=5.0),
            )
            self._owner = os.getpid()
        return self._http

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to a request, which may be sent several times.

        Args:
            path: below ``/api/v1``, with its parts quoted.
            content: JSON, or what makes a stream of bytes anew for every try.

        Raises:
            Unavailable: the server cannot be reached, or is too busy for too long.
            TandemlabError: whatever the server said, of the class that goes with its code.
        """

        def send() -> httpx.Response:
            return self._connections().request(
                method,
                API + path,
                content=content() if callable(content) else content,
                params=params,
                headers=self._headers(headers, is_json=isinstance(content, bytes)),
            )

        answer = self._persist(send)
        if answer.is_error:
            raise error_of(answer.status_code, answer.content, self.server)
        return answer

    @contextmanager
    def stream(
        self, path: str, *, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """An answer whose content is read piece by piece; tried once."""
        httpx = _httpx()
        try:
            with self._connections().stream(
                "GET", API + path, headers=self._headers(headers, is_json=False)
            ) as answer:
                if answer.is_error:
                    raise error_of(answer.status_code, answer.read(), self.server)
                yield answer
        except httpx.TransportError as error:
            raise _unavailable(self.server, error) from error

    def _headers(self, more: Mapping[str, str] | None, *, is_json: bool) -> dict[str, str]:
        headers = dict(more or {})
        token = self._token or token_for(self.server)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if is_json:
            headers.setdefault("Content-Type", "application/json")
        return headers

    def _persist(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        httpx = _httpx()
        is_fresh = time.monotonic() - self._missed < _FRESH_SECONDS
        deadline = time.monotonic() + (0 if is_fresh else self._patience)
        pause = _FIRST_PAUSE
        while True:
            problem: Exception | None = None
            try:
                answer = send()
            except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
                raise InvalidInput(f"{self.server} cannot be asked: {error}.") from error
            except httpx.TransportError as error:
                if _is_distrust(error):
                    raise _unavailable(self.server, error) from error
                problem = error
            else:
                self._missed = -_FRESH_SECONDS
                if answer.status_code not in _BUSY:
                    return answer
            if time.monotonic() + pause > deadline:
                if problem is None:
                    return answer
                self._missed = time.monotonic()
                raise _unavailable(self.server, problem) from problem
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def trusted_authorities() -> ssl.SSLContext:
    """Whose certificates are believed: the system's authorities, and those that the user adds."""
    trust = ssl.create_default_context()
    file = os.environ.get(AUTHORITIES)
    if file:
        try:
            trust.load_verify_locations(file)
        except OSError as error:
            raise InvalidInput(
                f"{AUTHORITIES} is {file!r}, and no certificates can be read there: {error}.",
                hint="Name a PEM file with the certificate of the authority, or of the server.",
            ) from error
    return trust


def _is_distrust(problem: BaseException | None) -> bool:
    """Whether it was a certificate that is not believed: trying again does not help."""
    while problem is not None and not isinstance(problem, ssl.SSLCertVerificationError):
        problem = problem.__cause__ or problem.__context__
    return problem is not None


def _httpx() -> Any:
    try:
        import httpx
    except ImportError as error:
        raise MissingDependency(
            "Workspaces at a server need httpx, which is not installed.",
            hint="Install it with `pip install 'tandemlab[client]'`.",
        ) from error
    return httpx


def _unavailable(server: str, problem: Exception) -> Unavailable:
    if _is_distrust(problem):
        return Unavailable(
            f"The certificate of {server} is not believed: {problem}.",
            hint=f"If it is right, name the file of its authority in {AUTHORITIES}. What was "
            "logged is kept on this machine.",
            details={"server": server},
        )
    return Unavailable(
        f"The server {server} cannot be reached: {str(problem) or type(problem).__name__}.",
        hint="What was logged is kept on this machine and sent when the server answers; "
        "`tandemlab sync` sends it at once.",
        details={"server": server},
    )


def error_of(status: int, content: bytes, server: str) -> TandemlabError:
    """The error behind an answer that is one."""
    import json

    try:
        told = json.loads(content)["error"]
        code, message = str(told["code"]), str(told["message"])
        hint, details = str(told.get("hint") or ""), dict(told.get("details") or {})
    except (ValueError, KeyError, TypeError):
        return Unavailable(
            f"{server} answered with status {status}, and not as a server of tandemlab.",
            hint="Check the URL, and what stands between this machine and the server.",
            details={"server": server, "status": status},
        )
    if code == NotAllowed.code and not hint:
        hint = f"Set {VARIABLE}, or keep a token with `tandemlab server login {server}`."
    kind = errors_by_code().get(code, TandemlabError)
    return kind(message, hint=hint, details={**details, "server": server})


def part(text: str) -> str:
    """A name as a part of a path."""
    return quote(text, safe="")


def chunks(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """The content of a file, piece by piece."""
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(size):
                yield chunk
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}.") from error
