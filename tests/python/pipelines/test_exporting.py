"""Scripts that build pipelines: what they build is what they were written for."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tandemlab.designer.samples import samples
from tandemlab.domain.documents import read_document
from tandemlab.pipelines import Pipeline
from tandemlab.pipelines.exporting.expressions import written
from tandemlab.pipelines.exporting.languages import LANGUAGES

CASES = Path(__file__).parents[2] / "conformance" / "pipelines"
graphs = [
    case
    for file in ("graphs.yaml", "scripts.yaml")
    for case in read_document((CASES / file).read_text(encoding="utf-8"), file).value
    if "then" in case
]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("case", graphs, ids=lambda case: case["name"])
def test_the_script_of_a_pipeline_builds_it(case: dict[str, Any]) -> None:
    pipeline = Pipeline.from_dict(case["then"])
    Path("built.py").write_text(pipeline.to_python())
    built = runpy.run_path("built.py")["pipeline"]
    assert built.to_dict() == pipeline.to_dict()
    is_said = "DocumentStep" not in pipeline.to_python()
    assert is_said is ("python" not in case.get("as_document", ()))


@pytest.mark.parametrize("sample", samples().values(), ids=samples())
def test_the_script_of_a_sample_builds_it_by_constructors_alone(sample: Any) -> None:
    Path("built.py").write_text(sample.pipeline.to_python())
    built = runpy.run_path("built.py")["pipeline"]
    assert built.to_dict() == sample.pipeline.to_dict()
    assert "DocumentStep" not in sample.pipeline.to_python()
    assert "document_step" not in sample.pipeline.to_r()


texts = st.text(st.characters(codec="utf-8")) | st.text("ab\"'\\\n ")
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20
)


@settings(max_examples=60, deadline=None)
@given(value=values, indent=st.integers(0, 90))
def test_a_value_is_written_as_code_that_reads_as_it(value: Any, indent: int) -> None:
    code = written(value, LANGUAGES["python"], indent)
    assert ast.literal_eval(code) == value
