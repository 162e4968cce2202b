"""Estimators: a script with the packages of a framework, in one call.

Each is a `ScriptRunConfig` whose environment is put together from a curated one and the packages
that are named beside it; nothing else tells them apart.
"""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from tandemlab.domain import InvalidInput
from tandemlab.domain.environments import ContainerSection, Environment, RPackage
from tandemlab.domain.jobs import Distribution, Resources
from tandemlab.domain.secrets import refuse_secret
from tandemlab.environments.registry import curated_environments
from tandemlab.training.extra_packages import ExtraPackages, package_names, r_packages
from tandemlab.training.foreign_arguments import check_foreign_arguments
from tandemlab.training.languages import Language, format_arguments
from tandemlab.training.places import GivenInputs, GivenOutputs
from tandemlab.training.script_run_config import ScriptRunConfig

_Made = TypeVar("_Made", bound="Estimator")


class Estimator(ScriptRunConfig):
    """A script, its parameters and the packages that it needs, ready for `Experiment.submit`.

    It is a `ScriptRunConfig`: what is built from the arguments are the attributes of one, and
    `save`, `check` and `replace` are those of one.

    Args:
        source_directory: folder that is kept with the run and copied to where it runs.
        compute_target: name of the target; ``"local"`` is this machine.
        entry_script: path of the script of Python or R inside the folder.
        script_params: arguments of the script: ``{"--epochs": 3}``, or ``{"epochs": 3}``, for
            ``--epochs 3``. True and ``""`` stand for a bare flag, a list for several values.
        process_count_per_node: processes of the script, which find each other (`Distribution`).
        node_count: machines; the target ``local`` is one.
        distributed_training: both in one, a `Distribution`.
        use_gpu: the run takes one GPU, which must be there.
        pip_packages: what pip would be asked for, beside the packages of the framework, such as
            ``"pandas>=2"``.
        conda_packages: packages that only conda has.
        pip_requirements_file: a ``requirements.txt`` in the folder; its packages, too.
        conda_dependencies_file: a conda file in the folder; its packages, too.
        cran_packages: packages of R, by name or as `RPackage` (`RPackage.from_github`, too); those
            of repositories that the machine has are used from there.
        cran_repositories: where the others come from.
        custom_docker_image: a container image that the script runs in (`ContainerSection`), instead
            of all packages above.
        shm_size: of ``/dev/shm`` in the container, such as ``"2g"``.
        environment_variables: set for the script.
        environment_definition: an `Environment`, or the name of a registered or curated one,
            instead of all packages above.
        inputs, outputs, resources, max_run_duration_seconds: as `ScriptRunConfig` has them.
        foreign: arguments of SDK v1 that have no meaning here. Those without which the script
            runs as well are left out with a warning that names them, the others are refused.

    Raises:
        InvalidInput: an argument that cannot be used, a secret among them, or a framework
            version that is not known; the hint names those that are.

    >>> estimator = Estimator(
    ...     "study", entry_script="train.py", script_params={"epochs": 3}, pip_packages=["six"]
    ... )
    >>> estimator.arguments, estimator.environment.python.requirements
    ({'epochs': 3}, ('six',))
    """

    framework: ClassVar[str | None] = None
    """The curated environment that it starts from; None for none."""

    has_gpu: ClassVar[bool] = True
    """Whether that environment can use GPUs."""

    mpi_packages: ClassVar[tuple[str, ...]] = ()
    """With what mpiexec starts several processes; empty where they find each other without it."""

    def __init__(
        self,
        source_directory: str | os.PathLike[str],
        *,
        compute_target: str | None = None,
        entry_script: str | None = None,
        script_params: Mapping[str, Any] | None = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        distributed_training: Distribution | None = None,
        use_gpu: bool = False,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        pip_requirements_file: str | os.PathLike[str] | None = None,
        conda_dependencies_file: str | os.PathLike[str] | None = None,
        cran_packages: Sequence[str | RPackage] | None = None,
        cran_repositories: Sequence[str] | None = None,
        custom_docker_image: str | None = None,
        shm_size: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        environment_definition: Environment | str | None = None,
        inputs: GivenInputs | None = None,
        outputs: GivenOutputs | None = None,
        resources: Resources | None = None,
        max_run_duration_seconds: float | None = None,
        framework_version: str | None = None,
        **foreign: Any,
    ) -> None:
        if shm_size is not None and custom_docker_image is None:
            foreign["shm_size"] = shm_size
        known = list(inspect.signature(Estimator.__init__).parameters)[1:-1]
        check_foreign_arguments(type(self).__name__, foreign, known)
        if not entry_script:
            raise InvalidInput(
                f"{type(self).__name__} has no entry_script.",
                hint="Give the path of the script inside the source directory.",
            )
        _check_parameters(script_params, Language.of(entry_script))
        packages = ExtraPackages(
            pip=package_names(pip_packages, "pip_packages"),
            conda=package_names(conda_packages, "conda_packages"),
            cran=r_packages(cran_packages),
            repositories=package_names(cran_repositories, "cran_repositories"),
            pip_file=pip_requirements_file,
            conda_file=conda_dependencies_file,
        )
        boxed = _boxed(custom_docker_image, shm_size) if custom_docker_image else None
        super().__init__(
            source_directory,
            entry_script,
            script_params,
            compute_target,
            environment_variables,
            max_run_duration_seconds=max_run_duration_seconds,
            environment=self._environment(
                Path(source_directory), framework_version, packages, boxed, environment_definition
            ),
            inputs=inputs,
            outputs=outputs,
            resources=self._resources(resources, use_gpu),
            distribution=_distribution(distributed_training, node_count, process_count_per_node),
        )
        if self.mpi_packages and self.distribution is not None:
            self._start_by_mpi(self.distribution, brings_mpi=bool(boxed or environment_definition))

    def _start_by_mpi(self, distribution: Distribution, *, brings_mpi: bool) -> None:
        """Run a command instead of the script: mpiexec, which starts the processes of it."""
        if distribution.node_count > 1:
            raise InvalidInput(
                f"{type(self).__name__} trains on one machine, not on {distribution.node_count}.",
                hint="Set node_count to 1.",
            )
        assert self.script is not None
        count = str(distribution.process_count_per_node)
        words = format_arguments(self.arguments, Language.PYTHON)
        environment = self.environment
        if isinstance(environment, Environment) and not brings_mpi:
            python = environment.python
            wanted = (*python.requirements, *self.mpi_packages)
            environment = environment.replace(python=replace(python, requirements=wanted))
        changed = {
            "command": ["mpiexec", "-n", count, "python", self.script, *words],
            "script": None,
            "arguments": None,
            "distribution": None,
            "environment": environment,
        }
        for name, value in changed.items():
            object.__setattr__(self, name, value)

    @classmethod
    def get_supported_versions(cls) -> list[str]:
        """Versions of the framework that have a curated environment, the oldest first.

        >>> SKLearn.get_supported_versions()[0]
        '1.7'
        """
        found = (
            name.removeprefix(f"{cls.framework}-")
            for name in curated_environments()
            if name.startswith(f"{cls.framework}-")
        )
        return sorted(found, key=lambda version: [int(part) for part in version.split(".")])

    def replace(self: _Made, **changes: Any) -> _Made:
        """A copy with some attributes changed, by their names in `ScriptRunConfig`."""
        plain = ScriptRunConfig(
            **{each.name: getattr(self, each.name) for each in fields(ScriptRunConfig)}
        )
        made = copy.copy(self)
        vars(made).update(vars(plain.replace(**changes)))
        return made

    def _environment(
        self,
        source: Path,
        version: str | None,
        packages: ExtraPackages,
        boxed: Environment | None,
        given: Environment | str | None,
    ) -> Environment | str | None:
        whole = [each for each in (boxed, given) if each is not None]
        if len(whole) > 1 or (whole and (packages or version is not None)):
            raise InvalidInput(
                "An estimator has an environment, or a custom_docker_image, or packages and a "
                "framework_version, not several of these.",
                hint="Put the packages into the environment or the image, or leave it out.",
            )
        if whole:
            return whole[0]
        base = self._curated(version)
        if not packages:
            return base
        return packages.added_to(base or Environment("estimator"), source)

    def _curated(self, version: str | None) -> Environment | None:
        if self.framework is None:
            if version is not None:
                raise InvalidInput(
                    "Estimator has no framework, and so no framework_version.",
                    hint=f"Name the package in pip_packages, such as 'scikit-learn=={version}'.",
                )
            return None
        if version is None:
            return curated_environments()[self.framework]
        known = self.get_supported_versions()
        if version not in known:
            raise InvalidInput(
                f"{type(self).__name__} knows no framework_version {version!r}.",
                hint=f"There are {', '.join(known)}; others are for Estimator with pip_packages.",
                details={"framework_version": version, "known": known},
            )
        return curated_environments()[f"{self.framework}-{version}"]

    def _resources(self, resources: Resources | None, use_gpu: bool) -> Resources | None:
        if not use_gpu:
            return resources
        if not self.has_gpu:
            raise InvalidInput(
                f"The packages of {type(self).__name__} are for processors: there is no use_gpu.",
                hint="Give Estimator an environment with packages for GPUs.",
            )
        if resources is not None and resources.gpus is not None:
            raise InvalidInput(
                f"use_gpu asks for one GPU, and resources for {resources.gpus}.",
                hint="Leave out use_gpu.",
            )
        return Resources(
            resources.cpus if resources else None, resources.memory if resources else None, 1
        )


