"""What handlers ask of a request: who, in which workspace, and with what right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from tandemlab.domain import NotAllowed
from tandemlab.server.tokens import Role
from tandemlab.tracking import Workspace

if TYPE_CHECKING:
    from tandemlab.server.app import Services
    from tandemlab.server.guard import User


def services(request: Request) -> Services:
    """What the application consists of."""
    return request.app.state.services  # type: ignore[no-any-return]


def user_of(request: Request) -> User | None:
    """Who asks; None on public pages."""
    return request.state.user  # type: ignore[no-any-return]


def require(request: Request, role: Role) -> None:
    """Let through users of at least that role.

    Raises:
        NotAllowed: the user has another one, or none.
    """
    user = user_of(request)
    if user is None or not user.role.may(role):
        raise NotAllowed(
            f"This needs the role {role}; "
            f"{'nobody' if user is None else user.name} is "
            f"{'logged in' if user is None else user.role}.",
            hint="Ask an owner of the server for a token with that role.",
            details={"reason": "role", "needed": role.value},
        )


def needs(role: Role) -> Any:
    """`require` as a dependency."""

    async def check(request: Request) -> None:
        require(request, role)

    return Depends(check)


async def _workspace(request: Request, workspace: str) -> Workspace:
    return services(request).library.find(workspace)


Found = Annotated[Workspace, Depends(_workspace)]
READER, CONTRIBUTOR, OWNER = needs(Role.READER), needs(Role.CONTRIBUTOR), needs(Role.OWNER)
