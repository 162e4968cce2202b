"""Values that are known only while a pipeline runs: json that steps write, conditions, lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.filters import Field, holds
from tandemlab.domain.pipelines import ForEach, ParameterValue, Step

Find = Callable[[str, str], Path]


class KnownValues:
    """The parameters of a pipeline's run, and what its steps have written as json.

    Args:
        find: the path of an output of a step that has completed.
    """

    def __init__(self, parameters: Mapping[str, ParameterValue], find: Find) -> None:
        self._parameters = parameters
        self._find = find

    def condition_holds(self, step: Step) -> bool:
        """Whether the condition of a step holds; one without always.

        Raises:
            InvalidInput: an output that it looks at is no JSON.
        """
        return step.condition is None or holds(step.condition, self._value)

    def items(self, given: ForEach) -> list[Any]:
        """The items of a list.

        Raises:
            InvalidInput: the output is no list in JSON.
        """
        if given.items is not None:
            return list(given.items)
        if given.parameter is not None:
            found: Any = self._parameters[given.parameter]
        else:
            found = self._json(str(given.step), str(given.output))
        if not isinstance(found, list):
            raise InvalidInput(
                f"The output {given.output!r} of {given.step!r} is no list, but {_kind(found)}.",
                hint="A step with for_each runs for each item of a list, such as [1, 2, 3].",
            )
        return found

    def _value(self, field: Field) -> Any:
        if field.group == "params":
            return self._parameters.get(field.name)
        step, output, *keys = field.name.split(".")
        found = self._json(step, output)
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return json.dumps(found) if isinstance(found, (Mapping, list)) else found

    def _json(self, step: str, output: str) -> Any:
        path = self._find(step, output)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise InvalidInput(
                f"The output {output!r} of {step!r} cannot be read as JSON: {problem}."
            ) from None


def _kind(value: object) -> str:
    return {dict: "an object", str: "a text", type(None): "null"}.get(type(value), repr(value))
