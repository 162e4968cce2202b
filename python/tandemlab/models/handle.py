"""A registered model as the registry has it: what is known of it, to be read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tandemlab.domain import NotFound
from tandemlab.domain.assets import Asset
from tandemlab.domain.signatures import ModelSignature
from tandemlab.models.definition import DatasetReference, ModelDefinition, ResourceConfiguration
from tandemlab.models.formats import ModelFormat
from tandemlab.tracking.registered import Registered

if TYPE_CHECKING:
    from tandemlab.tracking import Run, Workspace


class ModelHandle(Registered):
    """What `Model` stands on: a version of a model as it was when it was looked at."""

    workspace: Workspace
    _asset: Asset

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.workspace.address!r}, {self.id!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ModelHandle):
            return NotImplemented
        return (self.id, self.workspace.address) == (other.id, other.workspace.address)

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.workspace, self.id)

    @property
    def _definition(self) -> ModelDefinition:
        return ModelDefinition.from_dict(self._asset.definition)

    @property
    def name(self) -> str:
        """Its name."""
        return self._asset.name

    @property
    def version(self) -> int:
        """1, 2, 3 … within the name."""
        return self._asset.version

    @property
    def id(self) -> str:
        """``NAME:VERSION``."""
        return self._asset.reference

    @property
    def format(self) -> ModelFormat:
        """What wrote its files."""
        return self._definition.format

    @property
    def framework(self) -> str | None:
        """What trained it, as told when it was registered."""
        return self._definition.framework

    @property
    def framework_version(self) -> str | None:
        """Version of the framework."""
        return self._definition.framework_version

    @property
    def signature(self) -> ModelSignature | None:
        """What it takes and gives, if that is known."""
        return self._definition.signature

    @property
    def sample_input(self) -> Any:
        """A few inputs as plain JSON, if some were given."""
        return self._definition.sample_input

    @property
    def sample_output(self) -> Any:
        """Outputs as plain JSON, if some were given."""
        return self._definition.sample_output

    @property
    def resource_configuration(self) -> ResourceConfiguration | None:
        """What it needs where it is served."""
        return self._definition.resources

    @property
    def datasets(self) -> Sequence[DatasetReference]:
        """The registered datasets that it was said to come from."""
        return self._definition.datasets

    @property
    def properties(self) -> dict[str, str]:
        """Facts, written once."""
        return dict(self._asset.properties)

    @property
    def aliases(self) -> tuple[str, ...]:
        """Further names of this version."""
        return self._asset.aliases

    @property
    def files(self) -> dict[str, int]:
        """Size of each file in bytes, by name."""
        return {file.name: file.size for file in self._asset.files}

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self._asset.files)

    @property
    def run_id(self) -> str | None:
        """The run that made it."""
        return self._asset.run_id

    @property
    def run(self) -> Run | None:
        """The run that made it; None if none did, or it was deleted."""
        if self.run_id is None:
            return None
        with suppress(NotFound):
            return self.workspace.get_run(self.run_id)
        return None
