"""Environments at a target: built there, by uv, which is sent along if the target has none."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shlex
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import Any

from tandemlab.compute.remote.launchers import FUNCTIONS
from tandemlab.compute.remote.shell import Shell
from tandemlab.domain import InvalidState, MissingDependency
from tandemlab.domain.environments import Environment
from tandemlab.environments import BuiltEnvironment, python_build, r_build
from tandemlab.store.durable import storage_errors
from tandemlab.store.user import cache_folder
from tandemlab.version import __version__

_PAUSE = 0.5
_KNOWN_SECONDS = 600.0  # less than what `clean` leaves alone
_BUILT = b"built\n"
_CHECKS = """\
refuse() { set +x; echo "tandemlab: $1"; exit 1; }
check_library() { [ -d "$1" ] || refuse "these libraries of R are not there: $1"; }
check_system() {
  dpkg-query --show --showformat='${Status}' -- "$1" 2>/dev/null | grep -q 'ok installed' ||
    refuse "packages of the system are missing: $1"
}
check_r() {
  is=$("$1" --version 2>&1 | sed -n 's/.*version \\([0-9][0-9.]*\\).*/\\1/p')
  case $is. in "$2".*) ;; *) refuse "R $2 is needed, and $1 is $is" ;; esac
}"""


class EnvironmentRecipes:
    """What environments are at a target, and what builds them there.

    Each is ``environments/KEY/`` in the target's folder: ``python/``, ``r/``, and ``built``, which
    is written last.

    Args:
        root: the target's folder.
        settings: what was found at the target: ``python``, ``rscript``, ``uv`` and ``platform``.
        location: where it is, for messages.
    """

    def __init__(self, root: str, settings: Mapping[str, Any], location: str) -> None:
        self._root = root
        self._settings = settings
        self._location = location

    def locate(self, environment: Environment) -> BuiltEnvironment:
        """As the protocol says."""
        folder = self.folder(environment)
        python, r = environment.python, environment.r
        built = f"{folder}/python/bin/python" if python.is_built else None
        return BuiltEnvironment(
            python=python.interpreter or built,
            rscript=r.rscript,
            r_libraries=(*((f"{folder}/r",) if r.packages else ()), *r.libraries),
            variables=environment.variables,
        )

    def log_path(self, environment: Environment) -> Path:
        """In this user's cache, as the output of other builds is."""
        return cache_folder() / "environments" / f"{self.key(environment)}.log"

    def check(self, environment: Environment) -> None:
        """Refuse what is known not to be built there.

        Raises:
            MissingDependency: it needs packages of conda.
        """
        if environment.python.conda:
            raise MissingDependency(
                f"The environment {environment.name!r} needs packages of conda, which are not "
                f"installed at {self._location}.",
                hint="Move them to the pip part of the file if pip has them.",
                details={"packages": list(environment.python.conda)},
            )

    def archive(self, environment: Environment) -> Iterator[bytes]:
        """The script that builds an environment, and the files that it needs."""
        folder = self.folder(environment)
        with tempfile.TemporaryDirectory() as name, tempfile.SpooledTemporaryFile(1 << 26) as held:
            here = Path(name)
            lines = ["set -ex", 'cd "$(dirname "$0")"']
            with tarfile.open(fileobj=held, mode="w", format=tarfile.GNU_FORMAT) as tar:
                if environment.python.is_built:
                    lines += self._python_lines(environment, here, folder, tar)
                if environment.r.packages:
                    lines += self._r_lines(environment, here)
                for path in sorted(here.iterdir()):
                    tar.add(path, path.name)
                data = ("\n".join(lines) + "\n").encode()
                entry = tarfile.TarInfo("build.sh")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
            held.seek(0)
            yield from iter(lambda: held.read(1 << 20), b"")

    def _python_lines(
        self, environment: Environment, here: Path, folder: str, tar: tarfile.TarFile
    ) -> list[str]:
        python = environment.python.version or self._settings.get("python") or "python3"
        uv = self._settings.get("uv") or self._sent_uv(tar)
        program = "python/bin/python"
        if uv:
            lines = [shlex.join([uv, "venv", "--quiet", "--python", python, "python"])]
            install = [uv, "pip", "install", "--python", program]
        else:
            version = environment.python.version
            lines = [
                shlex.join([f"python{version}" if version else python, "-m", "venv", "python"])
            ]
            install = [program, "-m", "pip", "install", "--disable-pip-version-check"]
        variables = " ".join(
            f"{name}={value}" for name, value in python_build.clean().items() if value.isalnum()
        )
        lines.insert(0, f"export {variables}")
        for step in python_build.install_steps(environment.python, here):
            words = [word.replace(str(here), folder) for word in step]
            lines.append(shlex.join([*install, *words]))
        return lines

    def _sent_uv(self, tar: tarfile.TarFile) -> str | None:
        """This machine's uv, for a target of its kind."""
        uv = python_build.find_uv()
        here = f"{platform.system()} {platform.machine()}"
        if uv is None or self._settings.get("platform") != here:
            return None
        tar.add(os.path.realpath(uv), "uv")
        return "./uv"

    def _r_lines(self, environment: Environment, here: Path) -> list[str]:
        for script in ("install.R", "repositories.R"):
            (here / script).write_bytes((r_build.SCRIPTS / script).read_bytes())
        r_build.write_wanted(here / "r-packages.tsv", environment)
        r = environment.r
        rscript = r.rscript or self._settings.get("rscript") or "Rscript"
        words = ["install.R", "repositories.R", "r", "r-packages.tsv"]
        lines = [f"check_library {shlex.quote(path)}" for path in r.libraries]
        lines += [f"check_system {shlex.quote(name)}" for name in r.system_packages]
        if r.version is not None:
            lines.append(shlex.join(["check_r", rscript, r.version]))
        if r.libraries:
            lines.append(f"export R_LIBS={shlex.quote(':'.join(r.libraries))}:$R_LIBS")
        install = shlex.join([rscript, "--vanilla", *words, *r.repositories])
        return [_CHECKS, *lines, "mkdir r", install]

    def folder(self, environment: Environment) -> str:
        """Where it is there."""
        return f"{self._root}/environments/{self.key(environment)}"

    def key(self, environment: Environment) -> str:
        """What decides what is installed, in short."""
        own = (self._settings.get("python") or "", self._settings.get("rscript") or "")
        parts = (environment.digest, __version__, self._root, *own)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


