"""The script of a service that has none: it asks a model of any format in that format's way."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from itertools import count
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tandemlab import Workspace
from tandemlab.domain import InvalidInput
from tandemlab.models import Model, ModelFormat, save_model
from tandemlab.models.mlflow_folder import read_mlmodel
from tandemlab.services import deploy_model
from tandemlab.services.scripts import default_script

TABLE = {"inputs": {"kind": "table", "columns": [{"name": "age", "type": "double"}]}}
FRAME = pd.DataFrame({"age": [1.0, 2.0]})
_numbers = count()


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Loads a model as a replica does; what its script answers to a request."""

    def start(path: Path, format: str, signature: Any = None) -> Callable[[Any], Any]:
        revision = tmp_path / f"revision{next(_numbers)}"
        script = default_script(ModelFormat(format), signature, revision)
        monkeypatch.setenv("TANDEMLAB_MODEL_DIR", str(path.parent))
        spec = importlib.util.spec_from_file_location("score", revision / "source" / script.path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.init()
        return lambda request: np.asarray(module.run(json.dumps(request))["predictions"]).tolist()

    return start


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "model"
    found.mkdir()
    return found


@pytest.mark.parametrize("name", ["line.skops", "line.joblib", "line.pkl"])
def test_scikit_learn_gets_a_frame_by_the_signature_or_an_array(
    answering: Callable[..., Any], folder: Path, name: str
) -> None:
    path = save_model(LinearRegression().fit(FRAME, [2.0, 4.0]), folder / name)
    run = answering(path, {"pkl": "pickle"}.get(name[5:], name[5:]), TABLE)
    assert run([{"age": 3}]) == pytest.approx([6.0])
    assert answering(path, ModelFormat.PICKLE if name[5:] == "pkl" else name[5:])(
        {"age": [3]}
    ) == pytest.approx([6.0])


def onnx_model(inputs: list[str]) -> Any:
    """Adds its inputs, or an input to itself."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, kind, [None, 1]) for name in [*inputs, "y"]]
    node = helper.make_node("Add", [inputs[0], inputs[-1]], ["y"])
    graph = helper.make_graph([node], "sum", ends[:-1], ends[-1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def test_onnx_gets_arrays_by_the_names_of_its_inputs(
    answering: Callable[..., Any], folder: Path
) -> None:
    pytest.importorskip("onnxruntime")
    path = save_model(onnx_model(["x"]), folder / "sum.onnx")
    assert answering(path, "onnx")([[1], [2.5]]) == [[2.0], [5.0]]
    save_model(onnx_model(["a", "b"]), path)
    assert answering(path, "onnx")([{"a": 1, "b": 2}]) == [[3.0]]


@pytest.mark.full
def test_mlflow_gets_the_types_of_its_own_schema(
    answering: Callable[..., Any], folder: Path
) -> None:
    mlflow = pytest.importorskip("mlflow")
    from mlflow.types import ColSpec, Schema, TensorSpec

    class Sums(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
        def predict(self, context: Any, model_input: Any) -> Any:
            return np.asarray(model_input).sum(axis=1)

    class Doubles(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
        def predict(self, model_input: list[float]) -> list[float]:
            return [2 * value for value in model_input]

    columns = Schema([ColSpec("integer", "a"), ColSpec("float", "b"), ColSpec("long", "c", False)])
    tensor = Schema([TensorSpec(np.dtype("float32"), (-1, 2))])
    for model, inputs, request, expected in (
        (Sums(), columns, [{"a": 1, "b": 2.5, "c": 3}, {"a": 1, "b": 2, "c": 3}], [6.5, 6.0]),
        (Sums(), tensor, [[1, 2], [3, 4]], [3.0, 7.0]),
        (Doubles(), None, [1, 2.5], [2.0, 5.0]),
    ):
        path = folder / f"m{next(_numbers)}" / "model"
        signature = inputs and mlflow.models.ModelSignature(inputs=inputs)
        mlflow.pyfunc.save_model(path, python_model=model, signature=signature, pip_requirements=[])
        ours = read_mlmodel((path / "MLmodel").read_text()).signature
        assert ours is not None
        run = answering(path, "mlflow", ours.to_dict())
        assert run(ours.inputs.check(request)) == expected


@pytest.mark.full
def test_a_service_goes_from_onnx_to_skops(services: Workspace, folder: Path) -> None:
    pytest.importorskip("onnxruntime")
    Model.register(services, save_model(onnx_model(["x"]), folder / "sum.onnx"), "sum")
    line = LinearRegression().fit(FRAME, [2.0, 4.0])
    Model.register(
        services,
        save_model(line, folder / "line.skops"),
        "line",
        sample_input_dataset=FRAME,
    )
    service = deploy_model(services, "any", ["sum"])
    service.wait_for_deployment()
    assert service.run([[1], [2.5]]) == {"predictions": [[2], [5]]}
    service.update(["line"])
    assert service.run(FRAME) == {"predictions": pytest.approx([2, 4])}
    with pytest.raises(InvalidInput, match="age"):
        service.run([{"years": 1}])


def test_each_type_of_the_signature_reaches_the_model_as_pandas_has_it(
    answering: Callable[..., Any], folder: Path
) -> None:
    kinds = {
        "n": "integer",
        "x": "double",
        "ok": "boolean",
        "s": "string",
        "day": "date",
        "raw": "binary",
        "gap": "integer",
        "none": "string",
    }
    columns = [{"name": name, "type": kind} for name, kind in kinds.items()]
    rule = SimpleNamespace(predict=methodcaller("to_json", orient="table", index=False))
    path = save_model(rule, folder / "rule.pkl")
    run = answering(path, "pickle", {"inputs": {"kind": "table", "columns": columns}})
    row = {"n": 1, "x": 2, "ok": True, "s": "a", "day": "2002-12-31", "raw": "aGVsbG8=", "gap": 3}
    found = json.loads(run([row, {**row, "gap": None, "none": "b"}]))
    types = {field["name"]: field["type"] for field in found["schema"]["fields"]}
    assert types == {
        "n": "integer",
        "x": "number",
        "ok": "boolean",
        "s": "string",
        "day": "datetime",
        "raw": "string",
        "gap": "number",
        "none": "string",
    }
    first, second = found["data"]
    assert (first["day"], first["raw"], first["none"]) == ("2002-12-31T00:00:00.000", "hello", None)
    assert (first["gap"], second["gap"], second["none"]) == (3, None, "b")
    assert json.loads(run([]))["data"] == []
