"""Turning what users have — frames, figures, matrices — into what a run logs."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tandemlab.domain import InvalidInput
from tandemlab.domain.scalars import as_scalar, to_json

_SCHEMA_VERSIONS = {
    "confusion_matrix": "1.0.0",
    "accuracy_table": "1.0.1",
    "residuals": "1.0.0",
    "predictions": "1.0.0",
}
_REQUIRED = {
    "confusion_matrix": {"class_labels", "matrix"},
    "accuracy_table": {
        "probability_tables",
        "percentile_tables",
        "probability_thresholds",
        "percentile_thresholds",
        "class_labels",
    },
    "residuals": {"bin_edges", "bin_counts"},
    "predictions": {"bin_averages", "bin_errors", "bin_counts", "bin_edges"},
}
_IMAGE_STARTS = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
    b"BM": ".bmp",
    b"RIFF": ".webp",
    b"II*\x00": ".tiff",
    b"MM\x00*": ".tiff",
}


def as_items(value: object) -> Iterable[object]:
    """The items of a list, tuple, range, array or series.

    Raises:
        InvalidInput: text or a single value.
    """
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise InvalidInput(
            f"log_list takes several values, not {type(value).__name__}.",
            hint="Use log for one value, log_table for columns.",
        )
    tolist = getattr(value, "tolist", None)
    return tolist() if callable(tolist) else value


def as_columns(value: object) -> dict[str, list[Any]]:
    """Columns of equal length in the spool's form, from a dict or a data frame.

    Raises:
        InvalidInput: not a table, columns of unequal length, or cells that are no scalars.
    """
    columns = value if isinstance(value, Mapping) else _frame_columns(value)
    table = {}
    for name, cells in columns.items():
        items = [cells] if _is_cell(cells) else as_items(cells)
        table[str(name)] = [to_json(as_scalar(cell, what=f"cell of {name!r}")) for cell in items]
    lengths = {name: len(cells) for name, cells in table.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise InvalidInput(
            f"The columns of a table have one length; these have {shown}.",
            details={"lengths": lengths},
        )
    return table


def _is_cell(value: object) -> bool:
    return isinstance(value, (str, bytes)) or not isinstance(value, Iterable)


def _frame_columns(value: object) -> Mapping[Any, Any]:
    """Columns of a pandas, polars or Arrow table, known by their methods."""
    if hasattr(value, "columns") and hasattr(value, "items"):
        return {name: column.tolist() for name, column in value.items()}
    for method in ("to_pydict", "to_dict"):
        convert = getattr(value, method, None)
        if callable(convert):
            columns = convert() if method == "to_pydict" else convert(as_series=False)
            if isinstance(columns, Mapping):
                return columns
    raise InvalidInput(
        f"{type(value).__name__} is not a table.",
        hint="Give a dict of columns or a data frame.",
    )


def as_chart(kind: str, value: object) -> dict[str, Any]:
    """A chart in SDK v1's schema, checked, from its data, its whole object or JSON text.

    Raises:
        InvalidInput: not JSON, another kind of chart, or parts missing or of unequal size.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidInput(f"The {kind} is not JSON: {error}.") from error
    if not isinstance(value, Mapping):
        raise InvalidInput(f"A {kind} is a dict or JSON text, not {type(value).__name__}.")
    if value.get("schema_type", kind) != kind:
        raise InvalidInput(f"This is a {value['schema_type']}, not a {kind}.")
    data = value.get("data", value)
    missing = _REQUIRED[kind] - set(data)
    if missing:
        raise InvalidInput(
            f"The {kind} lacks {', '.join(sorted(missing))}.",
            details={"missing": sorted(missing)},
        )
    plain = {name: _plain(data[name], name) for name in sorted(_REQUIRED[kind])}
    _check_sizes(kind, plain)
    version = value.get("schema_version", _SCHEMA_VERSIONS[kind])
    return {"schema_type": kind, "schema_version": version, "data": plain}


def _plain(value: object, name: str) -> Any:
    tolist = getattr(value, "tolist", None)
    if callable(tolist):
        value = tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item, name) for item in value]
    return to_json(as_scalar(value, what=f"value in {name}"))


def _check_sizes(kind: str, data: Mapping[str, Any]) -> None:
    for name, value in data.items():
        if not isinstance(value, list):
            raise InvalidInput(f"{name} of a {kind} is a list, not {type(value).__name__}.")
    if kind == "confusion_matrix":
        size = len(data["class_labels"])
        rows = data["matrix"]
        if len(rows) != size or any(not isinstance(r, list) or len(r) != size for r in rows):
            raise InvalidInput(
                f"A confusion matrix of {size} classes has {size} rows of {size} counts.",
                hint="class_labels and matrix must fit.",
            )
    elif "bin_edges" in data:
        bins = len(data["bin_counts"])
        if len(data["bin_edges"]) != bins + 1:
            raise InvalidInput(f"{bins} bins have {bins + 1} edges, not {len(data['bin_edges'])}.")


def as_image(path: str | Path | None, plot: Any) -> tuple[Callable[[], Path | BinaryIO], str]:
    """What gives an image's content (anew each time), and its file extension.

    Raises:
        InvalidInput: neither or both given, no such file, or a file that is not an image.
    """
    if (path is None) is (plot is None):
        raise InvalidInput("Give either the path of an image, or a plot.")
    if path is not None:
        return _image_file(Path(path))
    if not hasattr(plot, "savefig"):
        raise InvalidInput(
            f"A plot has a savefig method; {type(plot).__name__} has none.",
            hint="Give a matplotlib figure, or save the image and give its path.",
        )
    buffer = io.BytesIO()
    plot.savefig(buffer, format="png")
    return (lambda: io.BytesIO(buffer.getvalue())), ".png"


def _image_file(path: Path) -> tuple[Callable[[], Path], str]:
    if not path.is_file():
        raise InvalidInput(f"There is no image at {path}.", details={"path": str(path)})
    with path.open("rb") as stream:
        start = stream.read(256)
    for magic, suffix in _IMAGE_STARTS.items():
        if start.startswith(magic):
            return (lambda: path), suffix
    if b"<svg" in start:
        return (lambda: path), ".svg"
    raise InvalidInput(
        f"{path} is not an image (PNG, JPEG, GIF, BMP, WebP, TIFF or SVG).",
        details={"path": str(path)},
    )


def image_names(name: str, suffix: str) -> Iterator[str]:
    """File names to try for an image, one after another."""
    base = re.sub(r"[^\w.-]+", "_", name).strip("._")[:100] or "image"
    yield f"images/{base}{suffix}"
    number = 2
    while True:
        yield f"images/{base}_{number}{suffix}"
        number += 1
