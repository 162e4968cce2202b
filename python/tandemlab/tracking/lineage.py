"""Where a run comes from and what came of it: links, gathered from all that knows some."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tandemlab.domain import FileRecord, NotFound, RunQuery, RunRecord
from tandemlab.domain.assets import AssetRole, AssetUsage
from tandemlab.domain.jobs import fill_output
from tandemlab.domain.lineage import (
    Lineage,
    LineageKind,
    LineageLink,
    LineageNode,
    LineageRelation,
)
from tandemlab.store.run_files import ENVIRONMENT_FILE

if TYPE_CHECKING:
    from tandemlab.tracking.workspace import Workspace

_NO_OUTPUTS = frozenset({"logs", "user_logs", "system", "source"})


@dataclass(frozen=True, slots=True)
class LinkedRun:
    """A run whose links are gathered.

    Attributes:
        node: it as an end of links.
    """

    workspace: Workspace
    record: RunRecord
    files: list[FileRecord]
    node: LineageNode


class LineageSource(Protocol):
    """Knows links of one kind: what a run was made from, or what it has made."""

    def __call__(self, run: LinkedRun) -> Iterable[LineageLink]:
        """The links of a run, in a stable order."""


def lineage_of(workspace: Workspace, run_id: str) -> Lineage:
    """The links of a run; see `Run.get_lineage`."""
    workspace.place.catch_up_all()
    record = workspace.get_record(run_id)
    files = workspace.store.list_files(run_id)
    run = LinkedRun(workspace, record, files, run_node(record))
    return Lineage(run.node, [link for source in SOURCES for link in source(run)])


def run_node(record: RunRecord) -> LineageNode:
    """A run as an end of links."""
    reference = f"{record.experiment}/{record.number}"
    return LineageNode(
        LineageKind.RUN,
        record.id,
        f"{reference} {record.display_name}, {record.status.value}",
        {"run": reference, "type": record.type, "status": record.status.value},
    )


def _parents(run: LinkedRun) -> Iterator[LineageLink]:
    at = run.record
    while at.parent is not None:
        parent = run.workspace.store.get_run(at.parent)
        if parent is None:  # it was deleted
            return
        yield LineageLink(run_node(parent), LineageRelation.PARENT, run_node(at))
        at = parent


def _snapshot(run: LinkedRun) -> Iterator[LineageLink]:
    digest = run.record.snapshot
    if digest is None:
        return
    from tandemlab.store.snapshots import read_manifest

    try:
        paths = [file.path for file in read_manifest(digest, run.workspace.place.blobs)]
    except NotFound:  # it was removed since
        paths = []
    git = run.record.context.get("git") or {}
    named = (
        run.record.definition.get("script") or f"{len(paths)} file{'s' if len(paths) != 1 else ''}"
    )
    commit = f", commit {str(git['commit'])[:10]}" if git.get("commit") else ""
    node = LineageNode(
        LineageKind.SNAPSHOT,
        digest,
        f"{digest[:12]} ({named}{commit})",
        {"files": paths, "git": git or None},
    )
    yield LineageLink(node, LineageRelation.INPUT, run.node)


def _environment(run: LinkedRun) -> Iterator[LineageLink]:
    wanted = run.record.definition.get("environment")
    content = run.workspace.place.read_file(run.record.id, ENVIRONMENT_FILE)
    if content is None and wanted is None:
        return
    found = json.loads(content) if content is not None else {}
    digests = {file.name: file.digest for file in run.files}
    name = (wanted or {}).get("name") or ""
    version = run.record.definition.get("environment_version")
    if version is not None:
        name = f"{name}:{version}"
    words = [name, found.get("language"), found.get("version")]
    label = " ".join(str(word) for word in words if word)
    if found:
        label += f", {len(found['packages'])} packages"
    node = LineageNode(
        LineageKind.ENVIRONMENT,
        digests.get(ENVIRONMENT_FILE, name),
        label,
        {
            "name": (wanted or {}).get("name"),
            "version": version,
            "interpreter": found.get("interpreter"),
        },
    )
    yield LineageLink(node, LineageRelation.INPUT, run.node)


def _used(run: LinkedRun) -> Iterator[LineageLink]:
    """Assets that the run uses; its environment is told of with what was installed of it."""
    for usage in run.workspace.store.find_usages(run_id=run.record.id):
        if usage.role is AssetRole.INPUT and usage.kind != "environment":
            yield LineageLink(_asset(usage), LineageRelation.INPUT, run.node)


def _made(run: LinkedRun) -> Iterator[LineageLink]:
    """Assets that the run has made, the first of them or the same again."""
    store = run.workspace.store
    nodes = [
        _asset(usage)
        for usage in store.find_usages(run_id=run.record.id)
        if usage.role is AssetRole.OUTPUT
    ]
    known = {(node.kind, node.id) for node in nodes}
    made = (
        _asset(
            AssetUsage(
                run.record.id, AssetRole.OUTPUT, each.name, each.kind, each.name, each.version
            )
        )
        for each in store.made_assets(run.record.id)
    )
    for node in [*nodes, *(node for node in made if (node.kind, node.id) not in known)]:
        yield LineageLink(run.node, LineageRelation.OUTPUT, node)


def _asset(usage: AssetUsage) -> LineageNode:
    reference = f"{usage.name}:{usage.version}"
    is_known = usage.kind in (LineageKind.DATASET.value, LineageKind.MODEL.value)
    label = reference if usage.label == usage.name else f"{usage.label}: {reference}"
    return LineageNode(
        LineageKind(usage.kind) if is_known else LineageKind.ASSET,
        reference if is_known else f"{usage.kind}/{reference}",
        label if is_known else f"{usage.kind} {label}",
        {
            "kind": usage.kind,
            "name": usage.name,
            "version": usage.version,
            usage.role.value: usage.label,
        },
    )


def _inputs(run: LinkedRun) -> Iterator[LineageLink]:
    for name, given in (run.record.definition.get("inputs") or {}).items():
        if "path" in given:  # datasets that have a name are assets
            node = _place(name, str(given["path"]), mode=given.get("mode"))
            yield LineageLink(node, LineageRelation.INPUT, run.node)


def _places(run: LinkedRun) -> Iterator[LineageLink]:
    definition = run.record.definition
    for name, path in (definition.get("outputs") or {}).items():
        stored = (definition.get("stored_outputs") or {}).get(name)
        if stored is not None:
            path = f"{stored['datastore']}:{stored['path']}"
        if path is not None:  # else it is a folder of the run, whose files are
            path = fill_output(str(path), run.record.id, name)
            yield LineageLink(run.node, LineageRelation.OUTPUT, _place(name, path))


def _place(name: str, path: str, **details: object) -> LineageNode:
    """A file or folder outside of the run, on the machine where it ran."""
    return LineageNode(LineageKind.FILE, path, f"{name}: {path}", {"name": name, **details})


def _outputs(run: LinkedRun) -> Iterator[LineageLink]:
    for file in run.files:
        if file.name.split("/", 1)[0] not in _NO_OUTPUTS:
            node = LineageNode(
                LineageKind.FILE,
                f"{run.record.id}/{file.name}",
                file.name,
                {"digest": file.digest, "size": file.size},
            )
            yield LineageLink(run.node, LineageRelation.OUTPUT, node)


def _children(run: LinkedRun) -> Iterator[LineageLink]:
    query = RunQuery(parent=run.record.id, oldest_first=True)
    for child in run.workspace.store.find_runs(query):
        yield LineageLink(run.node, LineageRelation.PARENT, run_node(child))


# Whatever else runs read or make is one more function here, and a kind.
SOURCES: tuple[LineageSource, ...] = (
    _parents,
    _snapshot,
    _environment,
    _used,
    _inputs,
    _places,
    _made,
    _outputs,
    _children,
)
