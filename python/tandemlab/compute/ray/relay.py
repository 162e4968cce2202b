"""Runs a job on a machine of a Ray cluster, and tells of it on standard output, Ray's log of it.

``python -I relay.py RUN``; needs the standard library alone. Ray has unpacked what was sent, and
names the folders in ``PYTHONPATH``. What is told are lines of JSON, which whoever follows the log
may read any number of times: each part of a file says where it belongs. `Journal` reads them.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tandemlab.compute.processes import group_members, memory_of

LOG = "files/user_logs/std_log.txt"
BUILD_LOG = "files/system/environment_build.log"
_PIECE = 48 << 10
_PAUSE = 0.1
_HEARTBEAT = 20.0
_ANSWERED_WITHIN = 20.0
_DAY = 86400.0
_KEPT_DAYS = 7
_WITH_FILE = (b'"kind":"file"', b'"kind":"image"')


def tell(kind: str, **words: Any) -> None:
    """A line of the journal."""
    line = json.dumps({"tandemlab": kind, **words}, separators=(",", ":")).encode() + b"\n"
    while line:
        line = line[os.write(1, line) :]


def _tell_part(kind: str, path: str, at: int, data: bytes, **more: Any) -> None:
    """Bytes of a file, as text where they are text."""
    try:
        tell(kind, path=path, at=at, text=data.decode(), **more)
    except UnicodeDecodeError:
        tell(kind, path=path, at=at, base64=base64.b64encode(data).decode(), **more)


class Teller:
    """Tells of what a job leaves in the directory of its run, as it comes.

    Args:
        place: that directory.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._told: dict[str, int] = {}
        self._files: set[str] = set()

    def tell_news(self) -> None:
        """What is new in the log and the spools; files come before the events that name them."""
        self._tell_log()
        for spool in sorted(self._place.glob("spool/*.jsonl")):
            self._tell_spool(f"spool/{spool.name}")

    def _tell_log(self) -> None:
        for at, data in self._new(LOG):
            _tell_part("part", LOG, at, data)

    def _tell_spool(self, path: str) -> None:
        held, start = b"", self._told.get(path, 0)
        for _, data in self._new(path):
            held += data
        whole = held[: held.rfind(b"\n") + 1]
        self._told[path] = start + len(whole)
        for line in whole.splitlines():
            if any(kind in line for kind in _WITH_FILE):
                event = json.loads(line)
                value = event["name"] if event["kind"] == "file" else event["value"]["file"]
                self.tell_file(f"files/{value}")
        for at in range(0, len(whole), _PIECE):
            _tell_part("part", path, start + at, whole[at : at + _PIECE])

    def _new(self, path: str) -> Iterator[tuple[int, bytes]]:
        with suppress(FileNotFoundError), (self._place / path).open("rb") as stream:
            stream.seek(self._told.get(path, 0))
            while data := stream.read(_PIECE):
                at = stream.tell() - len(data)
                self._told[path] = stream.tell()
                yield at, data

    def tell_file(self, path: str) -> None:
        """A whole file, once; nothing if it is not there."""
        if path in self._files or not (self._place / path).is_file():
            return
        self._files.add(path)
        with (self._place / path).open("rb") as stream:
            at, data = 0, stream.read(_PIECE)
            while True:
                following = stream.read(_PIECE)
                _tell_part("file", path, at, data, is_last=not following)
                if not following:
                    return
                at, data = at + len(data), following

    def tell_all(self) -> None:
        """Everything that is left when the job has ended."""
        self.tell_news()
        for part in ("files", "work/outputs", "work/logs", "staged"):
            found = (path for path in (self._place / part).rglob("*") if path.is_file())
            for path in sorted(found):
                if (name := path.relative_to(self._place).as_posix()) != LOG:
                    self.tell_file(name)


