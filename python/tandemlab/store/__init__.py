"""Where runs are kept: the `Store` protocol, its SQL form, the spool, blobs and snapshots."""

from tandemlab.store.protocol import Store
from tandemlab.store.spool import SpoolWriter

__all__ = ["SpoolWriter", "Store"]
