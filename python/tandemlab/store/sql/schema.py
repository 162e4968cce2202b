"""The tables. Times are microseconds since 1970-01-01 UTC; JSON is text.

A change here needs a migration in `migrations/versions` and a new `HEAD`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    UniqueConstraint,
)
from sqlalchemy import Text as AnyText

HEAD = "0007"

metadata = MetaData()
Key = BigInteger().with_variant(Integer, "sqlite")
# Sorted and compared by its bytes in every database, whatever language the server speaks.
Text = AnyText().with_variant(AnyText(collation="C"), "postgresql")

experiments = Table(
    "experiments",
    metadata,
    Column("key", Key, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("last_number", Integer, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("key", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("experiment_key", Key, ForeignKey("experiments.key"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("description", Text),
    Column("parent", Text),
    Column("target", Text),
    Column("snapshot", Text),
    Column("created", BigInteger, nullable=False),
    Column("started", BigInteger),
    Column("ended", BigInteger),
    Column("exit_code", Integer),
    Column("error", Text),
    Column("definition", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("user", Text),
    UniqueConstraint("experiment_key", "number"),
    Index("runs_by_time", "created"),
    Index("runs_of_experiment", "experiment_key", "created"),
    Index("runs_by_status", "status", "created"),
    Index("runs_by_end", "ended"),
    Index("runs_by_parent", "parent", "created"),
    Index("runs_by_user", "user", "created"),
)


def _owner(*, primary_key: bool = False) -> Column[int]:
    run = ForeignKey("runs.key", ondelete="CASCADE")
    return Column("run_key", Key, run, primary_key=primary_key, nullable=False)


tags = Table(
    "tags",
    metadata,
    _owner(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text),
    Column("time", BigInteger, nullable=False),
    Column("removed", Boolean, nullable=False),
    Index("tags_by_value", "name", "value"),
)

properties = Table(
    "properties",
    metadata,
    _owner(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index("properties_by_value", "name", "value"),
)

# `text` is the value as a person would type it; `number` is there where that is a number.
params = Table(
    "params",
    metadata,
    _owner(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("form", SmallInteger, nullable=False),
    Column("number", Double),
    Column("text", Text),
    Column("time", BigInteger, nullable=False),
    Index("params_by_number", "name", "number"),
    Index("params_by_text", "name", "text"),
)

files = Table(
    "files",
    metadata,
    _owner(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Index("files_by_digest", "digest"),
)

writers = Table(
    "writers",
    metadata,
    Column("key", Key, primary_key=True),
    _owner(),
    Column("name", Text, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    UniqueConstraint("run_key", "name"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("key", Key, primary_key=True),
    _owner(),
    Column("name", Text, nullable=False),
    Column("shape", Text, nullable=False),
    Column("is_list", Boolean, nullable=False),
    Column("description", Text),
    Column("count", BigInteger, nullable=False),
    Column("latest_time", BigInteger),
    Column("latest_form", SmallInteger),
    Column("latest_number", Double),
    Column("latest_text", Text),
    UniqueConstraint("run_key", "name", "shape"),
    Index("metrics_by_latest", "name", "latest_number"),
)


def _place() -> list[Column[int]]:
    """Where an event stands: the key that makes taking it in twice impossible."""
    return [
        Column("metric_key", Key, ForeignKey("metrics.key", ondelete="CASCADE"), primary_key=True),
        Column("writer_key", Key, primary_key=True),
        Column("seq", BigInteger, primary_key=True),
    ]


def _value() -> list[Column[Any]]:
    """When a point was logged, and what."""
    return [
        Column("time", BigInteger, nullable=False),
        Column("step", BigInteger),
        Column("form", SmallInteger, nullable=False),
        Column("number", Double),
        Column("text", Text),
    ]


# The time of a point counts from the creation of its run, which takes half as many bytes.
points = Table(
    "points",
    metadata,
    *_place(),
    Column("position", Integer, primary_key=True),
    *_value(),
    sqlite_with_rowid=False,
)

# Some of the points, with their places among all points of their writer, from 1 on.
outline = Table(
    "outline",
    metadata,
    *_place(),
    Column("position", Integer, primary_key=True),
    *_value(),
    Column("ordinal", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

records = Table(
    "records",
    metadata,
    *_place(),
    Column("time", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Every name that was ever used, with its last version: versions are not used again.
asset_names = Table(
    "asset_names",
    metadata,
    Column("key", Key, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("last_version", Integer, nullable=False),
    UniqueConstraint("kind", "name"),
)

assets = Table(
    "assets",
    metadata,
    Column("key", Key, primary_key=True),
    Column("name_key", Key, ForeignKey("asset_names.key"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("user", Text),
    Column("description", Text),
    Column("tags", Text, nullable=False),
    Column("properties", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("run_id", Text),
    Column("request", Text),
    UniqueConstraint("name_key", "version"),
    UniqueConstraint("name_key", "request"),
    Index("assets_by_run", "run_id"),
)


def _asset() -> Column[int]:
    asset = ForeignKey("assets.key", ondelete="CASCADE")
    return Column("asset_key", Key, asset, primary_key=True)


asset_aliases = Table(
    "asset_aliases",
    metadata,
    Column("name_key", Key, ForeignKey("asset_names.key"), primary_key=True),
    Column("alias", Text, primary_key=True),
    Column("asset_key", Key, ForeignKey("assets.key", ondelete="CASCADE"), nullable=False),
    Index("asset_aliases_by_asset", "asset_key"),
)

asset_files = Table(
    "asset_files",
    metadata,
    _asset(),
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Index("asset_files_by_digest", "digest"),
)

# A run's usage of a version outlives that version.
asset_usages = Table(
    "asset_usages",
    metadata,
    _owner(primary_key=True),
    Column("role", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("name_key", Key, ForeignKey("asset_names.key"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Index("asset_usages_by_asset", "name_key", "version"),
)

# How far a schedule is: its revision changes with each step, so that one agent alone makes it.
schedule_positions = Table(
    "schedule_positions",
    metadata,
    Column("schedule", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("content", Text, nullable=False),
)

# Each time that a schedule was due: a slot is decided once.
firings = Table(
    "firings",
    metadata,
    Column("key", Key, primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("decided", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("reason", Text),
    Column("data", Text, nullable=False),
    Column("owner", Text),
    Column("claimed", BigInteger),
    Column("claims", Integer, nullable=False),
    UniqueConstraint("schedule", "slot"),
    Index("firings_by_due", "schedule", "due"),
    Index("firings_by_state", "state", "due"),
)
