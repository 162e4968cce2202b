"""What R asks of servers: their tokens, and the studio."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tandemlab.bridge.values import Table
from tandemlab.r_interface.handles import open_workspace
from tandemlab.server.library import served_folder
from tandemlab.server.opening import open_studio
from tandemlab.server.settings import make_state_folder, state_folder
from tandemlab.server.tokens import Role, Token, Tokens


def _create(root: str | None, name: str, role: str, days: float | None) -> object:
    tokens = Tokens(make_state_folder(served_folder(root)))
    made, text = tokens.create(name, Role(role), days=days)
    return {"tokens": _table([made]), "token": text}


def _list(root: str | None) -> object:
    return _table(Tokens(state_folder(served_folder(root))).list())


def _revoke(root: str | None, token_id: str) -> object:
    return _table([Tokens(state_folder(served_folder(root))).revoke(token_id)])


def _open_studio(workspace: str | None) -> object:
    opened = open_studio(None if workspace is None else open_workspace(workspace), browse=False)
    return {"url": opened.url, "link": opened.link}


def _table(tokens: Sequence[Token]) -> Table:
    return Table(
        {
            "id": [token.id for token in tokens],
            "name": [token.name for token in tokens],
            "role": [token.role.value for token in tokens],
            "created": [token.created for token in tokens],
            "expires": [token.expires for token in tokens],
            "valid": [token.is_valid for token in tokens],
        }
    )


CALLS: dict[str, Callable[..., object]] = {
    "server.create_token": _create,
    "server.list_tokens": _list,
    "server.revoke_token": _revoke,
    "server.open_studio": _open_studio,
}
