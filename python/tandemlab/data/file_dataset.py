"""`FileDataset`: files as they are."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tandemlab.data import partitions
from tandemlab.data.definition import chosen_seed
from tandemlab.data.locations import DataFile, bring, listed
from tandemlab.data.registered import Registrable
from tandemlab.domain import AlreadyExists, InvalidInput, StorageError
from tandemlab.store.copies import note_links


class FileDataset(Registrable):
    """Files, and steps that choose among them; nothing is read before it is asked for.

    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("a.txt", "b.txt"): _ = (folder / name).write_text(name)
    >>> from tandemlab.data import Dataset
    >>> Dataset.File.from_files(folder).skip(1).to_path()
    ['b.txt']
    """

    def take(self, count: int) -> FileDataset:
        """The first `count` files."""
        return FileDataset(self.definition.first(count))

    def skip(self, count: int) -> FileDataset:
        """All files but the first `count`."""
        return FileDataset(self.definition.without_first(count))

    def take_sample(self, probability: float, seed: int | None = None) -> FileDataset:
        """Each file with the given probability; always the same files for the same seed."""
        return self._portion(0.0, probability, seed)

    def random_split(
        self, percentage: float, seed: int | None = None
    ) -> tuple[FileDataset, FileDataset]:
        """Two parts that share no file and leave none out; the same parts for the same seed."""
        chosen = chosen_seed(seed)
        return self._portion(0.0, percentage, chosen), self._portion(percentage, 1.0, chosen)

    def files(self) -> list[DataFile]:
        """The files, as they are now."""
        found = listed(self.definition.source.paths)
        if self.definition.source.partition_format is not None:
            partitions.parse(self.definition.source.partition_format).check(found)
        for step in self.definition.steps:
            if step["do"] == "take":
                found = found[: step["count"]]
            elif step["do"] == "skip":
                found = found[step["count"] :]
            else:
                found = [
                    file
                    for place, file in enumerate(found)
                    if step["start"] <= _share(step["seed"], place) < step["end"]
                ]
        return found

    def to_path(self) -> list[str]:
        """Names of the files below the folder or pattern that named them."""
        return [file.name for file in self.files()]

    def download(
        self, target_path: str | os.PathLike[str] | None = None, *, overwrite: bool = False
    ) -> list[str]:
        """Copies the files into a folder; their paths there.

        Args:
            target_path: the folder; a new temporary one if None.
            overwrite: whether files of the same names may be replaced.

        Raises:
            AlreadyExists: a file of that name is there; nothing was copied.
        """
        return self._placed(target_path, overwrite, _copy)

    def mount(self, mount_point: str | os.PathLike[str] | None = None) -> list[str]:
        """Links to the files in a folder, which take no space; their paths there.

        What is written through a link changes the file itself.

        Args:
            mount_point: the folder; a new temporary one if None.
        """
        return self._placed(mount_point, False, _link)

    def _portion(self, start: float, end: float, seed: int | None) -> FileDataset:
        return FileDataset(self.definition.portion(start, end, seed))

    def _placed(
        self,
        target: str | os.PathLike[str] | None,
        overwrite: bool,
        place: Callable[[str, Path], None],
    ) -> list[str]:
        files = self.files()
        folder = Path(target or tempfile.mkdtemp(prefix="tandemlab-data-")).absolute()
        targets = [folder / file.name for file in files]
        if len(set(targets)) < len(targets):
            raise InvalidInput(
                "Two files of the dataset have the same name.",
                hint="Name the folder above them instead, so that their names differ.",
            )
        for path in targets:
            if os.path.lexists(path) and not overwrite:
                raise AlreadyExists(
                    f"{path} is there already.",
                    hint="overwrite=True replaces it; or choose a new folder.",
                )
        bring(files)
        if place is _link and any(file.fetch for file in files):
            note_links(folder)
        for file, path in zip(files, targets, strict=True):
            part = path.with_name(f".{path.name}.part")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                place(file.path, part)
                part.replace(path)
            except OSError as problem:
                with suppress(OSError):
                    part.unlink()
                raise StorageError(
                    f"{file.path} could not be put to {path}: {problem.strerror}.",
                    details={"path": file.path},
                ) from None
        return [str(path) for path in targets]


def _copy(source: str, target: Path) -> None:
    shutil.copy2(source, target)


def _link(source: str, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.symlink_to(source)


def _share(seed: int, place: int) -> float:
    return random.Random(f"{seed}:{place}").random()
