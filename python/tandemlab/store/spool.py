"""The spool: append-only files in a run's directory, one for every process that logs.

ARCHITECTURE.md specifies the format; `src/spool.cpp` writes the same from R.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from operator import attrgetter
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from tandemlab.domain import InvalidInput
from tandemlab.domain.events import SHAPES, Event, MetricShape
from tandemlab.domain.names import check_metric_name
from tandemlab.domain.scalars import Scalar, to_json
from tandemlab.store.durable import storage_error

if TYPE_CHECKING:
    from msgspec.json import Decoder

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class SpoolWriter:
    """Appends events to this process's own file in a run's spool.

    The file is opened by the first event. Each event is one `write(2)`, so that killing the
    process loses nothing, and is undone if the disk takes only part of it. Threads may share a
    writer; a forked child opens a file of its own.

    Args:
        run_directory: absolute path of ``runs/RUN_ID``.
    """

    def __init__(self, run_directory: Path) -> None:
        self._directory = run_directory
        self._time = 0  # of the last event
        self._start()
        _writers.add(self)

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            os.close(self._descriptor)

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._descriptor = -1
        self._path = self._directory / "spool" / f"{_host()}-{os.getpid()}-{token_hex(4)}.jsonl"
        self._names: dict[tuple[str, str], str] = {}
        self._shapes: dict[str, MetricShape] = {}

    def log_scalar(self, name: str, value: Scalar, step: int | None = None) -> None:
        """Append a `metric` event: the hot path of `append`, about 3 µs.

        Raises:
            InvalidInput: a name that cannot be one, or that this process used for another kind
                of metric.
            StorageError: the event could not be written, and is not there.
        """
        start = self._names.get(("metric", name)) or self._begin("metric", name)
        kind = type(value)
        if kind is float and value - value == 0:  # type: ignore[operator]
            text = float.__repr__(value)
        elif kind is int:
            text = int.__repr__(value)
        else:
            text = _encode(to_json(value))
        if step is not None:
            text = f'{text},"step":{step}'
        self._write(start, text)

    def append(
        self, kind: str, name: str, value: Any = None, *, description: str | None = None
    ) -> None:
        """Append an event of any kind; `value` is in the spool's JSON form.

        Raises:
            InvalidInput: as for `log_scalar`, or text that is not Unicode.
            StorageError: the event could not be written, and is not there.
        """
        start = self._names.get((kind, name)) or self._begin(kind, name)
        text = _encode(value)
        if description:
            text = f'{text},"description":{_encode(description)}'
        self._write(start, text)

    def close(self) -> None:
        """Close the file; a later event opens a new one."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._start()

    @property
    def is_open(self) -> bool:
        """Whether this process has written an event."""
        return self._descriptor >= 0

    def _begin(self, kind: str, name: str) -> str:
        """Check a name when it is first used and keep the constant middle of its lines."""
        shape = SHAPES.get(kind)
        if kind != "file":
            check_metric_name(name)
        if shape is not None and self._shapes.setdefault(name, shape) is not shape:
            raise InvalidInput(
                f"The metric {name!r} is a {self._shapes[name]} in this run, "
                f"and cannot be a {shape} as well.",
                hint="Log it under another name.",
                details={"name": name, "shape": str(self._shapes[name])},
            )
        middle = f',"kind":"{kind}","name":{_encode(name)},"value":'
        if len(self._names) < 10_000:
            self._names[kind, name] = middle
        return middle

    def _write(self, middle: str, value: str) -> None:
        with self._lock:
            seq = self._seq + 1
            now = max(time.time_ns() // 1000, self._time)  # a clock may be set back
            line = f'{{"seq":{seq},"time":{now}{middle}{value}}}\n'
            try:
                data = line.encode()
            except UnicodeEncodeError as error:
                raise InvalidInput(
                    "Text with lone surrogates cannot be stored.",
                    hint="Decode it with errors='replace' first.",
                ) from error
            try:
                if self._descriptor < 0:
                    self._open()
                written = os.write(self._descriptor, data)
                if written != len(data):
                    self._finish(data, written)
            except OSError as error:
                raise storage_error(error, self._path) from error
            self._seq, self._time = seq, now

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            mark_live(self._directory)
            self._descriptor = os.open(self._path, _FLAGS, 0o666)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            _rest_all()
            mark_live(self._directory)
            self._descriptor = os.open(self._path, _FLAGS, 0o666)

    def _rest(self) -> None:
        """Close the file until the next event, unless another thread is writing to it."""
        if self._lock.acquire(blocking=False):
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            self._lock.release()

    def _finish(self, data: bytes, written: int) -> None:
        """Write the rest of a line that the kernel took in part, or take the part back."""
        before = os.fstat(self._descriptor).st_size - written
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise


_writers: WeakSet[SpoolWriter] = WeakSet()


def _rest_all() -> None:
    """Give descriptors back: a process may log to more runs than it may open files."""
    for writer in list(_writers):
        writer._rest()


def _restart_all() -> None:
    """In a forked child: leave the parent's files to the parent."""
    for writer in list(_writers):
        writer._start()


os.register_at_fork(after_in_child=_restart_all)


def _host() -> str:
    return re.sub(r"[^a-z0-9]", "", socket.gethostname().lower())[:20] or "host"


def mark_live(run_directory: Path) -> None:
    """Tell readers of many runs that this one may have news."""
    marker = run_directory.parent.parent / "live" / run_directory.name
    try:
        marker.touch()
    except FileNotFoundError:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()


def live_runs(workspace: Path) -> list[str]:
    """Ids of the runs that may have news."""
    try:
        return sorted(os.listdir(workspace / "live"))
    except FileNotFoundError:
        return []


def settle(run_directory: Path) -> None:
    """Take a run that has ended off the list of live ones, unless one of its writers lives."""
    if not has_living_writer(run_directory):
        with suppress(OSError):
            (run_directory.parent.parent / "live" / run_directory.name).unlink()


def has_living_writer(run_directory: Path) -> bool:
    """Whether a process that has written to a run's spool lives on this machine."""
    return any(is_writer_alive(path.stem) for path in spool_files(run_directory))


def is_writer_alive(writer: str) -> bool:
    """Whether the process that a spool file is named after lives on this machine."""
    host, _, rest = writer.partition("-")
    pid = rest.partition("-")[0]
    return host == _host() and pid.isdecimal() and process_lives(int(pid))


def process_lives(pid: int) -> bool:
    """Whether there is a process of that id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def spool_files(run_directory: Path) -> list[Path]:
    """The spool files of a run."""
    folder = run_directory / "spool"
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    return [folder / name for name in names if name.endswith(".jsonl")]


def read_events(path: Path, offset: int, limit: int = 8 << 20) -> Iterator[tuple[list[Event], int]]:
    """Whole events of a spool file from `offset` on, in batches of about `limit` bytes.

    Yields:
        Events, and the byte offset behind the last of them.

    Raises:
        StorageError: a whole line that is not an event: the file is damaged.
    """
    with path.open("rb") as stream:
        stream.seek(offset)
        rest = b""
        while chunk := stream.read(limit):
            data = rest + chunk
            cut = data.rfind(b"\n") + 1
            rest = data[cut:]
            if cut:
                events = _decode(data[:cut], path, offset)
                offset += cut
                yield events, offset


@cache
def _decoder() -> Decoder[Any]:
    """A decoder of lines with the fields of `Event`; made when the first spool is read."""
    import msgspec

    class Line(msgspec.Struct, gc=False):
        seq: int
        time: int
        kind: str
        name: str
        value: Any = None
        step: int | None = None
        description: str | None = None

    return msgspec.json.Decoder(Line)


def _decode(data: bytes, path: Path, offset: int) -> list[Event]:
    import msgspec

    from tandemlab.domain import StorageError

    try:
        return _events(data)
    except msgspec.DecodeError as error:
        raise StorageError(
            f"{path} is damaged behind byte {offset}: {error}.",
            hint="Events before that place are safe; `tandemlab workspace check --repair` takes in "
            "those behind it.",
            details={"path": str(path), "offset": offset},
        ) from error


def _events(data: bytes) -> list[Event]:
    lines = _decoder().decode_lines(data)
    return list(map(Event._make, map(attrgetter(*Event._fields), lines)))


def decode_events(line: bytes) -> list[Event]:
    """The events of one line, as `read_events` would read it; none if it is damaged."""
    import msgspec

    try:
        return _events(line)
    except msgspec.DecodeError:
        return []
