"""The SQL store: SQLite for a folder, one code path for other databases."""

from tandemlab.store.sql.store import SqlStore

__all__ = ["SqlStore"]
