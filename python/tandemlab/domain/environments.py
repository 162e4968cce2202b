"""Environments: with what a script runs, as plain values with a digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.names import check_name

_VERSION = re.compile(r"^[0-9]+(\.[0-9]+){0,2}$")
_R_PACKAGE = re.compile(r"^[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]$")
_GITHUB = re.compile(r"^(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)(@(?P<ref>[\w./-]+))?$")
_SOURCE = re.compile(r"^(https?://|file:///|/)\S+\.tar\.gz$")
ENGINES = ("podman", "docker", "apptainer")
_VARIABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One package of Python as a lock has it.

    Attributes:
        requirement: its exact version, such as ``"six==1.16.0"``, or where it comes from.
        hashes: of the files that it may be installed from, such as ``"sha256:8abb…"``.

    Raises:
        InvalidInput: it is not exact, or has no hash.
    """

    requirement: str
    hashes: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_texts((self.requirement,), "a locked package")
        _check_texts(self.hashes, "hashes")
        if not self.hashes or not re.search(r"==| @ ", self.requirement):
            raise InvalidInput(
                f"{self.requirement!r} is not locked: it needs an exact version and hashes.",
                hint="`tandemlab environment lock` makes a lock.",
            )


@dataclass(frozen=True, slots=True)
class PythonLock:
    """The exact packages that requirements come to.

    Attributes:
        packages: all that is installed, what the requirements need included.
        requirements: what was asked for when the lock was made.
        version: of Python, such as ``"3.11"``, that it was made for; None for any.
        platform: such as ``"linux-x86_64"``, that it was made for; None for any.
    """

    packages: tuple[LockedPackage, ...]
    requirements: tuple[str, ...]
    version: str | None = None
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class PythonSection:
    """The Python of an environment.

    Attributes:
        requirements: what pip would be asked for, such as ``"scikit-learn>=1.5"``.
        version: of Python, such as ``"3.11"``; None for that of tandemlab itself.
        interpreter: path of an existing Python to use as it is; then nothing is installed.
        conda: packages that only conda has; they need micromamba, mamba or conda.
        channels: where conda looks.
        no_build_isolation: packages among the requirements that are built with what the others
            have installed, because their build needs packages of those versions.
        lock: what the requirements come to; then exactly that is installed.

    Raises:
        InvalidInput: a version that is none, or an interpreter beside what is to be installed.
    """

    requirements: tuple[str, ...] = ()
    version: str | None = None
    interpreter: str | None = None
    conda: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    no_build_isolation: tuple[str, ...] = ()
    lock: PythonLock | None = None

    def __post_init__(self) -> None:
        _check_texts(self.requirements, "requirements")
        _check_texts(self.conda, "conda")
        _check_texts(self.no_build_isolation, "no_build_isolation")
        if self.version is not None and not _VERSION.match(self.version):
            raise InvalidInput(
                f"{self.version!r} is no version of Python.", hint='Write one such as "3.11".'
            )
        if self.interpreter is not None and (self.requirements or self.conda or self.version):
            raise InvalidInput(
                "An environment with an interpreter of yours installs nothing there.",
                hint="Leave out requirements, conda and version, or the interpreter.",
            )

    @property
    def is_built(self) -> bool:
        """Whether it asks for something to be made."""
        return bool(self.requirements or self.conda or self.version)


@dataclass(frozen=True, slots=True)
class RPackage:
    """One package of R.

    Attributes:
        version: exactly this one; None for the newest.
        repository: a CRAN-like repository; None for those of the environment.
        source: URL or absolute path of an archive (``.tar.gz``) of its source, for a package that
            no repository has.

    Raises:
        InvalidInput: a name that no package of R can have, or a source that is none.

    >>> RPackage.from_github("tidyverse/glue@v1.7.0").source
    'https://github.com/tidyverse/glue/archive/v1.7.0.tar.gz'
    """

    name: str
    version: str | None = None
    repository: str | None = None
    source: str | None = None

    @classmethod
    def from_github(cls, repository: str, name: str | None = None) -> RPackage:
        """A package from its repository at GitHub.

        Args:
            repository: ``"OWNER/NAME"``, or ``"OWNER/NAME@REF"`` for a branch, a tag or a commit.
            name: of the package; that of the repository if None.

        Raises:
            InvalidInput: no such form.
        """
        found = _GITHUB.match(repository)
        if found is None:
            raise InvalidInput(
                f"{repository!r} names no repository at GitHub.",
                hint='Write "OWNER/NAME", or "OWNER/NAME@REF" for a branch, a tag or a commit.',
            )
        owner, project, ref = found["owner"], found["name"], found["ref"] or "HEAD"
        address = f"https://github.com/{owner}/{project}/archive/{ref}.tar.gz"
        return cls(name or project, source=address)

    @classmethod
    def from_url(cls, source: str, name: str | None = None) -> RPackage:
        """A package from the archive of its source.

        Args:
            source: URL or absolute path.
            name: of the package; what the archive's name has before ``_`` if None.

        >>> RPackage.from_url("https://example.org/glue_1.7.0.tar.gz").name
        'glue'
        """
        return cls(name or source.rpartition("/")[2].partition("_")[0], source=source)

    def __post_init__(self) -> None:
        if self.source is not None and not _SOURCE.match(self.source):
            raise InvalidInput(
                f"{self.source!r} is no source of the R package {self.name!r}.",
                hint="Give the URL or the absolute path of an archive that ends in .tar.gz.",
            )
        if self.source is not None and self.repository is not None:
            raise InvalidInput(
                f"The R package {self.name!r} comes from a repository or from a source, not both."
            )
        if not _R_PACKAGE.match(self.name):
            raise InvalidInput(
                f"{self.name!r} cannot be the name of an R package.",
                hint='Versions go apart: cran_package("glmnet", version = "4.1-8").',
            )


