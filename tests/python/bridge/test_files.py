"""Frames in files: what R and Python write for each other, and what is refused."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tandemlab import ScriptRunConfig, Workspace
from tandemlab.bridge import read_frame, write_frame
from tandemlab.domain.errors import InvalidInput, NotFound, StorageError

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
np = pytest.importorskip("numpy")

EVERY = [".arrow", ".feather", ".ipc", ".arrows", ".parquet"]


@pytest.mark.parametrize("extension", EVERY)
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_frames_come_back_equal(tmp_path: Path, extension: str, compression: Any) -> None:
    frame = pd.DataFrame({"x": [1.5, 2.5], "c": pd.Categorical(["b", "a"])}, index=["u", "v"])
    path = write_frame(frame, tmp_path / f"frame{extension}", compression=compression)
    pd.testing.assert_frame_equal(read_frame(path, "pandas"), frame)
    assert read_frame(path, "polars")["x"].to_list() == [1.5, 2.5]


def test_an_arrow_file_is_mapped_and_not_copied(tmp_path: Path) -> None:
    path = write_frame(pa.table({"x": pa.array(range(100_000))}), tmp_path / "frame.arrow")
    before = pa.total_allocated_bytes()
    table = read_frame(path)
    address = table["x"].chunk(0).buffers()[1].address
    lines = Path("/proc/self/maps").read_text().splitlines()
    places = [line.split()[0] for line in lines if line.endswith(str(path))]
    spans = [tuple(int(end, 16) for end in place.split("-")) for place in places]
    assert any(start <= address < end for start, end in spans)
    assert pa.total_allocated_bytes() - before < 10_000


@pytest.mark.parametrize("extension", EVERY)
def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, extension: str) -> None:
    path = write_frame(pa.table({"x": [1]}), tmp_path / f"frame{extension}")
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))  # as if the disk were full
    try:
        with pytest.raises(StorageError):
            write_frame(pa.table({"x": os.urandom(100_000).split(b"a")}), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def reader(batches: Iterable[Any]) -> Any:
    return pa.RecordBatchReader.from_batches(pa.schema({"x": pa.int64()}), batches)


@pytest.mark.parametrize("extension", [".arrow", ".parquet"])
@pytest.mark.parametrize("problem", [RuntimeError("the connection broke"), KeyboardInterrupt()])
def test_a_reader_that_fails_midway_leaves_nothing(
    tmp_path: Path, extension: str, problem: BaseException
) -> None:
    def batches() -> Iterator[Any]:
        yield pa.record_batch({"x": [1]})
        raise problem

    with pytest.raises(type(problem)) as caught:
        write_frame(reader(batches()), tmp_path / f"frame{extension}")
    assert str(caught.value) == str(problem)
    assert list(tmp_path.iterdir()) == []


def test_a_stream_of_another_library_that_fails_midway_is_an_error(tmp_path: Path) -> None:
    def batches() -> Iterator[Any]:
        raise ValueError("the connection broke")
        yield

    class Other:
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
            return reader(batches()).__arrow_c_stream__()

    with pytest.raises(InvalidInput, match=r"cannot be written: .*the connection broke"):
        write_frame(Other(), tmp_path / "frame.arrow")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_a_long_write_and_leaves_nothing(tmp_path: Path) -> None:
    began = threading.Event()

    def batches() -> Iterator[Any]:
        while True:
            began.set()
            yield pa.record_batch({"x": range(1000)})

    def interrupt() -> None:
        began.wait()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        write_frame(reader(batches()), tmp_path / "frame.arrow")
    thread.join()
    assert list(tmp_path.iterdir()) == []


def test_columns_of_the_same_name_come_back(tmp_path: Path) -> None:
    table = pa.table([[1], [2]], names=["x", "x"])
    for extension in EVERY:
        assert read_frame(write_frame(table, tmp_path / f"frame{extension}")).equals(table)


def test_views_of_text_become_text_of_pandas(tmp_path: Path) -> None:
    texts = ["a", None, "longer than twelve bytes"]
    path = write_frame(pa.table({"x": pa.array(texts, pa.string_view())}), tmp_path / "frame.arrow")
    expected = pd.Series(pd.array(texts, "str"), name="x")
    pd.testing.assert_series_equal(read_frame(path, "pandas")["x"], expected)


def lying(kind: str) -> Any:
    """A column that Python would read outside of its memory, or that is no text."""
    offsets, text = pa.py_buffer(np.array([0, 2**30, 2], "i4")), pa.py_buffer(b"\xff\xfe")
    return {
        "offsets": lambda: pa.Array.from_buffers(pa.string(), 2, [None, offsets, text]),
        "codes": lambda: pa.DictionaryArray.from_arrays(pa.array([0, 7]), ["a"], safe=False),
        "text": lambda: pa.array([b"\xff", b"a"]).view(pa.string()),
        "lists": lambda: pa.Array.from_buffers(
            pa.list_(pa.int8()), 2, [None, offsets], children=[pa.array([1, 2], pa.int8())]
        ),
    }[kind]()


@pytest.mark.parametrize("kind", ["offsets", "codes", "text", "lists"])
def test_a_file_that_lies_is_refused(tmp_path: Path, kind: str) -> None:
    batch = pa.record_batch([lying(kind)], names=["x"])
    path = tmp_path / "frame.arrow"
    with pa.ipc.new_file(path, batch.schema) as file:
        file.write_batch(batch)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_frame(path)


WITHOUT_MEMORY = """
import resource, sys
import pyarrow, pandas
from tandemlab.bridge import read_frame
read_frame(sys.argv[1], sys.argv[2])  # starts the threads, which need room, too
pyarrow.default_memory_pool().release_unused()
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 8_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
read_frame(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize(("compression", "library"), [(None, "arrow"), ("zstd", "pandas")])
def test_where_memory_ends_there_is_an_error(
    tmp_path: Path, compression: Any, library: str
) -> None:
    table = pa.table({"x": np.zeros(10_000_000)})
    path = write_frame(table, tmp_path / "frame.arrow", compression=compression)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MEMORY, path, library], capture_output=True, text=True
    )
    assert "StorageError" in done.stderr and "memory is exhausted" in done.stderr


