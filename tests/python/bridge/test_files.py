"""Frames in files: what R and Python write for each other, and what is refused."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

from tandemlab import ScriptRunConfig, Workspace
from tandemlab.bridge import read_frame, write_frame
from tandemlab.domain.errors import InvalidInput, NotFound, StorageError

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")

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
