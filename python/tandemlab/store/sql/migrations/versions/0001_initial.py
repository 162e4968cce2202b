"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "runs",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("experiment_key", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("display_name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("parent", TEXT, nullable=True),
        sa.Column("target", TEXT, nullable=True),
        sa.Column("snapshot", TEXT, nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("definition", TEXT, nullable=False),
        sa.Column("context", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["experiment_key"], ["experiments.key"]),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("experiment_key", "number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("runs_by_parent", "runs", ["parent"], unique=False)
    op.create_index("runs_by_status", "runs", ["status", "created"], unique=False)
    op.create_index("runs_by_time", "runs", ["created"], unique=False)
    op.create_index("runs_of_experiment", "runs", ["experiment_key", "created"], unique=False)
    op.create_table(
        "files",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_key", "name"),
    )
    op.create_index("files_by_digest", "files", ["digest"], unique=False)
    op.create_table(
        "metrics",
        sa.Column("key", KEY, nullable=False),
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("shape", TEXT, nullable=False),
        sa.Column("is_list", sa.Boolean(), nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("latest_time", sa.BigInteger(), nullable=True),
        sa.Column("latest_form", sa.SmallInteger(), nullable=True),
        sa.Column("latest_number", sa.Double(), nullable=True),
        sa.Column("latest_text", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("run_key", "name", "shape"),
    )
    op.create_index("metrics_by_latest", "metrics", ["name", "latest_number"], unique=False)
    op.create_table(
        "properties",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_key", "name"),
    )
    op.create_index("properties_by_value", "properties", ["name", "value"], unique=False)
    op.create_table(
        "tags",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_key", "name"),
    )
    op.create_index("tags_by_value", "tags", ["name", "value"], unique=False)
    op.create_table(
        "writers",
        sa.Column("key", KEY, nullable=False),
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("run_key", "name"),
    )
    op.create_table(
        "points",
        sa.Column("metric_key", KEY, nullable=False),
        sa.Column("writer_key", KEY, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("form", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["metric_key"], ["metrics.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("metric_key", "writer_key", "seq", "position"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "records",
        sa.Column("metric_key", KEY, nullable=False),
        sa.Column("writer_key", KEY, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["metric_key"], ["metrics.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("metric_key", "writer_key", "seq"),
        sqlite_with_rowid=False,
    )
