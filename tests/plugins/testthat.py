"""testthat files as pytest items: one item for each `test_that()`, one R process for all.

The R process is started when the first R test is needed and serves one test at a time (see
`testthat_server.R`); under pytest-xdist every worker has its own. A test that kills R fails with
the end of R's output, and the next test gets a new process. Without R or testthat each file is one
skipped item.

The comment `# tier: full` (any marker's name) on the line above a test marks it. Snapshots are
compared, never written: `testthat::test_local()` and `testthat::snapshot_accept()` write them.

Settings: `testthat_package` is attached before the tests, from the library `testthat_library`
if that is given; `testthat_prepare` is a command that is run before R starts, to bring the
installed package up to date.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

SERVER = Path(__file__).with_name("testthat_server.R")
OUTPUT_TAIL = 4000


class TestthatWarning(UserWarning):
    """A warning that R gave during a test."""

    __test__ = False


class TestthatFailure(Exception):
    """A test that failed; the text is testthat's."""


class RUnavailable(Exception):
    """R or an R package that the tests need is not installed."""


class RDied(Exception):
    """The R process ended on its own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("testthat_package", "R package under test", default="")
    parser.addini("testthat_library", "R library that holds it", type="paths", default=[])
    parser.addini("testthat_prepare", "command that brings the installed package up to date")


def pytest_sessionstart(session: pytest.Session) -> None:
    # Tests in Python run R jobs as well, so the package is brought up to date for all, and before
    # the workers start. A failure stops the R tests only; they report it.
    if shutil.which("Rscript") and not hasattr(session.config, "workerinput"):
        with contextlib.suppress(pytest.Collector.CollectError):
            prepare(session.config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> TestthatFile | None:
    is_test = file_path.suffix in (".R", ".r") and file_path.name.startswith("test-")
    if is_test and file_path.parent.name == "testthat":
        return TestthatFile.from_parent(parent, path=file_path)
    return None


def pytest_sessionfinish(session: pytest.Session) -> None:
    for process in session.stash.get(PROCESSES, {}).values():
        process.stop()


class TestthatFile(pytest.File):
    """A file of `tests/testthat`."""

    __test__ = False

    def collect(self) -> Iterable[pytest.Item]:
        try:
            found = self._tests()
        except RUnavailable as error:
            return [SkippedFile.from_parent(self, name="R tests", reason=str(error))]
        except RDied as error:
            raise self.CollectError(str(error)) from None
        if "error" in found:
            raise self.CollectError(found["error"])
        if "skip" in found:
            return [SkippedFile.from_parent(self, name="R tests", reason=found["skip"])]
        return self._items(found["tests"])

    def _items(self, tests: list[dict[str, Any]]) -> Iterator[pytest.Item]:
        used: dict[str, int] = {}
        for test in tests:
            # pytest separates the parts of a node id by "::".
            name = test["name"].replace("::", ":")
            used[name] = used.get(name, 0) + 1
            if used[name] > 1:
                name = f"{name} ({used[name]})"
            yield TestthatItem.from_parent(self, name=name, test=test)

    def _tests(self) -> dict[str, Any]:
        """What the file holds, from the cache if no file that could matter has changed."""
        key = f"testthat/{hashlib.sha256(str(self.path).encode()).hexdigest()[:16]}"
        state = _state_of_files(self.path.parent)
        cache: pytest.Cache | None = self.config.cache
        if cache is not None:
            known = cache.get(key, None)
            if known is not None and known["state"] == state and shutil.which("Rscript"):
                return dict(known["found"])
        found = r_process(self).ask(collect=self.path.name)
        if cache is not None and "tests" in found:
            cache.set(key, {"state": state, "found": found})
        return found


def _state_of_files(test_dir: Path) -> str:
    """Digest of the names, sizes and times of the R tests and the shared cases beside them."""
    digest = hashlib.sha256()
    for folder in (test_dir, test_dir.parent / "conformance"):
        for path in sorted(folder.rglob("*")):
            status = path.stat()
            digest.update(f"{path}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


class SkippedFile(pytest.Item):
    """Stands for a file whose tests cannot be known here."""

    def __init__(self, *, reason: str, **options: Any) -> None:
        super().__init__(**options)
        self.reason = reason

    def runtest(self) -> None:
        _skip(self.reason)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


class TestthatItem(pytest.Item):
    """One `test_that()`, or one `describe()` with all that is in it."""

    __test__ = False

    def __init__(self, *, test: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.test = test
        self.extra_keyword_matches.add(self.name.replace(" ", "_"))
        if test.get("tier"):
            self.add_marker(test["tier"])

    def runtest(self) -> None:
        process = r_process(self)
        try:
            answer = process.ask(
                run=self.path.name,
                expression=self.test["expression"],
                occurrence=self.test["occurrence"],
            )
        except RDied as error:
            raise TestthatFailure(str(error)) from None
        finally:
            self.add_report_section("call", "R output", process.new_output())
        self._report(answer)

    def _report(self, answer: dict[str, Any]) -> None:
        if "error" in answer:
            raise TestthatFailure(answer["error"])
        if "name" in answer and answer["name"] != self.test["name"]:
            raise TestthatFailure(f"{self.path.name} has changed since its tests were collected.")
        results = answer.get("results", [])
        for result in results:
            if result["kind"] == "warning":
                self.warn(TestthatWarning(_text(result)))
        failures = [_text(result) for result in results if result["kind"] in ("failure", "error")]
        if failures:
            raise TestthatFailure("\n\n".join(failures))
        skips = [result["message"] for result in results if result["kind"] == "skip"]
        if "skip" in answer or skips:
            _skip(answer.get("skip") or skips[0])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, TestthatFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.test["line"] - 1, self.name


def _text(result: dict[str, Any]) -> str:
    place = f" ({result['where']})" if result.get("where") else ""
    return f"{result['kind'].capitalize()}{place}: {result['message']}"


def _skip(reason: str) -> None:
    raise pytest.skip.Exception(reason, _use_item_location=True)


class RProcess:
    """An R process that serves the tests of one folder, started on the first request."""

    def __init__(self, test_dir: Path, config: pytest.Config) -> None:
        self.test_dir = test_dir
        self.config = config
        self._package: str = config.getini("testthat_package")
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and waits for the reply.

        Raises:
            RUnavailable: R or testthat is not installed.
            RDied: R ended before it replied.
        """
        if self._process is None:
            self._start()
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            return self._reply()
        except RDied:
            raise
        except BaseException:
            # Interrupted or out of time: R still runs the test and could not serve another one.
            self.stop(kill=True)
            raise

    def new_output(self) -> str:
        """What R and its child processes have printed since the last call."""
        return self._output.read().decode(errors="replace") if self._process else ""

    def stop(self, *, kill: bool = False) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        self._requests.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._clean_up()

    def _start(self) -> None:
        rscript = shutil.which("Rscript")
        if rscript is None:
            raise RUnavailable("R is not installed (no Rscript on the path)")
        prepare(self.config)
        self._folder = Path(tempfile.mkdtemp(prefix="testthat-"))
        pipes = [self._folder / "requests", self._folder / "replies"]
        for pipe in pipes:
            os.mkfifo(pipe)
        output = self._folder / "output"
        with output.open("wb") as stream:
            self._process = subprocess.Popen(
                [rscript, "--no-init-file", SERVER, self.test_dir, self._package, *pipes],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=self._environment(),
            )
        self._output: IO[bytes] = output.open("rb")
        # Opened for reading and writing, a pipe does not wait for R to open the other end.
        self._requests = os.fdopen(os.open(pipes[0], os.O_RDWR), "wb", buffering=0)
        self._replies = os.fdopen(os.open(pipes[1], os.O_RDWR), "rb", buffering=0)
        hello = self._reply()
        if "missing" in hello:
            self.stop()
            raise RUnavailable(f"the R package {hello['missing']} is not installed")

    def _environment(self) -> dict[str, str]:
        libraries = [str(path) for path in self.config.getini("testthat_library")]
        if "R_LIBS" in os.environ:
            libraries.append(os.environ["R_LIBS"])
        # As testthat::test_local() does: what testthat skips on CRAN's machines runs here.
        return {"NOT_CRAN": "true", **os.environ, "R_LIBS": os.pathsep.join(libraries)}

    def _reply(self) -> dict[str, Any]:
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._replies], [], [], 0.1)
            if ready:
                line += self._replies.read(65536)
            elif self._process is not None and self._process.poll() is not None:
                raise self._death()
        return dict(json.loads(line))

    def _death(self) -> RDied:
        assert self._process is not None
        status = self._process.wait()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        output = self.new_output()
        self._clean_up()
        return RDied(f"The R process {how}. The end of its output:\n{output[-OUTPUT_TAIL:]}")

    def _clean_up(self) -> None:
        self._process = None
        for stream in (self._requests, self._replies, self._output):
            with contextlib.suppress(OSError):
                stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)


PREPARED = pytest.StashKey[bool]()


def prepare(config: pytest.Config) -> None:
    """Brings the installed package up to date, once in a session.

    Raises:
        CollectError: the command failed; the text is its output.
    """
    command = config.getini("testthat_prepare")
    if not command or config.stash.get(PREPARED, False):
        return
    done = subprocess.run(
        shlex.split(command),
        cwd=config.rootpath,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        output = done.stdout.decode(errors="replace")
        raise pytest.Collector.CollectError(f"`{command}` failed:\n{output}")
    config.stash[PREPARED] = True


PROCESSES = pytest.StashKey[dict[Path, RProcess]]()


def r_process(node: pytest.Item | pytest.File) -> RProcess:
    """The R process for the folder of a test."""
    processes = node.session.stash.setdefault(PROCESSES, {})
    test_dir = node.path.parent
    if test_dir not in processes:
        processes[test_dir] = RProcess(test_dir, node.config)
    return processes[test_dir]
