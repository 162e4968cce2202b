"""R inside this process, by rpy2: ``to_r``, ``from_r`` and ``converter``.

Frames cross by the address of an Arrow stream, which R's package tandemlab fills or reads, as they
do between R and the Python of reticulate; rpy2's own conversion of pandas frames is not involved.
Whatever touches R happens under rpy2's lock. Memory that R and Python share is given back by
whoever lets go of it last, on any thread: R only takes note, and frees it on the thread that
next works with R.

rpy2's own objects are another matter: rpy2 frees one at once, on the thread that forgets it, even
while R works on another. Where several threads have such objects, hold the lock,
``with rpy2.rinterface_lib.openrlib.rlock:``, until they are gone.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import subprocess
from functools import cache
from importlib import import_module
from typing import Any, Literal, NoReturn, TypeAlias

from tandemlab.bridge import conditions, values
from tandemlab.bridge.crossing import read, write
from tandemlab.bridge.rscript import find_r, r_environment
from tandemlab.bridge.worker import other_version
from tandemlab.domain import errors
from tandemlab.domain.errors import InvalidInput, MissingDependency, TandemlabError
from tandemlab.version import __version__

Library: TypeAlias = Literal["arrow", "pandas", "polars"]

_LIBRARIES = ("arrow", "pandas", "polars")
_LARGEST = 2**31 - 1  # of R's integers
# rpy2-rinterface from 3.6.6 on uses what R has had since then.
_NEW_R = (4, 5)
_FOR_OLDER_R = ("rpy2==3.6.4", "rpy2-rinterface==3.6.5")
_ERRORS: dict[str, type[TandemlabError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, TandemlabError)
}

log = logging.getLogger("tandemlab.r")


def to_r(
    value: Any,
    *,
    int64: Literal["double", "integer64"] = "double",
    decimal: Literal["error", "double", "character"] = "error",
    map: Literal["error", "list"] = "error",
    lazy: bool = True,
) -> Any:
    """A frame or another value as an object of the R that runs in this process by rpy2.

    Args:
        value: a pandas or polars DataFrame, a pyarrow Table, RecordBatch or reader, or anything
            with ``__arrow_c_stream__``; or a value, for which `tandemlab.bridge.values` says what
            becomes what, frames within lists and dicts included.
        int64: what columns of 64-bit integers become: ``double``, where a number beyond 2^53 is an
            error, or ``integer64`` of the package bit64, which many functions of R mistake for
            something else.
        decimal: what decimal numbers become: ``error`` refuses them, ``double`` rounds,
            ``character`` keeps every digit.
        map: what maps become: ``error`` refuses them, ``list`` makes lists of data frames.
        lazy: whether long text columns may wait in Arrow's memory until R looks at them.

    Returns:
        rpy2's object: ``DataFrame`` for a frame, a vector or list otherwise, NULL for None.

    Raises:
        InvalidInput: something in it has no form in R; the message says what.
        MissingDependency: rpy2 cannot be used, or R has no package tandemlab.
        VersionMismatch: R's package tandemlab is of another version.

    >>> import pyarrow as pa
    >>> to_r(pa.table({"km": [42, None]})).rx2("km").r_repr()  # doctest: +SKIP
    'c(42, NA)'
    """
    r = _embedded()
    options = (int64, decimal, map, lazy)
    with r.lock:
        if values.is_frame(value):
            return r.shown(r.take(value, options))
        frames: list[Any] = []

        def keep(frame: Any) -> str:
            frames.append(r.take(frame, options))
            return str(len(frames))

        text = values.encode(value, frame=keep)
        names = r.texts(*(str(number) for number in range(1, len(frames) + 1)))
        return r.shown(r.ask("read", r.texts(text), names, r.interface.ListSexpVector(frames)))


def from_r(value: Any, library: Library = "arrow", *, copy: bool = True) -> Any:
    """A data frame or another value of the R that runs in this process by rpy2.

    Args:
        value: an object of rpy2's.
        library: what data frames become: ``arrow`` (a pyarrow Table), ``pandas`` or ``polars``.
        copy: whether to copy what could be shared. With False, doubles and integers of R are read
            where they are; R's own functions copy before they change such a vector, but rpy2's
            ``vector[i] = x`` does not, and changes the Table, too.

    Returns:
        A frame for a data frame, None for NULL, a `Vector` for an atomic vector, a dict for a
        named list, a list or bytes.

    Raises:
        InvalidInput: it is nothing of R's, or something in it has no form in Python.
        MissingDependency: the library is not installed, rpy2 cannot be used, or R has no package
            tandemlab.

    >>> from rpy2 import robjects  # doctest: +SKIP
    >>> from_r(robjects.r("data.frame(km = c(42L, NA))"))["km"].to_pylist()  # doctest: +SKIP
    [42, None]
    """
    _check_library(library)
    r = _embedded()
    with r.lock:
        if not isinstance(value, r.interface.sexp.Sexp):
            raise InvalidInput(
                f"An object of type {type(value).__name__} is none of R's.",
                hint="Give an object of rpy2's; to_r() makes one.",
            )
        if _is_data_frame(value):
            return r.give(value, library, copy)
        answer = r.ask("write", value)
        text, frames = answer[0][0], answer[1]
        return values.decode(
            text, frame=lambda number: r.give(frames[int(number) - 1], library, copy)
        )


def converter(library: Library = "arrow") -> Any:
    """Conversion rules of rpy2 by which R functions take frames of Python and give them.

    In their context, calls by rpy2 take frames of pandas, polars and pyarrow, lists, dicts, times
    and all else that `to_r` takes, and every data frame that comes back is a frame of Python. Other
    results are rpy2's objects, as by its default rules. The rules hold in any thread that enters
    their context, and may be added to others.

    Args:
        library: what data frames become: ``arrow`` (a pyarrow Table), ``pandas`` or ``polars``.

    Returns:
        An rpy2 ``Converter``.

    Raises:
        MissingDependency: rpy2 cannot be used, or R has no package tandemlab.

    >>> from rpy2 import robjects  # doctest: +SKIP
    >>> with converter("pandas").context():  # doctest: +SKIP
    ...     robjects.r["head"](robjects.r("cars"), 2)
       speed  dist
    0    4.0   2.0
    1    4.0  10.0
    """
    _check_library(library)
    return _embedded().rules(library)


def _check_library(library: str) -> None:
    if library not in _LIBRARIES:
        raise InvalidInput(f"Unknown library {library!r}.", hint=f"Use one of {_LIBRARIES}.")


def _is_data_frame(value: Any) -> bool:
    return "data.frame" in value.rclass


class _Embedded:
    """The R of this process; all but `rules` under the lock."""

    def __init__(self) -> None:
        self.objects = _rpy2("rpy2.robjects")
        self.interface = _rpy2("rpy2.rinterface")
        self.lock = _rpy2("rpy2.rinterface_lib.openrlib").rlock
        with self.lock:
            self._namespace = self._find_package()

    def _find_package(self) -> Any:
        base = self.interface.baseenv
        libraries = r_environment().get("R_LIBS", "").split(os.pathsep)
        base[".libPaths"](self.texts(*libraries, *base[".libPaths"]()))
        quietly = self.interface.BoolSexpVector([True])
        if not base["requireNamespace"](self.texts("tandemlab"), quietly=quietly)[0]:
            raise MissingDependency(
                f"The R of {base['R.home']()[0]} has no package tandemlab.",
                hint="Install it there with R CMD INSTALL, or name the library that has it in the "
                "variable R_LIBS.",
            )
        namespace = base["asNamespace"](self.texts("tandemlab"))
        known = "embedded_version" in namespace
        version = namespace["embedded_version"]()[0] if known else "older"
        if version != __version__:
            raise other_version(os.path.join(base["R.home"]()[0], "bin", "Rscript"), version)
        return namespace

    def texts(self, *texts: str) -> Any:
        return self.interface.StrSexpVector(texts)

    def truth(self, value: bool) -> Any:
        return self.interface.BoolSexpVector([bool(value)])

    def ask(self, what: str, *arguments: Any) -> Any:
        """The value of a function of ``R/embedded.R``; its warnings and errors are Python's."""
        value, problem, warned, messages = self._namespace[f"embedded_{what}"](*arguments)
        for message in messages:
            log.info("%s", json.loads(message)["message"])
        if warned is not self.interface.NULL:
            conditions.warn(values.decode(warned[0]))
        if problem is not self.interface.NULL:
            _raise(problem[0])
        return value

    def take(self, frame: Any, options: tuple[str, str, str, bool]) -> Any:
        """R's data frame for a frame of Python."""
        stream, address = self._namespace["embedded_open"]()
        notices = write(frame, address[0])
        *chosen, lazy = options
        texts = [self.texts(text) for text in (notices, *chosen)]
        return self.ask("take", stream, *texts, self.truth(lazy))

    def give(self, frame: Any, library: str, copy: bool) -> Any:
        """The frame of Python for a data frame of R's."""
        stream, address = self.ask("give", frame, self.texts(library), self.truth(copy))
        found = read(address[0], library)
        del stream  # lived as long as it was read
        return found

    def shown(self, value: Any) -> Any:
        """The object of rpy2's that people work with, whatever rules are in force."""
        conversion, default = self.objects.conversion, self.objects.default_converter
        before = conversion.get_conversion()
        conversion.set_conversion(default)
        try:
            return default.rpy2py(value)
        finally:
            conversion.set_conversion(before)

    def rules(self, library: Library) -> Any:
        conversion, default = self.objects.conversion, self.objects.default_converter
        rules = conversion.Converter(f"tandemlab for {library}", template=default)
        is_r = self.interface.sexp.Sexp
        whole = default.py2rpy.dispatch(int)

        def anything(value: Any) -> Any:
            return value if isinstance(value, is_r) else to_r(value)

        def number(value: int) -> Any:  # rpy2 has no place for the large ones
            return whole(value) if abs(value) <= _LARGEST else to_r(value)

        for kind, rule in ((object, anything), (list, anything), (int, number)):
            rules.py2rpy.register(kind, rule)
        lists = rules.rpy2py_nc_map[self.interface.ListSexpVector]
        lists["data.frame"] = lambda frame: from_r(frame, library)
        return rules


