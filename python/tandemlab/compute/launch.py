"""Several processes of one command on one machine, as torchrun and mpirun start them.

``python launch.py COUNT COMMAND...``; needs the standard library alone. It ends when all have
ended, with 0 if all did well; when one fails it ends the others, and ends as that one did.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

_PAUSE = 0.05


def variables(rank: int, ports: Sequence[int]) -> dict[str, str]:
    """What tells a process which one it is, and where it meets the others.

    Args:
        ports: where the first one listens for all, as torchrun has it, then one of each, as
            TensorFlow's workers have it.

    >>> variables(1, [29500, 29501, 29502])["TF_CONFIG"]
    '{"cluster":{"worker":["127.0.0.1:29501","127.0.0.1:29502"]},"task":{"type":"worker","index":1}}'
    """
    port, *workers = ports
    count = len(workers)
    cluster = {
        "cluster": {"worker": [f"127.0.0.1:{each}" for each in workers]},
        "task": {"type": "worker", "index": rank},
    }
    numbers = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": count,
        "LOCAL_WORLD_SIZE": count,
        "NODE_RANK": 0,
        "MASTER_PORT": port,
        "OMPI_COMM_WORLD_RANK": rank,
        "OMPI_COMM_WORLD_LOCAL_RANK": rank,
        "OMPI_COMM_WORLD_SIZE": count,
        "OMPI_COMM_WORLD_LOCAL_SIZE": count,
    }
    return {
        "MASTER_ADDR": "127.0.0.1",
        "TF_CONFIG": json.dumps(cluster, separators=(",", ":")),
        **{name: str(value) for name, value in numbers.items()},
    }


def free_ports(count: int) -> list[int]:
    """Different ports of this machine that nobody uses now."""
    with ExitStack() as stack:
        asked = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in asked:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in asked]


def launch(count: int, command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run `count` processes; the exit status, 128 + n for signal n."""
    ports = free_ports(count + 1)
    processes = [
        subprocess.Popen(
            command,
            env={**environment, **variables(rank, ports)},
            stdin=subprocess.DEVNULL,
        )
        for rank in range(count)
    ]
    signal.signal(signal.SIGTERM, lambda *_: None)  # the processes have got it, too
    failed = _wait(processes)
    if failed is None:
        return 0
    rank, code = failed
    if any(process.poll() is None for process in processes):
        sys.stderr.write(f"The process of rank {rank} ended with {code}; the others are ended.\n")
        _end(processes, float(environment.get("TANDEMLAB_GRACE_SECONDS") or 10))
    return code if code >= 0 else 128 - code


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> tuple[int, int] | None:
    """Wait until all have ended well, or one has not: its rank and exit code."""
    while True:
        codes = [process.poll() for process in processes]
        for rank, code in enumerate(codes):
            if code:
                return rank, code
        if None not in codes:
            return None
        time.sleep(_PAUSE)


def _end(processes: Sequence[subprocess.Popen[bytes]], grace: float) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(launch(int(sys.argv[1]), sys.argv[2:], os.environ))
