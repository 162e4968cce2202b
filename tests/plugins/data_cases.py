"""The cases of datasets in ``tests/conformance``, and the files that they need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_CASES = Path(__file__).parents[1] / "conformance" / "datasets"


def cases_of(name: str) -> list[dict[str, Any]]:
    """The cases of a file."""
    found = yaml.safe_load((_CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return list(found)


def write_files(folder: Path, files: Mapping[str, str | None], encoding: str = "utf-8") -> None:
    """Have a folder hold texts; None takes a file away."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            (folder / name).unlink()
        else:
            # The cases have their marks of byte order themselves.
            (folder / name).write_bytes(text.encode(encoding.replace("16", "16-le")))
