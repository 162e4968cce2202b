"""Contents of a workspace folder that are kept at another place, with copies here."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.store.artifacts.place import ArtifactPlace
from tandemlab.store.blobs import BlobStore
from tandemlab.store.durable import storage_errors
from tandemlab.store.snapshots import read_manifest

_AT_ONCE = 4
_STALE_SECONDS = 3600
_MANIFEST = b'[{"path"'


class ArtifactBlobs(BlobStore):
    """Contents are put here and sent later: nobody who logs or reads waits for the other place.

    An empty file ``unsent/DIGEST`` says that a content still has to be sent. Whoever puts one makes
    that mark, also where the content is here or there already; `commit` makes it once more when a
    run has been recorded that needs it. So every content is looked up at the other place after it
    was recorded, and a collection of garbage there cannot have overlooked it.

    Args:
        root: the contents on this machine.
        unsent: the marks.
        opened: gives the other place.
        start: sees to it that somebody sends.
    """

    def __init__(
        self,
        root: Path,
        temporary: Path,
        unsent: Path,
        opened: Callable[[], ArtifactPlace],
        start: Callable[[], None],
    ) -> None:
        super().__init__(root, temporary)
        self._unsent = unsent
        self._opened = opened
        self._start = start

    @property
    def place(self) -> ArtifactPlace:
        """Where the contents are kept."""
        return self._opened()

    def find(self, digest: str) -> Path:
        """Path of a copy on this machine, which is fetched if need be; raises as `fetch` does."""
        path = super().path(digest)
        if not path.exists():
            self._fetch(digest)
        return path

    def _fetch(self, digest: str) -> None:
        temporary = self._temporary / token_hex(8)
        try:
            self.place.fetch(digest, temporary)
            with storage_errors(temporary):
                super()._place(temporary, digest)
        finally:
            with suppress(OSError):
                temporary.unlink()

    def renew(self, digest: str) -> bool:
        """Make a content that is here young, and have it sent; False if it is not here."""
        self._mark(digest)  # first: what is marked is not pruned
        return super().renew(digest)

    def commit(self, digests: Iterable[str]) -> None:
        """Have contents sent that have just been recorded."""
        for digest in digests:
            self.renew(digest)
        self._start()

    def remove(self, digest: str, before: float) -> bool:
        """Remove the copy on this machine; see `BlobStore.remove`."""
        is_removed = super().remove(digest, before)
        if is_removed:
            (self._unsent / digest).unlink(missing_ok=True)
        return is_removed

    def _place(self, temporary: Path, digest: str) -> None:
        self._mark(digest)
        super()._place(temporary, digest)

    def _mark(self, digest: str) -> None:
        with storage_errors(self._unsent):
            self._unsent.mkdir(exist_ok=True)
            (self._unsent / digest).touch()

    # Sending

    def waiting(self) -> list[str]:
        """Digests of the contents that wait to be sent."""
        if not self._unsent.is_dir():
            return []
        return sorted(path.name for path in self._unsent.iterdir())

    def send(self) -> int:
        """Send all that waits; how many contents are there now that were waiting.

        A list of a source comes last: where it is there, all that it names is there too.

        Raises:
            TandemlabError: one of them could not be sent; what was sent stays so.
        """
        waiting = self.waiting()
        lists = [digest for digest in waiting if self._is_list(digest)]
        others = sorted(set(waiting) - set(lists))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                return sum(sum(pool.map(self._send, batch)) for batch in (others, lists))
            finally:
                pool.shutdown(cancel_futures=True)

    def _is_list(self, digest: str) -> bool:
        with suppress(FileNotFoundError), self.path(digest).open("rb") as stream:
            return stream.read(len(_MANIFEST)) == _MANIFEST
        return False

    def _send(self, digest: str) -> bool:
        """Look after a content that waits; whether it is there now and nobody has put it since."""
        mark = self._unsent / digest
        with suppress(FileNotFoundError):
            before = mark.stat().st_mtime_ns
            if not self.path(digest).exists():
                if time.time() - mark.stat().st_mtime > _STALE_SECONDS:
                    mark.unlink()  # a killed process has left it; others put theirs at once
                return False
            if self._is_list(digest) and any(self._waits_for(digest)):
                return False
            if self.place.size(digest) != self.path(digest).stat().st_size:
                self.place.put(self.path(digest), digest)
            with self._locked(fcntl.LOCK_EX):
                if mark.stat().st_mtime_ns == before:
                    mark.unlink()
                    return True
        return False

    def _waits_for(self, manifest: str) -> Iterator[bool]:
        """For each file of a source, whether it is still to be sent."""
        with suppress(NotFound, InvalidInput):  # it only looks like a list
            for file in read_manifest(manifest, self):
                yield file.digest != manifest and (self._unsent / file.digest).exists()

    def prune(self, limit: int) -> None:
        """Remove the oldest copies until they take at most `limit` bytes.

        What waits to be sent stays, as does what is also a file of a run of this machine.
        """
        found = sorted(self.contents(), key=lambda content: content.modified)
        total = sum(content.size for content in found)
        for content in found:
            if total <= limit:
                return
            path = self.path(content.digest)
            with self._locked(fcntl.LOCK_EX), suppress(FileNotFoundError):
                if path.stat().st_nlink == 1 and not (self._unsent / content.digest).exists():
                    path.unlink()
                    total -= content.size
