"""What a dataset is, as plain data: where it comes from, and what is done to it step by step."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    from tandemlab.data.consumption import DatasetConsumptionConfig
    from tandemlab.domain.jobs import Input

Format: TypeAlias = Literal["delimited", "parquet", "json_lines", "arrow", "sql", "files"]
Step: TypeAlias = Mapping[str, Any]

FORMATS = ("delimited", "parquet", "json_lines", "arrow", "sql", "files")
STEPS = ("take", "skip", "portion", "keep", "drop", "filter", "time")
_WORDS = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class DataPath:
    """A path in a datastore, as plain data.

    It is what datasets are made of, an item of a run's ``inputs``, or one of its arguments.

    Attributes:
        datastore: its name.
        path: of a file or a folder below the datastore's root, or a pattern; empty for the root.
        workspace: path or URL of the workspace that has the datastore; None for the one that the
            dataset is registered in.
        input_name: its name where it is an input of a run; the words of the path if None.
    """

    datastore: str
    path: str = ""
    workspace: str | None = None
    input_name: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.datastore}:{self.path}"

    @property
    def name(self) -> str:
        """Its name where it is an input of a run without another."""
        if self.input_name is not None:
            return self.input_name
        words = _WORDS.findall(self.path) or _WORDS.findall(self.datastore)
        name = "_".join(words)
        return name if name[:1].isalpha() else f"data_{name}"

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """Its files as an input of a run, of that name."""
        from tandemlab.data.file_dataset import FileDataset

        return FileDataset(Definition(Source("files", (self,)))).as_named_input(name)

    def as_mount(self) -> DatasetConsumptionConfig:
        """Its files as an input: links in a folder of the run."""
        return self.as_named_input(self.name).as_mount()

    def as_download(self) -> DatasetConsumptionConfig:
        """Its files as an input: copies in a folder of the run, which the script may change."""
        return self.as_named_input(self.name).as_download()

    def to_input(self) -> Input:
        """The input, as configurations keep it."""
        return self.as_mount().to_input()

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON holds: which data it is, whatever an input is called."""
        return {"datastore": self.datastore, "path": self.path, "workspace": self.workspace}


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a dataset and how they are read.

    Attributes:
        format: ``delimited``, ``parquet``, ``json_lines``, ``arrow``, ``sql`` for a query, or
            ``files`` for files as they are.
        paths: absolute paths of files and folders, or patterns with ``*``, ``?`` and ``**``; or
            such in datastores. That of a query has its datastore alone.
        columns: type of each column in DuckDB's words, in order; empty where it was not looked at.
        options: what the format needs, such as ``separator``.
        partition_format: what parts of the paths mean; None for nothing.
        include_path: whether each row has the path of its file, in a column ``Path``.
    """

    format: Format
    paths: tuple[str | DataPath, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    partition_format: str | None = None
    include_path: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """A source and the steps from its rows or files to those of the dataset.

    Attributes:
        steps: each a mapping with ``do``, the step's name, and its arguments.
        timestamp: the column that time filters use, or None.
        partition_timestamp: a coarser column of time that the files are parted by, or None.

    >>> definition = Definition(Source("files", ("/data/*.png",)))
    >>> Definition.from_dict(definition.to_dict()) == definition
    True
    """

    source: Source
    steps: tuple[Step, ...] = ()
    timestamp: str | None = None
    partition_timestamp: str | None = None

    @property
    def single_path(self) -> str | None:
        """The one file or folder that is the whole dataset; None if there is no such one."""
        path, *others = self.source.paths
        if others or self.steps or isinstance(path, DataPath) or not os.path.exists(path):
            return None
        return path

    def then(self, do: str, **arguments: Any) -> Definition:
        """The same with one more step."""
        return replace(self, steps=(*self.steps, {"do": do, **arguments}))

    def first(self, count: int) -> Definition:
        """The first `count` rows or files."""
        return self.then("take", count=_checked_count(count))

    def without_first(self, count: int) -> Definition:
        """All rows or files but the first `count`."""
        return self.then("skip", count=_checked_count(count))

    def portion(self, start: float, end: float, seed: int | None) -> Definition:
        """Those whose share, a number from 0 to 1 drawn by the seed, is from `start` below `end`.

        Raises:
            InvalidInput: a bound is not from 0 to 1.
        """
        for bound in (start, end):
            if not 0 <= bound <= 1:
                raise InvalidInput(f"A share must be from 0 to 1, not {bound!r}.")
        return self.then("portion", start=float(start), end=float(end), seed=int(chosen_seed(seed)))

    def leaving(self, workspace: str) -> Definition:
        """The same, as that workspace keeps it: its address may change, its datastores stay."""
        return self._moved(workspace, None)

    def within(self, workspace: str) -> Definition:
        """The same, as it is used once that workspace has given it."""
        return self._moved(None, workspace)

    def _moved(self, before: str | None, after: str | None) -> Definition:
        paths = tuple(
            replace(path, workspace=after)
            if isinstance(path, DataPath) and path.workspace == before
            else path
            for path in self.source.paths
        )
        return replace(self, source=replace(self.source, paths=paths))

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON holds."""
        source = {
            "format": self.source.format,
            "paths": [
                path.to_dict() if isinstance(path, DataPath) else path for path in self.source.paths
            ],
            "columns": [[name, kind] for name, kind in self.source.columns.items()],
            "options": dict(self.source.options),
            "partition_format": self.source.partition_format,
            "include_path": self.source.include_path,
        }
        return {
            "source": source,
            "steps": [dict(step) for step in self.steps],
            "timestamp": self.timestamp,
            "partition_timestamp": self.partition_timestamp,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Definition:
        """A definition from what `to_dict` gave.

        Raises:
            InvalidInput: it is something else, or from a newer program.
        """
        try:
            source = content["source"]
            steps = tuple({**step} for step in content["steps"])
            if source["format"] not in FORMATS or any(step["do"] not in STEPS for step in steps):
                raise KeyError("format or step")
            return cls(
                Source(
                    cast(Format, source["format"]),
                    tuple(
                        path if isinstance(path, str) else DataPath(**path)
                        for path in source["paths"]
                    ),
                    {name: kind for name, kind in source["columns"]},
                    dict(source["options"]),
                    source["partition_format"],
                    source["include_path"],
                ),
                steps,
                content["timestamp"],
                content["partition_timestamp"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise InvalidInput(
                f"This is no definition of a dataset: {type(problem).__name__}: {problem}.",
                hint="A dataset comes from Dataset.Tabular or Dataset.File; a newer tandemlab may "
                "know steps that this one does not.",
            ) from None


def chosen_seed(seed: int | None) -> int:
    """The seed, or a random one that every language holds exactly."""
    return secrets.randbits(53) if seed is None else seed


def _checked_count(count: int) -> int:
    if type(count) is not int or count < 0:
        raise InvalidInput(f"count must be a whole number from 0 on, not {count!r}.")
    return count
