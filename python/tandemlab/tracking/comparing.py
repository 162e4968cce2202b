"""Comparing two runs: what they logged, and what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput, NotFound, RunRecord, Scalar
from tandemlab.domain.comparison import (
    ComparedFile,
    ComparedValue,
    Comparison,
    compare_packages,
    compare_texts,
    compare_values,
)
from tandemlab.domain.scalars import as_scalars

if TYPE_CHECKING:
    from tandemlab.store.place import Blobs
    from tandemlab.store.snapshots import SnapshotFile
    from tandemlab.tracking.run_handle import RunHandle

_MACHINE = ("host", "user", "os", "python", "tandemlab")
_GIT = ("commit", "branch", "remote", "dirty")
_INTERPRETER = ("language", "version", "interpreter")
_MOST_BYTES = 1 << 20


def compare_runs(left: RunHandle, right: RunHandle) -> Comparison:
    """Compare two runs, of one workspace or of two.

    Side by side are the newest values of metrics, parameters, tags, properties, status and
    duration, the interpreter, the machine and the state of git; of the source a unified diff for
    each file, of the environment the packages that were added, removed or changed.

    Args:
        left: the run that is compared with.
        right: the run that differs from it.

    Returns:
        A `Comparison`: it prints what differs, `to_frame` has all values as a data frame.

    Raises:
        InvalidInput: not two runs.

    >>> experiment = getfixture("workspace").experiment("demo")
    >>> runs = [experiment.create_run(type="interactive") for _ in range(2)]
    >>> for run, depth in zip(runs, (3, 4)):
    ...     run.log_param("depth", depth)
    >>> from tandemlab import compare_runs
    >>> [value.name for value in compare_runs(*runs).differences if value.group == "params"]
    ['depth']
    """
    for run in (left, right):
        if not hasattr(run, "record"):
            raise InvalidInput(f"A {type(run).__name__} is not a run.", hint="Give two runs.")
    records = left.record, right.record
    environments = left.get_environment(), right.get_environment()
    return Comparison(
        _reference(records[0]),
        _reference(records[1]),
        values=_values(records, (_metrics(left), _metrics(right)), environments),
        packages=None
        if environments[0] is None or environments[1] is None
        else compare_packages(environments[0]["packages"], environments[1]["packages"]),
        code=compare_sources(left, right),
    )


def _reference(record: RunRecord) -> str:
    return f"{record.experiment}/{record.number}"


def _metrics(run: RunHandle) -> dict[str, Scalar]:
    return run.workspace.store.latest_values([run.id])[run.id]


def _values(
    records: tuple[RunRecord, RunRecord],
    metrics: tuple[dict[str, Scalar], dict[str, Scalar]],
    environments: tuple[dict[str, Any] | None, dict[str, Any] | None],
) -> list[ComparedValue]:
    groups: dict[str, list[Mapping[str, Scalar]]] = {
        "run": [_facts(record) for record in records],
        "metrics": [*metrics],
        "params": [as_scalars(record.params) for record in records],
        "tags": [_marks(record.tags) for record in records],
        "properties": [record.properties for record in records],
        "environment": [_some(found, _INTERPRETER) for found in environments],
        "machine": [_some(record.context, _MACHINE) for record in records],
        "git": [_some(record.context.get("git"), _GIT) for record in records],
    }
    return [value for group, pair in groups.items() for value in compare_values(group, *pair)]


def _facts(record: RunRecord) -> dict[str, Scalar]:
    command = record.definition.get("command")
    return {
        "display_name": record.display_name,
        "status": record.status.value,
        "type": record.type,
        "target": record.target,
        "duration": record.duration,
        "command": None if command is None else " ".join(map(str, command)),
    }


def _marks(tags: Mapping[str, str | None]) -> dict[str, Scalar]:
    """Tags as values: one without a value is there, which an absent one is not."""
    return {name: "" if value is None else value for name, value in tags.items()}


def _some(found: Mapping[str, Any] | None, names: tuple[str, ...]) -> dict[str, Scalar]:
    return {name: found[name] for name in names if name in found} if found else {}


def compare_sources(left: RunHandle, right: RunHandle) -> list[ComparedFile] | None:
    """The files that differ between the sources of two runs; None unless both were kept."""
    before, after = left.record.snapshot, right.record.snapshot
    if before is None or after is None:
        return None
    blobs = left.workspace.place.blobs, right.workspace.place.blobs
    return compare_snapshots((before, after), blobs)


def compare_snapshots(
    snapshots: tuple[str, str], blobs: tuple[Blobs, Blobs]
) -> list[ComparedFile] | None:
    """The files that differ between two sources by their digests; None unless both are there."""
    from tandemlab.store.snapshots import read_manifest

    try:
        sources = [
            {file.path: file for file in read_manifest(snapshot, kept)}
            for snapshot, kept in zip(snapshots, blobs, strict=True)
        ]
    except NotFound:  # it was removed since
        return None
    return [
        _file(path, before, after, blobs)
        for path in sorted({*sources[0], *sources[1]})
        for before, after in [(sources[0].get(path), sources[1].get(path))]
        if before is None or after is None or before.digest != after.digest
    ]


def _file(
    path: str,
    before: SnapshotFile | None,
    after: SnapshotFile | None,
    blobs: tuple[Blobs, Blobs],
) -> ComparedFile:
    texts = [
        None if file is None else _text(file, kept)
        for file, kept in zip((before, after), blobs, strict=True)
    ]
    found = compare_texts(path, *texts)
    if "\0" in (texts[0] or "") + (texts[1] or ""):
        return ComparedFile(path, found.change, "")
    return found


def _text(file: SnapshotFile, blobs: Blobs) -> str:
    r"""The text of a file; ``\0`` for one that is not text, or too large to be compared."""
    if file.size > _MOST_BYTES:
        return "\0"
    try:
        return blobs.find(file.digest).read_bytes().decode()
    except UnicodeDecodeError:
        return "\0"
