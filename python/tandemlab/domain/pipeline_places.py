"""Places in the texts of a pipeline, such as ``${parameters.rows}``, and what fills them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.scalars import Scalar

ITEM = re.compile(r"\$\{item(?:\.([^{}]*))?\}")
PLACE = re.compile(r"\$\{(parameters|inputs|outputs)\.([^{}]*)\}")
A_PLACE = {
    "title": "a parameter such as ${parameters.rows}",
    "type": "string",
    "pattern": r"^\$\{parameters\.[^{}]+\}$",
}
"""The JSON Schema of the place of a parameter."""


class Place:
    """What stands for a value that is known once a pipeline is submitted; `str` gives its text."""


def is_place(value: object) -> bool:
    """Whether a value is the place of a parameter, and nothing else.

    >>> is_place("${parameters.rows}"), is_place("up to ${parameters.rows}")
    (True, False)
    """
    found = PLACE.fullmatch(value) if isinstance(value, str) else None
    return isinstance(value, Place) or (found is not None and found[1] == "parameters")


def has_places(value: object) -> bool:
    """Whether there are places of parameters in plain values."""
    if isinstance(value, Mapping):
        value = [*value.values()]
    if isinstance(value, (list, tuple)):
        return any(has_places(item) for item in value)
    return is_place(value)


def has_open_fields(settings: Any) -> bool:
    """Whether a dataclass waits for values of parameters; it is checked once it has them."""
    return has_places([getattr(settings, each.name) for each in fields(settings)])


def written_places(value: Any) -> Any:
    """Plain values with places as the texts that documents have."""
    if isinstance(value, Mapping):
        return {key: written_places(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [written_places(item) for item in value]
    return str(value) if isinstance(value, Place) else value


def refuse_places(value: Any, what: str, step: str) -> None:
    """Refuse what waits for parameters, where there are none.

    Raises:
        InvalidInput: there is a place in it.
    """
    text = next((each for each in texts_of(written_places(value)) if is_place(each)), None)
    if text is not None:
        raise InvalidInput(
            f"{text} stands in {what}, and only a pipeline has parameters.",
            hint=f"Give the value itself, or use it in {step} of a pipeline.",
        )


def with_places(schema: Any) -> Any:
    """A JSON Schema whose numbers, truth values and lists may be places of parameters."""
    if isinstance(schema, list):
        return [with_places(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: with_places(each) for key, each in schema.items()}
    if "anyOf" in made:
        made["anyOf"] = [one for each in made["anyOf"] for one in each.get("anyOf", [each])]
    if schema.get("type") not in ("number", "integer", "boolean", "array"):
        return made
    told = {key: made.pop(key) for key in ("description", "default") if key in made}
    return {**told, "anyOf": [made, A_PLACE]}


def texts_of(value: Any) -> list[str]:
    """All texts in plain values."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (dict, Mapping)):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return []
    return [text for item in value for text in texts_of(item)]


def fill_parameters(
    value: Any, values: Mapping[str, Scalar], write: Callable[[Scalar], str]
) -> Any:
    """Plain values with those of the parameters in them.

    Args:
        write: how a value is written inside a longer text; a text that is nothing but a parameter
            becomes its very value.

    >>> fill_parameters(["${parameters.n}", "n=${parameters.n}"], {"n": 3}, str)
    [3, 'n=3']
    """
    if isinstance(value, str):
        return _with_parameters(value, values, write) if "${" in value else value
    if isinstance(value, (list, tuple)):
        return [fill_parameters(item, values, write) for item in value]
    if isinstance(value, Mapping):
        return {key: fill_parameters(item, values, write) for key, item in value.items()}
    return value


def _with_parameters(
    value: str, values: Mapping[str, Scalar], write: Callable[[Scalar], str]
) -> Any:
    whole = PLACE.fullmatch(value)
    if whole and whole[1] == "parameters" and whole[2] in values:
        return values[whole[2]]

    def written(found: re.Match[str]) -> str:
        is_known = found[1] == "parameters" and found[2] in values
        return write(values[found[2]]) if is_known else found[0]

    return PLACE.sub(written, value)


def fill_item(value: Any, item: Any, write: Callable[[Scalar], str]) -> Any:
    """Plain values with the item of a list for ``${item}``, and a part of it for ``${item.KEY}``.

    Args:
        write: how a value is written inside a longer text; a text that is nothing but the item
            becomes its very value.

    Raises:
        InvalidInput: the item has no such key.

    >>> fill_item(["${item.n}", "n=${item.n}", "${item}"], {"n": 3}, str)
    [3, 'n=3', {'n': 3}]
    """
    if isinstance(value, Mapping):
        return {key: fill_item(each, item, write) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill_item(each, item, write) for each in value]
    if not isinstance(value, str):
        return value
    whole = ITEM.fullmatch(value)
    if whole:
        return _part(item, whole[1])

    def written(found: re.Match[str]) -> str:
        part = _part(item, found[1])
        return json.dumps(part) if isinstance(part, (Mapping, list)) else write(part)

    return ITEM.sub(written, value)


def _part(item: Any, key: str | None) -> Any:
    if key is None:
        return item
    if not isinstance(item, Mapping) or key not in item:
        raise InvalidInput(
            f"${{item.{key}}} stands there, and an item of the list has no {key!r}: {item!r}."
        )
    return item[key]
