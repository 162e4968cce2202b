"""Secrets: text that is used like any other and does not show itself."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from tandemlab.domain.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}")
_MAX_BYTES = 64 << 10


class Secret(str):
    """A password, a token or a key, as text.

    It is a ``str`` wherever text is needed: formatted into an address, encoded, sent, printed.
    What only shows values shows ``Secret('…')``: notebooks, lists and records that hold it, and
    tracebacks with local variables. It cannot be pickled, and nothing that a run records takes
    it. ``str(secret)`` is the bare text where one is needed.

    >>> secret = Secret("s3cr3t")
    >>> secret, f"ana:{secret}@host"
    (Secret('…'), 'ana:s3cr3t@host')
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('…')"

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "A Secret cannot be pickled: the file would hold it in the clear. "
            "Read it where it is needed, with run.get_secret(name)."
        )


def refuse_secret(value: object, what: str) -> None:
    """Keep a secret out of what a run records.

    Raises:
        InvalidInput: `value` is a `Secret`.
    """
    if isinstance(value, Secret):
        raise InvalidInput(
            f"A secret cannot be the {what} of a run: everybody who sees the run would see it.",
            hint="Read it inside the script, by run.get_secret(name) or get_secrets_from_run().",
        )


def as_public_text(value: object, what: str) -> str:
    """`value` as text that a run records; raises as `refuse_secret` does."""
    refuse_secret(value, what)
    return str(value)


def check_secret_name(name: object) -> str:
    """Name of a secret: letters, digits, ``-``, ``_`` and ``.``, at most 127 characters.

    Raises:
        InvalidInput: another name.

    >>> check_secret_name("db-password")
    'db-password'
    """
    if not isinstance(name, str):
        raise InvalidInput(f"The name of a secret must be text, not {type(name).__name__}.")
    if isinstance(name, Secret) or not _NAME.fullmatch(name):
        shown = "A secret" if isinstance(name, Secret) else repr(name[:60])
        raise InvalidInput(
            f"{shown} cannot be the name of a secret.",
            hint="Use letters, digits, '-', '_' and '.', at most 127, and start with a letter or "
            "a digit.",
        )
    return name


def check_secret(name: str, value: object) -> Secret:
    """The value of a secret.

    Raises:
        InvalidInput: not text, empty, with NUL characters or lone surrogates, or over 64 KiB.
    """
    if not isinstance(value, str):
        raise InvalidInput(
            f"The secret {name!r} must be text, not {type(value).__name__}.",
            hint="Encode bytes as text first, for example with base64.",
        )
    problem = ""
    if not value:
        problem = "is empty"
    elif "\0" in value:
        problem = "has a NUL character"
    elif len(value) > _MAX_BYTES or _size(value) > _MAX_BYTES:
        problem = f"takes more than {_MAX_BYTES >> 10} KiB"
    elif _size(value) < 0:
        problem = "is not valid Unicode"
    if problem:
        raise InvalidInput(f"The secret {name!r} {problem}.", details={"name": name})
    return Secret(value)


def _size(text: str) -> int:
    """Bytes in UTF-8; -1 for what has no such form. The error itself would show the text."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return -1
