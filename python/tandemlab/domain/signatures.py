"""Signatures: what a model takes and what it gives, as plain values and as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.schemas import Mistake, conform, key_of

ValueType: TypeAlias = Literal[
    "boolean", "integer", "double", "string", "date", "datetime", "binary"
]
Layout: TypeAlias = Literal["records", "columns"]

_FORMS: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "double": {"type": "number"},
    "string": {"type": "string"},
    "date": {
        "type": "string",
        "format": "date",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        "examples": ["2002-12-31"],
    },
    "datetime": {
        "type": "string",
        "format": "date-time",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}",
        "examples": ["2002-12-31T12:30:00Z"],
    },
    "binary": {
        "type": "string",
        "contentEncoding": "base64",
        "pattern": r"^[A-Za-z0-9+/]*={0,2}$",
        "examples": ["aGVsbG8="],
    },
}


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """A column of a table.

    Attributes:
        nullable: whether values may be missing; then the column may be left out, too.
        values: the texts that it may hold, such as the levels of a factor; None for any.

    Raises:
        InvalidInput: no such type.

    >>> ColumnSchema("sex", "string", values=("f", "m")).json_schema()
    {'type': 'string', 'enum': ['f', 'm']}
    """

    name: str
    type: ValueType
    nullable: bool = False
    values: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_type(self.type)

    def __str__(self) -> str:
        words = [self.name, self.type, "or missing" if self.nullable else ""]
        return " ".join(filter(None, words))

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema of one value."""
        form = dict(_FORMS[self.type])
        if self.values is not None:
            form["enum"] = list(self.values)
        return {"anyOf": [form, {"type": "null"}]} if self.nullable else form


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A table: its columns in order.

    In JSON it is a list of records, or an object with a list for each column.

    Raises:
        InvalidInput: no columns, or two of one name.

    >>> schema = TableSchema((ColumnSchema("age", "integer"),))
    >>> schema.check([{"age": 31.0}, {"age": 52}])
    [{'age': 31}, {'age': 52}]
    """

    columns: tuple[ColumnSchema, ...]

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = next((name for name in names if names.count(name) > 1), None)
        if not names or twice is not None:
            what = "no columns" if twice is None else f"two columns {twice!r}"
            raise InvalidInput(f"A table of a model's signature cannot have {what}.")

    def __str__(self) -> str:
        return ", ".join(map(str, self.columns))

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON holds."""
        return {"kind": "table", "columns": [_column_dict(column) for column in self.columns]}

    def json_schema(self, layout: Layout = "records") -> dict[str, Any]:
        """JSON Schema of a table: of a list of records, or of columns by name."""
        forms = {column.name: column.json_schema() for column in self.columns}
        if layout == "columns":
            forms = {name: {"type": "array", "items": form} for name, form in forms.items()}
        record = {
            "type": "object",
            "properties": forms,
            "required": [column.name for column in self.columns if not column.nullable],
            "additionalProperties": False,
        }
        return record if layout == "columns" else {"type": "array", "items": record}

    def check(self, value: Any, layout: Layout = "records") -> Any:
        """The value, with whole numbers as integers where these are wanted.

        Raises:
            InvalidInput: it is no such table; ``details["mistakes"]`` has the key and the message
                of each mistake.
        """
        checked, mistakes = conform(value, self.json_schema(layout))
        if layout == "columns" and not mistakes:
            mistakes = _ragged(checked)
        return _accepted(checked, mistakes)


@dataclass(frozen=True, slots=True)
class ArraySchema:
    """An array of values of one type.

    Attributes:
        shape: the length of each dimension, None where it may differ; the first counts rows.

    >>> ArraySchema("double", (None, 2)).check([[0.5, 1], [2, 3]])
    [[0.5, 1], [2, 3]]
    """

    type: ValueType
    shape: tuple[int | None, ...]

    def __post_init__(self) -> None:
        _check_type(self.type)
        if not self.shape or any(length is not None and length < 0 for length in self.shape):
            raise InvalidInput(f"{list(self.shape)} is no shape of an array.")

    def __str__(self) -> str:
        lengths = " × ".join("any" if length is None else str(length) for length in self.shape)
        return f"array of {self.type} ({lengths})"

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON holds."""
        return {"kind": "array", "type": self.type, "shape": list(self.shape)}

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema of an array: lists in lists."""
        form = dict(_FORMS[self.type])
        for length in reversed(self.shape):
            form = {"type": "array", "items": form}
            if length is not None:
                form |= {"minItems": length, "maxItems": length}
        return form

    def check(self, value: Any) -> Any:
        """The value; see `TableSchema.check`."""
        return _accepted(*conform(value, self.json_schema()))


