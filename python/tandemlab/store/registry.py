"""Changing the assets of a workspace folder: the store, their files and their contents at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.domain import FileRecord, InvalidInput, NotFound
from tandemlab.domain.assets import Asset, AssetChange, NewAsset
from tandemlab.store.asset_files import AssetFiles
from tandemlab.store.blobs import BlobStore, is_digest

if TYPE_CHECKING:
    from tandemlab.store.sql import SqlStore


@dataclass(frozen=True)
class FolderRegistry:
    """Registers, changes and deletes assets.

    Attributes:
        folder: the workspace folder.
    """

    folder: Path
    store: SqlStore
    blobs: BlobStore

    @property
    def files(self) -> AssetFiles:
        """The assets as files."""
        return AssetFiles(self.folder)

    def register(self, new: NewAsset) -> Asset:
        """See `Store.register_asset`.

        Raises:
            InvalidInput: a content is not in the workspace.
        """
        digests = [self._renewed(file) for file in new.files]
        with self.files.locked():
            self._take_back(new.kind, new.name)
            called = self._called(new.kind, new.name, new.aliases)
            asset = self.store.register_asset(new)
            self._write(asset, called)
        if digests:
            self.blobs.commit(digests)
        return asset

    def change(self, kind: str, name: str, version: int, change: AssetChange) -> Asset:
        """See `Store.change_asset`."""
        with self.files.locked():
            called = self._called(kind, name, change.aliases or ())
            asset = self.store.change_asset(kind, name, version, change)
            self._write(asset, called)
        return asset

    def delete(self, kind: str, name: str, version: int) -> None:
        """See `Store.delete_asset`; its contents go with the next collection of garbage."""
        with self.files.locked():
            asset = self.store.get_asset(kind, name, version)
            if asset is not None:
                self.files.bury(asset)  # first: it may not come back when a store is built anew
            self.store.delete_asset(kind, name, version)

    def _renewed(self, file: FileRecord) -> str:
        """The digest of a content that is about to be recorded, made young as after a put."""
        if is_digest(file.digest):
            self.blobs.renew(file.digest)  # first: what is young stays until it is recorded
        try:
            size = self.blobs.find(file.digest).stat().st_size if is_digest(file.digest) else -1
        except NotFound:
            size = -1
        if size != file.size:
            raise InvalidInput(
                f"The content of {file.name!r} is not in the workspace.",
                hint="Put it into its blobs first.",
                details={"name": file.name, "digest": file.digest[:64]},
            )
        return file.digest

    def _take_back(self, kind: str, name: str) -> None:
        """Tell the store of versions that a power cut has taken from it: they have files."""
        newest, last = self.files.newest(kind, name), self.store.last_version(kind, name)
        for version in range(last + 1, newest + 1):
            path = self.files.path(kind, name, version)
            if path.exists():
                self.tell(path)

    def tell(self, path: Path) -> None:
        """Have the store know what a file says."""
        asset = self.files.read(path)
        if isinstance(asset, Asset):
            self.store.restore_asset(asset)
        else:
            self.store.bury_asset(asset.kind, asset.name, asset.version)

    def is_deleted(self, path: Path) -> bool:
        """Whether a file that the store does not know is of a version that was deleted there.

        Folders that share a database hear of it so; a database of our own may have lost it.
        """
        if (self.folder / "store.db").exists():
            return False
        kind, name = path.parts[-3:-1]
        return int(path.stem) <= self.store.last_version(kind, name)

    def _called(self, kind: str, name: str, aliases: Iterable[str]) -> set[int]:
        """The versions that have these aliases now."""
        found = (self.store.get_asset(kind, name, alias) for alias in aliases)
        return {asset.version for asset in found if asset is not None}

    def _write(self, asset: Asset, versions: set[int]) -> None:
        """Write the files of an asset, and of versions that it may have taken aliases from."""
        self.files.write(asset)
        for version in versions - {asset.version}:
            other = self.store.get_asset(asset.kind, asset.name, version)
            if other is not None:
                self.files.write(other)
