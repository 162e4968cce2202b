"""What is different between two runs, as plain values that print themselves."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from tandemlab.domain.scalars import Scalar

_MOST_LINES = 40


@dataclass(frozen=True, slots=True)
class ComparedValue:
    """What both runs have under one name; None where one has nothing.

    Attributes:
        group: ``run``, ``metrics``, ``params``, ``tags``, ``properties``, ``environment``,
            ``machine`` or ``git``.
    """

    group: str
    name: str
    left: Scalar
    right: Scalar

    @property
    def differs(self) -> bool:
        """Whether the values are not the same; NaN is the same as NaN."""
        if type(self.left) is not type(self.right):
            numbers = {type(self.left), type(self.right)} <= {int, float}
            return not numbers or self.left != self.right
        are_nan = self.left != self.left and self.right != self.right
        return self.left != self.right and not are_nan


@dataclass(frozen=True, slots=True)
class ComparedPackage:
    """A package that is not the same in both environments; None where it is absent."""

    package: str
    left: str | None
    right: str | None

    @property
    def change(self) -> str:
        """``added``, ``removed`` or ``changed``, on the way from left to right."""
        return _change(self.left, self.right)


@dataclass(frozen=True, slots=True)
class ComparedFile:
    """A file of the source that is not the same in both snapshots.

    Attributes:
        change: ``added``, ``removed`` or ``changed``, on the way from left to right.
        diff: a unified diff; empty for files that are not text, or large.
    """

    path: str
    change: str
    diff: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side; printed it shows what differs, and all metrics.

    Attributes:
        left: the first run, as EXPERIMENT/NUMBER.
        right: the second.
        values: metrics (the newest of each), parameters, tags, interpreters, git and more.
        packages: what differs between the environments; None unless both are known.
        code: what differs between the sources; None unless both were kept.
    """

    left: str
    right: str
    values: Sequence[ComparedValue]
    packages: Sequence[ComparedPackage] | None = None
    code: Sequence[ComparedFile] | None = None

    @property
    def differences(self) -> list[ComparedValue]:
        """The values that are not the same."""
        return [value for value in self.values if value.differs]

    def to_table(self) -> dict[str, list[Any]]:
        """A row for each value, package and file: ``group, name, left, right, differs``.

        For files ``left`` and ``right`` say whether they are there.
        """
        rows = [(v.group, v.name, v.left, v.right, v.differs) for v in self.values]
        rows += [("packages", p.package, p.left, p.right, True) for p in self.packages or ()]
        rows += [
            ("code", f.path, f.change != "added", f.change != "removed", True)
            for f in self.code or ()
        ]
        names = ("group", "name", "left", "right", "differs")
        return {name: [row[at] for row in rows] for at, name in enumerate(names)}

    def to_frame(self) -> Any:
        """`to_table` as a pandas data frame.

        Raises:
            MissingDependency: pandas is not installed.
        """
        from tandemlab.domain.errors import MissingDependency

        try:
            import pandas
        except ImportError as error:
            raise MissingDependency(
                "Data frames need pandas, and it is not installed.",
                hint="`pip install 'tandemlab[frames]'` installs it; to_table() does without.",
            ) from error
        table = self.to_table()
        columns = {name: pandas.Series(cells, dtype=object) for name, cells in table.items()}
        return pandas.DataFrame({**columns, "differs": table["differs"]})

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain dicts and lists."""
        return {
            "left": self.left,
            "right": self.right,
            "values": [{**asdict(value), "differs": value.differs} for value in self.values],
            "packages": None
            if self.packages is None
            else [{**asdict(package), "change": package.change} for package in self.packages],
            "code": None if self.code is None else [asdict(file) for file in self.code],
        }

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.left} → {self.right}"
        shown = [v for v in self.values if v.differs or v.group == "metrics"]
        for group, values in groupby(shown, key=lambda value: value.group):
            yield f"\n{group}"
            yield from _aligned([_cells(value) for value in values])
        yield "\npackages"
        yield from _package_lines(self.packages)
        yield "\ncode"
        yield from _code_lines(self.code)


def compare_values(
    group: str, left: Mapping[str, Scalar], right: Mapping[str, Scalar]
) -> list[ComparedValue]:
    """Values by name side by side, in the order of the first run.

    >>> [v.name for v in compare_values("tags", {"a": "1"}, {"b": "2", "a": "1"}) if v.differs]
    ['b']
    """
    return [
        ComparedValue(group, name, left.get(name), right.get(name))
        for name in dict.fromkeys([*left, *right])
    ]


def compare_packages(left: Mapping[str, str], right: Mapping[str, str]) -> list[ComparedPackage]:
    """The packages that are not the same, by name.

    >>> [p.change for p in compare_packages({"a": "1", "b": "1"}, {"b": "2", "c": "1"})]
    ['removed', 'changed', 'added']
    """
    return [
        ComparedPackage(name, left.get(name), right.get(name))
        for name in sorted({*left, *right}, key=lambda name: (name.lower(), name))
        if left.get(name) != right.get(name)
    ]


def compare_texts(path: str, left: str | None, right: str | None) -> ComparedFile:
    """A file whose content differs; None where it is absent.

    >>> print(compare_texts("a.py", "x = 1", "x = 2").diff)
    --- a/a.py
    +++ b/a.py
    @@ -1 +1 @@
    -x = 1
    +x = 2
    """
    lines = difflib.unified_diff(
        (left or "").splitlines(),
        (right or "").splitlines(),
        "/dev/null" if left is None else f"a/{path}",
        "/dev/null" if right is None else f"b/{path}",
        lineterm="",
    )
    return ComparedFile(path, _change(left, right), "\n".join(lines))


def _change(left: object, right: object) -> str:
    return "added" if left is None else "removed" if right is None else "changed"


# Printing


def _cells(value: ComparedValue) -> tuple[str, ...]:
    left, right = value.left, value.right
    numbers = (
        isinstance(left, (int, float))
        and isinstance(right, (int, float))
        and not isinstance(left, bool)
        and not isinstance(right, bool)
    )
    change = f"{right - left:+.4g}" if numbers and value.differs else ""  # type: ignore[operator]
    return value.name, _shown(left), _shown(right), change


def _shown(value: Scalar) -> str:
    if value is None:
        return "–"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def _package_lines(packages: Sequence[ComparedPackage] | None) -> Iterator[str]:
    if packages is None:
        yield "  not known of both runs"
    elif not packages:
        yield "  the same"
    else:
        yield from _aligned(
            [(f"{_SIGNS[p.change]} {p.package}", p.left or "–", p.right or "–") for p in packages]
        )


def _code_lines(code: Sequence[ComparedFile] | None) -> Iterator[str]:
    if code is None:
        yield "  not kept with both runs"
    elif not code:
        yield "  the same"
    for file in code or ():
        yield f"  {_SIGNS[file.change]} {file.path}"
        lines = file.diff.splitlines()
        yield from (f"    {line}" for line in lines[:_MOST_LINES])
        if len(lines) > _MOST_LINES:
            yield f"    … {len(lines) - _MOST_LINES} more lines"
