"""The studio's functions that need no browser, by the tests beside them."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def test_the_functions_of_the_studio_do_what_their_tests_say(pytestconfig: pytest.Config) -> None:
    folder = pytestconfig.rootpath / "web"
    path = f"{pytestconfig.rootpath / '.build/node/bin'}{os.pathsep}{os.environ['PATH']}"
    node = shutil.which("node", path=path)
    assert node is not None, "tools/bootstrap dev installs node"
    run = subprocess.run(
        [node, "node_modules/vitest/vitest.mjs", "run", "--no-color"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
