"""Configurations of automated machine learning in files: their JSON Schema, and YAML."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.automl.foreign_settings import refuse_foreign
from tandemlab.domain import InvalidInput
from tandemlab.domain.documents import Document, write_document
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
    return _config_of(read_document_file(Path(path).expanduser()))


def load_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `AutoMLConfig.from_dict` takes, from a file that may leave the task open."""
    document = read_document_file(Path(path).expanduser())
    if isinstance(document.value, Mapping) and "task" in document.value:
        return _config_of(document).to_dict()
    return _settings_of(document, {**automl_schema(), "required": []})


def _config_of(document: Document) -> AutoMLConfig:
    from tandemlab.automl.automl_config import build_config

    content = _settings_of(document, automl_schema())
    with document.explaining():
        return build_config(content)


def _settings_of(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    for name in document.value if isinstance(document.value, Mapping) else ():
        with document.explaining((name,)):
            refuse_foreign([name])
    content: dict[str, Any] = document.conforming(schema)
    folder = Path(document.source).parent
    for name in DATA:
        if isinstance(content.get(name), str):
            content[name] = os.path.normpath(folder / content[name])
    take_in_environment(content, folder)
    return content
