"""How data is named on the command line: by paths, ``datastore:NAME/PATH`` or ``dataset:NAME``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.cli.session import Session

if TYPE_CHECKING:
    from tandemlab.data import DataPath, TabularDataset

_DATASTORE = "datastore:"
_DATASET = "dataset:"


def dataset_name(word: str) -> str | None:
    """The ``NAME[:VERSION]`` of a registered dataset; None if a word means something else."""
    return word.removeprefix(_DATASET) if word.startswith(_DATASET) and word != _DATASET else None


def datastore_path(word: str) -> DataPath | None:
    """The path in a datastore of the workspace; None if a word means something else.

    Raises:
        InvalidInput: it leads out of the datastore.
    """
    if not word.startswith(_DATASTORE):
        return None
    from tandemlab.data import DataPath
    from tandemlab.data.datastores.protocol import check_path

    name, _, rest = word.removeprefix(_DATASTORE).partition("/")
    return DataPath(name, check_path(rest))


def places_of(session: Session, paths: tuple[str, ...]) -> list[str | DataPath]:
    """The paths, those in datastores as such.

    Raises:
        NotFound: there is no such datastore.
    """
    return [_place_of(session, path) for path in paths]


def _place_of(session: Session, path: str) -> str | DataPath:
    found = datastore_path(path)
    if found is None:
        return path
    from tandemlab.data import Datastore

    return Datastore.get(session.workspace(), found.datastore).path(found.path)


def table_of(session: Session, paths: tuple[str, ...], separator: str = ",") -> TabularDataset:
    """A registered table, or that in files, whose format is that of their endings."""
    from tandemlab.data import Dataset

    if len(paths) == 1 and (name := dataset_name(paths[0])):
        return _registered_table(session, name)
    endings = {Path(path).suffix.lower() for path in paths}
    places = places_of(session, paths)
    if endings == {".parquet"}:
        return Dataset.Tabular.from_parquet_files(places)
    if endings <= {".arrow", ".feather"}:
        return Dataset.Tabular.from_arrow_files(places)
    if endings <= {".jsonl", ".ndjson"}:
        return Dataset.Tabular.from_json_lines_files(places)
    tab = endings == {".tsv"} and separator == ","
    return Dataset.Tabular.from_delimited_files(places, separator="\t" if tab else separator)


def _registered_table(session: Session, name: str) -> TabularDataset:
    from tandemlab.data import Dataset, TabularDataset
    from tandemlab.domain import InvalidInput

    found = Dataset.get_by_id(session.workspace(), name)
    if not isinstance(found, TabularDataset):
        raise InvalidInput(
            f"The dataset {found.id!r} has files, and is no table.",
            hint=f"`tandemlab data show {found.id}` says which.",
        )
    return found
