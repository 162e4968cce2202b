"""Sample pipelines, which open in the designer and run as they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from tandemlab.domain import NotFound
from tandemlab.pipelines.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = (
    "automobile-prices",
    "income-classification",
    "crashes-with-r",
    "customer-churn",
    "review-moods",
)


@dataclass(frozen=True)
class Sample:
    """A pipeline that shows something.

    Attributes:
        pipeline: itself; its description says what it shows, and where its data are from.
        layout: where it is drawn, as a draft has it.
    """

    name: str
    pipeline: Pipeline
    layout: Mapping[str, Any] | None = None

    @property
    def description(self) -> str:
        """What it shows."""
        return self.pipeline.graph.description or ""


@cache
def samples() -> dict[str, Sample]:
    """All samples by name.

    >>> sorted(samples())[0]
    'automobile-prices'
    """
    found = {}
    for name in _NAMES:
        with as_file(files(__package__).joinpath(f"{name}.yaml")) as path:
            found[name] = Sample(name, Pipeline.load_yaml(path))
    return found


def find_sample(name: str) -> Sample:
    """The sample of that name.

    Raises:
        NotFound: there is none.
    """
    known = samples()
    if name not in known:
        raise NotFound(f"There is no sample {name!r}.", hint=f"Known are {', '.join(known)}.")
    return known[name]
