"""A cache of environments and a CRAN-like repository for the tests, made once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tandemlab.environments import EnvironmentCache

_PACKAGES = (
    ("plums", "1.0", "", "pick <- function() 'plums 1.0'"),
    ("plums", "2.0", "", "pick <- function() 'plums 2.0'"),
    ("tart", "1.1", "Imports: plums", "bake <- function() paste('tart with', plums::pick())"),
    ("burnt", "1.0", "", "stop('it does not load')"),
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EnvironmentCache:
    """An empty cache of its own, which jobs of the test use, too."""
    monkeypatch.setenv("TANDEMLAB_CACHE_DIR", str(tmp_path / "cache"))
    return EnvironmentCache()


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A CRAN-like repository of small packages: plums (and an older one), tart, burnt."""
    root = tmp_path_factory.mktemp("repository")
    contrib = root / "src" / "contrib"
    contrib.mkdir(parents=True)
    for name, version, depends, code in _PACKAGES:
        source = root / f"{name}-{version}" / name
        (source / "R").mkdir(parents=True)
        lines = [f"Package: {name}", f"Version: {version}", "Title: T", "Description: D."]
        lines += ["License: GPL-3", "Author: A", "Maintainer: A <a@example.org>", depends]
        (source / "DESCRIPTION").write_text("\n".join(filter(None, lines)) + "\n")
        (source / "NAMESPACE").write_text('exportPattern("^[a-z]")\n')
        (source / "R" / "code.R").write_text(f"{code}\n")
        command = ["R", "CMD", "build", "--no-build-vignettes", str(source)]
        subprocess.run(command, cwd=contrib, check=True, capture_output=True)
    archive = contrib / "Archive" / "plums"
    archive.mkdir(parents=True)
    (contrib / "plums_1.0.tar.gz").rename(archive / "plums_1.0.tar.gz")
    index = f"tools::write_PACKAGES({str(contrib)!r}, type = 'source')"
    subprocess.run(["Rscript", "--vanilla", "-e", index], check=True, capture_output=True)
    return f"file://{root}"
