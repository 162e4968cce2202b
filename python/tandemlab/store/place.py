"""The protocols of where a workspace is kept: in a folder, or at a server."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tandemlab.domain import NewRun
from tandemlab.store.protocol import Store

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset, AssetChange, AssetUsage, NewAsset


class Blobs(Protocol):
    """File contents by digest."""

    def find(self, digest: str) -> Path:
        """A local file with that content, which must not be changed.

        Raises:
            NotFound: there is none.
        """

    def put_bytes(self, data: bytes) -> str:
        """Keep `data`; its digest."""

    def put_copy(self, source: Path) -> tuple[str, int]:
        """Keep a copy of a file; its digest and size."""

    def adopt(self, source: Path) -> tuple[str, int]:
        """Keep the content of a file that nobody writes any more; its digest and size."""

    def commit(self, digests: Iterable[str]) -> None:
        """Say that contents which were put are recorded now, so that they go where they stay."""

    def materialize(self, digest: str, target: Path, *, executable: bool = False) -> None:
        """Write a copy of a content that may be changed."""


class Place(Protocol):
    """Where a workspace is kept.

    Runs that this machine logs to have their directories in `path`, whatever the place.
    """

    @property
    def path(self) -> Path:
        """A local folder: the workspace itself, or what waits here to be sent to a server."""

    @property
    def address(self) -> str:
        """The folder's path, or the URL: what opens the workspace again."""

    @property
    def exists(self) -> bool:
        """Whether there is a workspace."""

    @property
    def store(self) -> Store:
        """Experiments and runs."""

    @property
    def blobs(self) -> Blobs:
        """File contents."""

    def read_marker(self) -> dict[str, Any]:
        """Name, id and description of the workspace."""

    def run_directory(self, run_id: str) -> Path:
        """The local directory of a run, with its spool and files."""

    def add_run(self, run: NewRun) -> None:
        """Make a run's directory with its ``run.json``, and tell the store."""

    def remove_run(self, run_id: str) -> None:
        """Forget a run that has ended, with its files."""

    def register_asset(self, new: NewAsset) -> Asset:
        """`Store.register_asset`, with the contents that were put into the blobs.

        Raises:
            InvalidInput: one of them was not.
        """

    def change_asset(self, kind: str, name: str, version: int, change: AssetChange) -> Asset:
        """`Store.change_asset`, durably."""

    def delete_asset(self, kind: str, name: str, version: int) -> None:
        """`Store.delete_asset`, durably."""

    def add_usage(self, usage: AssetUsage) -> None:
        """`Store.add_usage`, durably."""

    def catch_up(self, run_id: str) -> None:
        """Hand to the store what a run's local spool holds and the store does not have yet."""

    def catch_up_all(self) -> None:
        """`catch_up` for every run that may have news, and for runs that the store lacks."""

    def read_file(
        self, run_id: str, name: str, offset: int = 0, limit: int | None = None
    ) -> bytes | None:
        """A part of a run's file, also of one that still grows; None if it is not there.

        Args:
            offset: the first byte; counted from the end if negative.
            limit: at most that many bytes.
        """


def is_url(text: str) -> bool:
    """Whether a workspace is named by a URL, rather than by a name or a path.

    >>> is_url("http://localhost:8765/lab"), is_url("lab")
    (True, False)
    """
    return text.startswith(("http://", "https://"))
