"""Packages of R for tests: a CRAN-like repository of small ones, made once."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

_PACKAGES = (
    ("plums", "1.0", "", "pick <- function() 'plums 1.0'"),
    ("plums", "2.0", "", "pick <- function() 'plums 2.0'"),
    ("tart", "1.1", "Imports: plums", "bake <- function() paste('tart with', plums::pick())"),
    ("burnt", "1.0", "", "stop('it does not load')"),
)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A CRAN-like repository of small packages: plums (and an older one), tart, burnt."""
    root = tmp_path_factory.mktemp("repository")
    contrib = root / "src" / "contrib"
    index = {}
    for name, version, depends, code in _PACKAGES:
        archive = contrib / "Archive" / name / f"{name}_{version}.tar.gz"
        fields = "\n".join(filter(None, [f"Package: {name}", f"Version: {version}", depends]))
        write_source(archive, name, fields, code)
        index[name] = (archive, fields)  # the last is the newest
    for archive, _ in index.values():
        archive.rename(contrib / archive.name)
    (contrib / "PACKAGES").write_text("\n\n".join(fields for _, fields in index.values()) + "\n")
    return f"file://{root}"


def write_source(archive: Path, name: str, fields: str, code: str) -> None:
    """Write a source archive as `R CMD build` does, in a hundredth of its time."""
    texts = {
        "DESCRIPTION": f"{fields}\nTitle: T\nDescription: D.\nLicense: GPL-3\nAuthor: A\n"
        "Maintainer: A <a@example.org>\n",
        "NAMESPACE": 'exportPattern("^[a-z]")\n',
        "R/code.R": f"{code}\n",
    }
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        for path, text in texts.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
