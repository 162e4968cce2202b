"""R's package tandemlab elsewhere: the one that is there, or this machine's, taken along."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tandemlab.bridge import find_r, r_environment, without_r
from tandemlab.compute.remote.staging import SharedFolder
from tandemlab.domain import MissingDependency
from tandemlab.version import __version__

_PLATFORM = "paste(R.version$platform, R.version$major, sub('[.].*', '', R.version$minor))"
QUESTION = (
    f"cat({_PLATFORM}, '\\n', sep = '');"
    "p <- find.package('tandemlab', quiet = TRUE);"
    "if (length(p)) cat(as.character(packageVersion('tandemlab')), p, sep = '\\n')"
)


def r_package_for(target: str, settings: Mapping[str, Any]) -> list[SharedFolder]:
    """The library that a target needs for tandemlab; empty if it has the package itself.

    Raises:
        MissingDependency: it has none, and that of this machine does not fit.
    """
    if settings.get("r_tandemlab") == __version__:
        return []
    platform, folder = r_package_here()
    if folder is None or platform != settings.get("r_platform"):
        raise MissingDependency(
            f"The R of the target {target!r} has no package tandemlab {__version__}, and that of "
            "this machine is built for another R or platform.",
            hint="Install the R package there, and attach the target again.",
            details={"target": target, "packages": ["tandemlab"]},
        )
    return [folder]


@cache
def r_package_here() -> tuple[str, SharedFolder | None]:
    """Platform and version of this machine's R, and the library with its package tandemlab."""
    import os

    environment = without_r(os.environ)
    asked = subprocess.run(
        [find_r().rscript, "--vanilla", "-e", QUESTION],
        env={**environment, **r_environment(environment)},
        capture_output=True,
        text=True,
        check=False,
    )
    platform, *more = asked.stdout.splitlines() or [""]
    if len(more) < 2:
        return platform, None
    package = Path(more[1])
    files = (path for path in package.rglob("*") if path.is_file())
    kept = (path for path in files if path.relative_to(package).parts[0] not in ("html", "help"))
    return platform, SharedFolder.of("r", package.parent, kept)
