"""Data frames in files that R and Python both read: ``write_frame`` and ``read_frame``.

R's functions of the same names do the same without Python. A pandas frame keeps R's tags, so that
what R wrote comes back to R identical.
"""

from __future__ import annotations

import errno
import os
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tandemlab.bridge.crossing import as_library, one_column, source_of, whole
from tandemlab.bridge.libraries import need
from tandemlab.bridge.stream import ArrowStreamable, OpenStream
from tandemlab.domain.errors import InvalidInput, NotFound, StorageError

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = {
    ".arrow": "file",
    ".feather": "file",
    ".ipc": "file",
    ".arrows": "stream",
    ".parquet": "parquet",
}
_BEGINNINGS = {b"ARROW1": "file", b"\xff\xff\xff\xff": "stream", b"PAR1": "parquet"}

# What R says of the same (note_prose in R/frames.R).
_NOTICES = {
    "column_names": "column names that are not text become text",
    "columns_name": "the name of its column axis is dropped ({})",
    "zones": "times of several zones get the zone of the first",
}


def write_frame(
    frame: object,
    path: str | os.PathLike[str],
    *,
    compression: Literal["lz4", "zstd"] | None = None,
) -> Path:
    """Writes a frame to a file, which appears when it is whole.

    Args:
        frame: a pandas or polars DataFrame, a pyarrow Table, RecordBatch or reader, or anything
            with ``__arrow_c_stream__``. A reader is written batch by batch.
        path: its extension chooses the format: ``.arrow``, ``.feather`` and ``.ipc`` are Arrow IPC
            files, ``.arrows`` is the same as a stream, ``.parquet`` is Parquet.
        compression: of the buffers. Only uncompressed Arrow files are read without a copy.

    Returns:
        The path.

    Raises:
        InvalidInput: the extension is unknown, a column has no form in Arrow, or a stream fails.
            What a reader of Python's raises stays what it is.
        StorageError: the disk is full or refuses, or memory is exhausted.
        MissingDependency: pyarrow is not installed.

    >>> import tempfile, pyarrow as pa
    >>> folder = Path(tempfile.mkdtemp())
    >>> written = write_frame(pa.table({"km": [42, None]}), folder / "trips.arrow")
    >>> read_frame(written).column("km").to_pylist()
    [42, None]
    """
    given = Path(path)
    kind = _format_of_name(given)
    if compression not in (None, "lz4", "zstd"):
        raise InvalidInput(
            f"Unknown compression {compression!r}.", hint="Use 'lz4', 'zstd' or None."
        )
    pa = need("pyarrow")
    source, notices = source_of(frame)
    for notice in notices:
        place = f"Column {notice['column']!r}" if notice["column"] else "The frame"
        warnings.warn(
            f"{place}: {_NOTICES[notice['reason']].format(notice['detail'])}.", stacklevel=2
        )
    with _enough_memory(f"{given} cannot be written"):
        reader = _reader(source)
        try:
            with _appearing(given) as temporary:
                if kind == "parquet":
                    _write_parquet(reader, temporary, compression)
                else:
                    _write_arrow(reader, temporary, kind, compression)
        except pa.ArrowInvalid as problem:
            raise InvalidInput(
                f"{given} cannot be written: {_first_line(problem)}",
                hint="Is the frame damaged, or did what delivers it fail?",
            ) from problem
    return given


@contextmanager
def _enough_memory(what: str) -> Iterator[None]:
    try:
        yield
    except MemoryError as problem:
        raise StorageError(
            f"{what}: memory is exhausted.", hint="Free some, or send fewer columns or rows."
        ) from problem


def _reader(source: ArrowStreamable) -> pa.RecordBatchReader:
    """What reads the source batch by batch; errors of a reader of Python's stay what they are."""
    pa = need("pyarrow")
    if isinstance(source, pa.RecordBatchReader):
        return source
    if isinstance(source, pa.Table):
        return source.to_reader()
    stream = OpenStream(source)
    try:
        return pa.RecordBatchReader.from_stream(stream)
    except pa.ArrowInvalid:
        raise one_column() from None


def _first_line(problem: BaseException) -> str:
    return str(problem).split("\n", 1)[0]


