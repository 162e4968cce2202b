"""Run configurations in files: our own, and the ``.runconfig`` files of SDK v1."""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.documents import Document, write_document
from tandemlab.domain.environments import Environment
from tandemlab.domain.names import check_name
from tandemlab.domain.schemas import nearest
from tandemlab.environments.files import (
    ENVIRONMENT_SUFFIXES,
    environment_schema,
    read_environment,
)
from tandemlab.store.document_files import read_document_file
from tandemlab.store.durable import storage_errors, write_file
from tandemlab.training.run_configuration import RunConfiguration, build_run_configuration
from tandemlab.training.runconfig_v1 import read_runconfig

_FOLDERS = ((".tandemlab", ".yml"), (".azureml", ".runconfig"), ("aml_config", ".runconfig"))
_SUFFIXES = (".yml", ".yaml", ".runconfig")
_SCHEMA = "schema.json"  # beside the files, for editors
_OTHERS = ("config",)  # of a workspace, in the same folders


@cache
def run_configuration_schema() -> dict[str, Any]:
    """The JSON Schema of the files, by which editors complete and check them."""
    schema = json.loads(files(__package__).joinpath("run_configuration.schema.json").read_text())
    own = dict(environment_schema())
    own.pop("$schema")
    schema["$defs"]["environment"] = own
    return dict(schema)


def save_run_configuration(
    configuration: RunConfiguration, path: str | os.PathLike[str], name: str | None
) -> Path:
    """See `RunConfiguration.save`."""
    target = Path(path).expanduser()
    if name is not None:
        target = target / ".tandemlab" / f"{check_name(name, what='run configuration')}.yml"
    if target.suffix not in (".yml", ".yaml"):
        raise InvalidInput(
            f"{target} is no file for a run configuration.",
            hint="Give a name beside the folder, or a file that ends in .yml.",
            details={"path": str(target)},
        )
    text = write_document(configuration.to_dict())
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    if name is not None:
        schema = json.dumps(run_configuration_schema(), indent=2)
        write_file(target.with_name(_SCHEMA), f"{schema}\n".encode())
        text = f"# yaml-language-server: $schema={_SCHEMA}\n{text}"
    write_file(target, text.encode())
    return target


def load_run_configuration(path: str | os.PathLike[str], name: str | None) -> RunConfiguration:
    """See `RunConfiguration.load`."""
    file = find_run_configuration(path, name)
    document = read_document_file(file)
    if file.suffix == ".runconfig":
        return read_runconfig(document, source_directory(file))
    if document.value is None:
        return RunConfiguration()
    content = document.conforming(run_configuration_schema())
    environment = content.pop("environment", None)
    if environment is not None:
        environment = _environment(document, environment, file)
    with document.explaining():
        return build_run_configuration(content, environment)


def _environment(document: Document, content: Any, file: Path) -> Environment | str:
    if isinstance(content, str) and Path(content).suffix not in ENVIRONMENT_SUFFIXES:
        return content  # a name
    with document.explaining(("environment",)):
        if isinstance(content, str):
            return read_environment(source_directory(file) / content)
        return Environment.from_dict({"name": file.stem, **content})


def find_run_configuration(path: str | os.PathLike[str], name: str | None = None) -> Path:
    """The file of a configuration.

    Raises:
        NotFound: there is none; the hint names those that there are.
    """
    place = Path(path).expanduser()
    if name is None:
        if place.suffix not in _SUFFIXES or not place.is_file():
            raise NotFound(
                f"{place} is no file of a run configuration.",
                hint=f"They end in {', '.join(_SUFFIXES)}.",
                details={"path": str(place)},
            )
        return place
    found = configurations(place)
    if name not in found:
        meant = nearest(name, found)
        known = f"There are {', '.join(sorted(found))}." if found else ""
        raise NotFound(
            f"There is no run configuration {name!r} in {place.absolute()}.",
            hint=f"Did you mean {meant!r}?" if meant else known,
            details={"name": name, "known": sorted(found)},
        )
    return found[name]


def configurations(folder: Path) -> dict[str, Path]:
    """The files of run configurations beside a source, by name; our own come before SDK v1's."""
    found: dict[str, Path] = {}
    for place, suffix in _FOLDERS:
        for file in sorted((folder / place).glob(f"*{suffix}")):
            if file.stem not in _OTHERS and file.is_file():
                found.setdefault(file.stem, file)
    return found


def source_directory(file: Path) -> Path:
    """The folder whose scripts a configuration is for.

    >>> source_directory(Path("study/.tandemlab/cpu.yml")).as_posix()
    'study'
    """
    parent = file.parent
    return parent.parent if parent.name in {place for place, _ in _FOLDERS} else parent
