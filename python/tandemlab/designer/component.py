"""Components: what is put on the designer's canvas, with typed ports and parameters.

A component is a class: its docstring is its page, `Parameters` its form, `run` what it does. It is
used from Python as well as from the canvas.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import by_output

if TYPE_CHECKING:
    import pandas
    from pydantic_core import ErrorDetails

    from tandemlab.domain.pipelines import Function

# What a port carries, and the type of data that it is in a pipeline.
PORT_KINDS: Mapping[str, str] = {
    "table": "table",
    "learner": "json",
    "model": "model",
    "transformation": "folder",
    "report": "json",
    "json": "json",
    "file": "file",
    "folder": "folder",
}

Columns: TypeAlias = "Mapping[str, str]"


@dataclass(frozen=True)
class Port:
    """Where data goes into a component, or comes out.

    Attributes:
        kind: ``table`` (a pandas frame in `Component.run`), ``learner`` (what can be trained),
            ``model`` (trained), ``transformation`` (fitted), ``report`` (see `reports`), ``json``,
            ``file`` or ``folder`` (paths).
        description: what it is, in a few words.
        optional: whether an input may stay without a connection; it is None then.
    """

    kind: str
    description: str = ""
    optional: bool = False


class ComponentParameters(BaseModel):
    """The parameters of a component: a pydantic model, from whose schema its form is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def column_of(port: str, default: Any = ..., **settings: Any) -> Any:
    """A parameter that is a column, or a list of columns, of what comes in by a port.

    Args:
        port: name of the input.
        default: as of pydantic's `Field`; without it, it has to be given.
        settings: what else `Field` takes.
    """
    return Field(default, json_schema_extra={"x-column-of": port}, **settings)


def code_in(language: str, default: str, **settings: Any) -> Any:
    """A parameter that is code: ``python``, ``r`` or ``sql``; the form has an editor for it."""
    return Field(default, json_schema_extra={"x-language": language}, **settings)


class Component(ABC):
    """One kind of box on the canvas; see the module's text.

    Args:
        parameters: by name; what is not given is as usual.

    Attributes:
        name: what it is called in documents and code, such as ``split_data``.
        version: raised when equal parameters come to mean something else.
        title: what people see.
        category: the group of the palette that it is in.
        keywords: further words that find it.
        inputs: its ports for data that come in, by name.
        outputs: those for what comes out.
        parameters: this one's, checked.

    Raises:
        InvalidInput: a parameter is unknown, missing or cannot be used; all mistakes are told.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str]
    category: ClassVar[str]
    keywords: ClassVar[tuple[str, ...]] = ()
    inputs: ClassVar[Mapping[str, Port]] = {}
    outputs: ClassVar[Mapping[str, Port]] = {}

    Parameters: ClassVar[type[ComponentParameters]] = ComponentParameters

    def __init__(self, **parameters: Any) -> None:
        try:
            self.parameters: Any = self.Parameters(**parameters)
        except ValidationError as problem:
            mistakes = [(_place(each["loc"]), _said(each)) for each in problem.errors()]
            raise InvalidInput(
                f"{self.title} cannot be used: "
                + "; ".join(f"{place}: {message}" for place, message in mistakes)
                + ".",
                details={"parameters": dict(mistakes)},
            ) from None

    @abstractmethod
    def run(self, *args: Any, **inputs: Any) -> Any:
        """What comes out: the value of the only output, or a dict by name.

        Args:
            args: none; components name their inputs.
            inputs: by name, as their kinds say; frames are the component's own and may be changed.

        Raises:
            InvalidInput: the data do not suit; the message says what to change.
        """

    def columns(self, inputs: Mapping[str, Columns | None]) -> Mapping[str, Columns | None]:
        """The columns of the tables that come out, as far as they are known before it runs.

        Usually what `run` makes of tables without rows; a component whose columns depend on the
        values says so by giving None, or more exactly what is known.

        Args:
            inputs: the columns of each table that comes in, name and type (as `pandas` names it);
                None where they are not known.
        """
        tables = {name: port for name, port in self.inputs.items() if port.kind == "table"}
        known = {name: inputs.get(name) for name in tables}
        others = self.inputs.keys() - tables.keys()
        if others or any(known[name] is None for name, port in tables.items() if not port.optional):
            return {}
        frames = {name: empty_frame(each) for name, each in known.items() if each is not None}
        made = self.run(**{name: frames.get(name) for name in tables})
        by_name = by_output(made, list(self.outputs), self.title)
        return {
            name: columns_of(by_name[name])
            for name, port in self.outputs.items()
            if port.kind == "table"
        }

    def settings(self) -> dict[str, Any]:
        """What the step has beside the component: keywords of `tandemlab.pipelines.PipelineStep`.

        For instance ``inputs`` that are not ports, such as a dataset that a parameter names, and
        ``outputs``: the variables ``TANDEMLAB_INPUT_NAME`` and ``TANDEMLAB_OUTPUT_NAME`` have their
        paths where the step runs.
        """
        return {}

    def function(self) -> Function | None:
        """The function of Python or R that the step calls instead of `run`; None for `run`."""
        return None


@cache
def schema_of(component: type[Component]) -> Mapping[str, Any]:
    """The JSON Schema of the parameters, made once: it takes as long as checking many of them."""
    return component.Parameters.model_json_schema()


def mistakes_in(
    component: type[Component], parameters: Mapping[str, Any]
) -> list[tuple[tuple[str | int, ...], str]]:
    """What is wrong with the parameters of a component: each with its place."""
    try:
        component.Parameters(**parameters)
    except ValidationError as problem:
        return [(each["loc"], _said(each)) for each in problem.errors()]
    return []


def _said(mistake: ErrorDetails) -> str:
    """What pydantic found, as a person says it."""
    if mistake["type"] == "missing":
        return "a value is needed"
    return mistake["msg"].removeprefix("Value error, ")


def empty_frame(columns: Columns) -> pandas.DataFrame:
    """A table without rows.

    >>> list(empty_frame({"age": "int64", "town": "string"}).columns)
    ['age', 'town']
    """
    import pandas

    frame: pandas.DataFrame = pandas.DataFrame(columns=list(columns)).astype(dict(columns))
    return frame


def columns_of(frame: pandas.DataFrame) -> dict[str, str]:
    """The columns of a table, name and type.

    >>> columns_of(empty_frame({"age": "int64"}))
    {'age': 'int64'}
    """
    return {str(name): str(kind) for name, kind in frame.dtypes.items()}


def check_columns(frame: pandas.DataFrame, names: Sequence[str], port: str = "data") -> None:
    """Refuse columns that a table does not have.

    Raises:
        InvalidInput: it lacks some of them.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        known = ", ".join(map(str, frame.columns)) or "none"
        raise InvalidInput(
            f"{port} has no column {', '.join(map(repr, missing))}.",
            hint=f"Its columns are {known}.",
            details={"columns": missing},
        )


def _place(location: Sequence[Any]) -> str:
    return ".".join(map(str, location)) or "parameters"
