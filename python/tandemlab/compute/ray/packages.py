"""What jobs need on a cluster of Ray, as packages by content: Ray unpacks them where a job runs."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tandemlab.compute.ray.client import RayClient
from tandemlab.compute.remote.staging import SharedFolder, Source
from tandemlab.domain.jobs import Job
from tandemlab.store.run_files import INPUTS_FILE

_IN_MEMORY = 64 << 20
_CHUNK = 1 << 20

Writer = Callable[[zipfile.ZipFile], None]


@dataclass(frozen=True)
class Package:
    """Files that Ray has under a name that says what is in them.

    Attributes:
        name: of the zip file.
        write: puts the files into it.
    """

    name: str
    write: Writer

    @classmethod
    def of(cls, kind: str, content: str, write: Writer) -> Package:
        """A package whose content a text stands for."""
        digest = hashlib.sha256(f"{kind} {content}".encode()).hexdigest()[:32]
        return cls(f"_ray_pkg_tandemlab_{kind}_{digest}.zip", write)

    @property
    def address(self) -> str:
        """What a job calls it."""
        return f"gcs://{self.name}"

    def send(self, client: RayClient) -> None:
        """Have a cluster keep it, unless it does."""
        if not client.has_package(self.name):
            self.upload(client, self.name)

    def upload(self, client: RayClient, name: str) -> None:
        """Have a cluster keep it under a name, which need not say what is in it."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as stream:
            with zipfile.ZipFile(stream, "w") as archive:
                self.write(archive)
            size = stream.tell()
            stream.seek(0)
            client.send_package(name, stream, size)


def source_package(source: Source) -> Package:
    """The files of a job's source, as Ray's ``working_dir``."""

    def write(archive: zipfile.ZipFile) -> None:
        for file in source.files:
            _add(archive, file.path, source.path(file), executable=file.executable)

    return Package.of("source", source.name, write)


def shared_package(shared: SharedFolder, below: str = "") -> Package:
    """A folder that all jobs read.

    Args:
        below: folder of the package that its files are in.
    """

    def write(archive: zipfile.ZipFile) -> None:
        for name in shared.files:
            _add(archive, f"{below}{name}", shared.folder / name)

    return Package.of(shared.kind, shared.digest, write)


def environment_package(key: str, pieces: Callable[[], Iterable[bytes]]) -> Package:
    """What builds an environment."""

    def write(archive: zipfile.ZipFile) -> None:
        with archive.open(_entry(f"environment-{key}/build.tar"), "w", force_zip64=True) as stream:
            for piece in pieces():
                stream.write(piece)

    return Package.of("environment", key, write)


def run_package(
    folder: str, job: Job, scripts: Mapping[str, str], told: Mapping[str, Any]
) -> Package:
    """What one job alone reads: its scripts, and tables and files of datasets.

    Args:
        folder: name of the folder in the package.
        scripts: by name.
        told: what ``relay.py`` has to know of it.
    """

    def write(archive: zipfile.ZipFile) -> None:
        archive.writestr(_entry(f"{folder}/job.json"), json.dumps(told))
        for name, script in scripts.items():
            archive.writestr(_entry(f"{folder}/run/job/{name}"), script)
        inputs = job.directory / "inputs"
        for path in sorted(inputs.rglob("*")):
            if path.is_file():
                name = path.relative_to(inputs).as_posix()
                _add(archive, f"{folder}/run/inputs/{name}", path)
        with suppress(FileNotFoundError):
            text = (job.directory / "files" / INPUTS_FILE).read_text(encoding="utf-8")
            here, there = f"{job.directory}/inputs/", f"{job.place}/inputs/"
            archive.writestr(_entry(f"{folder}/run/files/{INPUTS_FILE}"), text.replace(here, there))

    return Package.of("run", job.run_id, write)


def _add(archive: zipfile.ZipFile, name: str, path: Path, *, executable: bool = False) -> None:
    with (
        path.open("rb") as reader,
        archive.open(_entry(name, executable=executable), "w", force_zip64=True) as writer,
    ):
        _copy(reader, writer)


def _copy(reader: IO[bytes], writer: IO[bytes]) -> None:
    while piece := reader.read(_CHUNK):
        writer.write(piece)


def _entry(name: str, *, executable: bool = False) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    return entry
