"""Pages of components: made of the class alone, for terminals, the reference and the studio."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any

from tandemlab.designer.component import Component, Port, schema_of

_BOUNDS = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "to {}",
    "exclusiveMaximum": "below {}",
}


def describe(component: type[Component]) -> dict[str, Any]:
    """All that is to be known of a component, as plain data.

    Returns:
        ``name``, ``version``, ``title``, ``category``, ``keywords``, ``description`` (Markdown),
        ``inputs`` and ``outputs`` (each with ``name``, ``kind``, ``description`` and ``optional``)
        and ``schema``, the JSON Schema of its parameters.

    >>> from tandemlab.designer import find_component
    >>> [each["name"] for each in describe(find_component("split_data"))["outputs"]]
    ['first', 'second']
    """
    return {
        "name": component.name,
        "version": component.version,
        "title": component.title,
        "category": component.category,
        "keywords": list(component.keywords),
        "description": _markdown(component.__doc__ or ""),
        "inputs": _ports(component.inputs),
        "outputs": _ports(component.outputs),
        "schema": dict(schema_of(component)),
    }


def _ports(ports: Mapping[str, Port]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "kind": port.kind,
            "description": port.description,
            "optional": port.optional,
        }
        for name, port in ports.items()
    ]


def ports_text(ports: Mapping[str, Port]) -> str:
    """Ports in one line, for tables.

    >>> ports_text({"data": Port("table"), "model": Port("model", optional=True)})
    'data (table), model (model, optional)'
    """
    return ", ".join(f"{each['name']} ({_kind(each)})" for each in _ports(ports))


def _markdown(docstring: str) -> str:
    """A docstring whose examples are code, and whose names are in single backticks."""
    parts = cleandoc(docstring).split("\n\n")
    return "\n\n".join(
        f"```pycon\n{part}\n```" if part.startswith(">>>") else part.replace("``", "`")
        for part in parts
    )


def page_of(component: type[Component]) -> str:
    """The page of a component in Markdown: what it does, its ports, its parameters with defaults.

    >>> from tandemlab.designer import find_component
    >>> page_of(find_component("split_data")).splitlines()[2]
    '`split_data`, version 1, in Sampling'
    """
    found = describe(component)
    parts = [
        f"# {found['title']}",
        f"`{found['name']}`, version {found['version']}, in {found['category']}",
        found["description"],
    ]
    for title, ports in (("Inputs", found["inputs"]), ("Outputs", found["outputs"])):
        if ports:
            rows = [(f"`{each['name']}`", _kind(each), each["description"]) for each in ports]
            parts += [f"## {title}", _table(("Name", "Kind", "What it is"), rows)]
    parameters = parameters_of(component)
    if parameters:
        lines = [
            (f"`{each['name']}`", each["type"], _default(each), each["description"])
            for each in parameters
        ]
        parts += ["## Parameters", _table(("Name", "Type", "Default", "What it is"), lines)]
        parts += [
            f"### Default of `{each['name']}`\n\n"
            f"```{each['language']}\n{each['default'].strip()}\n```"
            for each in parameters
            if _is_long(each)
        ]
    return "\n\n".join(parts) + "\n"


def _kind(port: Mapping[str, Any]) -> str:
    return f"{port['kind']}, optional" if port["optional"] else str(port["kind"])


def _default(parameter: Mapping[str, Any]) -> str:
    if parameter["required"]:
        return "has to be given"
    if _is_long(parameter):
        return "below"
    default = parameter["default"]
    return "none" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"


def _is_long(parameter: Mapping[str, Any]) -> bool:
    """Whether a default is code of several lines, which has no place in a table."""
    return parameter["language"] is not None and "\n" in str(parameter["default"]).strip()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )


def parameters_of(component: type[Component]) -> list[dict[str, Any]]:
    """The parameters of a component, in the order of its form.

    Returns:
        For each ``name``, ``type`` in words, ``required``, ``default``, ``description``, and
        ``language`` of code, else None.

    >>> from tandemlab.designer import find_component
    >>> parameters_of(find_component("split_data"))[0]["type"]
    'number from 0 to 1'
    """
    schema = schema_of(component)
    definitions = schema.get("$defs", {})
    needed = schema.get("required", ())
    return [
        {
            "name": name,
            "type": _type(each, definitions),
            "required": name in needed,
            "default": each.get("default"),
            "description": each.get("description", ""),
            "language": each.get("x-language"),
        }
        for name, each in schema.get("properties", {}).items()
    ]


def _type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a value may be, in words."""
    if "x-language" in schema:
        return f"code of {schema['x-language']}"
    if "$ref" in schema:
        return _type(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "x-column-of" in schema:
        words = "columns" if _takes_list(schema) else "column"
        return f"{words} of `{schema['x-column-of']}`"
    if "enum" in schema or "const" in schema:
        return ", ".join(json.dumps(each) for each in schema.get("enum", [schema.get("const")]))
    options = schema.get("anyOf", schema.get("oneOf"))
    if options:
        told = [_type(each, definitions) for each in options if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(told))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), definitions)}"
    if schema.get("type") == "object":
        return ", ".join(_parts(schema, definitions)) or "object"
    return " ".join([str(schema.get("type", "any value")), *_bounds(schema)])


def _takes_list(schema: Mapping[str, Any]) -> bool:
    options = schema.get("anyOf", [schema])
    return any(each.get("type") == "array" for each in options)


def _parts(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    for name, each in schema.get("properties", {}).items():
        yield f"`{name}` ({_type(each, definitions)})"


def _bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    for key, words in _BOUNDS.items():
        if key in schema:
            yield words.format(f"{schema[key]:g}")
