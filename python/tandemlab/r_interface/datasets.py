"""What R asks of datasets. R keeps a dataset as the text of its definition."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from tandemlab.bridge import write
from tandemlab.bridge.values import Table, Vector
from tandemlab.data import DataPath, Dataset, Datastore, FileDataset, TabularDataset
from tandemlab.data.tabular import OnError
from tandemlab.domain import InvalidInput
from tandemlab.r_interface.datastores import data_path
from tandemlab.r_interface.handles import open_run, open_workspace, run_handles


def _handle(dataset: TabularDataset | FileDataset) -> object:
    known = dataset.registration
    return {
        "kind": "tabular" if isinstance(dataset, TabularDataset) else "file",
        "definition": json.dumps(dataset.definition.to_dict()),
        **(
            {
                "name": known.asset.name,
                "version": known.asset.version,
                "id": known.asset.reference,
                "description": known.asset.description,
                "tags": dict(known.asset.tags),
                "workspace": known.workspace.address,
            }
            if known
            else {}
        ),
    }


def _registered(workspace: str, id: str) -> TabularDataset | FileDataset:
    return Dataset.get_by_id(open_workspace(workspace), id)


def _register(
    definition: str,
    workspace: str,
    name: str,
    description: str | None,
    tags: Mapping[str, str],
    create_new_version: bool,
) -> object:
    place = open_workspace(workspace)
    return _handle(_open(definition).register(place, name, description, tags, create_new_version))


def _get(workspace: str, name: str, version: int | str | None) -> object:
    return _handle(Dataset.get_by_name(open_workspace(workspace), name, version))


def _list(workspace: str, name: str | None) -> object:
    place = open_workspace(workspace)
    found = Dataset.get_versions(place, name) if name else list(Dataset.get_all(place).values())
    assets = [each.registration.asset for each in found if each.registration]
    return Table(
        {
            "name": [asset.name for asset in assets],
            "version": Vector([asset.version for asset in assets], "integer"),
            "kind": ["tabular" if isinstance(each, TabularDataset) else "file" for each in found],
            "files": Vector([asset.definition["data"]["files"] for asset in assets], "double"),
            "size": Vector([asset.definition["data"]["size"] for asset in assets], "double"),
            "created": [asset.created for asset in assets],
            "description": Vector([asset.description for asset in assets], "character"),
        }
    )


def _inputs(workspace: str, run: str) -> object:
    found = open_run(workspace, run).input_datasets
    return {name: _handle(dataset) for name, dataset in found.items()}


def _changes(workspace: str, id: str) -> object:
    found = _registered(workspace, id).changes()
    return Table({"name": [each.name for each in found], "change": [each.change for each in found]})


def _update(
    workspace: str, id: str, description: str | None, tags: Mapping[str, str | None]
) -> object:
    return _handle(_registered(workspace, id).update(description, tags))


def _open(definition: str) -> TabularDataset | FileDataset:
    return Dataset.from_json(definition)


def _table(definition: str) -> TabularDataset:
    found = _open(definition)
    if isinstance(found, FileDataset):
        raise InvalidInput(
            "This is a dataset of files, not of a table.",
            hint="create_tabular_dataset_from_delimited_files() makes one of a table.",
        )
    return found


def _files(definition: str) -> FileDataset:
    found = _open(definition)
    if isinstance(found, TabularDataset):
        raise InvalidInput(
            "This is a dataset of a table, not of files.",
            hint="create_file_dataset_from_files() makes one of files.",
        )
    return found


def _places(path: Sequence[Any]) -> list[str | DataPath]:
    return [data_path(each) for each in path]


def _from_sql(path: Any, query: str, **options: Any) -> object:
    datastore = Datastore.at(DataPath(**path))
    return _handle(Dataset.Tabular.from_sql_query(datastore, query, **options))


def _from_delimited(path: Sequence[Any], **options: Any) -> object:
    return _handle(Dataset.Tabular.from_delimited_files(_places(path), **options))


def _from_parquet(path: Sequence[Any], **options: Any) -> object:
    return _handle(Dataset.Tabular.from_parquet_files(_places(path), **options))


def _from_arrow(path: Sequence[Any], **options: Any) -> object:
    return _handle(Dataset.Tabular.from_arrow_files(_places(path), **options))


def _from_json_lines(path: Sequence[Any], **options: Any) -> object:
    return _handle(Dataset.Tabular.from_json_lines_files(_places(path), **options))


def _from_files(path: Sequence[Any], **options: Any) -> object:
    return _handle(Dataset.File.from_files(_places(path), **options))


def _take(definition: str, count: int) -> object:
    return _handle(_open(definition).take(count))


def _skip(definition: str, count: int) -> object:
    return _handle(_open(definition).skip(count))


def _sample(definition: str, probability: float, seed: int | None) -> object:
    return _handle(_open(definition).take_sample(probability, seed))


def _split(definition: str, percentage: float, seed: int | None) -> object:
    return [_handle(part) for part in _open(definition).random_split(percentage, seed)]


def _keep(definition: str, columns: Sequence[str], validate: bool) -> object:
    return _handle(_table(definition).keep_columns(columns, validate))


def _drop(definition: str, columns: Sequence[str]) -> object:
    return _handle(_table(definition).drop_columns(columns))


def _filter(definition: str, condition: str) -> object:
    return _handle(_table(definition).filter(condition))


def _timestamps(
    definition: str, timestamp: str | None, partition: str | None, validate: bool
) -> object:
    return _handle(_table(definition).with_timestamp_columns(timestamp, partition, validate))


def _time(
    definition: str,
    start: datetime | None,
    end: datetime | None,
    recent: float | None,
    include_boundary: bool,
) -> object:
    table = _table(definition)
    if recent is not None:
        return _handle(table.time_recent(timedelta(seconds=recent), include_boundary))
    if start is None:
        return _handle(table.time_before(cast(datetime, end), include_boundary))
    if end is None:
        return _handle(table.time_after(start, include_boundary))
    return _handle(table.time_between(start, end, include_boundary))


def _columns(definition: str) -> object:
    found = _table(definition).columns
    return Table({"name": list(found), "type": list(found.values())})


def _load(definition: str, address: str, on_error: OnError) -> object:
    """Puts the table at the address of R's stream."""
    return write(_table(definition).to_arrow(on_error), address)


