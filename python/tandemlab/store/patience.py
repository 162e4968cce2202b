"""How long to try again and to wait for what does not answer."""

from __future__ import annotations

import os

from tandemlab.domain import InvalidInput

_PATIENCE = 10.0


def patience_seconds() -> float:
    """Seconds: those of ``TANDEMLAB_PATIENCE_SECONDS``, else 10.

    Raises:
        InvalidInput: the variable holds no number from 0.
    """
    text = os.environ.get("TANDEMLAB_PATIENCE_SECONDS", "")
    try:
        seconds = float(text) if text else _PATIENCE
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise InvalidInput(f"TANDEMLAB_PATIENCE_SECONDS is {text!r}, which is not a number from 0.")
    return seconds
