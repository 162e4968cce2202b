"""Secrets of a workspace.

They are for those who submit scripts, which can read them anyway; a reader does not even see their
names. Names come in the content of requests, since URLs are logged.
"""

from __future__ import annotations

from fastapi import APIRouter

from tandemlab.server.access import CONTRIBUTOR, Found
from tandemlab.server.api.models import SecretNames, SecretValues

router = APIRouter(tags=["secrets"], dependencies=[CONTRIBUTOR])


@router.get("/workspaces/{workspace}/secrets")
def list_secrets(found: Found) -> list[str]:
    """The names of all secrets, sorted; never their values."""
    return found.get_default_keyvault().list_secrets()


@router.post("/workspaces/{workspace}/secrets", status_code=204)
def set_secrets(found: Found, body: SecretValues) -> None:
    """Add or replace secrets: all of them or none."""
    found.get_default_keyvault().set_secrets(body.secrets)


@router.post("/workspaces/{workspace}/secrets/values")
def get_secrets(found: Found, body: SecretNames) -> dict[str, str]:
    """The values of those secrets that are there, by name."""
    values = found.get_default_keyvault().get_secrets(body.names)
    return {name: str(value) for name, value in values.items() if value is not None}


@router.post("/workspaces/{workspace}/secrets/delete", status_code=204)
def delete_secrets(found: Found, body: SecretNames) -> None:
    """Remove secrets: all of them or none."""
    found.get_default_keyvault().delete_secrets(body.names)