class Processes:
    """A process with what it starts, which ends when this one is told to end.

    All of them are in the group of this process, and end when it or its parent goes away.

    Args:
        grace_seconds: how long it may take to end by itself.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace = grace_seconds
        self._parent = os.getppid()
        self._stopped: float | None = None
        signal.signal(signal.SIGTERM, self._stop)
        _watch(os.getpid(), os.getpgid(0))

    @property
    def is_stopped(self) -> bool:
        """Whether this process was told to end."""
        return self._stopped is not None

    def _stop(self, *_: object) -> None:
        """Ray has told all processes below this one, too."""
        if self._stopped is None:
            self._stopped = time.monotonic()

    @property
    def others(self) -> list[int]:
        """What is in the group beside this process."""
        return [pid for pid in group_members(os.getpgid(0)) if pid != os.getpid()]

    def run(self, command: list[str], folder: Path, output: Path) -> Iterator[None]:
        """Run a command, and end what it leaves; nothing, again and again, while it runs."""
        with output.open("ab") as stream:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        while process.poll() is None:
            yield
            if self._stopped is None and os.getppid() != self._parent:
                self._stop()  # nobody else would end it any more
                self._signal(signal.SIGTERM)
            if self._stopped is not None and time.monotonic() - self._stopped > self._grace:
                self._signal(signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PAUSE)
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        for pid in self.others:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _watch(pid: int, group: int) -> None:
    """Have a group end when a process goes away, by an orphan: Ray ends what it finds in a tree."""
    script = '(while kill -0 "$1"; do sleep 1; done; kill -s KILL -- "-$2") &'
    subprocess.run(
        ["/bin/sh", "-c", script, "watch", str(pid), str(group)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )


class Question:
    """Asks for the versions of a job's packages, beside the job.

    Args:
        place: directory of the run.
    """

    def __init__(self, place: Path) -> None:
        self._answer = place / "job" / "answer"
        self._process: subprocess.Popen[bytes] | None = None
        if (place / "job" / "question.sh").exists():
            with self._answer.open("wb") as stream:
                self._process = subprocess.Popen(
                    ["nice", "/bin/sh", "job/question.sh"],
                    cwd=place,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # it may take longer than the job
                )

    def tell_answer(self, within: float = 0.0) -> None:
        """Tell of the answer once it is there.

        Args:
            within: seconds that it may still take.
        """
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            if self._process.wait(within) == 0:
                tell("packages", lines=self._answer.read_text(errors="replace").splitlines())
            self._process = None

    def end(self) -> None:
        """Wait no more."""
        if self._process is not None:
            self._process.kill()


def _sent(name: str) -> Path:
    """A folder that was sent to this machine."""
    folders = (Path(each) / name for each in os.environ["PYTHONPATH"].split(os.pathsep))
    return next(folder for folder in folders if folder.is_dir())


def _lay_out(job: Mapping[str, Any], sent: Path, place: Path) -> None:
    """The directory of a run; it appears whole."""
    new = place.with_name(f".{place.name}")
    for folder in (new, place):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir(parents=True)
    new.parent.parent.chmod(0o700)
    if job["has_source"]:
        shutil.copytree(Path.cwd(), new / "work")
    shutil.copytree(sent / "run", new, dirs_exist_ok=True)
    for name in ("work/outputs", "work/logs", "spool", "files/user_logs"):
        (new / name).mkdir(parents=True, exist_ok=True)
    (new.parent.parent / "live").mkdir(exist_ok=True)
    (new / "core").symlink_to(Path(__file__).resolve().parents[3])
    if job["r_library"] is not None:
        (new / "r").symlink_to(_sent(job["r_library"]))
    new.rename(place)


def _is_built(job: Mapping[str, Any], processes: Processes, place: Path) -> bool:
    """Build the environment of a job, unless this machine has it; whether it has it then."""
    if (key := job["environment"]) is None:
        return True
    folder: Path = place.parents[1] / "environments" / key
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "built").exists():
            return True
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with tarfile.open(_sent(f"environment-{key}") / "build.tar") as tar:
            tar.extractall(folder)
        log = place / BUILD_LOG
        log.parent.mkdir(parents=True, exist_ok=True)
        script = ["/bin/sh", "-c", "/bin/sh ./build.sh && : > built"]
        for _ in processes.run(script, folder, log):
            pass
        Teller(place).tell_file(BUILD_LOG)
        return (folder / "built").exists()


def _clear(root: Path) -> None:
    """Remove what jobs have left here that were killed long ago."""
    for run in root.glob("runs/*"):
        with suppress(OSError):
            if time.time() - run.stat().st_mtime > _KEPT_DAYS * _DAY and not _is_alive(run):
                shutil.rmtree(run, ignore_errors=True)


def _is_alive(run: Path) -> bool:
    try:
        os.kill(int((run / "job" / "pid").read_text().splitlines()[0]), 0)
    except (OSError, ValueError, IndexError):
        return False
    return True


def _run(job: Mapping[str, Any], processes: Processes, place: Path) -> int | None:
    """Run the script of a job; the exit status that it has left, if any."""
    tell("begun")
    teller, question, looked = Teller(place), Question(place), 0.0
    interval = 1.0 if job["has_limit"] else _HEARTBEAT
    for _ in processes.run(["/bin/sh", "job/job.sh"], place, place / "job" / "out"):
        teller.tell_news()
        question.tell_answer()
        if time.monotonic() - looked > interval:  # and who listens knows that somebody speaks
            looked = time.monotonic()
            tell("memory", used=memory_of(processes.others) if job["has_limit"] else None)
    if not processes.is_stopped:
        question.tell_answer(_ANSWERED_WITHIN)
    question.end()
    teller.tell_all()
    with suppress(OSError, ValueError):
        return int((place / "job" / "exit").read_text())
    return None


def main(name: str) -> NoReturn:
    """Run the job that was sent under a name, and end as it does."""
    sent = _sent(name)
    job = json.loads((sent / "job.json").read_text(encoding="utf-8"))
    processes = Processes(job["grace_seconds"])
    place = Path(job["place"])
    _clear(place.parents[1])
    _lay_out(job, sent, place)
    status: int | None = 1
    if not _is_built(job, processes, place):
        tell("unbuilt")
    elif not processes.is_stopped:
        status = _run(job, processes, place)
    tell("ended", status=status)
    shutil.rmtree(place, ignore_errors=True)
    sys.exit(1 if status is None else status)


if __name__ == "__main__":
    main(sys.argv[1])
