"""Trivial steps in Dagster: SHAPE STEPS EXECUTOR; prints seconds as JSON."""

from __future__ import annotations

import json
import os
import sys
import time

from dagster import (
    DagsterInstance,
    In,
    JobDefinition,
    execute_job,
    job,
    multiprocess_executor,
    op,
    reconstructable,
)

_ASKED = "TRIVIAL_JOB"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@op
def begin() -> int:
    return 0


@op(ins={"before": In(int)})
def trivial(before: int) -> int:
    return before + 1


def define(shape: str, steps: int) -> JobDefinition:
    @job(name=f"{shape}{steps}", executor_def=multiprocess_executor)
    def trivial_job() -> None:
        value = first = begin()
        for number in range(1, steps):
            made = trivial.alias(f"step{number}")(value)
            value = made if shape == "chain" else first

    return trivial_job


def asked() -> JobDefinition:
    """What the environment says: processes of Dagster make it again by this name."""
    shape, steps = os.environ[_ASKED].split()
    return define(shape, int(steps))


def main() -> None:
    shape, steps, executor = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if executor == "in_process":
        made = define(shape, steps)
        start = time.perf_counter()
        result = made.execute_in_process(QUIET, DagsterInstance.ephemeral())
        seconds = time.perf_counter() - start
        assert result.success
    else:
        os.environ[_ASKED] = f"{shape} {steps}"
        with DagsterInstance.local_temp() as instance:
            settings = {**QUIET, "execution": {"config": {"max_concurrent": 2}}}
            start = time.perf_counter()
            with execute_job(
                reconstructable(asked), instance=instance, run_config=settings
            ) as result:
                seconds = time.perf_counter() - start
                assert result.success
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
