"""The Store protocol: what keeps experiments, runs and what they logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from tandemlab.domain import (
    Event,
    EventBatch,
    ExperimentRecord,
    FileRecord,
    Metric,
    NewRun,
    RunError,
    RunQuery,
    RunRecord,
    RunStatus,
    RunTable,
    Scalar,
    TandemlabError,
)

if TYPE_CHECKING:
    from tandemlab.domain.assets import Asset, AssetChange, AssetUsage, NewAsset
    from tandemlab.domain.schedules import Firing, FiringState


class Store(Protocol):
    """Keeps experiments and runs.

    Every method is one transaction, tried again by itself where its connection was lost.
    """

    @property
    def is_writable(self) -> bool:
        """Whether this user may change anything."""

    def ensure_experiment(self, name: str) -> ExperimentRecord:
        """The experiment of that name, created if it is not there."""

    def get_experiment(self, name: str) -> ExperimentRecord | None:
        """The experiment of that name, or None."""

    def list_experiments(self) -> list[ExperimentRecord]:
        """All experiments by name, archived ones included."""

    def archive_experiment(self, name: str, *, archived: bool) -> None:
        """Hide an experiment from lists, or show it again.

        Raises:
            NotFound: no such experiment.
        """

    def create_run(self, run: NewRun) -> RunRecord:
        """Create a run and its experiment; a run of that id that exists is given back as it is."""

    def get_run(self, run_id: str) -> RunRecord | None:
        """The run of that id, or None."""

    def find_runs(self, query: RunQuery) -> list[RunRecord]:
        """Runs that match, newest first."""

    def table_runs(self, query: RunQuery) -> RunTable:
        """`find_runs` as columns, with the newest value of every series: much quicker for many."""

    def known_runs(self, run_ids: Iterable[str]) -> dict[str, RunStatus]:
        """Status of those of `run_ids` that the store has."""

    def newest_completed(
        self, name: str, values: Sequence[str], *, experiment: str | None = None
    ) -> dict[str, str]:
        """The newest run that has completed with each value of a property, by the value.

        Args:
            name: of the property.
            experiment: the runs of this one alone.
        """

    def move_run(
        self,
        run_id: str,
        status: RunStatus,
        *,
        time: datetime | None = None,
        error: RunError | None = None,
        exit_code: int | None = None,
    ) -> None:
        """Move a run along its life cycle; to where it already is, nothing happens.

        Raises:
            NotFound: no such run.
            InvalidState: the life cycle has no such move.
        """

    def delete_run(self, run_id: str) -> None:
        """Forget a run that has ended and what it logged."""

    def positions(self, run_id: str) -> dict[str, tuple[int, int]]:
        """For every writer of a run: the last seq taken in and the byte offset behind it."""

    def positions_of(self, run_ids: Sequence[str]) -> dict[str, dict[str, tuple[int, int]]]:
        """`positions` by run; runs of which nothing was taken in are absent."""

    def ingest(
        self,
        run_id: str,
        writer: str,
        events: Sequence[Event],
        *,
        end: int,
        files: Mapping[str, FileRecord] | None = None,
    ) -> int:
        """Take in events of one writer; those that are already there are passed over.

        Args:
            end: byte offset in the writer's spool file behind the last event.
            files: contents of the files that `file` and `image` events name.

        Returns:
            How many events were new.
        """

    def ingest_all(self, batches: Sequence[EventBatch]) -> list[int | TandemlabError]:
        """`ingest` several batches at once, which takes much less time.

        Returns:
            For each batch, how many events were new, or why it was not taken in: one that cannot
            be leaves the others alone.
        """

    def add_files(self, run_id: str, files: Sequence[FileRecord]) -> None:
        """Record files of a run; one that is there under the same name is replaced."""

    def list_files(self, run_id: str) -> list[FileRecord]:
        """Files of a run by name."""

    def files_of(self, run_ids: Sequence[str]) -> dict[str, list[FileRecord]]:
        """`list_files` by run; runs that have none are absent."""

    def get_metrics(
        self, run_id: str, name: str | None = None, *, max_points: int | None = None
    ) -> dict[str, Metric]:
        """What a run logged, by name, in the order in which the names first came.

        Args:
            max_points: have longer series sampled, as `tandemlab.domain.sampling` does.
        """

    def metrics_of(self, run_ids: Sequence[str]) -> dict[str, dict[str, Metric]]:
        """`get_metrics` by run; runs that have logged nothing are absent."""

    def series_of(self, run_ids: Sequence[str], name: str) -> dict[str, Metric]:
        """The series of that name by run; runs that have none are absent."""

    def latest_values(self, run_ids: Sequence[str]) -> dict[str, dict[str, Scalar]]:
        """The newest value of every series of the given runs."""

    # Assets. `Place` changes them, with their contents and their files.

    def register_asset(self, new: NewAsset) -> Asset:
        """Register the next version of a name, or give back the newest one if it is the same.

        Raises:
            NotFound: the run that made it is not there.
        """

    def get_asset(self, kind: str, name: str, version: int | str | None = None) -> Asset | None:
        """A version of a name, or None.

        Args:
            version: its number or an alias; the newest that is not archived if None.
        """

    def list_assets(
        self,
        kind: str | None = None,
        name: str | None = None,
        *,
        archived: bool = False,
        all_versions: bool = False,
    ) -> list[Asset]:
        """Assets by kind and name, each name's newest version first.

        Args:
            archived: whether archived ones are among them.
            all_versions: whether all versions of a name are, or only the newest.
        """

    def made_assets(self, run_id: str) -> list[Asset]:
        """The assets that a run has made, by kind, name and version."""

    def change_asset(self, kind: str, name: str, version: int, change: AssetChange) -> Asset:
        """Change what may change of an asset.

        Raises:
            NotFound: no such version.
            AlreadyExists: a property has another value.
        """

    def delete_asset(self, kind: str, name: str, version: int) -> None:
        """Forget a version, whose number is not used again.

        Raises:
            NotFound: no such version.
        """

    def add_usage(self, usage: AssetUsage) -> None:
        """Record that a run uses or has made an asset; the same again is nothing new.

        Raises:
            NotFound: no such run or version.
        """

    def find_usages(
        self,
        *,
        run_id: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        version: int | None = None,
    ) -> list[AssetUsage]:
        """Which runs use which assets, by run; those that match all that is given."""

    def find_firings(
        self,
        schedule: str | None = None,
        states: Sequence[FiringState] | None = None,
        limit: int | None = None,
    ) -> list[Firing]:
        """Times at which schedules were due, those that were due last first."""

    def close(self) -> None:
        """Let go of connections."""
