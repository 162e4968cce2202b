"""R code from Python, with a real R."""

from __future__ import annotations

import logging
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest
import yaml

from plugins.waiting import wait_until
from tandemlab.bridge import RPool, Vector, find_r, run_r
from tandemlab.domain import InvalidInput, InvalidState, MissingDependency, VersionMismatch
from tandemlab.domain.errors import RCrashed, RError, RTimeout
from tandemlab.domain.warnings import AttributesWarning, RWarning

pytestmark = pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not installed")

CASES = Path(__file__).parents[2] / "conformance" / "values"
SCOPE = {
    **{"date": date, "datetime": datetime, "timedelta": timedelta, "timezone": timezone},
    **{"ZoneInfo": ZoneInfo, "Vector": Vector, "math": math, "sys": sys},
}


@pytest.fixture(scope="module")
def pool() -> Iterator[RPool]:
    with RPool(size=4) as found:
        yield found


@pytest.fixture
def lone() -> Iterator[RPool]:
    """A pool of one process, for tests that end it."""
    with RPool(size=1) as found:
        yield found


def pid_of(pool: RPool) -> int:
    return int(pool.run("Sys.getpid()", outputs="scalar"))


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def cases(file: str) -> list[Any]:
    found = yaml.safe_load((CASES / file).read_text())
    return [pytest.param(case, id=case["name"]) for case in found]


def skip_without(pool: RPool, case: dict[str, Any]) -> None:
    for package in case.get("needs", ()):
        if package == "numpy":
            SCOPE["np"] = pytest.importorskip("numpy")
        elif not pool.run("function(x) requireNamespace(x)", {"x": package}, "scalar"):
            pytest.skip(f"R has no package {package}")


@pytest.mark.filterwarnings("ignore::tandemlab.domain.warnings.TandemlabWarning")
@pytest.mark.parametrize("case", cases("r.yaml"))
def test_values_of_r(case: dict[str, Any], pool: RPool) -> None:
    skip_without(pool, case)
    if "error" in case:
        with pytest.raises((RError, InvalidInput)) as error:
            pool.run(case["r"])
        assert case["error"] in str(error.value)
        return
    value = pool.run(case["r"])
    assert repr(value) == repr(eval(case["python"], SCOPE))
    same = f"function(x) identical(x, {case.get('back', case['r'])})"
    assert pool.run(same, {"x": value}, "scalar")


@pytest.mark.filterwarnings("ignore::tandemlab.domain.warnings.TandemlabWarning")
@pytest.mark.parametrize("case", cases("python.yaml"))
def test_values_of_python(case: dict[str, Any], pool: RPool) -> None:
    skip_without(pool, case)
    value = eval(case["python"], SCOPE)
    if "error" in case:
        with pytest.raises(InvalidInput) as error:
            pool.run("x", {"x": value})
        assert case["error"] in str(error.value)
        return
    if "r" in case:
        assert pool.run(f"function(x) identical(x, {case['r']})", {"x": value}, "scalar")
    if "back" in case or case.get("same"):
        wanted = value if case.get("same") else eval(case["back"], SCOPE)
        assert repr(pool.run("x", {"x": value})) == repr(wanted)


def test_a_function_gets_the_inputs_and_gives_its_value(pool: RPool) -> None:
    assert pool.run("function(a, f) a + f", {"a": 1.5, "f": 1}, "scalar") == 2.5
    assert pool.run("\\(x = 3) x") == [3.0]
    assert pool.run("function(cars) deparse(substitute(cars))", {"cars": 1}, "scalar") == "cars"


def test_code_has_the_inputs_as_variables_and_gives_those_asked_for(pool: RPool) -> None:
    assert pool.run("y <- x * 2\ny + 1", {"x": 1.0}) == [3.0]
    assert pool.run("y <- x; z <- 'a'", {"x": 1}, ["z", "y"]) == {"z": ["a"], "y": [1]}
    with pytest.raises(RError, match="has made no variable 'q'"):
        pool.run("y <- 1", outputs=["q"])