@pytest.mark.parametrize("name", ["frame.csv", "frame", "frame.arrow.gz"])
def test_an_unknown_extension_is_refused_with_those_that_are_known(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        write_frame(pa.table({"x": [1]}), tmp_path / name)
    assert all(extension in caught.value.hint for extension in EVERY)


@pytest.mark.parametrize("contents", [b"", b"a,b\n1,2\n", b"ARROW1", b"\xff\xff\xff\xff\x10"])
def test_what_is_no_whole_arrow_file_is_refused(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "frame.arrow"
    path.write_bytes(contents)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_frame(path)
    with pytest.raises(NotFound):
        read_frame(tmp_path / "missing.arrow")


PYTHON_WRITES = """
import sys
import pyarrow as pa
from tandemlab.bridge import write_frame
write_frame(pa.table({"x": [1, None, 3], "c": pa.array(["a", "b", "a"]).dictionary_encode()}),
            sys.argv[1])
"""

R_ANSWERS = """
paths <- commandArgs(TRUE)
x <- tandemlab::read_frame(paths[[1]], int64 = "double")
stopifnot(identical(x$x, c(1, NA, 3)), identical(levels(x$c), c("a", "b")))
x$y <- as.POSIXct(x$x, origin = "1970-01-01", tz = "Europe/Berlin")
tandemlab::write_frame(x, paths[[2]])
maps <- readLines("/proc/self/maps")
stopifnot(!any(grepl("libpython", maps)), !isNamespaceLoaded("reticulate"))
"""

PYTHON_READS = """
import sys
from tandemlab.bridge import read_frame
table = read_frame(sys.argv[1])
assert str(table.schema.field("y").type) == "timestamp[us, tz=Europe/Berlin]", table.schema
assert table["c"].to_pylist() == ["a", "b", "a"] and table["x"].to_pylist() == [1, None, 3]
"""


def test_jobs_of_both_languages_hand_each_other_frames(
    tmp_path: Path, workspace: Workspace
) -> None:
    scripts = {"write.py": PYTHON_WRITES, "answer.R": R_ANSWERS, "read.py": PYTHON_READS}
    source = tmp_path / "source"
    source.mkdir()
    for name, text in scripts.items():
        (source / name).write_text(text)
    given, answer = str(tmp_path / "given.arrow"), str(tmp_path / "answer.arrow")
    for name, arguments in [
        ("write.py", [given]),
        ("answer.R", [given, answer]),
        ("read.py", [answer]),
    ]:
        run = workspace.experiment("frames").submit(
            ScriptRunConfig(source, name, arguments=arguments, compute_target="local")
        )
        run.wait_for_completion()  # raises with the script's output if it failed
