"""``python -m tandemlab.services FOLDER LOCK``: the process of a service."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tandemlab.services.folder import ServiceFolder
from tandemlab.services.process import serve


def main() -> None:
    """Be the service in a folder, whose lock is held."""
    folder, lock = Path(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(lock, False)
    sys.exit(0 if serve(ServiceFolder(folder)) else 1)


if __name__ == "__main__":
    main()
