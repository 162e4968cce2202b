"""How a dataset becomes the input of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tandemlab.data.dataset import Dataset
from tandemlab.data.registered import Registrable
from tandemlab.data.tabular import TabularDataset
from tandemlab.domain.jobs import Input, InputMode

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace


@dataclass(frozen=True, slots=True)
class DatasetConsumptionConfig:
    """A dataset as an input of a run: an item of ``inputs``, or an argument, which is its path.

    Attributes:
        name: of the input.
        mode: ``direct``, ``mount`` (links) or ``download`` (copies) of files; tables come as an
            Arrow file. Files that are more than one path are mounted where ``direct`` is said.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.txt").write_text("a")
    >>> Dataset.File.from_files(folder).as_named_input("letters").as_download().mode
    'download'
    """

    name: str
    dataset: Registrable
    mode: str = InputMode.DIRECT.value

    def as_mount(self) -> DatasetConsumptionConfig:
        """Links to the files in a folder of the run."""
        return replace(self, mode=InputMode.MOUNT.value)

    def as_download(self) -> DatasetConsumptionConfig:
        """Copies of the files in a folder of the run, which the script may change."""
        return replace(self, mode=InputMode.DOWNLOAD.value)

    def as_direct(self) -> DatasetConsumptionConfig:
        """The very path of the files."""
        return replace(self, mode=InputMode.DIRECT.value)

    def to_input(self) -> Input:
        """The input, as configurations keep it."""
        return input_of(self.dataset, self.mode)


def input_of(dataset: Registrable, mode: str = InputMode.DIRECT.value) -> Input:
    """A dataset as an input: a registered one by its id, another by its definition."""
    definition = json.dumps(dataset.definition.to_dict())
    return Input(mode=mode, dataset=dataset.id or definition)


def recorded_input(given: Input, workspace: Workspace) -> dict[str, Any]:
    """The input of a dataset as a run records it.

    Raises:
        NotFound: there is no such dataset or, in a workspace on this machine, no file of it.
        InvalidInput: the definition is none, or the data does not fit it.
    """
    assert isinstance(given.dataset, str)
    if given.dataset.lstrip().startswith("{"):
        made = Dataset.from_json(given.dataset)
        dataset = type(made)(made.definition.within(str(workspace.address)))
    else:
        dataset = Dataset.get_by_id(workspace, given.dataset)
    if not workspace.is_remote:
        dataset.check()
    is_table = isinstance(dataset, TabularDataset)
    mode = given.mode
    if is_table:
        mode = InputMode.DIRECT.value
    elif mode == InputMode.DIRECT.value and dataset.definition.single_path is None:
        mode = InputMode.MOUNT.value
    known = dataset.registration
    return {
        "mode": mode,
        "dataset": {
            "kind": "tabular" if is_table else "file",
            "name": dataset.name,
            "version": dataset.version,
            "registered_digest": known.asset.definition["data"]["digest"] if known else None,
            "definition": dataset.definition.to_dict(),
        },
    }
