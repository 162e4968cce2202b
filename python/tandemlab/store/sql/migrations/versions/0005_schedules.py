"""How far schedules are, and each time that one was due."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "schedule_positions",
        sa.Column("schedule", TEXT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("schedule"),
    )
    op.create_table(
        "firings",
        sa.Column("key", KEY, nullable=False),
        sa.Column("schedule", TEXT, nullable=False),
        sa.Column("slot", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("data", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=True),
        sa.Column("claimed", sa.BigInteger(), nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("schedule", "slot"),
    )
    op.create_index("firings_by_due", "firings", ["schedule", "due"], unique=False)
    op.create_index("firings_by_state", "firings", ["state", "due"], unique=False)
