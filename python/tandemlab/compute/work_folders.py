"""The working folders of runs: laid out before a job, cleared away after one that ended well."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tandemlab.store.blobs import BlobStore
from tandemlab.store.durable import link_or_copy, storage_errors
from tandemlab.store.snapshots import SnapshotFile, restore_files

COLLECTED = ("outputs", "logs")
SPARE = "spare"
"""Folder of a pipeline's run for what jobs that share a process pass on to each other."""
_PASSED_ON = "work."


def lay_out_work(
    work: Path, source: Sequence[SnapshotFile], blobs: BlobStore, spare: Path | None
) -> None:
    """Make a run's working folder, with its source.

    Args:
        spare: where jobs that share a process leave their folders; None for all other jobs.
    """
    remove(work)
    with storage_errors(work):
        if spare is None or not _take(spare, work):
            work.mkdir()
        if spare is not None and len(source) == 1:  # the script of a function, which is nobody's
            link_or_copy(blobs.find(source[0].digest), work / source[0].path)
        else:
            restore_files(source, work, blobs)
        for name in COLLECTED:
            (work / name).mkdir(exist_ok=True)


def clear_work(work: Path, source: Sequence[SnapshotFile], spare: Path) -> None:
    """Clear away the working folder of a job that shares a process, or leave it to others."""
    with suppress(OSError):
        if _pass_on(work, source, spare):
            return
    remove(work)


def remove(folder: Path) -> None:
    """Remove a folder that need not be there."""
    if os.path.lexists(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _take(spare: Path, work: Path) -> bool:
    """Have a folder that another job has left be a run's; False if there is none."""
    try:
        names = os.listdir(spare)
    except FileNotFoundError:
        return False
    for name in names:
        if name.startswith(_PASSED_ON):
            with suppress(FileNotFoundError):  # another start has just taken it
                os.rename(f"{spare}/{name}", work)
                return True
    return False


def _pass_on(work: Path, source: Sequence[SnapshotFile], spare: Path) -> bool:
    """Leave a folder to other jobs, unless the job has left something of its own in it.

    On some file systems to remove folders and make others takes longer than all else of a job.
    """
    names = [file.path for file in source]
    if {*os.listdir(work)} != {*names, *COLLECTED}:
        return False
    for part in COLLECTED:
        for name in os.listdir(work / part):
            os.rmdir(work / part / name)  # the folder of an output, which is kept elsewhere by now
    for name in names:
        os.unlink(work / name)
    spare.mkdir(exist_ok=True)
    os.rename(work, spare / f"{_PASSED_ON}{work.parent.name}")
    return True
