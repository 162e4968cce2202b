"""Files that lie or break off, read in a process of their own: an error each time, no crash."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from python.bridge.damaged_files import good_files
from tandemlab.bridge import find_r, r_environment

HERE = Path(__file__).parent


def read_damaged(folder: Path, first: int, count: int) -> None:
    done = subprocess.run(
        [find_r().rscript, "--no-init-file", HERE / "read_damaged.R"],
        env={**os.environ, **r_environment(), "READ_DAMAGED": f"{folder} {first} {count}"},
        capture_output=True,
        text=True,
    )
    last = [line for line in done.stdout.splitlines() if line.startswith("seed")][-1:]
    assert done.returncode == 0, f"{last} {done.stdout[-2000:]} {done.stderr[-2000:]}"
    assert "refused" in done.stdout and "read" in done.stdout


def test_damaged_files_are_errors(tmp_path: Path) -> None:
    good_files(tmp_path)
    read_damaged(tmp_path, 1, 500)


@pytest.mark.full
def test_damaged_files_of_new_seeds_are_errors(tmp_path: Path) -> None:
    good_files(tmp_path)
    read_damaged(tmp_path, random.randrange(10**6, 10**9), 2000)


def read_damaged_in_python(folder: Path, first: int, count: int) -> None:
    done = subprocess.run(
        [sys.executable, HERE / "read_damaged.py", folder, str(first), str(count)],
        capture_output=True,
        text=True,
    )
    last = [line for line in done.stdout.splitlines() if line.startswith("seed")][-1:]
    assert done.returncode == 0, f"{last} {done.stderr[-2000:]}"
    for outcome in ("invalid_input", "read to arrow", "read to pandas", "read to polars"):
        assert outcome in done.stdout


def test_damaged_files_are_errors_in_python_too(tmp_path: Path) -> None:
    good_files(tmp_path)
    read_damaged_in_python(tmp_path, 1, 300)


@pytest.mark.full
def test_damaged_files_of_new_seeds_are_errors_in_python_too(tmp_path: Path) -> None:
    good_files(tmp_path)
    read_damaged_in_python(tmp_path, random.randrange(10**6, 10**9), 5000)
