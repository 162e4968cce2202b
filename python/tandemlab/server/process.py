"""The server as a process: started, found again, stopped."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tandemlab.compute.processes import is_alive, start_time
from tandemlab.domain import InvalidInput, InvalidState, NotAllowed, StorageError
from tandemlab.server.settings import ServerSettings, make_state_folder, state_folder
from tandemlab.server.tokens import Tokens
from tandemlab.store.daemons import start_daemon, take_lock
from tandemlab.store.durable import storage_errors, write_json
from tandemlab.version import __version__
from tandemlab.web.addresses import listen, url_of

_log = logging.getLogger("tandemlab.server")
_GRACE_SECONDS = 10
_START_SECONDS = 30.0
_RELEASE_SECONDS = 3.0
LOG = "server.log"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs.

    Attributes:
        started: of the process, in the system's own form.
    """

    pid: int
    started: str
    url: str
    root: str
    version: str


def find_running(root: Path) -> Running | None:
    """The server of `root` that runs on this machine, or None."""
    try:
        found = Running(**json.loads((state_folder(root) / "server.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if is_alive(found.pid, found.started) else None


def check(settings: ServerSettings) -> None:
    """Whether a server may be started so.

    Raises:
        InvalidState: one runs already.
        NotAllowed: others could reach it, and nobody would be asked for a token.
        InvalidInput: the certificate and the key cannot be used.
    """
    _check_certificate(settings)
    running = find_running(settings.root)
    if running is not None:
        raise _runs_already(running)
    tokens = Tokens(state_folder(settings.root))
    if settings.is_public and not any(token.is_valid for token in tokens.list()):
        raise NotAllowed(
            f"A server at {settings.public_url or settings.host} can be reached by others, and has "
            "no tokens: everybody could read and run what they like.",
            hint="Make a token first: `tandemlab server token create NAME --role owner`.",
            details={"reason": "unknown", "host": settings.host},
        )


def _check_certificate(settings: ServerSettings) -> None:
    if settings.certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.certificate, settings.key)
    except OSError as error:
        raise InvalidInput(
            f"The certificate {settings.certificate} and the key {settings.key} cannot be used: "
            f"{error}.",
            hint="Both are PEM files, the key without a passphrase, and they belong together.",
        ) from error


def _runs_already(running: Running) -> InvalidState:
    return InvalidState(
        f"A server of {running.root} runs already at {running.url}.",
        hint="`tandemlab server stop` ends it.",
        details=asdict(running),
    )


def serve(
    settings: ServerSettings,
    lock: int | None = None,
    *,
    tell: Callable[[Running], None] = lambda _: None,
) -> None:
    """Run a server until it is told to stop (SIGTERM, SIGINT).

    Args:
        lock: the descriptor of the lock of `settings.root`, if it is held already.
        tell: is called once the server can be reached.

    Raises:
        InvalidState: one runs already.
        NotAllowed: see `check`.
        AlreadyExists: the port is taken.
    """
    folder = make_state_folder(settings.root)
    lock = _take_lock(settings.root, folder) if lock is None else lock
    try:
        check(settings)
        _serve(settings, folder, tell)
    finally:
        (folder / "server.json").unlink(missing_ok=True)
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def _serve(settings: ServerSettings, folder: Path, tell: Callable[[Running], None]) -> None:
    # Here, so that who only starts, finds or stops a server does without.
    import uvicorn

    from tandemlab.server.app import create_app
    from tandemlab.server.observe import log_as_json
    from tandemlab.web.uvicorn_server import Server

    app, services = create_app(settings)
    listening = listen(settings.host, settings.port)
    own = url_of(listening, settings.host, "https" if settings.certificate else "http")
    url = settings.public_url or own
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=30,
        backlog=2048,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
    )
    running = Running(
        os.getpid(), start_time(os.getpid()) or "", url, str(settings.root), __version__
    )

    def ready() -> None:
        write_json(folder / "server.json", asdict(running))
        tell(running)
        log_as_json()
        _log.info("serving", extra={"fields": {"url": url, "at": own, "root": str(settings.root)}})

    Server(config, ready, services.closing.set).run(sockets=[listening])
    _log.info("stopped")


def start(settings: ServerSettings) -> Running:
    """Start a server that outlives this process, and wait until it answers.

    Raises:
        InvalidState: one runs already.
        NotAllowed: see `check`.
        StorageError: it did not come up; the text has the end of its log.
    """
    check(settings)
    folder = make_state_folder(settings.root)
    lock = _take_lock(settings.root, folder)
    log = folder / LOG
    size = log.stat().st_size if log.exists() else 0
    try:
        start_daemon([*_command(settings), "--lock", str(lock)], lock, log, os.environ)
    finally:
        os.close(lock)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        running = find_running(settings.root)
        if running is not None:
            return running
        if not _is_locked(folder / "lock"):
            break
        time.sleep(0.02)
    with storage_errors(log), log.open("rb") as stream:
        stream.seek(size)
        said = stream.read()[-2000:].decode("utf-8", "replace").strip()
    raise StorageError(f"The server did not start.\n{said}", details={"log": str(log)})


def _take_lock(root: Path, folder: Path) -> int:
    """The lock of a server of `root`, now held.

    A server that was killed may hold it for a moment, until the last of its threads has gone.

    Raises:
        InvalidState: another server has it, or is being started.
    """
    deadline = time.monotonic() + _RELEASE_SECONDS
    while (lock := take_lock(folder / "lock")) is None:
        running = find_running(root)
        if running is not None:
            raise _runs_already(running)
        if time.monotonic() > deadline:
            raise InvalidState(f"A server of {root} is being started by somebody else.")
        time.sleep(0.01)
    return lock


def _is_locked(path: Path) -> bool:
    lock = take_lock(path)
    if lock is None:
        return True
    os.close(lock)
    return False


def _command(settings: ServerSettings) -> list[str]:
    words = [
        *(sys.executable, "-m", "tandemlab.server", str(settings.root)),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--max-upload", str(settings.max_upload_bytes)),
    ]
    for name in sorted(settings.names):
        words += ["--name", name]
    if settings.certificate is not None:
        words += ["--certificate", str(settings.certificate), "--key", str(settings.key)]
    if settings.public_url is not None:
        words += ["--public-url", settings.public_url]
    for proxy in settings.proxies:
        words += ["--trusted-proxy", proxy]
    return words


def stop(root: Path, timeout_seconds: float = _GRACE_SECONDS + 5.0) -> Running:
    """Ask the server of `root` to end, and wait until it has.

    Raises:
        InvalidState: none runs, or it has not ended in time.
    """
    running = find_running(root)
    if running is None:
        raise InvalidState(
            f"No server of {root} runs on this machine.",
            hint="`tandemlab server start` starts one.",
            details={"root": str(root)},
        )
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_seconds
    while is_alive(running.pid, running.started):
        if time.monotonic() > deadline:
            raise InvalidState(
                f"The server {running.pid} has not ended after {timeout_seconds:g} seconds."
            )
        time.sleep(0.02)
    return running
