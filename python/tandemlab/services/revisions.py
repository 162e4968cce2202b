"""Revisions: the source and the models that the replicas of a service work on.

A revision is a copy, so that nothing of a service is written into its user's folders, and what the
user changes there changes no service.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tandemlab.domain import InvalidInput
from tandemlab.domain.names import check_name
from tandemlab.services.deployment import ServedModel
from tandemlab.store.durable import storage_errors
from tandemlab.store.snapshots import source_files


@contextmanager
def new_revision(folder: Path) -> Iterator[Path]:
    """An empty folder for a revision, which goes again if it does not become one."""
    shutil.rmtree(folder, ignore_errors=True)
    with storage_errors(folder):
        folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def copy_source(source: Path, script: str, revision: Path, *, whole: bool) -> None:
    """Copy the script, or the whole folder less what snapshots leave out, into a revision."""
    target = revision / "source"
    with storage_errors(target):
        for path in dict.fromkeys([script, *(source_files(source) if whole else ())]):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / path, target / path)


def copy_model(path: Path, revision: Path) -> ServedModel:
    """Copy a file or folder that is not registered into a revision.

    Raises:
        InvalidInput: there is nothing at the path, or its name cannot be that of a model.
    """
    if not path.exists():
        raise InvalidInput(
            f"There is no model at {path}.",
            hint="Give the path of a file or folder, or a registered model.",
            details={"path": str(path)},
        )
    model = ServedModel(check_name(path.stem, what="model"), path=str(path))
    target = model_folder(revision, model)
    with storage_errors(target):
        target.mkdir(parents=True)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copy(path, target)
    return model


def keep_models(before: Path, revision: Path) -> None:
    """Have the models of another revision in this one, too."""
    if (before / "models").is_dir():
        with storage_errors(revision):
            shutil.copytree(before / "models", revision / "models", copy_function=os.link)


def model_folder(revision: Path, model: ServedModel) -> Path:
    """Where a revision has a model's files."""
    return revision / "models" / model.name / str(model.version or 1)


def models_root(revision: Path, models: Sequence[ServedModel]) -> Path:
    """What scripts get as ``AZUREML_MODEL_DIR``: the folder of the only model, or of all."""
    return model_folder(revision, models[0]) if len(models) == 1 else revision / "models"
