"""How data is named on the command line: by paths, ``datastore:NAME/PATH`` or ``dataset:NAME``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import variables
from tandemlab.cli.session import Session

if TYPE_CHECKING:
    from tandemlab.data import DataPath, TabularDataset

_DATASTORE = "datastore:"
_DATASET = "dataset:"
_OPTIONS = {
    "separator": "--separator",
    "encoding": "--encoding",
    "decimal": "--decimal",
    "header": "--no-header",
    "missing_values": "--missing",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How the text of files becomes a table.

    Attributes:
        delimited: arguments for delimited text alone, as they were given.
        types: types by column.
    """

    delimited: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def refuse(self, what: str, *, types: bool = True) -> None:
        """Tell of options that are given, and mean nothing.

        Args:
            types: whether types of columns mean nothing, too.

        Raises:
            InvalidInput: there are such.
        """
        from tandemlab.domain import InvalidInput

        given = [_OPTIONS[name] for name in self.delimited]
        given += ["--type"] if types and self.types else []
        if given:
            raise InvalidInput(f"{what} has no use for {' and '.join(given)}.")


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of delimited text and of types, which give the argument ``reading``."""

    @click.option(
        "--separator", metavar="CHARACTER", help="Of delimited text; a comma, a tab in .tsv files."
    )
    @click.option("--encoding", help="Of delimited text: utf-8 (usual), utf-16 or latin-1.")
    @click.option(
        "--decimal",
        metavar="SIGN",
        help="Of numbers in delimited text: . (usual) or , before the fraction.",
    )
    @click.option(
        "--no-header",
        is_flag=True,
        help="Delimited text that begins without names of columns.",
    )
    @click.option(
        "--missing",
        multiple=True,
        metavar="TEXT",
        help="What stands for a missing value in delimited text, instead of nothing and NA. May be "
        "given several times.",
    )
    @click.option(
        "--type",
        "types",
        multiple=True,
        metavar="COLUMN=TYPE",
        callback=variables,
        help="Type of a column instead of what is found: string, integer, double, boolean, date, "
        "datetime or time. May be given several times.",
    )
    @wraps(command)
    def wrapped(
        *values: Any,
        separator: str | None,
        encoding: str | None,
        decimal: str | None,
        no_header: bool,
        missing: tuple[str, ...],
        types: dict[str, str],
        **others: Any,
    ) -> Any:
        given = {
            "separator": separator,
            "encoding": encoding,
            "decimal": decimal,
            "header": False if no_header else None,
            "missing_values": missing or None,
        }
        delimited = {name: value for name, value in given.items() if value is not None}
        return command(*values, reading=Reading(delimited, types), **others)

    return wrapped


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


def table_of(
    session: Session, paths: tuple[str, ...], reading: Reading | None = None
) -> TabularDataset:
    """A registered table, or that in files, whose format is that of their endings.

    Raises:
        InvalidInput: what is told of its text has no meaning for it, or it ends in ``.json``.
    """
    from tandemlab.data import Dataset
    from tandemlab.data.endings import FORMATS, usual_separator

    how = reading or Reading()
    if len(paths) == 1 and (name := dataset_name(paths[0])):
        how.refuse("A registered dataset")
        return _registered_table(session, name)
    places = places_of(session, paths)
    endings = _endings(places)
    found = {FORMATS.get(ending, "delimited") for ending in endings}
    form = found.pop() if len(found) == 1 else "delimited"
    if ".json" in endings and not how.delimited:
        raise _no_table(paths)
    make: Callable[..., TabularDataset] = getattr(Dataset.Tabular, f"from_{form}_files")
    types = {"set_column_types": how.types} if how.types else {}
    if form != "delimited":
        how.refuse(f"A table in {' and '.join(sorted(endings))} files", types=False)
        return make(places, **types)
    separator = usual_separator(endings.pop() if len(endings) == 1 else "")
    return make(places, **types, **{"separator": separator, **how.delimited})


def check_is_table(path: str) -> None:
    """Refuse a file that would only be read as delimited text because its ending says nothing.

    Raises:
        InvalidInput: its ending is that of no table.
    """
    from tandemlab.data.endings import FORMATS

    ending = Path(path).suffix.lower()
    if dataset_name(path) is None and ending not in FORMATS:
        from tandemlab.domain import InvalidInput

        raise InvalidInput(
            f"{path} is no table by its ending.",
            hint=f"Tables end in {', '.join(FORMATS)}; name the file so if it is one.",
            details={"path": path},
        )


def _no_table(paths: tuple[str, ...]) -> Exception:
    from tandemlab.domain import InvalidInput

    return InvalidInput(
        f"{paths[0]} is no table by its ending: JSON as a whole is not read as one.",
        hint="JSON lines, an object on each line, are (.jsonl): "
        "`jq -c '.[]' FILE.json > FILE.jsonl` makes them of an array of objects.",
        details={"path": paths[0]},
    )


def _endings(places: list[str | DataPath]) -> set[str]:
    """The endings of paths, or of the files that a folder or a pattern without one stands for."""
    from tandemlab.data.locations import absolute, listed

    texts = [place if isinstance(place, str) else place.path for place in places]
    endings = {Path(text).suffix.lower() for text in texts}
    if "" in endings:
        endings = {Path(file.name).suffix.lower() for file in listed(absolute(places))}
    return endings


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
