"""Revisions: the source and the models that the replicas of a service work on.

A revision is a copy, so that nothing of a service is written into its user's folders, and what the
user changes there changes no service.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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


def model_folder(revision: Path, model: ServedModel) -> Path:
    """Where a revision has a model's files."""
    return revision / "models" / model.name / str(model.version or 1)


def models_root(revision: Path, models: Sequence[ServedModel]) -> Path:
    """What scripts get as ``AZUREML_MODEL_DIR``: the folder of the only model, or of all."""
    return model_folder(revision, models[0]) if len(models) == 1 else revision / "models"
