"""R code from Python: ``run_r``, and the R processes that wait for it."""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Literal, TypeAlias

from tandemlab.bridge import conditions, values
from tandemlab.bridge.files import read_frame, write_frame
from tandemlab.bridge.worker import RWorker
from tandemlab.domain.errors import InvalidInput, InvalidState, RCrashed

Library: TypeAlias = Literal["arrow", "pandas", "polars"]
Kind: TypeAlias = Literal[
    "value", "scalar", "vector", "list", "dict", "frame", "arrow", "pandas", "polars"
]
Outputs: TypeAlias = str | Sequence[str] | Mapping[str, str] | None

_LIBRARIES = ("arrow", "pandas", "polars")
_FRAME_CHOICES = {
    "int64": ("double", "integer64"),
    "decimal": ("error", "double", "character"),
    "map": ("error", "list"),
}
_KINDS = ("value", "scalar", "vector", "list", "dict", "frame", *_LIBRARIES)
_NAME = re.compile(r"(?:[^\W\d_]|\.(?!\d))[\w.]*")
_RESERVED = frozenset(
    "if else repeat while function for next break TRUE FALSE NULL Inf NaN NA NA_integer_ NA_real_ "
    "NA_complex_ NA_character_ in ...".split()
)

log = logging.getLogger("tandemlab.r")


class RPool:
    """R processes that answer calls, each one call at a time.

    A process starts when a call finds none waiting, and waits for the next call afterwards. Threads
    may share a pool; a forked process starts R processes of its own. They end with the pool, and
    with this process however it ends.

    Args:
        size: how many processes at most; by default one for each processor.
        rscript: path or name of an Rscript; by default the one of `find_r`.
        libraries: folders where R looks for packages before all others.

    >>> with RPool(size=1) as pool:
    ...     pool.run("function(x) sum(x)", {"x": [1, 2, 3]}, "scalar")
    6
    """

    def __init__(
        self,
        size: int | None = None,
        *,
        rscript: str | os.PathLike[str] | None = None,
        libraries: Sequence[str | os.PathLike[str]] = (),
    ) -> None:
        if size is not None and size < 1:
            raise InvalidInput("A pool has one R process at least.")
        self.size = size or os.cpu_count() or 1
        self._start = partial(RWorker, rscript=rscript, libraries=libraries)
        self._reset()
        _pools.add(self)

    def _reset(self) -> None:
        self._free = threading.Condition()
        self._idle: list[RWorker] = []
        self._all: set[RWorker] = set()
        self._taken = 0
        self._closed = False

    def run(
        self,
        code: str,
        inputs: Mapping[str, Any] | None = None,
        outputs: Outputs = None,
        *,
        library: Library = "arrow",
        int64: Literal["double", "integer64"] = "double",
        decimal: Literal["error", "double", "character"] = "error",
        map: Literal["error", "list"] = "error",
        timeout: float | None = None,
        on_output: Callable[[str], object] | None = None,
    ) -> Any:
        """Runs R code; see `run_r`."""
        declared = _declared(outputs)
        if library not in _LIBRARIES:
            raise InvalidInput(f"Unknown library {library!r}.", hint=f"Use one of {_LIBRARIES}.")
        frames = {"int64": int64, "decimal": decimal, "map": map}
        for name, choice in frames.items():
            if choice not in _FRAME_CHOICES[name]:
                raise InvalidInput(
                    f"{name} cannot be {choice!r}.",
                    hint=f"Use one of {', '.join(_FRAME_CHOICES[name])}.",
                )
        _check_names(inputs or {})
        request = {
            "code": code,
            "directory": os.getcwd(),
            "frames": frames,
            "variables": list(declared) if isinstance(declared, dict) else None,
        }
        while True:
            with self._worker() as worker:
                try:
                    answer = _call(worker, request, inputs or {}, timeout, on_output or _to_stdout)
                    return _result(answer, declared, worker, library)
                except RCrashed:
                    if not worker.died_waiting:
                        raise
                finally:
                    worker.clear()

    @contextmanager
    def _worker(self) -> Iterator[RWorker]:
        worker = self._take()
        try:
            yield worker
        finally:
            self._give_back(worker)

    def _take(self) -> RWorker:
        with self._free:
            while not self._closed and self._taken >= self.size:
                self._free.wait()
            if self._closed:
                raise InvalidState("The pool of R processes is closed.")
            self._taken += 1
            while self._idle:
                worker = self._idle.pop()
                if worker.is_running():
                    return worker
                worker.kill()
                self._all.discard(worker)
        try:
            worker = self._start()
        except BaseException:
            with self._free:
                self._taken -= 1
                self._free.notify()
            raise
        self._all.add(worker)
        return worker

    def _give_back(self, worker: RWorker) -> None:
        with self._free:
            self._taken -= 1
            if worker.alive and not self._closed:
                self._idle.append(worker)
            else:
                self._all.discard(worker)
            self._free.notify()
        if self._closed:
            worker.close()

    def close(self) -> None:
        """Ends the waiting R processes, and each of the others after its call."""
        with self._free:
            self._closed = True
            idle, self._idle = self._idle, []
            self._free.notify_all()
        for worker in idle:
            worker.close()
            self._all.discard(worker)

    def _forget(self) -> None:
        """In a forked process: the R processes are the other's."""
        closed = self._closed
        for worker in self._all:
            worker.forget()
        self._reset()
        self._closed = closed

    def __enter__(self) -> RPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_idle", None):
            self.close()


