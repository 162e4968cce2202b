"""Files of a datastore: listed, copied into it and out of it."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.data.datastores.handle import DatastoreHandle
from tandemlab.data.datastores.protocol import StoredFile, check_path
from tandemlab.domain import InvalidInput, NotFound

if TYPE_CHECKING:
    from tandemlab.data.datastores.transfer import Transfer, Watcher


class DatastoreContents(DatastoreHandle):
    """What `Datastore` does with files."""

    def files_below(self, prefix: str = "") -> builtins.list[StoredFile]:
        """The files whose names begin with a text, by name."""
        _check_prefix(prefix)
        return sorted(self.files.find(prefix), key=lambda file: file.name)

    def upload(
        self,
        src_dir: str | os.PathLike[str],
        target_path: str | None = None,
        *,
        overwrite: bool = False,
        show_progress: bool = True,
        watch: Watcher | None = None,
    ) -> Transfer:
        """Copy all files below a folder into the datastore.

        What is there already with the same content is not copied again, and what an interrupted
        copy has sent of a large file is used. A file has its name once all of it is there.

        Args:
            src_dir: the folder.
            target_path: a folder of the datastore; its root if None.
            overwrite: whether files with another content may be replaced.
            show_progress: whether a line of progress is shown where standard error is a terminal.
            watch: hears of the progress instead.

        Raises:
            NotFound: there is no such folder.
            AlreadyExists: files with another content are there; nothing was copied.
            StorageError: a file could not be copied; those before it are there.
        """
        from tandemlab.data.datastores import transfer
        from tandemlab.data.datastores.progress import watched

        sources = transfer.below(_local(src_dir), check_path(target_path or ""))
        with watched(watch, shown=show_progress) as told:
            return transfer.upload(self.files, sources, overwrite=overwrite, watch=told)

    def upload_files(
        self,
        files: Sequence[str | os.PathLike[str]],
        relative_root: str | os.PathLike[str] | None = None,
        target_path: str | None = None,
        *,
        overwrite: bool = False,
        show_progress: bool = True,
        watch: Watcher | None = None,
    ) -> Transfer:
        """Copy files into the datastore; as `upload`, but for what is said here.

        Args:
            files: paths of the files.
            relative_root: a folder above all of them: they keep their paths below it as names. If
                None, each has its own name alone.
            target_path: as there.
            overwrite: as there.
            show_progress: as there.
            watch: as there.
        """
        from tandemlab.data.datastores import transfer
        from tandemlab.data.datastores.progress import watched

        if isinstance(files, (str, os.PathLike)):
            raise InvalidInput("Give a list of files.", hint="upload takes a folder.")
        sources = transfer.each(files, relative_root, check_path(target_path or ""))
        with watched(watch, shown=show_progress) as told:
            return transfer.upload(self.files, sources, overwrite=overwrite, watch=told)

    def download(
        self,
        target_path: str | os.PathLike[str],
        prefix: str | None = None,
        *,
        overwrite: bool = False,
        show_progress: bool = True,
        watch: Watcher | None = None,
    ) -> Transfer:
        """Copy files of the datastore into a folder, where they have their names below it.

        Args:
            target_path: the folder; it is made if it is not there.
            prefix: only files whose names begin with this; all if None.
            overwrite: as for `upload`.
            show_progress: as there.
            watch: as there.

        Raises:
            NotFound: no file's name begins with the prefix.
            InvalidInput: a name there would lead out of the folder; nothing was copied.
            AlreadyExists: files with another content are there; nothing was copied.
        """
        from tandemlab.data.datastores import transfer
        from tandemlab.data.datastores.progress import watched

        folder, found = _local(target_path), self.files_below(prefix or "")
        if not found and prefix:
            raise NotFound(
                f"No file in the datastore {self.name!r} begins with {prefix!r}.",
                details={"prefix": prefix},
            )
        targets = {file: folder / check_path(file.name, "name") for file in found}
        with watched(watch, shown=show_progress) as told:
            return transfer.download(self.files, targets, overwrite=overwrite, watch=told)


def _local(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.abspath(os.path.expanduser(path)))


def _check_prefix(prefix: object) -> None:
    if not isinstance(prefix, str):
        raise InvalidInput(f"A prefix is text, not {type(prefix).__name__}.")
    check_path(prefix, "prefix")
