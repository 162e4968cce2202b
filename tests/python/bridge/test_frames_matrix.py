"""The fidelity matrix of tests/conformance/frames, seen from Python."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

for library in ("pyarrow", "pandas", "polars", "duckdb", "yaml"):
    pytest.importorskip(library)

import yaml  # noqa: E402

from conformance.frames import values  # noqa: E402
from python.bridge import r_session  # noqa: E402

FRAMES = Path(__file__).parents[2] / "conformance" / "frames"


def cases(name: str) -> list[Any]:
    found = yaml.safe_load((FRAMES / name).read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["name"]) for case in found]


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    opened = r_session.RSession()
    yield opened
    opened.close()


def needed(session: Any, case: dict[str, Any]) -> None:
    for package in case.get("needs", []):
        if not session.ask("has", package=package)["has"]:
            pytest.skip(f"the R package {package} is not installed")


def check_said(answer: dict[str, Any], case: dict[str, Any]) -> bool:
    if "error" in case:
        assert case["error"] in answer["error"]
        return False
    assert not answer.get("error")
    for what in ("warning", "message"):
        said = answer[what]
        assert any(case[what] in text for text in said) if what in case else said == []
    return True


@pytest.mark.parametrize("case", cases("r.yaml"))
def test_frames_of_r_come_as_the_types_that_are_said(session: Any, case: dict[str, Any]) -> None:
    needed(session, case)
    said = {key: value for key, value in case.items() if key in ("r", "frame")}
    answer = session.ask("give", case=said, library="pandas")
    if check_said(answer, case):
        frame = values.load(session.frame)
        assert values.type_of(frame) == case.get("pandas", "")
        if not case.get("pickled", True):
            return
        values.dump(frame, session.frame)
        wanted = case.get("becomes", case.get("r", case.get("frame")))
        back = session.ask("take", library="pandas", wanted=wanted, whole="frame" in case)
        assert back["warning"] == [] and back["as_wanted"], back["got"]


@pytest.mark.parametrize("case", cases("python.yaml"))
def test_frames_of_python_come_back_as_is_said(session: Any, case: dict[str, Any]) -> None:
    needed(session, case)
    before = values.case_value(case["python"])
    library = values.library_of(before)
    answer = session.ask(
        "take",
        code=case["python"],
        options=case.get("options", {}),
        library=library,
        wanted=case.get("frame", case.get("r")),
        whole="frame" in case,
    )
    if not check_said(answer, case):
        return
    assert answer["as_wanted"], answer["got"]
    if case.get("back") == "error":
        assert answer["back"]["error"]
    elif "back" in case:
        warned = answer["back"]["warning"]
        hint = case.get("back_warning")
        assert any(hint in text for text in warned) if hint else warned == []
        after = values.load(session.frame)
        found = values.differences(before, after)
        if case["back"] == "equal":
            assert found == ""
        else:
            assert found and values.type_of(after) == case["back"]
