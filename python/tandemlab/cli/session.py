"""The session: one call of the program, its screen and its workspace."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from tandemlab.cli.screen import Screen

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace


class Session:
    """One call of the program.

    Attributes:
        screen: where it writes.
        workspace_name: name or path of the workspace; None if it is to be searched for.
        is_workspace_typed: whether it was named in this very command.
    """

    def __init__(self) -> None:
        self.screen = Screen()
        self.workspace_name: str | None = None
        self.is_workspace_typed = False

    def workspace(self) -> Workspace:
        """The workspace that the command works in.

        Raises:
            NotFound: there is none.
        """
        from tandemlab.domain import NotFound
        from tandemlab.tracking import Workspace

        if self.workspace_name is not None:
            return find_workspace(self.workspace_name)
        try:
            return Workspace.from_config()
        except NotFound as error:
            raise NotFound(
                error.message,
                hint="Name one with --workspace or TANDEMLAB_WORKSPACE (`tandemlab workspace list` "
                "shows those that are known), or make one with `tandemlab workspace create lab`.",
                details=error.details,
            ) from error

    def workspace_if_any(self) -> Workspace | None:
        """The workspace that the command works in; None where none was named and none is found.

        Raises:
            NotFound: the one that was named is not there.
        """
        from tandemlab.domain import NotFound

        try:
            return self.workspace()
        except NotFound:
            if self.workspace_name is not None:
                raise
            return None

    def suggest(self, verb: str, *arguments: str) -> None:
        """Suggest a command that works in the same workspace.

        Args:
            verb: noun and verb, with options that need no quotes.
            arguments: words that may need quotes.
        """
        words = [shlex.quote(word) for word in arguments]
        if self.is_workspace_typed and self.workspace_name is not None:
            words += ["--workspace", shlex.quote(self.workspace_name)]
        self.screen.suggest(" ".join([verb, *words]))

    def complete(self, names: Callable[[Workspace], list[str]]) -> list[str]:
        """Names in the workspace for the shell to offer; none where there is no workspace."""
        from tandemlab.domain import TandemlabError

        try:
            return names(self.workspace())
        except TandemlabError:
            return []


def find_workspace(name: str) -> Workspace:
    """The workspace of that name or path.

    Raises:
        NotFound: no known workspace has that name, and none is at that path.
    """
    from tandemlab.domain import NotFound
    from tandemlab.tracking import Workspace

    try:
        return Workspace.get(name)
    except NotFound as error:
        raise NotFound(
            f"There is no workspace {name!r}, neither by name nor by path.",
            hint="`tandemlab workspace list` shows those that are known; "
            f"`tandemlab workspace create {shlex.quote(name)}` makes it.",
            details=error.details,
        ) from error