@dataclass(frozen=True, slots=True)
class RLock:
    """The exact packages of R that an environment's packages come to.

    Attributes:
        packages: all that is installed with what they depend on, each with its version.
        requested: the packages that were asked for when the lock was made.
    """

    packages: tuple[RPackage, ...]
    requested: tuple[RPackage, ...]

    def __post_init__(self) -> None:
        loose = [package.name for package in self.packages if package.version is None]
        if loose:
            raise InvalidInput(
                f"The lock has packages of R without a version: {', '.join(loose)}.",
                hint="`tandemlab environment lock` makes a lock.",
            )


@dataclass(frozen=True, slots=True)
class RSection:
    """The R of an environment.

    Attributes:
        packages: packages to install, with what they depend on.
        repositories: CRAN-like repositories, asked in this order.
        libraries: existing libraries that are used as they are, before those of the machine.
        rscript: path of an existing Rscript; None for the one that tandemlab finds.
        version: that R must have, such as ``"4.4"``; None for any.
        system_packages: Debian packages that must be on the machine, such as ``"libxml2-dev"``.
        lock: what the packages come to; then exactly that is installed.
    """

    packages: tuple[RPackage, ...] = ()
    repositories: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    rscript: str | None = None
    version: str | None = None
    system_packages: tuple[str, ...] = ()
    lock: RLock | None = None

    def __post_init__(self) -> None:
        for name in ("repositories", "libraries", "system_packages"):
            _check_texts(getattr(self, name), name)
        if self.version is not None and not _VERSION.match(self.version):
            raise InvalidInput(
                f"{self.version!r} is no version of R.", hint='Write one such as "4.4".'
            )


@dataclass(frozen=True, slots=True)
class ContainerSection:
    """A container image that a script runs in, and that brings all its packages.

    Attributes:
        image: such as ``"docker.io/library/python:3.12"``; for apptainer also the path of a file.
        engine: ``"podman"``, ``"docker"`` or ``"apptainer"``; None for the first that works.
        shm_size: of ``/dev/shm``, such as ``"2g"``; None for that of the machine.
        arguments: further options of the engine's ``run`` (of apptainer's ``exec``).

    Raises:
        InvalidInput: another engine, or an image that can be none.
    """

    image: str
    engine: str | None = None
    shm_size: str | None = None
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_texts((self.image,), "image")
        if self.engine is not None and self.engine not in ENGINES:
            raise InvalidInput(
                f"{self.engine!r} is no engine of containers that is known here.",
                hint=f"There are {', '.join(ENGINES)}.",
            )
        if any("\0" in each for each in self.arguments):
            raise InvalidInput(f"Arguments of a container are texts, not {self.arguments!r}.")


