"""Components that bring data in, and take them out."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from tandemlab.designer.component import Columns, Component, ComponentParameters, Port
from tandemlab.domain import AlreadyExists, InvalidInput
from tandemlab.domain.jobs import place_variable

if TYPE_CHECKING:
    import pandas

_CATEGORY = "Data input and output"
_OUT = {"data": Port("table", "The rows.")}
_SOURCE, _EXPORTED = "source", "exported"
_DATASTORE = "datastore:"
_URL = ("http://", "https://", "s3://")
_FORMATS = Literal["auto", "delimited", "parquet", "json_lines", "arrow"]


def _place(kind: str, name: str) -> Path | None:
    """Where the step has an input or output that is no port; None outside of a step."""
    found = os.environ.get(place_variable(kind, name))
    return None if found is None else Path(found)


def _datastore_path(text: str) -> Any:
    """``datastore:NAME/PATH`` as the place that it is; None for anything else."""
    from tandemlab.data.definition import DataPath

    if not text.startswith(_DATASTORE):
        return None
    name, _, path = text.removeprefix(_DATASTORE).partition("/")
    return DataPath(name, path)


class _Source(Component):
    category = _CATEGORY
    outputs = _OUT

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """They are not looked up before it runs."""
        return {"data": None}


class ImportData(_Source):
    """Reads a table from a file, a folder of files, a datastore or the web.

    Text with separators, Parquet, JSON lines and Arrow are read; types of columns are found. What
    is read is compared by its content: the step runs again when it has changed.

    >>> ImportData(path="datastore:lake/2026/trips.parquet").parameters.format
    'auto'
    """

    name = "import_data"
    title = "Import data"
    keywords = ("read", "csv", "parquet", "file", "url", "datastore")

    class Parameters(ComponentParameters):
        """Where it is, and how it is read."""

        path: str = Field(
            min_length=1,
            description="An absolute path, datastore:NAME/PATH, or an address (https, s3).",
        )
        format: _FORMATS = Field("auto", description="auto goes by the ending of the name.")
        separator: str = Field(
            "", max_length=1, description="Of text; empty for a comma, or a tab in .tsv files."
        )
        decimal: Literal[".", ","] = Field(
            ".", description="Of numbers in text, before the fraction."
        )

        @field_validator("path")
        @classmethod
        def _is_place(cls, path: str) -> str:
            if not (path.startswith(("/", _DATASTORE)) or path.startswith(_URL)):
                raise ValueError("write an absolute path, datastore:NAME/PATH or an address")
            return path

    def settings(self) -> dict[str, Any]:
        """The file is an input of the step; what is on the web may change, so it is read anew."""
        path = self.parameters.path
        if path.startswith(_URL):
            return {"allow_reuse": False}
        return {"inputs": {_SOURCE: _datastore_path(path) or path}}

    def run(self) -> pandas.DataFrame:
        """The table."""
        from tandemlab.automl.frames import as_frame
        from tandemlab.data import Dataset
        from tandemlab.data.endings import FORMATS, usual_separator

        given = self.parameters
        path = str(_place("inputs", _SOURCE) or given.path)
        ending = PurePosixPath(given.path).suffix.lower()
        form = FORMATS.get(ending, "delimited") if given.format == "auto" else given.format
        if form == "delimited":
            separator = given.separator or usual_separator(ending)
            return as_frame(
                Dataset.Tabular.from_delimited_files(
                    path, separator=separator, decimal=given.decimal
                )
            )
        if given.separator or given.decimal != ".":
            raise InvalidInput(f"A separator or a decimal comma means nothing for {form}.")
        return as_frame(getattr(Dataset.Tabular, f"from_{form}_files")(path))


class EnterDataManually(_Source):
    r"""A small table that is written here, as text with commas; the first line has the names.

    >>> EnterDataManually(text="town,people\nAma,12").run().to_dict("list")
    {'town': ['Ama'], 'people': [12]}
    """

    name = "enter_data_manually"
    title = "Enter data manually"
    keywords = ("type", "constant", "csv", "literal")

    class Parameters(ComponentParameters):
        """The table."""

        text: str = Field(
            min_length=1,
            max_length=1_000_000,
            description="Lines with commas between values; the first has the names.",
            json_schema_extra={"x-language": "csv"},
        )

    def run(self) -> pandas.DataFrame:
        """The table."""
        from tempfile import TemporaryDirectory

        from tandemlab.automl.frames import as_frame

        with TemporaryDirectory() as folder:
            file = Path(folder, "entered.csv")
            file.write_text(self.parameters.text.rstrip("\n") + "\n", encoding="utf-8")
            return as_frame(file)

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """Those of the text."""
        from tandemlab.designer.component import columns_of

        return {"data": columns_of(self.run())}


class DatasetSource(_Source):
    """The rows of a registered dataset; without a version the newest one whenever it runs.

    >>> DatasetSource(dataset="accidents:2").settings()
    {'inputs': {'source': {'dataset': 'accidents:2'}}}
    """

    name = "dataset"
    title = "Dataset"
    keywords = ("registered", "data")

    class Parameters(ComponentParameters):
        """Which one."""

        dataset: str = Field(
            min_length=1,
            description="NAME, NAME:VERSION or NAME@ALIAS of a dataset of a table.",
            json_schema_extra={"x-asset": "dataset"},
        )

    def settings(self) -> dict[str, Any]:
        """The dataset is an input of the step."""
        return {"inputs": {_SOURCE: {"dataset": self.parameters.dataset}}}

    def run(self) -> pandas.DataFrame:
        """The rows."""
        from tandemlab.bridge import read_frame

        place = _place("inputs", _SOURCE)
        if place is None:
            raise InvalidInput(
                "A registered dataset is read in a step of a pipeline.",
                hint="Dataset.get_by_name() reads it elsewhere.",
            )
        if place.is_dir():
            raise InvalidInput(
                f"{self.parameters.dataset!r} is a dataset of files, and no table.",
                hint="Register it as a table, or read its files by Import data.",
            )
        return read_frame(place, "pandas")


class SampleData(Component):
    """A table to try things with.

    automobiles (prices), incomes (two classes), churn (two classes, with dates) and reviews (texts
    of two moods) are generated, the same each time; crashes are 4,000 real front-seat occupants of
    the US National Automotive Sampling System, 1997 to 2002 (nassCDS of R's package DAAG).

    >>> SampleData(table="reviews").run()["mood"].nunique()
    2
    """

    name = "sample_data"
    title = "Sample data"
    category = _CATEGORY
    keywords = ("example", "demo", "automobiles", "crashes", "income", "churn", "reviews")
    outputs = _OUT

    class Parameters(ComponentParameters):
        """Which table."""

        table: Literal["automobiles", "incomes", "crashes", "churn", "reviews"] = Field(
            "automobiles", description="What it holds."
        )

    def run(self) -> pandas.DataFrame:
        """The table."""
        from tandemlab.designer.sample_data import sample_table

        return sample_table(self.parameters.table)


class ExportData(Component):
    """Writes a table to a file, to a datastore, or as a registered dataset.

    A file that is there already is replaced only where that is asked for.

    >>> ExportData(register_as="clean").parameters.format
    'parquet'
    """

    name = "export_data"
    title = "Export data"
    category = _CATEGORY
    keywords = ("write", "save", "csv", "parquet", "register")
    inputs = {"data": Port("table", "What is written.")}

    class Parameters(ComponentParameters):
        """Where to, and how."""

        path: str = Field(
            "", description="An absolute path of a file, or datastore:NAME/PATH/FILE; or empty."
        )
        register_as: str = Field("", description="Name of a dataset that it becomes; or empty.")
        format: Literal["parquet", "delimited", "arrow"] = Field(
            "parquet", description="Of the file."
        )
        overwrite: bool = Field(False, description="Whether a file there may be replaced.")

        @model_validator(mode="after")
        def _goes_somewhere(self) -> Any:
            if bool(self.path) == bool(self.register_as):
                raise ValueError("give a path, or the name of a dataset, and not both")
            if self.path and not self.path.startswith(("/", _DATASTORE)):
                raise ValueError("write an absolute path, or datastore:NAME/PATH/FILE")
            if self.path.endswith("/"):
                raise ValueError("the path ends in no name of a file")
            return self

    def settings(self) -> dict[str, Any]:
        """What goes to a datastore, or becomes a dataset, is an output of the step."""
        from tandemlab.domain.pipelines import StepOutput

        given = self.parameters
        if given.register_as:
            table = {"format": given.format}
            made = StepOutput("folder", register_as=given.register_as, table=table)
            return {"outputs": {_EXPORTED: made}}
        place = _datastore_path(given.path)
        if place is None:
            return {"allow_reuse": False}
        folder = str(PurePosixPath(place.path).parent)
        made = StepOutput(
            "folder", datastore=place.datastore, path=folder, overwrite=given.overwrite
        )
        return {"outputs": {_EXPORTED: made}}

    def run(self, data: pandas.DataFrame) -> None:
        """Write it."""
        given = self.parameters
        folder = _place("outputs", _EXPORTED)
        if folder is not None:
            ending = "csv" if given.format == "delimited" else given.format
            name = PurePosixPath(given.path).name or f"data.{ending}"
            folder.mkdir(parents=True, exist_ok=True)
            self._write(data, folder / name)
            return
        target = Path(given.path)
        if not target.is_absolute():
            raise InvalidInput("Data go to datastores, and become datasets, in steps of pipelines.")
        if target.exists() and not given.overwrite:
            raise AlreadyExists(
                f"{target} is there already.",
                hint="Have it replaced (overwrite), or choose another.",
            )
        if not target.parent.is_dir():
            raise InvalidInput(f"There is no folder {target.parent}.", hint="Make it first.")
        part = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            self._write(data, part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """Nothing comes out."""
        return {}

    def _write(self, data: pandas.DataFrame, path: Path) -> None:
        form = self.parameters.format
        if form == "parquet":
            data.to_parquet(path, index=False)
        elif form == "delimited":
            data.to_csv(path, index=False)
        else:
            data.reset_index(drop=True).to_feather(path)
