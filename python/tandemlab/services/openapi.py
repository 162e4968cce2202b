"""The description of a service's interface, as OpenAPI."""

from __future__ import annotations

from typing import Any

from tandemlab.domain.signatures import ModelSignature
from tandemlab.services.deployment import Deployment
from tandemlab.services.requests import request_schema

_ERRORS = {
    "400": "The request is not what it should be.",
    "401": "The service asks for a key.",
    "413": "The request is too large.",
    "500": "The script failed; the log has the request's id.",
    "503": "All replicas are busy, or none is ready.",
    "504": "The script took too long.",
}


def describe(deployment: Deployment) -> dict[str, Any]:
    """The OpenAPI document of a service."""
    score: dict[str, Any] = {
        "operationId": "score",
        "summary": "Score one request.",
        "requestBody": {"required": True, "content": {"application/json": _request(deployment)}},
        "responses": {
            "200": {
                "description": "What the script gave.",
                "content": {"application/json": {"schema": _answer(deployment)}},
            },
            **{status: _error(meaning) for status, meaning in _ERRORS.items()},
        },
    }
    components: dict[str, Any] = {"schemas": {"Error": _ERROR}}
    if deployment.settings.needs_key:
        score["security"] = [{"key": []}]
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": deployment.name,
            "version": str(deployment.generation),
            "description": deployment.description or "",
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/score": {"post": score},
            "/healthz": {"get": _probe("health", "Whether the service's process answers.")},
            "/readyz": {"get": _probe("readiness", "Whether a replica can answer.")},
        },
        "components": components,
    }


_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "details": {"type": "object"},
                "request_id": {"type": "string"},
            },
            "required": ["code", "message", "request_id"],
        }
    },
    "required": ["error"],
}


def _request(deployment: Deployment) -> dict[str, Any]:
    found: dict[str, Any] = {"schema": {}}
    if deployment.signature is not None:
        inputs = ModelSignature.from_dict(deployment.signature).inputs
        found["schema"] = request_schema(inputs)
    if deployment.sample_input is not None:
        found["example"] = deployment.sample_input
    return found


def _answer(deployment: Deployment) -> dict[str, Any]:
    """What is known of answers: something where the model's ``predict()`` gives them."""
    if deployment.source_directory is not None:
        return {}
    signature = deployment.signature
    outputs = None if signature is None else ModelSignature.from_dict(signature).outputs
    predictions = {} if outputs is None else outputs.json_schema()
    return {
        "type": "object",
        "properties": {"predictions": predictions},
        "required": ["predictions"],
    }


def _error(meaning: str) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Error"}
    return {"description": meaning, "content": {"application/json": {"schema": reference}}}


def _probe(name: str, meaning: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": meaning,
        "responses": {"200": {"description": "Yes."}, "503": _error("No.")},
    }
