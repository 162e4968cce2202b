"""The models of a service: registered ones by name, or files and folders, copied for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.names import check_name
from tandemlab.models import Model, ModelFormat
from tandemlab.models.formats import format_of
from tandemlab.services.deployment import ServedModel
from tandemlab.services.revisions import model_folder
from tandemlab.store.durable import storage_errors

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

ModelSource: TypeAlias = Model | str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class TakenModel:
    """A model whose files are in a revision.

    Attributes:
        signature: of a registered model that has one, as plain data.
    """

    served: ServedModel
    format: ModelFormat
    signature: dict[str, Any] | None = None
    sample_input: Any = None


def take_models(
    workspace: Workspace, models: Sequence[ModelSource], revision: Path
) -> list[TakenModel]:
    """Copy models into a revision.

    Raises:
        InvalidInput: there is no such file, or two models of one name and version.
        NotFound: there is no such registered model.
    """
    if isinstance(models, (Model, str, os.PathLike)):
        models = [models]
    return [_take(workspace, model, revision) for model in models]


def _take(workspace: Workspace, model: Any, revision: Path) -> TakenModel:
    if isinstance(model, Model):
        return _take_registered(model, revision)
    if not isinstance(model, (str, os.PathLike)):
        raise InvalidInput(
            f"A model is a registered one, its name or a path, not {type(model).__name__}."
        )
    path = Path(model).expanduser().absolute()
    if path.exists():
        return _take_path(path, revision)
    if isinstance(model, str) and "/" not in model:
        try:
            return _take_registered(Model(workspace, model), revision)
        except NotFound as error:
            raise NotFound(
                f"{error.message} There is no file of that name either.",
                hint=error.hint,
                details=error.details,
            ) from error
    raise InvalidInput(
        f"There is no model at {path}.",
        hint="Give the path of a file or folder, or the name of a registered model.",
        details={"path": str(path)},
    )


def _take_registered(model: Model, revision: Path) -> TakenModel:
    served = ServedModel(model.name, model.version)
    model.download(_new_folder(revision, served))
    signature = model.signature
    return TakenModel(
        served,
        model.format,
        None if signature is None else signature.to_dict(),
        model.sample_input,
    )


def _take_path(path: Path, revision: Path) -> TakenModel:
    served = ServedModel(check_name(path.stem, what="model"), path=str(path))
    target = _new_folder(revision, served)
    with storage_errors(target):
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copy(path, target)
    names = os.listdir(path) if path.is_dir() else [path.name]
    return TakenModel(served, format_of(names))


def _new_folder(revision: Path, model: ServedModel) -> Path:
    folder = model_folder(revision, model)
    if folder.exists():
        raise InvalidInput(f"The model {model.id!r} is there twice.")
    with storage_errors(folder):
        folder.mkdir(parents=True)
    return folder