@dataclass(frozen=True, slots=True)
class Environment:
    """With what a script runs: packages of Python and R, and variables.

    Attributes:
        name: for people, and to find it by.
        variables: environment variables of the script.
        container: an image that scripts run in; it brings the packages, so that none are
            installed. `python.interpreter` and `r.rscript` are programs in it then, ``python3`` and
            ``Rscript`` by default.

    Raises:
        InvalidInput: a name or a variable that cannot be one, or packages beside a container.

    >>> environment = Environment("study", PythonSection(("scikit-learn>=1.5",)))
    >>> Environment.from_dict(environment.to_dict()) == environment
    True
    """

    name: str
    python: PythonSection = field(default_factory=PythonSection)
    r: RSection = field(default_factory=RSection)
    variables: Mapping[str, str] = field(default_factory=dict)
    container: ContainerSection | None = None

    def __post_init__(self) -> None:
        if self.container is not None and self.has_packages:
            raise InvalidInput(
                f"The environment {self.name!r} has a container image and packages beside it.",
                hint="The image brings all packages: put them into it, or leave the image out.",
            )
        check_name(self.name, what="environment")
        given: Mapping[str, Any] = self.variables
        for variable, value in given.items():
            if not _VARIABLE.match(variable) or not isinstance(value, str) or "\0" in value:
                raise InvalidInput(
                    f"{variable!r} with the value {value!r} cannot be an environment variable.",
                    hint="Names have letters, digits and '_'; values are text.",
                )

    @property
    def has_packages(self) -> bool:
        """Whether it names packages, of Python, R or the system, that the machine must have."""
        r = self.r
        return bool(self.python.is_built or r.packages or r.libraries or r.system_packages)

    def brings(self, language: str) -> bool:
        """Whether it decides which program runs scripts of ``python`` or ``r``."""
        if self.container is not None:
            return True
        if language == "r":
            return self.r.rscript is not None
        return self.python.is_built or self.python.interpreter is not None

    def image_program(self, language: str | None) -> str | None:
        """What runs scripts of ``python`` or ``r`` in the container."""
        programs = {
            "python": self.python.interpreter or "python3",
            "r": self.r.rscript or "Rscript",
        }
        return programs.get(language or "")

    def replace(self, **changes: Any) -> Environment:
        """A copy with some attributes changed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, without what is empty."""
        content: dict[str, Any] = _without_empty(
            {**asdict(self), "variables": dict(sorted(self.variables.items()))}
        )
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Environment:
        """The environment that `to_dict` gave.

        Raises:
            InvalidInput: keys that are not known, or values of another type.
        """
        rest = dict(content)
        python = dict(_mapping(rest.pop("python", {}), "python"))
        r = dict(_mapping(rest.pop("r", {}), "r"))
        if "lock" in python:
            lock = _mapping(python["lock"], "python.lock")
            packages = _each(LockedPackage, lock, "packages")
            python["lock"] = _build(PythonLock, {**lock, "packages": packages}, "python.lock")
        if "lock" in r:
            lock = _mapping(r["lock"], "r.lock")
            parts = {name: _r_packages(lock, name) for name in ("packages", "requested")}
            r["lock"] = _build(RLock, {**lock, **parts}, "r.lock")
        r["packages"] = _r_packages(r, "packages")
        if rest.get("container") is not None:
            rest["container"] = _build(ContainerSection, rest["container"], "container")
        made: Environment = _build(
            cls,
            {
                **rest,
                "python": _build(PythonSection, python, "python"),
                "r": _build(RSection, r, "r"),
            },
            "environment",
        )
        return made

    @property
    def digest(self) -> str:
        """SHA-256 of what is installed: equal for environments that need the same packages."""
        content = self.to_dict()
        content.pop("name")
        content.pop("variables", None)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _check_texts(values: Any, what: str) -> None:
    if not isinstance(values, tuple) or not all(isinstance(value, str) for value in values):
        raise InvalidInput(f"{what} must be a tuple of texts, not {values!r}.")
    for value in values:
        if value.strip() == "" or "\n" in value or "\0" in value:
            raise InvalidInput(f"{what} has {value!r}, which says nothing or more than one thing.")
        if value.startswith("-"):
            raise InvalidInput(f"{what} has {value!r}, which is an option and no name.")


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [], ())}
    if isinstance(value, (list, tuple)):
        return [_without_empty(item) for item in value]
    return value


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{what} must be a mapping of names to values, not {value!r}.")
    return value


def _r_packages(content: Mapping[str, Any], key: str) -> list[Any]:
    named = [{"name": item} if isinstance(item, str) else item for item in content.get(key, ())]
    return _each(RPackage, {key: named}, key)


def _each(cls: Any, content: Mapping[str, Any], key: str) -> list[Any]:
    return [_build(cls, item, key) for item in content.get(key, ())]


def _build(cls: Any, content: object, what: str) -> Any:
    given = _mapping(content, what)
    known = cls.__dataclass_fields__
    unknown = [key for key in given if key not in known]
    if unknown:
        raise InvalidInput(
            f"{what} has the key {unknown[0]!r}, which is not known.",
            hint=f"Keys of {what}: {', '.join(known)}.",
            details={"key": unknown[0]},
        )
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
    try:
        return cls(**values)
    except TypeError as problem:
        raise InvalidInput(f"{what} is not whole: {problem}.") from None
