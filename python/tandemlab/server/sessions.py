"""Sessions of browsers: a signed cookie that stands for a token, and what guards its use.

The cookie holds the id of a token, not its secret, and ends with it. A request that changes
something must also carry the session's CSRF value in a header, which another site cannot read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes, token_urlsafe

from tandemlab.server.tokens import Token, Tokens
from tandemlab.store.http.credentials import write_private

COOKIE = "tandemlab_session"
LOGIN_COOKIE = "tandemlab_login"
CSRF_HEADER = "x-csrf-token"
SECONDS = 12 * 3600
_FILE = "secret"


@dataclass(frozen=True)
class Sessions:
    """Makes and checks cookies.

    Attributes:
        key: the server's secret.
    """

    key: bytes
    tokens: Tokens

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