_pools: weakref.WeakSet[RPool] = weakref.WeakSet()
_default: list[RPool] = []
_making = threading.Lock()


def _after_fork() -> None:
    global _making
    _making = threading.Lock()
    for pool in list(_pools):
        pool._forget()


os.register_at_fork(after_in_child=_after_fork)


def _default_pool() -> RPool:
    with _making:
        if not _default:
            _default.append(RPool())
            atexit.register(_default[0].close)
    return _default[0]


def run_r(
    code: str,
    inputs: Mapping[str, Any] | None = None,
    outputs: Outputs = None,
    *,
    library: Library = "arrow",
    int64: Literal["double", "integer64"] = "double",
    decimal: Literal["error", "double", "character"] = "error",
    map: Literal["error", "list"] = "error",
    timeout: float | None = None,
    on_output: Callable[[str], object] | None = None,
) -> Any:
    """Runs R code in an R process beside this one, and gives its value.

    Every call finds an empty global environment, the options, environment variables, search path
    and random generator of a fresh R, and this process's working directory. Packages stay loaded
    (not attached), and what they keep in themselves stays too. R processes wait for the next call.

    Args:
        code: a function, ``"function(x, k) …"``, which gets the inputs as its arguments; or any
            other code, which has them as variables.
        inputs: by name; `tandemlab.bridge.values` says what becomes what. Data frames of pandas,
            polars and pyarrow become data frames, also within lists and dicts.
        outputs: what is wanted. None: the function's value, or that of the code's last expression.
            A list of names: a dict of these variables of the code, or of these elements of the
            list that the function gives. A dict of names: the same, each as it says. A single
            word: the value, as it says. The words: ``value`` (as it comes), ``scalar`` (one value,
            None for NA), ``vector``, ``list``, ``dict`` (a named list or vector), ``frame`` (by
            ``library``), ``arrow``, ``pandas``, ``polars``. What is something else is an error.
        library: what data frames become: ``arrow``, ``pandas`` or ``polars``.
        int64: what columns of 64-bit integers, the usual ones of pandas, become in R: ``double``,
            where a number beyond 2^53 is an error, or ``integer64`` of the package bit64, which
            many functions of R mistake for something else.
        decimal: what columns of decimal numbers become in R: ``error`` refuses them, ``double``
            rounds, ``character`` keeps every digit.
        map: what columns of maps become in R: ``error`` refuses them, ``list`` makes lists of data
            frames.
        timeout: seconds after which R is interrupted.
        on_output: gets what R prints, as it comes; by default ``sys.stdout`` does.

    Returns:
        The value. Vectors are `Vector`, lists that know their type; named lists are dicts.

    Raises:
        RError: the code raised an error; its text has R's traceback.
        RTimeout: it took longer than ``timeout``.
        RCrashed: R ended.
        InvalidInput: an input cannot cross, or an output is not what was declared.
        MissingDependency: there is no R, or R has no package tandemlab.
        VersionMismatch: R's package tandemlab is of another version.

    Warnings of the code are warnings of the class `RWarning`; messages go to the logger
    ``tandemlab.r``. Ctrl-C interrupts R.

    >>> run_r("function(x, k) mean(x) * k", {"x": [1.0, 2.0], "k": 10}, "scalar")
    15.0
    >>> fit = run_r(
    ...     "fit <- lm(dist ~ speed, cars); slope <- coef(fit)[['speed']]; head <- head(cars, 2)",
    ...     outputs={"slope": "scalar", "head": "arrow"},
    ... )
    >>> round(fit["slope"], 3), fit["head"].column_names
    (3.932, ['speed', 'dist'])
    """
    return _default_pool().run(
        code,
        inputs,
        outputs,
        library=library,
        int64=int64,
        decimal=decimal,
        map=map,
        timeout=timeout,
        on_output=on_output,
    )


