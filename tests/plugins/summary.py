"""Writes how many tests passed, failed and were skipped, as one plain line, for `tools/test`."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--summary-file", type=Path, help="file for the line 'N passed, N failed'")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    path: Path | None = config.getoption("--summary-file")
    if path is not None:
        stats = {kind: len(reports) for kind, reports in terminalreporter.stats.items()}
        path.write_text(summary_line(stats) + "\n")


def summary_line(stats: dict[str, int]) -> str:
    """The counts of a session; errors in set-up and collection count as failures.

    >>> summary_line({"passed": 7, "error": 1, "skipped": 2, "xfailed": 1})
    '7 passed, 1 failed, 3 skipped'
    >>> summary_line({"passed": 7, "xpassed": 1})
    '8 passed, 0 failed'
    """
    passed = stats.get("passed", 0) + stats.get("xpassed", 0)
    failed = stats.get("failed", 0) + stats.get("error", 0)
    skipped = stats.get("skipped", 0) + stats.get("xfailed", 0)
    line = f"{passed} passed, {failed} failed"
    return f"{line}, {skipped} skipped" if skipped else line
