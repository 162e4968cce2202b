from __future__ import annotations

from collections.abc import Callable

from python.cli.conftest import Answer
from tandemlab import Run, Workspace

Call = Callable[..., Answer]


def test_created_experiment_is_listed(call: Call, lab: Workspace) -> None:
    answer = call("experiment", "create", "crash tests")
    assert answer.status == 0
    assert answer.err == "Next: tandemlab run submit train.py --experiment 'crash tests'\n"
    (row,) = call("experiment", "list", "-o", "json").json
    assert (row["name"], row["runs"], row["archived"]) == ("crash tests", 0, False)


def test_experiment_that_is_there_is_taken_when_that_is_fine(call: Call, logged: Run) -> None:
    answer = call("experiment", "create", "demo", "--exist-ok", "-o", "json")
    assert answer.json["runs"] == 1


def test_archived_experiment_is_hidden_until_it_is_reactivated(call: Call, logged: Run) -> None:
    def names(*words: str) -> list[str]:
        return [row["name"] for row in call("experiment", "list", "-o", "json", *words).json]

    assert call("experiment", "archive", "demo", "-o", "json").json["archived"] is True
    assert (names(), names("--all")) == ([], ["demo"])
    assert call("experiment", "reactivate", "demo").status == 0
    assert names() == ["demo"]


def test_show_counts_runs_by_status(call: Call, logged: Run) -> None:
    logged.experiment.start_logging().fail("no data")
    details = call("experiment", "show", "demo", "-o", "json").json
    assert details["statuses"] == {"Completed": 1, "Failed": 1}
    assert details["latest_run"] == "demo/2"


def test_looking_for_an_experiment_does_not_make_it(call: Call, lab: Workspace) -> None:
    for words in (["experiment", "show", "new"], ["run", "list", "-e", "new"]):
        assert call(*words).status == 3
    assert call("experiment", "list", "--all", "-o", "json").json == []
