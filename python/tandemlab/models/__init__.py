"""Models: files in a format that says how they are read, and signatures of what they take.

Names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.domain.signatures import ModelSignature
    from tandemlab.models.files import load_model, save_model
    from tandemlab.models.formats import ModelFormat
    from tandemlab.models.signatures import infer_signature

_HOMES = {
    "ModelFormat": "tandemlab.models.formats",
    "ModelSignature": "tandemlab.domain.signatures",
    "infer_signature": "tandemlab.models.signatures",
    "load_model": "tandemlab.models.files",
    "save_model": "tandemlab.models.files",
}

__all__ = ["ModelFormat", "ModelSignature", "infer_signature", "load_model", "save_model"]

__getattr__ = loader(__name__, _HOMES)
