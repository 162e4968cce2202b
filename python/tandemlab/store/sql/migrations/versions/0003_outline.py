"""Long series in outline; those that are here are put in outline once more points come."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "outline",
        sa.Column("metric_key", KEY, nullable=False),
        sa.Column("writer_key", KEY, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("form", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", TEXT, nullable=True),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["metric_key"], ["metrics.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("metric_key", "writer_key", "seq", "position"),
        sqlite_with_rowid=False,
    )
