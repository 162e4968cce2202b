"""Arguments of SDK v1's estimators that have no meaning here."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.schemas import nearest
from tandemlab.domain.warnings import ConfigurationWarning

_MACHINE = "the machine is that of the compute target"
_LEFT_OUT = {
    "vm_size": _MACHINE,
    "vm_priority": _MACHINE,
    "use_docker": "the environment decides what the script runs in",
    "shm_size": "the processes have all shared memory of the machine",
    "source_directory_data_store": "the source is kept in the workspace",
}
_PROCESSES = "Use process_count_per_node; each process gets the variables of torchrun, MPI and TF."
_SOURCES = (
    "Name them among cran_packages: RPackage.from_github() and RPackage.from_url() "
    "(in R: github_package() and url_package())."
)
_REFUSED = {
    "custom_docker_base_image": "It is called custom_docker_image.",
    "image_registry_details": "Log in to the registry by podman or docker themselves.",
    "user_managed": "Give an Environment with the interpreter as environment_definition.",
    "resume_from": "Give the files of the earlier run as one of the inputs.",
    "distributed_backend": _PROCESSES,
    "worker_count": _PROCESSES,
    "parameter_server_count": f"There are workers only. {_PROCESSES}",
    "pip_requirements_file_path": "It is called pip_requirements_file.",
    "conda_dependencies_file_path": "It is called conda_dependencies_file.",
    "github_packages": _SOURCES,
    "custom_url_packages": _SOURCES,
}


def check_foreign_arguments(what: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Warn of what is left out, and refuse what would change what the script finds.

    None and False ask for nothing, and are passed over.

    Args:
        what: who was called.
        known: the arguments that it has.

    Raises:
        InvalidInput: an argument without which the script would not do as it is meant, or that
            nobody knows.
    """
    for name, value in given.items():
        if name not in _LEFT_OUT and name not in _REFUSED:
            meant = nearest(name, [*known, *_REFUSED])
            raise InvalidInput(
                f"{what} has no argument {name!r}.",
                hint=f"Did you mean {meant!r}?" if meant else "",
                details={"argument": name},
            )
        if name in _REFUSED and _asks(value):
            raise InvalidInput(
                f"{what} has no {name}: it belongs to SDK v1.",
                hint=_REFUSED[name],
                details={"argument": name},
            )
    told = [
        f"{name} ({_LEFT_OUT[name]})"
        for name, value in given.items()
        if name in _LEFT_OUT and _asks(value)
    ]
    if told:
        warnings.warn(f"{what}: left out {'; '.join(told)}.", ConfigurationWarning, stacklevel=4)


def _asks(value: Any) -> bool:
    return value is not None and value is not False
