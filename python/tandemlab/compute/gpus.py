"""The GPUs of this machine, and who has which."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections import Counter

_QUERY = ("--query-gpu=index", "--format=csv,noheader")


def gpu_count() -> int:
    """How many GPUs NVIDIA's driver shows here; 0 without it."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    asked = subprocess.run([program, *_QUERY], capture_output=True, text=True, check=False)
    return len(asked.stdout.split()) if asked.returncode == 0 else 0


class GpuShares:
    """Which job sees which GPUs: different ones as long as there are."""

    def __init__(self, count: int | None = None) -> None:
        self._count = count
        self._taken: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def take(self, job: str, number: int) -> list[int]:
        """GPUs for a job, those first that the fewest jobs have.

        >>> shares = GpuShares(3)
        >>> shares.take("a", 2), shares.take("b", 1), shares.take("c", 1)
        ([0, 1], [2], [0])
        """
        with self._lock:
            if self._count is None:
                self._count = gpu_count() if number else 0
            users = Counter(gpu for taken in self._taken.values() for gpu in taken)
            order = sorted(range(self._count), key=lambda gpu: (users[gpu], gpu))
            self._taken[job] = sorted(order[:number])
            return self._taken[job]

    def give_back(self, job: str) -> None:
        """The job has ended."""
        with self._lock:
            self._taken.pop(job, None)
