"""Statements about experiments and runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from tandemlab.domain import NewRun, NotFound, RunError, RunQuery, RunRecord, RunStatus
from tandemlab.domain.records import JOBS
from tandemlab.domain.scalars import to_json
from tandemlab.domain.status import TERMINAL
from tandemlab.domain.times import from_micros, to_micros
from tandemlab.store.sql.among import among
from tandemlab.store.sql.engine import upsert
from tandemlab.store.sql.forms import from_columns, from_json_text, storable, to_json_text
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
_INSERT = insert(runs).returning(runs.c.id, runs.c.key)
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
_PROPERTY = (
    select(runs.c.id, properties.c.value)
    .join(properties, properties.c.run_key == runs.c.key)
    .where(among(runs.c.id, "ids"), properties.c.name == bindparam("name"))
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
_SUBMITTED = (
    _WHOLE.where(
        runs.c.status == bindparam("state"),
        runs.c.type.in_(JOBS),
        or_(bindparam("place", type_=Text).is_(None), runs.c.target == bindparam("place")),
    )
    .order_by(runs.c.created, runs.c.key)
    .limit(bindparam("number", type_=Integer))
)
# What is given as None stays as it is.
_KEPT = ("started", "ended", "error", "exit_code")
_MOVE = (
    update(runs)
    .where(runs.c.id == bindparam("run"), among(runs.c.status, "before"))
    .values(
        status=bindparam("new_status"),
        **{name: func.coalesce(bindparam(f"new_{name}"), runs.c[name]) for name in _KEPT},
    )
    .returning(runs.c.key)
)
_COMPLETE = (
    update(runs)
    .where(
        runs.c.id == bindparam("run"),
        runs.c.status.in_([RunStatus.RUNNING.value, RunStatus.FINALIZING.value]),
        runs.c.error.is_(None),
    )
    .values(status=RunStatus.COMPLETED.value, ended=bindparam("time"), exit_code=0)
    .returning(runs.c.key)
)
_OUTCOME = select(runs.c.status, runs.c.error).where(runs.c.id == bindparam("run"))
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


def create(connection: Connection, new: Sequence[NewRun]) -> list[RunRecord]:
    """Insert runs with the next numbers of their experiments; their records."""
    places = {
        name: _numbers(connection, [run for run in new if run.experiment == name])
        for name in dict.fromkeys(run.experiment for run in new)
    }
    rows, records = [], []
    for run in new:
        experiment, numbers = places[run.experiment]
        record = _record_of(run, next(numbers))
        records.append(record)
        rows.append(
            {
                "id": run.id,
                "experiment_key": experiment,
                "number": record.number,
                "type": run.type,
                "status": run.status.value,
                "display_name": run.display_name,
                "description": run.description,
                "parent": run.parent,
                "target": run.target,
                "snapshot": run.snapshot,
                "created": to_micros(run.created),
                "started": None if record.started is None else to_micros(record.started),
                "definition": to_json_text(run.definition),
                "context": to_json_text(run.context),
                "user": run.context.get("user"),
            }
        )
    keys = {run_id: key for run_id, key in connection.execute(_INSERT, rows)}
    marks = [
        {
            "run_key": keys[run.id],
            "name": name,
            "value": None if value is None else storable(value),
            "time": to_micros(run.created),
            "removed": False,
        }
        for run in new
        for name, value in run.tags.items()
    ]
    facts = [
        {"run_key": keys[run.id], "name": name, "value": storable(value)}
        for run in new
        for name, value in run.properties.items()
    ]
    for table, found in ((tags, marks), (properties, facts)):
        if found:
            connection.execute(insert(table), found)
    return records


def _record_of(run: NewRun, number: int) -> RunRecord:
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
        started=run.created if run.status is RunStatus.RUNNING else None,
        definition=run.definition,
        context=run.context,
        tags=run.tags,
        properties=run.properties,
        params=run.params,
    )


def _numbers(connection: Connection, new: Sequence[NewRun]) -> tuple[int, Iterator[int]]:
    """The key of an experiment, made if it is not there, and its next numbers for runs of it."""
    given = {
        "name": new[0].experiment,
        "created": to_micros(new[0].created),
        "archived": False,
        "last_number": len(new),
    }
    statement = _next_numbers(connection.dialect.name)
    key, last = connection.execute(statement, given).one()
    return key, iter(range(last - len(new) + 1, last + 1))


@cache
def _next_numbers(dialect: str) -> Any:
    """Moves an experiment's last number on by that of the row to insert."""
    statement = upsert(dialect, experiments)
    moved = experiments.c.last_number + statement.excluded.last_number
    return statement.on_conflict_do_update(
        index_elements=["name"], set_={"last_number": moved}
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
    return _records_of(connection, [row[0] for row in find_rows(connection, query, runs.c.key)])


def _records_of(connection: Connection, keys: Sequence[int]) -> list[RunRecord]:
    """Records of runs by their keys, in that order."""
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


def properties_of(connection: Connection, name: str, run_ids: Sequence[str]) -> dict[str, str]:
    """The value of a property by run."""
    rows = connection.execute(_PROPERTY, {"name": name, "ids": run_ids})
    return {run_id: value for run_id, value in rows}


def statuses(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunStatus]:
    """Status of those runs that exist."""
    rows = connection.execute(_STATUSES, {"ids": run_ids})
    return {run_id: RunStatus(status) for run_id, status in rows}


def submitted(
    connection: Connection, status: RunStatus, target: str | None, limit: int
) -> list[RunRecord]:
    """Records of jobs with a status, oldest first."""
    given = {"state": status.value, "place": target, "number": limit}
    rows = connection.execute(_SUBMITTED, given).all()
    return [*_records(connection, rows).values()] if rows else []


def outcome(connection: Connection, run_id: str) -> tuple[RunStatus, RunError | None] | None:
    """The status and the error of a run, or None."""
    row = connection.execute(_OUTCOME, {"run": run_id}).one_or_none()
    return None if row is None else (RunStatus(row.status), _error(row.error))


def move(
    connection: Connection,
    run_id: str,
    status: RunStatus,
    time: datetime,
    error: RunError | None = None,
    exit_code: int | None = None,
) -> int | None:
    """Set the status of a run, and the time that goes with it, if its life cycle has such a move.

    Returns:
        Its key; None if it was not moved.
    """
    micros = to_micros(time)
    values: dict[str, Any] = {
        "run": run_id,
        "before": [each.value for each in RunStatus if each.may_become(status)],
        "new_status": status.value,
        "new_started": micros if status is RunStatus.RUNNING else None,
        "new_ended": micros if status in TERMINAL else None,
        "new_error": _error_text(error),
        "new_exit_code": exit_code,
    }
    return connection.execute(_MOVE, values).scalar()


def complete(connection: Connection, run_id: str, time: datetime) -> int | None:
    """End a run well if it runs, and nothing is said against it: its key; None otherwise."""
    return connection.execute(_COMPLETE, {"run": run_id, "time": to_micros(time)}).scalar()


def keep_error(connection: Connection, run_id: str, error: RunError) -> None:
    """Keep why a run is going to fail."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(error=_error_text(error)))


def _error_text(error: RunError | None) -> str | None:
    return None if error is None else json.dumps({"message": error.message, "code": error.code})


def _error(text: str | None) -> RunError | None:
    return None if text is None else RunError(**json.loads(text))


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
        error=_error(row.error),
        definition=from_json_text(row.definition),
        context=from_json_text(row.context),
        tags=tags_of,
        properties=properties_of,
        params=params_of,
    )
