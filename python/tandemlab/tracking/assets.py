"""The assets of a workspace: what it keeps under a kind, a name and a version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tandemlab.domain import FileRecord, NotFound
from tandemlab.domain.asset_names import (
    check_aliases,
    check_asset_name,
    check_kind,
    check_version,
)
from tandemlab.domain.assets import Asset, AssetChange, AssetRole, AssetUsage, NewAsset
from tandemlab.domain.schemas import nearest
from tandemlab.tracking.provenance import describe_process

if TYPE_CHECKING:
    from tandemlab.store.place import Place

Found: TypeAlias = "list[Asset]"
Usages: TypeAlias = "list[AssetUsage]"


class Assets:
    """Environments, datasets, models and the like, by kind, name and version.

    Each kind has functions of its own, which know what its definition says; this is what they
    stand on.

    >>> assets = getfixture("workspace").assets
    >>> first = assets.register("model", "churn", {"framework": "sklearn"})
    >>> assets.register("model", "churn", {"framework": "sklearn"}) == first
    True
    >>> assets.change(first, aliases=["production"]).aliases
    ('production',)
    >>> assets.get("model", "churn", "production").reference
    'churn:1'
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def register(
        self,
        kind: str,
        name: str,
        definition: Mapping[str, Any],
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        aliases: Sequence[str] = (),
        run_id: str | None = None,
        files: Sequence[FileRecord] = (),
        always_new: bool = False,
        based_on: int | None = None,
    ) -> Asset:
        """Register the next version of a name.

        What is the same as the newest version (definition and files), and that one not archived,
        is given back as that version, unchanged.

        Args:
            kind: a lower-case word, such as ``"model"``.
            name: see `tandemlab.domain.asset_names.check_asset_name`.
            definition: plain JSON, at most 1 MiB; it never changes.
            aliases: names of this version; they are taken from the version that has them.
            run_id: the run that made it.
            files: contents that were put into ``workspace.place.blobs``.
            always_new: whether a version is made even if nothing differs.
            based_on: the version that must be the newest one; 0 where there must be none.

        Raises:
            InvalidInput: a name that cannot be one, a definition that is not plain JSON, a secret
                in it, or a content that is not in the blobs.
            NotFound: there is no such run, or no version any more that it could be based on.
            Conflict: the newest version is another one than it is based on.
        """
        new = NewAsset(
            kind=kind,
            name=name,
            definition=definition,
            user=describe_process()["user"],
            description=description,
            tags=tags or {},
            properties=properties or {},
            aliases=check_aliases(aliases),
            run_id=run_id,
            files=tuple(files),
            always_new=always_new,
            based_on=based_on,
        )
        return self._place.register_asset(new)

    def get(
        self,
        kind: str,
        name: str,
        version: int | str | None = None,
        *,
        beside: Iterable[str] = (),
    ) -> Asset:
        """A version of a name.

        Args:
            version: its number or an alias; the newest that is not archived if None.
            beside: further names that there are, for the hint of an error.

        Raises:
            NotFound: there is none; the hint says what there is instead.
        """
        found = self.find(kind, name, version)
        if found is None:
            raise self._not_found(kind, check_asset_name(name, kind=kind), version, beside)
        return found

    def find(self, kind: str, name: str, version: int | str | None = None) -> Asset | None:
        """`get`, or None."""
        name = check_asset_name(name, kind=check_kind(kind))
        if version is not None and not isinstance(version, str):
            check_version(version)
        return self._place.store.get_asset(kind, name, version)

    def _not_found(
        self, kind: str, name: str, version: int | str | None, beside: Iterable[str]
    ) -> NotFound:
        known = self.list(kind, name, archived=True, all_versions=True)
        hint = ""
        if known:
            shown = ", ".join(str(asset.version) for asset in reversed(known[:20]))
            hint = f"{name} has the versions {shown}."
            if version is None:
                hint = f"All of them are archived: {shown}."
        elif others := sorted({*beside, *(asset.name for asset in self.list(kind))} - {name}):
            meant = nearest(name, others)
            hint = f"Did you mean {meant!r}?" if meant else f"There are {', '.join(others[:20])}."
        wanted = "" if version is None else f" of version {version}"
        if isinstance(version, str) and not version.isdigit():
            wanted = f" with the alias {version!r}"
        return NotFound(
            f"There is no {kind} {name!r}{wanted} in the workspace.",
            hint=hint,
            details={"what": kind, "name": name, "version": version},
        )

    def list(
        self,
        kind: str | None = None,
        name: str | None = None,
        *,
        archived: bool = False,
        all_versions: bool = False,
    ) -> Found:
        """Assets by kind and name: the newest version of each name, or all, the newest first."""
        return self._place.store.list_assets(
            kind, name, archived=archived, all_versions=all_versions
        )

    def change(
        self,
        asset: Asset,
        *,
        description: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        properties: Mapping[str, str] | None = None,
        aliases: Sequence[str] | None = None,
        archived: bool | None = None,
    ) -> Asset:
        """Change what may change; what is None stays.

        Args:
            description: empty text removes it.
            tags: are added or replaced; None as a value removes one.
            properties: are added.
            aliases: all that it has from now on; they are taken from the version that has them.
            archived: whether it is hidden from lists, and passed over where no version is named.

        Returns:
            It as it is now.

        Raises:
            NotFound: it was deleted.
            AlreadyExists: a property has another value.
        """
        change = AssetChange(
            description=description,
            tags=tags or {},
            properties=properties or {},
            aliases=None if aliases is None else check_aliases(aliases),
            archived=archived,
        )
        return self._place.change_asset(asset.kind, asset.name, asset.version, change)

    def delete(self, asset: Asset) -> None:
        """Forget a version, whose number is not used again.

        Its contents go with the next collection of garbage, unless others need them.

        Raises:
            NotFound: it was deleted already.
        """
        self._place.delete_asset(asset.kind, asset.name, asset.version)

    def forget(self, kind: str, name: str) -> None:
        """Delete all versions of a name, archived ones as well; none need be there."""
        for each in self.list(kind, name, archived=True, all_versions=True):
            self.delete(each)

    def add_usage(
        self, run_id: str, asset: Asset, role: AssetRole | str, label: str | None = None
    ) -> None:
        """Record that a run uses an asset, or has made it; lineage shows it.

        Args:
            role: ``"input"`` or ``"output"``.
            label: the name of the run's input or output; the asset's name if None.

        Raises:
            NotFound: there is no such run, or the asset was deleted.
        """
        usage = AssetUsage(
            run_id=run_id,
            role=AssetRole.of(role),
            label=label or asset.name,
            kind=asset.kind,
            name=asset.name,
            version=asset.version,
        )
        self._place.add_usage(usage)

    def usages(self, asset: Asset | None = None, *, run_id: str | None = None) -> Usages:
        """Which runs use an asset, or which assets a run uses."""
        if asset is None:
            return self._place.store.find_usages(run_id=run_id)
        return self._place.store.find_usages(
            run_id=run_id, kind=asset.kind, name=asset.name, version=asset.version
        )