class RemoteEnvironments(EnvironmentRecipes):
    """The environments of a target that is reached by a shell.

    Only the workspace's agent builds there.
    """

    def __init__(self, shell: Shell, root: str, settings: Mapping[str, Any]) -> None:
        super().__init__(root, settings, shell.location)
        self._shell = shell
        self._lock = threading.Lock()
        self._known: dict[str, float] = {}

    def is_built(self, environment: Environment) -> bool:
        """As the protocol says."""
        key = self.key(environment)
        is_known = time.monotonic() - self._known.get(key, -_KNOWN_SECONDS) < _KNOWN_SECONDS
        if not is_known and needs_build(environment):
            mark = shlex.quote(f"{self.folder(environment)}/built")
            if not self._shell.run(f"if [ -f {mark} ]; then touch {mark}; echo yes; fi"):
                return False
            self._known[key] = time.monotonic()
        return True

    def build(
        self, environment: Environment, *, stopped: Callable[[], bool] = lambda: False
    ) -> BuiltEnvironment:
        """As the protocol says."""
        with self._lock:
            if not self.is_built(environment):
                self._build(environment, stopped)
                self._known[self.key(environment)] = time.monotonic()
        return self.locate(environment)

    def _build(self, environment: Environment, stopped: Callable[[], bool]) -> None:
        self.check(environment)
        log, key = self.log_path(environment), self.key(environment)
        with storage_errors(log):
            log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output, ThreadPoolExecutor(1) as pool:
            head = f"root={shlex.quote(self._root)}\n{FUNCTIONS}\n"
            pieces = self.archive(environment)
            build = f"{head}build {key}"
            work = pool.submit(self._shell.run, build, pieces, _flushed(output))
            if not _finished(work, stopped):
                pid = shlex.quote(f"{self.folder(environment)}/pid")
                self._shell.run(f'read -r pid < {pid} && kill -s TERM -- "-$pid"; true')
                raise InvalidState("The build of the environment was stopped.")
        printed = log.read_bytes()
        if not printed.endswith(_BUILT):
            raise not_built(environment, printed.decode("utf-8", "replace"), log)


def not_built(environment: Environment, printed: str, log: Path) -> MissingDependency:
    """The error for what a build has printed, with the names of the packages that are at fault."""
    if "tandemlab: " in printed:
        return r_build.not_built(environment, printed, log)
    return python_build.not_built(environment, printed, log)


def needs_build(environment: Environment) -> bool:
    """Whether anything is to be installed."""
    return bool(environment.python.is_built or environment.r.packages)


def _flushed(output: Any) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        output.write(data)
        output.flush()

    return take


def _finished(work: Future[bytes], stopped: Callable[[], bool]) -> bool:
    while True:
        try:
            work.result(_PAUSE)
            return True
        except NotYet:
            if stopped():
                return False
