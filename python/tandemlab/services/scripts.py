"""Scripts of services: the user's own, or the one that predicts by a model's format."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.models import ModelFormat
from tandemlab.services.revisions import copy_source
from tandemlab.store.durable import storage_errors, write_json
from tandemlab.training.languages import Language

_DEFAULT = {
    Language.PYTHON: ("default_python.py", "score.py"),
    Language.R: ("default_r.R", "score.R"),
}
_PREDICTED = {
    ModelFormat.PICKLE: Language.PYTHON,
    ModelFormat.JOBLIB: Language.PYTHON,
    ModelFormat.SKOPS: Language.PYTHON,
    ModelFormat.ONNX: Language.PYTHON,
    ModelFormat.MLFLOW: Language.PYTHON,
    ModelFormat.RDS: Language.R,
}


@dataclass(frozen=True, slots=True)
class Script:
    """A script in its revision.

    Attributes:
        path: in the revision's source.
        source: the folder that it was taken from; None for the one that predicts by format.
    """

    language: Language
    path: str
    source: Path | None


def own_script(folder: Path, script: str, revision: Path, *, whole: bool) -> Script:
    """The user's script, copied into a revision."""
    copy_source(folder, script, revision, whole=whole)
    return Script(Language.of(script), script, folder)


def default_script(format: ModelFormat, signature: dict[str, Any] | None, revision: Path) -> Script:
    """The script that predicts by a model's own ``predict()``, with what it needs to know.

    Raises:
        InvalidInput: nothing is known of how such a model predicts.
    """
    language = _PREDICTED.get(format)
    if language is None:
        raise InvalidInput(
            f"Nothing is known of how a model of the format {format.value!r} predicts.",
            hint="Give an entry script, which loads it and answers.",
            details={"format": format.value},
        )
    source, name = _DEFAULT[language]
    target = revision / "source"
    with storage_errors(target), as_file(files(__package__).joinpath(source)) as file:
        target.mkdir(parents=True)
        shutil.copy(file, target / name)
    write_json(target / "model.json", {"format": format.value, "signature": signature})
    return Script(language, name, None)
