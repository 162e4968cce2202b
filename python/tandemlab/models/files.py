"""Model files: written by the ending of their names, and read without running what is in them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeAlias

from tandemlab.bridge.libraries import need
from tandemlab.domain import InvalidInput, MissingDependency, NotFound, TandemlabError
from tandemlab.models.formats import ENDINGS, ModelFormat, format_of
from tandemlab.store.durable import storage_errors

Trusted: TypeAlias = bool | Sequence[str]


def save_model(model: Any, path: str | os.PathLike[str]) -> Path:
    """Write a model to a file, which appears when it is whole.

    Args:
        path: its ending chooses the format: ``.joblib``, ``.pkl``, ``.skops`` (scikit-learn, safe
            to read), ``.pt`` (the state of a torch module), ``.onnx``. R models are saved in R.

    Raises:
        InvalidInput: another ending, or an object that the format cannot hold.
        MissingDependency: the format's package is not installed.

    >>> import tempfile
    >>> path = save_model({"coefficients": [0.5, 2.0]}, Path(tempfile.mkdtemp(), "model.pkl"))
    >>> load_model(path, trusted=True)
    {'coefficients': [0.5, 2.0]}
    """
    target = Path(path)
    kind = format_of([target.name])
    if kind not in _WRITERS:
        raise InvalidInput(
            f"No model is written as {target.name!r} here.",
            hint="In R: save_model(model, path)."
            if kind is ModelFormat.RDS
            else f"Known endings are {ENDINGS}.",
        )
    temporary = target.with_name(f".{token_hex(6)}.tmp")
    with storage_errors(target):
        try:
            _WRITERS[kind](model, temporary)
            temporary.replace(target)
        except (TandemlabError, OSError):
            raise
        except Exception as problem:
            raise InvalidInput(
                f"A {type(model).__name__} cannot be written as {kind}: {_said(problem)}"
            ) from problem
        finally:
            with suppress(OSError):
                temporary.unlink()
    return target


def load_model(
    path: str | os.PathLike[str],
    *,
    format: ModelFormat | str | None = None,
    trusted: Trusted = False,
) -> Any:
    """Read a model from a file or folder.

    Reading a pickle runs whatever code is in it; so does joblib, and so do torch and MLflow where
    more than numbers was saved. These are read only where `trusted` says so. ONNX, the states of
    torch modules and skops files run nothing.

    Args:
        format: None tells it by the ending.
        trusted: True for a model whose maker you know; for skops the names of further types.

    Returns:
        The object that was saved; for ONNX an ``onnxruntime.InferenceSession``, for torch a state
        dict, for MLflow a ``PyFuncModel``.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is not trusted (``details["types"]`` names what is not), damaged, or has
            no reader in Python.
        MissingDependency: a package that it needs is not installed.
    """
    source = Path(path)
    if not source.exists():
        raise NotFound(f"There is no model at {source}.", details={"path": str(source)})
    names = [source.name] if source.is_file() else os.listdir(source)
    if source.is_dir() and len(names) == 1 and names != ["MLmodel"]:
        source /= names[0]
    kind = _checked_format(format) if format is not None else format_of(names)
    if kind not in _READERS:
        raise InvalidInput(
            f"{source.name} is a model of R." if kind is ModelFormat.RDS else _NO_READER,
            hint="load_model() in R reads it."
            if kind is ModelFormat.RDS
            else "download() gives its files, for code of your own to read.",
            details={"format": kind.value},
        )
    try:
        return _READERS[kind](source, trusted)
    except (TandemlabError, MemoryError):
        raise
    except ModuleNotFoundError as problem:
        raise MissingDependency(
            f"{source.name} needs the Python package {problem.name}, which is not installed.",
            hint=f"pip install {(problem.name or '').partition('.')[0]}",
            details={"package": problem.name},
        ) from problem
    except Exception as problem:
        raise InvalidInput(
            f"{source.name} cannot be read as {kind}: {_said(problem)}",
            hint="Is it whole, and were the same versions of its packages in use when it was "
            "written?",
            details={"path": str(source)},
        ) from problem


_NO_READER = "These files are of no format that has a reader here."


def _checked_format(format: ModelFormat | str) -> ModelFormat:
    try:
        return ModelFormat(format)
    except ValueError:
        known = ", ".join(each.value for each in ModelFormat)
        raise InvalidInput(f"{format!r} is no format of models; there are {known}.") from None


def _said(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}".partition("\n")[0][:300]


def _refuse(path: Path, reason: str, types: Sequence[str] = ()) -> InvalidInput:
    hint = "Where you know who made it: trusted=True."
    if types:
        hint = f"Where you trust these: trusted={list(types)!r}, or trusted=True for all."
    return InvalidInput(
        f"{path.name} is not read: {reason}",
        hint=hint,
        details={"reason": "untrusted", "types": list(types), "path": str(path)},
    )


def _check_trust(path: Path, kind: ModelFormat, trusted: Trusted) -> None:
    if trusted is not True:
        raise _refuse(path, f"reading {kind} runs whatever code is in it.")


def _read_pickle(path: Path, trusted: Trusted) -> Any:
    _check_trust(path, ModelFormat.PICKLE, trusted)
    with path.open("rb") as stream:
        return pickle.load(stream)


def _read_joblib(path: Path, trusted: Trusted) -> Any:
    _check_trust(path, ModelFormat.JOBLIB, trusted)
    return need("joblib", "Models of joblib", "models").load(path)


def _read_skops(path: Path, trusted: Trusted) -> Any:
    skops = need("skops.io", "Models of skops", "models")
    unknown = skops.get_untrusted_types(file=path)
    known = [] if isinstance(trusted, bool) else list(trusted)
    types = unknown if trusted is True else [name for name in unknown if name in known]
    if missing := [name for name in unknown if name not in types]:
        raise _refuse(path, f"it holds types that are not trusted: {', '.join(missing)}.", missing)
    return skops.load(path, trusted=types)


def _read_onnx(path: Path, trusted: Trusted) -> Any:
    runtime = need("onnxruntime", "Models of ONNX", "onnx")
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _read_torch(path: Path, trusted: Trusted) -> Any:
    torch = need("torch", "Models of torch", None)
    if trusted is True:
        return torch.load(path, map_location="cpu", weights_only=False)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        unsafe = ", ".join(sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path)))
        raise _refuse(
            path, f"it holds more than tensors, which may run code: {unsafe or 'unknown objects'}."
        ) from None


def _read_mlflow(path: Path, trusted: Trusted) -> Any:
    _check_trust(path, ModelFormat.MLFLOW, trusted)
    return need("mlflow.pyfunc", "Models of MLflow", None).load_model(str(path))


_READERS: dict[ModelFormat, Callable[[Path, Trusted], Any]] = {
    ModelFormat.PICKLE: _read_pickle,
    ModelFormat.JOBLIB: _read_joblib,
    ModelFormat.SKOPS: _read_skops,
    ModelFormat.ONNX: _read_onnx,
    ModelFormat.TORCH: _read_torch,
    ModelFormat.MLFLOW: _read_mlflow,
}


def _write_pickle(model: Any, path: Path) -> None:
    with path.open("wb") as stream:
        pickle.dump(model, stream)


def _write_joblib(model: Any, path: Path) -> None:
    need("joblib", "Models of joblib", "models").dump(model, path)


def _write_skops(model: Any, path: Path) -> None:
    need("skops.io", "Models of skops", "models").dump(model, path)


def _write_onnx(model: Any, path: Path) -> None:
    if not hasattr(model, "SerializeToString"):
        raise InvalidInput(
            f"A {type(model).__name__} is no ONNX model.",
            hint="Convert it first, as by skl2onnx.to_onnx() or torch.onnx.export().",
        )
    path.write_bytes(model.SerializeToString())


def _write_torch(model: Any, path: Path) -> None:
    torch = need("torch", "Models of torch", None)
    state = model.state_dict() if isinstance(model, torch.nn.Module) else model
    torch.save(state, path)


_WRITERS: dict[ModelFormat, Callable[[Any, Path], None]] = {
    ModelFormat.PICKLE: _write_pickle,
    ModelFormat.JOBLIB: _write_joblib,
    ModelFormat.SKOPS: _write_skops,
    ModelFormat.ONNX: _write_onnx,
    ModelFormat.TORCH: _write_torch,
}
