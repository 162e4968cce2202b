"""Model files of every format: what is read, what is refused, and why."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugins.late import Late
from tandemlab.domain import InvalidInput, MissingDependency, NotFound
from tandemlab.models import ModelFormat, load_model, save_model
from tandemlab.models.formats import format_of

linear_model, preprocessing = Late("sklearn.linear_model"), Late("sklearn.preprocessing")
_X = np.array([[1.0], [2.0], [3.0]])


@pytest.fixture
def fitted() -> Any:
    return linear_model.LinearRegression().fit(_X, [2.0, 4.0, 6.0])


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.skops"])
def test_a_model_predicts_the_same_when_it_is_read_again(
    fitted: Any, tmp_path: Path, name: str
) -> None:
    path = save_model(fitted, tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == [name]
    found = load_model(path, trusted=True)
    np.testing.assert_array_equal(found.predict(_X), fitted.predict(_X))


class _Bomb:
    """What somebody else's pickle may do."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib"])
def test_code_in_a_pickle_is_not_run_unless_it_is_trusted(tmp_path: Path, name: str) -> None:
    path, mark = tmp_path / name, tmp_path / "mark"
    path.write_bytes(pickle.dumps(_Bomb(mark)))
    with pytest.raises(InvalidInput, match="runs whatever code is in it") as caught:
        load_model(path)
    assert not mark.exists()
    assert caught.value.details["reason"] == "untrusted" and "trusted=True" in caught.value.hint
    load_model(path, trusted=True)
    assert mark.exists()


def test_skops_reads_what_it_knows_and_names_what_it_does_not(tmp_path: Path) -> None:
    known = save_model(linear_model.LinearRegression().fit(_X, _X), tmp_path / "known.skops")
    assert load_model(known).coef_.shape == (1, 1)
    unknown = save_model(
        preprocessing.FunctionTransformer(os.path.basename), tmp_path / "unknown.skops"
    )
    with pytest.raises(InvalidInput, match=r"not trusted: posixpath\.basename") as e:
        load_model(unknown)
    assert e.value.details["types"] == ["posixpath.basename"]
    with pytest.raises(InvalidInput, match="basename"):
        load_model(unknown, trusted=["posixpath.join"])
    assert load_model(unknown, trusted=["posixpath.basename"]).func is os.path.basename
    assert load_model(unknown, trusted=True).func is os.path.basename


def test_onnx_runs_in_its_own_runtime(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("Add", ["x", "x"], ["y"])
    ends = [helper.make_tensor_value_info(name, kind, [None]) for name in ("x", "y")]
    graph = helper.make_graph([node], "double", ends[:1], ends[1:])
    opset = helper.make_opsetid("", 13)
    path = save_model(
        helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "model.onnx"
    )
    (found,) = load_model(path).run(None, {"x": np.array([1, 2], dtype=np.float32)})
    assert found.tolist() == [2, 4]
    with pytest.raises(InvalidInput, match="is no ONNX model"):
        save_model(linear_model.LinearRegression(), tmp_path / "other.onnx")
    assert not (tmp_path / "other.onnx").exists()


def test_a_folder_with_one_file_is_read_as_the_file(fitted: Any, tmp_path: Path) -> None:
    save_model(fitted, tmp_path / "model.skops")
    assert load_model(tmp_path).coef_ == pytest.approx([2.0])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.rds", b"", "is a model of R"),
        ("weights.bin", b"", "of no format that has a reader here"),
        ("model.pkl", b"", "cannot be read as pickle: EOFError"),
        ("model.pkl", b"nonsense", "cannot be read as pickle: UnpicklingError"),
        ("model.joblib", b"nonsense", "cannot be read as joblib"),
        ("model.skops", b"nonsense", "cannot be read as skops: BadZipFile"),
        ("model.onnx", b"nonsense", "cannot be read as onnx"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_why(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        load_model(path, trusted=True)


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no model at"):
        load_model(tmp_path / "model.pkl")


def test_a_package_that_a_model_needs_is_named(tmp_path: Path) -> None:
    code = """
import pickle, sys, types
module = sys.modules["their_package"] = types.ModuleType("their_package")
module.Thing = type("Thing", (), {"__module__": "their_package"})
pickle.dump(module.Thing(), open(sys.argv[1], "wb"))
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model.pkl")], check=True)
    with pytest.raises(MissingDependency, match="their_package, which is not installed"):
        load_model(tmp_path / "model.pkl", trusted=True)


def test_what_a_format_cannot_hold_leaves_no_file(tmp_path: Path) -> None:
    target = tmp_path / "model.pkl"
    target.write_bytes(b"the old one")
    with pytest.raises(InvalidInput, match="cannot be written as pickle"):
        save_model(lambda: None, target)
    assert target.read_bytes() == b"the old one" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(InvalidInput, match=r"In R|save_model"):
        save_model({}, tmp_path / "model.rds")
    with pytest.raises(InvalidInput, match=r"Known endings are \.pkl"):
        save_model({}, tmp_path / "model.bin")


def test_formats_are_told_by_names() -> None:
    names = {
        "pickle": ["model.PKL"],
        "rds": ["model.rds"],
        "torch": ["weights.pth"],
        "mlflow": ["MLmodel", "python_env.yaml"],
        "custom": ["a.pkl", "b.pkl"],
    }
    assert {kind: format_of(found).value for kind, found in names.items()} == dict.fromkeys(
        names
    ) | {kind: kind for kind in names}
    assert not ModelFormat.SKOPS.runs_code and ModelFormat.PICKLE.runs_code
