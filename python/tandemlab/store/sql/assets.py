"""Statements about assets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from tandemlab.domain import Conflict, FileRecord, NotFound
from tandemlab.domain.assets import Asset, AssetChange, NewAsset
from tandemlab.domain.times import from_micros, now, to_micros
from tandemlab.store.sql import runs
from tandemlab.store.sql.among import among
from tandemlab.store.sql.engine import upsert
from tandemlab.store.sql.schema import (
    asset_aliases,
    asset_files,
    asset_names,
    assets,
)

_WHOLE = select(assets, asset_names.c.kind, asset_names.c.name).join(
    asset_names, asset_names.c.key == assets.c.name_key
)
_OF_NAME = _WHOLE.where(
    asset_names.c.kind == bindparam("kind"), asset_names.c.name == bindparam("name")
)
_OF_VERSION = _OF_NAME.where(assets.c.version == bindparam("version"))
_OF_ALIAS = _OF_NAME.join(asset_aliases, asset_aliases.c.asset_key == assets.c.key).where(
    asset_aliases.c.alias == bindparam("alias")
)
_NEWEST = _OF_NAME.order_by(assets.c.version.desc()).limit(1)
_VISIBLE = _NEWEST.where(assets.c.archived.is_(False))
_OF_REQUEST = _WHOLE.where(
    assets.c.name_key == bindparam("key"), assets.c.request == bindparam("request")
)
_OF_RUN = _WHOLE.where(assets.c.run_id == bindparam("run")).order_by(
    asset_names.c.kind, asset_names.c.name, assets.c.version
)
_ALIASES = (
    select(asset_aliases.c.asset_key, asset_aliases.c.alias)
    .where(among(asset_aliases.c.asset_key, "keys"))
    .order_by(asset_aliases.c.alias)
)
_FILES = (
    select(asset_files.c.asset_key, asset_files.c.name, asset_files.c.digest, asset_files.c.size)
    .where(among(asset_files.c.asset_key, "keys"))
    .order_by(asset_files.c.name)
)
FIND_NAME = select(asset_names.c.key).where(
    asset_names.c.kind == bindparam("kind"), asset_names.c.name == bindparam("name")
)


def register(connection: Connection, new: NewAsset) -> Asset:
    """The next version of a name, or the newest one if it is the same.

    Raises:
        NotFound: no run of that id.
        Conflict: it is based on another version than the newest.
    """
    if new.run_id is not None:
        runs.require_key(connection, new.run_id)
    # Whoever registers under this name waits here for those who do.
    key, last = connection.execute(
        lock_name(connection.dialect.name), {"kind": new.kind, "name": new.name, "last_version": 0}
    ).one()
    done = _one(connection, _OF_REQUEST, key=key, request=new.key)
    if done is not None:
        return done
    newest = _one(connection, _NEWEST, kind=new.kind, name=new.name)
    _check_base(new, newest)
    is_known = newest is not None and newest.digest == new.digest and not newest.archived
    if newest is not None and is_known and not new.always_new:
        return newest
    time = now()
    asset = Asset(
        kind=new.kind,
        name=new.name,
        version=last + 1,
        created=time,
        updated=time,
        digest=new.digest,
        definition=new.definition,
        user=new.user,
        description=new.description or None,
        tags=new.tags,
        properties=new.properties,
        aliases=new.aliases,
        run_id=new.run_id,
        files=new.files,
    )
    count(connection, key, asset.version)
    _insert(connection, key, asset, new.key)
    return asset


@cache
def lock_name(dialect: str) -> Any:
    """Key and last version of a name, which is made if it is not there."""
    statement = upsert(dialect, asset_names)
    return statement.on_conflict_do_update(
        index_elements=["kind", "name"], set_={"last_version": asset_names.c.last_version}
    ).returning(asset_names.c.key, asset_names.c.last_version)


def _check_base(new: NewAsset, newest: Asset | None) -> None:
    there = 0 if newest is None else newest.version
    if new.based_on is None or new.based_on == there:
        return
    if newest is None:
        raise NotFound(
            f"The {new.kind} {new.name!r} is not there any more.",
            hint="Keep it under another name, or anew.",
            details={"what": new.kind, "name": new.name, "version": new.based_on},
        )
    raise Conflict(
        f"The {new.kind} {new.name!r} has version {there} now, by {newest.user or 'somebody'}, and "
        f"what was to be kept is based on version {new.based_on}.",
        hint="Look at what has changed, and keep yours based on that, or under another name.",
        details={
            "version": there,
            "user": newest.user,
            "created": newest.created.isoformat(),
        },
    )


def count(connection: Connection, key: int, version: int) -> None:
    """See to it that a version is not given to another."""
    connection.execute(
        update(asset_names)
        .where(asset_names.c.key == key, asset_names.c.last_version < version)
        .values(last_version=version)
    )


def _insert(connection: Connection, name_key: int, asset: Asset, request: str | None) -> None:
    row = {
        "name_key": name_key,
        "version": asset.version,
        "created": to_micros(asset.created),
        "updated": to_micros(asset.updated),
        "digest": asset.digest,
        "definition": json.dumps(asset.definition),
        "user": asset.user,
        "description": asset.description,
        "tags": json.dumps(dict(asset.tags)),
        "properties": json.dumps(dict(asset.properties)),
        "archived": asset.archived,
        "run_id": asset.run_id,
        "request": request,
    }
    key = connection.execute(insert(assets).returning(assets.c.key), row).scalar_one()
    _put_aliases(connection, name_key, key, asset.aliases)
    if asset.files:
        connection.execute(
            insert(asset_files),
            [
                {"asset_key": key, "name": file.name, "digest": file.digest, "size": file.size}
                for file in asset.files
            ],
        )


def _put_aliases(connection: Connection, name_key: int, key: int, names: Sequence[str]) -> None:
    """Have a version be called by these aliases; the versions that had them are changed too."""
    if not names:
        return
    losers = select(asset_aliases.c.asset_key).where(
        asset_aliases.c.name_key == name_key,
        asset_aliases.c.alias.in_(names),
        asset_aliases.c.asset_key != key,
    )
    time = to_micros(now())
    connection.execute(
        update(assets)
        .where(assets.c.key.in_(losers))
        .values(updated=case((assets.c.updated < time, time), else_=assets.c.updated + 1))
    )
    for alias in names:
        statement = upsert(connection.dialect.name, asset_aliases)
        connection.execute(
            statement.values(name_key=name_key, alias=alias, asset_key=key).on_conflict_do_update(
                index_elements=["name_key", "alias"], set_={"asset_key": key}
            )
        )


def find(
    connection: Connection, kind: str, name: str, version: int | str | None = None
) -> Asset | None:
    """A version of a name, by its number or an alias; the newest that is not archived if None."""
    asked = {"kind": kind, "name": name}
    if version is None:
        return _one(connection, _VISIBLE, **asked)
    if isinstance(version, str):
        return _one(connection, _OF_ALIAS, **asked, alias=version)
    return _one(connection, _OF_VERSION, **asked, version=version)


def find_all(
    connection: Connection,
    kind: str | None,
    name: str | None,
    *,
    archived: bool,
    all_versions: bool,
) -> list[Asset]:
    """Assets by kind and name, the newest version of a name first."""
    statement = _WHOLE.order_by(asset_names.c.kind, asset_names.c.name, assets.c.version.desc())
    if kind is not None:
        statement = statement.where(asset_names.c.kind == kind)
    if name is not None:
        statement = statement.where(asset_names.c.name == name)
    if not archived:
        statement = statement.where(assets.c.archived.is_(False))
    if not all_versions:
        others = assets.alias()
        newest = select(func.max(others.c.version)).where(others.c.name_key == assets.c.name_key)
        if not archived:
            newest = newest.where(others.c.archived.is_(False))
        statement = statement.where(assets.c.version == newest.scalar_subquery())
    return _assets(connection, connection.execute(statement).all())


def made_by(connection: Connection, run_id: str) -> list[Asset]:
    """The assets that a run has made."""
    return _assets(connection, connection.execute(_OF_RUN, {"run": run_id}).all())


def change(
    connection: Connection, kind: str, name: str, version: int, wanted: AssetChange
) -> Asset:
    """Change what may change; raises `NotFound`, and `AlreadyExists` for a written property."""
    name_key, key = _lock(connection, kind, name, version)
    asset = find(connection, kind, name, version)
    assert asset is not None
    values: dict[str, Any] = {
        "tags": json.dumps(wanted.of_tags(asset.tags)),
        "properties": json.dumps(wanted.of_properties(asset.properties)),
        "updated": max(to_micros(now()), to_micros(asset.updated) + 1),
    }
    if wanted.description is not None:
        values["description"] = wanted.description or None
    if wanted.archived is not None:
        values["archived"] = wanted.archived
    connection.execute(update(assets).where(assets.c.key == key).values(**values))
    if wanted.aliases is not None:
        connection.execute(delete(asset_aliases).where(asset_aliases.c.asset_key == key))
        _put_aliases(connection, name_key, key, wanted.aliases)
    found = find(connection, kind, name, version)
    assert found is not None
    return found


def remove(connection: Connection, kind: str, name: str, version: int) -> None:
    """Forget a version; its number is not used again. Raises `NotFound`."""
    _, key = _lock(connection, kind, name, version)
    connection.execute(delete(assets).where(assets.c.key == key))


def _lock(connection: Connection, kind: str, name: str, version: int) -> tuple[int, int]:
    """Keys of a name and of a version of it, which this transaction alone changes."""
    name_key = connection.execute(
        FIND_NAME.with_for_update(), {"kind": kind, "name": name}
    ).scalar()
    found = select(assets.c.key).where(assets.c.name_key == name_key, assets.c.version == version)
    key = None if name_key is None else connection.execute(found).scalar()
    if name_key is None or key is None:
        raise not_found(kind, name, version)
    return name_key, key


def not_found(kind: str, name: str, version: int | str) -> NotFound:
    """The error for a version that is not there."""
    return NotFound(
        f"There is no {kind} {name!r} of version {version}.",
        details={"what": kind, "name": name, "version": version},
    )


def restore(connection: Connection, asset: Asset) -> None:
    """Have a version be as it is told, whether it is there or not."""
    key, _ = connection.execute(
        lock_name(connection.dialect.name),
        {"kind": asset.kind, "name": asset.name, "last_version": 0},
    ).one()
    known = select(assets.c.request).where(
        assets.c.name_key == key, assets.c.version == asset.version
    )
    request = connection.execute(known).scalar()
    connection.execute(
        delete(assets).where(assets.c.name_key == key, assets.c.version == asset.version)
    )
    count(connection, key, asset.version)
    _insert(connection, key, asset, request)


def last_version(connection: Connection, kind: str, name: str) -> int:
    """The last version that a name was given; 0 if none."""
    statement = select(asset_names.c.last_version).where(
        asset_names.c.kind == kind, asset_names.c.name == name
    )
    return connection.execute(statement).scalar() or 0


def bury(connection: Connection, kind: str, name: str, version: int) -> None:
    """See to it that a version which was deleted is gone, and not given to another."""
    key, _ = connection.execute(
        lock_name(connection.dialect.name), {"kind": kind, "name": name, "last_version": 0}
    ).one()
    count(connection, key, version)
    connection.execute(delete(assets).where(assets.c.name_key == key, assets.c.version == version))


def _one(connection: Connection, statement: Select[Any], **values: Any) -> Asset | None:
    return next(iter(_assets(connection, connection.execute(statement, values).all())), None)


def _assets(connection: Connection, rows: Sequence[Row[Any]]) -> list[Asset]:
    keys = {"keys": [row.key for row in rows]}
    aliases = _by_asset(connection, _ALIASES, keys) if rows else {}
    files = _by_asset(connection, _FILES, keys) if rows else {}
    return [
        Asset(
            kind=row.kind,
            name=row.name,
            version=row.version,
            created=from_micros(row.created),
            updated=from_micros(row.updated),
            digest=row.digest,
            definition=json.loads(row.definition),
            user=row.user,
            description=row.description,
            tags=json.loads(row.tags),
            properties=json.loads(row.properties),
            aliases=tuple(alias for (alias,) in aliases.get(row.key, ())),
            archived=row.archived,
            run_id=row.run_id,
            files=tuple(FileRecord(*file) for file in files.get(row.key, ())),
        )
        for row in rows
    ]


def _by_asset(
    connection: Connection, statement: Select[Any], keys: Mapping[str, Any]
) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for key, *rest in connection.execute(statement, keys):
        found.setdefault(key, []).append(tuple(rest))
    return found
