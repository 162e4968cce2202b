"""Function steps: forks of a warm process, which has nothing of one run for another."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.waiting import wait_until
from plugins.workspaces import agent_pid
from tandemlab import Run, Workspace
from tandemlab.domain import RunFailed, RunStatus
from tandemlab.pipelines import Pipeline, PipelineRun, PythonFunctionStep, RFunctionStep

pytestmark = pytest.mark.full


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TANDEMLAB_SLOTS", "4")
    return


def submit(workspace: Workspace, *steps: Any, **options: Any) -> PipelineRun:
    return workspace.experiment("study").submit(Pipeline(steps), **options)


def the_run(run: PipelineRun, name: str) -> Run:
    return run.find_step_run(name)[-1]


LOOK = """
def look(word):
    import builtins, os, sys
    import numpy
    print(f"says {word}")
    before = getattr(builtins, "seen", None)
    builtins.seen = os.environ["SEEN"] = word
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "group": os.getpgrp(),
        "session": os.getsid(0),
        "before": before,
        "folder": os.path.basename(os.getcwd()),
        "main": os.path.basename(sys.modules["__main__"].__file__),
        "arguments": len(sys.argv),
        "draw": numpy.random.random(),
        "mode": os.environ.get("MODE"),
    }
"""


def look(name: str, **settings: Any) -> PythonFunctionStep:
    return PythonFunctionStep(
        LOOK, name, arguments={"word": name}, outputs={"facts": "json"}, **settings
    )


def test_each_function_is_a_process_with_nothing_of_another(workspace: Workspace) -> None:
    alone = PythonFunctionStep(
        "def alone():\n    import os\n    return os.getppid()\n",
        outputs={"parent": "json"},
        process="own",
    )
    names = ["first", "second", "third", "fourth"]
    other = look("other", environment_variables={"MODE": "other"})
    run = submit(workspace, *map(look, names), alone, other)
    run.wait_for_completion(timeout_seconds=60)
    facts = {name: run.get_output(name) for name in (*names, "other")}
    same = [facts[name] for name in names]
    assert len({each["parent"] for each in same}) == 1
    assert len({each["pid"] for each in same}) == 4
    assert len({each["draw"] for each in same}) == 4
    for each in facts.values():
        assert each["pid"] == each["group"] == each["session"]
        assert (each["before"], each["folder"], each["arguments"]) == (None, "work", 2)
    assert facts["first"]["main"] == "first.py"
    assert facts["first"]["mode"] is None
    assert facts["other"]["mode"] == "other"
    assert facts["other"]["parent"] != facts["first"]["parent"]
    assert run.get_output("alone") != facts["first"]["parent"]
    assert the_run(run, "second").read_log()[0] == "says second\n"
    assert "numpy" in (the_run(run, "first").get_environment() or {})["packages"]


SHARE = """
def share(word):
    import builtins, os, sys, threading
    import helper
    print(f"says {word}")
    threading.Timer(0.05, print, ["later"]).start()
    before, builtins.seen = getattr(builtins, "seen", None), word
    variable, os.environ["SEEN"] = os.environ.get("SEEN"), word
    sys.path.append("/nowhere")
    return {
        "pid": os.getpid(),
        "before": before,
        "variable": variable,
        "paths": sys.path.count("/nowhere"),
        "folder": os.path.basename(os.path.dirname(os.getcwd())),
        "main": os.path.basename(sys.modules["__main__"].__file__),
        "helper": helper.name,
    }
"""


def test_functions_share_a_process_one_after_the_other(
    workspace: Workspace, tmp_path: Path
) -> None:
    made: list[PythonFunctionStep] = []

    def add(name: str, code: str = SHARE, **settings: Any) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "helper.py").write_text(f"name = {name!r}\n")
        arguments = {"word": name} if code is SHARE else {}
        outputs = {"facts": "json"} if code is SHARE else {}
        made.append(
            PythonFunctionStep(
                code,
                name,
                arguments,
                tmp_path / name,
                **{"process": "shared", "run_after": made[-1:], "outputs": outputs, **settings},
            )
        )

    add("first")
    add("forked", process="forked")
    add("second")
    add("dies", "def dies():\n    import os\n    os.kill(os.getpid(), 9)\n")
    add("leaves", "def leaves():\n    raise SystemExit(3)\n", run_after=made[-2:-1])
    add("third", run_after=made[2:3])
    add("hangs", "def hangs():\n    import time\n    time.sleep(600)\n", max_run_duration_seconds=1)
    add("fourth", run_after=made[5:6])
    run = submit(workspace, *made, continue_on_step_failure=True)
    with pytest.raises(RunFailed):
        run.wait_for_completion(timeout_seconds=60)
    names = ["first", "forked", "second", "third", "fourth"]
    facts = {name: run.get_output(name) for name in names}
    for name, each in facts.items():
        assert (each["variable"], each["paths"]) == (None, 1)
        assert each["folder"] == the_run(run, name).id
        assert (each["main"], each["helper"]) == (f"{name}.py", name)
        assert the_run(run, name).read_log()[0] == f"says {name}\nlater\n"
    assert facts["first"]["pid"] == facts["second"]["pid"] != facts["forked"]["pid"]
    directories = [Path(workspace.path, "runs", the_run(run, name).id) for name in names]
    wait_until(lambda: not any((each / "work").exists() for each in directories))
    packages = {(each / "files/system/environment.json").stat().st_ino for each in directories}
    assert len(packages) == 1  # each a link to the same content
    ends_well = [(each / "job/exit").stat().st_ino for each in directories]
    assert ends_well[0] == ends_well[2] != ends_well[1]  # so is how jobs of a process ended
    assert all((each / "job/claim").samefile(each / "job/pid") for each in directories)
    assert (facts["forked"]["before"], facts["second"]["before"]) == (None, "first")
    ends = {name: the_run(run, name).record for name in ("dies", "leaves", "hangs")}
    assert {name: each.exit_code for name, each in ends.items()} == {
        "dies": -9,
        "leaves": 3,
        "hangs": -15,
    }
    assert ends["hangs"].error is not None
    assert ends["hangs"].error.code == "time_limit"


def test_functions_that_share_a_process_pass_on_nothing_but_an_empty_folder(
    workspace: Workspace,
) -> None:
    code = """