def test_outputs_are_what_was_declared_or_an_error(pool: RPool) -> None:
    code = "list(n = 1L, c = c(a = 1, b = 2), l = list(1), t = data.frame(x = 1))"
    kinds = {"n": "scalar", "c": "dict", "l": "list", "t": "frame"}
    found = pool.run(f"function() {code}", outputs=kinds)
    assert found["n"] == 1 and found["c"] == {"a": 1.0, "b": 2.0} and found["l"] == [[1.0]]
    assert found["t"].to_pydict() == {"x": [1.0]}
    with pytest.raises(InvalidInput, match="R's 'c' is a double vector of length 2, not a scalar"):
        pool.run(f"function() {code}", outputs={"c": "scalar"})
    with pytest.raises(InvalidInput, match="gave no 'q'; it gave n, c, l, t"):
        pool.run(f"function() {code}", outputs=["q"])
    with pytest.raises(InvalidInput, match="is no kind of an output"):
        pool.run("1", outputs="number")
    assert pool.run("NA", outputs="scalar") is None


@pytest.mark.parametrize("name", ["if", "TRUE", "1a", "a b", "_a", ".1", ""])
def test_names_that_r_does_not_have_are_refused(name: str, pool: RPool) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name of an input"):
        pool.run("1", {name: 1})


def test_frames_go_there_and_back(pool: RPool) -> None:
    pd = pytest.importorskip("pandas")
    berlin = pd.Series(pd.to_datetime(["2026-03-29 01:30", None])).dt.tz_localize("Europe/Berlin")
    frame = pd.DataFrame(
        {
            "kind": pd.Categorical(["b", None], categories=["z", "b"], ordered=True),
            "n": pd.array([1, None], dtype="Int32"),
            "at": berlin.astype("datetime64[us, Europe/Berlin]"),
            "ä": ["x", None],
        }
    )
    code = """function(t, deep) {
      stopifnot(is.ordered(t$kind), is.integer(t$n), is.na(t$n[2]), identical(t, deep$of[[1]]))
      stopifnot(attr(t$at, 'tzone') == 'Europe/Berlin')
      list(one = t, more = list(t, 1))
    }"""
    found = pool.run(code, {"t": frame, "deep": {"of": [frame]}}, library="pandas")
    pd.testing.assert_frame_equal(found["one"], frame, check_dtype=False)
    pd.testing.assert_frame_equal(found["more"][0], frame, check_dtype=False)
    polars = pytest.importorskip("polars")
    assert isinstance(pool.run("head(cars)", outputs="polars"), polars.DataFrame)


def test_whole_numbers_of_a_frame_are_numbers_for_every_function_of_r(pool: RPool) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": [1, 2, 3], "y": [2, 4, 6]})
    assert pool.run("coef(lm(y ~ x, t))[['x']]", {"t": frame}, "scalar") == pytest.approx(2)
    big = {"t": pd.DataFrame({"x": [2**53 + 1]})}
    with pytest.raises(RError, match="'x', row 1"):
        pool.run("t$x", big)
    if pool.run("requireNamespace('bit64', quietly = TRUE)", outputs="scalar"):
        assert pool.run("t$x", big, int64="integer64") == [2**53 + 1]


def test_decimals_and_maps_of_a_frame_come_as_asked(pool: RPool) -> None:
    pa = pytest.importorskip("pyarrow")
    exact = {"t": pa.table({"x": [Decimal("12345678901234567890.5")]})}
    with pytest.raises(RError, match='decimal = "character"'):
        pool.run("t$x", exact)
    assert pool.run("t$x", exact, decimal="character") == ["12345678901234567890.5"]
    maps = {"t": pa.table({"x": pa.array([[("a", 1.0)]], pa.map_(pa.string(), pa.float64()))})}
    with pytest.raises(RError, match='map = "list"'):
        pool.run("t$x", maps)
    assert pool.run("t$x[[1]]$value", maps, map="list") == [1.0]
    with pytest.raises(InvalidInput, match="decimal cannot be 'float'"):
        pool.run("1", decimal="float")  # type: ignore[arg-type]


