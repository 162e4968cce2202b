"""``python -m tandemlab.server.openapi``: the description of the interface, as JSON."""

from __future__ import annotations

import json

from tandemlab.server.app import describe


def main() -> None:
    """Print it."""
    print(json.dumps(describe(), indent=1))


if __name__ == "__main__":
    main()
