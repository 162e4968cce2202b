"""The files of a run: up and down."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from tandemlab.domain import InvalidInput
from tandemlab.domain.names import check_file_name
from tandemlab.tracking.run_handle import RunHandle


class RunFiles(RunHandle):
    """The part of `Run` that keeps files."""

    def upload_file(self, name: str, path_or_stream: str | Path | BinaryIO) -> None:
        """Keep a copy of a local file, or of what a binary stream holds, under `name`.

        Raises:
            InvalidInput: the name cannot be one, or there is no such local file.
            AlreadyExists: the run has a file of that name.
        """
        if isinstance(path_or_stream, str):
            path_or_stream = Path(path_or_stream)
        self._put(name, path_or_stream)

    def upload_files(self, names: Sequence[str], paths: Sequence[str | Path]) -> None:
        """Keep several files; `names` and `paths` go together."""
        if len(names) != len(paths):
            raise InvalidInput(f"{len(names)} names do not fit {len(paths)} paths.")
        for name in names:
            check_file_name(name)
        for name, path in zip(names, paths, strict=True):
            self.upload_file(name, path)

    def upload_folder(self, name: str, path: str | Path) -> None:
        """Keep all files below a local folder, under ``name/``."""
        from tandemlab.store.run_files import folder_files

        folder = Path(path)
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder.", hint="upload_file takes files.")
        for file in folder_files(folder):
            self.upload_file(f"{name}/{file}", folder / file)

    def _put(self, name: str, source: Path | BinaryIO) -> None:
        from tandemlab.store.run_files import put_file

        size = put_file(self.directory, name, source)
        self._spool.append("file", name, {"size": size})

    def get_snapshot_id(self) -> str | None:
        """Digest of the source that the run was made from; None if none was kept."""
        return self.record.snapshot

    def restore_snapshot(self, path: str | Path) -> Path:
        """Copy the source that the run was made from to a new folder.

        Args:
            path: a folder that is empty or not there.

        Raises:
            NotFound: no source was kept with the run.
            AlreadyExists: the folder holds something.
        """
        from tandemlab.tracking.downloads import restore

        return restore(self, Path(path))

    def download_file(self, name: str, output_file_path: str | Path | None = None) -> Path:
        """Copy one file of the run; its local path.

        Args:
            output_file_path: file or folder to write to; the name's last part if None.

        Raises:
            NotFound: the run has no such file.
        """
        from tandemlab.tracking.downloads import download

        target = Path(output_file_path or Path(name).name)
        if target.is_dir():
            target = target / Path(name).name
        return download(self, {name: target})[0]

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | Path | None = None,
        output_paths: Sequence[str | Path] | None = None,
        append_prefix: bool = True,
    ) -> list[Path]:
        """Copy the files whose names start with `prefix`; their local paths.

        Args:
            output_directory: where they go, the working directory if None.
            output_paths: exact local paths instead, one for each file.
            append_prefix: whether `prefix` stays part of the local paths.
        """
        from tandemlab.tracking.downloads import download, local_paths

        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        directory = Path(output_directory or ".")
        return download(
            self, local_paths(names, prefix or "", directory, output_paths, append_prefix)
        )

    @property
    def input_datasets(self) -> dict[str, Any]:
        """The datasets of the run's inputs, by name.

        Inside the run's own job they hold the data as it was when the run began.
        """
        data = import_module("tandemlab.data")  # above this layer
        found: dict[str, Any] = data.input_datasets(self)
        return found

    def register_model(self, model_name: str, model_path: str | None = None, **details: Any) -> Any:
        """Keep a file or folder of the run as the next version of a registered model.

        Nothing is copied: the contents are there. In the run's own script, what is at that path in
        ``outputs/`` becomes a file of the run now, and not only at its end.

        Args:
            model_name: the name to register under.
            model_path: name of the file or folder in the run, such as ``"outputs/model.pkl"``;
                `model_name` if None.
            details: ``tags``, ``properties``, ``description``, ``datasets``, ``signature`` and so
                on, as for `tandemlab.models.Model.register`.

        Returns:
            A `tandemlab.models.Model`.

        Raises:
            NotFound: the run has no such file or folder.
            InvalidInput: the name cannot be one, or a sample does not fit.
        """
        models = import_module("tandemlab.models")  # above this layer
        return models.Model.register_from_run(self, model_name, model_path, **details)
