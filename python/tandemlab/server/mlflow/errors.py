"""Errors in MLflow's shape: ``{"error_code", "message"}``."""

from __future__ import annotations

from tandemlab.domain import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    MissingDependency,
    NotAllowed,
    NotFound,
    TandemlabError,
    Unavailable,
)

_CODES: dict[type[TandemlabError], str] = {
    InvalidInput: "INVALID_PARAMETER_VALUE",
    NotFound: "RESOURCE_DOES_NOT_EXIST",
    AlreadyExists: "RESOURCE_ALREADY_EXISTS",
    InvalidState: "RESOURCE_CONFLICT",
    MissingDependency: "NOT_IMPLEMENTED",
    NotAllowed: "PERMISSION_DENIED",
    Unavailable: "TEMPORARILY_UNAVAILABLE",
    TandemlabError: "INTERNAL_ERROR",
}
_REASONS = {
    "path": "ENDPOINT_NOT_FOUND",
    "unknown": "UNAUTHENTICATED",
    "attempts": "REQUEST_LIMIT_EXCEEDED",
}
_PREFIXES = ("/api/2.0/mlflow", "/api/3.0/mlflow")


def is_mlflow(path: str) -> bool:
    """Whether a path is one of MLflow's interface, at the server or at a workspace.

    >>> is_mlflow("/lab/api/2.0/mlflow/runs/get"), is_mlflow("/api/v1/workspaces")
    (True, False)
    """
    return any(prefix in path for prefix in _PREFIXES)


def content_of(error: TandemlabError) -> dict[str, str]:
    """What MLflow's clients are told of an error.

    >>> content_of(NotFound("No run 'a1'."))
    {'error_code': 'RESOURCE_DOES_NOT_EXIST', 'message': "No run 'a1'."}
    """
    kind = next(kind for kind in type(error).__mro__ if kind in _CODES)
    reason = error.details.get("reason") or error.details.get("what")
    return {
        "error_code": _REASONS.get(str(reason), _CODES[kind]),
        "message": f"{error.message} {error.hint}".strip(),
    }
