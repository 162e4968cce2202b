"""Environments of jobs: read from files, built once on a machine, and found again."""

from tandemlab.domain.environments import (
    ContainerSection,
    Environment,
    LockedPackage,
    PythonLock,
    PythonSection,
    RLock,
    RPackage,
    RSection,
)
from tandemlab.environments.cache import (
    BuiltEnvironment,
    CachedEnvironment,
    EnvironmentCache,
    check_environment,
)
from tandemlab.environments.files import (
    from_conda_specification,
    from_pip_requirements,
    from_renv_lock,
    is_own_file,
    load_environment,
    read_environment,
    save_environment,
)
from tandemlab.environments.locking import lock_environment
from tandemlab.environments.registry import (
    RegisteredEnvironment,
    get_environment,
    list_environments,
    register_environment,
)

__all__ = [
    "BuiltEnvironment",
    "CachedEnvironment",
    "ContainerSection",
    "Environment",
    "EnvironmentCache",
    "LockedPackage",
    "PythonLock",
    "PythonSection",
    "RLock",
    "RPackage",
    "RSection",
    "RegisteredEnvironment",
    "check_environment",
    "from_conda_specification",
    "from_pip_requirements",
    "from_renv_lock",
    "get_environment",
    "is_own_file",
    "list_environments",
    "load_environment",
    "lock_environment",
    "read_environment",
    "register_environment",
    "save_environment",
]
