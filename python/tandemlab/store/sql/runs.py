"""Statements about experiments and runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update

from tandemlab.domain import NewRun, NotFound, RunError, RunQuery, RunRecord, RunStatus
from tandemlab.domain.scalars import to_json
from tandemlab.domain.status import TERMINAL
from tandemlab.domain.times import from_micros, to_micros
from tandemlab.store.sql.among import among
from tandemlab.store.sql.engine import upsert
from tandemlab.store.sql.forms import from_columns, storable
from tandemlab.store.sql.queries import find_rows
from tandemlab.store.sql.schema import experiments, params, properties, runs, tags

_PART = 500

_FIND = select(runs.c.key).where(runs.c.id == bindparam("run"))
_CREATED = select(runs.c.created).where(runs.c.key == bindparam("run"))
# Writers to a run wait for each other here, and so never for each other's rows in a circle.
_LOCK = (
    select(runs.c.id, runs.c.key, runs.c.created)
    .where(among(runs.c.id, "ids"))
    .order_by(runs.c.id)
    .with_for_update(key_share=True)
)
_INSERT = insert(runs).returning(runs.c.key)
_STATUSES = select(runs.c.id, runs.c.status).where(among(runs.c.id, "ids"))
_WHOLE = select(runs, experiments.c.name.label("experiment")).join(
    experiments, experiments.c.key == runs.c.experiment_key
)
_OF_KEYS = _WHOLE.where(among(runs.c.key, "keys"))
_OF_ID = _WHOLE.where(runs.c.id == bindparam("run"))
_TAGS = (
    select(tags.c.run_key, tags.c.name, tags.c.value)
    .where(among(tags.c.run_key, "keys"), tags.c.removed.is_(False))
    .order_by(tags.c.name)
)
_PROPERTIES = (
    select(properties.c.run_key, properties.c.name, properties.c.value)
    .where(among(properties.c.run_key, "keys"))
    .order_by(properties.c.name)
)
_PARAMS = (
    select(params.c.run_key, params.c.name, params.c.form, params.c.number, params.c.text)
    .where(among(params.c.run_key, "keys"))
    .order_by(params.c.name)
)
_COMPLETED = (
    select(
        properties.c.value,
        runs.c.id,
        func.row_number()
        .over(partition_by=properties.c.value, order_by=(runs.c.created.desc(), runs.c.key.desc()))
        .label("place"),
    )
    .join(runs, runs.c.key == properties.c.run_key)
    .where(
        properties.c.name == bindparam("name"),
        among(properties.c.value, "values"),
        runs.c.status == RunStatus.COMPLETED.value,
    )
)
_EXPERIMENT = select(experiments.c.key).where(experiments.c.name == bindparam("experiment"))


class RunKey(NamedTuple):
    """A run as other tables know it, and when it was created."""

    id: str
    key: int
    created: int


def experiment_key(connection: Connection, name: str, created: int) -> int:
    """Key of an experiment, created if it is not there."""
    connection.execute(
        upsert(connection.dialect.name, experiments)
        .values(name=name, created=created, archived=False, last_number=0)
        .on_conflict_do_nothing()
    )
    return int(
        connection.execute(select(experiments.c.key).where(experiments.c.name == name)).scalar_one()
    )


def create(connection: Connection, run: NewRun) -> RunRecord:
    """Insert a run with the next number of its experiment; its record."""
    created = to_micros(run.created)
    started = created if run.status is RunStatus.RUNNING else None
    experiment, number = connection.execute(
        _next_number(connection.dialect.name),
        {"name": run.experiment, "created": created, "archived": False, "last_number": 1},
    ).one()
    key = connection.execute(
        _INSERT,
        {
            "id": run.id,
            "experiment_key": experiment,
            "number": number,
            "type": run.type,
            "status": run.status.value,
            "display_name": run.display_name,
            "description": run.description,
            "parent": run.parent,
            "target": run.target,
            "snapshot": run.snapshot,
            "created": created,
            "started": started,
            "definition": _text(run.definition),
            "context": _text(run.context),
            "user": run.context.get("user"),
        },
    ).scalar_one()
    if run.tags:
        connection.execute(
            insert(tags),
            [
                {
                    "run_key": key,
                    "name": name,
                    "value": None if value is None else storable(value),
                    "time": created,
                    "removed": False,
                }
                for name, value in run.tags.items()
            ],
        )
    if run.properties:
        connection.execute(
            insert(properties),
            [
                {"run_key": key, "name": name, "value": storable(value)}
                for name, value in run.properties.items()
            ],
        )
    return RunRecord(
        id=run.id,
        experiment=run.experiment,
        number=number,
        type=run.type,
        status=run.status,
        display_name=run.display_name,
        created=run.created,
        description=run.description,
        parent=run.parent,
        target=run.target,
        snapshot=run.snapshot,
        started=None if started is None else run.created,
        definition=run.definition,
        context=run.context,
        tags=run.tags,
        properties=run.properties,
        params=run.params,
    )


@cache
def _next_number(dialect: str) -> Any:
    """An experiment's key and its next run number; the experiment is made if it is not there."""
    statement = upsert(dialect, experiments)
    return statement.on_conflict_do_update(
        index_elements=["name"], set_={"last_number": experiments.c.last_number + 1}
    ).returning(experiments.c.key, experiments.c.last_number)


def find_key(connection: Connection, run_id: str) -> int | None:
    """Key of a run, or None."""
    return connection.execute(_FIND, {"run": run_id}).scalar()


