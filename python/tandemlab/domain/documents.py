"""YAML documents that people write: read with the line of every key, and checked by a schema.

Plain words are read as YAML 1.2 and JSON have them: ``no``, ``12:30``, ``007`` and ``2026-01-31``
are texts, ``true``, ``null``, ``7`` and ``1e-3`` are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.schemas import Mistake, Path, Schema, conform, key_of

_MOST_NODES = 100_000
_MERGE = "tag:yaml.org,2002:merge"
_PLAIN_WORDS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)"
        r"|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would take for something else than text."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        letter: list(found) for letter, found in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """What stands there twice is written twice: people read it."""
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Texts of several lines, such as code, keep their lines."""
        return self.represent_scalar(_TEXT, text, style="|" if "\n" in text else None)


_TEXT = "tag:yaml.org,2002:str"
_Dumper.add_representer(str, _Dumper.represent_text)

for _name, _pattern, _first in _PLAIN_WORDS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), list(_first)
        )


@dataclass(frozen=True)
class Document:
    """What a YAML text says.

    Attributes:
        source: the file's name, for messages.
        value: plain values.
        lines: the line of every key and item, counted from 1.
        written: the numbers as they were written.
    """

    source: str
    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)
    written: Mapping[Path, str] = field(default_factory=dict)

    def conforming(self, schema: Schema) -> Any:
        """The value as a schema wants it.

        Raises:
            InvalidInput: it does not conform; the message has the line and key of each mistake.
        """
        value, mistakes = conform(self.value, schema, self.written)
        if mistakes:
            raise self.error(mistakes)
        return value

    def place(self, path: Path) -> str:
        """Where something stands: ``line 3, resources.cpus``."""
        line = next((self.lines[p] for p in _outwards(path) if p in self.lines), None)
        words = [f"line {line}" if line else "", key_of(path)]
        return ", ".join(filter(None, words))

    def error(self, mistakes: Sequence[Mistake], hint: str = "") -> InvalidInput:
        """What to raise for these mistakes."""
        told = [
            f"{', '.join(filter(None, [self.place(each.path)]))}: {each.message}".removeprefix(": ")
            for each in sorted(mistakes, key=self._order)
        ]
        ending = "" if told[0].endswith("?") else "."
        text = (
            f"{self.source}, {told[0]}{ending}"
            if len(told) == 1
            else "\n  ".join([f"{self.source} has {len(told)} mistakes:", *told])
        )
        details = [{"key": key_of(each.path), "message": each.message} for each in mistakes]
        return InvalidInput(text, hint=hint, details={"path": self.source, "mistakes": details})

    @contextmanager
    def explaining(self, path: Path = ()) -> Iterator[None]:
        """Have an error that names no place name this one.

        Raises:
            InvalidInput: what is done within has failed with it.
        """
        try:
            yield
        except InvalidInput as problem:
            mistake = Mistake(path, problem.message.rstrip("."))
            raise self.error([mistake], problem.hint) from None

    def _order(self, mistake: Mistake) -> int:
        return next((self.lines[p] for p in _outwards(mistake.path) if p in self.lines), 0)


def _outwards(path: Path) -> list[Path]:
    return [path[:end] for end in range(len(path), -1, -1)]


def read_document(text: str, source: str) -> Document:
    """The document that a YAML text holds; an empty one holds None.

    Raises:
        InvalidInput: it is no YAML, a key stands there twice, or it has tags of its own.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        reader = _Reader(loader)
        value = None if node is None else reader.read(node, ())
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = f", line {mark.line + 1}" if mark else ""
        said = ", ".join(filter(None, [problem.context, problem.problem]))
        raise InvalidInput(
            f"{source}{where}: this is no YAML: {said}.", details={"path": source}
        ) from None
    except yaml.YAMLError as problem:
        raise InvalidInput(f"{source} is no YAML: {problem}.", details={"path": source}) from None
    finally:
        loader.dispose()
    document = Document(source, value, reader.lines, reader.written)
    if reader.mistakes:
        raise document.error(reader.mistakes)
    return document


class _Reader:
    """Goes through the nodes of a document, which know their lines."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._nodes = 0
        self.lines: dict[Path, int] = {}
        self.written: dict[Path, str] = {}
        self.mistakes: list[Mistake] = []

    def read(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > 100:
            raise yaml.YAMLError("it refers to itself, or holds too much")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, i)) for i, item in enumerate(node.value)]
        value = self._loader.construct_object(node)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self.written[path] = node.value
        return value

    def _read_mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key must be a text", problem_mark=key.start_mark
                )
            if first.setdefault(key.value, line) != line and key.tag != _MERGE:
                message = f"stands there twice, first in line {first[key.value]}"
                self.mistakes.append(Mistake((*path, key.value), message))
        self._loader.flatten_mapping(node)
        result = {}
        for key, item in node.value:
            here = (*path, key.value)
            self.lines[here] = key.start_mark.line + 1
            result[key.value] = self.read(item, here)
        return result


def write_document(value: Mapping[str, Any]) -> str:
    """Plain values as the text of a document that reads back the same."""
    return yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
