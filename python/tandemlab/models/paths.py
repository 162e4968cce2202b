"""Where a script finds the files of a model on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.domain import NotFound
from tandemlab.models.finding import named
from tandemlab.models.registering import KIND

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

_FOLDERS = ("AZUREML_MODEL_DIR", "TANDEMLAB_MODEL_DIR")


def find_path(model_name: str, version: int | str | None, workspace: Workspace | None) -> Path:
    """See `Model.get_model_path`."""
    from tandemlab.models.model import Model

    name, version = named(model_name, version)
    assert name is not None
    folder = next(filter(None, map(os.environ.get, _FOLDERS)), None)
    if folder is not None and workspace is None:
        return _served(Path(folder), name, version)
    return Model(workspace or _own_workspace(), name, version=version).local_path()


def _own_workspace() -> Workspace:
    from tandemlab.tracking import Workspace
    from tandemlab.tracking.context import current_run

    run = current_run()
    return Workspace.from_config() if run is None else run.workspace


def _served(folder: Path, name: str, version: int | str | None) -> Path:
    """A model of a scoring service: of several in NAME/VERSION, of one in the folder itself."""
    versions = sorted(int(path.name) for path in (folder / name).glob("*") if path.name.isdecimal())
    wanted = versions[-1] if version is None and versions else version
    found = folder / name / str(wanted) if wanted in versions else None
    if found is None and not versions:
        found = folder
    entries = sorted(found.iterdir()) if found is not None and found.is_dir() else []
    if found is None or not entries:
        raise NotFound(
            f"This service has no model {name!r}{'' if version is None else f':{version}'}.",
            hint=f"It has the versions {', '.join(map(str, versions))}." if versions else "",
            details={"what": KIND, "name": name},
        )
    return entries[0] if len(entries) == 1 else found