def look(word):
    import os
    facts = {"folder": os.stat(".").st_ino, "there": sorted(os.listdir())}
    if word:
        print(word)
        open("left.txt", "w").close()
    return facts
"""
    words = {"one": "", "two": "", "three": "loud", "four": ""}
    made: list[PythonFunctionStep] = []
    for name, word in words.items():
        settings: dict[str, Any] = {"process": "shared", "run_after": made[-1:]}
        given = {"word": word}
        made.append(PythonFunctionStep(code, name, given, outputs={"facts": "json"}, **settings))
    run = submit(workspace, *made)
    run.wait_for_completion(timeout_seconds=60)
    facts = {name: run.get_output(name) for name in words}
    assert facts["one"]["folder"] == facts["two"]["folder"] == facts["three"]["folder"]
    for name, word in words.items():
        assert facts[name]["there"] == sorted(["logs", "outputs", f"{name}.py"])
        of_step = the_run(run, name)
        assert of_step.read_log()[0] == (f"{word}\n" if word else "")
        assert "user_logs/std_log.txt" in of_step.get_file_names()
        assert not Path(workspace.path, "runs", of_step.id, "work").exists()
    assert not Path(workspace.path, "runs", run.id, "spare").exists()


def test_how_a_function_ends_is_how_its_run_ends(workspace: Workspace) -> None:
    codes = {
        "leaves": "import sys; print('bye'); sys.exit(3)",
        "explains": "import sys; sys.exit('no data')",
        "breaks": "raise ValueError('broken')",
        "dies": "import os, signal; print('oh', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
        "finishes": "import atexit; atexit.register(print, 'at the end'); print('before')",
        "lingers": "import threading; threading.Timer(0.2, print, ['later']).start()",
        "waits": "import subprocess; subprocess.run(['sleep', '600'])",
        "idle": "return None",
    }
    steps = [
        PythonFunctionStep(
            f"def {name}():\n    {code}\n",
            max_run_duration_seconds=1 if name == "waits" else None,
            outputs={"n": "file"} if name == "idle" else {},
        )
        for name, code in codes.items()
    ]
    run = submit(workspace, *steps, continue_on_step_failure=True)
    with pytest.raises(RunFailed):
        run.wait_for_completion(timeout_seconds=60)
    ends = {name: the_run(run, name).record for name in codes}
    assert {name: record.exit_code for name, record in ends.items()} == {
        "leaves": 3,
        "explains": 1,
        "breaks": 1,
        "dies": -9,
        "finishes": 0,
        "lingers": 0,
        "waits": -15,
        "idle": 1,
    }
    errors = {name: record.error.code for name, record in ends.items() if record.error}
    assert errors["dies"] == "signal"
    assert errors["waits"] == "time_limit"
    assert ends["finishes"].status is RunStatus.COMPLETED
    assert the_run(run, "finishes").read_log()[0] == "before\nat the end\n"
    assert the_run(run, "lingers").read_log()[0] == "later\n"
    assert the_run(run, "explains").read_log()[0] == "no data\n"
    traceback = the_run(run, "breaks").read_log()[0].splitlines()
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[1].endswith('work/breaks.py", line 9, in <module>')
    assert traceback[-1] == "ValueError: broken"


LOOK_IN_R = """function(word) {
  cat("says", word, "\\n")
  warning("careful")
  seen <- exists("seen", globalenv())
  assign("seen", word, globalenv())
  saveRDS(word, file.path(tempdir(), word))
  stat <- strsplit(sub(".*[)] ", "", readLines("/proc/self/stat")), " ")[[1]]
  list(
    pid = Sys.getpid(), parent = as.integer(stat[[2]]), group = as.integer(stat[[3]]),
    session = as.integer(stat[[4]]), seen = seen, folder = basename(getwd()),
    temporary = list.files(tempdir()), draw = stats::runif(1), mode = Sys.getenv("MODE")
  )
}"""


def test_each_function_of_r_is_a_process_with_nothing_of_another(workspace: Workspace) -> None:
    def look(name: str, **settings: Any) -> RFunctionStep:
        arguments, outputs = {"word": name}, {"facts": "json"}
        return RFunctionStep(LOOK_IN_R, name, arguments, outputs=outputs, **settings)

    names = ["first", "second", "third"]
    other = look("other", environment_variables={"MODE": "other"})
    run = submit(workspace, *map(look, names), other, look("alone", process="own"))
    run.wait_for_completion(timeout_seconds=60)
    facts = {name: run.get_output(name) for name in (*names, "other", "alone")}
    same = [facts[name] for name in names]
    assert len({each["parent"] for each in same}) == 1
    assert len({each["pid"] for each in same}) == 3
    assert len({each["draw"] for each in same}) == 3
    for name in (*names, "other"):
        each = facts[name]
        assert each["pid"] == each["group"] == each["session"]
        assert (each["seen"], each["folder"], each["temporary"]) == (False, "work", name)
    assert (facts["first"]["mode"], facts["other"]["mode"]) == ("", "other")
    assert len({facts[name]["parent"] for name in ("first", "other", "alone")}) == 3
    logs = [the_run(run, name).read_log()[0] for name in ("first", "alone")]
    assert logs[0] == logs[1].replace("alone", "first")
    assert logs[0].startswith("says first \nWarning message:\n")


def test_how_a_function_of_r_ends_is_how_its_run_ends(workspace: Workspace) -> None:
    codes = {
        "leaves": "quit(status = 3)",
        "breaks": "stop('broken')",
        "dies": "tools::pskill(Sys.getpid(), 9)",
        "finishes": ".Last <<- function() cat('at the end\\n')",
        "waits": "system('sleep 600')",
        "asks": "cat(system('echo child', intern = TRUE), '\\n')",
    }
    steps = [
        RFunctionStep(
            f"function() {code}", name, max_run_duration_seconds=1 if name == "waits" else None
        )
        for name, code in codes.items()
    ]
    run = submit(workspace, *steps, continue_on_step_failure=True)
    with pytest.raises(RunFailed):
        run.wait_for_completion(timeout_seconds=60)
    ends = {name: the_run(run, name).record for name in codes}
    found = {name: record.exit_code for name, record in ends.items()}
    expected = {"leaves": 3, "breaks": 1, "dies": -9, "finishes": 0, "waits": -15, "asks": 0}
    assert found == expected
    errors = {name: record.error.code for name, record in ends.items() if record.error}
    assert (errors["dies"], errors["waits"]) == ("signal", "time_limit")
    assert the_run(run, "finishes").read_log()[0] == "at the end\n"
    assert the_run(run, "asks").read_log()[0] == "child \n"
    log = the_run(run, "breaks").read_log()[0].splitlines()
    assert (log[0][:8], log[-1]) == ("Error in", "Execution halted")
    assert log[0].endswith(": broken")


@pytest.mark.parametrize("process", ["forked", "shared"])
def test_functions_outlive_the_agent_and_the_process_that_they_are_forked_from(
    workspace: Workspace, tmp_path: Path, process: str
) -> None:
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    code = (
        "def long():\n"
        "    import os, time\n"
        f"    open({str(begun)!r}, 'w').write(f'{{os.getppid()}}\\n')\n"
        f"    while not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
        "    return os.getppid()\n"
    )
    long = PythonFunctionStep(code, outputs={"parent": "json"}, process=process)
    behind = PythonFunctionStep(
        "def behind():\n    print('there')\n", run_after=[long], process=process
    )
    run = submit(workspace, behind)
    wait_until(lambda: begun.exists() and begun.read_text().endswith("\n"))
    agent = agent_pid(workspace)
    assert agent is not None
    os.kill(agent, signal.SIGKILL)
    os.kill(int(begun.read_text()), signal.SIGKILL)
    gate.touch()
    run.wait_for_completion(timeout_seconds=60)
    assert [each.attempts for each in run.get_steps()] == [1, 1]
    assert the_run(run, "behind").read_log()[0] == "there\n"


def test_a_canceled_function_ends_with_all_that_it_has_started(
    workspace: Workspace, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    code = (
        "def long():\n"
        "    import subprocess\n"
        f"    subprocess.run(['sh', '-c', 'echo $$ > {begun}; exec sleep 600'])\n"
    )
    run = submit(workspace, PythonFunctionStep(code))
    wait_until(lambda: begun.exists() and begun.read_text().endswith("\n"))
    run.cancel()
    with pytest.raises(RunFailed, match="was canceled"):
        run.wait_for_completion(timeout_seconds=60)
    wait_until(lambda: not Path(f"/proc/{begun.read_text().strip()}").exists())
    assert the_run(run, "long").record.status is RunStatus.CANCELED
