"""Environments as former versions kept them: files in the workspace folder, in no store.

``environments/NAME/VERSION.json`` is ``{"format": 1, "version", "created", "environment"}``.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from tandemlab.domain import TandemlabError
from tandemlab.domain.assets import Asset, NewAsset
from tandemlab.store.asset_files import AssetFiles
from tandemlab.store.sql import SqlStore


def migrate_environments(root: Path, store: SqlStore) -> None:
    """Make assets of the environments that a workspace folder has in the former form, once.

    What cannot be read stays where it is.

    Args:
        root: ``environments`` in the workspace folder.
    """
    if not os.access(root, os.W_OK) or not store.is_writable:
        return
    files = AssetFiles(root.parent)
    with files.locked():
        found = [path for path in root.glob("*/*.json") if path.stem.isdecimal()]
        for path in sorted(found, key=lambda path: (path.parent.name, int(path.stem))):
            with suppress(ValueError, KeyError, TypeError, TandemlabError):
                files.write(_migrate(path, store))
                path.unlink()
        for name in [*root.iterdir(), root]:
            with suppress(OSError):  # it holds what could not be read
                name.rmdir()


def _migrate(path: Path, store: SqlStore) -> Asset:
    content = json.loads(path.read_text(encoding="utf-8"))
    definition = content["environment"]
    new = NewAsset("environment", definition["name"], definition, always_new=True)
    created = datetime.fromisoformat(content["created"])
    known = store.get_asset(new.kind, new.name, content["version"])
    if known is not None:  # the folders of a database had versions of their own
        return known if known.digest == new.digest else store.register_asset(new)
    asset = Asset(
        kind=new.kind,
        name=new.name,
        version=content["version"],
        created=created,
        updated=created,
        digest=new.digest,
        definition=new.definition,
    )
    store.restore_asset(asset)
    return asset
