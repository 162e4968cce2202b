"""A head of Ray on this machine, beside its Jobs API."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from plugins.ray import attach_ray
from plugins.ray import running as running_ray
from tandemlab import Workspace


@contextmanager
def running(folder: Path, workspace: Workspace) -> Iterator[Callable[[Path], object]]:
    """What starts a script of Python without tandemlab; the target ``ray`` is attached."""
    with running_ray() as head:

        def start(script: Path) -> None:
            job = json.dumps({"entrypoint": f"{sys.executable} {script}"}).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(f"{head.address}/api/jobs/", job, headers)
            urllib.request.urlopen(request).close()

        attach_ray(workspace, head)
        yield start
