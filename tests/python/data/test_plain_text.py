"""Text that pyarrow reads is read as DuckDB reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tandemlab.data import Dataset, TabularDataset, plain_text
from tandemlab.data.definition import Definition, Source
from tandemlab.domain import TandemlabError

pytest.importorskip("duckdb")
pa = pytest.importorskip("pyarrow")

NUMBERS = "1 -2 +3 007 1.5 -0.0 1e5 1E400 1. .5 0x10 1_000 1d -- 9007199254740993".split()
WHOLE = ["9223372036854775807", "9223372036854775808", "123456789012345678901234567890"]
SPECIAL = ["nan", "NaN", "inf", "-Infinity", "", "NA", " NA", "NA ", "  ", " 1", "1 ", "1\t"]
DATES = ["2020-01-02", " 2020-01-02", "2020-1-2", "20200102", "2020/01/02", "2020-02-30"]
TEXTS = ["abc", "é", "\u00a01", "'x'", "\\", "a\\,b", "#c", "true", "a b", "x;y|z"]
VALUES = [*NUMBERS, *WHOLE, *SPECIAL, *DATES, "10000-01-01", *TEXTS]
ROW = st.lists(st.sampled_from(VALUES), min_size=3, max_size=3).map(",".join)
LINES = st.lists(st.one_of(ROW, ROW, ROW, st.sampled_from(["", " ", "1,2", "1,2,3,4", "#"])))
KINDS = st.lists(st.sampled_from(["BIGINT", "DOUBLE", "VARCHAR", "DATE"]), min_size=3, max_size=3)


def table_of(path: Path, kinds: list[str], header: str = "same") -> TabularDataset:
    options = {
        "separator": ",",
        "header": header,
        "missing_values": ["", "NA"],
        "encoding": "utf-8",
        "date_format": "%Y-%m-%d",
    }
    columns = dict(zip("abc", kinds, strict=True))
    return TabularDataset(Definition(Source("delimited", (str(path),), columns, options)))


def numbers(table: pa.Table) -> list[list[object]]:
    """Dates as numbers: Python has none beyond 9999."""
    columns = [each.cast("int32") if each.type == "date32" else each for each in table.columns]
    return [list(map(repr, each.to_pylist())) for each in columns]


def check(text: str, kinds: list[str], path: Path) -> bool:
    """Whether pyarrow reads the text; if so, as DuckDB does."""
    path.write_text(text, encoding="utf-8")
    dataset = table_of(path, kinds)
    found = plain_text.read(dataset.definition.source, dataset.files())
    if found is None:
        return False
    # A step, even one that leaves all rows, has DuckDB read the file.
    expected = dataset.skip(0).to_arrow()
    assert found.schema == expected.schema
    assert numbers(found) == numbers(expected)
    return True


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    lines=LINES,
    kinds=KINDS,
    end=st.sampled_from(["", "\n", "\n\n"]),
    piece=st.sampled_from([1, 20, 1 << 23]),
)
def test_what_pyarrow_reads_is_what_duckdb_reads(
    lines: list[str], kinds: list[str], end: str, piece: int, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_text, "_PIECE", piece)
        check("\n".join(["a,b,c", *lines]) + end, kinds, tmp_path / "x.csv")


@pytest.mark.full
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(values=st.lists(st.sampled_from(VALUES), min_size=1, max_size=4), kinds=KINDS)
def test_columns_of_few_values_are_read_alike(
    values: list[str], kinds: list[str], tmp_path: Path
) -> None:
    rows = [",".join([value] * 3) for value in values]
    check("\n".join(["a,b,c", *rows]), kinds, tmp_path / "x.csv")


@pytest.mark.parametrize("line", ['"a",1,2', "a,1,2\r", "a,1\0,2"])
def test_quotes_and_other_ends_of_lines_are_left_to_duckdb(line: str, tmp_path: Path) -> None:
    assert check("a,b,c\nx,1,2\n", ["VARCHAR", "BIGINT", "DOUBLE"], tmp_path / "x.csv")
    assert not check(f"a,b,c\n{line}\n", ["VARCHAR"] * 3, tmp_path / "x.csv")


def test_a_file_is_read_in_pieces_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_text, "_PIECE", 50)
    rows = [f"{row},é{row},{row}.5" for row in range(500)]
    kinds = ["BIGINT", "VARCHAR", "DOUBLE"]
    assert check("\n".join(["a,b,c", *rows]), kinds, tmp_path / "x.csv")
    assert not check("\n".join(["a,b,c", *rows, "x,1,2"]), kinds, tmp_path / "x.csv")
    # A mark of byte order within a text is one of its characters.
    marked = [f"\ufeff{row},1,2" for row in range(50)]
    kinds = ["VARCHAR", "BIGINT", "DOUBLE"]
    assert not check("\n".join(["a,b,c", *marked]), kinds, tmp_path / "x.csv")


def test_a_malformed_row_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "1,2\n" * 30_000 + "1,x\n")
    with pytest.raises(TandemlabError, match=r"line 30002: column 'b'"):
        Dataset.Tabular.from_delimited_files(path).to_arrow()
