"""Environments on this machine: each is built once, by whoever needs it first.

``ROOT/KEY/`` holds a built environment: ``python/`` (a virtual environment), ``r/`` (a library),
``built.json`` (written last: without it the folder is what an interrupted build left, and is built
anew) and, beside the folder, ``KEY.log`` and ``KEY.lock``. The key depends on all that decides what
is installed: the environment's digest, this tandemlab, the machine's Python and R, and whether it
has a GPU where that decides about PyTorch.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tandemlab.domain.environments import ContainerSection, Environment
from tandemlab.environments import python_build, r_build
from tandemlab.environments.containers import engine_of, fetch_image
from tandemlab.environments.locking import check_lock
from tandemlab.store.durable import storage_errors, write_json
from tandemlab.store.user import cache_folder
from tandemlab.version import __version__

_DAY = 86400.0
_ABOUT_TO_START_SECONDS = 3600.0
UNFINISHED = "(unfinished)"


@dataclass(frozen=True, slots=True)
class BuiltEnvironment:
    """What a job needs to know of its environment.

    Attributes:
        python: program that runs scripts of Python; None for that of tandemlab.
        rscript: program that runs scripts of R; None for the one that tandemlab finds.
        r_libraries: libraries of R, before those that the job has anyway.
        variables: the environment's variables.
        container: the image that the programs are in.
    """

    python: str | None
    rscript: str | None
    r_libraries: tuple[str, ...]
    variables: Mapping[str, str]
    container: ContainerSection | None = None


@dataclass(frozen=True, slots=True)
class CachedEnvironment:
    """A built environment as it lies in the cache.

    Attributes:
        size: bytes of its files; files shared with other environments are counted in each.
        used: when a job last asked for it, in seconds since 1970.
        is_finished: whether it is not what an interrupted build left.
    """

    key: str
    name: str
    size: int
    used: float
    is_finished: bool = True


class EnvironmentCache:
    """The environments that were built on this machine.

    Args:
        root: the folder; the platform's cache folder, or ``TANDEMLAB_CACHE_DIR``, by default.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root

    @cached_property
    def root(self) -> Path:
        """The folder that holds them."""
        return self._root or cache_folder() / "environments"

    def key(self, environment: Environment) -> str:
        """Name of the environment's folder."""
        parts = (
            environment.digest,
            __version__,
            str(python_build.core_folder()),
            os.path.realpath(sys.executable),
            r_build.identity(environment) if environment.r.packages else "",
            *filter(None, [python_build.torch_backend(environment.python)]),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    def locate(self, environment: Environment) -> BuiltEnvironment:
        """What the environment is once it is built; nothing is made."""
        if environment.container is not None:
            return BuiltEnvironment(
                python=environment.image_program("python"),
                rscript=environment.image_program("r"),
                r_libraries=(),
                variables=environment.variables,
                container=environment.container,
            )
        folder = self.root / self.key(environment)
        python, r = environment.python, environment.r
        library = (str(folder / "r"),) if r.packages else ()
        return BuiltEnvironment(
            python=python.interpreter
            or (str(python_build.program(folder)) if python.is_built else None),
            rscript=r.rscript,
            r_libraries=(*library, *(os.path.expanduser(path) for path in r.libraries)),
            variables=environment.variables,
        )

    def is_built(self, environment: Environment) -> bool:
        """Whether the environment can be used without building it."""
        return (self.root / self.key(environment) / "built.json").exists()

    def log_path(self, environment: Environment) -> Path:
        """Where the output of its newest build is."""
        return self.root / f"{self.key(environment)}.log"

    def build(
        self,
        environment: Environment,
        *,
        rebuild: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> BuiltEnvironment:
        """Build the environment unless it is there; processes that ask at once build it once.

        Args:
            rebuild: build it even if it is there.
            stopped: asked while it is built; True ends the build.

        Raises:
            InvalidInput: an interpreter or library that it names is not there.
            MissingDependency: a package cannot be had; the message names it.
            InvalidState: the build was stopped.
            StorageError: the cache cannot be written.
        """
        check_environment(environment)
        key = self.key(environment)
        folder = self.root / key
        with storage_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        if environment.container is not None:
            log = self.log_path(environment)
            with self._locked(key):
                log.unlink(missing_ok=True)
                fetch_image(environment, environment.container, log, stopped)
            return self.locate(environment)
        with self._locked(key):
            if rebuild or not (folder / "built.json").exists():
                self._build(environment, folder, stopped)
            else:
                os.utime(folder / "built.json")
        return self.locate(environment)

    def _build(self, environment: Environment, folder: Path, stopped: Callable[[], bool]) -> None:
        log = self.log_path(environment)
        with storage_errors(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            log.write_bytes(b"")
        try:
            if environment.python.is_built:
                python_build.build(environment, folder, log, stopped)
            if environment.r.packages:
                r_build.build(environment, folder / "r", log, stopped)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        write_json(folder / "built.json", {"format": 1, **environment.to_dict()})

    def built(self) -> list[CachedEnvironment]:
        """What is built here, the last used first."""
        folders = (marker.parent for marker in self.root.glob("*/built.json"))
        found = [each for each in map(_read, folders) if each is not None and each.is_finished]
        return sorted(found, key=lambda each: -each.used)

    def prune(self, *, unused_days: float) -> list[CachedEnvironment]:
        """Remove what no job has asked for in so many days, and what interrupted builds left.

        What a process uses, or is building, stays, and so does what was asked for within the hour:
        a job may be about to start with it.

        Returns:
            What was removed, the last used first.
        """
        with storage_errors(self.root):
            now = time.time()
            oldest = now - max(unused_days * _DAY, _ABOUT_TO_START_SECONDS)
            wanted = _wanted_by_processes()
            removed = []
            for folder in [path for path in self.root.glob("*") if path.is_dir()]:
                with self._locked(folder.name, wait=False) as is_free:
                    if not is_free or os.fsencode(f"{folder}/") in wanted:
                        continue
                    found = _read(folder)
                    if found is None or (found.is_finished and found.used > oldest):
                        continue
                    (folder / "built.json").unlink(missing_ok=True)
                    shutil.rmtree(folder, ignore_errors=True)
                    self._remove_log(folder.name)
                    removed.append(found)
            for log in self.root.glob("*.log"):  # of a build that failed
                is_old = log.stat().st_mtime <= now - unused_days * _DAY
                if is_old and not log.with_suffix("").exists():
                    self._remove_log(log.stem)
        return sorted(removed, key=lambda each: -each.used)

    def _remove_log(self, key: str) -> None:
        (self.root / f"{key}.log").unlink(missing_ok=True)

    @contextmanager
    def _locked(self, key: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold what is held while an environment is built; False if another has it already."""
        path = self.root / f"{key}.lock"
        with storage_errors(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                is_held = True
            except BlockingIOError:
                is_held = False
            yield is_held
        finally:
            os.close(descriptor)


def check_environment(environment: Environment) -> BuiltEnvironment:
    """What the environment will be here, when nothing that can be seen beforehand is wrong.

    Raises:
        InvalidInput: an interpreter or library that it names is missing, or its lock does not fit.
        MissingDependency: it needs a conda, packages of the system or an engine of containers that
            are not here.
    """
    check_lock(environment)
    if environment.container is not None:
        engine_of(environment.container)
        return EnvironmentCache().locate(environment)
    python_build.check(environment)
    r_build.check(environment)
    return EnvironmentCache().locate(environment)


def _read(folder: Path) -> CachedEnvironment | None:
    """What a folder of the cache is; None if another process is removing it."""
    marker = folder / "built.json"
    try:
        name = json.loads(marker.read_text(encoding="utf-8"))["name"]
        return CachedEnvironment(folder.name, name, _size(folder), marker.stat().st_mtime)
    except (FileNotFoundError, ValueError, KeyError):
        pass
    try:
        return CachedEnvironment(
            folder.name, UNFINISHED, _size(folder), folder.stat().st_mtime, is_finished=False
        )
    except FileNotFoundError:
        return None


def _wanted_by_processes() -> bytes:
    """Command lines and variables of all processes, where jobs and services name their folders."""
    texts = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            with suppress(OSError):  # it has ended, or is another user's
                texts.append((process / name).read_bytes())
    return b"\0".join(texts)


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(parent) / name).lstat().st_size
    return total
