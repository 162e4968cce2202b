"""The pytest plugin that runs testthat files, on small files of its own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from plugins import testthat

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed"),
]

SETTINGS = f"""
[pytest]
pythonpath = {Path(testthat.__file__).parents[1]}
addopts = -p xdist -p pytest_timeout -p plugins.testthat -ra
markers =
    full: slow
"""


class Project:
    """A folder with R tests."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        pytester.makeini(SETTINGS)
        self.folder = pytester.mkdir("tests") / "testthat"
        self.folder.mkdir()

    def write(self, name: str, code: str) -> None:
        self.folder.joinpath(name).write_text(code)

    def run(self, *options: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(*options)


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    return Project(pytester)


def test_each_test_that_is_an_item_with_its_outcome(project: Project) -> None:
    project.write(
        "test-outcomes.R",
        """
        test_that("sums are right", {
          expect_equal(1 + 1, 2)
        })
        test_that("sums are wrong", {
          expect_equal(1 + 1, 3)
        })
        test_that("errors have a trace", {
          deep <- function() stop("it broke")
          deep()
        })
        test_that("some need more", {
          skip("no printer here")
        })
        test_that("empty ones are skipped", {
        })
        test_that("warnings are shown", {
          warning("be careful")
          expect_true(TRUE)
        })
        """,
    )
    result = project.run("-v")
    result.assert_outcomes(passed=2, failed=2, skipped=2, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*test-outcomes.R::sums are right PASSED*",
            "*test-outcomes.R::some need more SKIPPED (no printer here)*",
            "*Failure (test-outcomes.R:6:11): 1 + 1 (`actual`) not equal to 3 (`expected`).*",
            "*`actual`: 2*",
            "*`expected`: 3*",
            "*Error (test-outcomes.R:*): Error in `deep()`: it broke*",
            "*Backtrace:*",
            "*TestthatWarning: Warning (test-outcomes.R:18:11): be careful*",
        ]
    )


def test_helpers_setup_and_code_between_tests_have_run(project: Project) -> None:
    project.write("helper-values.R", "base <- 40")
    project.write("setup.R", "writeLines('up', 'up'); withr::defer(unlink('up'), teardown_env())")
    project.write(
        "test-shared.R",
        """
        cat("x", file = "../evaluated", append = TRUE)
        two <- 2
        test_that("helpers and the code above are there", {
          expect_equal(base + two, 42)
        })
        test_that("set-up files have run", {
          expect_true(file.exists("up"))
        })
        two <- 3
        test_that("code between tests has run", {
          expect_equal(two, 3)
        })
        """,
    )
    project.run("--collect-only")
    evaluated = project.folder.parent / "evaluated"
    evaluated.unlink()

    project.run().assert_outcomes(passed=3)
    assert evaluated.read_text() == "x", "once, and no more for what the cache knows"
    assert not project.folder.joinpath("up").exists(), "set-up is undone at the end"


def test_tests_made_by_loops_and_helpers_are_items(project: Project) -> None:
    project.write(
        "helper-cases.R",
        'case <- function(n) test_that(paste("case", n), expect_lt(n, 3))',
    )
    project.write(
        "test-made.R",
        """
        for (n in 1:3) test_that(paste("loop", n), {
          expect_lt(n, 3)
        })
        case(2)
        case(4)
        describe("a thing", {
          it("works", expect_true(TRUE))
          it("does not fail", expect_true(FALSE))
        })
        """,
    )
    result = project.run("-v")
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(["*::loop 2 PASSED*", "*::loop 3 FAILED*", "*::case 4 FAILED*"])


