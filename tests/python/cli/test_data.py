"""``tandemlab data``, over real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.data_cases import cases_of, write_files
from python.cli.conftest import Answer
from tandemlab import Datastore, Workspace

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")
Call = Callable[..., Answer]


@pytest.fixture
def trips(folder: Path) -> Path:
    path = folder / "trips.csv"
    path.write_text("day,town,km\n2026-01-01,Ulm,3\n2026-01-02,Bern,NA\n2026-01-03,Ulm,8.5\n")
    return path


def test_columns_and_rows_are_shown(call: Call, trips: Path) -> None:
    rows = call("data", "columns", "trips.csv", "-o", "json").json
    assert {row["name"]: row["type"] for row in rows} == {
        "day": "DATE",
        "town": "VARCHAR",
        "km": "DOUBLE",
    }
    rows = call("data", "head", "*.csv", "--rows", "2", "-o", "json").json
    assert rows == [
        {"day": "2026-01-01", "town": "Ulm", "km": 3.0},
        {"day": "2026-01-02", "town": "Bern", "km": None},
    ]
    assert "8.5" in call("data", "head", trips, "--filter", "km > 5").out


def test_clock_times_stay_what_they_are(call: Call, folder: Path) -> None:
    (folder / "a.csv").write_text("at\n2026-03-01 10:00:00\n")
    assert call("data", "head", "a.csv", "-o", "json").json == [{"at": "2026-03-01 10:00:00"}]
    assert "2026-03-01 10:00:00" in call("data", "head", "a.csv").out


def test_a_profile_is_shown(call: Call, trips: Path) -> None:
    profile = {row["name"]: row for row in call("data", "profile", trips, "-o", "json").json}
    assert (profile["km"]["missing"], profile["km"]["mean"]) == (1, 5.75)
    assert profile["town"]["most_frequent"] == [["Ulm", 2], ["Bern", 1]]
    assert profile["day"]["greatest"] == "2026-01-03"


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_table_is_converted(form: str, call: Call, trips: Path, folder: Path) -> None:
    answer = call("data", "convert", trips, "out", "--to", form, "--filter", "town = 'Ulm'")
    assert answer.status == 0
    rows = call("data", "head", f"out/*.{form}", "-o", "json").json
    assert [row["km"] for row in rows] == [3.0, 8.5]
    again = call("data", "convert", trips, "out", "--to", form)
    assert again.status == 4 and "is there already" in again.err


def test_a_malformed_row_is_told_with_its_line(call: Call, trips: Path, folder: Path) -> None:
    with trips.open("a") as stream:
        stream.write("2026-01-04\n")
    answer = call("data", "convert", trips, "out", "--to", "parquet")
    assert answer.status == 2 and "trips.csv, line 5" in answer.err
    assert not (folder / "out").exists()


def test_json_lines_and_tabs_are_known_by_their_endings(call: Call, folder: Path) -> None:
    (folder / "a.jsonl").write_text('{"x": 1}\n')
    (folder / "a.tsv").write_text("x\ty\n1\t2\n")
    assert call("data", "head", "a.jsonl", "-o", "json").json == [{"x": 1}]
    assert call("data", "head", "a.tsv", "-o", "json").json == [{"x": 1, "y": 2}]


def test_datasets_are_kept_shown_and_removed(call: Call, folder: Path, trips: Path) -> None:
    call("workspace", "create", "lab")
    made = call("data", "register", "trips.csv", "--name", "trips", "--tag", "team=a", "-o", "json")
    assert (made.json["version"], made.json["kind"], made.json["tags"]) == (
        1,
        "tabular",
        {"team": "a"},
    )
    assert call("data", "changed", "trips").out == ""
    trips.write_text("day,town,km\n2026-01-01,Ulm,4\n")
    assert call("data", "changed", "trips:1", "-o", "json").json == [
        {"name": "trips.csv", "change": "changed"}
    ]
    again = call("data", "register", "trips.csv", "--name", "trips")
    assert again.status != 0 and "with another" in again.err
    call("data", "register", "trips.csv", "--name", "trips", "--new-version")
    call("data", "register", ".", "--name", "all", "--files")
    listed = call("data", "list", "-o", "json").json
    assert [(row["name"], row["version"], row["kind"]) for row in listed] == [
        ("all", 1, "file"),
        ("trips", 2, "tabular"),
    ]
    versions = call("data", "versions", "trips", "-o", "json").json
    assert [row["version"] for row in versions] == [2, 1]
    call("data", "remove", "trips:1", "--yes")
    assert call("data", "show", "trips", "-o", "json").json["version"] == 2
    call("data", "remove", "trips", "--yes")
    assert "no dataset 'trips'" in call("data", "show", "trips").err


def test_a_dataset_is_an_input_of_a_run(call: Call, folder: Path, trips: Path) -> None:
    call("workspace", "create", "lab")
    call("data", "register", "trips.csv", "--name", "trips")
    script = folder / "count.py"
    script.write_text(
        "import sys; from tandemlab.bridge import read_frame\n"
        "print(read_frame(sys.argv[1]).num_rows, open(sys.argv[2]).readline().strip())"
    )
    done = call(
        *("run", "submit", "--wait", "--input", "trips=dataset:trips:1"),
        *("--input", "raw:download=trips.csv", script, "${inputs.trips}", "${inputs.raw}"),
    )
    assert done.status == 0 and "3 day,town,km" in done.out
    wrong = call("run", "submit", "--input", "trips", script)
    assert wrong.status == 2 and "NAME[:MODE]=WHAT" in wrong.err
    assert "no dataset" in call("run", "submit", "--input", "x=dataset:y", script).err


def test_paths_in_datastores_are_tables_and_datasets(
    call: Call, lab: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "lake" / "2026").mkdir(parents=True)
    (tmp_path / "lake" / "2026" / "a.csv").write_text("x,y\n1,2\n")
    Datastore.register_folder(lab, "lake", tmp_path / "lake")
    rows = call("data", "head", "datastore:lake/2026/*.csv", "-o", "json").json
    assert rows == [{"x": 1, "y": 2}]
    kept = call("data", "register", "datastore:lake/2026", "--name", "rows", "-o", "json").json
    assert kept["paths"] == ["lake:2026"]
    assert call("data", "show", "rows", "-o", "json").json == kept
    assert call("data", "columns", "datastore:lake/2026/a.csv").status == 0
    call("data", "register", "datastore:lake/2026/a.csv", "--name", "table")
    assert call("data", "head", "dataset:table:1", "-o", "json").json == rows
    call("data", "register", "datastore:lake/2026", "--name", "files", "--files")
    assert "is no table" in call("data", "head", "dataset:files").err
    assert call("data", "head", "datastore:lake/../x").status == 2
    refused = call("data", "head", "datastore:lak/2026")
    assert "Did you mean 'lake'?" in refused.err


def test_text_is_read_as_it_is_told(call: Call, lab: Workspace, folder: Path) -> None:
    (folder / "a.txt").write_bytes("1;é;-\n2;b;3\n".encode("latin-1"))
    told = ("--separator", ";", "--encoding", "latin-1", "--no-header", "--missing", "-")
    words = ("a.txt", *told, "--type", "Column1=string", "-o", "json")
    rows = [
        {"Column1": "1", "Column2": "é", "Column3": None},
        {"Column1": "2", "Column2": "b", "Column3": 3},
    ]
    assert call("data", "head", *words).json == rows
    assert call("data", "register", *words, "--name", "rows").status == 0
    assert call("data", "head", "dataset:rows", "-o", "json").json == rows
    assert call("data", "convert", *words[:-2], "out", "--to", "parquet").status == 0
    # The files in a folder say what they are.
    assert call("data", "head", "out", "-o", "json").json == rows
    wrong = call("data", "head", "out", "--encoding", "latin-1")
    assert wrong.status == 2 and ".parquet files has no use for --encoding" in wrong.err
    assert "registered" in call("data", "head", "dataset:rows", "--type", "a=date").err
    assert call("data", "head", "a.txt", "--type", "a").status == 2
    assert "encoding must be" in call("data", "head", "a.txt", "--encoding", "koi8").err
    (folder / "b.csv").write_text("x;w\n1,5;a\n")
    european = ("b.csv", "--separator", ";", "--decimal", ",", "-o", "json")
    assert call("data", "head", *european).json == [{"x": 1.5, "w": "a"}]
    assert "no use for --decimal" in call("data", "head", "out", "--decimal", ",").err


def bad_tables() -> list[Any]:
    """The cases of bad data that need no options."""
    said = (case for case in cases_of("malformed") if "error" in case or "read_error" in case)
    return [pytest.param(case, id=case["name"]) for case in said if "options" not in case]


@pytest.mark.parametrize("case", bad_tables())
def test_bad_data_is_told_by_file_and_line(
    case: dict[str, Any], call: Call, lab: Workspace, folder: Path
) -> None:
    write_files(folder, case["files"], case.get("encoding", "utf-8"))
    if "later" in case:
        assert call("data", "register", case["path"], "--name", "rows").status == 0
        write_files(folder, case["later"])
    word = "dataset:rows" if "later" in case else case["path"]
    answer = call("data", "head", word, "-o", "json")
    assert answer.status in (2, 3) and answer.out == ""
    assert (case.get("error") or case["read_error"]) in answer.error["message"]


def test_unused_copies_are_removed(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path / "cache"))
    for folder in ("data/place/1", "models/abc"):
        (tmp_path / "cache" / folder).mkdir(parents=True)
        (tmp_path / "cache" / folder / "x").write_text("x")
    assert call("data", "prune", "-o", "json").json == []
    removed = call("data", "prune", "--unused-days", "0", "-o", "json").json
    assert [(each["path"], each["size"]) for each in removed] == [
        (str(tmp_path / "cache" / "data" / "place" / "1"), 1)
    ]
    assert len(call("model", "prune", "--unused-days", "0", "-o", "json").json) == 1
