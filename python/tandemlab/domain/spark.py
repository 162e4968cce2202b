"""What a run asks of Spark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tandemlab.domain.errors import InvalidInput

_SIZE = re.compile(r"([1-9][0-9]*) ?([kmgt])(?:i?b)?", re.IGNORECASE)
_COORDINATES = re.compile(r"[^\s:,/]+:[^\s:,/]+:[^\s:,/]+")
_MEGABYTES = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024}
DEPLOY_MODES = ("client", "cluster")


@dataclass(frozen=True, slots=True)
class SparkConfiguration:
    """What a run asks of Spark, as options of ``spark-submit``. Other targets pass over it.

    Files are paths in the source directory, absolute paths on the target's machine, or URLs.

    Attributes:
        configuration: properties of Spark by name, such as
            ``{"spark.sql.shuffle.partitions": "8"}``.
        driver_memory: memory of the driver, such as ``"2g"``; Spark's sizes count by 1024.
        driver_cores: processors of a driver that runs in the cluster.
        executor_memory: memory of each executor.
        executor_cores: processors of each executor; all that a worker has, on a standalone
            cluster, if None.
        num_executors: how many executors; on a standalone cluster as many as there is room for if
            None.
        py_files: modules (``.py``, ``.zip``, ``.egg``) that the script and its executors import.
        jars: for the class paths of driver and executors.
        files: that each executor finds in its working directory.
        archives: likewise, unpacked.
        packages: Maven coordinates ``group:artifact:version``, with all that they need.
        repositories: URLs where these are looked for, too.
        deploy_mode: ``client`` (the driver runs where the target submits) or ``cluster``; that of
            the target if None.
        queue: of YARN.

    Raises:
        InvalidInput: a size, count, coordinate or name that Spark cannot take.

    >>> SparkConfiguration(executor_memory="2 GB").executor_memory
    '2g'
    """

    configuration: Mapping[str, str] = field(default_factory=dict)
    driver_memory: str | None = None
    driver_cores: int | None = None
    executor_memory: str | None = None
    executor_cores: int | None = None
    num_executors: int | None = None
    py_files: Sequence[str] = ()
    jars: Sequence[str] = ()
    files: Sequence[str] = ()
    archives: Sequence[str] = ()
    packages: Sequence[str] = ()
    repositories: Sequence[str] = ()
    deploy_mode: str | None = None
    queue: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "configuration", dict(_properties(self.configuration)))
        for name in ("driver_memory", "executor_memory"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _size(name, getattr(self, name)))
        for name in ("driver_cores", "executor_cores", "num_executors"):
            count = getattr(self, name)
            if count is not None and (type(count) is not int or count < 1):
                raise InvalidInput(f"{name} must be a whole number from 1 on, not {count!r}.")
        for name in ("py_files", "jars", "files", "archives", "packages", "repositories"):
            object.__setattr__(self, name, _words(name, getattr(self, name)))
        for coordinates in self.packages:
            if not _COORDINATES.fullmatch(coordinates):
                raise InvalidInput(
                    f"{coordinates!r} is no package.", hint="Write GROUP:ARTIFACT:VERSION."
                )
        if self.deploy_mode not in (None, *DEPLOY_MODES):
            raise InvalidInput(
                f"deploy_mode is {' or '.join(DEPLOY_MODES)}, not {self.deploy_mode!r}."
            )

    @property
    def local_files(self) -> list[str]:
        """Those of its files that are paths in the source directory, without names behind ``#``."""
        named = (*self.py_files, *self.jars, *self.files, *self.archives)
        paths = (name.partition("#")[0] for name in named)
        return [path for path in paths if "://" not in path and not path.startswith("/")]


def megabytes(size: str) -> int:
    """A size of Spark's in MiB.

    >>> megabytes("2g"), megabytes("512m")
    (2048, 512)
    """
    found = _SIZE.fullmatch(size)
    assert found is not None
    return int(int(found[1]) * _MEGABYTES[found[2].lower()])


def _size(name: str, value: object) -> str:
    """A size as both Spark and Java read it."""
    found = _SIZE.fullmatch(str(value))
    if found is None:
        raise InvalidInput(
            f"{value!r} is no size of memory for {name}.", hint='Write one such as "2g" or "512m".'
        )
    return f"{found[1]}{found[2].lower()}"


def _properties(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in properties.items():
        if not name.startswith("spark.") or any(each.isspace() or each == "=" for each in name):
            raise InvalidInput(
                f"{name!r} is no property of Spark.",
                hint='Their names begin with "spark.", such as "spark.sql.shuffle.partitions".',
            )
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _words(name: str, words: Sequence[str]) -> tuple[str, ...]:
    if isinstance(words, str):
        raise InvalidInput(f"{name} is a list, not one text.", hint=f"Write [{words!r}].")
    for word in words:
        if not word or "," in word:
            raise InvalidInput(f"{word!r} cannot be among the {name}: Spark splits at commas.")
    return tuple(words)


USUAL_SPARK = SparkConfiguration()
"""That of what says nothing about Spark."""
