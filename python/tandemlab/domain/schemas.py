"""Values that are checked against a JSON Schema: every mistake is told with its key.

The part of JSON Schema that is understood: ``$ref``, ``anyOf``, ``type``, ``properties``,
``additionalProperties``, ``propertyNames`` (a pattern), ``required``, ``items``, ``minItems``,
``maxItems``, ``enum``, ``pattern``, ``minimum``, ``exclusiveMinimum``. Where the types are a text
or a number, a text is meant: ``version: 3.10`` stays what was written.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
Schema: TypeAlias = Mapping[str, Any]

_NOUNS = {
    "object": "a mapping of names to values",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "nothing",
}
_ALL_TYPES = list(_NOUNS)
_TEXT = ["string", "number"]
_KINDS: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
    tuple: "array",
    Mapping: "object",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at one place of a value.

    Attributes:
        path: keys and positions from the outside in.
        message: what is wrong, to be read behind the place.
    """

    path: Path
    message: str


def key_of(path: Path) -> str:
    """A path as people write it.

    >>> key_of(("arguments", 0, "data"))
    'arguments[0].data'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that somebody most likely meant; None if none is near.

    >>> nearest("cpu", ["cpus", "gpus", "memory"])
    'cpus'
    >>> nearest("target", ["arguments", "compute_target"])
    'compute_target'
    """
    names = list(known)
    containing = [name for name in names if word in name.split("_")]
    if len(containing) == 1:
        return containing[0]
    return next(iter(difflib.get_close_matches(word, names, 1, 0.6)), None)


def unknown_key(key: str, known: Iterable[str]) -> str:
    """What to say of a key that is not known."""
    names = list(known)
    meant = nearest(key, names)
    ending = f"did you mean {meant!r}?" if meant else f"known are {', '.join(names)}"
    return f"no such key; {ending}"


def as_sentence(problems: Iterable[str]) -> str:
    """Problems as the end of a message.

    >>> as_sentence(["n is no number", "did you mean 'm'?"])
    "n is no number; did you mean 'm'?"
    """
    text = "; ".join(problems)
    return text if text.endswith("?") else f"{text}."


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """What to say of a name that is not known.

    >>> unknown_name("step", "claen", ["clean", "fit"])
    "there is no step 'claen'; did you mean 'clean'?"
    """
    names = list(known)
    meant = nearest(name, names)
    ending = f"did you mean {meant!r}?" if meant else f"known are {', '.join(names) or 'none'}"
    return f"there is no {what} {name!r}; {ending}"


def conform(
    value: Any, schema: Schema, written: Mapping[Path, str] | None = None
) -> tuple[Any, list[Mistake]]:
    """A value as its schema wants it, and the mistakes in it.

    Args:
        written: how numbers were written, by path, for where text is wanted.

    >>> schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    >>> conform({"n": "two"}, schema)[1][0].message
    "must be a whole number, not the text 'two'"
    """
    visitor = _Visitor(schema, written or {})
    return visitor.visit(value, schema, ()), visitor.mistakes


class _Visitor:
    def __init__(self, root: Schema, written: Mapping[Path, str]) -> None:
        self._root = root
        self._written = written
        self.mistakes: list[Mistake] = []

    def visit(self, value: Any, schema: Schema, path: Path) -> Any:
        schema = self._resolve(schema)
        one_of = schema.get("anyOf")
        branches = [self._resolve(branch) for branch in one_of] if one_of else [schema]
        fitting = next((branch for branch in branches if _fits(value, _types(branch))), None)
        if len(branches) > 1 and fitting and _is_other_text(value, fitting):
            fitting = None
        if fitting is None:
            wanted = dict.fromkeys(noun for branch in branches for noun in _nouns(branch))
            self._note(path, f"must be {_or(list(wanted))}, not {_describe(value)}")
            return value
        if not isinstance(value, str) and value is not None and _wants_text(fitting):
            return self._written.get(path, str(value))
        if _kind(value) == "object":
            return self._visit_object(value, fitting, path)
        if isinstance(value, (list, tuple)):
            self._check_length(value, fitting, path)
            items = fitting.get("items", {})
            return [self.visit(item, items, (*path, i)) for i, item in enumerate(value)]
        self._check_scalar(value, fitting, path)
        return int(value) if _types(fitting) == ["integer"] else value

    def _visit_object(self, value: Mapping[str, Any], schema: Schema, path: Path) -> Any:
        known = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        pattern = schema.get("propertyNames", {}).get("pattern", "")
        result = {}
        for key, item in value.items():
            here = (*path, key)
            if key in known:
                result[key] = self.visit(item, known[key], here)
            elif others is False:
                self._note(here, unknown_key(key, known))
            elif not re.search(pattern, key):
                self._note(here, "cannot be a name here; use letters, digits and '_'")
            else:
                result[key] = self.visit(item, others, here)
        for key in schema.get("required", ()):
            if key not in value:
                self._note(path, f"lacks the key {key!r}")
        return result

    def _check_length(self, value: Sequence[Any], schema: Schema, path: Path) -> None:
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        if not least <= len(value) <= most:
            wanted = f"at least {least}" if most == math.inf else f"from {least} to {most}"
            wanted = str(least) if least == most else wanted
            self._note(path, f"must have {wanted} items, not {len(value)}")

    def _check_scalar(self, value: Any, schema: Schema, path: Path) -> None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if "enum" in schema and value not in schema["enum"]:
            words = ", ".join(map(repr, schema["enum"]))
            self._note(path, f"must be one of {words}, not {_describe(value)}")
        elif "pattern" in schema and not re.search(schema["pattern"], str(value)):
            example = schema["examples"][0]
            self._note(path, f"{_describe(value)} cannot be read; write it as {example!r}")
        elif is_number and value < schema.get("minimum", value):
            self._note(path, f"must be at least {schema['minimum']}, not {value}")
        elif is_number and "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            self._note(path, f"must be above {schema['exclusiveMinimum']}, not {value}")

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            schema = self._root["$defs"][name]
        return schema

    def _note(self, path: Path, message: str) -> None:
        self.mistakes.append(Mistake(path, message))


def _types(schema: Schema) -> Sequence[str]:
    types: str | Sequence[str] = schema.get("type", _ALL_TYPES)
    return [types] if isinstance(types, str) else types


def _wants_text(schema: Schema) -> bool:
    return [each for each in _types(schema) if each != "null"] == _TEXT


def _is_other_text(value: Any, schema: Schema) -> bool:
    """Whether a text is not of the kind that a branch is for."""
    return _is_kind(schema) and isinstance(value, str) and not re.search(schema["pattern"], value)


def _is_kind(schema: Schema) -> bool:
    """Whether a schema is that of texts of one kind, which its title names."""
    return "title" in schema and "pattern" in schema


def _nouns(schema: Schema) -> list[str]:
    types = _types(schema)
    if _is_kind(schema):
        return [schema["title"]]
    return [_NOUNS["string"]] if types == _TEXT else [_NOUNS[name] for name in types]


def _fits(value: Any, types: Sequence[str]) -> bool:
    kind = _kind(value)
    if kind in ("integer", "number") and "number" in types:
        return True
    return kind in types or ("integer" in types and kind == "number" and value.is_integer())


def _kind(value: Any) -> str:
    known = _KINDS.get(type(value))
    return known or next((name for kind, name in _KINDS.items() if isinstance(value, kind)), "")


def _or(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _describe(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {value!r}"
    if value is None:
        return "nothing"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return "a mapping" if isinstance(value, Mapping) else "a list"
