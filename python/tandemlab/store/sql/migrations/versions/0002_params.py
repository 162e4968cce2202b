"""Parameters of runs, who made a run, and runs without a parent by time."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "params",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("form", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", TEXT, nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_key", "name"),
    )
    op.create_index("params_by_number", "params", ["name", "number"], unique=False)
    op.create_index("params_by_text", "params", ["name", "text"], unique=False)
    op.add_column("runs", sa.Column("user", TEXT, nullable=True))
    op.create_index("runs_by_user", "runs", ["user", "created"], unique=False)
    op.drop_index("runs_by_parent", "runs")
    op.create_index("runs_by_parent", "runs", ["parent", "created"], unique=False)
    _name_users()


def _name_users() -> None:
    runs = sa.table(
        "runs", sa.column("key", KEY), sa.column("context", TEXT), sa.column("user", TEXT)
    )
    connection = op.get_bind()
    found = connection.execute(sa.select(runs.c.key, runs.c.context)).all()
    users = [
        {"run": key, "name": str(user)}
        for key, context in found
        if (user := json.loads(context).get("user"))
    ]
    if users:
        statement = sa.update(runs).where(runs.c.key == sa.bindparam("run"))
        connection.execute(statement.values(user=sa.bindparam("name")), users)
