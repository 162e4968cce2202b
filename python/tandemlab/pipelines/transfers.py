"""What a transfer does in its job: copies files to a datastore or a folder, those that differ."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import place_variable
from tandemlab.domain.pipelines import REPORT

if TYPE_CHECKING:
    from tandemlab.data.datastores.protocol import Files

SCRIPT = """\
from tandemlab.pipelines.transfers import run_transfer

run_transfer()
"""


def run_transfer() -> None:
    """Copy the input, as the first argument says; files with the same content stay.

    The output ``report`` is a JSON object: ``copied`` and ``unchanged``, names of files, and
    ``bytes``, how many were copied.

    Raises:
        AlreadyExists: files with another content are there, and may not be replaced.
        InvalidInput: there is nothing to copy.
    """
    from tandemlab.data.datastores.transfer import upload
    from tandemlab.tracking import Run

    call = json.loads(sys.argv[1])
    source = Path(os.environ[place_variable("inputs", call["input"])])
    prefix = call["path"].strip("/") + "/" if call["datastore"] and call["path"].strip("/") else ""
    found = {f"{prefix}{name}": path for name, path in _sources(source).items()}
    if not found:
        raise InvalidInput(f"There are no files to copy in {source}.")
    done = upload(_files(call), found, overwrite=call["overwrite"], watch=None)
    report = {
        "copied": list(done.copied),
        "unchanged": list(done.unchanged),
        "bytes": done.bytes,
    }
    Path(os.environ[place_variable("outputs", REPORT)]).write_text(
        json.dumps(report, ensure_ascii=False), encoding="utf-8"
    )
    run = Run.get_context()
    run.log("files_copied", len(done.copied))
    run.log("files_unchanged", len(done.unchanged))
    run.log("bytes_copied", done.bytes)


def _sources(source: Path) -> dict[str, Path]:
    if source.is_file():
        return {source.name: source}
    return {
        path.relative_to(source).as_posix(): path
        for path in sorted(source.rglob("*"))
        if path.is_file()
    }


def _files(call: Mapping[str, Any]) -> Files:
    if call["datastore"] is None:
        from tandemlab.data.datastores.folder import FolderFiles

        folder = Path(call["path"]).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        return FolderFiles(folder)
    from tandemlab.data import Datastore
    from tandemlab.tracking import Workspace

    return Datastore.get(Workspace(os.environ["TANDEMLAB_WORKSPACE"]), call["datastore"]).files
