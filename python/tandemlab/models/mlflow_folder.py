"""What a folder of MLflow says of its model: the framework, and what it takes and gives.

The file ``MLmodel`` is YAML; its signature has the columns or the tensor as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import yaml

from tandemlab.domain import InvalidInput
from tandemlab.domain.signatures import (
    ArraySchema,
    ColumnSchema,
    DataSchema,
    ModelSignature,
    TableSchema,
    ValueType,
)

_TYPES: dict[str, ValueType] = {
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "float": "double",
    "double": "double",
    "string": "string",
    "datetime": "datetime",
    "binary": "binary",
}
_DTYPES: dict[str, ValueType] = {"b": "boolean", "i": "integer", "u": "integer", "f": "double"}
_GENERAL = "python_function"


@dataclass(frozen=True, slots=True)
class MlflowFolder:
    """What ``MLmodel`` says.

    Attributes:
        framework: the flavour of the model beside that of any function of Python.
        signature: None if it has none, or one that ours cannot say.
    """

    framework: str | None = None
    signature: ModelSignature | None = None


def read_mlmodel(text: str) -> MlflowFolder:
    """What the text of ``MLmodel`` says; nothing where it is not what it should be.

    >>> signature = {"inputs": '[{"name": "age", "type": "double"}]'}
    >>> text = json.dumps({"flavors": {"sklearn": {}}, "signature": signature})
    >>> found = read_mlmodel(text)
    >>> found.framework, str(found.signature)
    ('sklearn', 'age double → anything')
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return MlflowFolder()
    if not isinstance(content, Mapping):
        return MlflowFolder()
    flavours = content.get("flavors")
    names = [str(name) for name in flavours] if isinstance(flavours, Mapping) else []
    own = [name for name in names if name != _GENERAL]
    framework = next(iter([*own, *names]), None)
    signature = None
    with suppress(InvalidInput, ValueError, KeyError, TypeError, AttributeError):
        signature = _signature(content.get("signature"))
    return MlflowFolder(framework, signature)


def _signature(found: Any) -> ModelSignature | None:
    if not found or not found.get("inputs"):
        return None
    outputs = None
    with suppress(InvalidInput, ValueError, KeyError, TypeError):
        outputs = _schema(json.loads(found["outputs"]))
    return ModelSignature(_schema(json.loads(found["inputs"])), outputs)


def _schema(fields: list[dict[str, Any]]) -> DataSchema:
    """A table of named columns, or one tensor.

    Raises:
        KeyError: it has types, or parts, that no signature of ours has.
    """
    first = fields[0]
    if first["type"] == "tensor":
        tensor = first["tensor-spec"]
        if len(fields) > 1:
            raise KeyError("several tensors")
        shape = tuple(None if size < 0 else size for size in tensor["shape"])
        return ArraySchema(_dtype(tensor["dtype"]), shape)
    if "name" not in first:
        if len(fields) > 1:
            raise KeyError("columns without names")
        return ArraySchema(_TYPES[first["type"]], (None,))
    return TableSchema(
        tuple(
            ColumnSchema(
                field["name"], _TYPES[field["type"]], nullable=not field.get("required", True)
            )
            for field in fields
        )
    )


def _dtype(name: str) -> ValueType:
    if name.startswith("uint"):
        return "integer"
    return "string" if name in ("str", "object") else _DTYPES[name[0]]
