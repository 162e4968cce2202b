"""`Dataset`: how datasets are made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from tandemlab.data import columnar, delimited, json_lines, partitions
from tandemlab.data.datastores.datastore import Datastore
from tandemlab.data.definition import Definition, Format, Source
from tandemlab.data.engine import connection
from tandemlab.data.file_dataset import FileDataset
from tandemlab.data.headers import PromoteHeadersBehavior
from tandemlab.data.locations import Places, absolute, expand
from tandemlab.data.registered import KIND, Registration, versions_of
from tandemlab.data.sql_rows import types_of
from tandemlab.data.tabular import TabularDataset
from tandemlab.data.types import ColumnTypes, chosen
from tandemlab.domain import InvalidInput
from tandemlab.domain.asset_names import AssetReference

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Workspace

Paths: TypeAlias = Places


class _Tabular:
    """Lazy tables of files."""

    @staticmethod
    def from_delimited_files(
        path: Paths,
        *,
        separator: str = ",",
        header: bool | str = True,
        infer_column_types: bool = True,
        set_column_types: ColumnTypes | None = None,
        missing_values: Sequence[str] = ("", "NA"),
        empty_as_string: bool = False,
        encoding: str = "utf-8",
        decimal: str = ".",
        partition_format: str | None = None,
        include_path: bool = False,
        validate: bool = True,
    ) -> TabularDataset:
        """A table in delimited text, such as CSV. Values in quotes may hold separators and lines.

        A column without a name is ``Column1``, ``Column2`` … by its place. What types the columns
        have is found now, from the first 20,480 rows, and kept; a value further on that does not
        fit is an error with its line. So is a row with too few or too many values; a separator at
        its end begins one more. A number with a fraction does not fit whole numbers, nor a time
        with an offset times without: nothing is rounded or left out. Numbers beyond the range of
        doubles are infinite.

        Args:
            path: files, folders or patterns (``*``, ``?``, ``**``); those of a datastore as
                ``(datastore, path)`` or `Datastore.path`.
            separator: one character.
            header: whether the first line of each file has the names, the same in all; or a
                `PromoteHeadersBehavior`: ``"first"`` where the first file alone has them,
                ``"combine"`` where files may have different columns, and rows miss those that
                their file does not have.
            infer_column_types: whether to find the types; otherwise all columns are text.
            set_column_types: types by column: string, integer, double, boolean, date, datetime,
                time, or a `DataType`.
            missing_values: texts that stand for a missing value.
            empty_as_string: whether an empty text is one in columns of text, not a missing value.
            encoding: utf-8, utf-16 or latin-1.
            decimal: what is between a number and its fraction, ``"."`` or ``","``.
            partition_format: what parts of the paths mean, such as
                ``"/{country}/{day:yyyy/MM/dd}/*.csv"``, for the end of each path; makes columns.
            include_path: whether to add the path of its file to each row, as the column ``Path``.
            validate: whether to make sure now that the table can be read.

        Raises:
            NotFound: there is no such file.
            InvalidInput: files have different columns, a row is malformed (with its line), or a
                format cannot be used.
        """
        options = {
            **delimited.checked_dialect(separator, encoding, decimal),
            "header": PromoteHeadersBehavior.of(header).value,
            "missing_values": list(missing_values),
            **({"empty_as_string": True} if empty_as_string else {}),
        }
        paths = absolute(path)
        columns, options = delimited.look(
            expand(paths), options, set_column_types, infer=infer_column_types
        )
        source = Source("delimited", paths, columns, options, partition_format, include_path)
        return _table(source, validate)

    @staticmethod
    def from_parquet_files(
        path: Paths,
        *,
        set_column_types: ColumnTypes | None = None,
        partition_format: str | None = None,
        include_path: bool = False,
        validate: bool = True,
    ) -> TabularDataset:
        """A table in Parquet files; the arguments are those of `from_delimited_files`."""
        return _columnar(
            "parquet", path, set_column_types, partition_format, include_path, validate
        )

    @staticmethod
    def from_arrow_files(
        path: Paths,
        *,
        set_column_types: ColumnTypes | None = None,
        partition_format: str | None = None,
        include_path: bool = False,
        validate: bool = True,
    ) -> TabularDataset:
        """A table in Arrow files (Feather); the arguments are those of `from_delimited_files`.

        Such files are mapped into memory: nothing of them is read before it is used.
        """
        return _columnar("arrow", path, set_column_types, partition_format, include_path, validate)

    @staticmethod
    def from_json_lines_files(
        path: Paths,
        *,
        set_column_types: ColumnTypes | None = None,
        partition_format: str | None = None,
        include_path: bool = False,
        invalid_lines: str = "error",
        validate: bool = True,
    ) -> TabularDataset:
        """A table in JSON lines, one object a line.

        What columns there are, and of what types, is found now in all lines, and kept. A file that
        has other fields later is an error; for that all lines are looked at once more, when a file
        is first read by a process.

        Args:
            invalid_lines: ``"error"``, or ``"drop"`` to leave out lines that are no JSON, and to
                take a value that does not fit its column as missing.
            validate: whether to look at all lines, now and when the table is read; otherwise types
                come from the first 20,480 of a file, and fields that these do not have are left
                out.

        The others are those of `from_delimited_files`.
        """
        if invalid_lines not in ("error", "drop"):
            raise InvalidInput(f"invalid_lines must be 'error' or 'drop', not {invalid_lines!r}.")
        paths = absolute(path)
        options: dict[str, Any] = {"invalid_lines": invalid_lines}
        if not validate:
            options["first_lines_only"] = True
        with connection() as database:
            found = json_lines.look(database, expand(paths), options, whole=validate)
        types, formats = chosen(set_column_types, list(found))
        if formats:
            options["formats"] = formats
        source = Source("json_lines", paths, found | types, options, partition_format, include_path)
        return _table(source, validate)

    @staticmethod
    def from_sql_query(
        datastore: Datastore,
        query: str,
        *,
        set_column_types: ColumnTypes | None = None,
        query_timeout: float | None = 30,
    ) -> TabularDataset:
        """What a query of a database gives; it runs each time the table is read.

        Rows are read in pieces, in a transaction that is for reading only (PostgreSQL, MySQL,
        MariaDB and SQLite refuse anything else) and is rolled back at its end. What types the
        columns have is found now, from the first 20,000 rows, and kept; a value further on that
        does not fit is an error with its row, and no part of the table is given then. Decimal
        numbers become doubles. Only an ORDER BY makes rows come in the same order each time.

        Args:
            datastore: one that `Datastore.register_sql` has registered.
            query: one statement in the words of the database.
            set_column_types: as for `from_delimited_files`.
            query_timeout: seconds that the database may take before its first rows, and for each
                piece of 10,000 rows; None for no limit.

        Raises:
            InvalidInput: the datastore holds files, or the database refuses the query.
            Unavailable: the database does not answer, or not in time.
        """
        if not query.strip():
            raise InvalidInput("The query is empty.")
        if query_timeout is not None and not query_timeout > 0:
            raise InvalidInput(f"query_timeout must be seconds above 0, not {query_timeout!r}.")
        columns = types_of(datastore.database, query, query_timeout)
        casts, formats = chosen(set_column_types, list(columns))
        casts = {name: kind for name, kind in casts.items() if columns[name] != kind}
        options = {
            "query": query,
            "query_timeout": query_timeout,
            **({"casts": casts} if casts else {}),
            **({"formats": formats} if formats else {}),
        }
        read = columns | dict.fromkeys(casts, "VARCHAR")
        return _table(Source("sql", (datastore.path(),), read, options), validate=True)


def _columnar(
    form: Format,
    path: Paths,
    set_column_types: ColumnTypes | None,
    partition_format: str | None,
    include_path: bool,
    validate: bool,
) -> TabularDataset:
    paths = absolute(path)
    with connection() as database:
        columns = columnar.columns_of(database, form, expand(paths)[0])
    casts, formats = chosen(set_column_types, list(columns))
    options = {
        **({"casts": casts} if casts else {}),
        **({"formats": formats} if formats else {}),
    }
    return _table(Source(form, paths, columns, options, partition_format, include_path), validate)


class _File:
    """Sets of files."""

    @staticmethod
    def from_files(
        path: Paths, *, partition_format: str | None = None, validate: bool = True
    ) -> FileDataset:
        """The files of paths, folders and patterns.

        Args:
            path: files, folders or patterns (``*``, ``?``, ``**``).
            partition_format: what the end of each path must look like.
            validate: whether to make sure now that the files are there.

        Raises:
            NotFound: there is no such file.
            InvalidInput: a path does not fit the partition format.
        """
        found = FileDataset(
            Definition(Source("files", absolute(path), partition_format=partition_format))
        )
        if validate:
            found.files()
        return found


class Dataset:
    r"""Makes datasets: `Dataset.Tabular` of tables, `Dataset.File` of files as they are.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "cars.csv")
    >>> _ = path.write_text("speed,dist\n4,2\n7,4\n")
    >>> cars = Dataset.Tabular.from_delimited_files(path)
    >>> cars.columns
    {'speed': 'BIGINT', 'dist': 'BIGINT'}
    """

    Tabular: ClassVar[type[_Tabular]] = _Tabular
    File: ClassVar[type[_File]] = _File

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> TabularDataset | FileDataset:
        """A dataset from the plain data of its definition."""
        return _opened(Definition.from_dict(content))

    @staticmethod
    def from_json(text: str) -> TabularDataset | FileDataset:
        """A dataset from the text of its definition.

        Raises:
            InvalidInput: it is none.
        """
        try:
            content = json.loads(text)
        except ValueError as problem:
            raise InvalidInput(f"This is no definition of a dataset: {problem}.") from None
        return Dataset.from_dict(content)

    @staticmethod
    def get_by_name(
        workspace: Workspace, name: str, version: int | str | None = None
    ) -> TabularDataset | FileDataset:
        """A registered dataset.

        Args:
            name: its name, or ``NAME:VERSION``.
            version: a number; the newest if None or ``"latest"``.

        Raises:
            NotFound: there is none; the hint says what there is instead.
        """
        reference = AssetReference.of(name, kind=KIND)
        if version in (None, "latest"):
            version = reference.version
        return of_asset(workspace, workspace.assets.get(KIND, reference.name, version))

    @staticmethod
    def get_by_id(workspace: Workspace, id: str) -> TabularDataset | FileDataset:
        """The registered dataset of an id, ``NAME:VERSION``."""
        return Dataset.get_by_name(workspace, id)

    @staticmethod
    def get_all(workspace: Workspace) -> dict[str, TabularDataset | FileDataset]:
        """The newest version of each registered dataset, by name."""
        return {asset.name: of_asset(workspace, asset) for asset in workspace.assets.list(KIND)}

    @staticmethod
    def get_versions(workspace: Workspace, name: str) -> list[TabularDataset | FileDataset]:
        """All registered versions of a name, the newest first."""
        return [of_asset(workspace, asset) for asset in versions_of(workspace, name)]


def of_asset(workspace: Workspace, asset: Asset) -> TabularDataset | FileDataset:
    """The dataset that a workspace keeps."""
    definition = Definition.from_dict(asset.definition["dataset"])
    return _opened(definition.within(workspace.address), Registration(workspace, asset))


def _opened(
    definition: Definition, registration: Registration | None = None
) -> TabularDataset | FileDataset:
    is_files = definition.source.format == "files"
    return (FileDataset if is_files else TabularDataset)(definition, registration)


def _table(source: Source, validate: bool) -> TabularDataset:
    if source.partition_format is not None:
        partitions.parse(source.partition_format)
    found = TabularDataset(Definition(source))
    if validate:
        _ = found.columns
    return found
