"""Several errors told as one, so that whoever mends the first is not told of the next."""

from __future__ import annotations

from types import TracebackType

from tandemlab.domain.errors import InvalidInput, TandemlabError


class Problems:
    """Gathers what goes wrong in its ``with`` blocks.

    >>> problems = Problems()
    >>> with problems:
    ...     raise InvalidInput("The script is not there.")
    >>> with problems:
    ...     raise InvalidInput("The limit is no number.")
    >>> problems.messages
    ['The script is not there.', 'The limit is no number.']
    """

    def __init__(self) -> None:
        self._found: list[TandemlabError] = []

    def __enter__(self) -> Problems:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, TandemlabError):
            return False
        self._found.append(error)
        return True

    @property
    def messages(self) -> list[str]:
        """What went wrong, in its order."""
        return [
            message
            for each in self._found
            for message in each.details.get("problems", [each.message])
        ]

    def tell(self) -> None:
        """Raise what was gathered; nothing if all went well.

        Raises:
            TandemlabError: the only one.
            InvalidInput: of several; ``problems`` in its details has their messages.
        """
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            lines = [f"There are {len(self.messages)} mistakes:", *self.messages]
            raise InvalidInput("\n  ".join(lines), details={"problems": self.messages})
