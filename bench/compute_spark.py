"""A cluster of Spark on this machine, beside ``spark-submit``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from plugins.spark import QUIET, attach_spark
from plugins.spark import running as running_spark
from tandemlab import Workspace


@contextmanager
def running(folder: Path, workspace: Workspace) -> Iterator[Callable[[Path], object]]:
    """What starts a script of Python without tandemlab; the target ``spark`` is attached."""
    with running_spark() as cluster:
        options = [f"--conf={key}={value}" for key, value in QUIET.items()]
        sizes = ["--driver-memory=512m", "--executor-memory=512m", "--total-executor-cores=1"]
        submit = [cluster.home / "bin" / "spark-submit", "--master", cluster.master]
        environment = {
            **os.environ,
            "SPARK_HOME": str(cluster.home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
        }

        def start(script: Path) -> None:
            command = [*submit, *sizes, *options, script]
            subprocess.run(command, check=True, env=environment, stdout=-3, stderr=-3)

        attach_spark(workspace, cluster)
        yield start
