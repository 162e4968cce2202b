"""Datasets: tables and files that are described now and read when they are needed.

`Dataset.Tabular` makes lazy tables of delimited text, Parquet, Arrow and JSON lines, `Dataset.File`
sets of files. DuckDB reads them, so a table may be larger than memory until it is asked for. Names
are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.data.consumption import DatasetConsumptionConfig
    from tandemlab.data.dataset import Dataset
    from tandemlab.data.datastores.datastore import Datastore
    from tandemlab.data.definition import DataPath
    from tandemlab.data.delivery import input_datasets
    from tandemlab.data.file_dataset import FileDataset
    from tandemlab.data.headers import PromoteHeadersBehavior
    from tandemlab.data.outputs import OutputFileDatasetConfig
    from tandemlab.data.profile import ColumnProfile
    from tandemlab.data.tabular import TabularDataset
    from tandemlab.data.types import DataType

_HOMES = {
    "ColumnProfile": "tandemlab.data.profile",
    "DataPath": "tandemlab.data.definition",
    "DataType": "tandemlab.data.types",
    "Dataset": "tandemlab.data.dataset",
    "DatasetConsumptionConfig": "tandemlab.data.consumption",
    "Datastore": "tandemlab.data.datastores.datastore",
    "FileDataset": "tandemlab.data.file_dataset",
    "OutputFileDatasetConfig": "tandemlab.data.outputs",
    "PromoteHeadersBehavior": "tandemlab.data.headers",
    "TabularDataset": "tandemlab.data.tabular",
    "input_datasets": "tandemlab.data.delivery",
}

__all__ = [
    "ColumnProfile",
    "DataPath",
    "DataType",
    "Dataset",
    "DatasetConsumptionConfig",
    "Datastore",
    "FileDataset",
    "OutputFileDatasetConfig",
    "PromoteHeadersBehavior",
    "TabularDataset",
    "input_datasets",
]

__getattr__ = loader(__name__, _HOMES)
