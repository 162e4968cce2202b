"""Processes by pid and start time, since a pid alone may come to mean another process."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tandemlab.domain import Unavailable


def start_time(pid: int) -> str | None:
    """When a process started, in the system's own form; None if there is no such process.

    A process that has ended and not been reaped counts as ended.

    Raises:
        Unavailable: the system does not tell now, as there are no files left to open: it may live.
    """
    try:
        return _from_stat(Path(f"/proc/{pid}/stat").read_text())
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _from_ps(pid)
    except (ProcessLookupError, IndexError):
        return None
    except OSError as error:
        raise Unavailable(
            f"Whether the process {pid} runs cannot be found out now: {error.strerror}.",
            hint="Too many open files? Raise the limit of `ulimit -n`, and start again.",
            details={"pid": pid, "errno": error.errno},
        ) from error


def _from_stat(line: str) -> str | None:
    """Field 22 of proc(5)'s stat line, counted from behind the program's name."""
    fields = line.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields[19]


def _from_ps(pid: int) -> str | None:
    result = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or None


def is_alive(pid: int, started: str) -> bool:
    """Whether that very process still runs."""
    return start_time(pid) == started


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every process of a group, if any is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def group_is_alive(group: int) -> bool:
    """Whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def group_members(group: int) -> list[int]:
    """Processes of a group, by pid; none where the system does not tell."""
    found = (entry for entry in Path("/proc").glob("[0-9]*") if _group(entry) == group)
    return [int(entry.name) for entry in found]


def group_memory(group: int) -> int | None:
    """Bytes of memory that the processes of a group use; None where the system does not tell.

    Memory that several of them share counts once (proportional set size).
    """
    return memory_of(group_members(group))


def memory_of(processes: Iterable[int]) -> int | None:
    """Bytes of memory that processes use together; None for none."""
    sizes = [_memory(Path(f"/proc/{pid}")) for pid in processes]
    return sum(sizes) if sizes else None


def _group(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[2])
    except (OSError, IndexError, ValueError):
        return None


def _memory(entry: Path) -> int:
    """Proportional set size of a process; the resident one where that cannot be read."""
    for name, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with suppress(OSError, IndexError, ValueError):
            lines = (entry / name).read_text().splitlines()
            found = next((line for line in lines if line.startswith(key)), None)
            if found is not None:
                return int(found.split()[1]) * 1024
    return 0
