"""Pipelines as documents: their JSON Schema, and YAML files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from tandemlab.automl.automl_files import automl_settings_schema
from tandemlab.domain import InvalidInput
from tandemlab.domain.documents import write_document
from tandemlab.domain.pipeline_checks import describe_mistakes, mistakes_of
from tandemlab.domain.pipeline_documents import document_of, graph_of
from tandemlab.domain.pipeline_places import with_places
from tandemlab.domain.pipelines import Graph
from tandemlab.domain.schemas import conform
from tandemlab.environments.files import take_in_environment
from tandemlab.pipelines.components import complete_components
from tandemlab.store.document_files import read_document_file
from tandemlab.store.durable import write_file
from tandemlab.sweeps.documents import sweep_settings_schema
from tandemlab.training.configuration_files import run_configuration_schema


@cache
def pipeline_schema() -> dict[str, Any]:
    """The JSON Schema of a pipeline's document: a step has the keys of a run configuration, too."""
    schema: dict[str, Any] = json.loads(
        files(__package__).joinpath("pipeline.schema.json").read_text(encoding="utf-8")
    )
    configuration = deepcopy(run_configuration_schema())
    searches = with_places(sweep_settings_schema())
    automated = with_places(automl_settings_schema())
    for part in (configuration, searches, automated):
        schema["$defs"] = {**part["$defs"], **schema["$defs"]}
    for name, part in (("sweep", searches), ("automl", automated)):
        schema["$defs"][name] = {k: v for k, v in part.items() if k != "$defs"}
    step = schema["$defs"]["step"]
    step["properties"] = {**configuration["properties"], **step["properties"]}
    return schema


def read_graph(content: Mapping[str, Any]) -> Graph:
    """The graph of a document.

    Raises:
        InvalidInput: it does not conform to the schema; all mistakes are told.
    """
    value, mistakes = conform(content, pipeline_schema())
    if mistakes:
        raise InvalidInput(
            f"The pipeline cannot be used. {'; '.join(describe_mistakes(mistakes))}."
        )
    complete_components(value)
    return graph_of(value)


def load_graph(path: str | os.PathLike[str]) -> Graph:
    """The graph that a YAML file holds; its paths are relative to the file.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it cannot be used; the message has the line and key of each mistake.
    """
    file = Path(path).expanduser()
    document = read_document_file(file)
    content = document.conforming(pipeline_schema())
    for step in content["steps"].values():
        _complete(step, file.parent)
    content.setdefault("name", file.stem)
    complete_components(content)
    graph = graph_of(content)
    mistakes = mistakes_of(graph)
    if mistakes:
        raise document.error(mistakes)
    return graph


def _complete(step: dict[str, Any], folder: Path) -> None:
    """Have a step's paths not depend on where its file is."""
    without = {"function", "transfer", "automl", "module", "component"}
    if not step.keys() & without or "source_directory" in step:
        source = folder / step.get("source_directory", ".")
        step["source_directory"] = os.path.normpath(source)
    take_in_environment(step, folder)


def save_graph(graph: Graph, path: str | os.PathLike[str]) -> Path:
    """Write a graph as YAML; the path.

    Raises:
        InvalidInput: a name that does not end in ``.yml`` or ``.yaml``.
    """
    file = Path(path).expanduser()
    if file.suffix not in (".yml", ".yaml"):
        raise InvalidInput(f"{file} is no name for a pipeline's file.", hint="End it in .yml.")
    content = document_of(graph)
    for step in content["steps"].values():
        if "source_directory" in step:
            step["source_directory"] = os.path.relpath(step["source_directory"], file.parent)
    write_file(file, write_document(content).encode())
    return file
