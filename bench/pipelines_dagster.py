"""Trivial steps in Dagster: SHAPE STEPS EXECUTOR; prints seconds as JSON."""

from __future__ import annotations

import json
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


def chain20() -> JobDefinition:
    return define("chain", 20)


def fan100() -> JobDefinition:
    return define("fan", 100)


def main() -> None:
    shape, steps, executor = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if executor == "in_process":
        asked = define(shape, steps)
        start = time.perf_counter()
        result = asked.execute_in_process(QUIET, DagsterInstance.ephemeral())
        seconds = time.perf_counter() - start
        assert result.success
    else:
        made = {("chain", 20): chain20, ("fan", 100): fan100}[shape, steps]
        with DagsterInstance.local_temp() as instance:
            settings = {**QUIET, "execution": {"config": {"max_concurrent": 2}}}
            start = time.perf_counter()
            with execute_job(
                reconstructable(made), instance=instance, run_config=settings
            ) as result:
                seconds = time.perf_counter() - start
                assert result.success
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
