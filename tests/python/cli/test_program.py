"""What holds for every command: errors, exit codes, forms of output, pipes and interrupts."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from python.cli.conftest import PROGRAM, Answer
from tandemlab import Run, Workspace, __version__

Call = Callable[..., Answer]


def test_version_is_the_package_s(call: Call) -> None:
    assert call("--version") == Answer(0, f"tandemlab {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["run", "list", "-w", "nowhere"], 3, "not_found"),
        (["run", "show", "demo/99"], 3, "not_found"),
        (["run", "show", "nothing"], 3, "not_found"),
        (["run", "show", "other/1"], 3, "not_found"),
        (["run", "show", "demo/one"], 2, "invalid_input"),
        (["run", "list", "--experiment", "../demo"], 2, "invalid_input"),
        (["run", "list", "--status", "Sleeping"], 2, "invalid_input"),
        (["run", "list", "--last", "0"], 2, "usage"),
        (["run", "list", "--colour"], 2, "usage"),
        (["run", "metrics", "demo/1", "--name", "recall"], 3, "not_found"),
        (["run", "download", "demo/1", "no.txt"], 3, "not_found"),
        (["run", "download", "demo/1", "--prefix", "no/"], 3, "not_found"),
        (["run", "download", "demo/1", "a", "--prefix", "a"], 2, "usage"),
        (["run", "cancel", "demo/1"], 5, "invalid_state"),
        (["run", "untag", "demo/1", "worst"], 3, "not_found"),
        (["run", "update", "demo/1"], 2, "usage"),
        (["run", "wait", "demo/1", "--timeout", "soon"], 2, "usage"),
        (["run", "delete", "demo/1"], 2, "invalid_input"),
        (["run", "submit", "--env", "HOME", "train.py"], 2, "usage"),
        (["run", "submit", "missing.py"], 2, "invalid_input"),
        (["run", "submit", "missing/train.py"], 2, "invalid_input"),
        (["run", "submit", "."], 2, "invalid_input"),
        (["experiment", "create", "demo"], 4, "already_exists"),
        (["experiment", "create", "a/b"], 2, "invalid_input"),
        (["experiment", "create", " "], 2, "invalid_input"),
        (["experiment", "show", "dmo"], 3, "not_found"),
        (["workspace", "create", "../lab"], 4, "already_exists"),
        (["workspace", "show", "nowhere"], 3, "not_found"),
        (["workspace", "delete", "../lab"], 2, "invalid_input"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_errors_have_a_message_a_code_and_an_exit_status(
    words: list[str], status: int, code: str, call: Call, logged: Run
) -> None:
    for_people = call(*words)
    assert (for_people.status, for_people.out) == (status, "")
    assert "Error: " in for_people.err

    # Options stand before the script that is submitted.
    for_programs = call(*words[:2], "-o", "json", *words[2:])
    assert (for_programs.status, for_programs.out) == (status, "")
    assert for_programs.error["code"] == code
    assert for_programs.error["exit_code"] == status
    assert for_programs.error["message"] in for_people.err
    assert set(for_programs.error) == {"code", "message", "hint", "exit_code", "details"}


def test_error_says_what_to_do_next(call: Call, logged: Run) -> None:
    assert call("experiment", "show", "dmo").err == (
        "Error: No experiment 'dmo' in the workspace 'lab'.\nHint: Did you mean demo?\n"
    )


def test_unknown_command_names_the_closest(call: Call) -> None:
    answer = call("run", "shwo")
    assert answer.status == 2
    assert "No such command 'shwo'" in answer.err
    assert "`tandemlab run --help` explains it." in answer.err


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("run submit-script", "run submit"),
        ("run monitor-logs", "run logs --follow"),
        ("run download-logs", "run download --prefix user_logs/"),
        ("folder attach", "workspace create"),
    ],
)
def test_names_of_the_former_command_line_lead_to_those_of_today(
    former: str, now: str, call: Call
) -> None:
    answer = call(*former.split(), "--some", "option")
    assert answer.status == 2
    assert answer.err.endswith(f"Hint: `tandemlab {now}` does that here.\n")


def test_option_before_the_verb_is_sent_behind_it(call: Call) -> None:
    assert "Hint: Options stand behind the verb." in call("-w", "lab", "run", "list").err


def test_warnings_of_the_library_read_as_such(
    call: Call, lab: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tandemlab.training.script_run_config._MANY_FILES", 0)
    (folder / "train.py").write_text("")
    answer = call("run", "submit", "train.py", "-o", "json")
    assert answer.status == 0
    assert answer.err.startswith(f"Warning: The snapshot of {folder} takes ")


def test_without_a_workspace_the_ways_to_one_are_named(call: Call, folder: Path) -> None:
    answer = call("run", "list")
    assert answer.status == 3
    assert f"No workspace belongs to {folder}" in answer.err
    for way in ("--workspace", "TANDEMLAB_WORKSPACE", "tandemlab workspace create lab"):
        assert way in answer.err


def test_workspace_is_named_by_option_then_variable_then_folder(
    call: Call, lab: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("second", "third"):
        Workspace.create(name)

    def current(*words: str) -> str:
        return str(call("workspace", "show", "-o", "json", *words).json["name"])

    assert current() == "lab"
    monkeypatch.setenv("TANDEMLAB_WORKSPACE", "second")
    assert current() == "second"
    assert current("-w", "third") == "third"
    assert current("-w", str(lab.path)) == "lab"


def test_suggestion_repeats_the_workspace_that_was_named(call: Call, logged: Run) -> None:
    assert call("run", "list").err == "Next: tandemlab run show demo/1\n"
    named = call("run", "list", "-w", logged.workspace.path)
    assert named.err == f"Next: tandemlab run show demo/1 --workspace {logged.workspace.path}\n"


def test_suggestion_can_be_pasted_whatever_the_names(call: Call, lab: Workspace) -> None:
    lab.experiment("Unfälle 2002 🚗").start_logging().complete()
    assert call("run", "list").err == "Next: tandemlab run show 'Unfälle 2002 🚗/1'\n"
    assert call("run", "show", "Unfälle 2002 🚗/1").status == 0


def test_suggestions_are_for_people(call: Call, logged: Run) -> None:
    for form in ("json", "tsv"):
        assert call("run", "list", "-o", form).err == ""


RESULTS = {
    "run list": ["run", "list"],
    "run show": ["run", "show", "demo/1"],
    "run metrics": ["run", "metrics", "demo/1"],
    "run metrics --name": ["run", "metrics", "demo/1", "--name", "loss"],
    "run files": ["run", "files", "demo/1"],
    "run download": ["run", "download", "demo/1", "--overwrite"],
    "run tag": ["run", "tag", "demo/1", "seen"],
    "run wait": ["run", "wait", "demo/1"],
    "experiment list": ["experiment", "list"],
    "experiment show": ["experiment", "show", "demo"],
    "experiment archive": ["experiment", "archive", "demo"],
    "workspace list": ["workspace", "list"],
    "workspace show": ["workspace", "show"],
}
FIELDS = {
    "run list": "run status display_name created duration id type target parent tags params "
    "experiment number started ended exit_code error",
    "run show": "run status display_name created duration id type target parent tags params "
    "experiment number started ended exit_code error description metrics properties definition "
    "snapshot context directory log",
    "run metrics": "name shape count last min max value",
    "run metrics --name": "step time value",
    "run files": "name size sha256 path",
    "run download": "name size path",
    "run tag": "run status display_name created duration id type target parent tags params "
    "experiment number started ended exit_code error",
    "run wait": "run status display_name created duration id type target parent tags params "
    "experiment number started ended exit_code error",
    "experiment list": "name runs created archived",
    "experiment show": "name runs created archived statuses latest_run",
    "experiment archive": "name runs created archived",
    "workspace list": "name path current",
    "workspace show": "name path id friendly_name description tags created store artifacts "
    "experiments runs",
}


@pytest.mark.parametrize("name", RESULTS)
def test_json_and_tsv_have_the_documented_fields(name: str, call: Call, logged: Run) -> None:
    fields = FIELDS[name].split()
    answer = call(*RESULTS[name], "-o", "json").json
    first = answer[0] if isinstance(answer, list) else answer
    assert list(first) == fields

    heading, *lines = call(*RESULTS[name], "-o", "tsv").lines
    assert heading == fields
    assert len(lines) == (len(answer) if isinstance(answer, list) else 1)
    assert {len(line) for line in lines} == {len(fields)}


@pytest.mark.parametrize("name", RESULTS)
def test_table_shows_fields_of_the_json(name: str, call: Call, logged: Run) -> None:
    shown = call(*RESULTS[name]).out.splitlines()
    fields = set(FIELDS[name].split())
    names = {line.split()[0].partition(".")[0] for line in shown}
    assert set(shown[0].split()) <= fields or names <= fields


def test_list_without_results_is_an_empty_list(call: Call, lab: Workspace) -> None:
    assert call("run", "list", "-o", "json").json == []
    assert len(call("run", "list", "-o", "tsv").lines) == 1
    assert call("run", "list") == Answer(
        0, "", "No runs fit.\nNext: tandemlab run submit train.py\n"
    )


@pytest.fixture
def half_past_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[timezone]:
    """A local time that is half an hour off most others."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield timezone(timedelta(hours=5, minutes=30))
    time.tzset()


