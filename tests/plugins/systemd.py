"""A manager of systemd for the user, where the system has been started without one.

    unshare --mount --cgroup --pid --fork --mount-proc python -m plugins.systemd SCRIPT ARGUMENT …

runs a Python script in namespaces of their own, in which `Manager` starts and ends systemd as login
and shutdown do. It begins with an environment as empty as the one that systemd has then.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = "/lib/systemd/systemd"
NAMESPACES = ("unshare", "--mount", "--cgroup", "--pid", "--fork", "--mount-proc")
_RUNTIME = "/run/user/0"


def skip_unless_possible() -> None:
    """Skip the test where systemd is not installed, or this user may not make namespaces."""
    if not os.access(PROGRAM, os.X_OK) or shutil.which("unshare") is None:
        pytest.skip("systemd or unshare is not installed")
    mount = ("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
    if subprocess.run([*NAMESPACES, *mount], capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not make namespaces")


def run_script(script: Path, *arguments: object, seconds: float = 100) -> str:
    """What a script prints that has run beside a manager."""
    words = [*NAMESPACES, sys.executable, "-m", "plugins.systemd", script, *arguments]
    folders = os.pathsep.join(each for each in sys.path if each)
    done = subprocess.run(
        [*map(str, words)],
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Manager:
    """What looks after the user's units.

    Args:
        home: the user's home, with the units.
    """

    def __init__(self, home: Path) -> None:
        self._environment = {
            "HOME": str(home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "XDG_RUNTIME_DIR": _RUNTIME,
        }
        os.environ |= {"HOME": str(home), "XDG_RUNTIME_DIR": _RUNTIME}
        os.environ.pop("XDG_CONFIG_HOME", None)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Have it start what is enabled, as a login or a start of the machine does."""
        shutil.rmtree(_RUNTIME, ignore_errors=True)
        Path(_RUNTIME).mkdir(parents=True, mode=0o700)
        self._process = subprocess.Popen([PROGRAM, "--user"], env=self._environment)
        deadline = time.monotonic() + 30
        while self.ask("is-system-running") not in ("running", "degraded"):
            assert time.monotonic() < deadline, self.ask("list-jobs")
            time.sleep(0.05)

    def end(self) -> None:
        """Have it end all that it has started."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def ask(self, *words: str) -> str:
        """What ``systemctl --user`` says."""
        done = subprocess.run(
            ["systemctl", "--user", *words], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()


def main() -> None:
    for words in (("tmpfs", "tmpfs", "/run"), ("cgroup2", "cgroup2", "/sys/fs/cgroup")):
        subprocess.run(["mount", "-t", *words], check=True)
    Path("/run/systemd/system").mkdir(parents=True)  # systemd asks for it
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
