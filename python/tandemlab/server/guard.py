"""The door: what is checked before a request reaches the application.

1. The host that the request names must be the server's, and its origin, if it has one, the same:
   a page of another site, or a name that was made to point here (DNS rebinding), reaches nothing.
2. Who asks: a token in the header, or a session's cookie with its CSRF value. As long as no token
   was ever made, everybody on this machine is the owner; then the server listens to it alone, and
   what a proxy forwards is refused.
3. How much is sent.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tandemlab.domain import NotAllowed, TandemlabError
from tandemlab.server.errors import answer_of
from tandemlab.server.mlflow.errors import is_mlflow
from tandemlab.server.sessions import COOKIE, CSRF_HEADER, Sessions
from tandemlab.server.settings import ServerSettings
from tandemlab.server.tokens import STUDIO_OF, Role, Tokens
from tandemlab.store.http.wire import MAX_EVENTS_BYTES
from tandemlab.tracking.provenance import acting_user
from tandemlab.web.addresses import Address, is_loopback
from tandemlab.web.checks import check_origin, limited

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC = frozenset({"/healthz", "/readyz", "/login", "/api/v1/openapi.json"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
"""What proxies say of whom they ask for; a proxy on this machine asks for others."""
_UPLOADS = ("/blobs/", "/mlflow-artifacts/")


@dataclass(frozen=True, slots=True)
class User:
    """Who asks.

    Attributes:
        name: of the token; ``local`` where none is needed.
        cookie: the session's cookie, if the user came with one.
    """

    name: str
    role: Role
    cookie: str | None = None

    @property
    def person(self) -> str | None:
        """Whose the token is; None where the server's own user asks without one."""
        return None if self is LOCAL else self.name.removeprefix(STUDIO_OF)


LOCAL = User("local", Role.OWNER)


class Failures:
    """Counts failed attempts by address, and says when there were too many.

    A valid token is never refused for the failures of others behind the same address: a secret of
    256 bits is not found by trying, and a client that still shows a revoked token must not lock
    out its neighbours.

    Args:
        limit: how many may fail within `seconds`.
        clock: seconds, monotonic.
    """

    def __init__(
        self, limit: int = 10, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, address: str) -> int:
        """Count a failure; seconds to wait until the next try is answered, 0 if it may be now."""
        now = self._clock()
        times = self._times.setdefault(address, deque(maxlen=self._limit))
        self._times.move_to_end(address)
        if len(self._times) > 10_000:
            self._times.popitem(last=False)
        while times and now - times[0] >= self._seconds:
            times.popleft()
        if len(times) == self._limit:
            return max(1, round(self._seconds - (now - times[0])))
        times.append(now)
        return 0


class Guard:
    """Lets through what passes all checks, with the user in ``scope["state"]["user"]``."""

    def __init__(
        self,
        app: ASGIApp,
        settings: ServerSettings,
        tokens: Tokens,
        sessions: Sessions,
        failures: Failures,
    ) -> None:
        self._app = app
        self._settings = settings
        self._tokens = tokens
        self._sessions = sessions
        self._failures = failures
        self._address = Address(settings.host, settings.names, settings.public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._address.check_host(headers.getlist("host"))
            is_page = scope["method"] in SAFE and not _is_interface(scope["path"])
            origin = self._address.origin(headers["host"], scope["scheme"])
            check_origin(origin, headers, is_page=is_page)
            scope["scheme"] = origin.partition("://")[0]  # what a proxy took by HTTPS is HTTPS
            user = scope["state"]["user"] = self._user(scope, headers)
            acting_user.set(None if user is None else user.person)
            receive = limited(receive, headers, self._limit(scope))
        except TandemlabError as error:
            await answer_of(error, scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _user(self, scope: Scope, headers: Headers) -> User | None:
        if not self._tokens.are_required:
            is_here = not self._settings.is_public and is_loopback(_client(scope))
            if is_here and not any(name in headers for name in _FORWARDED):
                return LOCAL
            raise self._refusal(scope, "This server asks for a token, and none was made yet.")
        shown = headers.get("authorization", "")
        if shown:
            return self._user_of_token(scope, shown)
        cookie = _cookie(headers, COOKIE)
        token = self._sessions.find(cookie) if cookie else None
        if token is not None:
            self._check_csrf(scope, headers, cookie)
            return User(token.name, token.role, cookie)
        if _is_public(scope["path"]):
            return None
        raise self._refusal(scope, "This server asks for a token.", counts=bool(cookie))

    def _user_of_token(self, scope: Scope, shown: str) -> User:
        kind, _, text = shown.partition(" ")
        token = self._tokens.check(text.strip()) if kind.lower() == "bearer" else None
        if token is None:
            raise self._refusal(scope, "The token is not valid, or not any more.", counts=True)
        return User(token.name, token.role)

    def _check_csrf(self, scope: Scope, headers: Headers, cookie: str) -> None:
        if scope["method"] in SAFE or scope["path"] == "/login":
            return
        if not self._sessions.is_csrf(cookie, headers.get(CSRF_HEADER, "")):
            raise NotAllowed(
                "The request lacks the value that shows that it comes from the server's own page.",
                hint=f"Send the `csrf` of GET /api/v1/session in the header {CSRF_HEADER}.",
                details={"reason": "origin"},
            )

    def _refusal(self, scope: Scope, message: str, *, counts: bool = False) -> NotAllowed:
        return refusal(self._failures, _client(scope), message, counts=counts)

    def _limit(self, scope: Scope) -> int:
        is_upload = scope["method"] == "PUT" and any(part in scope["path"] for part in _UPLOADS)
        return self._settings.max_upload_bytes if is_upload else MAX_EVENTS_BYTES


def refusal(failures: Failures, client: str, message: str, *, counts: bool) -> NotAllowed:
    """Why somebody is not let in.

    Args:
        counts: whether it was a failed attempt, rather than none.
    """
    wait = failures.add(client) if counts else 0
    if wait:
        return NotAllowed(
            "There were too many failed attempts from this address.",
            hint=f"Try again in {wait} seconds.",
            details={"reason": "attempts", "retry_after": wait},
        )
    return NotAllowed(message, details={"reason": "unknown"})


def _is_public(path: str) -> bool:
    """Whether nobody has to say who they are to get it; the studio's files hold nothing secret."""
    is_studio = path in ("/", "/studio") or path.startswith("/studio/")
    return path in PUBLIC or (is_studio and not is_mlflow(path))


def _is_interface(path: str) -> bool:
    """Whether programs ask there, rather than people who followed a link."""
    return path.startswith(("/api/", "/metrics")) or is_mlflow(path)


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "127.0.0.1"


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""
