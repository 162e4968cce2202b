"""Models: registered by name and version, with their files and what they take and give.

`Model` is a version of one; `load_model` and `save_model` know the formats of files. Names are
loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.domain.signatures import ModelSignature
    from tandemlab.models.definition import ResourceConfiguration
    from tandemlab.models.files import load_model, save_model
    from tandemlab.models.formats import ModelFormat
    from tandemlab.models.model import Model
    from tandemlab.models.signatures import infer_signature

_HOMES = {
    "Model": "tandemlab.models.model",
    "ModelFormat": "tandemlab.models.formats",
    "ModelSignature": "tandemlab.domain.signatures",
    "ResourceConfiguration": "tandemlab.models.definition",
    "infer_signature": "tandemlab.models.signatures",
    "load_model": "tandemlab.models.files",
    "save_model": "tandemlab.models.files",
}

__all__ = [
    "Model",
    "ModelFormat",
    "ModelSignature",
    "ResourceConfiguration",
    "infer_signature",
    "load_model",
    "save_model",
]

__getattr__ = loader(__name__, _HOMES)
