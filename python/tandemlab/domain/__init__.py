"""Plain values: records, states, events, names, ids and errors. No input or output."""

from tandemlab.domain.errors import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    MissingDependency,
    NotAllowed,
    NotFound,
    RunFailed,
    ServiceFailed,
    StorageError,
    TandemlabError,
    Unavailable,
    VersionMismatch,
)
from tandemlab.domain.events import Event, Kind, MetricShape
from tandemlab.domain.records import (
    EventBatch,
    ExperimentRecord,
    FileRecord,
    Garbage,
    Metric,
    MetricPoint,
    NewRun,
    RunError,
    RunQuery,
    RunRecord,
    RunTable,
)
from tandemlab.domain.scalars import Scalar
from tandemlab.domain.status import RunStatus

__all__ = [
    "AlreadyExists",
    "Event",
    "EventBatch",
    "ExperimentRecord",
    "FileRecord",
    "Garbage",
    "InvalidInput",
    "InvalidState",
    "Kind",
    "Metric",
    "MetricPoint",
    "MetricShape",
    "MissingDependency",
    "NewRun",
    "NotAllowed",
    "NotFound",
    "RunError",
    "RunFailed",
    "RunQuery",
    "RunRecord",
    "RunStatus",
    "RunTable",
    "Scalar",
    "ServiceFailed",
    "StorageError",
    "TandemlabError",
    "Unavailable",
    "VersionMismatch",
]
