"""`Model`: a version of a registered model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import NotFound
from tandemlab.domain.assets import Asset, AssetRole
from tandemlab.domain.signatures import ModelSignature
from tandemlab.models import contents
from tandemlab.models.definition import ResourceConfiguration
from tandemlab.models.files import Trusted, load_model
from tandemlab.models.finding import Labels, find, has
from tandemlab.models.handle import ModelHandle
from tandemlab.models.registering import KIND, Datasets, describe, register, register_from_run
from tandemlab.tracking.context import current_run_in

if TYPE_CHECKING:
    from tandemlab.tracking import Run, Workspace

Models: TypeAlias = "list[Model]"


class Model(ModelHandle):
    """A version of a registered model: files, and what is known of them.

    `Model(workspace, "churn")` is the newest version, `Model(workspace, "churn:3")` and
    `Model(workspace, "churn@production")` are others.

    Args:
        name: of the model, ``"NAME:VERSION"`` or ``"NAME@ALIAS"``; None for any that has what
            follows, the one that was registered last.
        id: ``"NAME:VERSION"``.
        tags: names of tags, or names and values; it must have all.
        properties: as `tags`.
        version: a number, or an alias.
        run_id: the run that made it.
        model_framework: such as ``"ScikitLearn"``.

    Raises:
        NotFound: there is none; the hint names what there is.
        InvalidInput: a name or a version that cannot be one.

    >>> import tempfile
    >>> from tandemlab.models import save_model
    >>> workspace = getfixture("workspace")
    >>> path = save_model([0.5, 2.0], Path(tempfile.mkdtemp(), "line.pkl"))
    >>> model = Model.register(workspace, path, "line", tags={"team": "a"})
    >>> model.id, model.format.value
    ('line:1', 'pickle')
    >>> model.set_alias("production")
    >>> Model(workspace, "line@production").load(trusted=True)
    [0.5, 2.0]
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        tags: Labels | None = None,
        properties: Labels | None = None,
        version: int | str | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
    ) -> None:
        self.workspace = workspace
        wanted = {
            "tags": tags,
            "properties": properties,
            "run_id": run_id,
            "model_framework": model_framework,
        }
        self._asset = find(workspace, id if name is None else name, version, wanted)

    @classmethod
    def of(cls, workspace: Workspace, asset: Asset) -> Model:
        """The model behind what the registry has."""
        model = cls.__new__(cls)
        model.workspace = workspace
        model._asset = asset
        return model

    # Registering

    @classmethod
    def register(
        cls,
        workspace: Workspace,
        model_path: str | os.PathLike[str],
        model_name: str,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        datasets: Datasets | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: Sequence[str] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: ResourceConfiguration | None = None,
        *,
        signature: ModelSignature | Mapping[str, Any] | None = None,
        aliases: Sequence[str] = (),
        run: Run | None = None,
    ) -> Model:
        """Keep a file or folder of this machine as the next version of a name.

        Args:
            model_path: of the file or folder; it is copied.
            model_name: see `tandemlab.domain.asset_names.check_asset_name`.
            tags: labels, text to text.
            properties: facts, text to text, written once.
            datasets: pairs of what for (``"training"``) and a registered dataset or its name.
            child_paths: only these files and folders of a folder.
            sample_input_dataset: inputs, of which a few are kept as an example: a data frame, a
                dataset, an array or lists.
            sample_output_dataset: what the model gives, in the same forms.
            signature: what it takes and gives; found from the samples if None.
            aliases: further names of this version, such as ``"production"``.
            run: the run that made it; the one that this process is in if None.

        Raises:
            InvalidInput: there is no such file, the folder is empty, the name cannot be one, or a
                sample does not fit; nothing was kept then.
            NotFound: a dataset or run that is not there.
            StorageError: it could not be copied.
        """
        definition = describe(
            workspace,
            model_framework=model_framework,
            model_framework_version=model_framework_version,
            signature=signature,
            datasets=datasets,
            sample_input_dataset=sample_input_dataset,
            sample_output_dataset=sample_output_dataset,
            resource_configuration=resource_configuration,
        )
        made_by = run or current_run_in(workspace)
        asset = register(
            workspace,
            model_path,
            model_name,
            definition,
            child_paths=child_paths,
            run_id=None if made_by is None else made_by.id,
            tags=tags,
            properties=properties,
            description=description,
            aliases=aliases,
        )
        return cls.of(workspace, asset)

    @classmethod
    def register_from_run(
        cls,
        run: Run,
        model_name: str,
        model_path: str | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        aliases: Sequence[str] = (),
        **details: Any,
    ) -> Model:
        """Keep files of a run as the next version of a name; see `Run.register_model`."""
        definition = describe(run.workspace, **details)
        path = model_name if model_path is None else model_path
        asset = register_from_run(
            run,
            model_name,
            path,
            definition,
            tags=tags,
            properties=properties,
            description=description,
            aliases=aliases,
        )
        return cls.of(run.workspace, asset)

    @classmethod
    def list(
        cls,
        workspace: Workspace,
        name: str | None = None,
        tags: Labels | None = None,
        properties: Labels | None = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        model_framework: str | None = None,
    ) -> Models:
        """Models by name, the newest version of each first.

        Args:
            latest: only the newest version of each name.
            dataset_id: ``"NAME:VERSION"`` of a dataset that they come from.

        The others are those of `Model`.
        """
        wanted = {
            "tags": tags,
            "properties": properties,
            "run_id": run_id,
            "dataset_id": dataset_id,
            "model_framework": model_framework,
        }
        found = workspace.assets.list(KIND, name, all_versions=not latest)
        return [cls.of(workspace, asset) for asset in found if has(asset, wanted)]

    # Its files

    def used_by(self) -> dict[str, str]:
        """The runs that have downloaded or loaded it: how they call it, by id."""
        found = self.workspace.assets.usages(self._asset)
        return {usage.run_id: usage.label for usage in found if usage.role is AssetRole.INPUT}

    def download(self, target_dir: str | os.PathLike[str] = ".", exist_ok: bool = False) -> Path:
        """Copy its file or folder into a folder, whole or not at all; the path of the copy.

        Args:
            exist_ok: whether what has its name there is replaced.

        Raises:
            AlreadyExists: the name is taken there.
            StorageError: it cannot be written, or a content is damaged or missing.
        """
        folder = Path(target_dir).expanduser()
        path = contents.download(self._blobs, self._asset.files, folder, exist_ok=exist_ok)
        self._note_usage()
        return path

    def local_path(self) -> Path:
        """The path of its file or folder in this user's cache; to be read, not changed."""
        path = contents.cached(self._blobs, self._asset.files, self._asset.digest)
        self._note_usage()
        return path

    def load(self, trusted: Trusted = False) -> Any:
        """The model as an object of its library; see `tandemlab.models.load_model`.

        Args:
            trusted: True for a model whose maker you know, since reading a pickle runs code.
        """
        return load_model(self.local_path(), format=self.format, trusted=trusted)

    @staticmethod
    def get_model_path(
        model_name: str, version: int | str | None = None, _workspace: Workspace | None = None
    ) -> Path:
        """The path of a model's file or folder on this machine; it is to be read, not changed.

        In a scoring service that is one of its models; elsewhere it is one of the workspace of the
        current run, or of the one that ``config.json`` leads to.

        Raises:
            NotFound: there is no such model.
        """
        from tandemlab.models.paths import find_path

        return find_path(model_name, version, _workspace)

    @property
    def _blobs(self) -> Any:
        return self.workspace.place.blobs

    def _note_usage(self) -> None:
        run = current_run_in(self.workspace)
        if run is not None:
            self.add_usage(run.id)

    def add_usage(self, run_id: str) -> None:
        """Record that a run uses it, unless that run has made it; lineage shows it."""
        if run_id != self.run_id:
            self.workspace.assets.add_usage(run_id, self._asset, AssetRole.INPUT)

    # Changing

    def refresh(self) -> Model:
        """Look again at what may have changed; returns itself."""
        self._asset = self.workspace.assets.get(KIND, self.name, self.version)
        return self

    def update(self, tags: Mapping[str, str] | None = None, description: str | None = None) -> None:
        """Replace all tags, or the description; what is None stays."""
        changed: dict[str, str | None] | None = None
        if tags is not None:
            changed = {**dict.fromkeys(self.refresh().tags), **tags}
        self._change(tags=changed, description=description)

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, or replace those of the same names."""
        self._change(tags=tags)

    def remove_tags(self, tags: str | Sequence[str]) -> None:
        """Take tags away."""
        self._change(tags=dict.fromkeys([tags] if isinstance(tags, str) else tags))

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties.

        Raises:
            AlreadyExists: one of them has another value.
        """
        self._change(properties=properties)

    def set_alias(self, alias: str) -> None:
        """Have an alias name this version, and no other of its name."""
        self._change(aliases=[*self.refresh().aliases, alias])

    def remove_alias(self, alias: str) -> None:
        """Take an alias from this version.

        Raises:
            NotFound: it does not have it.
        """
        aliases = list(self.refresh().aliases)
        if alias not in aliases:
            raise NotFound(
                f"{self.id} does not have the alias {alias!r}.",
                hint=f"It has {', '.join(aliases) or 'none'}.",
            )
        self._change(aliases=[each for each in aliases if each != alias])

    def _change(self, **changes: Any) -> None:
        self._asset = self.workspace.assets.change(self._asset, **changes)

    def delete(self) -> None:
        """Forget this version; its number is not used again.

        Raises:
            InvalidState: a service on this machine, or the server's, uses it.
            NotFound: it was deleted already.
        """
        guarding = import_module("tandemlab.services.guarding")  # above this layer
        guarding.check_unused(self.workspace, self._asset)
        self.workspace.assets.delete(self._asset)
