"""Copying a run's files to where the user wants them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from tandemlab.domain import AlreadyExists, InvalidInput, NotFound
from tandemlab.store.durable import storage_errors
from tandemlab.store.snapshots import restore_snapshot

if TYPE_CHECKING:
    from tandemlab.tracking.run_handle import RunHandle


def local_paths(
    names: Sequence[str],
    prefix: str,
    directory: Path,
    exact: Sequence[str | Path] | None,
    append_prefix: bool,
) -> dict[str, Path]:
    """Where each file goes."""
    if exact is not None:
        if len(exact) != len(names):
            raise InvalidInput(f"{len(exact)} output paths do not fit {len(names)} files.")
        return {name: Path(path) for name, path in zip(names, exact, strict=True)}
    if append_prefix:
        return {name: directory / name for name in names}
    return {name: directory / name.removeprefix(prefix).lstrip("/") for name in names}


def download(run: RunHandle, targets: Mapping[str, Path]) -> list[Path]:
    """Copy files of `run` to the paths given, each under a temporary name first.

    Raises:
        NotFound: the run has no file of that name; nothing was copied.
    """
    digests = digests_of(run, list(targets))
    for name, target in targets.items():
        _copy(run.workspace.place.blobs.find(digests[name]), target)
    return list(targets.values())


def digests_of(run: RunHandle, names: Sequence[str]) -> dict[str, str]:
    """Digests of files of `run` by name.

    Raises:
        NotFound: the run has no file of that name.
    """
    run.workspace.place.catch_up(run.id)
    digests = {file.name: file.digest for file in run.workspace.store.list_files(run.id)}
    for name in names:
        if name not in digests:
            raise NotFound(
                f"Run {run.id} has no file {name!r}.",
                hint=f"It has {', '.join(sorted(digests)[:10]) or 'no files'}.",
                details={"name": name},
            )
    return {name: digests[name] for name in names}


def restore(run: RunHandle, folder: Path) -> Path:
    """Copy the source that `run` was made from, under a temporary name first.

    Raises:
        NotFound: no source was kept with the run.
        AlreadyExists: `folder` holds something.
    """
    snapshot = run.record.snapshot
    if snapshot is None:
        raise NotFound(
            f"No source was kept with run {run.id}.",
            hint="Submitted runs keep theirs; others do with start_logging(snapshot_directory=…).",
            details={"run_id": run.id},
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(f"{folder} is not empty.", hint="Choose another folder.")
    temporary = folder.absolute().with_name(f".{token_hex(6)}.tmp")
    with storage_errors(folder):
        temporary.mkdir(parents=True)
        try:
            restore_snapshot(snapshot, temporary, run.workspace.place.blobs)
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _copy(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{token_hex(6)}.tmp")
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, temporary)
            temporary.replace(target)
        finally:
            with suppress(OSError):
                temporary.unlink()
