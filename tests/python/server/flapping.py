"""A proxy on loopback that drops, delays and duplicates requests, by a seed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FlappingProxy:
    """Passes requests on to a server, not always as they are.

    Attributes:
        seen: how often each fault was made.
    """

    def __init__(self, port: int, seed: int) -> None:
        self.seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = proxy.choose()
                if fault == "lost request":
                    self.close_connection = True
                    return
                if fault == "delay":
                    time.sleep(0.05)
                for _ in range(2 if fault == "twice" else 1):
                    status, headers, content = proxy.ask(
                        port, self.command, self.path, dict(self.headers), body
                    )
                if fault == "lost answer":
                    self.close_connection = True
                    return
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if fault == "cut answer" and content:
                    self.wfile.write(content[: len(content) // 2])
                    self.close_connection = True
                    return
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def choose(self) -> str:
        """The next fault; none in half of the cases."""
        faults = ("lost request", "lost answer", "cut answer", "twice", "delay")
        with self._lock:
            fault = self._random.choice((*faults, *["none"] * 5))
            self.seen[fault] += 1
        return fault

    @staticmethod
    def ask(
        port: int, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """The server's own answer."""
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
