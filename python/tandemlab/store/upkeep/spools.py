"""Do the spool files hold whole events in order, and does the store stand where it says?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tandemlab.domain import Event
from tandemlab.store.durable import storage_errors, write_file
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.spool import decode_events, is_writer_alive, spool_files
from tandemlab.store.upkeep.cases import Case, case, inside, note, set_aside, sql_store


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line of a spool file.

    Attributes:
        number: 1 for the first line.
        start: byte offset of its first byte.
        event: what it holds; None where it is damaged.
    """

    number: int
    start: int
    text: bytes
    event: Event | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A spool file as it is: its whole lines, and what stands behind the last of them."""

    lines: list[Line]
    rest: bytes

    @property
    def damaged(self) -> list[Line]:
        """Lines that hold no event that can be one."""
        return [line for line in self.lines if line.event is None]

    @property
    def gaps(self) -> list[Line]:
        """Lines before which events are missing, without a damaged line in their place."""
        found = []
        last, is_after_damage = 0, False
        for line in self.lines:
            if line.event is None:
                is_after_damage = True
                continue
            if line.event.seq != last + 1 and not is_after_damage:
                found.append(line)
            last, is_after_damage = line.event.seq, False
        return found

    @property
    def last_seq(self) -> int:
        """The seq of the last event."""
        return max((line.event.seq for line in self.lines if line.event is not None), default=0)

    def end_of(self, seq: int) -> int:
        """Byte offset behind the last event up to `seq`."""
        for line in reversed(self.lines):
            if line.event is not None and line.event.seq <= seq:
                return line.start + len(line.text)
        return 0


def read_spool(path: Path) -> Reading:
    """Read a spool file line by line, past what is damaged."""
    with storage_errors(path):
        data = path.read_bytes()
    cut = data.rfind(b"\n") + 1
    parts = [part for text in _lines(data[:cut]) for part in _events_in(text)]
    events = [event for _, event in parts]
    lines: list[Line] = []
    number, start, last = 1, 0, 0
    for at, (text, event) in enumerate(parts):
        if event is not None and not _fits(events, at, last):
            event = None
        if event is not None:
            last = event.seq
        lines.append(Line(number, start, text, event))
        start += len(text)
        number += text.endswith(b"\n")
    return Reading(lines, data[cut:])


def _lines(data: bytes) -> list[bytes]:
    """Lines that end with a line feed alone: a damaged byte may be any other end of a line."""
    return [text + b"\n" for text in data.split(b"\n")[:-1]]


def _events_in(text: bytes) -> list[tuple[bytes, Event | None]]:
    """The event of a line; several if white space stands where a line's end was.

    The last of several has the whole text, so that it is kept as it is.
    """
    events = decode_events(text)
    if not events:
        return [(text, None)]
    return [*((b"", event) for event in events[:-1]), (text, events[-1])]


def _fits(events: Sequence[Event | None], at: int, last: int) -> bool:
    """Whether an event can stand where it does.

    Its seq follows the last; or, behind damage or a gap, the next line confirms it.
    """
    event = events[at]
    assert event is not None
    if event.seq == last + 1:
        return True
    if event.seq <= last:
        return False
    following = events[at + 1] if at + 1 < len(events) else None
    if following is not None:
        return following.seq == event.seq + 1
    return at > 0 and events[at - 1] is None


def spool_cases(folder: WorkspaceFolder) -> Iterator[Case]:
    """Damaged lines, gaps, and offsets of the store that do not fit."""
    store = sql_store(folder)
    ids = sorted(path.name for path in (folder.path / "runs").iterdir())
    known = store.known_runs(ids)
    positions = store.positions_of(list(known))
    for run_id in known:
        for path in spool_files(folder.run_directory(run_id)):
            seq, offset = positions.get(run_id, {}).get(path.stem, (0, 0))
            yield from _cases_of(folder, path, seq, offset)


def _cases_of(folder: WorkspaceFolder, path: Path, seq: int, offset: int) -> Iterator[Case]:
    reading = read_spool(path)
    mend = None if is_writer_alive(path.stem) else partial(_mend, folder, path)
    repair = (
        "The file is kept beside as it is, and written anew with a mark in the place of what "
        "cannot be read; all other events are taken in, in their order."
        if mend
        else "The process that writes the file lives: repeat this when it has ended."
    )
    for line in reading.damaged:
        is_safe = line.start < offset
        yield case(
            "spool_line_damaged",
            f"{inside(folder, path)}:{line.number} (byte {line.start})",
            f"Line {line.number} is no event."
            + (" The store had taken in what it was." if is_safe else ""),
            repair,
            mend,
            needs_quiet=True,
        )
    for line in reading.gaps:
        yield case(
            "spool_gap",
            f"{inside(folder, path)}:{line.number} (byte {line.start})",
            "Events before this line are missing: a part of the file was removed.",
            repair,
            mend,
            needs_quiet=True,
        )
    if reading.damaged or reading.gaps:
        return
    if reading.last_seq < seq:
        yield note(
            "spool_short",
            inside(folder, path),
            f"The store has {seq} events of this file, which holds {reading.last_seq}: its end was "
            "cut off. Nothing is lost as long as the store is whole.",
            "Keep a backup of the store.",
        )
    if reading.end_of(seq) != offset:
        yield case(
            "spool_position",
            inside(folder, path),
            f"The store would read on at byte {offset}, not at {reading.end_of(seq)}, where the "
            "next event starts.",
            "The store's place in the file is corrected, and what follows is taken in.",
            partial(_correct_position, folder, path, reading.end_of(seq)),
        )


def _correct_position(folder: WorkspaceFolder, path: Path, position: int) -> None:
    run_id = path.parent.parent.name
    sql_store(folder).move_position(run_id, path.stem, position)
    folder.catch_up(run_id)


def _mend(folder: WorkspaceFolder, path: Path) -> None:
    if rewrite_spool(path):
        run_id = path.parent.parent.name
        seq, _ = sql_store(folder).positions(run_id).get(path.stem, (0, 0))
        _correct_position(folder, path, read_spool(path).end_of(seq))


def rewrite_spool(path: Path) -> bool:
    """Write a damaged spool file anew; what cannot be read becomes an event of the kind ``lost``.

    Returns:
        Whether it was damaged; if not, it stays as it is.
    """
    reading = read_spool(path)
    if not reading.damaged and not reading.gaps:
        return False
    parts: list[bytes] = []
    last, time = 0, 0
    for line in reading.lines:
        if line.event is not None:
            parts += [
                _lost(seq, time or line.event.time) for seq in range(last + 1, line.event.seq)
            ]
            parts.append(line.text)
            last, time = line.event.seq, line.event.time
    with storage_errors(path):
        shutil.copy2(path, set_aside(path))
    write_file(path, b"".join(parts) + reading.rest)
    return True


def _lost(seq: int, time: int) -> bytes:
    return f'{{"seq":{seq},"time":{time},"kind":"lost","name":"lost","value":null}}\n'.encode()
