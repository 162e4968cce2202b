"""A workspace at a server: the Store protocol over REST, blobs with a cache, and the sender."""

from tandemlab.store.http.place import RemoteWorkspace
from tandemlab.store.http.store import HttpStore

__all__ = ["HttpStore", "RemoteWorkspace"]
