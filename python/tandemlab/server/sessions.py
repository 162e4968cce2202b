"""Sessions of browsers: a signed cookie that stands for a token, and what guards its use.

The cookie holds the id of a token, not its secret, and ends with it. A request that changes
something must also carry the session's CSRF value in a header, which another site cannot read.
A ticket, which who may read the server's files makes, starts a session by an address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes, token_urlsafe

from tandemlab.server.tokens import Token, Tokens
from tandemlab.store.http.credentials import write_private

COOKIE = "tandemlab_session"
LOGIN_COOKIE = "tandemlab_login"
CSRF_HEADER = "x-csrf-token"
SECONDS = 12 * 3600
TICKET_SECONDS = 120
_FILE = "secret"


@dataclass(frozen=True)
class Sessions:
    """Makes and checks cookies.

    Attributes:
        key: the server's secret.
        used: tickets that have let somebody in, and when each would have ended.
    """

    key: bytes
    tokens: Tokens
    used: dict[str, int] = field(default_factory=dict)
    used_lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, folder: Path, tokens: Tokens) -> Sessions:
        """The sessions of a server, whose secret is kept in a file that only it may read."""
        file = folder / _FILE
        if not file.exists():
            write_private(file, token_bytes(32))
        return cls(file.read_bytes(), tokens)

    def start(self, token: Token) -> str:
        """The cookie of a new session."""
        content = f"{token.id}.{int(time.time()) + SECONDS}.{token_urlsafe(12)}"
        return f"{content}.{self._sign('session', content)}"

    def find(self, cookie: str) -> Token | None:
        """The token that a cookie stands for; None for a cookie that is not ours or has ended."""
        content, _, signature = cookie.rpartition(".")
        if not self._is_signed("session", content, signature):
            return None
        token_id, ends, _ = content.split(".", 2)
        return self.tokens.find(token_id) if int(ends) > time.time() else None

    def csrf(self, cookie: str) -> str:
        """What a request of that session must carry if it changes something."""
        return self._sign("csrf", cookie)

    def is_csrf(self, cookie: str, value: str) -> bool:
        """Whether a value is that of `csrf`."""
        return self._is_signed("csrf", cookie, value)

    def ticket(self, token: Token) -> str:
        """What lets one browser in, once and soon, as the user of a token."""
        content = f"{token.id}.{int(time.time()) + TICKET_SECONDS}.{token_urlsafe(12)}"
        return f"{content}.{self._sign('ticket', content)}"

    def redeem(self, ticket: str) -> Token | None:
        """The token that a ticket stands for; None if it is none, has ended or was used."""
        content, _, signature = ticket.rpartition(".")
        if not self._is_signed("ticket", content, signature):
            return None
        token_id, ends, _ = content.split(".", 2)
        now = time.time()
        with self.used_lock:
            for old in [each for each, end in self.used.items() if end < now]:
                del self.used[old]
            if int(ends) <= now or content in self.used:
                return None
            self.used[content] = int(ends)
        return self.tokens.find(token_id)

    def login_field(self, nonce: str) -> str:
        """The hidden field of a log-in page whose cookie holds that nonce."""
        return self._sign("login", nonce)

    def is_login(self, nonce: str, value: str) -> bool:
        """Whether a log-in form came from the page that we gave to that browser."""
        return self._is_signed("login", nonce, value)

    def _sign(self, purpose: str, content: str) -> str:
        digest = hmac.digest(self.key, f"{purpose}\0{content}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _is_signed(self, purpose: str, content: str, signature: str) -> bool:
        expected = self._sign(purpose, content)
        return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
