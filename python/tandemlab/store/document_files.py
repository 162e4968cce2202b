"""Files that people write in YAML, read whole."""

from __future__ import annotations

import os
from pathlib import Path

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.documents import Document, read_document


def read_document_file(path: str | os.PathLike[str]) -> Document:
    """The document that a YAML file holds; an empty one holds None.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it cannot be read, is not in UTF-8, or is no YAML.
    """
    file = Path(path)
    details = {"path": str(file)}
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.", details=details) from None
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise InvalidInput(f"{file} cannot be read: {reason}.", details=details) from None
    return read_document(text, str(file))
