"""What test_embedded.py runs in a Python of its own, which has R in its process.

python embedded_cases.py RESULTS: runs every function `case_…` here and the cases of the fidelity
matrix, and writes one line of JSON for each: its name, and what went wrong or why it was left out.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import yaml
from rpy2 import robjects
from rpy2.rinterface_lib import openrlib

from tandemlab.bridge import Vector, converter, from_r, to_r
from tandemlab.bridge.values import is_frame
from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.warnings import AttributesWarning, RWarning

TESTS = Path(__file__).parents[2]
FRAMES = TESTS / "conformance" / "frames"
OUTLIVES_R: list[Any] = []

r = robjects.r


def raises(action: Callable[[], Any]) -> InvalidInput:
    try:
        action()
    except InvalidInput as problem:
        return problem
    raise AssertionError("there was no error")


def warned(action: Callable[[], Any]) -> tuple[Any, list[Any]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return action(), caught


def same(a: Any, b: Any) -> bool:
    return bool(robjects.baseenv["identical"](a, b)[0])


def kept() -> int:
    """R's vectors that Python still reads, once R has taken note of what was given back."""
    to_r(pa.table({}))
    return int(r(".Call(tandemlab:::C_arrow_kept)")[0])


def case_frames_of_every_library_become_data_frames() -> None:
    data = {"x": [1.5, 2.5], "s": ["a", "\u00e4"]}
    batch = pa.record_batch(data)
    readers = pa.RecordBatchReader.from_batches(batch.schema, [batch])
    for frame in (pd.DataFrame(data), pl.DataFrame(data), pa.table(data), batch, readers):
        found = to_r(frame)
        assert isinstance(found, robjects.DataFrame)
        assert same(found, r("data.frame(x = c(1.5, 2.5), s = c('a', '\\u00e4'))"))


def case_data_frames_become_frames_of_the_library() -> None:
    frame = r("data.frame(x = c(1L, NA), f = factor(c('b', 'a'), levels = c('z', 'b', 'a')))")
    assert from_r(frame)["x"].to_pylist() == [1, None]
    assert list(from_r(frame, "pandas")["f"].cat.categories) == ["z", "b", "a"]
    assert from_r(frame, "polars")["x"].to_list() == [1, None]
    other: Any = "numpy"
    assert "Unknown library 'numpy'" in raises(lambda: from_r(frame, other)).message


def case_options_say_what_r_gets() -> None:
    large = pa.table({"id": [2**53 + 1]})
    problem = raises(lambda: to_r(large))
    assert "Column 'id', row 1" in problem.message and 'int64 = "integer64"' in problem.hint
    assert "integer64" in to_r(large, int64="integer64").rx2("id").rclass
    decimals = pa.table({"x": pa.array([1, None], pa.decimal128(5, 2))})
    assert "no decimal numbers" in raises(lambda: to_r(decimals)).message
    assert to_r(decimals, decimal="double").rx2("x")[0] == 1.0
    maps = pa.table({"x": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32()))})
    assert same(to_r(maps, map="list").rx2("x"), r("list(data.frame(key = 'k', value = 1L))"))
    other: Any = "float"
    assert "`int64` must be one of" in raises(lambda: to_r(large, int64=other)).message


def case_values_go_both_ways() -> None:
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=timezone.utc)
    for value, text in [
        (None, "NULL"),
        (True, "TRUE"),
        (3, "3L"),
        (2**40, "2^40"),
        ([1, None], "c(1L, NA)"),
        ("a", "'a'"),
        ([0.5, float("nan")], "c(0.5, NaN)"),
        (b"ab", "charToRaw('ab')"),
        (timedelta(seconds=90), "as.difftime(90, units = 'secs')"),
        ({"a": 1, "b": ["u", "v"]}, "list(a = 1L, b = c('u', 'v'))"),
        ([1, "a", [None]], "list(1L, 'a', list(NULL))"),
        (moment, "as.POSIXct('2026-03-29 01:30', tz = 'UTC')"),
    ]:
        assert same(to_r(value), r(text)), text
    assert from_r(r("NULL")) is None
    assert from_r(r("c(a = 1L, b = NA)")) == Vector([1, None], "integer", names=["a", "b"])
    assert from_r(r("list(x = 'a', y = as.raw(1))")) == {"x": ["a"], "y": b"\1"}
    again = to_r(from_r(r("factor(c('u', NA), levels = c('v', 'u'))")))
    assert same(again, r("factor(c('u', NA), levels = c('v', 'u'))"))


def case_frames_are_found_within_lists() -> None:
    frames = {"one": pd.DataFrame({"x": [1.5]}), "more": [pl.DataFrame({"y": ["a"]}), 7]}
    given = to_r(frames)
    wanted = r("list(one = data.frame(x = 1.5), more = list(data.frame(y = 'a'), 7L))")
    assert same(given, wanted)
    back = from_r(given, "pandas")
    assert back["one"]["x"].tolist() == [1.5] and back["more"][0]["y"].tolist() == ["a"]


