"""Datasets that a workspace knows by name and version, and whether their data is still the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from tandemlab.data.definition import Definition
from tandemlab.data.locations import DataFile, content_of, digest_of
from tandemlab.domain import AlreadyExists, InvalidState, NotFound
from tandemlab.tracking.registered import Registered

if TYPE_CHECKING:
    from tandemlab.data.consumption import DatasetConsumptionConfig
    from tandemlab.domain.assets import Asset
    from tandemlab.tracking import Run, Workspace

KIND = "dataset"
_LISTED = 2000

_Dataset = TypeVar("_Dataset", bound="Registrable")


@dataclass(frozen=True, slots=True)
class DataChange:
    """How the files of a dataset differ from those that were registered.

    Attributes:
        name: of a file, below the folder or pattern that named it.
        change: ``added``, ``removed`` or ``changed``.
    """

    name: str
    change: str


@dataclass(frozen=True, slots=True)
class Registration:
    """A dataset's place in a workspace."""

    workspace: Workspace
    asset: Asset


class Registrable(Registered):
    """What tables and files have in common: they can be kept in a workspace.

    Attributes:
        definition: what it is.
        registration: its place in a workspace; None while it has none. A step gives a dataset
            without one.
    """

    def __init__(self, definition: Definition, registration: Registration | None = None) -> None:
        self.definition = definition
        self.registration = registration
        self._asset = registration.asset if registration else None

    def files(self) -> list[DataFile]:
        """The files behind the dataset, as they are now."""
        raise NotImplementedError

    def digest(self) -> str:
        """SHA-256 over the names and contents of the files: another one means other data."""
        return digest_of(self.files())

    def check(self) -> None:
        """Make sure that the data is there and fits the definition.

        Raises:
            NotFound: a file is gone.
            InvalidInput: a file has other columns.
        """
        self.files()

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """The dataset as an input of a run, of that name."""
        from tandemlab.data.consumption import DatasetConsumptionConfig

        return DatasetConsumptionConfig(name, self)

    @property
    def name(self) -> str | None:
        """Its name in the workspace; None if it is not registered."""
        return self._asset.name if self._asset else None

    def register(
        self: _Dataset,
        workspace: Workspace,
        name: str,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_new_version: bool = False,
    ) -> _Dataset:
        r"""Keep the dataset in a workspace, under a name and the next version.

        What its files hold now is recorded by digest, so that `has_changed` can tell later. A
        dataset that is the same as the newest version, with the same data, is that version.

        Args:
            create_new_version: whether a name that is there may get another version.

        Returns:
            The dataset with its name and version.

        Raises:
            AlreadyExists: the name is there, with another definition or other data.
            NotFound: a file is gone.

        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "cars.csv")
        >>> _ = path.write_text("speed,dist\n4,2\n")
        >>> from tandemlab.data import Dataset
        >>> cars = Dataset.Tabular.from_delimited_files(path)
        >>> cars = cars.register(getfixture("workspace"), "cars")
        >>> cars.id, cars.has_changed()
        ('cars:1', False)
        >>> _ = path.write_text("speed,dist\n4,3\n")
        >>> cars.has_changed(), [(each.name, each.change) for each in cars.changes()]
        (True, [('cars.csv', 'changed')])
        """
        content = registered_form(self, workspace.address)
        newest = workspace.assets.find(KIND, name)
        if newest is not None and not create_new_version and newest.definition != content:
            what = "data" if newest.definition["dataset"] == content["dataset"] else "definition"
            raise AlreadyExists(
                f"There is a dataset {name!r} already, version {newest.version}, with another "
                f"{what}.",
                hint="create_new_version (--new-version in a shell) makes it the next version; "
                "or choose another name.",
                details={"name": name, "version": newest.version},
            )
        asset = workspace.assets.register(
            KIND, name, content, description=description, tags=tags or {}
        )
        return type(self)(self.definition, Registration(workspace, asset))

    def update(
        self: _Dataset,
        description: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> _Dataset:
        """The registered dataset with another description, or more tags (None removes one)."""
        known = self._registered()
        asset = known.workspace.assets.change(known.asset, description=description, tags=tags)
        return type(self)(self.definition, replace(known, asset=asset))

    def add_tags(self: _Dataset, tags: Mapping[str, str]) -> _Dataset:
        """The registered dataset with more tags."""
        return self.update(tags=tags)

    def unregister(self) -> None:
        """Forget this version; the data stays where it is."""
        known = self._registered()
        known.workspace.assets.delete(known.asset)

    def unregister_all_versions(self) -> None:
        """Forget all versions of the name; the data stays where it is."""
        known = self._registered()
        for asset in versions_of(known.workspace, known.asset.name):
            known.workspace.assets.delete(asset)

    def has_changed(self) -> bool:
        """Whether the files hold something else than when this version was registered.

        A file that is gone is a change, too.
        """
        recorded: str = self._registered().asset.definition["data"]["digest"]
        try:
            return self.digest() != recorded
        except NotFound:
            return True

    def changes(self) -> list[DataChange]:
        """Which files were added, removed or changed since this version was registered.

        Raises:
            InvalidState: it has more than 2,000 files, which are not recorded one by one.
        """
        recorded = self._registered().asset.definition["data"]
        if recorded["contents"] is None:
            raise InvalidState(
                f"{self.id} has {recorded['files']} files; which of them changed is not recorded.",
                hint="has_changed() tells whether any did.",
            )
        before = {name: digest for name, digest in recorded["contents"]}
        try:
            now = dict(_contents(self.files()))
        except NotFound:
            now = {}
        words = {name: "added" for name in now if name not in before}
        words |= {name: "removed" for name in before if name not in now}
        words |= {name: "changed" for name in now if name in before and now[name] != before[name]}
        return [DataChange(name, words[name]) for name in sorted(words)]

    def get_runs(self) -> list[Run]:
        """The runs that had this version as an input, or made it, by id."""
        known = self._registered()
        ids = {usage.run_id for usage in known.workspace.assets.usages(known.asset)}
        return [known.workspace.get_run(run_id) for run_id in sorted(ids)]

    def _registered(self) -> Registration:
        if self.registration is None:
            raise InvalidState(
                "The dataset is not registered.",
                hint="register(workspace, name) keeps it; a step such as take() gives a new one.",
            )
        return self.registration


def registered_form(dataset: Registrable, address: str) -> dict[str, Any]:
    """What the workspace at an address keeps: the definition, and what the files hold now."""
    files = dataset.files()
    contents = [list(pair) for pair in _contents(files)]
    return {
        "dataset": dataset.definition.leaving(address).to_dict(),
        "data": {
            "digest": dataset.digest(),
            "files": len(files),
            "size": sum(file.size for file in files),
            "contents": contents if len(contents) <= _LISTED else None,
        },
    }


def versions_of(workspace: Workspace, name: str) -> list[Asset]:
    """All registered versions of a name, the newest first.

    Raises:
        NotFound: there is none.
    """
    found = workspace.assets.list(KIND, name, archived=True, all_versions=True)
    if not found:
        workspace.assets.get(KIND, name)  # says what there is instead
    return found


def _contents(files: list[DataFile]) -> list[tuple[str, str]]:
    return [(file.name, content_of(file)) for file in files]
