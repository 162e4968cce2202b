"""Which R is started: the order of the places, and what becomes of those that are out of date."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tandemlab.bridge import find_r, r_environment, without_r
from tandemlab.bridge.rscript import r_places
from tandemlab.domain import InvalidInput, MissingDependency

Program = Callable[[str], str]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Makes programs; nothing else on this machine names an R."""
    for name in ("TANDEMLAB_RSCRIPT", "R_HOME", "R_LIBS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    (tmp_path / "venv").mkdir()

    def make(name: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return str(path)

    return make


def write_twin(**content: object) -> None:
    Path(sys.prefix, "tandemlab.json").write_text(json.dumps(content))


def test_each_place_comes_before_the_next(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = program("bin/Rscript")
    assert find_r().rscript == on_path and find_r().why == "the search path"
    at_home = program("home/bin/Rscript")
    monkeypatch.setenv("R_HOME", str(tmp_path / "home"))
    assert find_r().rscript == at_home
    twin = program("twin/Rscript")
    write_twin(rscript=twin)
    assert find_r().rscript == twin
    by_variable = program("variable/Rscript")
    monkeypatch.setenv("TANDEMLAB_RSCRIPT", by_variable)
    assert find_r().rscript == by_variable
    chosen = program("chosen/Rscript")
    assert find_r(chosen).rscript == chosen
    places = r_places(chosen)
    assert [place.path for place in places] == [chosen, by_variable, twin, at_home, on_path]


def test_what_programs_left_is_passed_over_when_it_is_gone(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = program("bin/Rscript")
    write_twin(rscript="/gone/Rscript")
    monkeypatch.setenv("R_HOME", "/gone")
    assert find_r().rscript == on_path
    assert [place.exists for place in r_places()] == [False, False, False, True]


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_what_a_person_named_is_an_error_when_it_is_not_there(
    by: str, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("bin/Rscript")
    if by == "variable":
        monkeypatch.setenv("TANDEMLAB_RSCRIPT", "/gone/Rscript")
    with pytest.raises(InvalidInput, match="'/gone/Rscript' is not on this machine") as error:
        find_r("/gone/Rscript" if by == "argument" else None)
    assert ("TANDEMLAB_RSCRIPT" in error.value.hint) == (by == "variable")


def test_a_machine_without_r_is_told_so(program: Program) -> None:
    with pytest.raises(MissingDependency, match="no Rscript on this machine"):
        find_r()


def test_libraries_of_the_environment_come_before_those_of_the_set_up(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert r_environment() == {}
    write_twin(r_libs=["/b", "/c"])
    monkeypatch.setenv("R_LIBS", os.pathsep.join(["/a", "/b"]))
    assert r_environment() == {"R_LIBS": "/a:/b:/c"}
    assert r_environment({}) == {"R_LIBS": "/b:/c"}


def test_what_r_puts_on_the_library_path_is_not_for_others(tmp_path: Path) -> None:
    home = tmp_path / "R"
    (home / "etc").mkdir(parents=True)
    (home / "etc" / "ldpaths").write_text(
        "LD_LIBRARY_PATH=${R_HOME}/lib:/usr/lib/some:${LD_LIBRARY_PATH}\nexport LD_LIBRARY_PATH\n"
    )
    inside = {
        "R_HOME": str(home),
        "LD_LIBRARY_PATH": f"{home}/lib:/usr/lib/some:/opt/cuda",
        "A": "1",
    }
    assert without_r(inside)["LD_LIBRARY_PATH"] == "/opt/cuda"
    bare = {**inside, "LD_LIBRARY_PATH": f"{home}/lib:/usr/lib/some"}
    assert without_r(bare) == {"R_HOME": str(home), "A": "1"}
    outside = {"LD_LIBRARY_PATH": "/usr/lib/some"}
    assert without_r(outside) == outside
