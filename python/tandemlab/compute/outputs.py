"""What becomes of a run's outputs when it completes: copies in datastores, and datasets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.domain import NotFound, RunRecord, TandemlabError
from tandemlab.domain.assets import AssetRole, AssetUsage
from tandemlab.domain.jobs import JobSettings, fill_output, place_variable
from tandemlab.store.folder import WorkspaceFolder

if TYPE_CHECKING:
    from tandemlab.data import DataPath

STAGED = "staged"  # folder of the run for outputs that are copied to datastores


def keep_outputs(folder: WorkspaceFolder, record: RunRecord) -> None:
    """See that outputs are there, copy them to datastores, and have them become datasets, once.

    Raises:
        NotFound: an output that has to be there, or to be a dataset, was not written.
        InvalidInput: a table has other columns than were declared.
        AlreadyExists: other files are where an output is copied to.
    """
    settings, directory = JobSettings.of(record.definition), folder.run_directory(record.id)
    for name, file in settings.required.items():
        if not (_left(settings, directory, name) / file).exists():
            raise NotFound(
                f"The script ended well and has not written its output {name!r}.",
                hint=f"The environment variable {place_variable('outputs', name)} is its path.",
            )
    for name, columns in settings.columns.items():
        from tandemlab.data.declared import check_columns

        check_columns(name, _left(settings, directory, name) / settings.required[name], columns)
    for name, stored in settings.stored.items():
        if stored.is_copied:
            from tandemlab.data.outputs import upload_output

            with _named(name, f"be copied to the datastore {stored.datastore!r}"):
                upload_output(
                    _left(settings, directory, name),
                    _in_datastore(folder, record, name, settings),
                    overwrite=stored.overwrite,
                )
    for name in record.definition.get("registered_outputs", {}):
        _register(folder, record, name, settings)


def _register(folder: WorkspaceFolder, record: RunRecord, name: str, settings: JobSettings) -> None:
    from tandemlab.data.outputs import output_asset

    wanted = record.definition["registered_outputs"][name]
    place: Path | DataPath = _left(settings, folder.run_directory(record.id), name)
    if settings.is_staged(name):
        place = _in_datastore(folder, record, name, settings)
    with _named(name, f"become the dataset {wanted['name']!r}"):
        asset = folder.register_asset(
            output_asset(record.id, name, place, wanted, str(folder.path))
        )
    folder.add_usage(
        AssetUsage(
            run_id=record.id,
            role=AssetRole.OUTPUT,
            label=name,
            kind=asset.kind,
            name=asset.name,
            version=asset.version,
        )
    )


def _left(settings: JobSettings, directory: Path, name: str) -> Path:
    """Where a run's output is once the run's own files are kept."""
    path = settings.outputs[name]
    if path is not None:
        return Path(fill_output(path, directory.name, name))
    is_staged = settings.is_staged(name)
    return directory / STAGED / name if is_staged else directory / "files" / "outputs" / name


def _in_datastore(
    folder: WorkspaceFolder, record: RunRecord, name: str, settings: JobSettings
) -> DataPath:
    from tandemlab.data import DataPath

    stored = settings.stored[name]
    return DataPath(stored.datastore, fill_output(stored.path, record.id, name), str(folder.path))


@contextmanager
def _named(name: str, what: str) -> Iterator[None]:
    """Says of which output an error is."""
    try:
        yield
    except TandemlabError as error:
        raise type(error)(
            f"The output {name!r} could not {what}. {error.message}",
            hint=error.hint,
            details=error.details,
        ) from error