def case_what_has_no_form_is_refused() -> None:
    assert "The value['a'] cannot go to R" in raises(lambda: to_r({"a": {1}})).message
    assert "int is none of R's" in raises(lambda: from_r(1)).message
    problem = raises(lambda: from_r(r("function(x) x")))
    assert problem.message == "The value cannot go to Python: it is a function."
    assert problem.hint.startswith("Take the values")
    mixed = r("structure(list(x = list(1, 'a')), class = 'data.frame', row.names = 1:2)")
    assert "Column 'x', row 2" in raises(lambda: from_r(mixed)).message
    assert "'x' of type object" in raises(lambda: to_r(pd.DataFrame({"x": [1, "a"]}))).message
    assert to_r(1)[0] == 1  # and goes on


def case_warnings_come_from_the_line_that_asked() -> None:
    _, seen = warned(lambda: from_r(r("data.frame(d = structure(1.5, class = 'Date'))")))
    assert [one.category for one in seen] == [RWarning] and "Column 'd'" in str(seen[0].message)
    assert seen[0].filename == __file__
    _, seen = warned(lambda: from_r(r("structure(1, note = 'n')")))
    assert [one.category for one in seen] == [AttributesWarning]


def case_messages_go_to_the_log() -> None:
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tandemlab.r")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    from_r(r("local({x <- data.frame(a = 1); x$t <- as.POSIXlt('2026-01-01', tz = 'UTC'); x})"))
    logger.removeHandler(handler)
    assert said == ["Column 't': POSIXlt becomes POSIXct"]


def case_the_converter_lets_calls_take_and_give_frames() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "g": ["a", "b", "a"]})
    with converter("pandas").context():
        found = r["aggregate"](robjects.Formula("x ~ g"), data=frame, FUN=r["mean"])
        assert isinstance(found, pd.DataFrame) and found["x"].tolist() == [2.0, 2.0]
        for same_frame in (pl.from_pandas(frame), pa.table(frame)):
            assert r["nrow"](same_frame)[0] == 3
        assert r["sum"]([1, 2.5])[0] == 3.5 and r["typeof"](2**40)[0] == "double"
        assert r["is.null"](None)[0] and list(r["names"]({"a": 1, "b": frame})) == ["a", "b"]
        assert "lm" in r["lm"]("x ~ g", data=frame).rclass
    with converter().context():
        assert isinstance(r("cars"), pa.Table)
    with (robjects.default_converter + converter("polars")).context():
        assert isinstance(r("cars"), pl.DataFrame)
    assert isinstance(r("cars"), robjects.DataFrame)


def case_the_converter_gives_r_a_frame_as_it_came() -> None:
    r("keep <- structure(data.frame(t = as.difftime(1, units = 'mins')), note = 'n')")
    with converter("pandas").context():
        robjects.globalenv["back"] = r("keep")
    assert same(r("back"), r("keep"))


def case_other_threads_cross_frames_too() -> None:
    table = pa.table({"x": [1.0, 2.0], "s": ["a", None]})

    def work(number: int) -> bool:
        with openrlib.rlock, converter("arrow").context():  # rpy2's objects go under its lock
            found = r["rbind"](table, table)
            given = to_r(table)
            back = from_r(given)
            del given
        return bool(found.num_rows == 4 and back == table)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(40)))


def case_shared_memory_outlives_what_r_forgets() -> None:
    before = kept()
    r("big <- data.frame(x = as.double(1:100000), i = 1:100000)")
    shared = from_r(r("big"), copy=False)
    r("rm(big); invisible(gc())")
    gc.collect()
    r("invisible(lapply(1:20, function(i) rnorm(1e5)))")
    assert kept() == before + 2
    assert shared["x"].to_pylist()[-1] == 100000.0 and shared["i"].to_pylist()[0] == 1
    del shared
    gc.collect()
    assert kept() == before


