"""``python -m tandemlab.services.packaged FOLDER``: a packaged service, in the foreground."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from tandemlab.domain import InvalidInput, InvalidState, TandemlabError
from tandemlab.environments import Environment, EnvironmentCache
from tandemlab.services.deployment import Deployment
from tandemlab.services.folder import LOOK_SECONDS, ServiceFolder
from tandemlab.services.keys import Keys, write_keys
from tandemlab.services.process import serve
from tandemlab.store.daemons import take_lock

_KEY = "TANDEMLAB_SERVICE_KEY"
_LEAST_LENGTH = 16


def main() -> None:
    """Answer requests until the process is told to end."""
    given = _arguments()
    folder = ServiceFolder(Path(given.folder).absolute())
    try:
        plan = folder.read()
        if given.prepare:
            _prepare(plan)
            return
        if take_lock(folder.lock) is None:
            raise InvalidState(
                f"The service {plan.name!r} runs already, or {folder.path} cannot be written."
            )
        _settle(folder, plan, given)
    except TandemlabError as error:
        sys.exit(str(error))
    with _mirrored(folder.log):
        is_sound = serve(folder)
    sys.exit(0 if is_sound else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("run.sh", description="Answer requests by a packaged service.")
    parser.add_argument("folder", help=argparse.SUPPRESS)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at")
    parser.add_argument("--port", type=int, default=0, help="the port; without it any free one")
    parser.add_argument("--replicas", type=int, help="how many processes answer")
    parser.add_argument("--auth", action="store_true", help="ask for a key on this machine, too")
    parser.add_argument("--prepare", action="store_true", help="install its packages, and end")
    return parser.parse_args()


def _prepare(plan: Deployment) -> None:
    if plan.environment is not None:
        EnvironmentCache().build(Environment.from_dict(plan.environment))


def _settle(folder: ServiceFolder, plan: Deployment, given: argparse.Namespace) -> None:
    """Have the service be what its start asks for."""
    settings = replace(
        plan.settings,
        host=given.host,
        port=given.port,
        replicas=given.replicas or plan.settings.replicas,
        auth_enabled=given.auth or None,
    )
    folder.write(replace(plan, settings=settings))
    folder.settle()
    key = os.environ.pop(_KEY, "")  # scripts need not see it
    if key:
        write_keys(folder.keys, replace(Keys.new(), primary=_long_enough(key)))
    elif not folder.keys.exists():
        write_keys(folder.keys, Keys.new())


def _long_enough(key: str) -> str:
    if len(key) < _LEAST_LENGTH:
        raise InvalidInput(
            f"The key in {_KEY} has {len(key)} characters, which is few enough to be guessed.",
            hint=f"Give it {_LEAST_LENGTH} or more: openssl rand -base64 32 makes a good one.",
        )
    return key


@contextmanager
def _mirrored(log: Path) -> Iterator[None]:
    """Have what goes to standard error be in the log, with what scripts print, and back there."""
    shown, ended = os.dup(2), threading.Event()
    with log.open("ab") as output, log.open("rb") as lines:
        os.dup2(output.fileno(), 2)
        lines.seek(0, os.SEEK_END)
        follower = threading.Thread(target=_follow, args=(lines, shown, ended))
        follower.start()
        try:
            yield
        finally:
            ended.set()
            follower.join()
            os.dup2(shown, 2)
            os.close(shown)


def _follow(lines: IO[bytes], shown: int, ended: threading.Event) -> None:
    is_last = False
    while not is_last:
        is_last = ended.wait(LOOK_SECONDS)
        if os.fstat(lines.fileno()).st_size < lines.tell():
            lines.seek(0)  # it has begun anew
        while text := lines.read(65536):
            os.write(shown, text)


if __name__ == "__main__":
    main()