def test_an_error_says_where_in_r(pool: RPool) -> None:
    code = "inner <- function(x) stop('too ', x)\nouter <- function() sapply(1:2, inner)\nouter()"
    with pytest.raises(RError) as error:
        pool.run(code)
    details = error.value.details
    assert details["message"] == "too 1"
    assert details["classes"] == ["simpleError", "error"]
    assert details["traceback"][0] == "outer()"
    assert "outer()" in str(error.value) and "too 1" in str(error.value)
    classed = "stop(structure(class = c('mine', 'error', 'condition'), list(message = 'm')))"
    with pytest.raises(RError) as error:
        pool.run(classed)
    assert error.value.details["classes"] == ["mine", "error"]
    assert error.value.details["call"] is None


@pytest.mark.parametrize("code", ["f <- function() f(); f()", "1 +", "log('a')", "nope"])
def test_errors_leave_r_working(code: str, lone: RPool) -> None:
    before = pid_of(lone)
    with pytest.raises(RError):
        lone.run(code)
    assert pid_of(lone) == before


def test_warnings_and_messages_are_pythons(pool: RPool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tandemlab.r"), pytest.warns(RWarning) as caught:
        assert pool.run("f <- function() warning('careful')\nf(); message('so far'); 1") == [1.0]
    assert [str(one.message) for one in caught] == ["In f(): careful"]
    assert caught[0].filename == __file__
    assert caplog.messages == ["so far"]
    with pytest.warns(AttributesWarning, match="label"):
        pool.run("structure(1, label = 'a')")
    with pytest.raises(RError, match="as an error"):
        pool.run("options(warn = 2); warning('as an error')")


def test_output_is_passed_on(pool: RPool, capsys: pytest.CaptureFixture[str]) -> None:
    pool.run("cat('größer 😀\\n'); print(1)")
    assert capsys.readouterr().out == "größer 😀\n[1] 1\n"
    pieces: list[str] = []
    assert pool.run("cat(strrep('ä', 5e6)); 2", on_output=pieces.append) == [2.0]
    assert "".join(pieces) == "ä" * 5_000_000
    assert capsys.readouterr().out == ""


def test_large_values_go_there_and_back(pool: RPool) -> None:
    numbers = [i / 7 for i in range(300_000)]
    assert pool.run("function(x) x", {"x": numbers}) == numbers


def test_a_call_finds_a_clean_session(lone: RPool, tmp_path: Path) -> None:
    fresh = "list(ls(all.names = TRUE), getOption('digits'), getOption('mine'), getwd(), search(),"
    fresh += (
        "Sys.getenv('MINE', NA), RNGkind(), sink.number(), getAllConnections(), Sys.getenv('HOME'))"
    )
    before, pid = lone.run(fresh), pid_of(lone)
    lone.run(
        f"x <- 1; .y <- 2; set.seed(1, 'Wichmann-Hill'); options(digits = 3, mine = 1)\n"
        f"setwd('{tmp_path}'); library(tools); Sys.setenv(MINE = 'a', HOME = '/')\n"
        "sink(tempfile()); file(tempfile(), 'w'); plot(1)"
    )
    assert lone.run(fresh) == before and pid_of(lone) == pid
    assert lone.run("runif(1)") != lone.run("runif(1)")
    assert lone.run("getwd()", outputs="scalar") == os.getcwd()


def test_a_timeout_interrupts_r_which_goes_on(lone: RPool) -> None:
    pid = pid_of(lone)
    with pytest.raises(RTimeout, match=r"0\.2 seconds"):
        lone.run("Sys.sleep(60)", timeout=0.2)
    assert pid_of(lone) == pid


def test_r_that_cannot_be_interrupted_is_replaced(lone: RPool) -> None:
    pid = pid_of(lone)
    with pytest.raises(RTimeout):
        lone.run("repeat try(Sys.sleep(60), silent = TRUE)\n", timeout=0.2)
    stubborn = "repeat tryCatch(Sys.sleep(60), interrupt = function(i) NULL)"
    with pytest.raises(RTimeout):
        lone.run(stubborn, timeout=0.2)
    assert pid_of(lone) != pid
    assert has_ended(pid)


def test_ctrl_c_interrupts_r_which_goes_on(lone: RPool) -> None:
    pid = pid_of(lone)

    def interrupt(text: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        lone.run("cat('here'); Sys.sleep(60)", on_output=interrupt)
    assert pid_of(lone) == pid


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("quit(status = 3)", "quit with the status 3"),
        ("tools::pskill(Sys.getpid(), 9)", "SIGKILL"),
        ("cat('last words\\n', file = stderr()); tools::pskill(Sys.getpid(), 11)", "last words"),
    ],
)
def test_a_crash_is_an_error_and_the_next_call_works(code: str, said: str, lone: RPool) -> None:
    pid = pid_of(lone)
    with pytest.raises(RCrashed, match=said):
        lone.run(code)
    assert has_ended(pid)
    assert pid_of(lone) != pid


