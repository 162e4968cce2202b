"""What a job needs at its target, as one archive of what is not there yet.

Sources go by content: the files of a snapshot are kept there under their digests, and a snapshot is
laid out once, as links to them. What all jobs share, such as the package tandemlab, goes once.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from tandemlab.domain import StorageError
from tandemlab.domain.jobs import Job
from tandemlab.environments.python_build import core_folder
from tandemlab.store.blobs import digest_of
from tandemlab.store.durable import storage_errors
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.run_files import INPUTS_FILE
from tandemlab.store.snapshots import SnapshotFile, read_manifest

_CHUNK = 1 << 20
_BLOCK = 1 << 18


@dataclass(frozen=True)
class SharedFolder:
    """A folder that all jobs of a target read.

    Attributes:
        kind: what it is for, such as ``core``.
        folder: where it is here.
        files: names below it.
        digest: of names and contents.
    """

    kind: str
    folder: Path
    files: tuple[str, ...]
    digest: str

    @property
    def place(self) -> str:
        """Where it is at a target, below the target's folder."""
        return f"{self.kind}/{self.digest}"

    @classmethod
    def of(cls, kind: str, folder: Path, files: Iterable[Path]) -> SharedFolder:
        """The folder with those of its files."""
        names = sorted(path.relative_to(folder).as_posix() for path in files)
        state = hashlib.sha256()
        for name in names:
            state.update(f"{name}\0{digest_of(folder / name)}\n".encode())
        return cls(kind, folder, tuple(names), state.hexdigest()[:32])


_NOT_SENT = frozenset({"__pycache__", "pages"})  # nobody looks at the studio there


@cache
def core() -> SharedFolder:
    """The package tandemlab, so that scripts there log by the same code."""
    root = core_folder()
    found = (path for path in (root / "tandemlab").rglob("*") if path.is_file())
    return SharedFolder.of("core", root, (p for p in found if _NOT_SENT.isdisjoint(p.parts)))