def created(connection: Connection, key: int) -> int:
    """When a run was created."""
    return int(connection.execute(_CREATED, {"run": key}).scalar_one())


def lock(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunKey]:
    """Keys of runs that this transaction will change.

    Raises:
        NotFound: one of them does not exist.
    """
    rows = connection.execute(_LOCK, {"ids": [*{*run_ids}]}).all()
    found = {row.id: RunKey(row.id, row.key, row.created) for row in rows}
    for run_id in run_ids:
        if run_id not in found:
            raise _not_found(run_id)
    return found


def require_key(connection: Connection, run_id: str) -> int:
    """Key of a run.

    Raises:
        NotFound: no such run.
    """
    key = find_key(connection, run_id)
    if key is None:
        raise _not_found(run_id)
    return key


def _not_found(run_id: str) -> NotFound:
    return NotFound(
        f"No run {run_id!r} in this workspace.",
        hint="`tandemlab run list` shows the runs that exist.",
        details={"run_id": run_id},
    )


def find_one(connection: Connection, run_id: str) -> RunRecord | None:
    """The record of a run, or None."""
    found = _records(connection, connection.execute(_OF_ID, {"run": run_id}).all())
    return next(iter(found.values()), None)


def get(connection: Connection, run_id: str) -> RunRecord:
    """The record of a run.

    Raises:
        NotFound: no such run.
    """
    found = find_one(connection, run_id)
    if found is None:
        raise _not_found(run_id)
    return found


def find(connection: Connection, query: RunQuery) -> list[RunRecord]:
    """Records of the runs that match, in the order that is asked for."""
    keys = [row[0] for row in find_rows(connection, query, runs.c.key)]
    found: dict[int, RunRecord] = {}
    for start in range(0, len(keys), _PART):
        part = connection.execute(_OF_KEYS, {"keys": keys[start : start + _PART]}).all()
        found.update(_records(connection, part))
    return [found[key] for key in keys]


def newest_completed(
    connection: Connection, name: str, values: Sequence[str], experiment: str | None
) -> dict[str, str]:
    """The newest run that has completed with each value of a property, by the value."""
    given = {"name": name, "values": values}
    if experiment is not None:
        given["experiment"] = experiment
    rows = connection.execute(_newest_completed(experiment is not None), given)
    return {value: run_id for value, run_id in rows}


@cache
def _newest_completed(of_experiment: bool) -> Select[Any]:
    """The statement of `newest_completed`, for one experiment or for all."""
    completed = _COMPLETED
    if of_experiment:
        completed = completed.where(runs.c.experiment_key == _EXPERIMENT.scalar_subquery())
    ranked = completed.subquery()
    return select(ranked.c.value, ranked.c.id).where(ranked.c.place == 1)


def statuses(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunStatus]:
    """Status of those runs that exist."""
    rows = connection.execute(_STATUSES, {"ids": run_ids})
    return {run_id: RunStatus(status) for run_id, status in rows}


def move(
    connection: Connection,
    run_id: str,
    status: RunStatus,
    time: int,
    error: RunError | None = None,
    exit_code: int | None = None,
) -> None:
    """Set the status of a run and the times that go with it; the move is known to be allowed."""
    values: dict[str, Any] = {"status": status.value}
    if status in TERMINAL:
        values["ended"] = time
    elif status is RunStatus.RUNNING:
        values["started"] = time
    if error is not None:
        values["error"] = json.dumps({"message": error.message, "code": error.code})
    if exit_code is not None:
        values["exit_code"] = exit_code
    connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


def reopen(connection: Connection, run_id: str) -> None:
    """Have a run that has ended be Running again, as though it had not ended."""
    values = {"status": RunStatus.RUNNING.value, "ended": None, "error": None, "exit_code": None}
    connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


def _records(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, RunRecord]:
    """Records of rows of `_OF_KEYS`, by key."""
    keys = {"keys": [row.key for row in rows]}
    tags_of, properties_of, params_of = (
        _by_run(connection, statement, keys) for statement in (_TAGS, _PROPERTIES, _PARAMS)
    )
    return {
        row.key: _record(
            row,
            dict(tags_of.get(row.key, ())),
            dict(properties_of.get(row.key, ())),
            {name: to_json(from_columns(*value)) for name, *value in params_of.get(row.key, ())},
        )
        for row in rows
    }


def _by_run(
    connection: Connection, statement: Select[Any], keys: Mapping[str, Any]
) -> dict[int, list[tuple[Any, ...]]]:
    """Rows that start with the key of a run, without it, by the key."""
    found: dict[int, list[tuple[Any, ...]]] = {}
    for key, *rest in connection.execute(statement, keys):
        found.setdefault(key, []).append(tuple(rest))
    return found


def _record(
    row: Row[Any],
    tags_of: Mapping[str, str | None],
    properties_of: Mapping[str, str],
    params_of: Mapping[str, Any],
) -> RunRecord:
    return RunRecord(
        id=row.id,
        experiment=row.experiment,
        number=row.number,
        type=row.type,
        status=RunStatus(row.status),
        display_name=row.display_name,
        created=from_micros(row.created),
        description=row.description,
        parent=row.parent,
        target=row.target,
        snapshot=row.snapshot,
        started=None if row.started is None else from_micros(row.started),
        ended=None if row.ended is None else from_micros(row.ended),
        exit_code=row.exit_code,
        error=None if row.error is None else RunError(**json.loads(row.error)),
        definition=json.loads(row.definition),
        context=json.loads(row.context),
        tags=tags_of,
        properties=properties_of,
        params=params_of,
    )


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
