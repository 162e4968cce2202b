"""What may be a name."""

from __future__ import annotations

import unicodedata

from tandemlab.domain.errors import InvalidInput

_MAX_NAME = 128
_MAX_METRIC = 250
_MAX_PATH_BYTES = 1024
_MAX_PART_BYTES = 255


def check_name(name: object, *, what: str) -> str:
    """Name of a workspace or an experiment, in Unicode's composed form (NFC).

    Letters of every script, digits, spaces, punctuation and emoji are welcome; a path is not,
    since these names also become parts of paths.

    Raises:
        InvalidInput: empty, longer than 128 characters, with slashes, backslashes, control
            characters, or white space at an end, or made of dots alone.

    >>> check_name("Unfälle 2002 🚗", what="experiment")
    'Unfälle 2002 🚗'
    """
    if not isinstance(name, str):
        raise InvalidInput(
            f"The name of {with_article(what)} must be text, not {type(name).__name__}.",
            details={"name": repr(name)},
        )
    problem = _problem(name)
    if problem:
        raise InvalidInput(
            f"{name!r} cannot be the name of {with_article(what)}: {problem}.",
            hint="Use letters, digits, spaces, '-', '_' or '.', at most 128 characters.",
            details={"name": name},
        )
    return unicodedata.normalize("NFC", name)


def is_name(text: str) -> bool:
    """Whether `check_name` would take it.

    >>> is_name("accidents_01jd"), is_name("../accidents_01jd")
    (True, False)
    """
    return not _problem(text)


def with_article(what: str) -> str:
    """A word after ``a`` or ``an``."""
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"


def _problem(name: str) -> str:
    if not name.strip():
        return "it is empty"
    if name != name.strip():
        return "it starts or ends with white space"
    if len(name) > _MAX_NAME:
        return f"it has {len(name)} characters"
    if len(name.encode("utf-8", "surrogatepass")) > _MAX_PART_BYTES:
        return f"it takes more than {_MAX_PART_BYTES} bytes"
    if "/" in name or "\\" in name:
        return "it looks like a path"
    if set(name) <= {"."}:
        return "it means a folder"
    return _bad_character(name)


def _bad_character(text: str) -> str:
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs"):
            return f"it has the character U+{ord(character):04X}"
    return ""


def check_metric_name(name: object) -> str:
    """Name of a metric, a tag or a property: any printable text of 1 to 250 characters.

    Raises:
        InvalidInput: not text, empty, too long, or with control characters.

    >>> check_metric_name("val/loss")
    'val/loss'
    """
    if not isinstance(name, str):
        raise InvalidInput(f"A name must be text, not {type(name).__name__}.")
    problem = "it is empty" if not name.strip() else _bad_character(name)
    if len(name) > _MAX_METRIC:
        problem = f"it has {len(name)} characters, more than {_MAX_METRIC}"
    if problem:
        raise InvalidInput(f"{name[:60]!r} cannot be a name here: {problem}.")
    return name


def check_file_name(name: object) -> str:
    """Name of a file of a run: a relative path with ``/``, such as ``outputs/model.rds``.

    Raises:
        InvalidInput: absolute, with ``..``, ``.`` or empty parts, backslashes or control
            characters, a part over 255 bytes or more than 1024 bytes in all.

    >>> check_file_name("outputs/model.rds")
    'outputs/model.rds'
    """
    if not isinstance(name, str):
        raise InvalidInput(f"The name of a file must be text, not {type(name).__name__}.")
    parts = name.split("/")
    if name.startswith("/"):
        problem = "it is absolute"
    elif ".." in parts or "." in parts or "" in parts:
        problem = "it has an empty part, '.' or '..'"
    elif "\\" in name:
        problem = "it has a backslash"
    elif _bad_character(name):
        problem = _bad_character(name)
    elif len(name.encode()) > _MAX_PATH_BYTES or any(
        len(part.encode()) > _MAX_PART_BYTES for part in parts
    ):
        problem = "it is too long"
    else:
        return name
    raise InvalidInput(
        f"{name[:80]!r} cannot be the name of a run's file: {problem}.",
        hint="Use a relative path such as 'outputs/model.rds'.",
        details={"name": name[:2000]},
    )
