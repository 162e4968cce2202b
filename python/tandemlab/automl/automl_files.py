"""Configurations of automated machine learning in files: their JSON Schema, and YAML."""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.documents import write_document
from tandemlab.environments.files import environment_schema, take_in_environment
from tandemlab.store.document_files import read_document_file
from tandemlab.store.durable import storage_errors, write_file

if TYPE_CHECKING:
    from tandemlab.automl.automl_config import AutoMLConfig

DATA = ("training_data", "validation_data")
PLACE = ("compute_target", "environment", "memory")  # where it runs


@cache
def automl_schema() -> dict[str, Any]:
    """The JSON Schema of the files, by which editors complete and check them."""
    schema: dict[str, Any] = json.loads(
        files(__package__).joinpath("automl.schema.json").read_text(encoding="utf-8")
    )
    own = dict(environment_schema())
    own.pop("$schema")
    schema["$defs"]["environment"] = own
    return schema


def automl_settings_schema() -> dict[str, Any]:
    """The JSON Schema of what is said beside the data, and where it runs."""
    schema = automl_schema()
    left = (*DATA, *PLACE)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["task", "label_column_name"],
        "properties": {k: v for k, v in schema["properties"].items() if k not in left},
        "$defs": {name: schema["$defs"][name] for name in ("names", "featurization")},
    }


def save_config(config: AutoMLConfig, path: str | os.PathLike[str]) -> Path:
    """See `AutoMLConfig.save`."""
    file = Path(path).expanduser()
    if file.suffix not in (".yml", ".yaml"):
        raise InvalidInput(f"{file} is no name for a configuration's file.", hint="End it in .yml.")
    content = config.to_dict()
    for name in DATA:
        if isinstance(content.get(name), str):
            content[name] = os.path.relpath(os.path.expanduser(content[name]), file.parent)
    with storage_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_file(file, write_document(content).encode())
    return file


def load_config(path: str | os.PathLike[str]) -> AutoMLConfig:
    """See `AutoMLConfig.load`."""
    from tandemlab.automl.automl_config import build_config

    file = Path(path).expanduser()
    document = read_document_file(file)
    content = document.conforming(automl_schema())
    for name in DATA:
        if isinstance(content.get(name), str):
            content[name] = os.path.normpath(file.parent / content[name])
    take_in_environment(content, file.parent)
    with document.explaining():
        return build_config(content)
