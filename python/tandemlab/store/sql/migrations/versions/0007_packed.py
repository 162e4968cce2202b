"""Long definitions of runs are packed; those that are there stay as they are, and are read."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing is to be done: only programs that cannot read them must not try."""
