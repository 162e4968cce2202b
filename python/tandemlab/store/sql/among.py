"""A condition on many values that is one statement, whatever their number."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Dialect, bindparam
from sqlalchemy import Text as AnyText
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine


class _Values(TypeDecorator[Any]):
    """Values as an array, or as JSON text where a database has no arrays."""

    impl = AnyText
    cache_ok = True

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(BigInteger if self.kind == "key" else AnyText))
        return dialect.type_descriptor(AnyText())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return list(value) if dialect.name == "postgresql" else json.dumps(list(value))


class _Among(GenericFunction[Any]):
    type: TypeEngine[Any] = NullType()  # a Boolean would be compared with 1 in SQLite
    inherit_cache = True


def among(column: ColumnElement[Any], values: str) -> ColumnElement[bool]:
    """Whether a column is one of several values.

    Args:
        column: keys, or texts.
        values: name of the parameter that has them.
    """
    kind = "text" if column.type.python_type is str else "key"
    return _Among(column, bindparam(values, type_=_Values(kind)))


@compiles(_Among, "sqlite")
def _in_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY ({values})"
