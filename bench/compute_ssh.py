"""A machine behind SSH, which is this one, beside ``ssh`` and a stream of ``tar``."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from plugins.ssh import Sshd, _free_port, attach_ssh
from tandemlab import Workspace
from tandemlab.compute import find_target
from tandemlab.domain.jobs import Job, StartedJob
from tandemlab.store.snapshots import take_snapshot

FILES, MEGABYTES = 300, 20


class Engine:
    """A server, and one connection of ``ssh`` to it that stays open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sshd"
        self.folder.mkdir(0o700)
        self.server = Sshd(self.folder, _free_port())
        self.server.start()
        known = self.folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{self.server.port} {self.server.host_key}\n")
        options = {
            "UserKnownHostsFile": known,
            "ControlMaster": "auto",
            "ControlPersist": "60",
            "ControlPath": self.folder / "control",
        }
        self._ssh = ["ssh", "-q", "-p", str(self.server.port), "-i", str(self.folder / "client")]
        self._ssh += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        self._ssh.append(f"{self.server.user}@127.0.0.1")

    def start(self, script: Path) -> None:
        """Run a script of Python by ``ssh``."""
        self.run(shlex.join([sys.executable, str(script)]))

    def run(self, command: str, **options: object) -> None:
        """Run a command there."""
        subprocess.run([*self._ssh, command], check=True, **options)  # type: ignore[call-overload]

    def close(self) -> None:
        """End the connection, and the server."""
        subprocess.run([*self._ssh[:-1], "-O", "exit", self._ssh[-1]], check=False)
        self.server.stop()


@contextmanager
def running(folder: Path, workspace: Workspace) -> Iterator[Callable[[Path], object]]:
    """What starts a script of Python without tandemlab; the target ``ssh`` is attached."""
    engine = Engine(folder)
    try:
        attach_ssh(workspace, engine.server)
        yield engine.start
    finally:
        engine.close()


def extra(folder: Path, workspace: Workspace, repeats: int) -> dict[str, list[float]]:
    """Seconds to stage 300 files with 20 MB, anew and unchanged, and a stream of ``tar`` beside."""
    found: dict[str, list[float]] = {"stage": [], "beside_stage": [], "unchanged": []}
    engine = Engine(folder / "extra")
    try:
        attach_ssh(workspace, engine.server)
        target = find_target("ssh", workspace.folder)

        def submitted(snapshot: str | None) -> float:
            run = workspace.experiment("stage").create_run(type="script", target="ssh")
            (run.directory / "work").mkdir(parents=True)
            job = Job(run.id, run.directory, target.place_of(run.id), ["true"], snapshot=snapshot)
            begin = time.perf_counter()
            handle = target.submit(job)
            seconds = time.perf_counter() - begin
            started = StartedJob(job, handle)
            while target.poll([started])[0].is_running:
                time.sleep(0.05)
            target.fetch(started)
            return seconds

        def streamed(source: Path) -> float:
            place = shlex.quote(str(engine.server.new_folder()))
            with subprocess.Popen(["tar", "-C", source, "-cf", "-", "."], stdout=-1) as stream:
                begin = time.perf_counter()
                engine.run(f"tar -C {place} -xf -", stdin=stream.stdout)
                return time.perf_counter() - begin

        submitted(None)  # tandemlab itself is sent, and both connections are there
        engine.run("true")
        for repeat in range(repeats):
            source = folder / f"source-{repeat}"
            source.mkdir()
            for number in range(FILES):
                data = os.urandom(MEGABYTES * 1_000_000 // FILES)
                (source / f"{number}.bin").write_bytes(data)
            snapshot, _ = take_snapshot(source, workspace.folder.blobs)
            measures = {
                "stage": partial(submitted, snapshot),
                "beside_stage": partial(streamed, source),
            }
            for name in sorted(measures, reverse=repeat % 2 == 1):  # each is first as often
                os.sync()  # nobody pays for what the other has written
                found[name].append(measures[name]())
            found["unchanged"].append(submitted(snapshot))
    finally:
        engine.close()
    return found
