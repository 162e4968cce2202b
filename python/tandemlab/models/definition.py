"""What a registered model is, as plain data: what its files are, and what it takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.signatures import ModelSignature
from tandemlab.models.formats import ModelFormat


@dataclass(frozen=True, slots=True)
class ResourceConfiguration:
    """What a model needs where it is served.

    Attributes:
        cpu: cores.
        memory_in_gb: memory.
        gpu: how many GPUs.

    Raises:
        InvalidInput: a number that is not above 0, or a part of a GPU.
    """

    cpu: float | None = None
    memory_in_gb: float | None = None
    gpu: int | None = None

    def __post_init__(self) -> None:
        for name in ("cpu", "memory_in_gb", "gpu"):
            value = getattr(self, name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and (not is_number or not value > 0):
                raise InvalidInput(f"{name} must be a number above 0, not {value!r}.")
        if self.gpu is not None and self.gpu != int(self.gpu):
            raise InvalidInput(f"gpu must be a whole number, not {self.gpu!r}.")


@dataclass(frozen=True, slots=True)
class DatasetReference:
    """A version of a registered dataset that a model comes from.

    Attributes:
        scenario: what it was used for, such as ``training``.
    """

    scenario: str
    name: str
    version: int

    @property
    def id(self) -> str:
        """``NAME:VERSION``."""
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class ModelDefinition:
    """What the registry keeps of a model beside its files; it never changes.

    Attributes:
        format: what wrote the files.
        framework: such as ``ScikitLearn`` or ``glmnet``.
        sample_input: a few inputs as plain JSON, in the form of the signature's.
        sample_output: what the model gave for such inputs.

    >>> definition = ModelDefinition(ModelFormat.RDS, framework="stats")
    >>> ModelDefinition.from_dict(definition.to_dict()) == definition
    True
    """

    format: ModelFormat
    framework: str | None = None
    framework_version: str | None = None
    signature: ModelSignature | None = None
    sample_input: Any = None
    sample_output: Any = None
    resources: ResourceConfiguration | None = None
    datasets: Sequence[DatasetReference] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON holds."""
        return {
            "format": self.format.value,
            "framework": self.framework,
            "framework_version": self.framework_version,
            "signature": None if self.signature is None else self.signature.to_dict(),
            "sample_input": self.sample_input,
            "sample_output": self.sample_output,
            "resources": None if self.resources is None else asdict(self.resources),
            "datasets": [asdict(dataset) for dataset in self.datasets],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ModelDefinition:
        """A definition from what `to_dict` gave; what a newer program has added is passed over."""
        signature, resources = content.get("signature"), content.get("resources")
        try:
            format = ModelFormat(content.get("format", "custom"))
        except ValueError:
            format = ModelFormat.CUSTOM
        return cls(
            format,
            content.get("framework"),
            content.get("framework_version"),
            None if signature is None else ModelSignature.from_dict(signature),
            content.get("sample_input"),
            content.get("sample_output"),
            None if resources is None else ResourceConfiguration(**resources),
            tuple(DatasetReference(**each) for each in content.get("datasets", ())),
        )
