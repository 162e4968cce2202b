"""Which program runs a script, at the place where it will run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from tandemlab.compute import find_target, target_names
from tandemlab.domain import InvalidInput
from tandemlab.domain.environments import Environment
from tandemlab.environments import check_environment
from tandemlab.training.languages import Language, find_interpreter

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace


class Interpreters(Protocol):
    """What runs scripts at a place."""

    def interpreter(self, language: Language, chosen: str | None) -> str:
        """The program that runs scripts of a language.

        Args:
            chosen: the one that the user asks for; if None, the place's own.

        Raises:
            InvalidInput: there is none.
        """

    def check(self, environment: Environment) -> None:
        """Refuse an environment that can be known to fail there before anything is built."""


class Here:
    """This machine."""

    def interpreter(self, language: Language, chosen: str | None) -> str:
        """See `find_interpreter`."""
        return find_interpreter(language, chosen)

    def check(self, environment: Environment) -> None:
        """See `check_environment`."""
        check_environment(environment)


class AtServer:
    """The machine of a server, which has said what it has."""

    def __init__(self, server: str, found: Mapping[str, str | None]) -> None:
        self._server = server
        self._found = found

    def interpreter(self, language: Language, chosen: str | None) -> str:
        """What the user asks for is not looked for: the run fails if the server lacks it."""
        found = chosen or self._found.get(language.value)
        if not found:
            raise InvalidInput(
                f"The machine of {self._server} has no interpreter for {language.value}.",
                hint="Install it there, or give the path of one in `interpreter`.",
                details={"language": language.value},
            )
        return found

    def check(self, environment: Environment) -> None:
        """The server knows what it has: a run whose environment it cannot build fails there."""


def find_interpreters(workspace: Workspace, target: str) -> Interpreters:
    """What runs scripts on a target of a workspace.

    Raises:
        InvalidInput: there is no such target.
    """
    if not workspace.is_remote:
        find_target(target, workspace.folder)
        return Here()
    targets = workspace.remote_targets()
    if target not in targets:
        raise InvalidInput(
            f"{workspace.address} has no compute target {target!r}.",
            hint=f"It has {', '.join(sorted(targets))}.",
            details={"compute_target": target},
        )
    return AtServer(workspace.address, targets[target])


def describe_targets() -> dict[str, dict[str, str | None]]:
    """The targets of this machine; for each, the interpreter of each language, None without one."""
    found: dict[str, str | None] = {}
    for language in Language:
        try:
            found[language.value] = find_interpreter(language, None)
        except InvalidInput:
            found[language.value] = None
    return {name: dict(found) for name in target_names()}
