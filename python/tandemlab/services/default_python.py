"""Answers by a model's own ``predict()``: the script of a service that has none of its own.

A request is a list of records, or lists for columns, or rows; the answer is ``{"predictions": …}``.
The service's process has checked it by the model's signature, if there is one.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

from tandemlab.models import load_model

about: dict[str, Any]
model: Any
_ONNX_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}


def init() -> None:
    """Load the model."""
    global model, about
    about = json.loads(Path(__file__).with_name("model.json").read_text(encoding="utf-8"))
    folder = Path(os.environ["TANDEMLAB_MODEL_DIR"])
    entries = list(folder.iterdir())
    model = load_model(
        entries[0] if len(entries) == 1 else folder, format=about["format"], trusted=True
    )
    if about["format"] != "onnx" and not hasattr(model, "predict"):
        raise TypeError(
            f"The model is a {type(model).__name__}, which has no predict(): write a script."
        )
    if hasattr(model, "warm_up"):  # of automated ML, whose models else wait for the first rows
        model.warm_up()


def run(data: str) -> dict[str, Any]:
    """Predict one request."""
    value = json.loads(data)
    if about["format"] == "onnx":
        return {"predictions": _onnx(_inputs(value))}
    inputs = _mlflow_inputs(value) if about["format"] == "mlflow" else _inputs(value)
    return {"predictions": model.predict(inputs)}


def _inputs(value: Any) -> Any:
    signature = about["signature"]
    declared = None if signature is None else signature["inputs"]
    is_table = declared["kind"] == "table" if declared else _holds_records(value)
    if not is_table:
        import numpy

        return numpy.asarray(value)
    import pandas

    if declared is None:
        return pandas.DataFrame(value)
    return pandas.DataFrame(
        {
            column["name"]: _column([row.get(column["name"]) for row in value], column["type"])
            for column in declared["columns"]
        }
    )


def _holds_records(value: Any) -> bool:
    return isinstance(value, dict) or (bool(value) and isinstance(value[0], dict))


def _column(values: list[Any], kind: str) -> Any:
    """A column as pandas has it for a type of the signature; missing numbers are NaN.

    Columns become arrays before they become a frame: to change one in a frame costs a request more
    than all else.
    """
    import numpy
    import pandas

    if kind in ("date", "datetime"):
        return pandas.to_datetime(values, format="ISO8601")
    if kind == "binary":
        return [None if value is None else base64.b64decode(value) for value in values]
    has_missing = None in values
    if kind == "double" or (kind == "integer" and has_missing):
        return numpy.array(values, dtype="float64")
    if kind == "integer":
        return numpy.array(values, dtype="int64")
    if kind == "boolean" and not has_missing:
        return numpy.array(values, dtype="bool")
    return pandas.Series(values, dtype="object" if has_missing else None)


def _mlflow_inputs(value: Any) -> Any:
    """A request in the types of the model's own schema, to which MLflow holds it."""
    import numpy

    schema = model.metadata.get_input_schema()
    if schema is None:
        return _inputs(value)
    if schema.is_tensor_spec():
        if not schema.has_input_names():
            return numpy.asarray(value, dtype=schema.inputs[0].type)
        return {each.name: numpy.asarray(value[each.name], each.type) for each in schema.inputs}
    if not schema.has_input_names():  # a function with type hints, which knows lists
        (kind,) = schema.pandas_types()
        return numpy.asarray(value, dtype=kind).tolist()
    frame = _inputs(value)
    for each, kind in zip(schema.inputs, schema.pandas_types(), strict=True):
        if each.name in frame and numpy.dtype(kind).kind in "if" and each.required:
            frame[each.name] = frame[each.name].astype(kind)
    return frame


def _onnx(inputs: Any) -> Any:
    import numpy

    wanted = model.get_inputs()
    if len(wanted) == 1:
        kind = _ONNX_TYPES.get(wanted[0].type, "object")
        fed = {wanted[0].name: numpy.asarray(inputs, dtype=kind)}
    else:
        fed = {
            each.name: numpy.asarray(
                inputs[each.name], dtype=_ONNX_TYPES.get(each.type, "object")
            ).reshape(-1, 1)
            for each in wanted
        }
    return model.run(None, fed)[0]
