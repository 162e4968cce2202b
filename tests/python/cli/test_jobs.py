"""Real jobs by the real program: submitting, following, canceling."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from python.cli.conftest import PROGRAM, Answer
from tandemlab import Workspace

Call = Callable[..., Answer]
Script = Callable[..., Path]

TRAIN = """
import os, sys
import tandemlab
run = tandemlab.get_current_run()
print("training with", *sys.argv[1:])
for step in range(3):
    run.log("loss", 1 / (step + 1), step=step)
os.makedirs("outputs", exist_ok=True)
with open("outputs/model.txt", "w") as model:
    model.write(os.environ["COLOUR"])
"""

IN_STEPS = """
import pathlib, time
print("one", flush=True)
end = time.monotonic() + 60
while not pathlib.Path({mark!r}).exists() and time.monotonic() < end:
    time.sleep(0.01)
print("two", flush=True)
"""


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The program while it runs."""
    command = [*PROGRAM, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_life_of_a_run(
    call: Call, program: Call, lab: Workspace, script: Script, folder: Path
) -> None:
    train = script(TRAIN)
    submitted = program(
        *("run", "submit", "-o", "json", "--tag", "data=2002", "--env", "COLOUR=red"),
        *("--display-name", "first try", str(train), "--rate", "0.1", "-o", "x"),
    )
    assert submitted.status == 0
    assert submitted.json["run"] == "train/1"
    assert submitted.json["tags"] == {"data": "2002"}

    followed = program("run", "logs", "latest", "--follow")
    assert followed.status == 0
    assert followed.out == "training with --rate 0.1 -o x\n"
    assert followed.err.endswith("Next: tandemlab run metrics train/1\n")
    assert call("run", "logs", "train/1").out == followed.out

    (loss,) = call("run", "metrics", "train/1", "-o", "json").json
    assert loss["value"] == [1.0, 0.5, 1 / 3]

    names = [file["name"] for file in call("run", "files", "train/1", "-o", "json").json]
    assert {"outputs/model.txt", "user_logs/std_log.txt"} <= set(names)
    call("run", "download", "train/1", "outputs/model.txt", "--to", "got")
    assert (folder / "got" / "model.txt").read_text() == "red"

    details = call("run", "show", "train/1", "-o", "json").json
    assert (details["status"], details["exit_code"]) == ("Completed", 0)
    assert details["display_name"] == "first try"
    assert details["definition"]["arguments"] == ["--rate", "0.1", "-o", "x"]


def test_wait_shows_the_output_and_ends_with_the_run_s_failure(
    call: Call, lab: Workspace, script: Script
) -> None:
    bad = script("print('about to fail')\nraise SystemExit(3)", "bad.py")
    answer = call("run", "submit", "--wait", str(bad))
    assert answer.status == 6
    assert answer.out == "about to fail\n"
    assert "The script ended with exit code 3." in answer.err
    assert answer.err.endswith("Hint: `tandemlab run show bad/1` tells more.\n")

    answer = call("run", "submit", "--wait", "-o", "json", str(bad))
    assert (answer.status, answer.json["status"]) == (6, "Failed")
    printed, _, error = answer.err.rstrip("\n").rpartition("\n")
    assert printed == "about to fail"
    assert json.loads(error)["error"]["details"]["exit_code"] == 3


@pytest.mark.full
def test_logs_are_the_bytes_that_the_script_wrote(lab: Workspace, script: Script) -> None:
    odd = script("import sys\nsys.stdout.buffer.write(b'caf\\xe9 \\xff\\x00\\r\\n')", "odd.py")
    subprocess.run([*PROGRAM, "run", "submit", "--wait", odd], check=True, capture_output=True)
    done = subprocess.run([*PROGRAM, "run", "logs", "odd/1"], check=True, capture_output=True)
    assert done.stdout == b"caf\xe9 \xff\x00\r\n"


def test_follow_shows_lines_as_they_come(
    call: Call, lab: Workspace, script: Script, tmp_path: Path
) -> None:
    mark = tmp_path / "go on"
    steps = script(IN_STEPS.format(mark=str(mark)), "steps.py")
    call("run", "submit", str(steps))
    with started("run", "logs", "latest", "--follow") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        mark.touch()
        assert process.stdout.readline() == "two\n"
        assert process.wait(60) == 0


def test_interrupted_follow_leaves_the_run_alone_until_it_is_canceled(
    call: Call, lab: Workspace, script: Script, tmp_path: Path
) -> None:
    never = tmp_path / "never"
    call("run", "submit", str(script(IN_STEPS.format(mark=str(never)), "steps.py")))
    with started("run", "logs", "latest", "--follow") as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "one\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert "Traceback" not in process.stderr.read()
    assert call("run", "show", "steps/1", "-o", "json").json["status"] == "Running"

    canceled = call("run", "cancel", "steps/1")
    assert canceled.err == "Next: tandemlab run wait steps/1\n"
    waited = call("run", "wait", "steps/1", "--timeout", "1m", "-o", "json")
    assert (waited.status, waited.json[0]["status"]) == (6, "Canceled")


def test_script_is_found_inside_the_source_directory_or_from_here(
    call: Call, lab: Workspace, script: Script, folder: Path
) -> None:
    script("import helper", "main.py")
    (folder / "helper.py").write_text("")
    for name in ("source/main.py", folder / "source" / "main.py"):
        details = call("run", "submit", "--source", ".", "-o", "json", name)
        shown = call("run", "show", details.json["id"], "-o", "json").json
        assert shown["definition"]["script"] == "source/main.py"
        assert shown["definition"]["source_directory"] == str(folder)
    inside = call("run", "submit", "--source", "source", "-o", "json", "main.py")
    shown = call("run", "show", inside.json["id"], "-o", "json").json
    assert shown["definition"]["script"] == "main.py"


@pytest.mark.parametrize(
    "words",
    [
        ["missing.py"],
        ["source"],
        ["notes.txt"],
        ["--target", "moon", "source/train.py"],
        ["--interpreter", "no-such-python", "source/train.py"],
        ["--env", "1=2", "source/train.py"],
        ["--max-duration", "0", "source/train.py"],
    ],
    ids=" ".join,
)
def test_refused_submit_leaves_nothing_behind(
    words: list[str], call: Call, lab: Workspace, script: Script, folder: Path
) -> None:
    script("")
    (folder / "notes.txt").write_text("")
    answer = call("run", "submit", *words)
    assert answer.status == 2
    assert call("experiment", "list", "--all", "-o", "json").json == []


@pytest.mark.full
def test_time_limit_ends_a_script(call: Call, lab: Workspace, script: Script) -> None:
    slow = script("import time\ntime.sleep(60)", "slow.py")
    answer = call("run", "submit", "--wait", "--max-duration", "0.5s", "-o", "json", str(slow))
    assert (answer.status, answer.json["status"]) == (6, "Failed")


def test_a_run_is_submitted_for_each_line_of_arguments(
    call: Call, lab: Workspace, script: Script, folder: Path
) -> None:
    train = script("import sys; print(sys.argv[1:]); sys.exit('bad' in sys.argv)")
    lines = folder / "lines.txt"
    lines.write_text("--rate 0.1 'two words'  # first\n\n--rate 0.2 bad\n")
    submit = ("run", "submit", "--arguments-from", str(lines), "--max-concurrent", "1")
    answer = call(
        *submit, "-o", "json", "--tag", "sweep=rates", "--wait", str(train), "--epochs", "3"
    )
    assert answer.status == 6 and "1 of 2 runs did not complete" in answer.err
    assert [(row["run"], row["status"]) for row in answer.json] == [
        ("train/1", "Completed"),
        ("train/2", "Failed"),
    ]
    assert answer.json[1]["tags"] == {"sweep": "rates"}
    assert call("run", "logs", "train/1").out == (
        "['--epochs', '3', '--rate', '0.1', 'two words']\n"
    )
    lines.write_text("# nothing\n")
    assert call(*submit, str(train)).status == 2
    lines.write_text("'open\n")
    answer = call(*submit, str(train))
    assert answer.status == 2 and "line 1: No closing quotation" in answer.err
    assert call("run", "submit", "--max-concurrent", "2", str(train)).status == 2


@pytest.mark.full
def test_interpreter_can_be_chosen(call: Call, lab: Workspace, script: Script) -> None:
    which = script("import sys\nprint(sys.flags.isolated)", "which.py")
    wrapper = which.with_name("isolated python")
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "$@"\n')
    wrapper.chmod(0o755)
    answer = call("run", "submit", "--wait", "--interpreter", str(wrapper), str(which))
    assert answer.out == "1\n"