DataSchema: TypeAlias = TableSchema | ArraySchema


@dataclass(frozen=True, slots=True)
class ModelSignature:
    """What a model takes and what it gives.

    Attributes:
        outputs: None where it is not known.

    >>> inputs = TableSchema((ColumnSchema("age", "integer"),))
    >>> signature = ModelSignature(inputs, ArraySchema("double", (None,)))
    >>> print(signature)
    age integer → array of double (any)
    >>> ModelSignature.from_dict(signature.to_dict()) == signature
    True
    """

    inputs: DataSchema
    outputs: DataSchema | None = None

    def __str__(self) -> str:
        return f"{self.inputs} → {self.outputs or 'anything'}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON holds."""
        outputs = None if self.outputs is None else self.outputs.to_dict()
        return {"inputs": self.inputs.to_dict(), "outputs": outputs}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ModelSignature:
        """A signature from what `to_dict` gave, or somebody wrote.

        Raises:
            InvalidInput: it is something else; the message has the key of each mistake.
        """
        found, mistakes = conform(content, _SIGNATURE)
        if not mistakes:
            mistakes = [
                mistake
                for name in ("inputs", "outputs")
                for mistake in _kind_mistakes(found.get(name), name)
            ]
        checked = _accepted(found, mistakes, "This is no signature of a model")
        outputs = checked.get("outputs")
        return cls(_schema(checked["inputs"]), None if outputs is None else _schema(outputs))


_TYPES = list(get_args(ValueType))
_DATA = {
    "type": "object",
    "required": ["kind"],
    "properties": {
        "kind": {"type": "string", "enum": ["table", "array"]},
        "type": {"type": "string", "enum": _TYPES},
        "shape": {"type": "array", "items": {"type": ["integer", "null"]}},
        "columns": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "type"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "type": {"type": "string", "enum": _TYPES},
                    "nullable": {"type": "boolean"},
                    "values": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
    "additionalProperties": False,
}
_SIGNATURE = {
    "type": "object",
    "required": ["inputs"],
    "properties": {"inputs": _DATA, "outputs": {"anyOf": [_DATA, {"type": "null"}]}},
    "additionalProperties": False,
}


def _kind_mistakes(content: Mapping[str, Any] | None, name: str) -> list[Mistake]:
    if content is None:
        return []
    wanted = {"columns"} if content["kind"] == "table" else {"type", "shape"}
    given = set(content) - {"kind"}
    return [
        Mistake((name,), f"of the kind {content['kind']!r} {verb} {key!r}")
        for verb, keys in (("lacks", wanted - given), ("cannot have", given - wanted))
        for key in sorted(keys)
    ]


def _schema(content: Mapping[str, Any]) -> DataSchema:
    if content["kind"] == "array":
        return ArraySchema(content["type"], tuple(content["shape"]))
    return TableSchema(tuple(_column(each) for each in content["columns"]))


def _column(content: Mapping[str, Any]) -> ColumnSchema:
    values = content.get("values")
    return ColumnSchema(
        content["name"],
        cast(ValueType, content["type"]),
        content.get("nullable", False),
        None if values is None else tuple(values),
    )


def _column_dict(column: ColumnSchema) -> dict[str, Any]:
    found = {"name": column.name, "type": column.type, "nullable": column.nullable}
    return found if column.values is None else {**found, "values": list(column.values)}


def _check_type(type: object) -> None:
    if type not in _TYPES:
        raise InvalidInput(f"{type!r} is no type of values; there are {', '.join(_TYPES)}.")


def _ragged(columns: Mapping[str, Sequence[Any]]) -> list[Mistake]:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) < 2:
        return []
    told = ", ".join(f"{name} {length}" for name, length in lengths.items())
    return [Mistake((), f"columns must have the same length, not {told}")]


def _accepted(
    value: Any,
    mistakes: Sequence[Mistake],
    title: str = "The data do not fit the model's signature",
) -> Any:
    if not mistakes:
        return value
    told = [": ".join(filter(None, [key_of(each.path), each.message])) for each in mistakes]
    more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
    raise InvalidInput(
        f"{title}: {'; '.join(told[:3])}{more}.",
        details={
            "mistakes": [{"key": key_of(each.path), "message": each.message} for each in mistakes]
        },
    )
