"""``python -m tandemlab.server ROOT``: what ``tandemlab server start --detach`` starts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from tandemlab.server.process import serve
from tandemlab.server.settings import ServerSettings


def main() -> None:
    """Serve what the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tandemlab.server")
    parser.add_argument("root", type=Path)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--max-upload", type=int, required=True)
    parser.add_argument("--name", action="append", default=[])
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--public-url")
    parser.add_argument("--trusted-proxy", action="append", default=[])
    parser.add_argument("--lock", type=int, required=True)
    given = parser.parse_args()
    os.set_inheritable(given.lock, False)  # an agent would keep it for its own life
    settings = ServerSettings(
        given.root,
        given.host,
        given.port,
        frozenset(given.name),
        given.max_upload,
        given.certificate,
        given.key,
        given.public_url,
        tuple(given.trusted_proxy),
    )
    serve(settings, given.lock)


if __name__ == "__main__":
    main()
