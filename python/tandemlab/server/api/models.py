"""The content of requests and answers that the domain has no record for."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from tandemlab.domain import RunStatus
from tandemlab.domain.lineage import LineageKind, LineageRelation
from tandemlab.domain.sampling import LEAST
from tandemlab.server.api.request_content import RequestContent


class NewWorkspace(RequestContent, BaseModel):
    """A workspace to make."""

    name: str
    friendly_name: str | None = None
    description: str | None = None
    tags: dict[str, str] = {}
    exist_ok: bool = False


class WorkspaceContent(BaseModel):
    """A workspace: what its marker says."""

    id: str
    name: str
    created: str
    friendly_name: str | None = None
    description: str | None = None
    tags: dict[str, str] = {}


class GarbageQuery(BaseModel):
    """Which contents that no run needs are to go."""

    older_than_seconds: float = 86_400
    dry_run: bool = False
    take_over: bool = False


class CheckQuery(BaseModel):
    """How a workspace is to be checked."""

    repair: bool = False
    deep: bool = False


class SecretNames(BaseModel):
    """Several secrets."""

    names: list[str] = Field(max_length=10_000)


class SecretValues(BaseModel):
    """Secrets by name."""

    secrets: dict[str, str] = Field(max_length=10_000)


class ExperimentName(BaseModel):
    """An experiment by its name."""

    name: str


class ExperimentChange(RequestContent, BaseModel):
    """What may be changed of an experiment."""

    archived: bool


class RunIds(BaseModel):
    """Several runs."""

    ids: list[str] = Field(max_length=100_000)


class SeriesQuery(RunIds):
    """A series of several runs."""

    name: str
    max_points: int | None = Field(
        None, ge=LEAST, description="Longer ones are sampled for a picture; whole if null."
    )


class PropertyValues(BaseModel):
    """Several values of a property of runs."""

    name: str
    values: list[str] = Field(max_length=100_000)
    experiment: str | None = None


class Digests(BaseModel):
    """Several contents."""

    digests: list[str] = Field(max_length=100_000)


class RunErrorContent(BaseModel):
    """Why a run failed."""

    message: str
    code: str = "error"


class StatusChange(BaseModel):
    """A step of a run along its life cycle; times in microseconds since 1970-01-01 UTC."""

    status: RunStatus
    time: int | None = Field(default=None, ge=0, lt=2**53)
    error: RunErrorContent | None = None
    exit_code: int | None = None


class EventContent(BaseModel):
    """One event, as a line of the spool has it."""

    seq: int = Field(ge=1)
    time: int = Field(description="Microseconds since 1970-01-01 UTC.")
    kind: str
    name: str
    value: Any = None
    step: int | None = None
    description: str | None = None


class FileContent(BaseModel):
    """A file of a run, whose content has been uploaded."""

    name: str
    digest: str = Field(description="SHA-256 of the content, in hexadecimal.")
    size: int = Field(ge=0)


class EventBatch(BaseModel):
    """Events of one writer, taken in once however often they are sent."""

    writer: str
    end: int = Field(ge=0, description="Offset in the writer's spool behind the last event.")
    events: list[EventContent]
    files: list[FileContent] = []


class TakenIn(BaseModel):
    """How many events were new."""

    new: int


class MetricContent(BaseModel):
    """Everything logged under one name; numbers that are not finite are {"float": "nan"}."""

    name: str
    shape: str
    values: list[Any]
    times: list[int]
    steps: list[int | None]
    is_list: bool
    columns: dict[str, list[Any]]
    chart: dict[str, Any] | None
    indices: list[int] = Field(
        description="Where a series was sampled, the place of each value in it, from 1 on."
    )


class RunTableContent(BaseModel):
    """Runs as columns of one length.

    Times are microseconds since 1970-01-01 UTC; numbers that are not finite are {"float": "nan"}.
    """

    fields: dict[str, list[Any]]
    metrics: dict[str, list[Any]]
    params: dict[str, list[Any]]
    tags: dict[str, list[str | None]]


class ComparedValueContent(BaseModel):
    """What two runs have under one name; null where one has nothing."""

    group: str
    name: str
    left: Any
    right: Any
    differs: bool


class ComparedPackageContent(BaseModel):
    """A package that differs; null where it is absent."""

    package: str
    left: str | None
    right: str | None
    change: str


class ComparedFileContent(BaseModel):
    """A file of the source that differs, as a unified diff where it is text."""

    path: str
    change: str
    diff: str


class ComparisonContent(BaseModel):
    """Two runs side by side; packages and code are null unless both runs have them."""

    left: str
    right: str
    values: list[ComparedValueContent]
    packages: list[ComparedPackageContent] | None
    code: list[ComparedFileContent] | None


class LineageNodeContent(BaseModel):
    """A run, or what runs are made from or make."""

    kind: LineageKind
    id: str
    label: str
    details: dict[str, Any]


class LineageLinkContent(BaseModel):
    """Two things of which the second came from the first."""

    source: LineageNodeContent
    relation: LineageRelation
    target: LineageNodeContent


class LineageContent(BaseModel):
    """The links of a run and its ancestors."""

    run: LineageNodeContent
    links: list[LineageLinkContent]


class LogText(BaseModel):
    """What a run has printed since an offset, and the offset behind it."""

    text: str
    offset: int


class SnapshotEntry(BaseModel):
    """A file of a run's source."""

    path: str
    digest: str
    size: int
    executable: bool = False


class SessionContent(BaseModel):
    """Who asks, and the value that requests of this session must carry."""

    user: str
    role: str
    csrf: str | None
    version: str