def test_a_waiting_process_that_was_killed_is_replaced(lone: RPool) -> None:
    for _ in range(5):
        pid = pid_of(lone)
        os.kill(pid, signal.SIGKILL)  # and call again while it may still look alive
        assert pid_of(lone) != pid


def test_threads_share_a_pool(pool: RPool) -> None:
    barrier = threading.Barrier(4)

    def work(i: int) -> Any:
        barrier.wait(30)
        return pool.run("function(i) {Sys.sleep(0.2); c(i, Sys.getpid())}", {"i": i})

    with ThreadPoolExecutor(4) as executor:
        found = list(executor.map(work, range(4)))
    assert [one[0] for one in found] == [0, 1, 2, 3]
    assert len({one[1] for one in found}) == 4


@pytest.mark.parametrize("busy", [True, False])
def test_r_ends_with_a_python_that_is_killed(busy: bool, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    after = "repeat 1" if busy else "1"
    script = (
        "from tandemlab.bridge import run_r\n"
        f"run_r('''cat(Sys.getpid(), file = \"{note}\"); {after}''')\n"
        "import time; time.sleep(600)"
    )
    python = subprocess.Popen([sys.executable, "-c", script])
    try:
        wait_until(lambda: note.exists() and note.read_text().isdigit())
        pid = int(note.read_text())
        assert not has_ended(pid)
    finally:
        python.kill()
        python.wait()
    wait_until(lambda: has_ended(pid))


def test_a_forked_process_has_its_own_r(lone: RPool) -> None:
    pid = pid_of(lone)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, str(pid_of(lone)).encode())
            lone.close()
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as stream:
        theirs = stream.read()
    os.waitpid(child, 0)
    assert theirs.isdigit() and int(theirs) != pid
    assert pid_of(lone) == pid


def test_hundreds_of_calls_leave_nothing_behind(lone: RPool) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": [1.0]})
    pid = pid_of(lone)
    lone.run("function(t) t", {"t": frame})
    (worker,) = lone._all
    ours, theirs = psutil.Process(), psutil.Process(pid)
    before = ours.num_fds(), theirs.num_fds()
    for i in range(300):
        given = {"t": frame, "i": i} if i % 10 == 0 else {"t": None, "i": i}
        lone.run("function(t, i) list(t, i)", given)
    assert (ours.num_fds(), theirs.num_fds()) == before
    assert pid_of(lone) == pid
    assert list(worker.folder.iterdir()) == []
    lone.close()
    assert has_ended(pid)
    assert not worker.folder.exists()
    with pytest.raises(InvalidState, match="closed"):
        lone.run("1")


def test_what_is_missing_is_said_before_anything_starts(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidInput, match="is not on this machine"),
        RPool(rscript="/no/R") as pool,
    ):
        pool.run("1")
    rscript = tmp_path / "Rscript"
    hidden = "R_LIBS= R_LIBS_USER=/none R_LIBS_SITE=/none"
    rscript.write_text(f'#!/bin/sh\n{hidden} exec {find_r().rscript} --no-init-file "$@"\n')
    rscript.chmod(0o755)
    with pytest.raises(MissingDependency, match="no package tandemlab") as error:
        RPool(rscript=rscript).run("1")
    assert "R CMD INSTALL" in error.value.hint


def test_another_version_of_the_r_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tandemlab.bridge.worker.__version__", "99.0")
    with pytest.raises(VersionMismatch, match=r"Python's 99\.0"):
        RPool().run("1")


def test_the_default_pool_serves_run_r() -> None:
    assert run_r("function(n) n + 1L", {"n": 1}, "scalar") == 2
    first = run_r("Sys.getpid()", outputs="scalar")
    assert run_r("Sys.getpid()", outputs="scalar") == first
