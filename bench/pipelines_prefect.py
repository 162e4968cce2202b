"""Trivial steps in Prefect, by its own task runner: SHAPE STEPS; prints seconds as JSON."""

from __future__ import annotations

import json
import sys
import time

from prefect import flow, task


@task
def trivial(before: int = 0) -> int:
    return before + 1


@flow
def chain(steps: int) -> int:
    value = 0
    for _ in range(steps):
        value = trivial(value)
    return value


@flow
def fan_out(steps: int) -> int:
    return sum(future.result() for future in [trivial.submit() for _ in range(steps)])


def main() -> None:
    shape, steps = sys.argv[1], int(sys.argv[2])
    run = chain if shape == "chain" else fan_out
    run(1)  # starts Prefect's server
    begin = time.perf_counter()
    assert run(steps) == steps
    print(json.dumps({"seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main()
