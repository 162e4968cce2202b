"""Errors as answers: one shape, with the codes that errors have everywhere."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response
from pydantic import BaseModel
from starlette.types import Scope

from tandemlab.domain import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    InvalidState,
    MissingDependency,
    NotAllowed,
    NotFound,
    StorageError,
    TandemlabError,
    Unavailable,
    VersionMismatch,
)
from tandemlab.server.mlflow.errors import content_of, is_mlflow
from tandemlab.store.http.wire import encode
from tandemlab.store.sql.engine import PassingError
from tandemlab.web.checks import TooLarge

STATUS: dict[type[TandemlabError], int] = {
    InvalidInput: 400,
    NotFound: 404,
    AlreadyExists: 409,
    InvalidState: 409,
    Conflict: 409,
    VersionMismatch: 409,
    StorageError: 500,
    PassingError: 503,  # clients ask again, as they do while the server itself is away
    MissingDependency: 501,
    Unavailable: 503,
    NotAllowed: 403,
}


class ErrorContent(BaseModel):
    """What went wrong."""

    code: str
    message: str
    hint: str = ""
    details: dict[str, Any] = {}
    request_id: str = ""


class ErrorAnswer(BaseModel):
    """The content of every answer that is an error."""

    error: ErrorContent


def status_of(error: TandemlabError) -> int:
    """The HTTP status that goes with an error."""
    if isinstance(error, TooLarge):
        return 413
    if isinstance(error, NotAllowed):
        return {"unknown": 401, "attempts": 429}.get(str(error.details.get("reason")), 403)
    return STATUS.get(type(error), 500)


def answer_of(error: TandemlabError, scope: Scope) -> Response:
    """The answer to a request that tells of an error, in the shape that its client knows."""
    is_foreign = is_mlflow(scope["path"])
    content = content_of(error) if is_foreign else _content(error, scope["state"]["request_id"])
    headers = {}
    status = status_of(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in error.details:
        headers["Retry-After"] = str(error.details["retry_after"])
    return Response(encode(content), status, headers=headers, media_type="application/json")


def _content(error: TandemlabError, request_id: str) -> dict[str, Any]:
    content = ErrorContent(
        code=error.code,
        message=error.message,
        hint=error.hint,
        details=error.details,
        request_id=request_id,
    )
    return {"error": content.model_dump(mode="json")}


def internal() -> TandemlabError:
    """What is told of a mistake of the server's own: nothing; its log has the rest."""
    return TandemlabError(
        "The server made a mistake.", hint="Its log has the request's id, and says more."
    )
