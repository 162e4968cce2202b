"""Formats of model files: how they are told apart."""

from __future__ import annotations

from enum import Enum
from pathlib import PurePath


class ModelFormat(str, Enum):
    """What wrote a model's files.

    ``pickle``, ``joblib``, ``skops``, ``onnx``, ``torch`` (a state or a module), ``rds`` (R's
    ``saveRDS``), ``mlflow`` (a folder with an ``MLmodel``), or ``custom``: any file or folder.
    """

    PICKLE = "pickle"
    JOBLIB = "joblib"
    SKOPS = "skops"
    ONNX = "onnx"
    TORCH = "torch"
    RDS = "rds"
    MLFLOW = "mlflow"
    CUSTOM = "custom"

    def __str__(self) -> str:
        return self.value

    @property
    def runs_code(self) -> bool:
        """Whether reading such a model may run code that is in it."""
        return self in _RUN_CODE


_RUN_CODE = frozenset(
    {
        ModelFormat.PICKLE,
        ModelFormat.JOBLIB,
        ModelFormat.TORCH,
        ModelFormat.RDS,
        ModelFormat.MLFLOW,
    }
)
_ENDINGS = {
    ".pkl": ModelFormat.PICKLE,
    ".pickle": ModelFormat.PICKLE,
    ".joblib": ModelFormat.JOBLIB,
    ".skops": ModelFormat.SKOPS,
    ".onnx": ModelFormat.ONNX,
    ".pt": ModelFormat.TORCH,
    ".pth": ModelFormat.TORCH,
    ".rds": ModelFormat.RDS,
}
ENDINGS = ", ".join(_ENDINGS)


def format_of(names: list[str]) -> ModelFormat:
    """The format of a model by the names of its files, relative to its file or folder.

    >>> format_of(["model.joblib"]).value, format_of(["MLmodel", "model.pkl"]).value
    ('joblib', 'mlflow')
    >>> format_of(["weights.bin", "tokens.json"]).value
    'custom'
    """
    if "MLmodel" in names:
        return ModelFormat.MLFLOW
    if len(names) != 1:
        return ModelFormat.CUSTOM
    return _ENDINGS.get(PurePath(names[0]).suffix.lower(), ModelFormat.CUSTOM)
