"""Names of assets: kinds, names, versions and aliases, and what people write to mean one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.names import check_name, with_article

_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK"})  # those with letters that look the same
_MAX_VERSION = 2**31


def check_kind(kind: object) -> str:
    """Kind of an asset: a lower-case word.

    Raises:
        InvalidInput: another text.
    """
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        shown = str(kind)[:60]
        raise InvalidInput(f"{shown!r} is no kind of asset: these are lower-case words.")
    return kind


def check_asset_name(name: object, *, kind: str) -> str:
    """Name of an asset: one that `check_name` takes and that cannot be taken for another.

    Raises:
        InvalidInput: besides what `check_name` refuses, ``:`` and ``@`` (which separate versions
            and aliases), characters that are not seen, compatibility forms such as full-width
            letters, and Latin, Greek and Cyrillic letters in one name.

    >>> check_asset_name("Unfälle 2002", kind="dataset")
    'Unfälle 2002'
    """
    found = check_name(name, what=kind)
    scripts = {unicodedata.name(each, "").split(" ")[0] for each in found if each.isalpha()}
    problem = ""
    if ":" in found or "@" in found:
        problem = "NAME:VERSION and NAME@ALIAS name a version"
    elif any(unicodedata.category(each) in ("Cf", "Co", "Cn", "Zl", "Zp") for each in found):
        problem = "it has characters that are not seen"
    elif unicodedata.normalize("NFKC", found) != found:
        problem = "it has characters that look like others"
    elif len(scripts & _SCRIPTS) > 1:
        problem = "it mixes letters of several scripts that look the same"
    if problem:
        raise InvalidInput(
            f"{found!r} cannot be the name of {with_article(kind)}: {problem}.",
            hint="Use letters, digits, spaces, '-', '_' or '.', at most 128 characters.",
            details={"name": found},
        )
    return found


def check_version(version: object) -> int:
    """Version of an asset: a whole number from 1.

    Raises:
        InvalidInput: another value.
    """
    if isinstance(version, bool) or not isinstance(version, int) or not 0 < version < _MAX_VERSION:
        raise InvalidInput(
            f"A version is a whole number from 1, not {str(version)[:60]!r}.",
            details={"version": str(version)[:60]},
        )
    return version


def check_aliases(aliases: object) -> tuple[str, ...]:
    """Aliases, sorted: letters, digits, ``-``, ``_`` and ``.``, not beginning with a digit.

    Raises:
        InvalidInput: others, or ``latest``, which is what no version means.
    """
    if isinstance(aliases, str) or not isinstance(aliases, Iterable):
        raise InvalidInput("Aliases are several texts, such as ['production'].")
    found = list(aliases)
    for alias in found:
        if not isinstance(alias, str) or not _ALIAS.fullmatch(alias) or alias == "latest":
            raise InvalidInput(
                f"{str(alias)[:60]!r} cannot be an alias.",
                hint="Use letters, digits, '-', '_' and '.', beginning with a letter; "
                "'latest' is what no version means.",
            )
    return tuple(sorted(set(found)))


@dataclass(frozen=True, slots=True)
class AssetReference:
    """What people write to mean an asset: ``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS``.

    Attributes:
        version: a number, an alias, or None for the newest that is not archived.

    >>> AssetReference.of("churn:3", kind="model")
    AssetReference(name='churn', version=3)
    >>> AssetReference.of("churn@production", kind="model").version
    'production'
    """

    name: str
    version: int | str | None = None

    @classmethod
    def of(cls, text: object, *, kind: str) -> AssetReference:
        """Take a reference apart.

        Raises:
            InvalidInput: it is none.
        """
        if not isinstance(text, str):
            raise InvalidInput(
                f"The name of {with_article(kind)} is text, not {type(text).__name__}."
            )
        name, sign, rest = text, "", ""
        for separator in ":@":
            if separator in text:
                name, sign, rest = text.rpartition(separator)
        name = check_asset_name(name, kind=kind)
        if sign == ":" and rest.isascii() and rest.isdecimal():
            return cls(name, check_version(int(rest[:12])))
        if sign == "@":
            return cls(name, *check_aliases([rest]))
        if sign:
            raise InvalidInput(
                f"{text[:160]!r} names no version: {rest[:60]!r} is not a number.",
                hint="Write NAME, NAME:VERSION or NAME@ALIAS.",
            )
        return cls(name)

    def __str__(self) -> str:
        if self.version is None:
            return self.name
        return f"{self.name}{':' if isinstance(self.version, int) else '@'}{self.version}"