def read_frame(
    path: str | os.PathLike[str], library: Literal["arrow", "pandas", "polars"] = "arrow"
) -> Any:
    """Reads a frame that R or Python wrote; the file's first bytes tell its format.

    Args:
        path: of an Arrow IPC file or stream, or of a Parquet file.
        library: ``"arrow"`` for a pyarrow Table, ``"pandas"`` or ``"polars"`` for a DataFrame.

    Returns:
        The frame. A Table of an uncompressed Arrow file is the file itself, mapped into memory: it
        costs no time and no memory until its values are used. Do not change such a file in place;
        ``write_frame`` replaces it.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is damaged, or something else.
        StorageError: memory is exhausted.
        MissingDependency: the library is not installed.
    """
    if library not in ("arrow", "pandas", "polars"):
        raise InvalidInput(
            f"Unknown library {library!r}.", hint="Use 'arrow', 'pandas' or 'polars'."
        )
    given = Path(path)
    kind = _format_of_contents(given)
    pa = need("pyarrow")
    with _enough_memory(f"{given} cannot be read"):
        try:
            table = _read(given, kind)
            _check(table)
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, UnicodeDecodeError) as problem:
            if os.strerror(errno.ENOMEM) in str(problem):  # all that a failed mapping says
                raise MemoryError from problem
            raise InvalidInput(
                f"{given} cannot be read: {_first_line(problem)}",
                hint="Is it still being written, or was it cut short when it was copied?",
            ) from None
        return as_library(table, library)


def _read(path: Path, kind: str) -> pa.Table:
    pa = need("pyarrow")
    if kind == "parquet":
        # Not read_table(), which finds columns by their names, and so none that is there twice.
        with need("pyarrow.parquet").ParquetFile(path, memory_map=True) as file:
            return file.read()
    with pa.memory_map(str(path)) as source:
        opened = pa.ipc.open_file(source) if kind == "file" else pa.ipc.open_stream(source)
        return opened.read_all()


def _check(table: pa.Table) -> None:
    """Refuses what would be read outside of its memory, or is no text.

    Numbers need no look at the values; text, categories and lists do, since any of their offsets
    and codes may lie.
    """
    types = need("pyarrow").types
    table.validate()
    for column in table.columns:
        _check_names(column.type)
        column.validate(full=not types.is_primitive(column.type))


def _check_names(kind: pa.DataType) -> None:
    """Raises UnicodeDecodeError where the name of a zone or a field is no text."""
    getattr(kind, "tz", None)
    for field in map(kind.field, range(kind.num_fields)):
        str(field.name)
        _check_names(field.type)


def _format_of_name(path: Path) -> str:
    extension = path.suffix.lower()
    if extension not in FORMATS:
        shown = repr(extension) if extension else "missing"
        raise InvalidInput(
            f"The format of {path} is unknown: its extension is {shown}.",
            hint=f"Known are {', '.join(FORMATS)}.",
        )
    return FORMATS[extension]


def _format_of_contents(path: Path) -> str:
    try:
        with path.open("rb") as file:
            beginning = file.read(8)
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", hint="Is the path right?") from None
    except OSError as problem:
        raise InvalidInput(f"{path} cannot be read: {problem.strerror}.") from None
    for magic, kind in _BEGINNINGS.items():
        if beginning.startswith(magic):
            return kind
    what = "it is neither an Arrow file nor a Parquet file" if beginning else "it is empty"
    raise InvalidInput(f"{path} cannot be read: {what}.")


def _write_arrow(
    reader: pa.RecordBatchReader, path: Path, kind: str, compression: str | None
) -> None:
    pa = need("pyarrow")
    options = pa.ipc.IpcWriteOptions(compression=compression)
    new_writer = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with (
        pa.OSFile(str(path), "wb") as sink,
        new_writer(sink, reader.schema, options=options) as writer,
    ):
        for batch in _with_one_dictionary(reader):
            writer.write_batch(batch)


def _with_one_dictionary(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The same batches with the same categories in all: a file holds them once."""
    if not _has_dictionaries(reader.schema):
        return reader
    table = reader.read_all().unify_dictionaries()
    return need("pyarrow").RecordBatchReader.from_stream(whole(table))


def _has_dictionaries(schema: pa.Schema) -> bool:
    types = need("pyarrow").types

    def holds(kind: pa.DataType) -> bool:
        if types.is_dictionary(kind):
            return True
        return any(holds(kind.field(i).type) for i in range(kind.num_fields))

    return any(holds(field.type) for field in schema)


def _write_parquet(reader: pa.RecordBatchReader, path: Path, compression: str | None) -> None:
    writer = need("pyarrow.parquet").ParquetWriter
    with writer(path, reader.schema, compression=compression or "none") as sink:
        for batch in reader:
            sink.write_batch(batch)


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A temporary file in the same folder, which gets its name when the block has ended well."""
    target = path.resolve()  # a link stays a link
    temporary = target.with_name(f".tandemlab-{secrets.token_hex(13)}.tmp")
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as problem:
        raise StorageError(
            f"Could not write {path}: {problem.strerror or problem}",
            hint="Is the disk full, or the folder missing or read-only?",
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink()
