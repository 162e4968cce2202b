"""What goes between components, in files: tables, models, reports and the like, by kind of port."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.scalars import as_scalar

_PICKLED = {"model": "model.joblib", "transformation": "transformation.joblib"}


def read_value(kind: str, path: str | os.PathLike[str]) -> Any:
    """The value of a port that a file or folder holds.

    Args:
        kind: of the port; see `Port`.

    Returns:
        A pandas frame for a table, a `Learner`, a `TrainedModel` or another model, the fitted
        object of a transformation, a dict for a report, what JSON holds, or the path itself.

    Raises:
        InvalidInput: what is there is not of that kind.
    """
    place = Path(path)
    if kind == "table":
        from tandemlab.bridge import read_frame

        return read_frame(place, "pandas")
    if kind in _PICKLED:
        return _unpickled(kind, place)
    if kind == "learner":
        from tandemlab.designer.learning import Learner

        return Learner.from_dict(_json(place))
    return _json(place) if kind in ("report", "json") else place


def write_value(kind: str, value: Any, path: str | os.PathLike[str]) -> None:
    """Write the value of a port; `read_value` reads it.

    Args:
        value: for ``file`` and ``folder`` the path of what is copied.
        path: of the file, or of the folder, which may be there and empty.

    Raises:
        InvalidInput: a value that is not of that kind.
    """
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    if kind == "table":
        _write_table(value, place)
    elif kind in _PICKLED:
        import joblib

        place.mkdir(exist_ok=True)
        joblib.dump(value, place / _PICKLED[kind])
    elif kind == "file":
        shutil.copyfile(value, place)
    elif kind == "folder":
        shutil.copytree(value, place, dirs_exist_ok=True)
    else:
        plain = value.to_dict() if kind == "learner" else value
        place.write_text(json.dumps(_plain(plain), ensure_ascii=False), encoding="utf-8")


def _write_table(value: Any, path: Path) -> None:
    import pandas

    from tandemlab.bridge import write_frame

    if not isinstance(value, pandas.DataFrame):
        raise InvalidInput(f"A table is a pandas frame, not {type(value).__name__}.")
    is_place = pandas.api.types.is_integer_dtype(value.index.dtype) and value.index.name is None
    found = value.reset_index(drop=True) if is_place else value
    # What is NaN here was missing, and is that for R, SQL and people who look at it.
    missing = [name for name, each in found.items() if each.dtype.kind == "f" and each.hasnans]
    write_frame(found.astype(dict.fromkeys(missing, "Float64")), path)


def _unpickled(kind: str, folder: Path) -> Any:
    import joblib

    file = folder if folder.is_file() else folder / _PICKLED[kind]
    if not file.is_file():
        raise InvalidInput(
            f"{folder} holds no {kind} of a component: there is no {file.name}.",
            hint="Connect the output of a component that makes one.",
        )
    return joblib.load(file)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise InvalidInput(f"{path} cannot be read as JSON: {problem}.") from None


def _plain(value: Any) -> Any:
    """A value as JSON has it; numbers that JSON has not are null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist") and getattr(value, "shape", ()) != ():
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    plain = as_scalar(value)
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