def test_times_are_local_in_tables_and_utc_in_json(
    call: Call, logged: Run, half_past_zone: timezone
) -> None:
    created = logged.record.created
    json = call("run", "show", "demo/1", "-o", "json").json
    assert json["created"] == created.isoformat().replace("+00:00", "Z")
    local = created.astimezone(half_past_zone).strftime("%Y-%m-%d %H:%M:%S")
    assert local in call("run", "list").out


def test_control_characters_do_not_reach_the_terminal(call: Call, lab: Workspace) -> None:
    with lab.experiment("demo").start_logging(display_name="\x1b[2Jclean") as run:
        run.log("word", "a\rb")
    assert "\\x1b[2Jclean" in call("run", "list").out
    assert "a\\rb" in call("run", "metrics", "demo/1").out
    assert call("run", "show", "demo/1", "-o", "json").json["display_name"] == "\x1b[2Jclean"


def test_reader_that_goes_away_is_no_error(program: Call, logged: Run) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, "run", "list"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_file_in_the_way_is_a_storage_error(call: Call, logged: Run, folder: Path) -> None:
    (folder / "taken").write_text("")
    answer = call("run", "download", "demo/1", "outputs/model.txt", "--to", "taken", "-o", "json")
    assert (answer.status, answer.error["code"]) == (7, "storage_error")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_the_program(shell: str, call: Call) -> None:
    answer = call("completion", shell)
    assert answer.status == 0
    assert "_TANDEMLAB_COMPLETE" in answer.out


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("tandemlab ru", ["run"]),
        ("tandemlab run sub", ["submit"]),
        ("tandemlab run list --exp", ["--experiment"]),
        ("tandemlab run list --experiment de", ["demo"]),
        ("tandemlab run show d", ["demo/1"]),
        ("tandemlab workspace show l", ["lab"]),
        ("tandemlab run list -o t", ["table", "tsv"]),
    ],
)
def test_shell_completes(
    line: str, offered: list[str], call: Call, logged: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    monkeypatch.setenv("_TANDEMLAB_COMPLETE", "bash_complete")
    answer = call()
    assert (answer.status, answer.err) == (0, "")
    assert [word.partition(",")[2] for word in answer.out.splitlines()] == offered
