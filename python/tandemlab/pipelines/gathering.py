"""What a run does that gathers the outputs of a step's items: one for each name, in their order."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import place_variable


def gather() -> None:
    """Write the outputs of this run, as the file of its input ``parts`` says.

    That is a JSON object with, by output, ``type`` (of what is made) and ``paths`` (of the items').

    Raises:
        InvalidInput: the tables of two items have other columns.
    """
    parts = json.loads(Path(os.environ[place_variable("inputs", "parts")]).read_text())
    for name, content in parts.items():
        target = Path(os.environ[place_variable("outputs", name)])
        paths = [Path(path) for path in content["paths"]]
        {"json": _gather_json, "table": gather_tables}.get(content["type"], _gather_files)(
            paths, target
        )


def _gather_json(paths: Sequence[Path], target: Path) -> None:
    values = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    target.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")


def gather_tables(paths: Sequence[Path], target: Path) -> None:
    """Tables one below another.

    Raises:
        InvalidInput: two of them have other columns; it names both files and what differs.
    """
    import pyarrow as pa

    from tandemlab.bridge import read_frame

    tables = [read_frame(path) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        _check_columns(tables[0].schema, table.schema, paths[0], path)
    whole = pa.concat_tables(tables).unify_dictionaries() if tables else pa.table({})
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, whole.schema) as writer:
        writer.write_table(whole)


def _check_columns(wanted: object, found: object, first: Path, path: Path) -> None:
    left = {field.name: str(field.type) for field in wanted}  # type: ignore[attr-defined]
    right = {field.name: str(field.type) for field in found}  # type: ignore[attr-defined]
    differing = [name for name in {**left, **right} if left.get(name) != right.get(name)]
    if differing or list(left) != list(right):
        told = "; ".join(
            f"{name!r} is {left.get(name, 'absent')} in the first and {right.get(name, 'absent')} "
            "in the other"
            for name in differing
        )
        raise InvalidInput(
            f"The tables {first} and {path} cannot be put together: "
            f"{told or 'their columns are in another order'}.",
            hint="Have the step give the same columns of the same types for each item.",
        )


def _gather_files(paths: Sequence[Path], target: Path) -> None:
    digits = len(str(max(len(paths) - 1, 0)))
    target.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(paths):
        name = f"{number:0{digits}d}"
        if path.is_dir():
            shutil.copytree(path, target / name, copy_function=_link)
        else:
            _link(path, target / f"{name}{path.suffix}")


def _link(source: str | Path, target: str | Path) -> None:
    """A file of another run, which nobody changes: the same one here, if it can be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


if __name__ == "__main__":
    gather()