class SKLearn(Estimator):
    """An `Estimator` with scikit-learn, pandas and joblib.

    Args:
        framework_version: of scikit-learn, one of `get_supported_versions`; None for the newest
            that goes with this Python.

    >>> SKLearn("study", entry_script="digits.py", framework_version="1.7").environment.name
    'sklearn-1.7'
    """

    framework = "sklearn"


class PyTorch(Estimator):
    """An `Estimator` with PyTorch and numpy.

    With ``process_count_per_node=2`` two processes of the script find each other by
    ``torch.distributed.init_process_group("gloo")`` (or ``"nccl"`` with GPUs), as under torchrun.

    Args:
        framework_version: of PyTorch, one of `get_supported_versions`, with each of which the tests
            train; None for the newest that there is.

    The usual packages for Linux bring CUDA's libraries, some gigabytes. A machine without a GPU
    that builds the environment with uv takes those for processors from PyTorch's own index
    instead, if it can reach that; the variable ``UV_TORCH_BACKEND`` (``cpu``, ``cu128`` …) of the
    workspace's agent says otherwise.
    """

    framework = "pytorch"


class TensorFlow(Estimator):
    """An `Estimator` with TensorFlow for processors.

    With ``process_count_per_node=2`` two processes of the script are the workers that
    ``tf.distribute.MultiWorkerMirroredStrategy()`` finds in ``TF_CONFIG``.

    Args:
        framework_version: of TensorFlow, one of `get_supported_versions`; None for the newest
            that goes with this Python.
    """

    framework = "tensorflow"
    has_gpu = False