class Source:
    """The files of a job's snapshot; `contents` has them by the name of their content at a target.

    Args:
        snapshot: digest of the manifest; None for none.
        folder: the workspace that has them.
    """

    def __init__(self, snapshot: str | None, folder: WorkspaceFolder) -> None:
        self._blobs = folder.blobs
        self.name = snapshot or ""
        self.files = read_manifest(snapshot, folder.blobs) if snapshot else []
        self.contents = {content_name(file): file for file in self.files}

    @property
    def places(self) -> set[str]:
        """Where it is laid out at a target, below the target's folder; none for no files."""
        return {f"snapshots/{self.name}"} if self.files else set()

    def path(self, file: SnapshotFile) -> Path:
        """Where a content is here."""
        return self._blobs.find(file.digest)


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of an input that is sent to where the job runs, and kept there by its content.

    Attributes:
        path: below the run's folder of inputs.
        here: where it is on this machine.
    """

    path: str
    here: Path
    digest: str

    @property
    def name(self) -> str:
        """Of the content, below ``blobs/`` at a target; nobody may write to it there.

        >>> SentFile("rows/rows.arrow", Path("rows.arrow"), "ab12").name
        'a/ab12r'
        """
        return f"{self.digest[0]}/{self.digest}r"


def sent_files(job: Job) -> list[SentFile]:
    """The files of the inputs that are sent, which were laid out here."""
    root = job.directory / "inputs"
    folders = [root / name for name, each in job.inputs.items() if each.is_sent]
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return [SentFile(path.relative_to(root).as_posix(), path, digest_of(path)) for path in paths]


def content_name(file: SnapshotFile) -> str:
    """Where the content of a file is at a target, below ``blobs/``; it has the file's mode.

    >>> content_name(SnapshotFile("run.sh", "ab12", 3, executable=True))
    'a/ab12x'
    """
    return f"{file.digest[0]}/{file.digest}{'x' if file.executable else ''}"


def archive(
    token: str,
    job: Job,
    script: str,
    source: Source,
    lacking: Collection[str],
    shared: Sequence[SharedFolder],
    sent: Sequence[SentFile],
    *,
    with_snapshot: bool,
) -> Iterator[bytes]:
    """What `stage` in ``remote.sh`` takes, in pieces, which are read while they are sent.

    The job's script comes last: it tells that all of the archive was there.

    Args:
        script: of the job.
        lacking: names of the contents that are not there.
        shared: folders that are not there.
        sent: files of inputs; those contents alone go there that are among the lacking.
        with_snapshot: whether the snapshot has to be laid out there.
    """
    new = f"tmp/{token}"
    entries = []
    for name, file in source.contents.items():
        if name in lacking:
            mode = 0o755 if file.executable else 0o644
            entries.append(_file(f"{new}/blobs/{name}", source.path(file), mode))
    for name, path in {each.name: each.here for each in sent}.items():
        if name in lacking:
            entries.append(_file(f"{new}/blobs/{name}", path, 0o444))
    for file in source.files if with_snapshot else ():
        name = content_name(file)
        content = f"{new}/blobs/{name}" if name in lacking else f"blobs/{name}"
        entries.append(_link(f"{new}/snapshot/{file.path}", content))
    for folder in shared:
        for name in folder.files:
            entries.append(_file(f"{new}/shared/{folder.place}/{name}", folder.folder / name))
    for each in sent:
        content = f"{new}/blobs/{each.name}" if each.name in lacking else f"blobs/{each.name}"
        entries.append(_link(f"{new}/run/inputs/{each.path}", content))
    entries += _inputs(f"{new}/run", job, {each.here for each in sent})
    entries.append(_text(f"{new}/run/job/job.sh", script))
    return _in_blocks(entries)


_Entry = tuple[tarfile.TarInfo, "Path | bytes"]


def _inputs(run: str, job: Job, sent: Collection[Path]) -> list[_Entry]:
    """Tables and files of datasets, which were laid out here, and what is said of them."""
    folder = job.directory / "inputs"
    entries = [
        _file(f"{run}/inputs/{path.relative_to(folder).as_posix()}", path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in sent
    ]
    described = job.directory / "files" / INPUTS_FILE
    if described.exists():
        text = described.read_text(encoding="utf-8")
        here, there = f"{job.directory}/inputs/", f"{job.place}/inputs/"
        entries.append(_text(f"{run}/files/{INPUTS_FILE}", text.replace(here, there)))
    return entries


def _file(name: str, path: Path, mode: int = 0o644) -> _Entry:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = path.stat().st_size, mode
    return entry, path


def _text(name: str, text: str) -> _Entry:
    entry, data = tarfile.TarInfo(name), text.encode()
    entry.size = len(data)
    return entry, data


def _link(name: str, content: str) -> _Entry:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.LNKTYPE, content
    return entry, b""


def _in_blocks(entries: Iterable[_Entry]) -> Iterator[bytes]:
    """An archive of entries, in blocks that are worth a message."""
    block = bytearray()
    for entry, content in entries:
        block += entry.tobuf(tarfile.GNU_FORMAT)
        for piece in _read(content, entry.size) if isinstance(content, Path) else [content]:
            block += piece
            if len(block) >= _BLOCK:
                yield bytes(block)
                block.clear()
        block += bytes(-entry.size % tarfile.BLOCKSIZE)
    yield bytes(block) + bytes(2 * tarfile.BLOCKSIZE)


def _read(path: Path, size: int) -> Iterator[bytes]:
    """As many bytes of a file as were announced.

    Raises:
        StorageError: there are fewer, or it is gone.
    """
    with storage_errors(path), path.open("rb") as stream:
        while size > 0:
            piece = stream.read(min(size, _BLOCK))
            if not piece:
                raise StorageError(f"{path} became shorter while it was sent.")
            size -= len(piece)
            yield piece


def take_archive(stream: IO[bytes], directory: Path) -> None:
    """Put the files of an archive that comes from a target below a directory.

    Each appears whole. What is there already stays: names of a run's files are given once.
    """
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for entry in tar:
            parts = Path(entry.name).parts
            if not entry.isfile() or ".." in parts or Path(entry.name).is_absolute():
                continue
            target = directory / entry.name
            content = tar.extractfile(entry)
            if target.exists() or content is None:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name[:80]}.part")
            with part.open("wb") as writer:
                while piece := content.read(_CHUNK):
                    writer.write(piece)
            part.replace(target)
