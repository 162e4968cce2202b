"""Python's objects as R users of reticulate meet them: `object$method(name = value)`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import tandemlab
import tandemlab.bridge

# `?Reserved` in R: none of these can be the name of an argument without backticks.
RESERVED = frozenset(
    "if else repeat while function for next break TRUE FALSE NULL Inf NaN NA NA_integer_ NA_real_ "
    "NA_complex_ NA_character_ in".split()
)


def public_callables() -> Iterator[tuple[str, Any]]:
    for module in (tandemlab, tandemlab.bridge):
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isclass(found):
                for method, function in inspect.getmembers(found, callable):
                    own = getattr(function, "__module__", None) or ""
                    if own.startswith("tandemlab") and not method.startswith("_"):
                        yield f"{name}.{method}", function
                yield name, found
            elif callable(found):
                yield name, found


CALLABLES = dict(public_callables())


def test_there_are_names_to_walk() -> None:
    assert {"Workspace.create", "Experiment.submit", "Run.log"} <= set(CALLABLES)


@pytest.mark.parametrize("name", sorted(CALLABLES))
def test_no_parameter_is_a_reserved_word_of_r(name: str) -> None:
    try:
        parameters = inspect.signature(CALLABLES[name]).parameters.values()
    except ValueError:  # a class written in C, such as an enumeration's base
        return
    assert not {parameter.name for parameter in parameters} & RESERVED
    names = [part for part in name.split(".")]
    assert not set(names) & RESERVED


@pytest.mark.parametrize("name", sorted(CALLABLES))
def test_nothing_is_only_positional(name: str) -> None:
    try:
        parameters = inspect.signature(CALLABLES[name]).parameters.values()
    except ValueError:
        return
    assert not [one.name for one in parameters if one.kind is one.POSITIONAL_ONLY]
