"""Podman for tests: a place of its own, with an image of this machine's Python and R.

``podman`` gives the image's name, and has podman find its place as long as a test runs.
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

IMAGE = "localhost/tandemlab-test:1"
_PROGRAMS = (
    "sh",
    "bash",
    "mkdir",
    "chown",
    "dirname",
    "sed",
    "grep",
    "uname",
    "expr",
    "rm",
    "which",
)
_R_PACKAGES = (
    "base",
    "compiler",
    "datasets",
    "graphics",
    "grDevices",
    "methods",
    "stats",
    "tools",
    "utils",
)


class _Root:
    """The files of an image: each is where it is on this machine, unless it says otherwise."""

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}
        self.links: dict[str, str] = {}

    def add(self, path: Path, name: str | None = None) -> None:
        self.files[(name or str(path)).lstrip("/")] = path

    def add_folder(self, folder: Path, *leave_out: str) -> None:
        for path in folder.rglob("*"):
            parts = path.relative_to(folder).parts
            if path.is_file() and not {"__pycache__", *leave_out} & set(parts):
                self.add(path)

    def add_libraries(self) -> None:
        """What the programs and libraries of the image are linked with."""
        linked = [
            str(path)
            for name, path in self.files.items()
            if ".so" in path.name or "/bin/" in f"/{name}" or path.name in ("R", "Rscript")
        ]
        told = subprocess.run(["ldd", *linked], capture_output=True, text=True, check=False)
        for library in set(re.findall(r"(/\S+\.so\S*) \(", told.stdout)):
            self.add(Path(library))

    def archive(self) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, path in self.files.items():
                tar.add(path.resolve(), name, recursive=False)
            for name, target in self.links.items():
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
            for folder in ("tmp", "proc", "sys", "dev", "etc", "opt"):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
                tar.addfile(entry)
            mark = tarfile.TarInfo("etc/image")
            mark.size = 5
            tar.addfile(mark, io.BytesIO(b"boxed"))
        return stream.getvalue()


def _image() -> bytes:
    root = _Root()
    base = Path(sys.base_prefix)
    python = base / "bin" / f"python3.{sys.version_info.minor}"
    standard = base / "lib" / f"python3.{sys.version_info.minor}"
    root.add(python)
    root.add_folder(standard, "site-packages", "test", "config-3.11-x86_64-linux-gnu")
    root.links["usr/bin/python3"] = str(python)
    root.add_folder(Path("/usr/share/python-wheels"))  # where Debian's Python has its pip
    packages = subprocess.run(
        [python, "-I", "-c", "import site; print(site.getsitepackages()[0])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    for distribution in _needed("tandemlab"):
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            if path.is_file() and ".." not in file.parts and "__pycache__" not in file.parts:
                root.add(path, f"{packages}/{file}")
    for name in _PROGRAMS:
        for folder in ("/bin", "/usr/bin"):
            root.add(Path(shutil.which(name) or name), f"{folder}/{name}")
    r = Path("/usr/lib/R")
    if r.is_dir():
        root.add(Path("/usr/bin/Rscript"))
        root.links["usr/bin/R"] = "../lib/R/bin/R"
        for folder in ("bin", "etc", "lib", "modules"):
            root.add_folder(r / folder)
        for package in _R_PACKAGES:
            root.add_folder(r / "library" / package, "help", "html", "demo", "doc")
        root.add_folder(Path("/etc/R"))
        root.add_folder(Path("/usr/share/R"))
    for library in Path("/usr/lib").glob("*-linux-gnu/lib[lz]*.so.1"):  # as Debian's images have
        if library.name in ("liblz4.so.1", "libzstd.so.1"):
            root.add(library)
    root.add_libraries()
    return root.archive()


def _needed(name: str) -> list[importlib.metadata.Distribution]:
    """What a service needs of Python: tandemlab's requirements with those of its server."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [name]
    while waiting:
        word = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if word in found:
            continue
        try:
            found[word] = importlib.metadata.distribution(word)
        except importlib.metadata.PackageNotFoundError:
            continue
        for each in found[word].requires or ():
            if "extra ==" not in each or re.search(r"extra == ['\"](server|client)['\"]", each):
                waiting.append(re.match(r"[\w.-]+", each)[0])  # type: ignore[index]
    return [each for word, each in found.items() if word != name]


@pytest.fixture(scope="session")
def _podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables with which podman has a place of its own, with the image."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed")
    root = tmp_path_factory.mktemp("podman")
    limits = 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]'
    (root / "containers.conf").write_text(f'[containers]\n{limits}\n[engine]\nruntime = "runc"\n')
    try:
        yield _usable(root)
    finally:  # podman mounts the folder of this driver on itself
        subprocess.run(["umount", f"{root}/overlay/overlay"], capture_output=True)


def _usable(root: Path) -> dict[str, str]:
    archive, problem = _image(), ""
    for driver in ("overlay", "vfs"):
        storage = root / f"{driver}.conf"
        places = f'graphroot = "{root}/{driver}"\nrunroot = "{root}/run-{driver}"\n'
        storage.write_text(f'[storage]\ndriver = "{driver}"\n{places}')
        plain = {"CONTAINERS_STORAGE_CONF": str(storage)}
        imported = _call(["import", "-", IMAGE], plain, archive)
        if imported.returncode != 0:
            problem = imported.stderr.decode()[-200:]
            continue
        for variables in (plain, {**plain, "CONTAINERS_CONF": str(root / "containers.conf")}):
            run = ["run", "--rm", "--network", "host", IMAGE, "/bin/sh", "-c", "exit 7"]
            tried = _call(run, variables)
            if tried.returncode == 7:
                return variables
            problem = tried.stderr.decode()[-200:]
    pytest.skip(f"podman cannot run containers here: {problem}")


def _call(
    words: list[str], variables: dict[str, str], stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["podman", *words], input=stdin, capture_output=True, env={**os.environ, **variables}
    )


@pytest.fixture
def podman(_podman: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in _podman.items():
        monkeypatch.setenv(name, value)
    yield IMAGE
