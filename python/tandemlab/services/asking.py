"""Requests to a service: what is asked as JSON, and refusals as errors."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from typing import Any

from tandemlab.domain import (
    InvalidInput,
    NotAllowed,
    NotFound,
    ServiceFailed,
    TandemlabError,
    Unavailable,
)


def request_text(value: Any) -> bytes:
    """A request as JSON text: text as it is, a data frame as its rows.

    Raises:
        InvalidInput: it cannot be JSON.

    >>> request_text([1, 2])
    b'[1, 2]'
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if hasattr(value, "to_dicts"):
        value = value.to_dicts()
    elif hasattr(value, "columns") and hasattr(value, "to_json"):
        return str(value.to_json(orient="records", date_format="iso")).encode()
    try:
        return json.dumps(value, default=_listed, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The request cannot be JSON: {error}.", hint="Give text that is JSON."
        ) from error


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a value of the type {type(value).__name__}")


def ask(url: str, request: bytes, *, name: str, key: str | None, timeout: float) -> bytes:
    """What the service of that name answers.

    Raises:
        Unavailable: it cannot be reached, or all its replicas are busy.
        TandemlabError: what else it says is wrong.
    """
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("POST", parts.path, request, headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"The service {name!r} cannot be reached: {error}.") from error
    finally:
        connection.close()
    if answer.status == 200:
        return content
    raise _refusal(answer.status, content, name)


def _refusal(status: int, content: bytes, name: str) -> TandemlabError:
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        error = {"message": f"The service answered with the status {status}.", "details": {}}
    kinds: dict[int, type[TandemlabError]] = {
        401: NotAllowed,
        403: NotAllowed,
        404: NotFound,
        503: Unavailable,
    }
    kind = kinds.get(status, InvalidInput if status < 500 else ServiceFailed)
    details = {"name": name, **error["details"], "request_id": error.get("request_id", "")}
    return kind(error["message"], hint=error.get("hint", ""), details=details)