class Chainer(Estimator):
    """An `Estimator` with Chainer, whose last version is of 2022 and needs Python 3.11 or older.

    With ``process_count_per_node=2`` mpiexec starts two processes of the script, which find each
    other by ``chainermn.create_communicator("naive")``: mpi4py and MPICH come with the environment.
    An environment or image of one's own must have mpiexec. The run is then one of the command
    ``mpiexec``.

    Args:
        framework_version: of Chainer, one of `get_supported_versions`; None for the newest.
    """

    framework = "chainer"
    has_gpu = False
    mpi_packages = ("mpi4py>=3.1", "mpich>=4.0")


def _boxed(image: str, shm_size: str | None) -> Environment:
    refuse_secret(image, "custom_docker_image")
    return Environment("estimator", container=ContainerSection(image, shm_size=shm_size))


def _check_parameters(parameters: Mapping[str, Any] | None, language: Language) -> None:
    if parameters is not None and not isinstance(parameters, Mapping):
        raise InvalidInput(
            f"script_params is a mapping of names to values, not {type(parameters).__name__}.",
            hint='Write {"--epochs": 3}.',
        )
    names: Iterable[Any] = parameters or ()
    for name in names:
        if not isinstance(name, str) or not name.strip("- "):
            raise InvalidInput(f"{name!r} cannot be the name of one of the script_params.")
    format_arguments(parameters, language)


def _distribution(given: Distribution | None, nodes: int, processes: int) -> Distribution | None:
    counted = Distribution(processes, nodes)
    if given is None:
        return None if counted == Distribution() else counted
    if not isinstance(given, Distribution):
        raise InvalidInput(
            f"distributed_training is a Distribution, not {type(given).__name__}.",
            hint="Write Distribution(process_count_per_node=2).",
        )
    if counted != Distribution():
        raise InvalidInput(
            "distributed_training has process_count_per_node and node_count already.",
            hint="Leave out one of the two.",
        )
    return given


def find_estimator(framework: str | None) -> type[Estimator]:
    """The estimator of a framework, by the name of its curated environment; None for the plain one.

    Raises:
        InvalidInput: there is none; the hint names those that there are.

    >>> find_estimator("sklearn").__name__
    'SKLearn'
    """
    kinds = {kind.framework: kind for kind in (Estimator, SKLearn, PyTorch, TensorFlow, Chainer)}
    if framework not in kinds:
        raise InvalidInput(
            f"There is no estimator for the framework {framework!r}.",
            hint=f"There are {', '.join(sorted(filter(None, kinds)))}.",
            details={"framework": framework},
        )
    return kinds[framework]
