"""Datasets as inputs of runs: how they reach a job, and how a job and its readers find them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.data.dataset import Dataset
from tandemlab.data.file_dataset import FileDataset
from tandemlab.data.tabular import TabularDataset
from tandemlab.domain import NotFound
from tandemlab.domain.jobs import Input, InputMode
from tandemlab.store.run_files import INPUTS_FILE

if TYPE_CHECKING:
    from tandemlab.tracking import Run


def deliver(given: Input, target: Path) -> dict[str, Any]:
    """Put a dataset where a job finds it.

    Args:
        given: an input in the form of a run's record.
        target: an Arrow file for a table; a folder for links or copies of files; the very path
            where files are direct.

    Returns:
        What the run keeps of it: its ``id`` if it is registered, ``kind``, ``path``, the
        ``definition`` of what is there, and the ``digest`` of the data, with ``changed``: whether
        that is another than when the dataset was registered (null if it is not).

    Raises:
        NotFound: a file is gone.
        InvalidInput: a file does not fit the definition; the message names it.
    """
    assert isinstance(given.dataset, Mapping)
    record = given.dataset
    dataset = Dataset.from_dict(record["definition"])
    digest = dataset.digest()
    there: TabularDataset | FileDataset
    if isinstance(dataset, TabularDataset):
        target.parent.mkdir(parents=True, exist_ok=True)
        dataset.to_arrow_file(target)
        there = Dataset.Tabular.from_arrow_files(target)
    else:
        if given.mode == InputMode.MOUNT.value:
            dataset.mount(target)
        elif given.mode == InputMode.DOWNLOAD.value:
            dataset.download(target)
        there = Dataset.File.from_files(target)
    registered = record.get("registered_digest")
    return {
        "id": f"{record['name']}:{record['version']}" if record.get("name") else None,
        "kind": record["kind"],
        "mode": given.mode,
        "path": str(target),
        "definition": there.definition.to_dict(),
        "digest": digest,
        "changed": None if registered is None else digest != registered,
    }


def input_datasets(run: Run) -> dict[str, TabularDataset | FileDataset]:
    """The datasets of a run's inputs, by name.

    Inside its job they are what the job was given: the data at the moment when the run began.
    Elsewhere they are the datasets that it was given from.
    """
    if run.is_own_job:
        content = (run.directory / "files" / INPUTS_FILE).read_bytes() if _is_given(run) else b"{}"
        found = json.loads(content)
        return {name: Dataset.from_dict(each["definition"]) for name, each in found.items()}
    inputs = run.record.definition.get("inputs") or {}
    return {
        name: _source(run, given["dataset"])
        for name, given in inputs.items()
        if isinstance(given.get("dataset"), Mapping)
    }


def _is_given(run: Run) -> bool:
    return (run.directory / "files" / INPUTS_FILE).exists()


def _source(run: Run, record: Mapping[str, Any]) -> TabularDataset | FileDataset:
    if record.get("name"):
        try:
            return Dataset.get_by_name(run.workspace, record["name"], record["version"])
        except NotFound:  # it was unregistered since
            pass
    return Dataset.from_dict(record["definition"])
