"""The files of models: into a workspace's contents, and out of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import TYPE_CHECKING

from tandemlab.domain import AlreadyExists, FileRecord, InvalidInput, NotFound, StorageError
from tandemlab.domain.names import check_file_name
from tandemlab.store.blobs import digest_of
from tandemlab.store.copies import folder_of, keep_within_limit, use
from tandemlab.store.durable import link_or_copy, storage_error, storage_errors
from tandemlab.store.run_files import folder_files

if TYPE_CHECKING:
    from tandemlab.store.place import Blobs


def local_files(path: Path, child_paths: Sequence[str] | None = None) -> dict[str, Path]:
    """The files of a model in a file or folder, by name: that of the file, or FOLDER/NAME.

    Args:
        child_paths: only these files and folders of a folder.

    Raises:
        InvalidInput: there is nothing, or a name that cannot be one.
    """
    if not path.exists():
        raise InvalidInput(
            f"There is no model at {path}.",
            hint="Give the path of a file or folder that exists on this machine.",
            details={"path": str(path)},
        )
    root = path.absolute().resolve() if path.name in ("", ".", "..") else path.absolute()
    if path.is_dir():
        names = [name for name in folder_files(root) if _is_chosen(name, child_paths)]
        found = {f"{root.name}/{name}": root / name for name in names}
    elif path.is_file() and not child_paths:
        found = {root.name: root}
    else:
        what = "has no files below it" if path.is_file() else "is neither a file nor a folder"
        raise InvalidInput(f"{path} {what}.", details={"path": str(path)})
    if not found:
        what = "the files that child_paths names" if child_paths else "any files"
        raise InvalidInput(
            f"The folder {path} does not have {what}.",
            hint="Was the model saved before it was registered?",
            details={"path": str(path)},
        )
    for name in found:
        check_file_name(name)
    return found


def _is_chosen(name: str, child_paths: Sequence[str] | None) -> bool:
    if child_paths is None:
        return True
    chosen = [str(PurePosixPath(child)) for child in child_paths]
    return any(name == child or name.startswith(f"{child}/") for child in chosen)


def keep(blobs: Blobs, files: dict[str, Path]) -> list[FileRecord]:
    """Put files into a workspace's contents."""
    return [FileRecord(name, *blobs.put_copy(path)) for name, path in files.items()]


def files_below(files: Iterable[FileRecord], path: str) -> list[FileRecord]:
    """The file of a run at a path, or those of the folder there, with names from its own on.

    >>> below = files_below([FileRecord("outputs/m/a", "", 1)], "outputs/m")
    >>> [file.name for file in below]
    ['m/a']
    """
    path = path.strip("/")
    start = len(path) - len(path.rpartition("/")[2])
    return [
        FileRecord(file.name[start:], file.digest, file.size)
        for file in files
        if file.name == path or file.name.startswith(f"{path}/")
    ]


def root_of(files: Iterable[FileRecord]) -> str:
    """The name of a model's only file, or of its folder."""
    return next(iter(files)).name.partition("/")[0]


def write(
    blobs: Blobs, files: Iterable[FileRecord], folder: Path, *, read_only: bool = False
) -> None:
    """Have a model's files below a folder, each compared with its digest.

    Args:
        read_only: whether they may be links to the contents, which nobody may change.

    Raises:
        StorageError: a content is damaged, or is missing.
    """
    for file in files:
        source, target = _content(blobs, file), folder / file.name
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if read_only:
                link_or_copy(source, target)
            else:
                shutil.copyfile(source, target)
            digest = digest_of(target)
        if digest != file.digest:
            raise StorageError(
                f"The content of the model's file {file.name!r} is damaged in the workspace.",
                hint="`tandemlab workspace check --deep --repair` may put it back.",
                details={"name": file.name, "digest": file.digest},
            )


def _content(blobs: Blobs, file: FileRecord) -> Path:
    try:
        return blobs.find(file.digest)
    except NotFound as error:
        raise StorageError(
            f"The content of the model's file {file.name!r} is missing. {error.message}",
            hint=error.hint,
            details={"name": file.name, "digest": file.digest},
        ) from error


def download(blobs: Blobs, files: Sequence[FileRecord], folder: Path, *, exist_ok: bool) -> Path:
    """Copy a model's file or folder into a folder, whole or not at all; its path.

    Raises:
        AlreadyExists: it is there, and may not be replaced.
    """
    target = folder / root_of(files)
    if target.exists() and not exist_ok:
        raise AlreadyExists(
            f"{target} is there already.",
            hint="Choose another folder, or have it replaced: exist_ok (--exist-ok in a shell).",
            details={"path": str(target)},
        )
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _temporary(folder) as temporary:
        write(blobs, files, temporary)
        with storage_errors(target):
            if target.is_dir() and not target.is_symlink():
                target.replace(temporary / ".former")
            (temporary / target.name).replace(target)
    return target


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    temporary = folder / f".{token_hex(6)}.tmp"
    with storage_errors(folder):
        temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def cached(blobs: Blobs, files: Sequence[FileRecord], digest: str) -> Path:
    """A model's file or folder in this user's cache, to be read and not changed; its path.

    Args:
        digest: of the model; what is there under it is whole.
    """
    root = folder_of("models")
    target = root / digest
    use("models", [target])
    if not target.exists():
        with storage_errors(root):
            root.mkdir(parents=True, exist_ok=True)
        with _temporary(root) as temporary:
            whole = temporary / "whole"
            write(blobs, files, whole, read_only=True)
            _become(whole, target)
        keep_within_limit("models")
    return target / root_of(files)


def _become(whole: Path, target: Path) -> None:
    """Rename a folder, unless somebody else was quicker with the same."""
    try:
        whole.replace(target)
    except OSError as error:
        if not target.is_dir():
            raise storage_error(error, target) from error
