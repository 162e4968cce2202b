"""Parallel runs: scripts of both languages, called for one part of an input after another."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

from plugins.waiting import wait_until
from tandemlab import Workspace
from tandemlab.bridge import write_frame
from tandemlab.domain import InvalidInput, RunFailed
from tandemlab.pipelines import ParallelRunConfig, ParallelRunStep, Pipeline, PipelineRun

pytestmark = pytest.mark.full

Submit = Callable[..., PipelineRun]


@pytest.fixture
def submit(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submit:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def submit_step(config: ParallelRunConfig, **settings: Any) -> PipelineRun:
        made = ParallelRunStep("work", config, **settings)
        return workspace.experiment("study").submit(Pipeline([made]))

    return submit_step


def metrics(run: PipelineRun) -> dict[str, Any]:
    return run.find_step_run("work")[-1].get_metrics()


def test_rows_of_a_table_come_back_in_order_from_python(submit: Submit) -> None:
    write_frame(pandas.DataFrame({"x": range(25)}), Path("rows.arrow"))
    Path("work.py").write_text(
        "import sys\n"
        "def init():\n    global scale\n    scale = int(sys.argv[1])\n"
        "def run(rows):\n    print('got', len(rows))\n    return rows.assign(y=rows['x'] * scale)\n"
    )
    config = ParallelRunConfig("work.py", mini_batch_size=10, process_count_per_node=2)
    inputs = {"rows": "rows.arrow"}
    run = submit(config, arguments=[3], inputs=inputs, outputs={"more": "table"})
    run.wait_for_completion()
    found = run.get_output("work")
    assert found["x"].tolist() == list(range(25))
    assert found["y"].tolist() == [3 * x for x in range(25)]
    assert metrics(run)["mini_batches"] == 3
    assert run.find_step_run("work")[0].read_log()[0].count("got 10") == 2


def test_files_and_rows_are_scored_by_r(submit: Submit) -> None:
    Path("files").mkdir()
    for number in range(5):
        Path(f"files/{number}.txt").write_text(f"line {number}\n")
    Path("work.R").write_text(
        "init <- function() words <<- commandArgs(TRUE)\n"
        "run <- function(files) data.frame(\n"
        "  file = basename(files), text = vapply(files, readLines, ''), word = words)\n"
    )
    config = ParallelRunConfig("work.R", mini_batch_size=2, process_count_per_node=1)
    run = submit(config, arguments=["a b"], inputs={"all": "files"}, outputs={"texts": "table"})
    run.wait_for_completion()
    found = run.get_output("work")
    assert found["file"].tolist() == [f"{number}.txt" for number in range(5)]
    assert found["text"].tolist() == [f"line {number}" for number in range(5)]
    assert set(found["word"]) == {"a b"}


def test_lists_become_lines_and_lists(submit: Submit) -> None:
    Path("items.json").write_text(json.dumps([{"n": n} for n in range(4)]))
    Path("work.py").write_text("def run(items):\n    return [each['n'] + 1 for each in items]\n")
    from tandemlab.pipelines import PythonScriptStep

    Path("fetch.py").write_text("import shutil, sys\nshutil.copy('items.json', sys.argv[1])\n")
    made = PythonScriptStep("fetch.py", arguments=["${outputs.all}"], outputs={"all": "json"})
    config = ParallelRunConfig("work.py", mini_batch_size=3, process_count_per_node=1)
    run = submit(config, inputs=[made.output()], outputs={"lines": "file"})
    run.wait_for_completion()
    assert run.get_output("work").read_text() == "1\n2\n3\n4\n"


def test_a_failed_part_is_tried_again_and_some_may_fail(submit: Submit, tmp_path: Path) -> None:
    write_frame(pandas.DataFrame({"x": range(6)}), Path("rows.arrow"))
    log = tmp_path / "log"
    Path("work.py").write_text(
        "import os\n"
        "def run(rows):\n"
        f"    open({str(log)!r}, 'a').write(f'{{rows.x.min()}}\\n')\n"
        "    if rows.x.min() == 2:\n        raise ValueError('two')\n"
        "    if rows.x.min() == 4:\n        os.kill(os.getpid(), 9)\n"
        "    return rows\n"
    )
    given: dict[str, Any] = {"inputs": {"rows": "rows.arrow"}, "outputs": {"all": "table"}}
    config = ParallelRunConfig(
        "work.py", 2, run_max_try=2, error_threshold=4, process_count_per_node=1
    )
    run = submit(config, **given)
    run.wait_for_completion()
    assert run.get_output("work")["x"].tolist() == [0, 1]
    assert sorted(log.read_text().split()) == ["0", "2", "2", "4", "4"]
    assert metrics(run)["mini_batches_failed"] == 2
    told = json.loads(run.find_step_run("work")[0].local_file("logs/mini_batches.json").read_text())
    errors = " ".join(each["error"] for each in told["failed"])
    assert "ValueError: two" in errors
    assert "by signal 9" in errors
    strict = submit(ParallelRunConfig("work.py", 2, error_threshold=3), **given)
    with pytest.raises(RunFailed, match="4 rows are of mini-batches that failed, more than the 3"):
        strict.wait_for_completion()


def test_what_was_finished_is_not_run_again(submit: Submit, tmp_path: Path) -> None:
    """The step is killed in the third of four mini-batches, tried again, and then resumed."""
    write_frame(pandas.DataFrame({"x": range(4)}), Path("rows.arrow"))
    log, gate = tmp_path / "log", tmp_path / "gate"
    Path("work.py").write_text(
        "import os, time\n"
        "def run(rows):\n"
        f"    open({str(log)!r}, 'a').write(f'{{rows.x.min()}}\\n')\n"
        f"    if rows.x.min() == 2 and not os.path.exists({str(gate)!r}):\n"
        "        os.kill(os.getppid(), 9)\n        time.sleep(600)\n"
        "    return rows\n"
    )
    config = ParallelRunConfig("work.py", 1, process_count_per_node=1)
    inputs = {"rows": "rows.arrow"}
    run = submit(config, inputs=inputs, outputs={"all": "table"}, retries=1)
    with pytest.raises(RunFailed, match=r"signal|SIGKILL|killed"):
        run.wait_for_completion()
    assert log.read_text().split() == ["0", "1", "2", "2"]
    gate.touch()
    again = run.resume()
    again.wait_for_completion()
    assert log.read_text().split() == ["0", "1", "2", "2", "2", "3"]
    assert again.get_output("work")["x"].tolist() == [0, 1, 2, 3]
    assert metrics(again)["mini_batches_taken_over"] == 2


def test_calls_that_hang_are_ended_and_a_broken_start_is_told_at_once(
    submit: Submit, tmp_path: Path
) -> None:
    Path("one.txt").write_text("")
    Path("work.py").write_text("import time\ndef run(files):\n    time.sleep(600)\n")
    given: dict[str, Any] = {"inputs": {"file": "one.txt"}, "outputs": {"all": "json"}}
    slow = ParallelRunConfig("work.py", run_invocation_timeout=0.2, run_max_try=1)
    run = submit(slow, **given)
    with pytest.raises(RunFailed, match=r"It took longer than 0\.2 seconds"):
        run.wait_for_completion()
    Path("broken.R").write_text("init <- function() stop('no model')\nrun <- function(x) x\n")
    run = submit(ParallelRunConfig("broken.R"), **given)
    with pytest.raises(RunFailed, match=r"init\(\) failed. no model"):
        run.wait_for_completion()
    Path("none.py").write_text("x = 1\n")
    run = submit(ParallelRunConfig("none.py"), **given)
    with pytest.raises(RunFailed, match="has no function run"):
        run.wait_for_completion()
    with pytest.raises(InvalidInput, match="mini_batch_size is a whole number from 1 on"):
        ParallelRunConfig("work.py", mini_batch_size=0)
    wide = ParallelRunConfig("work.py", node_count=2)
    with pytest.raises(InvalidInput, match="node_count: a parallel run has the processes of one"):
        submit(wide, **given)


def test_a_canceled_run_leaves_no_process(submit: Submit, tmp_path: Path) -> None:
    Path("one.txt").write_text("")
    pid = tmp_path / "pid"
    Path("work.py").write_text(
        "import os, time\ndef run(files):\n"
        f"    open({str(pid)!r}, 'w').write(str(os.getpid()))\n    time.sleep(600)\n"
    )
    run = submit(ParallelRunConfig("work.py"), inputs={"file": "one.txt"}, outputs={"all": "json"})
    wait_until(lambda: pid.exists() and pid.read_text() != "")
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    wait_until(lambda: not _is_alive(int(pid.read_text())))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
