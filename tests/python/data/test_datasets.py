"""Datasets of tables and files; the cases of both languages are in ``tests/conformance``."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from plugins.data_cases import cases_of, write_files
from tandemlab.bridge import read_frame, write_frame
from tandemlab.data import Dataset, FileDataset, TabularDataset
from tandemlab.domain import AlreadyExists, InvalidInput, NotFound, StorageError, TandemlabError

duckdb = pytest.importorskip("duckdb")
pa = pytest.importorskip("pyarrow")


def cases() -> list[Any]:
    found = [*cases_of("tables"), *cases_of("malformed")]
    return [pytest.param(case, id=case["name"]) for case in found]


def made(folder: Path, case: dict[str, Any]) -> TabularDataset:
    path = case["path"] if "://" in case["path"] else str(folder / case["path"])
    kind = case.get("from", "delimited")
    make: Callable[..., TabularDataset] = getattr(Dataset.Tabular, f"from_{kind}_files")
    found = make(path, **case.get("options", {}))
    for step in case.get("steps", ()):
        found = stepped(found, dict(step))
    return found


def stepped(found: TabularDataset, step: dict[str, Any]) -> TabularDataset:
    do = step.pop("do")
    if do == "time":
        times = {
            name: datetime.fromisoformat(step.pop(name).replace("Z", "+00:00"))
            for name in ("start", "end")
            if name in step
        }
        if len(times) == 2:
            return found.time_between(times["start"], times["end"], **step)
        name, time = times.popitem()
        return (found.time_after if name == "start" else found.time_before)(time, **step)
    verb = {
        "keep": "keep_columns",
        "drop": "drop_columns",
        "sample": "take_sample",
        "timestamps": "with_timestamp_columns",
    }.get(do, do)
    method: Callable[..., TabularDataset] = getattr(found, verb)
    return method(**step)


def columns_of(found: TabularDataset, **options: Any) -> dict[str, list[Any]]:
    table = found.to_arrow(**options).to_pydict()
    return {
        name: [str(value) if isinstance(value, date) else value for value in values]
        for name, values in table.items()
    }


def written_and_read(found: TabularDataset, form: str) -> TabularDataset:
    write: Callable[[], FileDataset] = getattr(found, f"to_{form}_files")
    folder = write().definition.source.paths[0]
    if form == "csv":
        return Dataset.Tabular.from_delimited_files(folder)
    return Dataset.Tabular.from_parquet_files(folder)


@pytest.mark.parametrize("case", cases())
def test_tables(case: dict[str, Any], tmp_path: Path) -> None:
    write_files(tmp_path, case["files"], case.get("encoding", "utf-8"))
    if "error" in case:
        with pytest.raises(TandemlabError) as error:
            made(tmp_path, case)
        assert case["error"] in str(error.value)
        return
    found = made(tmp_path, case)
    again = Dataset.from_dict(found.definition.to_dict())
    assert isinstance(again, TabularDataset) and again.definition == found.definition
    write_files(tmp_path, case.get("later", {}))
    if "read_error" in case:
        with pytest.raises(TandemlabError) as error:
            found.to_arrow()
        assert case["read_error"] in str(error.value)
    elif "split" in case:
        parts = [columns_of(part)["x"] for part in found.random_split(**case["split"])]
        assert parts == case["parts"]
    elif "profile" in case:
        profiles = {each.name: each.to_dict() for each in found.profile()}
        for name, expected in case["profile"].items():
            assert expected.items() <= profiles[name].items()
    else:
        if "through" in case:
            again = written_and_read(again, case["through"])
        columns = columns_of(again, on_error=case.get("on_error", "fail"))
        assert list(columns.items()) == list(case["columns"].items())


@pytest.fixture
def numbers(tmp_path: Path) -> TabularDataset:
    path = tmp_path / "numbers.csv"
    rows = "".join(f"{i},{i * 0.5},{'ab'[i % 2]}\n" for i in range(5000))
    path.write_text(f"x,y,z\n{rows}")
    return Dataset.Tabular.from_delimited_files(path)


def test_a_split_without_a_seed_is_whole_as_well(numbers: TabularDataset) -> None:
    first, second = (set(columns_of(part)["x"]) for part in numbers.random_split(0.3))
    assert not first & second and first | second == set(range(5000))
    assert 1300 < len(first) < 1700


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_shares_beyond_the_whole_are_refused(share: float, numbers: TabularDataset) -> None:
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        numbers.random_split(share)
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        numbers.take_sample(share)


def test_the_ends_of_a_share_take_all_and_none(numbers: TabularDataset) -> None:
    assert len(numbers.take_sample(1.0)) == 5000 and len(numbers.take_sample(0.0)) == 0


def test_tables_become_frames_of_each_library(numbers: TabularDataset) -> None:
    small = numbers.take(3)
    pandas = small.to_pandas_dataframe()
    assert pandas["x"].tolist() == [0, 1, 2] and pandas["z"].tolist() == ["a", "b", "a"]
    polars = pytest.importorskip("polars")
    assert small.to_polars().equals(polars.DataFrame(small))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_is_written_and_reads_back(
    kind: str, numbers: TabularDataset, tmp_path: Path
) -> None:
    target = tmp_path / "out" / kind
    files = getattr(numbers, f"to_{kind}_files")(target)
    assert files.to_path() == [f"part-00000.{kind}"]
    make = getattr(Dataset.Tabular, f"from_{'delimited' if kind == 'csv' else kind}_files")
    assert make(target).to_arrow().equals(numbers.to_arrow())
    with pytest.raises(AlreadyExists):
        getattr(numbers, f"to_{kind}_files")(target)


def test_a_table_that_cannot_be_read_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x\n" + "1\n" * 30000 + "many\n")
    found = Dataset.Tabular.from_delimited_files(path)
    with pytest.raises(InvalidInput, match="line 30002"):
        found.to_parquet_files(tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_the_digest_tells_that_the_data_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n")
    found = Dataset.Tabular.from_delimited_files(path)
    before = found.digest()
    os.utime(path, (1, 1))
    assert found.digest() == before
    path.write_text("x\n2\n")
    os.utime(path, (2, 2))
    assert found.digest() != before


def test_what_happens_to_files_later_is_an_error_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,2\n")
    found = Dataset.Tabular.from_delimited_files(path)
    path.write_text("y,x\n1,2\n")
    with pytest.raises(InvalidInput, match="has the columns 'y', 'x', not 'x', 'y'"):
        found.to_arrow()
    path.unlink()
    with pytest.raises(NotFound, match="No file"):
        found.to_arrow()


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_files_that_know_their_types_are_one_table(form: str, tmp_path: Path) -> None:
    first, second = pa.table({"x": [1, 2], "w": ["a", None]}), pa.table({"x": [3], "w": ["b"]})
    make = write_tables(tmp_path, form, first, second)
    found = make(tmp_path, include_path=True, set_column_types={"x": "double"})
    assert found.columns == {"x": "DOUBLE", "w": "VARCHAR", "Path": "VARCHAR"}
    assert columns_of(found.keep_columns(["x", "w"])) == {"x": [1, 2, 3], "w": ["a", None, "b"]}
    assert Path(columns_of(found)["Path"][2]).name == f"1.{form}"


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_file_of_another_schema_is_named_with_the_column(form: str, tmp_path: Path) -> None:
    make = write_tables(tmp_path, form, pa.table({"x": [1]}), pa.table({"x": [0.5]}))
    with pytest.raises(InvalidInput, match=rf"1\.{form} has the type DOUBLE in the column 'x'"):
        make(tmp_path)
    assert columns_of(make(tmp_path, set_column_types={"x": "double"})) == {"x": [1, 0.5]}
    write_tables(tmp_path, form, pa.table({"x": [1]}), pa.table({"y": [2]}))
    with pytest.raises(InvalidInput, match=rf"1\.{form} has no column 'x'") as error:
        make(tmp_path)
    assert error.value.details["column"] == "x"


def write_tables(folder: Path, form: str, *tables: Any) -> Callable[..., TabularDataset]:
    for place, table in enumerate(tables):
        write_frame(table, folder / f"{place}.{form}")
    make: Callable[..., TabularDataset] = getattr(Dataset.Tabular, f"from_{form}_files")
    return make


def test_a_table_becomes_an_arrow_file_by_the_batch(
    numbers: TabularDataset, tmp_path: Path
) -> None:
    path = numbers.filter("x % 2 = 0").to_arrow_file(tmp_path / "even.arrow")
    assert read_frame(path)["x"].to_pylist() == list(range(0, 5000, 2))
    assert len(Dataset.Tabular.from_arrow_files(path)) == 2500


def test_a_malformed_row_makes_no_arrow_file_and_is_told_with_its_line(tmp_path: Path) -> None:
    text = tmp_path / "late.csv"
    text.write_text("a,b\n" + "1,2\n" * 3000 + "1,2,3\n")
    table = Dataset.Tabular.from_delimited_files(text)
    with pytest.raises(InvalidInput, match="line 3002: 3 values"):
        table.to_arrow_file(tmp_path / "late.arrow")
    assert sorted(tmp_path.iterdir()) == [text]


def test_a_column_that_vanishes_before_it_is_read_is_named(tmp_path: Path) -> None:
    make = write_tables(tmp_path, "parquet", pa.table({"x": [1], "w": ["a"]}))
    found = make(tmp_path)
    write_tables(tmp_path, "parquet", pa.table({"x": [1]}))
    with pytest.raises(InvalidInput, match=r"0\.parquet has no column 'w'"):
        found.to_arrow()


def test_a_field_that_comes_late_in_a_changed_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"x": 1}\n')
    found = Dataset.Tabular.from_json_lines_files(path)
    first = Dataset.Tabular.from_json_lines_files(path, validate=False)
    path.write_text('{"x": 1}\n' * 21_000 + '{"x": 1, "late": 2}\n')
    with pytest.raises(InvalidInput, match="has the fields 'late'"):
        found.to_arrow()
    assert len(first) == 21_001


def test_types_and_fields_that_come_late_in_json_lines_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"x": 1, "y": {"a": 1}}\n' * 21_000 + '{"x": 1.5, "y": {"a": 1, "b": 2}}\n')
    last = Dataset.Tabular.from_json_lines_files(path).skip(21_000).to_arrow()
    assert last.to_pylist() == [{"x": 1.5, "y": {"a": 1, "b": 2}}]


def test_no_part_of_a_table_is_given_where_memory_ends(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    rows = "SELECT range AS x, 'text' AS w FROM range(8_000_000)"
    duckdb.sql(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
    script = (
        "import resource, sys\n"
        "from tandemlab.data import Dataset\n"
        "found = Dataset.Tabular.from_parquet_files(sys.argv[1])\n"
        "import pyarrow, pandas\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "limit = used + 100_000_000\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "try:\n"
        "    print(len(found.to_pandas_dataframe()))\n"
        "except Exception as problem:\n"
        "    print(getattr(problem, 'code', repr(problem)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert ended.stdout.strip() == "storage_error", ended


def test_text_in_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("größe,Wort\n1,über\n", encoding="latin-1")
    with pytest.raises(InvalidInput, match="encoding"):
        Dataset.Tabular.from_delimited_files(path)
    found = Dataset.Tabular.from_delimited_files(path, encoding="latin-1")
    assert columns_of(found) == {"größe": [1], "Wort": ["über"]}
    path.write_text("x\n1\n", encoding="utf-8-sig")
    assert columns_of(Dataset.Tabular.from_delimited_files(path)) == {"x": [1]}


def test_recent_rows_are_recent_when_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    times = [now - timedelta(hours=hours) for hours in (1, 48, 72)]
    path.write_text("at\n" + "".join(f"{time:%Y-%m-%d %H:%M:%S}\n" for time in times))
    found = Dataset.Tabular.from_delimited_files(path).with_timestamp_columns("at")
    assert len(found.time_recent(timedelta(days=1))) == 1
    assert len(found.time_recent(timedelta(days=2.5))) == 2
    with pytest.raises(InvalidInput, match="reaches back from now"):
        found.time_recent(timedelta(days=-1))


def test_a_profile_says_what_the_columns_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["n", "s", "constant"])
        rows.writerows([[i, "ab"[i % 2], 5] for i in range(1, 101)])
        rows.writerow(["", "", 5])
    number, text, constant = Dataset.Tabular.from_delimited_files(path).profile()
    assert (number.count, number.missing, number.least, number.greatest) == (101, 1, 1, 100)
    assert number.mean == 50.5 and number.quantiles[3] == 50.5
    assert sum(count for _, count in number.histogram) == 100
    assert number.histogram[-1] == (100.0, 5)
    assert text.most_frequent == (("a", 50), ("b", 50)) and text.missing == 1
    assert constant.histogram == ((5.0, 101),) and constant.deviation == 0


def test_a_profile_is_kept_while_the_data_stays(
    numbers: TabularDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path / "cache"))
    first = numbers.profile()
    (kept,) = (tmp_path / "cache" / "profiles").iterdir()
    with monkeypatch.context() as broken:
        broken.setattr("tandemlab.data.profile.profile_of", None)
        assert numbers.profile() == first
    kept.write_text("damaged")
    assert numbers.profile() == first
    Path(numbers.files()[0].path).write_text("x,y,z\n1,2.5,a\n")
    assert numbers.profile()[0].count == 1


def test_a_kept_profile_has_values_of_the_same_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path / "cache"))
    noon = datetime(2026, 1, 2, 12, 30, 0, 5)
    table = pa.table({"at": [noon], "day": [noon.date()], "cost": [Decimal("1.50")]})
    make = write_tables(tmp_path, "arrow", table)
    first, again = (make(tmp_path / "0.arrow").profile() for _ in range(2))
    assert again == first
    assert [each.least for each in again] == [noon, noon.date(), Decimal("1.50")]


@pytest.fixture
def letters(tmp_path: Path) -> FileDataset:
    write_files(tmp_path / "in", {"a.txt": "A", "deep/b.txt": "B", ".hidden": "H", "c.txt": "C"})
    return Dataset.File.from_files(tmp_path / "in")


def test_files_are_chosen_and_copied(letters: FileDataset, tmp_path: Path) -> None:
    assert letters.to_path() == ["a.txt", "c.txt", "deep/b.txt"]
    assert letters.skip(1).take(1).to_path() == ["c.txt"]
    first, second = letters.random_split(0.5, seed=3)
    assert sorted(first.to_path() + second.to_path()) == letters.to_path()
    paths = letters.download(tmp_path / "out")
    assert [Path(path).read_text() for path in paths] == ["A", "C", "B"]
    with pytest.raises(AlreadyExists, match=r"a\.txt is there already"):
        letters.download(tmp_path / "out")
    assert letters.download(tmp_path / "out", overwrite=True) == paths


def test_links_stand_for_files(letters: FileDataset, tmp_path: Path) -> None:
    paths = [Path(path) for path in letters.mount(tmp_path / "point")]
    assert all(path.is_symlink() for path in paths)
    assert [path.read_text() for path in paths] == ["A", "C", "B"]


def test_files_of_one_name_are_not_mixed_up(letters: FileDataset, tmp_path: Path) -> None:
    write_files(tmp_path / "other", {"a.txt": "other"})
    both = Dataset.File.from_files([tmp_path / "in", tmp_path / "other"])
    with pytest.raises(InvalidInput, match="same name"):
        both.download(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_link_to_nothing_is_named(letters: FileDataset, tmp_path: Path) -> None:
    (tmp_path / "in" / "c.txt").unlink()
    (tmp_path / "in" / "c.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(NotFound, match=r"c\.txt cannot be read"):
        letters.to_path()


def test_a_full_folder_is_a_storage_error(letters: FileDataset, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").write_text("a file where a folder must be")
    with pytest.raises(StorageError):
        letters.download(tmp_path / "out")
