"""Assets as files: what a store that is built anew knows them from.

``registry/KIND/NAME/VERSION.json`` has all of a version, or says that it was deleted;
``runs/RUN_ID/usages.jsonl`` has a line for each asset that the run uses.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tandemlab.domain import FileRecord, StorageError, TandemlabError, VersionMismatch
from tandemlab.domain.assets import Asset, AssetUsage, digest_of_asset
from tandemlab.domain.times import from_micros, now, to_micros
from tandemlab.store.durable import storage_errors, write_json

_FORMAT = 1
_LOCK = "registry.lock"
_USAGES = "usages.jsonl"


@dataclass(frozen=True, slots=True)
class DeletedAsset:
    """A version that is not there any more, and whose number is not used again."""

    kind: str
    name: str
    version: int


Kept: TypeAlias = Asset | DeletedAsset


@dataclass(frozen=True)
class AssetFiles:
    """The files of a workspace folder's assets.

    Attributes:
        folder: the workspace folder.
    """

    folder: Path

    @property
    def root(self) -> Path:
        """Where they are."""
        return self.folder / "registry"

    def path(self, kind: str, name: str, version: int) -> Path:
        """The file of a version."""
        return self.root / kind / name / f"{version}.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes assets in this folder: the store and the files go together."""
        with storage_errors(self.folder / _LOCK):
            descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def paths(self) -> list[Path]:
        """The files of all versions."""
        return sorted(path for path in self.root.glob("*/*/*.json") if path.stem.isdecimal())

    def newest(self, kind: str, name: str) -> int:
        """The last version of a name that has a file; 0 if none has."""
        found = (self.root / kind / name).glob("*.json")
        return max((int(path.stem) for path in found if path.stem.isdecimal()), default=0)

    def write(self, asset: Asset) -> None:
        """Write the file of a version, atomically."""
        content = {
            "format": _FORMAT,
            **asdict(asset),
            "created": to_micros(asset.created),
            "updated": to_micros(asset.updated),
        }
        self._write(asset, content)

    def bury(self, asset: Kept) -> None:
        """Have the file of a version say that it was deleted."""
        names = {"kind": asset.kind, "name": asset.name, "version": asset.version}
        self._write(asset, {"format": _FORMAT, **names, "deleted": to_micros(now())})

    def _write(self, asset: Kept, content: dict[str, Any]) -> None:
        path = self.path(asset.kind, asset.name, asset.version)
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, content)

    def read(self, path: Path) -> Kept:
        """What a file says.

        Raises:
            StorageError: it is damaged, or that of another version.
            VersionMismatch: a newer program wrote it.
        """
        with storage_errors(path):
            data = path.read_bytes()
        try:
            content = json.loads(data)
            found = content.pop("format")
            if found == _FORMAT:
                return self._checked(path, _asset(content))
        except (ValueError, KeyError, TypeError, AttributeError, TandemlabError) as problem:
            raise StorageError(
                f"{path} is damaged: {problem}.",
                hint="`tandemlab workspace check --repair` writes it anew where it can.",
                details={"path": str(path)},
            ) from problem
        raise VersionMismatch(
            f"{path} has format {found}; this tandemlab knows {_FORMAT}.",
            hint="Upgrade tandemlab.",
            details={"found": found, "known": _FORMAT},
        )

    def _checked(self, path: Path, asset: Kept) -> Kept:
        if self.path(asset.kind, asset.name, asset.version) != path:
            raise ValueError(f"it is that of {asset.kind} {asset.name}:{asset.version}")
        if isinstance(asset, Asset) and asset.digest != digest_of_asset(
            asset.definition, asset.files
        ):
            raise ValueError("what it says is not what its digest says")
        return asset


def _asset(content: dict[str, Any]) -> Kept:
    if "deleted" in content:
        return DeletedAsset(content["kind"], content["name"], content["version"])
    return Asset(
        **{
            **content,
            "created": from_micros(content["created"]),
            "updated": from_micros(content["updated"]),
            "aliases": tuple(content["aliases"]),
            "files": tuple(FileRecord(**file) for file in content["files"]),
        }
    )


def note_usage(directory: Path, usage: AssetUsage) -> None:
    """Add a line to a run's ``usages.jsonl``, unless it is there."""
    if usage in read_usages(directory):
        return
    content = asdict(usage)
    del content["run_id"]
    line = json.dumps(content, ensure_ascii=False) + "\n"
    path = directory / _USAGES
    with storage_errors(path), path.open("ab", buffering=0) as stream:
        stream.write(line.encode())


def read_usages(directory: Path) -> list[AssetUsage]:
    """The assets that a run's directory says it uses; lines that are damaged are passed over."""
    try:
        lines = (directory / _USAGES).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(AssetUsage(run_id=directory.name, **json.loads(line)))
        except (ValueError, TypeError, TandemlabError):
            continue
    return found
