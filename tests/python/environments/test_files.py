"""Environments are read from the files that people have, and checked as values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tandemlab import Environment
from tandemlab.domain import InvalidInput
from tandemlab.environments import (
    PythonSection,
    RPackage,
    RSection,
    read_environment,
    save_environment,
)
from tandemlab.environments.files import from_conda_specification

LOCK = {
    "R": {"Version": "4.2.2", "Repositories": [{"Name": "CRAN", "URL": "https://cran.test"}]},
    "Packages": {
        "glmnet": {"Package": "glmnet", "Version": "4.1-8", "Repository": "CRAN"},
        "mine": {"Package": "mine", "Version": "1.0", "Source": "Repository"},
    },
}


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_requirements_are_read_with_the_files_they_name(tmp_path: Path) -> None:
    file(tmp_path, "base.txt", "numpy>=1.26 \\\n  ; python_version >= '3.10'\n")
    path = file(tmp_path, "requirements.txt", "# all\n-r base.txt\n\nsix==1.16.0  # pinned\n")
    found = read_environment(path)
    assert (found.name, found.python.version) == ("requirements", None)
    assert [" ".join(each.split()) for each in found.python.requirements] == [
        "numpy>=1.26 ; python_version >= '3.10'",
        "six==1.16.0",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("six\n--index-url https://x", "line 2: an environment has no place for '--index-url'"),
        ("-r requirements.txt", "names itself"),
        ("-r nothing.txt", "nothing.txt cannot be read"),
    ],
)
def test_options_of_pip_that_have_no_place_are_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_environment(file(tmp_path, "requirements.txt", text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chanels: [x]", "line 1, chanels: no such key; did you mean 'channels'\\?"),
        ("dependencies: six", "line 1, dependencies: must be a list"),
        ("dependencies:\n- pip: six", r"line 2, dependencies\[0\].pip: must be a list"),
        ("dependencies:\n- npm: [left-pad]", "npm: no such key"),
    ],
)
def test_a_conda_file_with_mistakes_is_refused_with_line_and_key(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        from_conda_specification("study", file(tmp_path, "conda.yml", text))


def test_variables_of_a_conda_file_are_those_of_the_script(tmp_path: Path) -> None:
    text = "dependencies: [pip: [six]]\nvariables: {REGION: south}"
    assert read_environment(file(tmp_path, "conda.yml", text)).variables == {"REGION": "south"}


def test_a_conda_file_keeps_its_pip_part_apart(tmp_path: Path) -> None:
    text = (
        "name: study\nchannels: [conda-forge]\ndependencies:\n"
        "  - python=3.11.*\n  - pip\n  - gdal>=3\n  - pip: [six==1.16.0]\n"
    )
    found = read_environment(file(tmp_path, "conda_dependencies.yml", text))
    python = PythonSection(("six==1.16.0",), "3.11", None, ("gdal>=3",), ("conda-forge",))
    assert found == Environment("study", python)


def test_a_lock_file_of_renv_gives_exact_versions(tmp_path: Path) -> None:
    found = read_environment(file(tmp_path, "renv.lock", json.dumps(LOCK)), "models")
    packages = (RPackage("glmnet", "4.1-8", "https://cran.test"), RPackage("mine", "1.0"))
    assert found == Environment("models", r=RSection(packages, ("https://cran.test",)))


def test_packages_of_a_lock_file_that_come_from_elsewhere_are_named(tmp_path: Path) -> None:
    packages = {"mine": {"Package": "mine", "Version": "1.0", "Source": "Local"}}
    text = json.dumps({**LOCK, "Packages": packages})
    with pytest.raises(InvalidInput, match="come from no place known here: mine"):
        read_environment(file(tmp_path, "renv.lock", text))


def test_what_is_saved_is_read_as_it_was(tmp_path: Path) -> None:
    environment = Environment(
        "Prüfung",
        PythonSection(("six", "pandas>=2"), "3.11"),
        RSection((RPackage("glmnet", "4.1-8"),), ("https://cran.test",)),
        {"OMP_NUM_THREADS": "2"},
    )
    assert read_environment(save_environment(environment, tmp_path / "e.yml")) == environment


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("e.yml", "name: a\npyton: {}", "line 2, pyton: no such key; did you mean 'python'"),
        (
            "e.yml",
            "name: a\npython: {requirement: [six]}",
            "line 2, python.requirement: no such key",
        ),
        ("e.yml", "name: a\npython: [six]", "line 2, python: must be a mapping"),
        (
            "e.yml",
            "name: a\npython: {requirements: six}",
            "line 2, python.requirements: must be a list",
        ),
        ("e.yml", "python: {}", "environment is not whole"),
        ("e.yml", "name: [", "is no YAML"),
        ("e.yml", "- a", "holds no mapping"),
        ("renv.lock", "{}", "no lock file of renv"),
        ("e.ini", "", "no file of an environment"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_environment(file(tmp_path, name, text))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Environment(""), "it is empty"),
        (lambda: Environment("a", variables={"A B": "1"}), "cannot be an environment variable"),
        (lambda: PythonSection(version="newest"), "no version of Python"),
        (lambda: PythonSection(("six",), interpreter="/usr/bin/python3"), "installs nothing"),
        (lambda: PythonSection(("six\nsix",)), "says nothing or more than one thing"),
        (lambda: RPackage("glmnet==4"), "cannot be the name of an R package"),
    ],
)
def test_values_that_cannot_be_are_refused(make: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()


def test_the_digest_tells_what_is_installed_and_nothing_else() -> None:
    one = Environment("one", PythonSection(("six",)))
    assert one.digest == Environment("two", PythonSection(("six",)), variables={"A": "1"}).digest
    assert one.digest != Environment("one", PythonSection(("six==1",))).digest


def test_an_renv_lock_names_packages_of_github_urls_and_bioconductor(tmp_path: Path) -> None:
    record = {"Version": "1.0", "Source": "Repository", "Repository": "CRAN"}
    github = {"RemoteUsername": "ana", "RemoteRepo": "figs", "RemoteSha": "0a1b"}
    content = {
        "R": {
            "Version": "4.2.2",
            "Repositories": [{"Name": "CRAN", "URL": "https://cran.example"}],
        },
        "Bioconductor": {"Version": "3.16"},
        "Packages": {
            "plums": record,
            "fig": {**record, "Source": "GitHub", **github},
            "kiwi": {**record, "Source": "URL", "RemoteUrl": "https://example.org/kiwi.tar.gz"},
            "limma": {**record, "Source": "Bioconductor", "Repository": "Bioconductor 3.16"},
        },
    }
    (tmp_path / "renv.lock").write_text(json.dumps(content))
    r = read_environment(tmp_path / "renv.lock").r
    assert r.packages == (
        RPackage("plums", "1.0", "https://cran.example"),
        RPackage("fig", "1.0", source="https://github.com/ana/figs/archive/0a1b.tar.gz"),
        RPackage("kiwi", "1.0", source="https://example.org/kiwi.tar.gz"),
        RPackage("limma", "1.0"),
    )
    assert r.repositories[:2] == (
        "https://cran.example",
        "https://bioconductor.org/packages/3.16/bioc",
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RPackage.from_github("figs"), "names no repository at GitHub"),
        (lambda: RPackage.from_github("ana/figs@"), "names no repository at GitHub"),
        (lambda: RPackage("fig", source="fig.zip"), "is no source of the R package 'fig'"),
        (lambda: RPackage("fig", None, "https://a", "/a/fig.tar.gz"), "not both"),
        (lambda: RSection(version="4.x"), "no version of R"),
    ],
)
def test_places_of_r_packages_and_versions_of_r_are_checked(
    make: Callable[[], object], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        make()