def case_what_other_threads_release_r_frees_on_its_own() -> None:
    before = kept()
    frame = r("data.frame(x = as.double(1:1000), i = 1:1000)")
    held = [from_r(frame, copy=False) for _ in range(50)]
    address = {table["x"].chunk(0).buffers()[1].address for table in held}
    assert len(address) == 1  # all of them read R's own vector
    assert kept() == before + 100
    go = threading.Barrier(5)

    def release() -> None:
        go.wait(timeout=60)
        while held:
            try:
                held.pop()
            except IndexError:
                return

    threads = [threading.Thread(target=release) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.wait(timeout=60)
    for _ in range(20):  # while R works
        r("invisible(gc())")
        to_r([1, 2])
    for thread in threads:
        thread.join(timeout=60)
    gc.collect()
    assert kept() == before


def case_frames_are_copies_unless_they_may_be_shared() -> None:
    for library, read in [
        ("arrow", lambda frame: frame["x"].to_pylist()),
        ("polars", lambda frame: frame["x"].to_list()),
        ("pandas", lambda frame: frame["x"].tolist()),
    ]:
        vector = robjects.FloatVector([1.0, 2.0])
        frame = r["data.frame"](x=vector)
        column = frame.rx2("x")
        copied, shared = from_r(frame, library), from_r(frame, library, copy=False)
        column[0] = 99.0  # in place, which R itself never does
        assert read(copied) == [1.0, 2.0], library
        assert read(shared) == [1.0 if library == "pandas" else 99.0, 2.0], library
    nested = r("local({x <- data.frame(a = 1); x$d <- data.frame(b = c(1.0)); x})")
    found = from_r(nested, "pandas")
    nested.rx2("d").rx2("b")[0] = 99.0
    assert found["d"].tolist() == [{"b": 1.0}]


def case_long_text_waits_and_goes_with_r() -> None:
    collect()
    before, large = pa.total_allocated_bytes(), 500_000
    table = pa.table({"s": [f"text {i}" for i in range(100_000)]})
    given = to_r(table)
    r("function(x) waiting <<- x")(given)  # rpy2's own assignment makes a deep copy
    del table, given
    gc.collect()
    assert pa.total_allocated_bytes() > before + large
    assert r("waiting$s[[99999]]")[0] == "text 99998"
    r("rm(waiting)")
    thread = threading.Thread(target=collect)  # R's finalizers run there, and call Arrow
    thread.start()
    thread.join(timeout=60)
    assert pa.total_allocated_bytes() < before + large
    eager = to_r(pa.table({"s": [f"text {i}" for i in range(5_000)]}), lazy=False)
    gc.collect()
    assert pa.total_allocated_bytes() < before + 10_000 and len(eager.rx2("s")) == 5000


def collect() -> None:
    with openrlib.rlock, robjects.default_converter.context():
        for _ in range(3):
            gc.collect()
            r("invisible(gc())")


def case_frames_may_outlive_r() -> None:
    """Looked at when this process ends: by its exit status."""
    table = from_r(r("data.frame(x = as.double(1:1000))"), copy=False)
    OUTLIVES_R.append(table)
    OUTLIVES_R.append(to_r(pa.table({"s": [f"text {i}" for i in range(5000)]})))


# The fidelity matrix ------------------------------------------------------------------------------


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class Skipped(Exception):
    """A case needs what is not here."""


def check_said(action: Callable[[], Any], case: dict[str, Any]) -> Any:
    """The value; None if there is an error, as the case says."""
    try:
        value, seen = warned(action)
    except InvalidInput as problem:
        assert case.get("error", "no error") in str(problem), problem
        return None
    assert "error" not in case, "there was no error"
    texts = [str(one.message) for one in seen if issubclass(one.category, RWarning)]
    if "warning" in case:
        assert any(case["warning"] in text for text in texts), texts
    else:
        assert texts == []
    return value


def from_matrix(case: dict[str, Any], helpers: Any) -> None:
    """A case of r.yaml: to Arrow and pandas, and identical again."""
    need_packages(case)
    said = robjects.ListVector({key: case[key] for key in ("r", "frame", "becomes") if key in case})
    frame = helpers["case_frame"](said)
    for library in ("arrow", "pandas"):
        given = check_said(lambda library=library: from_r(frame, library), case)
        if given is not None:
            wanted = helpers["expected_frame"](said, frame)
            back = to_r(given)
            assert same(back, wanted), f"{library}: {back.r_repr()}"


def to_matrix(case: dict[str, Any], helpers: Any, values: Any) -> None:
    """A case of python.yaml: R gets what it says."""
    need_packages(case)
    value = values.case_value(case["python"])
    if not is_frame(value):
        return  # a value, for which tests/conformance/values says what becomes of it
    frame = check_said(lambda: to_r(value, **case.get("options", {})), case)
    if frame is not None:
        whole = "frame" in case
        wanted = helpers["evaluate"](case["frame"] if whole else case["r"])
        assert same(frame if whole else frame.rx2("x"), wanted), frame.r_repr()


def need_packages(case: dict[str, Any]) -> None:
    for package in case.get("needs", []):
        if not robjects.baseenv["requireNamespace"](package, quietly=True)[0]:
            raise Skipped(f"the R package {package} is not installed")


def matrix(name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    to_r(None)  # finds R's package
    place = robjects.baseenv["asNamespace"]("tandemlab")
    helpers = robjects.baseenv["new.env"](parent=place)
    robjects.baseenv["sys.source"](str(TESTS / "testthat" / "helper-frames.R"), helpers)
    values = load(FRAMES / "values.py")
    for case in yaml.safe_load((FRAMES / name).read_text(encoding="utf-8")):
        if name == "r.yaml":
            yield case["name"], lambda case=case: from_matrix(case, helpers)
        else:
            yield case["name"], lambda case=case: to_matrix(case, helpers, values)


def functions() -> Iterator[tuple[str, Callable[[], None]]]:
    for name, function in list(globals().items()):
        if name.startswith("case_"):
            yield name, function


def main(results: Path) -> None:
    """Runs all of it."""
    with results.open("w", encoding="utf-8") as file:
        for name, run in chain(functions(), matrix("r.yaml"), matrix("python.yaml")):
            answer: dict[str, Any] = {"name": name, "problem": None, "skipped": None}
            try:
                run()
            except Skipped as reason:
                answer["skipped"] = str(reason)
            except Exception:
                answer["problem"] = traceback.format_exc()
            print(json.dumps(answer), file=file, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
