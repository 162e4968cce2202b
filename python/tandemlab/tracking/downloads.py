"""Copying a run's files to where the user wants them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.store.durable import storage_errors

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
    run.workspace.folder.catch_up(run.id)
    digests = {file.name: file.digest for file in run.workspace.store.list_files(run.id)}
    for name in targets:
        if name not in digests:
            raise NotFound(
                f"Run {run.id} has no file {name!r}.",
                hint=f"It has {', '.join(sorted(digests)[:10]) or 'no files'}.",
                details={"name": name},
            )
    for name, target in targets.items():
        _copy(run.workspace.folder.blobs.find(digests[name]), target)
    return list(targets.values())


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
