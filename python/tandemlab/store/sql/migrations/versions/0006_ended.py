"""Runs by when they have ended: what schedules and notifications ask for every second."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("runs_by_end", "runs", ["ended"], unique=False)
