"""Several processes of one command on each machine, as torchrun and mpirun start them.

``python launch.py [--nodes N --meet FOLDER] COUNT COMMAND...``; needs the standard library alone.
It ends when all its processes have ended, with 0 if all did well; when one fails it ends the
others, and ends as that one did. On several machines it is started once on each, with
``NODE_RANK``; the folder, which all of them see, is where they tell each other where they listen.
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
from contextlib import ExitStack, suppress
from pathlib import Path

_PAUSE = 0.05
_MEET_SECONDS = 300.0


def variables(rank: int, nodes: Sequence[Sequence[str]]) -> dict[str, str]:
    """What tells a process which one it is, and where it meets the others.

    Args:
        nodes: for each machine ``HOST:PORT`` where its first process may listen for all, as
            torchrun has it, then one of each of its processes, as TensorFlow's workers have it.

    >>> variables(1, [["n1:1", "n1:2"], ["n2:1", "n2:2"]])["TF_CONFIG"]
    '{"cluster":{"worker":["n1:2","n2:2"]},"task":{"type":"worker","index":1}}'
    """
    workers = [worker for _, *found in nodes for worker in found]
    per_node = len(nodes[0]) - 1
    node_rank, local_rank = divmod(rank, per_node)
    host, _, port = nodes[0][0].rpartition(":")
    task = {"type": "worker", "index": rank}
    numbers = {
        "RANK": rank,
        "LOCAL_RANK": local_rank,
        "WORLD_SIZE": len(workers),
        "LOCAL_WORLD_SIZE": per_node,
        "NODE_RANK": node_rank,
        "MASTER_PORT": port,
        "OMPI_COMM_WORLD_RANK": rank,
        "OMPI_COMM_WORLD_LOCAL_RANK": local_rank,
        "OMPI_COMM_WORLD_SIZE": len(workers),
        "OMPI_COMM_WORLD_LOCAL_SIZE": per_node,
    }
    config = {"cluster": {"worker": workers}, "task": task}
    return {
        "MASTER_ADDR": host,
        "TF_CONFIG": json.dumps(config, separators=(",", ":")),
        **{name: str(value) for name, value in numbers.items()},
    }


def free_ports(count: int) -> list[int]:
    """Different ports of this machine that nobody uses now."""
    with ExitStack() as stack:
        asked = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in asked:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in asked]


def meet(folder: Path, rank: int, count: int, own: Sequence[str]) -> list[list[str]]:
    """Tell the other machines where this one listens; where each of them does, by rank.

    Raises:
        TimeoutError: they have not all come.
    """
    folder.mkdir(exist_ok=True)
    part = folder / f"node-{rank}.part"
    part.write_text(json.dumps(own))
    part.replace(folder / f"node-{rank}")
    deadline = time.monotonic() + _MEET_SECONDS
    there = [folder / f"node-{each}" for each in range(count)]
    while missing := [path.name for path in there if not path.exists()]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{', '.join(missing)} did not come to {folder}.")
        time.sleep(_PAUSE)
    return [json.loads(path.read_text()) for path in there]


def launch(
    count: int,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    nodes: int = 1,
    folder: Path | None = None,
) -> int:
    """Run `count` processes here; the exit status, 128 + n for signal n.

    Args:
        nodes: how many machines do the same.
        folder: where these meet.
    """
    rank = int(environment.get("NODE_RANK", "0")) if folder else 0
    host = socket.gethostname() if folder else "127.0.0.1"
    own = [f"{host}:{port}" for port in free_ports(count + 1)]
    known = meet(folder, rank, nodes, own) if folder else [own]
    processes = [
        subprocess.Popen(
            command,
            env={**environment, **variables(rank * count + local, known)},
            stdin=subprocess.DEVNULL,
        )
        for local in range(count)
    ]
    signal.signal(signal.SIGTERM, lambda *_: None)  # the processes have got it, too
    failed = _wait(processes)
    if failed is None:
        return 0
    local, code = failed
    if any(process.poll() is None for process in processes):
        sys.stderr.write(
            f"The process of rank {rank * count + local} ended with {code}; the others are ended.\n"
        )
        _end(processes, float(environment.get("TANDEMLAB_GRACE_SECONDS") or 10))
    code = code if code >= 0 else 128 - code
    return code if folder is None else _first_failure(folder, code)


def _first_failure(folder: Path, code: int) -> int:
    """The code of the machine that failed first: the others are ended for that reason."""
    own = folder / f"failed-{socket.gethostname()}-{os.getpid()}"
    own.write_text(str(code))
    with suppress(FileExistsError):
        os.link(own, folder / "failed")
    return int((folder / "failed").read_text())


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


def main(arguments: Sequence[str]) -> int:
    """Launch what the arguments say."""
    nodes, folder = 1, None
    if arguments[0] == "--nodes":
        _, number, _, place, *arguments = arguments
        nodes, folder = int(number), Path(place)
    return launch(int(arguments[0]), arguments[1:], os.environ, nodes=nodes, folder=folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
