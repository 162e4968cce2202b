"""Tokens of the server, for its owners: listed without their secrets, made and revoked."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel

from tandemlab.domain import InvalidState
from tandemlab.server.access import OWNER, services, user_of
from tandemlab.server.api.request_content import RequestContent
from tandemlab.server.tokens import Role, Token

router = APIRouter(prefix="/tokens", tags=["tokens"], dependencies=[OWNER])


class NewToken(RequestContent, BaseModel):
    """A token to make; for ever if `days` is null."""

    name: str
    role: Role
    days: float | None = None


class TokenContent(BaseModel):
    """A token without its secret."""

    id: str
    name: str
    role: Role
    created: datetime
    expires: datetime | None
    valid: bool


class MadeToken(TokenContent):
    """A new token, with the text that its user shows; nothing else can tell it again."""

    token: str


def _content(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "created": token.created,
        "expires": token.expires,
        "valid": token.is_valid,
    }


@router.get("")
def list_tokens(request: Request) -> list[TokenContent]:
    """All tokens, oldest first."""
    return [TokenContent.model_validate(_content(t)) for t in services(request).tokens.list()]


@router.post("", status_code=201)
def create_token(request: Request, body: NewToken) -> MadeToken:
    """Make a token; only where some are asked for already.

    The first one, from which on everybody needs one, is made on the server's machine: whoever made
    it here would be shut out, and with them everybody else.
    """
    tokens = services(request).tokens
    if not tokens.are_required:
        raise InvalidState(
            "This server asks nobody for a token yet.",
            hint="Make the first in a shell: `tandemlab server token create NAME --role owner`.",
        )
    made, text = tokens.create(body.name, body.role, days=body.days)
    return MadeToken.model_validate({**_content(made), "token": text})


@router.delete("/{token_id}", status_code=204)
def revoke_token(request: Request, token_id: str) -> None:
    """End a token now; not the last valid one of an owner."""
    tokens = services(request).tokens
    others = [t for t in tokens.list() if t.id != token_id and t.is_valid and t.role is Role.OWNER]
    if user_of(request) is not None and not others and tokens.find(token_id) is not None:
        raise InvalidState(
            "This is the last token of an owner.",
            hint="Make another one first, or revoke it in a shell on the server's machine.",
        )
    tokens.revoke(token_id)
