"""The languages of scripts: which interpreter runs them, and how their arguments are written."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any

from tandemlab.bridge import find_r, r_environment, without_r
from tandemlab.domain import InvalidInput
from tandemlab.domain.names import check_metric_name
from tandemlab.domain.scalars import Scalar, as_scalar

_FLAG = re.compile(r"--?[^\W\d]")
_SUFFIXES = {".py": "python", ".r": "r"}


class Language(str, Enum):
    """Language of a script."""

    PYTHON = "python"
    R = "r"

    @classmethod
    def of(cls, script: str) -> Language:
        """The language of a script, by its extension.

        Raises:
            InvalidInput: another extension than ``.py``, ``.R`` or ``.r``.

        >>> Language.of("train.R").value
        'r'
        """
        language = _SUFFIXES.get(Path(script).suffix.lower())
        if language is None:
            raise InvalidInput(
                f"{script!r} is neither a Python script (.py) nor an R script (.R).",
                details={"script": script},
            )
        return cls(language)


def format_arguments(
    arguments: Sequence[Any] | Mapping[str, Any] | None, language: Language
) -> list[str]:
    """Arguments as a command line has them, written for the script's language.

    A mapping gives flags: ``{"data": "x.csv"}`` becomes ``--data x.csv``, True a bare flag, a
    list several values, and False or None nothing. A name with a leading ``-`` stays as it is.
    In a list, a mapping stands for its flags. Whole numbers have no decimal point.

    Raises:
        InvalidInput: an argument that is no text, number or boolean.

    >>> format_arguments({"data": "x.csv", "n": 3.0, "fast": True, "slow": False}, Language.R)
    ['--data', 'x.csv', '--n', '3', '--fast']
    >>> format_arguments([True, 0.1], Language.R)
    ['TRUE', '0.1']
    """
    if isinstance(arguments, str):
        raise InvalidInput(
            "Arguments are a list or a mapping, not one text.",
            hint='Write ["--data", "x.csv"] or {"data": "x.csv"}.',
        )
    if isinstance(arguments, Mapping):
        return list(_flags(arguments, language))
    words: list[str] = []
    for argument in arguments or ():
        if isinstance(argument, Mapping):
            words += _flags(argument, language)
        else:
            words.append(_word(argument, language))
    return words


def parameters_of(words: Sequence[str]) -> dict[str, Scalar]:
    """The parameters that a command line's arguments set: ``--name value`` or ``--name=value``.

    A flag without a value is True, one with several has them in one text. A word that is written
    as the number that it reads as is a number.

    >>> parameters_of(["train", "--data=x.csv", "--n", "3", "--fast", "--shift", "-0.5"])
    {'data': 'x.csv', 'n': 3, 'fast': True, 'shift': -0.5}
    """
    values: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if _FLAG.match(word):
            name, equals, value = word.lstrip("-").partition("=")
            values[name] = [value] if equals else []
            name = "" if equals else name
        elif name:
            values[name].append(word)
    return {name: _parameter(found) for name, found in values.items() if _can_name(name)}


def without_parameters(words: Sequence[str], names: Collection[str]) -> list[str]:
    """A command line without some of the parameters that `parameters_of` finds in it.

    >>> without_parameters(["train", "--data=x.csv", "--n", "3", "--fast"], ["data", "n"])
    ['train', '--fast']
    """
    kept, name = [], ""
    for word in words:
        is_flag, equals = _FLAG.match(word), ""
        if is_flag:
            name, equals, _ = word.lstrip("-").partition("=")
        if name not in names:
            kept.append(word)
        name = "" if equals else name
    return kept


def _can_name(name: str) -> bool:
    try:
        check_metric_name(name)
    except InvalidInput:
        return False
    return True


def _parameter(words: Sequence[str]) -> Scalar:
    if not words:
        return True
    if len(words) > 1:
        return " ".join(words)
    (word,) = words
    for kind in (int, float):
        with suppress(ValueError):
            if repr(kind(word)) == word and word not in ("nan", "inf", "-inf"):
                return kind(word)
    return word


def _flags(arguments: Mapping[str, Any], language: Language) -> Iterator[str]:
    for name, value in arguments.items():
        flag = name if name.startswith("-") else f"--{name}"
        if value is None or value is False:
            continue
        yield flag
        if isinstance(value, (list, tuple)):
            yield from (_word(item, language) for item in value)
        elif value is not True and value != "":
            yield _word(value, language)


def _word(value: object, language: Language) -> str:
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    scalar = as_scalar(value, what="argument")
    if isinstance(scalar, str):
        if "\0" in scalar:
            raise InvalidInput("An argument cannot hold a NUL character.")
        return scalar
    if scalar is None:
        raise InvalidInput("An argument is missing (None or NA).")
    if isinstance(scalar, bool):
        return str(scalar).upper() if language is Language.R else str(scalar)
    if isinstance(scalar, float):
        return _number(scalar, language)
    return str(scalar)


def _number(value: float, language: Language) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = repr(value)
    in_r = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
    return in_r.get(text, text) if language is Language.R else text


def find_interpreter(language: Language, chosen: str | None) -> str:
    """Absolute path of the program that runs scripts of a language.

    Args:
        chosen: a path or a name on the search path; if None, this very Python, or the Rscript
            that `tandemlab.bridge.find_r` finds.

    Raises:
        InvalidInput: it is not there.
        MissingDependency: there is no R on this machine.
    """
    if language is Language.R:
        return find_r(chosen).rscript
    candidate = chosen or sys.executable
    found = shutil.which(candidate)
    if found is None:
        raise InvalidInput(
            f"The interpreter {candidate!r} is not on this machine.",
            hint="Give the path of a program that can be executed.",
            details={"interpreter": candidate},
        )
    return os.path.abspath(found)


_INHERITED = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "R_LIBS",
    "R_LIBS_USER",
    "R_LIBS_SITE",
    "R_HOME",
    "CUDA_VISIBLE_DEVICES",
    "TANDEMLAB_CONFIG_DIR",
    "TANDEMLAB_PYTHON",
)


def session_environment() -> dict[str, str]:
    """Variables of this session that a job started from it needs, whoever starts it.

    ``TANDEMLAB_PYTHON`` is how a script of R finds the Python part from inside its run.
    """
    found = {
        name: value
        for name, value in without_r(os.environ).items()
        if name in _INHERITED or name.startswith("LC_")
    }
    found.setdefault("TANDEMLAB_PYTHON", sys.executable)  # where a script of R finds the core
    return {**found, **r_environment(found)}
