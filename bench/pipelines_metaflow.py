"""Trivial steps in Metaflow, by its local runner: SHAPE STEPS; prints seconds as JSON.

Metaflow has no graph that is made at run time, so the flow is written to a file first.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def flow(shape: str, steps: int) -> str:
    """A flow whose steps between start and end are those that count."""
    names = [f"step{number}" for number in range(steps)]
    lines = ["from metaflow import FlowSpec, step", "", "class Trivial(FlowSpec):"]

    def add(name: str, body: str, *, joins: bool = False) -> None:
        lines.extend(["    @step", f"    def {name}(self{', inputs' if joins else ''}):"])
        lines.append(f"        {body}")

    def to(*following: str) -> str:
        return f"self.next({', '.join(f'self.{name}' for name in following)})"

    if shape == "chain":
        for name, following in zip(["start", *names], [*names, "end"], strict=True):
            add(name, to(following))
    else:
        add("start", to(*names))
        for name in names:
            add(name, to("join"))
        add("join", to("end"), joins=True)
    add("end", "pass")
    return "\n".join([*lines, "", "if __name__ == '__main__':", "    Trivial()", ""])


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        script = Path(place, "trivial.py")
        script.write_text(flow(sys.argv[1], int(sys.argv[2])))
        begin = time.perf_counter()
        words = ["run", "--max-workers", "2", "--max-num-splits", "1000"]
        done = subprocess.run(
            [sys.executable, script, "--quiet", *words],
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - begin
        if done.returncode:
            sys.exit(done.stdout)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
