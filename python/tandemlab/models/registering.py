"""Registering models: from files and folders of this machine, and from the files of runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import FileRecord, InvalidInput, NotFound
from tandemlab.domain.asset_names import AssetReference, check_asset_name
from tandemlab.domain.assets import Asset
from tandemlab.domain.signatures import ModelSignature
from tandemlab.models import contents
from tandemlab.models.definition import DatasetReference, ModelDefinition, ResourceConfiguration
from tandemlab.models.formats import ModelFormat, format_of

if TYPE_CHECKING:
    from tandemlab.tracking import Run, Workspace

KIND = "model"
Datasets: TypeAlias = Sequence[tuple[str, Any]]


def describe(
    workspace: Workspace,
    *,
    model_framework: str | None = None,
    model_framework_version: str | None = None,
    signature: ModelSignature | Mapping[str, Any] | None = None,
    datasets: Datasets | None = None,
    sample_input_dataset: Any = None,
    sample_output_dataset: Any = None,
    resource_configuration: ResourceConfiguration | None = None,
) -> ModelDefinition:
    """What is to be kept of a model beside its files, checked before anything is.

    Raises:
        InvalidInput: a sample that has no signature, or does not fit the one that is given.
        NotFound: a dataset that is not registered.
    """
    if signature is not None and not isinstance(signature, ModelSignature):
        signature = ModelSignature.from_dict(signature)
    samples = {
        name: None if data is None else _sample(data)
        for name, data in (("input", sample_input_dataset), ("output", sample_output_dataset))
    }
    if signature is None and sample_input_dataset is not None:
        from tandemlab.models.signatures import infer_signature

        signature = infer_signature(sample_input_dataset, sample_output_dataset)
    if signature is not None:
        _check_samples(signature, samples)
    return ModelDefinition(
        format=format_of([]),
        framework=model_framework,
        framework_version=model_framework_version,
        signature=signature,
        sample_input=samples["input"],
        sample_output=samples["output"],
        resources=resource_configuration,
        datasets=tuple(_dataset(workspace, *pair) for pair in _pairs(datasets)),
    )


def _sample(data: Any) -> Any:
    from tandemlab.models.signatures import sample_of

    found = sample_of(data)
    if not found:
        raise InvalidInput(
            "The sample has no rows, so that it shows nothing.", hint="Give it one at least."
        )
    return found


def _check_samples(signature: ModelSignature, samples: Mapping[str, Any]) -> None:
    for name, schema in (("input", signature.inputs), ("output", signature.outputs)):
        if samples[name] is not None and schema is not None:
            try:
                schema.check(samples[name])
            except InvalidInput as problem:
                raise InvalidInput(
                    f"The sample {name} does not fit the signature: {problem.message}",
                    details=problem.details,
                ) from None


def _pairs(datasets: Datasets | None) -> Datasets:
    pairs: list[Any] = list(datasets or ())
    for pair in pairs:
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[0], str)):
            raise InvalidInput(
                f"A dataset of a model is a pair of a scenario and a dataset, not {pair!r:.80}.",
                hint='Write datasets=[("training", dataset)].',
            )
    return pairs


def _dataset(workspace: Workspace, scenario: str, given: Any) -> DatasetReference:
    """A registered dataset: itself, or NAME, NAME:VERSION or NAME@ALIAS."""
    if isinstance(given, str):
        reference = AssetReference.of(given, kind="dataset")
        asset = workspace.assets.get("dataset", reference.name, reference.version)
        return DatasetReference(scenario, asset.name, asset.version)
    name, version = getattr(given, "name", None), getattr(given, "version", None)
    if name is None or version is None:
        raise InvalidInput(
            f"The dataset for {scenario!r} is not registered, so that nobody would find it again.",
            hint="Register it first, or name it: 'NAME:VERSION'.",
        )
    return DatasetReference(scenario, name, version)


def register(
    workspace: Workspace,
    model_path: str | os.PathLike[str],
    model_name: str,
    definition: ModelDefinition,
    *,
    child_paths: Sequence[str] | None = None,
    run_id: str | None = None,
    **about: Any,
) -> Asset:
    """Register a file or folder of this machine; see `Model.register`."""
    check_asset_name(model_name, kind=KIND)
    files = contents.local_files(Path(model_path).expanduser(), child_paths)
    kept = contents.keep(workspace.place.blobs, files)
    return _register(workspace, model_name, kept, definition, run_id=run_id, **about)


def register_from_run(
    run: Run, model_name: str, model_path: str, definition: ModelDefinition, **about: Any
) -> Asset:
    """Register files of a run; see `Run.register_model`.

    A file or folder that the run's own script has written to ``outputs/`` becomes one of the run
    now, and not only at its end.
    """
    check_asset_name(model_name, kind=KIND)
    files = _files_of_run(run, model_path)
    if not files and run.is_own_job and Path(model_path).exists():
        local = Path(model_path)
        if local.is_dir():
            run.upload_folder(model_path.strip("/"), local)
        else:
            run.upload_file(model_path, local)
        files = _files_of_run(run, model_path)
    if not files:
        names = run.get_file_names()
        shown = ", ".join(names[:10]) if names else "no files"
        raise NotFound(
            f"Run {run.id} has neither a file nor a folder {model_path!r}.",
            hint=f"It has {shown}. What a script leaves in outputs/ is there once it has ended.",
            details={"what": "file", "run_id": run.id, "path": model_path},
        )
    return _register(run.workspace, model_name, files, definition, run_id=run.id, **about)


def _files_of_run(run: Run, path: str) -> list[FileRecord]:
    run.workspace.place.catch_up(run.id)
    return contents.files_below(run.workspace.store.list_files(run.id), path)


def _register(
    workspace: Workspace,
    name: str,
    files: Sequence[FileRecord],
    definition: ModelDefinition,
    **about: Any,
) -> Asset:
    root = contents.root_of(files)
    names = [file.name.removeprefix(f"{root}/") for file in files]
    found = replace(definition, format=format_of(names))
    if found.format is ModelFormat.MLFLOW:
        found = _with_mlmodel(found, workspace, files[names.index("MLmodel")])
    return workspace.assets.register(
        KIND, name, found.to_dict(), files=files, always_new=True, **about
    )


def _with_mlmodel(
    definition: ModelDefinition, workspace: Workspace, file: FileRecord
) -> ModelDefinition:
    """What is not told otherwise, as a folder of MLflow says it."""
    from tandemlab.models.mlflow_folder import read_mlmodel

    text = workspace.place.blobs.find(file.digest).read_text(encoding="utf-8", errors="replace")
    said = read_mlmodel(text)
    return replace(
        definition,
        framework=definition.framework or said.framework,
        signature=definition.signature or said.signature,
    )
