"""What registered datasets hold, read where the server is."""

from __future__ import annotations

import os
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from tandemlab.data import Dataset
from tandemlab.data.delimited import checked_dialect
from tandemlab.data.tabular import TabularDataset
from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.asset_names import check_asset_name
from tandemlab.domain.scalars import to_json
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.server.api.assets import read_version
from tandemlab.server.api.content import received

router = APIRouter(prefix="/workspaces/{workspace}/datasets", tags=["datasets"])


class ColumnContent(BaseModel):
    """A column of a table, and its type in DuckDB's words."""

    name: str
    type: str


class TablePart(BaseModel):
    """The first rows of a table; values that are no scalars are texts."""

    columns: list[ColumnContent]
    rows: list[list[Any]]


class DatasetReference(BaseModel):
    """A version of a dataset."""

    name: str
    version: int


class BinContent(BaseModel):
    """How many values are above the last bound, up to this one."""

    upper: float
    count: int


class FrequentContent(BaseModel):
    """How often a value is there."""

    value: str | bool | None
    count: int


class ColumnProfileContent(BaseModel):
    """What one column holds; see `tandemlab.data.profile`."""

    name: str
    type: str
    count: int
    missing: int
    distinct: int
    least: Any
    greatest: Any
    mean: float | None
    deviation: float | None
    histogram: list[BinContent]
    most_frequent: list[FrequentContent]


def _table(found: Found, name: str, version: str | None) -> TabularDataset:
    number = read_version(version)
    dataset = Dataset.get_by_name(found, name, "latest" if number is None else number)
    if not isinstance(dataset, TabularDataset):
        raise NotFound(
            f"The dataset {name[:128]!r} is of files, not a table.", details={"what": "table"}
        )
    return dataset


@router.post(
    "/{name}/upload",
    status_code=201,
    dependencies=[CONTRIBUTOR],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload_table(
    request: Request,
    found: Found,
    name: str,
    separator: str = ",",
    encoding: str = "utf-8",
    decimal: str = ".",
) -> DatasetReference:
    """Keep delimited text, the content of the request, as the next version of a dataset.

    The file goes to the default datastore of the workspace, below ``uploads/NAME``. All of its rows
    are read before that: one that does not fit is an error, and nothing is kept.
    """
    check_asset_name(name, kind="dataset")
    dialect = checked_dialect(separator, encoding, decimal)
    async with received(request, found) as (temporary, digest):
        return await run_in_threadpool(_keep_table, found, name, temporary, digest, dialect)


def _keep_table(
    found: Found, name: str, temporary: Path, digest: str, dialect: dict[str, Any]
) -> DatasetReference:
    file = temporary.with_name(f"{name}-{digest[:12]}.csv")
    folder = f"uploads/{name}"
    os.link(temporary, file)
    try:
        _check_rows(file, dialect)
        datastore = found.get_default_datastore()
        datastore.upload_files([file], target_path=folder, overwrite=True, show_progress=False)
    finally:
        file.unlink()
    uploaded = (datastore, f"{folder}/{file.name}")
    dataset = Dataset.Tabular.from_delimited_files(uploaded, **dialect)
    made = dataset.register(found, name, create_new_version=True)
    return DatasetReference(name=name, version=made.version or 1)


def _check_rows(file: Path, dialect: dict[str, Any]) -> None:
    """Make sure that every row can be read, in the memory of some."""
    rows = file.with_suffix(".arrow")
    try:
        Dataset.Tabular.from_delimited_files(file, **dialect).to_arrow_file(rows)
        if not _has_rows(rows):
            raise InvalidInput("The table has no rows.", hint="The first line has the names.")
    except InvalidInput as error:  # who has sent it does not know what it is called here
        said = error.message.replace(str(file), "The upload")
        raise InvalidInput(said, hint=error.hint, details=error.details) from error
    finally:
        rows.unlink(missing_ok=True)


def _has_rows(file: Path) -> bool:
    from pyarrow import ipc, memory_map

    with memory_map(str(file)) as content, ipc.open_file(content) as batches:
        return any(batches.get_batch(i).num_rows for i in range(batches.num_record_batches))


@router.get("/{name}/rows", dependencies=[READER])
def get_rows(
    found: Found,
    name: str,
    version: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> TablePart:
    """The first rows of a table."""
    return part_of(_table(found, name, version), limit)


def part_of(dataset: TabularDataset, limit: int) -> TablePart:
    """The first rows of a dataset."""
    table = dataset.take(limit).to_arrow()
    columns = [ColumnContent(name=key, type=kind) for key, kind in dataset.columns.items()]
    values = [column.to_pylist() for column in table.columns]
    return TablePart(
        columns=columns, rows=[list(map(_cell, row)) for row in zip(*values, strict=True)]
    )


@router.get("/{name}/profile", dependencies=[READER])
def get_profile(found: Found, name: str, version: str | None = None) -> list[ColumnProfileContent]:
    """What each column of a table holds; kept until the data changes."""
    return profile_of(_table(found, name, version))


def profile_of(dataset: TabularDataset) -> list[ColumnProfileContent]:
    """What each column of a dataset holds."""
    return [
        ColumnProfileContent(
            **{
                **column.to_dict(),
                "least": _cell(column.least),
                "greatest": _cell(column.greatest),
                "histogram": [BinContent(upper=up, count=n) for up, n in column.histogram],
                "most_frequent": [
                    FrequentContent(value=value, count=n) for value, n in column.most_frequent
                ],
            }
        )
        for column in dataset.profile()
    ]


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return to_json(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return str(value)[:500]