def _call(
    worker: RWorker,
    request: Mapping[str, Any],
    inputs: Mapping[str, Any],
    timeout: float | None,
    write: Callable[[str], object],
) -> Any:
    text = json.dumps({**request, "folder": str(worker.folder)}, ensure_ascii=False)
    sent = _encode_inputs(inputs, worker)
    answer = worker.call(
        f'{text[:-1]},"inputs":{sent}}}',
        timeout=timeout,
        on_output=write,
        on_message=lambda message: log.info("%s", message),
    )
    conditions.warn(values.read(answer["warnings"]))
    if "error" in answer:
        raise conditions.as_error(answer["error"])
    return answer["value"]


def _to_stdout(text: str) -> None:
    sys.stdout.write(text)


def _check_names(inputs: Mapping[str, Any]) -> None:
    for name in inputs:
        if name in _RESERVED or not _NAME.fullmatch(str(name)):
            raise InvalidInput(
                f"{name!r} cannot be the name of an input.",
                hint="R's names begin with a letter and have letters, digits, '.' and '_'.",
            )


def _encode_inputs(inputs: Mapping[str, Any], worker: RWorker) -> str:
    count = 0

    def keep(frame: Any) -> str:
        nonlocal count
        count += 1
        return write_frame(frame, worker.folder / f"in-{count}.arrow").name

    pairs = [
        f"[{json.dumps(name)},{values.encode(value, what=f'input {name!r}', frame=keep)}]"
        for name, value in inputs.items()
    ]
    return f'{{"$map":[{",".join(pairs)}]}}'


def _declared(outputs: Outputs) -> str | dict[str, str]:
    """One kind for the value, or the kind of each output by its name."""
    if outputs is None:
        return "value"
    found: str | dict[str, str] = (
        outputs
        if isinstance(outputs, str)
        else dict(outputs)
        if isinstance(outputs, Mapping)
        else dict.fromkeys(outputs, "value")
    )
    for kind in [found] if isinstance(found, str) else found.values():
        if kind not in _KINDS:
            raise InvalidInput(
                f"{kind!r} is no kind of an output.",
                hint=f"Use one of {', '.join(_KINDS)}; a list of names asks for variables.",
            )
    return found


def _result(form: Any, declared: str | dict[str, str], worker: RWorker, library: Library) -> Any:
    def convert(form: Any, kind: str, what: str) -> Any:
        chosen: Any = kind if kind in _LIBRARIES else library
        value = values.read(form, frame=lambda name: read_frame(worker.folder / name, chosen))
        return _as_declared(value, kind, what)

    if isinstance(declared, str):
        return convert(form, declared, "R's value")
    if not isinstance(form, dict) or "$map" not in form:
        raise InvalidInput(
            "The R code gave no named list, so that outputs cannot be taken from it.",
            hint="Let the function return list(name = value, …).",
        )
    forms = {name: item for name, item in form["$map"]}
    absent = [name for name in declared if name not in forms]
    if absent:
        raise InvalidInput(
            f"The R code gave no {absent[0]!r}; it gave {', '.join(forms) or 'nothing'}.",
            hint="Every name in outputs must be an element of the list that it returns.",
        )
    return {name: convert(forms[name], kind, f"R's {name!r}") for name, kind in declared.items()}


def _as_declared(value: Any, kind: str, what: str) -> Any:
    vector = isinstance(value, values.Vector)
    if kind == "value":
        return value
    if kind == "scalar" and vector and len(value) == 1:
        return value[0]
    if kind == "vector" and vector:
        return value
    if kind == "list" and isinstance(value, list) and not vector:
        return value
    if kind == "dict" and (isinstance(value, dict) or (vector and value.names is not None)):
        return value if isinstance(value, dict) else value.to_dict()
    if kind in ("frame", *_LIBRARIES) and not isinstance(value, (list, dict, bytes, type(None))):
        return value
    raise InvalidInput(f"{what} is {_described(value)}, not a {kind}.")


def _described(value: Any) -> str:
    if isinstance(value, values.Vector):
        return f"a {value.type} vector of length {len(value)}"
    words = {list: "a list", dict: "a named list", bytes: "a raw vector", type(None): "NULL"}
    return words.get(type(value), "a data frame")
