"""How fast the studio is: the first load, the table of 10,000 runs, and its scrolling.

.venv/bin/python bench/studio.py
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tandemlab import Workspace
from tandemlab.domain import NewRun, RunStatus
from tandemlab.domain.ids import new_run_id
from tandemlab.domain.times import now
from tandemlab.server import process
from tandemlab.server.settings import ServerSettings
from tandemlab.server.studio import built_folder

RUNS = 10_000
TRIES = 5
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_PAINTED = "document.querySelector('[role=table] [role=row][aria-rowindex=\"2\"]') !== null"
_SCROLL = """async () => {
  const table = document.querySelector('.grid');
  let frames = 0;
  const begin = performance.now();
  while (performance.now() - begin < 2000) {
    table.scrollTop += 300;
    await new Promise(requestAnimationFrame);
    frames += 1;
  }
  return frames / ((performance.now() - begin) / 1000);
}"""


def main() -> None:
    """Measure, and print a table."""
    size = first_load_bytes()
    folder = Path(tempfile.mkdtemp(prefix="bench-studio-"))
    lab = Workspace.create(folder / "lab")
    fill(lab)
    running = process.start(ServerSettings(lab.path, port=0))
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
            studio = f"{running.url}/studio/lab"
            loads = [first_load(browser, f"{studio}/experiments") for _ in range(TRIES)]
            tables = [table(browser, f"{studio}/runs") for _ in range(TRIES)]
            browser.close()
    finally:
        os.kill(running.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    rows = {
        "JavaScript of the first load, compressed": (size / 1000, "kB", 300),
        "first load, until it can be used": (statistics.median(loads), "ms", 1500),
        f"{RUNS} runs: first row after the data": (median(tables, "paint"), "ms", 300),
        f"{RUNS} runs: the server's answer": (median(tables, "answer"), "ms", None),
        f"{RUNS} runs: scrolling": (median(tables, "frames"), "frames/s", None),
    }
    for name, (value, unit, goal) in rows.items():
        print(f"{name:45} {value:8.0f} {unit:9} {'' if goal is None else f'(at most {goal})'}")


def median(tables: list[dict[str, float]], name: str) -> float:
    """The middle of what was measured."""
    return statistics.median(each[name] for each in tables)


def first_load_bytes() -> int:
    """Bytes of the scripts that home needs."""
    parts: dict[str, Any] = json.loads((built_folder() / "manifest.json").read_text())

    def needed(name: str) -> set[str]:
        part = parts[name]
        return {part["file"]}.union(*(needed(each) for each in part.get("imports", [])))

    files = needed("index.html") | needed("src/home/home.tsx")
    return sum(len(gzip.compress((built_folder() / name).read_bytes(), 9)) for name in files)


def fill(lab: Workspace) -> None:
    """Runs with parameters and tags."""
    for number in range(RUNS):
        run = NewRun(
            id=new_run_id("many"),
            experiment="many",
            type="interactive",
            display_name=f"run_{number}",
            created=now(),
            status=RunStatus.COMPLETED,
            params={"depth": number % 7, "rate": number / RUNS},
            tags={"language": "R" if number % 2 else "Python"},
        )
        lab.store.create_run(run)


def first_load(browser: Browser, url: str) -> float:
    """Milliseconds until a page of a fresh browser has its content."""
    context = browser.new_context()
    page = context.new_page()
    begin = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.get_by_role("link", name="many").wait_for()
    taken = 1000 * (time.perf_counter() - begin)
    context.close()
    return taken


def table(browser: Browser, url: str) -> dict[str, float]:
    """Milliseconds of the answer and until its first row is there, and frames a second."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    with page.expect_response(lambda answer: "/runs/table" in answer.url) as waiting:
        page.goto(url, wait_until="commit")
    waiting.value.finished()
    begin = time.perf_counter()
    page.wait_for_function(_PAINTED)
    paint = 1000 * (time.perf_counter() - begin)
    timing = waiting.value.request.timing
    frames = float(page.evaluate(_SCROLL))
    context.close()
    answer = timing["responseEnd"] - timing["requestStart"]
    return {"paint": paint, "answer": answer, "frames": frames}


if __name__ == "__main__":
    main()
