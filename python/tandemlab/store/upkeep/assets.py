"""Do the store and the files of assets say the same?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from tandemlab.domain import FileRecord, StorageError
from tandemlab.domain.assets import Asset, AssetUsage
from tandemlab.store.artifacts import ArtifactBlobs
from tandemlab.store.asset_files import AssetFiles, DeletedAsset, Kept, note_usage, read_usages
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.sql import SqlStore
from tandemlab.store.upkeep.cases import Case, case, inside, set_aside, sql_store
from tandemlab.store.upkeep.runs import directories


def asset_cases(folder: WorkspaceFolder) -> Iterator[Case]:
    """Assets that only one of the two knows, or of which one knows less; and damaged files."""
    files = AssetFiles(folder.path)
    is_used = files.root.exists() and os.access(folder.path, os.W_OK)
    with files.locked() if is_used else nullcontext():  # nobody is between the two
        listed = sql_store(folder).list_assets(archived=True, all_versions=True)
        paths = files.paths()
        said = {path: _read(files, path) for path in paths}
    known = {files.path(asset.kind, asset.name, asset.version): asset for asset in listed}
    for path, kept in said.items():
        yield from _cases_of(folder, path, kept, known.get(path))
    if (folder.path / "store.db").exists():  # a database may serve folders with files of their own
        for path in known.keys() - said.keys():
            yield case(
                "asset_json_missing",
                inside(folder, path),
                "The store knows this asset, and a store that is built anew would not.",
                "It is written from the store.",
                partial(files.write, known[path]),
            )
        yield from _usage_cases(folder)


def _read(files: AssetFiles, path: Path) -> Kept | StorageError:
    try:
        return files.read(path)
    except StorageError as problem:
        return problem


def _cases_of(
    folder: WorkspaceFolder, path: Path, kept: Kept | StorageError, known: Asset | None
) -> Iterator[Case]:
    where = inside(folder, path)
    if isinstance(kept, StorageError):
        yield case(
            "asset_json_damaged",
            where,
            kept.message,
            "Restore it from a backup: the store does not know this asset."
            if known is None
            else "It is written anew from the store, and the damaged one is kept beside it.",
            None if known is None else partial(_write_anew, folder, path, known),
        )
    elif isinstance(kept, DeletedAsset):
        if known is not None:
            yield case(
                "asset_undeleted",
                where,
                "This asset was deleted, and the store still has it.",
                "It is deleted there.",
                partial(folder.registry.tell, path),
            )
    elif known is None and folder.registry.is_deleted(path):
        yield case(
            "asset_undeleted",
            where,
            "This asset was deleted, and its file is still here.",
            "The file says so from then on.",
            partial(folder.registry.files.bury, kept),
        )
    elif known is None or known.updated < kept.updated:
        yield case(
            "asset_unknown" if known is None else "asset_outdated",
            where,
            "The store does not know this asset."
            if known is None
            else "The store lacks the last change of this asset.",
            "The store is told of it.",
            partial(folder.registry.tell, path),
        )
    elif known != kept:
        yield case(
            "asset_json_outdated",
            where,
            "It lacks the last change of this asset.",
            "It is written anew from the store.",
            partial(folder.registry.files.write, known),
        )


def _write_anew(folder: WorkspaceFolder, path: Path, asset: Asset) -> None:
    path.rename(set_aside(path))
    folder.registry.files.write(asset)


def _usage_cases(folder: WorkspaceFolder) -> Iterator[Case]:
    """Usages that only the store, or only a run's directory knows."""
    store = sql_store(folder)
    known: dict[str, set[AssetUsage]] = {}
    for usage in store.find_usages():
        known.setdefault(usage.run_id, set()).add(usage)
    present = {directory.name: directory for directory in directories(folder)}
    for run_id in store.known_runs(present):
        directory, here = present[run_id], known.get(run_id, set())
        said = set(read_usages(directory))
        if said != here:
            yield case(
                "usages_differ",
                f"{inside(folder, directory)}/usages.jsonl",
                "The store and the run's directory do not say the same of the assets that it uses.",
                "Each is told what the other knows.",
                partial(_agree, store, directory, said, here),
            )


def _agree(store: SqlStore, directory: Path, said: set[AssetUsage], known: set[AssetUsage]) -> None:
    for usage in said - known:
        store.restore_usage(usage)
    for usage in known - said:
        note_usage(directory, usage)


def asset_contents(folder: WorkspaceFolder) -> Iterator[tuple[str, FileRecord]]:
    """The files of assets whose contents must be here, each with what asset it is of.

    Folders that share a database have those of the assets that were registered in them; a place
    for contents that they share has all.
    """
    files = AssetFiles(folder.path)
    has_all = isinstance(folder.blobs, ArtifactBlobs) or (folder.path / "store.db").exists()
    for asset in sql_store(folder).list_assets(archived=True, all_versions=True):
        if has_all or files.path(asset.kind, asset.name, asset.version).exists():
            for file in asset.files:
                yield f"the {asset.kind} {asset.reference}", file


def restore_assets(folder: WorkspaceFolder, store: SqlStore, salvaged: list[Asset]) -> None:
    """Tell a new store of all assets: by their files, and what is read of the old store.

    Of two tellings the later change holds; what was deleted stays so.
    """
    files = AssetFiles(folder.path)
    found = {(asset.kind, asset.name, asset.version): asset for asset in salvaged}
    for path in files.paths():
        kept = _read(files, path)
        if isinstance(kept, StorageError):
            continue  # the check tells of it
        key = (kept.kind, kept.name, kept.version)
        if isinstance(kept, DeletedAsset):
            found.pop(key, None)
            store.bury_asset(*key)
        elif key not in found or found[key].updated <= kept.updated:
            found[key] = kept
    for asset in sorted(found.values(), key=lambda each: each.updated):
        store.restore_asset(asset)