def _paths(definition: str) -> object:
    return [file.name for file in _open(definition).files()]


def _download(definition: str, target: str | None, overwrite: bool) -> object:
    return _files(definition).download(target, overwrite=overwrite)


def _mount(definition: str, target: str | None) -> object:
    return _files(definition).mount(target)


def _write_csv(definition: str, target: str | None, separator: str) -> object:
    return _handle(_table(definition).to_csv_files(target, separator=separator))


def _write_parquet(definition: str, target: str | None) -> object:
    return _handle(_table(definition).to_parquet_files(target))


def _profile(definition: str) -> object:
    found = [each.to_dict() for each in _table(definition).profile()]
    texts = ("least", "greatest")
    return [
        {
            **each,
            **{name: None if each[name] is None else str(each[name]) for name in texts},
            "quantiles": list(each["quantiles"]),
            "histogram": _pairs(each["histogram"], "upper"),
            "most_frequent": _pairs(each["most_frequent"], "value"),
        }
        for each in found
    ]


def _pairs(pairs: Sequence[tuple[Any, int]], name: str) -> Mapping[str, list[Any]]:
    return {
        name: [str(value) if name == "value" else value for value, _ in pairs],
        "count": [count for _, count in pairs],
    }


CALLS: dict[str, Callable[..., object]] = {
    "run.input_datasets": _inputs,
    "dataset.changes": _changes,
    "dataset.from_sql": _from_sql,
    "dataset.columns": _columns,
    "dataset.digest": lambda definition: _open(definition).digest(),
    "dataset.download": _download,
    "dataset.drop": _drop,
    "dataset.filter": _filter,
    "dataset.from_arrow": _from_arrow,
    "dataset.from_delimited": _from_delimited,
    "dataset.from_files": _from_files,
    "dataset.from_json_lines": _from_json_lines,
    "dataset.from_parquet": _from_parquet,
    "dataset.get": _get,
    "dataset.has_changed": lambda workspace, id: _registered(workspace, id).has_changed(),
    "dataset.keep": _keep,
    "dataset.list": _list,
    "dataset.load": _load,
    "dataset.mount": _mount,
    "dataset.paths": _paths,
    "dataset.profile": _profile,
    "dataset.register": _register,
    "dataset.runs": lambda workspace, id: run_handles(_registered(workspace, id).get_runs()),
    "dataset.sample": _sample,
    "dataset.skip": _skip,
    "dataset.split": _split,
    "dataset.take": _take,
    "dataset.time": _time,
    "dataset.timestamps": _timestamps,
    "dataset.unregister": lambda workspace, id: _registered(workspace, id).unregister(),
    "dataset.unregister_all": lambda workspace, id: _registered(
        workspace, id
    ).unregister_all_versions(),
    "dataset.update": _update,
    "dataset.write_csv": _write_csv,
    "dataset.write_parquet": _write_parquet,
}
