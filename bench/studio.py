"""How fast the studio is: the first load, the table of 10,000 runs, and a canvas of 200 steps.

.venv/bin/python bench/studio.py
"""

from __future__ import annotations

import gzip
import json
import math
import os
import shutil
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tandemlab import Workspace
from tandemlab.designer import Draft
from tandemlab.domain import NewRun, RunStatus
from tandemlab.domain.ids import new_run_id
from tandemlab.domain.times import now
from tandemlab.server import process
from tandemlab.server.settings import ServerSettings
from tandemlab.server.studio import built_folder

RUNS = 10_000
STEPS = 200
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

_COUNT = """milliseconds => {
  window.panned = (async () => {
    let frames = 0;
    const begin = performance.now();
    while (performance.now() - begin < milliseconds) {
      await new Promise(requestAnimationFrame);
      frames += 1;
    }
    return frames / ((performance.now() - begin) / 1000);
  })();
}"""
_FREE = """() => {
  const pane = document.querySelector('.react-flow__pane');
  const { x, y, width, height } = pane.getBoundingClientRect();
  for (let left = x + 40; left < x + width - 40; left += 15)
    for (let top = y + height / 3; top < y + height - 40; top += 15)
      if (document.elementFromPoint(left, top) === pane) return [left, top];
}"""
# From the last move of the pointer until the input that takes the connection says so.
_WATCH = """handle => {
  let moved = 0;
  const input = document.querySelector(handle);
  window.addEventListener('pointermove', event => { moved = event.timeStamp; }, true);
  window.addEventListener('mousemove', event => { moved = event.timeStamp; }, true);
  window.accepted = new Promise(done => new MutationObserver((_, observer) => {
    if (!input.classList.contains('valid')) return;
    observer.disconnect();
    requestAnimationFrame(() => done(performance.now() - moved));
  }).observe(input, { attributeFilter: ['class'] }));
}"""


def main() -> None:
    """Measure, and print a table."""
    size = first_load_bytes()
    folder = Path(tempfile.mkdtemp(prefix="bench-studio-"))
    lab = Workspace.create(folder / "lab")
    fill(lab)
    Draft.create(lab, "large", large_pipeline())
    running = process.start(ServerSettings(lab.path, port=0))
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
            studio = f"{running.url}/studio/lab"
            loads = [first_load(browser, f"{studio}/experiments") for _ in range(TRIES)]
            tables = [table(browser, f"{studio}/runs") for _ in range(TRIES)]
            canvases = [canvas(browser, f"{studio}/designer/large") for _ in range(TRIES)]
            browser.close()
    finally:
        os.kill(running.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    rows = {
        "JavaScript of the first load, compressed": (size / 1000, "kB", "at most 300"),
        "first load, until it can be used": (statistics.median(loads), "ms", "at most 1500"),
        f"{RUNS} runs: first row after the data": (median(tables, "paint"), "ms", "at most 300"),
        f"{RUNS} runs: the server's answer": (median(tables, "answer"), "ms", ""),
        f"{RUNS} runs: scrolling": (median(tables, "frames"), "frames/s", ""),
        f"{STEPS} steps: panning": (median(canvases, "frames"), "frames/s", "at least 50"),
        f"{STEPS} steps: connection accepted": (median(canvases, "accepted"), "ms", "at most 50"),
    }
    for name, (value, unit, goal) in rows.items():
        print(f"{name:45} {value:8.0f} {unit:9} {goal and f'({goal})'}")


def median(measured: list[dict[str, float]], name: str) -> float:
    """The middle of what was measured."""
    return statistics.median(each[name] for each in measured)


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


def large_pipeline() -> dict[str, Any]:
    """Steps that split what the one ten steps before has left, all on one canvas."""
    steps: dict[str, Any] = {}
    for number in range(STEPS):
        inputs = {"data": {"step": f"part_{number - 10}", "output": "first"}} if number > 9 else {}
        steps[f"part_{number}"] = {"component": {"name": "split_data"}, "inputs": inputs}
    return {"steps": steps}


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


def canvas(browser: Browser, url: str) -> dict[str, float]:
    """Frames a second while a full canvas is dragged, and milliseconds of a connection's check."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(url)
    page.get_by_test_id("step part_0").wait_for()
    page.get_by_role("button", name="Zoom in").wait_for()
    frames = pan(page)
    page.get_by_role("button", name="Show everything").click()
    accepted = connect(page)
    context.close()
    return {"frames": frames, "accepted": accepted}


def pan(page: Page) -> float:
    """Drag the canvas to and fro for two seconds."""
    x, y = page.evaluate(_FREE)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(_COUNT, 2000)
    begin = time.perf_counter()
    while (passed := time.perf_counter() - begin) < 2.1:
        page.mouse.move(x + 150 * math.sin(5 * passed), y + 80 * math.cos(5 * passed))
    page.mouse.up()
    return float(page.evaluate("window.panned"))


def connect(page: Page) -> float:
    """Drag from an output to an input that takes it, and let go elsewhere."""
    output, wanted = (
        f".react-flow__handle.{side}[data-nodeid=part_{step}][data-handleid={port}]"
        for side, step, port in (("source", 0, "second"), ("target", 1, "data"))
    )
    places = []
    for handle in (output, wanted):
        box = page.locator(handle).bounding_box()
        assert box is not None
        places.append((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(places[1][0] + 200, places[1][1] + 200, steps=5)
    page.evaluate(_WATCH, wanted)
    page.mouse.move(*places[1])
    accepted = float(page.evaluate("window.accepted"))
    page.mouse.move(5, 5)
    page.mouse.up()
    return accepted


if __name__ == "__main__":
    main()
