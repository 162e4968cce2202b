"""Statements about which runs use which assets."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tandemlab.domain.assets import AssetRole, AssetUsage
from tandemlab.store.sql import assets, runs
from tandemlab.store.sql.engine import upsert
from tandemlab.store.sql.schema import asset_names, asset_usages
from tandemlab.store.sql.schema import runs as runs_table


def add(connection: Connection, usage: AssetUsage) -> None:
    """Record that a run uses an asset; raises `NotFound` if either is not there."""
    run = runs.lock(connection, [usage.run_id])[usage.run_id]
    if assets.find(connection, usage.kind, usage.name, usage.version) is None:
        raise assets.not_found(usage.kind, usage.name, usage.version)
    restore(connection, run.key, usage)


def restore(connection: Connection, run_key: int, usage: AssetUsage) -> None:
    """Record that a run has used an asset, which may have been deleted since."""
    name_key, _ = connection.execute(
        assets.lock_name(connection.dialect.name),
        {"kind": usage.kind, "name": usage.name, "last_version": 0},
    ).one()
    assets.count(connection, name_key, usage.version)
    connection.execute(
        upsert(connection.dialect.name, asset_usages)
        .values(
            run_key=run_key,
            role=usage.role.value,
            label=usage.label,
            name_key=name_key,
            version=usage.version,
        )
        .on_conflict_do_nothing()
    )


def find(
    connection: Connection,
    run_id: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    version: int | None = None,
) -> list[AssetUsage]:
    """Usages that match, by run, role and label."""
    statement = (
        select(
            runs_table.c.id,
            asset_usages.c.role,
            asset_usages.c.label,
            asset_names.c.kind,
            asset_names.c.name,
            asset_usages.c.version,
        )
        .join(runs_table, runs_table.c.key == asset_usages.c.run_key)
        .join(asset_names, asset_names.c.key == asset_usages.c.name_key)
        .order_by(
            runs_table.c.created,
            runs_table.c.id,
            asset_usages.c.role,
            asset_usages.c.label,
            asset_names.c.kind,
            asset_names.c.name,
            asset_usages.c.version,
        )
    )
    for column, value in (
        (runs_table.c.id, run_id),
        (asset_names.c.kind, kind),
        (asset_names.c.name, name),
        (asset_usages.c.version, version),
    ):
        if value is not None:
            statement = statement.where(column == value)
    return [
        AssetUsage(row[0], AssetRole(row[1]), *row[2:]) for row in connection.execute(statement)
    ]
