from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.waiting import wait_until
from tandemlab import Workspace
from tandemlab.pipelines import CommandStep, Pipeline, PipelineParameter


@pytest.fixture
def score(lab: Workspace) -> None:
    rows = PipelineParameter("rows", 1)
    Pipeline([CommandStep(["echo", rows], "only")], name="score").publish(lab)


def test_schedules_are_made_listed_paused_and_deleted(call: Callable, score: None) -> None:
    made = call(
        *("schedule", "create", "nightly", "--pipeline", "score", "-p", "rows=3"),
        *("--cron", "30 2 * * *", "--time-zone", "Europe/Berlin", "-o", "json"),
    ).json
    assert (made["fires"], len(made["next"])) == ("cron 30 2 * * * (Europe/Berlin)", 3)
    again = call(*"schedule create nightly --pipeline score --every 15m".split())
    assert again.status == 4
    made = call(*"schedule create nightly --pipeline score --every 90m --exist-ok -o json".split())
    assert made.json["fires"] == "every 90 minutes"
    after = call(*"schedule create report --command date --after score -o json".split()).json
    assert (after["fires"], after["next"]) == ("after the pipeline score", [])
    assert call("schedule", "pause", "report", "-o", "json").json["status"] == "Paused"
    listed = call("schedule", "list", "-o", "json").json
    assert [(each["schedule"], each["status"]) for each in listed] == [
        ("nightly", "Active"),
        ("report", "Paused"),
    ]
    assert call("schedule", "resume", "report", "-o", "json").json["status"] == "Active"
    assert call("schedule", "delete", "report", "--yes").status == 0
    assert len(call("schedule", "list", "-o", "json").json) == 1


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ("--pipeline score", 2, "0 of these are given"),
        ("--pipeline score --cron '* * *'", 2, "no cron expression"),
        ("--pipeline score --command date --every 1h", 2, "said twice"),
        ("--every 1h", 2, "not said"),
        ("--pipeline skore --every 1h", 3, "'score'"),
        ("--pipeline score --every 1h -p rows=many", 2, "no integer"),
        ("--pipeline score --every 1h --start soon", 2, "not a time"),
        ("--pipeline score --cron @daily --time-zone Berlin", 2, "no time zone"),
        ("--pipeline score --on-data lake:x", 3, "lake"),
        ("--script no.py --every 1h", 2, "no.py"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused(
    call: Callable, score: None, words: str, status: int, says: str
) -> None:
    import shlex

    answer = call("schedule", "create", "job", *shlex.split(words))
    assert answer.status == status and says in answer.err
    assert call("schedule", "list", "-o", "json").json == []


@pytest.mark.full
def test_a_script_is_run_now_and_in_the_history(
    call: Callable, lab: Workspace, folder: Path
) -> None:
    (folder / "say.py").write_text("import sys; print(sys.argv[1:])")
    made = call(
        *(
            "schedule",
            "create",
            "say",
            "--script",
            "say.py",
            "--argument",
            "a",
            "--cron",
            "@yearly",
        ),
        *("--tag", "by=hand", "-o", "json"),
    )
    assert made.json["runs"] == "script say.py"
    run_id = call("schedule", "run-now", "say", "-o", "json").json["run_id"]

    def history() -> list[dict[str, str]]:
        return call("schedule", "history", "say", "-o", "json").json  # type: ignore[no-any-return]

    wait_until(lambda: history()[0]["state"] == "Completed")
    assert history()[0]["run_id"] == run_id
    assert lab.get_run(run_id).read_log()[0] == "['a']\n"
    assert lab.get_run(run_id).tags == {"by": "hand"}


def test_the_agent_says_whether_it_is_installed(
    call: Callable, lab: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    shown = call("agent", "status", "-o", "json").json
    assert (shown["agent"], shown["schedules"], shown["installed"]) == ("idle", 0, None)
    refused = call("agent", "install", "-o", "json")
    assert refused.status == 5 and "tandemlab.compute.stay" in refused.error["hint"]
    assert call("agent", "uninstall").status == 0


def test_notifications_are_made_tried_and_deleted(call: Callable, lab: Workspace) -> None:
    made = call(
        *("notification", "create", "bell", "--command", "true", "--on", "completed"),
        *("--experiment", "demo", "-o", "json"),
    ).json
    assert (made["on"], made["about"], made["by"]) == (
        ["Completed"],
        "experiment demo",
        "command true",
    )
    assert call("notification", "test", "bell").status == 0
    assert call(*"notification create bad --email a@b.org".split()).status == 2
    assert call(*"notification create bad --command x --webhook http://a".split()).status == 2
    assert call(*"notification create hook --webhook http://127.0.0.1:9".split()).status == 0
    assert call("notification", "test", "hook").status == 10
    assert call("notification", "history", "hook", "-o", "json").json == []
    assert call("notification", "delete", "hook", "--yes").status == 0
    assert [each["notification"] for each in call(*"notification list -o json".split()).json] == [
        "bell"
    ]
