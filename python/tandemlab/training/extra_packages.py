"""Packages that are named beside an environment, rather than in one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.environments import Environment, RPackage
from tandemlab.domain.secrets import refuse_secret
from tandemlab.environments import from_conda_specification, from_pip_requirements


@dataclass(frozen=True, slots=True)
class ExtraPackages:
    """What an environment gets beside its own.

    Attributes:
        pip: what pip would be asked for.
        conda: packages that only conda has.
        cran: packages of R.
        repositories: CRAN-like repositories, asked before those of the environment.
        pip_file: a requirements.txt, relative to the source directory.
        conda_file: a conda file, likewise.

    >>> made = ExtraPackages(pip=("pandas",)).added_to(Environment("study"), Path("."))
    >>> made.python.requirements
    ('pandas',)
    """

    pip: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    cran: tuple[RPackage, ...] = ()
    repositories: tuple[str, ...] = ()
    pip_file: str | os.PathLike[str] | None = None
    conda_file: str | os.PathLike[str] | None = None

    def __bool__(self) -> bool:
        """Whether there is any; repositories alone are nothing to install."""
        return bool(
            self.pip or self.conda or self.cran or self.pip_file or self.conda_file is not None
        )

    def added_to(self, environment: Environment, source: Path) -> Environment:
        """The environment with these packages.

        Raises:
            InvalidInput: a file is not there or cannot be used, or names another version of
                Python than the environment has.
        """
        name, python = environment.name, environment.python
        if self.pip_file is not None:
            found = from_pip_requirements(name, source / self.pip_file).python
            python = replace(python, requirements=python.requirements + found.requirements)
        if self.conda_file is not None:
            found = from_conda_specification(name, source / self.conda_file).python
            python = replace(
                python,
                requirements=python.requirements + found.requirements,
                version=_version(environment, found.version),
                conda=python.conda + found.conda,
                channels=python.channels + found.channels,
            )
        return environment.replace(
            python=replace(
                python,
                requirements=python.requirements + self.pip,
                conda=python.conda + self.conda,
            ),
            r=replace(
                environment.r,
                packages=environment.r.packages + self.cran,
                repositories=self.repositories + environment.r.repositories
                if self.cran
                else environment.r.repositories,
            ),
        )


def _version(environment: Environment, wanted: str | None) -> str | None:
    own = environment.python.version
    if own is not None and wanted is not None and own != wanted:
        raise InvalidInput(
            f"The environment {environment.name!r} needs Python {own}, and the conda file asks for "
            f"{wanted}.",
            hint="Leave the version of Python out of the file.",
        )
    return own or wanted


def package_names(values: Iterable[str] | None, what: str) -> tuple[str, ...]:
    """Names of packages or addresses, none of them a secret.

    Raises:
        InvalidInput: no list of texts.

    >>> package_names(["six"], "pip_packages")
    ('six',)
    """
    if isinstance(values, (str, bytes)) or not isinstance(values or (), Iterable):
        raise InvalidInput(f"{what} is a list of texts, not {values!r}.", hint=f"[{values!r}]")
    found: tuple[Any, ...] = tuple(values or ())
    for each in found:
        refuse_secret(each, what)
        if not isinstance(each, str) or not each.strip():
            raise InvalidInput(f"{what} is a list of texts; {each!r} is none.")
    return found


def r_packages(values: Iterable[str | RPackage] | None) -> tuple[RPackage, ...]:
    """Packages of R, by name or whole.

    Raises:
        InvalidInput: no list of such.

    >>> r_packages(["survival"])[0].name
    'survival'
    """
    if isinstance(values, str) or not isinstance(values or (), Iterable):
        package_names(values, "cran_packages")  # refuses it
    return tuple(
        each if isinstance(each, RPackage) else RPackage(*package_names([each], "cran_packages"))
        for each in values or ()
    )
