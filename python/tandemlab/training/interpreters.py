"""What a script finds at the place where it will run: programs, packages, files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from tandemlab.compute import Target, find_target, known_targets
from tandemlab.compute.targets import LOCAL
from tandemlab.domain import InvalidInput, InvalidState, TandemlabError
from tandemlab.domain.environments import Environment
from tandemlab.environments import check_environment
from tandemlab.training.languages import Language, find_interpreter

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace


class Interpreters(Protocol):
    """What runs scripts at a place.

    Attributes:
        is_here: whether paths mean those of this machine.
        is_with_agent: whether paths mean those of the machine that works for the workspace.
    """

    is_here: bool
    is_with_agent: bool

    def interpreter(self, language: Language, chosen: str | None) -> str:
        """The program that runs scripts of a language.

        Args:
            chosen: the one that the user asks for; if None, the place's own.

        Raises:
            InvalidInput: there is none.
        """

    def check(self, environment: Environment) -> None:
        """Refuse an environment that can be known to fail there before anything is built."""

    def check_run(self, definition: Mapping[str, Any]) -> None:
        """Refuse a run that can be known to fail there before it is made.

        Raises:
            InvalidInput: it asks for what there is not.
        """


class Here:
    """This machine."""

    is_here = True
    is_with_agent = True

    def __init__(self, target: Target) -> None:
        self._target = target

    def interpreter(self, language: Language, chosen: str | None) -> str:
        """See `find_interpreter`."""
        return find_interpreter(language, chosen)

    def check(self, environment: Environment) -> None:
        """See `check_environment`."""
        check_environment(environment)

    def check_run(self, definition: Mapping[str, Any]) -> None:
        """As the target says."""
        self._target.check(definition)


class Nowhere:
    """In place of a target that is not there, so that all other mistakes are told with that."""

    is_here = True
    is_with_agent = True

    def interpreter(self, language: Language, chosen: str | None) -> str:
        """What the user asks for, or the language's name: nothing is known of it."""
        return chosen or language.value

    def check(self, environment: Environment) -> None:
        """Nothing is known of it."""

    def check_run(self, definition: Mapping[str, Any]) -> None:
        """Nothing is known of it."""


class There:
    """The machine of a target, whose programs were found when it was attached."""

    is_here = False
    is_with_agent = False

    def __init__(self, target: Target) -> None:
        self._target = target

    def interpreter(self, language: Language, chosen: str | None) -> str:
        """What the user asks for is not looked for: the run fails if the target lacks it."""
        return chosen or _known(
            f"target {self._target.name!r}", self._target.interpreters, language
        )

    def check(self, environment: Environment) -> None:
        """What the target has is known once it is built there."""

    def check_run(self, definition: Mapping[str, Any]) -> None:
        """As the target says."""
        self._target.check(definition)


class AtServer:
    """The machine of a server, which has said what it has."""

    is_here = False

    def __init__(
        self, server: str, found: Mapping[str, str | None], *, is_with_agent: bool
    ) -> None:
        self._server = server
        self._found = found
        self.is_with_agent = is_with_agent

    def interpreter(self, language: Language, chosen: str | None) -> str:
        """What the user asks for is not looked for: the run fails if the server lacks it."""
        return chosen or _known(self._server, self._found, language)

    def check(self, environment: Environment) -> None:
        """The server knows what it has: a run whose environment it cannot build fails there."""

    def check_run(self, definition: Mapping[str, Any]) -> None:
        """As `check`."""


def _known(place: str, found: Mapping[str, str | None], language: Language) -> str:
    program = found.get(language.value)
    if not program:
        raise InvalidInput(
            f"The machine of the {place} has no interpreter for {language.value}.",
            hint="Install it there, or give the path of one in `interpreter`.",
            details={"language": language.value},
        )
    return program


def find_interpreters(workspace: Workspace, target: str) -> Interpreters:
    """What runs scripts on a target of a workspace.

    Raises:
        InvalidInput: there is no such target.
    """
    if not workspace.is_remote:
        found = find_target(target, workspace.folder)
        return Here(found) if found.is_here else There(found)
    targets = workspace.remote_targets()
    if target not in targets:
        raise InvalidInput(
            f"{workspace.address} has no compute target {target!r}.",
            hint=f"It has {', '.join(sorted(targets))}.",
            details={"compute_target": target},
        )
    server = f"server {workspace.address}"
    return AtServer(server, targets[target], is_with_agent=target == LOCAL)


def describe_targets(workspace: Workspace) -> dict[str, dict[str, str | None]]:
    """A workspace's targets; for each, the interpreter of each language, None without one."""
    here: dict[str, str | None] = {}
    for language in Language:
        try:
            here[language.value] = find_interpreter(language, None)
        except TandemlabError:
            here[language.value] = None
    found = {}
    for name in known_targets(workspace.folder):
        with suppress(InvalidState):  # it is still being made
            target = find_target(name, workspace.folder)
            found[name] = dict(here if target.is_here else target.interpreters)
    return found
