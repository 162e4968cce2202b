"""What is checked before a request reaches an application."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from tandemlab.domain import InvalidInput, NotAllowed

_NO_SITE = (None, "none", "same-origin")


class TooLarge(InvalidInput):
    """More was sent than the server takes."""


def check_origin(own: str, headers: Headers, *, is_page: bool = False) -> None:
    """Refuse what the page of another site sends.

    Args:
        own: the origin of the server's own pages.
        is_page: whether people get there by following a link, which they may from anywhere.

    Raises:
        NotAllowed: the request comes from another site.
    """
    origin = headers.get("origin")
    is_foreign = origin is not None and origin.lower() != own
    if headers.get("sec-fetch-site") not in _NO_SITE and not is_page:
        is_foreign = True
    if is_foreign:
        raise NotAllowed(
            "Requests from pages of other sites are refused.",
            hint="Use the server's own address.",
            details={"reason": "origin"},
        )


def limited(receive: Receive, headers: Headers, limit: int) -> Receive:
    """Receive at most `limit` bytes of content.

    Raises:
        TooLarge: more is sent; at once where the request says so.
    """
    told = headers.get("content-length", "0")
    if not told.isdecimal() or int(told) > limit:
        raise _too_large(limit)
    taken = 0

    async def counting() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise _too_large(limit)
        return message

    return counting


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The content is larger than the {limit} bytes that the server takes at once.",
        details={"limit": limit},
    )
