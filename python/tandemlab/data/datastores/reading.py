"""Files of datastores as datasets read them: where they are, or a copy on this machine.

::

    CACHE/data/PLACE/VERSION/NAME    PLACE and VERSION are short digests

A changed file has another version, so a copy is never written to once it has its name.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from functools import partial
from typing import TYPE_CHECKING

from tandemlab.data.datastores.datastore import Datastore
from tandemlab.data.datastores.protocol import Files, StoredFile
from tandemlab.data.datastores.transfer import fetch
from tandemlab.store.copies import folder_of

if TYPE_CHECKING:
    from tandemlab.data.definition import DataPath
    from tandemlab.data.locations import DataFile


def files_elsewhere(datastore: Datastore, path: DataPath) -> list[DataFile]:
    """The files that a path in a datastore of another machine stands for, by name."""
    from tandemlab.data.locations import DataFile

    base, found = find_files(datastore.files, path.path)
    place = hashlib.sha256(datastore.files.location.encode()).hexdigest()[:16]
    folder = folder_of("data") / place
    return [
        DataFile(
            str(target),
            file.name[len(base) :],
            file.size,
            file.modified,
            f"{datastore.name}:{file.name}",
            partial(fetch, datastore.files, file, target),
        )
        for file, target in ((file, folder / file.version / file.name) for file in found)
    ]


def find_files(files: Files, path: str) -> tuple[str, list[StoredFile]]:
    """What stands before the names of files, and the files."""
    if magic := re.search(r"[*?[]", path):
        base = path[: magic.start()].rpartition("/")[0]
        fitting = [
            file
            for file in files.find(path[: magic.start()])
            if _fits(file.name.split("/"), path.split("/"))
        ]
        return f"{base}/" if base else "", sorted(fitting, key=lambda file: file.name)
    if path and (file := files.info(path)):
        return path[: path.rfind("/") + 1], [file]
    base = f"{path}/" if path else ""
    below = [file for file in files.find(base) if not _is_hidden(file.name[len(base) :])]
    return base, sorted(below, key=lambda file: _order(file.name))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _order(name: str) -> list[tuple[int, str]]:
    """As folders are walked: a folder's files come before those of the folders in it."""
    *folders, last = name.split("/")
    return [*((1, folder) for folder in folders), (0, last)]


def _fits(parts: list[str], pattern: list[str]) -> bool:
    """Whether the parts of a name are those of a pattern, as `glob` has it."""
    if not pattern or not parts:
        return not pattern and not parts
    if pattern == ["**"]:
        return not any(part.startswith(".") for part in parts)
    if pattern[0] == "**":
        deeper = not parts[0].startswith(".") and _fits(parts[1:], pattern)
        return deeper or _fits(parts, pattern[1:])
    hidden = parts[0].startswith(".") and not pattern[0].startswith(".")
    return (
        not hidden and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])
    )