@cache
def _embedded() -> _Embedded:
    return _Embedded()


def _rpy2(module: str) -> Any:
    try:
        return import_module(module)
    except Exception as problem:  # rpy2 fails in many ways where it does not fit R
        _say_what_fits(problem)


def _say_what_fits(problem: Exception) -> NoReturn:
    version = version_of_r()
    known = ".".join(map(str, version)) if version else "unknown"
    absent = isinstance(problem, ModuleNotFoundError) and "rpy2" in (problem.name or "")
    reason = "is not installed" if absent else f"cannot be used: {problem}"
    raise MissingDependency(
        f"R in Python's process needs the package rpy2, which {reason} (R is {known}).",
        hint=f"pip install {shlex.join(fitting_rpy2(version))}",
        details={"r": known},
    ) from None


def fitting_rpy2(version: tuple[int, ...] | None) -> tuple[str, ...]:
    """What to install so that rpy2 fits a version of R; the extra ``rpy2`` is for older ones."""
    return ("rpy2>3.6.4",) if version is not None and version >= _NEW_R else _FOR_OLDER_R


def version_of_r() -> tuple[int, ...] | None:
    """The version of the R of `find_r`, or None if there is none."""
    try:
        command = [find_r().rscript, "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except (OSError, TandemlabError):
        return None
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", done.stdout + done.stderr)
    return tuple(map(int, found.groups())) if found else None


def _raise(problem: str) -> NoReturn:
    said = values.decode(problem)
    if said["kind"] == "tandemlab":
        raise _ERRORS.get(said["code"], errors.RError)(said["message"], hint=said["hint"])
    raise conditions.as_error(json.loads(problem))