def test_names_select(project: Project) -> None:
    project.write(
        "test-names.R",
        """
        test_that("the first [one]", expect_true(TRUE))
        # tier: full
        test_that("reticulate::import is not called", expect_true(TRUE))
        test_that("twice", expect_true(TRUE))
        test_that("twice", expect_true(TRUE))
        """,
    )
    file = "tests/testthat/test-names.R"
    project.run(f"{file}::the first [one]").assert_outcomes(passed=1)
    project.run(f"{file}::twice (2)").assert_outcomes(passed=1)
    project.run("-k", "reticulate:import_is_not").assert_outcomes(passed=1, deselected=3)
    project.run("-m", "not full").assert_outcomes(passed=3, deselected=1)


def test_parallel_workers_share_the_tests(project: Project) -> None:
    project.write(
        "test-parallel.R",
        """
        for (n in 1:8) test_that(paste("test", n), {
          cat(Sys.getpid(), "\\n", file = paste0("pid-", n))
          expect_true(TRUE)
        })
        """,
    )
    project.run("-n", "2").assert_outcomes(passed=8)
    assert len({path.read_text() for path in project.folder.glob("pid-*")}) == 2


def test_a_crash_fails_its_test_only(project: Project) -> None:
    project.write(
        "test-crash.R",
        """
        test_that("before", expect_true(TRUE))
        test_that("crash", {
          cat("last words\\n")
          tools::pskill(Sys.getpid(), 9)
          repeat {}
        })
        test_that("leave", quit(status = 3))
        test_that("after", expect_true(TRUE))
        """,
    )
    result = project.run()
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*The R process was killed by signal 9. The end of its output:*",
            "last words",
            "*The R process ended with status 3.*",
        ]
    )


def test_a_hanging_test_times_out_and_the_next_one_runs(project: Project) -> None:
    project.write(
        "test-hang.R",
        """
        test_that("hang", Sys.sleep(600))
        test_that("after", expect_true(TRUE))
        """,
    )
    project.run("--collect-only")
    result = project.run("--timeout=15")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Timeout*"])


def test_output_is_kept_for_failures(project: Project) -> None:
    project.write(
        "test-output.R",
        """
        test_that("talks", {
          print("from R")
          system("echo from a child process")
          fail()
        })
        """,
    )
    result = project.run()
    result.stdout.fnmatch_lines(["*R output*", "*from R*", "from a child process"])


def test_errors_outside_of_tests_are_collection_errors(project: Project) -> None:
    project.write(
        "test-broken.R", "x <- 1\nstop('no such luck')\ntest_that('a', expect_true(TRUE))"
    )
    project.write("test-syntax.R", "test_that('a', {")
    project.write("test-skipped.R", "skip('not today')\ntest_that('a', expect_true(TRUE))")
    result = project.run("--continue-on-collection-errors")
    result.assert_outcomes(errors=2, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*test-broken.R:2, outside of test_that():*",
            "*no such luck*",
            "*unexpected end of input*",
            "*not today*",
        ]
    )


def test_snapshots_are_compared_and_not_written(project: Project) -> None:
    project.write("test-print.R", 'test_that("print", {\n  expect_snapshot(cat("old"))\n})')
    project.run().assert_outcomes(passed=1, warnings=1)
    snapshots = project.folder / "_snaps"
    assert not snapshots.exists()

    snapshots.mkdir()
    snapshot = '# print\n\n    Code\n      cat("old")\n    Output\n      new\n\n'
    snapshots.joinpath("print.md").write_text(snapshot)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Snapshot of code has changed*"])
    assert snapshots.joinpath("print.md").read_text() == snapshot


def test_a_failing_preparation_is_reported(project: Project) -> None:
    project.write("test-a.R", 'test_that("a", expect_true(TRUE))')
    prepare = project.pytester.makepyfile(prepare="print('does not compile'); raise SystemExit(1)")
    project.pytester.makeini(SETTINGS + f"testthat_prepare = {sys.executable} {prepare}\n")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*does not compile*"])


def test_without_r_the_files_are_skipped(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("test-a.R", 'test_that("a", expect_true(TRUE))')
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    result = project.run()
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*R is not installed*"])
