"""Alembic migrations, run from the program and not from a configuration file."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from tandemlab.store.sql.engine import changing_schema


def configuration() -> Config:
    """Alembic's configuration for the scripts beside this file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring a database forward, in one transaction."""
    config = configuration()
    with changing_schema(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
