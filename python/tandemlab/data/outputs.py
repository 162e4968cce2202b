"""Outputs of runs that go to datastores, and the datasets that they become."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.data.dataset import Dataset
from tandemlab.data.datastores.datastore import Datastore
from tandemlab.data.datastores.protocol import check_path
from tandemlab.data.definition import DataPath
from tandemlab.data.registered import KIND, registered_form
from tandemlab.data.types import DataType
from tandemlab.domain import InvalidInput
from tandemlab.domain.assets import NewAsset
from tandemlab.domain.jobs import Output, OutputMode, StoredOutput

if TYPE_CHECKING:
    from tandemlab.data.file_dataset import FileDataset
    from tandemlab.data.tabular import TabularDataset
    from tandemlab.tracking import Workspace

_USUAL = "dataset/{run-id}/{output-name}"
_READERS: dict[str, Callable[..., TabularDataset]] = {
    "delimited": Dataset.Tabular.from_delimited_files,
    "parquet": Dataset.Tabular.from_parquet_files,
    "json_lines": Dataset.Tabular.from_json_lines_files,
    "arrow": Dataset.Tabular.from_arrow_files,
}


@dataclass(frozen=True, slots=True)
class OutputFileDatasetConfig:
    """A folder that a script writes, as an item of ``outputs`` or an argument, which is its path.

    Attributes:
        name: of the output.
        destination: a path in a datastore, ``(datastore, path)`` or `Datastore.path`, with
            ``{run-id}`` and ``{output-name}`` for these; None for a folder whose files the run
            keeps.
        settings: its other settings, as `Output` has them; the methods give copies with others.

    >>> clean = OutputFileDatasetConfig("clean").read_delimited_files(separator=";")
    >>> clean.register_on_complete("clean-rows").to_output().table
    {'format': 'delimited', 'separator': ';'}
    """

    name: str = "output"
    destination: DataPath | tuple[Datastore, str] | None = None
    settings: Output = field(default_factory=Output)

    def as_mount(self) -> OutputFileDatasetConfig:
        """Written to the datastore itself, where that is a folder of the script's machine."""
        return self._with(mode=OutputMode.MOUNT.value)

    def as_upload(self, overwrite: bool = False) -> OutputFileDatasetConfig:
        """Copied to the datastore once the script has ended well.

        Args:
            overwrite: whether its files may replace others there; otherwise the run fails.
        """
        return self._with(mode=OutputMode.UPLOAD.value, overwrite=overwrite)

    def register_on_complete(
        self, name: str, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> OutputFileDatasetConfig:
        """Its files become the next version of a dataset when the run completes."""
        return self._with(register_as=name, description=description, tags=dict(tags or {}))

    def read_delimited_files(self, **options: Any) -> OutputFileDatasetConfig:
        """That dataset is a table; the options are those of `Dataset.Tabular`."""
        return self._as_table("delimited", options)

    def read_parquet_files(self, **options: Any) -> OutputFileDatasetConfig:
        """As `read_delimited_files`, of Parquet files."""
        return self._as_table("parquet", options)

    def read_json_lines_files(self, **options: Any) -> OutputFileDatasetConfig:
        """As `read_delimited_files`, of JSON lines."""
        return self._as_table("json_lines", options)

    def to_output(self) -> Output:
        """The output, as configurations keep it."""
        if self.destination is None:
            return self.settings
        place = self.destination
        path = place if isinstance(place, DataPath) else place[0].path(place[1])
        return replace(self.settings, datastore=path.datastore, path=path.path or None)

    def _with(self, **changes: Any) -> OutputFileDatasetConfig:
        return replace(self, settings=replace(self.settings, **changes))

    def _as_table(self, form: str, options: Mapping[str, Any]) -> OutputFileDatasetConfig:
        plain = {name: _plain(value) for name, value in options.items()}
        return self._with(table={"format": form, **plain})


def _plain(value: Any) -> Any:
    if isinstance(value, DataType):
        return {"type": value.name, "formats": list(value.formats)}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return list(value) if isinstance(value, tuple) else value


def stored_output(
    given: Output, workspace: Workspace, is_with_agent: bool
) -> tuple[str | None, dict[str, Any]]:
    """The path that a script writes to, None for a folder of the run, and the place it belongs to.

    Args:
        is_with_agent: whether the script runs on the machine that works for the workspace.

    Raises:
        NotFound: there is no such datastore.
        InvalidInput: it is a database, or cannot have such a path.
    """
    assert given.datastore is not None
    datastore = Datastore.get(workspace, given.datastore)
    if datastore.kind == "sql":
        raise InvalidInput(
            f"The datastore {given.datastore!r} is a database, which has no files.",
            hint="An output goes to a folder, S3 or SFTP.",
        )
    path = check_path(os.fspath(given.path or _USUAL))
    is_here = datastore.kind == "folder" and datastore.version is not None
    is_own = datastore.version is None and not workspace.is_remote
    is_reached = is_with_agent and (is_here or is_own)
    is_copied = given.mode == OutputMode.UPLOAD.value or not is_reached
    place = StoredOutput(given.datastore, path, is_copied, given.overwrite)
    written = None if is_copied else os.path.join(datastore.settings["path"], path)
    return written, asdict(place)


def check_table(name: str, given: Output) -> None:
    """Refuse a table that could not be read or is not registered.

    Raises:
        InvalidInput: it is such a one.
    """
    assert given.table is not None
    options = dict(given.table)
    reader = _READERS.get(options.pop("format", ""))
    if reader is None:
        raise InvalidInput(
            f"The table of the output {name!r} needs a format: {', '.join(_READERS)}."
        )
    if given.register_as is None:
        raise InvalidInput(
            f"The output {name!r} is to be read as a table, and is not registered.",
            hint="Give register_as, the name of the dataset.",
        )
    known = [each for each in inspect.signature(reader).parameters if each != "path"]
    for option in options:
        if option not in known:
            raise InvalidInput(
                f"The table of the output {name!r} has no option {option!r}.",
                hint=f"There are {', '.join(known)}.",
                details={"name": name, "option": option},
            )


def output_asset(
    run_id: str, output: str, place: Path | DataPath, wanted: Mapping[str, Any], address: str
) -> NewAsset:
    """The dataset that an output of a run becomes; the same again is the same registration.

    Args:
        place: the folder of the output.
        wanted: ``name``, ``description``, ``tags``, and ``table`` where it is one.
        address: of the workspace.

    Raises:
        NotFound: nothing was written there.
        InvalidInput: the files are not of the table's form.
    """
    return NewAsset(
        kind=KIND,
        name=wanted["name"],
        definition=registered_form(_dataset(place, wanted.get("table")), address),
        description=wanted["description"],
        tags=wanted["tags"],
        run_id=run_id,
        key=hashlib.sha256(f"{run_id}/{output}".encode()).hexdigest(),
    )


def _dataset(
    place: Path | DataPath, table: Mapping[str, Any] | None
) -> TabularDataset | FileDataset:
    if table is None:
        return Dataset.File.from_files(place)
    options = dict(table)
    return _READERS[options.pop("format")](place, **options)


def upload_output(folder: Path, place: DataPath, *, overwrite: bool) -> None:
    """Copy what a script left in a folder to where it belongs.

    Raises:
        AlreadyExists: other files are there, and may not be replaced; nothing was copied.
        StorageError: a file could not be copied.
    """
    Datastore.at(place).upload(folder, place.path, overwrite=overwrite, show_progress=False)
