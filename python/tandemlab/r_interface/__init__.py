"""What the R package calls: one function, text in and text out.

R sends ``{"call": "run.tags", "arguments": {…}}`` and gets ``{"value": …, "warnings": […]}`` or
``{"error": {"code": …, "message": …, "hint": …, "details": …}}``. Text alone crosses, so nothing
depends on how reticulate converts values. In an answer every object is one of

| form | R gets |
|---|---|
| ``{"$map": [[name, value], …]}`` | a named list |
| ``{"$vector": {"type", "values", …}}`` | an atomic vector; null is NA |
| ``{"$frame": [{"name", "type", "values", …}, …]}`` | a data frame |
| ``{"$float": "nan" / "inf" / "-inf"}`` | that number |

and arrays are lists. A double vector names its non-finite places, from 1, under ``nan``, ``inf``
and ``-inf``; times are seconds since 1970-01-01 UTC; integers that a double cannot hold are text.
"""

from __future__ import annotations

import json
import traceback
import warnings
from collections.abc import Callable

from tandemlab.domain import TandemlabError
from tandemlab.r_interface import experiments, keyvaults, runs, workspaces
from tandemlab.r_interface.wire import Json, frame, text, vector, wire
from tandemlab.version import __version__

__all__ = ["call", "frame", "vector", "wire"]

CALLS: dict[str, Callable[..., Json]] = {
    "version": lambda: __version__,
    **workspaces.CALLS,
    **experiments.CALLS,
    **runs.CALLS,
    **keyvaults.CALLS,
}


def call(request: str) -> str:
    """Answer one request of the R package; see the module's text for the forms.

    >>> call('{"call": "version", "arguments": {}}')
    '{"value": "0.1.0", "warnings": []}'
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            content = json.loads(request)
            value = CALLS[content["call"]](**content["arguments"])
            answer = {"value": value, "warnings": [str(warning.message) for warning in caught]}
            return text(answer)
        except TandemlabError as error:
            return text(
                {
                    "error": {
                        "code": error.code,
                        "message": error.message,
                        "hint": error.hint,
                        "details": wire(error.details),
                    }
                }
            )
        except Exception as error:  # R would see the text of it and no more
            return text(
                {
                    "error": {
                        "code": "internal",
                        "message": f"{type(error).__name__}: {error}",
                        "hint": "This is a mistake in tandemlab; details$traceback has the place.",
                        "details": wire({"traceback": traceback.format_exc()}),
                    }
                }
            )
