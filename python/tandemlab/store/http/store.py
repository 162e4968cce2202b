"""The Store over REST."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tandemlab.domain import (
    Event,
    EventBatch,
    ExperimentRecord,
    FileRecord,
    Metric,
    NewRun,
    NotFound,
    RunError,
    RunQuery,
    RunRecord,
    RunStatus,
    RunTable,
    Scalar,
    TandemlabError,
)
from tandemlab.domain.assets import Asset, AssetChange, AssetUsage, NewAsset
from tandemlab.domain.schedules import Firing, FiringState
from tandemlab.domain.times import to_micros
from tandemlab.store.http.client import Client, part
from tandemlab.store.http.wire import (
    Move,
    decode,
    decode_latest,
    decode_metrics,
    decode_metrics_of,
    decode_table,
    encode,
    encode_batch,
)


class HttpStore:
    """The store of a workspace at a server; see `tandemlab.store.Store`.

    Everything may be sent twice: what creates names its id, and events have their place.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._base = f"/workspaces/{part(name)}"

    @property
    def is_writable(self) -> bool:
        return True  # the server says what this user may do when it is done

    def close(self) -> None:
        self._client.close()

    def _get(self, path: str, of: Any, /, **params: Any) -> Any:
        return decode(self._client.request("GET", self._base + path, params=params).content, of)

    def _post(self, path: str, body: Any, kind: Any) -> Any:
        content = body if isinstance(body, bytes) else encode(body)
        answer = self._client.request("POST", self._base + path, content=content)
        return decode(answer.content, kind)

    # Experiments

    def ensure_experiment(self, name: str) -> ExperimentRecord:
        return self._post("/experiments", {"name": name}, ExperimentRecord)  # type: ignore[no-any-return]

    def get_experiment(self, name: str) -> ExperimentRecord | None:
        try:
            return self._get(f"/experiments/{part(name)}", ExperimentRecord)  # type: ignore[no-any-return]
        except NotFound:
            return None

    def list_experiments(self) -> list[ExperimentRecord]:
        return self._get("/experiments", list[ExperimentRecord])  # type: ignore[no-any-return]

    def archive_experiment(self, name: str, *, archived: bool) -> None:
        self._client.request(
            "PATCH",
            f"{self._base}/experiments/{part(name)}",
            content=encode({"archived": archived}),
        )

    # Runs

    def create_run(self, run: NewRun) -> RunRecord:
        return self._post("/runs", run, RunRecord)  # type: ignore[no-any-return]

    def get_run(self, run_id: str) -> RunRecord | None:
        try:
            return self._get(f"/runs/{part(run_id)}", RunRecord)  # type: ignore[no-any-return]
        except NotFound:
            return None

    def find_runs(self, query: RunQuery) -> list[RunRecord]:
        return self._post("/runs/search", query, list[RunRecord])  # type: ignore[no-any-return]

    def table_runs(self, query: RunQuery) -> RunTable:
        path = f"{self._base}/runs/table"
        return decode_table(self._client.request("POST", path, content=encode(query)).content)

    def known_runs(self, run_ids: Iterable[str]) -> dict[str, RunStatus]:
        return self._post("/runs/statuses", {"ids": list(run_ids)}, dict[str, RunStatus])  # type: ignore[no-any-return]

    def newest_completed(
        self, name: str, values: Sequence[str], *, experiment: str | None = None
    ) -> dict[str, str]:
        body = {"name": name, "values": list(values), "experiment": experiment}
        return self._post("/runs/newest-completed", body, dict[str, str])  # type: ignore[no-any-return]

    def move_run(
        self,
        run_id: str,
        status: RunStatus,
        *,
        time: datetime | None = None,
        error: RunError | None = None,
        exit_code: int | None = None,
    ) -> None:
        move = Move(status, None if time is None else to_micros(time), error, exit_code)
        self._post(f"/runs/{part(run_id)}/status", move, RunRecord)

    def delete_run(self, run_id: str) -> None:
        self._client.request("DELETE", f"{self._base}/runs/{part(run_id)}")

    # What runs log

    def positions(self, run_id: str) -> dict[str, tuple[int, int]]:
        return self.positions_of([run_id]).get(run_id, {})

    def positions_of(self, run_ids: Sequence[str]) -> dict[str, dict[str, tuple[int, int]]]:
        kind = dict[str, dict[str, tuple[int, int]]]
        return self._post("/runs/positions", {"ids": list(run_ids)}, kind)  # type: ignore[no-any-return]

    def ingest(
        self,
        run_id: str,
        writer: str,
        events: Sequence[Event],
        *,
        end: int,
        files: Mapping[str, FileRecord] | None = None,
    ) -> int:
        body = encode_batch(writer, events, end, files or {})
        return int(self._post(f"/runs/{part(run_id)}/events", body, dict[str, int])["new"])

    def ingest_all(self, batches: Sequence[EventBatch]) -> list[int | TandemlabError]:
        return [self._try(batch) for batch in batches]

    def _try(self, batch: EventBatch) -> int | TandemlabError:
        run_id, writer, events, end, files = batch
        try:
            return self.ingest(run_id, writer, events, end=end, files=files)
        except TandemlabError as error:
            return error

    def add_files(self, run_id: str, files: Sequence[FileRecord]) -> None:
        self._post(f"/runs/{part(run_id)}/files", list(files), Any)

    def list_files(self, run_id: str) -> list[FileRecord]:
        return self._get(f"/runs/{part(run_id)}/files", list[FileRecord])  # type: ignore[no-any-return]

    def files_of(self, run_ids: Sequence[str]) -> dict[str, list[FileRecord]]:
        kind = dict[str, list[FileRecord]]
        return self._post("/runs/files", {"ids": list(run_ids)}, kind)  # type: ignore[no-any-return]

    def get_metrics(
        self, run_id: str, name: str | None = None, *, max_points: int | None = None
    ) -> dict[str, Metric]:
        asked = {"name": name, "max_points": max_points}
        path = f"{self._base}/runs/{part(run_id)}/metrics"
        return decode_metrics(self._client.request("GET", path, params=_given(asked)).content)

    def metrics_of(self, run_ids: Sequence[str]) -> dict[str, dict[str, Metric]]:
        body = encode({"ids": list(run_ids)})
        answer = self._client.request("POST", f"{self._base}/runs/full-metrics", content=body)
        return decode_metrics_of(answer.content)

    def series_of(self, run_ids: Sequence[str], name: str) -> dict[str, Metric]:
        body = encode({"ids": list(run_ids), "name": name})
        answer = self._client.request("POST", f"{self._base}/runs/series", content=body)
        return decode_metrics(answer.content)

    def latest_values(self, run_ids: Sequence[str]) -> dict[str, dict[str, Scalar]]:
        body = encode({"ids": list(run_ids)})
        answer = self._client.request("POST", f"{self._base}/runs/latest", content=body)
        return decode_latest(answer.content)

    # Assets

    def register_asset(self, new: NewAsset) -> Asset:
        return self._post("/assets", new, Asset)  # type: ignore[no-any-return]

    def get_asset(self, kind: str, name: str, version: int | str | None = None) -> Asset | None:
        asked = {} if version is None else {"version": version}
        try:
            return self._get(_asset(kind, name), Asset, **asked)  # type: ignore[no-any-return]
        except NotFound as error:
            if error.details.get("what") == kind:
                return None
            raise

    def list_assets(
        self,
        kind: str | None = None,
        name: str | None = None,
        *,
        archived: bool = False,
        all_versions: bool = False,
    ) -> list[Asset]:
        asked = {"kind": kind, "name": name, "archived": archived, "all_versions": all_versions}
        return self._get("/assets", list[Asset], **_given(asked))  # type: ignore[no-any-return]

    def made_assets(self, run_id: str) -> list[Asset]:
        return self._get(f"/runs/{part(run_id)}/assets", list[Asset])  # type: ignore[no-any-return]

    def change_asset(self, kind: str, name: str, version: int, change: AssetChange) -> Asset:
        path = f"{self._base}{_asset(kind, name)}/{version}"
        answer = self._client.request("PATCH", path, content=encode(change))
        return decode(answer.content, Asset)

    def delete_asset(self, kind: str, name: str, version: int) -> None:
        self._client.request("DELETE", f"{self._base}{_asset(kind, name)}/{version}")

    def add_usage(self, usage: AssetUsage) -> None:
        self._client.request("POST", f"{self._base}/usages", content=encode(usage))

    def find_usages(
        self,
        *,
        run_id: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        version: int | None = None,
    ) -> list[AssetUsage]:
        asked = {"run_id": run_id, "kind": kind, "name": name, "version": version}
        return self._get("/usages", list[AssetUsage], **_given(asked))  # type: ignore[no-any-return]

    # Schedules

    def find_firings(
        self,
        schedule: str | None = None,
        states: Sequence[FiringState] | None = None,
        limit: int | None = None,
    ) -> list[Firing]:
        wanted = None if states is None else [each.value for each in states]
        asked = {"schedule": schedule, "state": wanted, "limit": limit}
        return self._get("/firings", list[Firing], **_given(asked))  # type: ignore[no-any-return]


def _asset(kind: str, name: str) -> str:
    return f"/assets/{part(kind)}/{part(name)}"


def _given(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in asked.items() if value is not None}
