"""What is registered under a kind, a name and a version, and which runs use it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "asset_names",
        sa.Column("key", KEY, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("kind", "name"),
    )
    op.create_table(
        "assets",
        sa.Column("key", KEY, nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("definition", TEXT, nullable=False),
        sa.Column("user", TEXT, nullable=True),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("properties", TEXT, nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("run_id", TEXT, nullable=True),
        sa.Column("request", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["name_key"], ["asset_names.key"]),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("name_key", "version"),
        sa.UniqueConstraint("name_key", "request"),
    )
    op.create_index("assets_by_run", "assets", ["run_id"], unique=False)
    op.create_table(
        "asset_aliases",
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("alias", TEXT, nullable=False),
        sa.Column("asset_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(["name_key"], ["asset_names.key"]),
        sa.ForeignKeyConstraint(["asset_key"], ["assets.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name_key", "alias"),
    )
    op.create_index("asset_aliases_by_asset", "asset_aliases", ["asset_key"], unique=False)
    op.create_table(
        "asset_files",
        sa.Column("asset_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["asset_key"], ["assets.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("asset_key", "name"),
    )
    op.create_index("asset_files_by_digest", "asset_files", ["digest"], unique=False)
    op.create_table(
        "asset_usages",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["name_key"], ["asset_names.key"]),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_key", "role", "label", "name_key", "version"),
    )
    op.create_index("asset_usages_by_asset", "asset_usages", ["name_key", "version"], unique=False)
