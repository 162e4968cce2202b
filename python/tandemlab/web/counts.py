"""Counts of requests, in Prometheus's text format."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter

from tandemlab.version import __version__

_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)


class Counts:
    """Counts of a server's requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._began = time.time()

    def request(self, operation: str, status: int, seconds: float) -> None:
        """Count a request."""
        with self._lock:
            self._requests[operation, status] += 1
            buckets = self._buckets.setdefault(operation, [0] * (len(_BOUNDS) + 1))
            buckets[bisect_left(_BOUNDS, seconds)] += 1
            self._seconds[operation] = self._seconds.get(operation, 0.0) + seconds

    def more(self) -> list[str]:
        """Lines of what else is counted."""
        return []

    def text(self) -> str:
        """The counts as text."""
        with self._lock:
            lines = [
                *metric_head("tandemlab_info", "gauge", "The program's version."),
                f'tandemlab_info{{version="{__version__}"}} 1',
                *metric_head("tandemlab_start_time_seconds", "gauge", "When the server began."),
                f"tandemlab_start_time_seconds {self._began:.3f}",
                *self.more(),
                *metric_head("tandemlab_requests_total", "counter", "Requests answered."),
            ]
            for (operation, status), count in sorted(self._requests.items()):
                labels = f'operation="{operation}",status="{status}"'
                lines.append(f"tandemlab_requests_total{{{labels}}} {count}")
            lines += self._histogram()
        return "\n".join(lines) + "\n"

    def _histogram(self) -> list[str]:
        name = "tandemlab_request_seconds"
        lines = metric_head(name, "histogram", "Seconds from a request to the end of its answer.")
        for operation, buckets in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*_BOUNDS, "+Inf"), buckets, strict=True):
                total += count
                lines.append(f'{name}_bucket{{operation="{operation}",le="{bound}"}} {total}')
            lines.append(f'{name}_sum{{operation="{operation}"}} {self._seconds[operation]:.6f}')
            lines.append(f'{name}_count{{operation="{operation}"}} {total}')
        return lines


def metric_head(name: str, kind: str, meaning: str) -> list[str]:
    """The lines before the values of a metric."""
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
