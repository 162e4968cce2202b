"""Runs that are there already: finding, reading, changing, deleting them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from python.cli.conftest import Answer
from tandemlab import Run, RunStatus, Workspace

Call = Callable[..., Answer]


@pytest.fixture
def several(lab: Workspace) -> list[str]:
    """Ids of four runs: three of `demo`, the last of them a child, and one of `other`."""
    demo = lab.experiment("demo")
    ids = ["demo_01aaaaaaaabbbb", "demo_01aaaaaaaacccc", "other_01aaaaaaaadddd"]
    for name, run_id in zip(("demo", "demo", "other"), ids, strict=True):
        lab.experiment(name).create_run(type="interactive", run_id=run_id).complete()
    child = demo.create_run(type="child", parent=ids[0], run_id="demo_01eeeeeeeeffff")
    child.complete()
    return [*ids, child.id]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("demo_01aaaaaaaabbbb", 0),
        ("demo_01aaaaaaaac", 1),
        ("01e", 3),
        ("demo/1", 0),
        ("demo/3", 3),
        ("other/latest", 2),
        ("demo/latest", 1),
        ("latest", 2),
    ],
)
def test_run_is_found_by(reference: str, found: int, call: Call, several: list[str]) -> None:
    answer = call("run", "show", reference, "-o", "json")
    assert answer.json["id"] == several[found]


def test_start_of_several_ids_names_them(call: Call, several: list[str]) -> None:
    answer = call("run", "show", "demo_01aaaaaaaa", "-o", "json")
    assert (answer.status, answer.error["code"]) == (2, "invalid_input")
    assert answer.error["details"]["run_ids"] == several[:2]


def test_latest_of_an_empty_workspace_is_not_found(call: Call, lab: Workspace) -> None:
    assert call("run", "show", "latest").status == 3


def test_list_filters_runs(call: Call, several: list[str]) -> None:
    call("run", "tag", "demo/1", "data=2002", "best")
    call("run", "tag", "demo/2", "data=1997")

    def listed(*words: str) -> list[str]:
        return [row["run"] for row in call("run", "list", "-o", "json", *words).json]

    assert listed() == ["other/1", "demo/2", "demo/1"]
    assert listed("--include-children") == ["demo/3", "other/1", "demo/2", "demo/1"]
    assert listed("--experiment", "demo") == ["demo/2", "demo/1"]
    assert listed("--last", "1") == ["other/1"]
    assert listed("--parent", "demo/1") == ["demo/3"]
    assert listed("--tag", "data") == ["demo/2", "demo/1"]
    assert listed("--tag", "data=2002", "--tag", "best") == ["demo/1"]
    assert listed("--status", "completed") == ["other/1", "demo/2", "demo/1"]
    assert listed("--status", "failed", "--status", "Running") == []
    assert listed("--target", "local") == []


def test_list_compares_runs_by_metrics(call: Call, logged: Run) -> None:
    with logged.experiment.start_logging() as other:
        other.log("accuracy", 0.95)
    second, first = call("run", "list", "--metrics", "-o", "json").json
    assert second["metrics"] == {"accuracy": 0.95}
    assert (first["metrics"]["accuracy"], first["metrics"]["loss"]) == (0.9, "NaN")

    heading, *lines = call("run", "list", "--metrics", "-o", "tsv").lines
    column = heading.index("metrics.accuracy")
    assert [line[column] for line in lines] == ["0.95", "0.9"]
    assert "metrics.accuracy" in call("run", "list", "--metrics").out


def test_metrics_have_json_forms_for_everything(call: Call, logged: Run) -> None:
    rows = {row["name"]: row for row in call("run", "metrics", "demo/1", "-o", "json").json}
    assert rows["loss"]["value"] == [0.5, 0.25, "NaN"]
    assert (rows["loss"]["count"], rows["loss"]["last"]) == (3, "NaN")
    assert (rows["loss"]["min"], rows["loss"]["max"]) == (0.25, 0.5)
    assert rows["accuracy"]["value"] == 0.9
    assert rows["low"]["value"] == "-Infinity"
    assert rows["missing"]["value"] is None
    assert rows["folds"]["value"] == {"fold": [1, 2], "auc": [0.8, None]}
    assert rows["confusion"]["value"]["data"]["matrix"] == [[5, 1], [2, 7]]


def test_one_metric_is_shown_point_by_point(call: Call, logged: Run) -> None:
    points = call("run", "metrics", "demo/1", "--name", "loss", "-o", "json").json
    assert [(point["step"], point["value"]) for point in points] == [
        (0, 0.5),
        (1, 0.25),
        (2, "NaN"),
    ]
    rows = call("run", "metrics", "demo/1", "--name", "folds", "-o", "tsv").lines
    assert rows == [["fold", "auc"], ["1", "0.8"], ["2", ""]]


def test_confusion_matrix_is_drawn_for_people(call: Call, logged: Run) -> None:
    answer = call("run", "metrics", "demo/1", "--name", "confusion")
    assert answer.out == (
        "true \\ predicted  alive  dead\n"
        "alive                 5     1\n"
        "dead                  2     7\n"
    )
    chart = call("run", "metrics", "demo/1", "--name", "confusion", "-o", "json").json
    assert chart["schema_type"] == "confusion_matrix"


def test_tsv_keeps_every_row_on_one_line(call: Call, logged: Run) -> None:
    lines = call("run", "metrics", "demo/1", "-o", "tsv").lines
    (note,) = [line for line in lines if line[0] == "note"]
    assert note[3] == "two\\nlines\\tand a tab"


def test_show_has_the_newest_metrics_tags_and_reason(call: Call, lab: Workspace) -> None:
    run = lab.experiment("demo").start_logging(tags={"data": "2002"})
    run.log("loss", 0.5)
    run.log("loss", 0.25)
    run.fail("no airbags")
    details = call("run", "show", "latest", "-o", "json").json
    assert details["status"] == "Failed"
    assert details["metrics"] == {"loss": 0.25}
    assert details["error"] == {"message": "no airbags", "code": "failed"}
    table = call("run", "show", "latest").out.splitlines()
    assert dict(line.split(maxsplit=1) for line in table)["metrics.loss"] == "0.25"


def test_files_are_listed_with_size_and_digest(call: Call, logged: Run) -> None:
    (file,) = call("run", "files", "demo/1", "-o", "json").json
    assert (file["name"], file["size"], len(file["sha256"])) == ("outputs/model.txt", 2000, 64)
    assert Path(file["path"]).read_text() == "m" * 2000
    assert "2.0 kB" in call("run", "files", "demo/1").out


def test_download_copies_one_file_by_its_last_name(call: Call, logged: Run, folder: Path) -> None:
    answer = call("run", "download", "demo/1", "outputs/model.txt", "--to", "new/results")
    assert answer.status == 0
    assert (folder / "new" / "results" / "model.txt").stat().st_size == 2000


def test_snapshot_copies_the_source(call: Call, logged: Run, folder: Path) -> None:
    (folder / "source").mkdir()
    (folder / "source" / "train.py").write_text("pass")
    run = logged.experiment.start_logging(snapshot_directory=folder / "source")
    run.complete()
    answer = call("run", "snapshot", run.id, "--to", "copy", "-o", "json")
    assert [row["name"] for row in answer.json] == ["train.py"]
    assert (folder / "copy" / "train.py").read_text() == "pass"
    assert call("run", "snapshot", run.id, "--to", "copy").status == 4
    assert call("run", "snapshot", "demo/1", "--to", "other").status == 3


def test_download_by_prefix_keeps_whole_names(call: Call, logged: Run, folder: Path) -> None:
    assert call("run", "download", "demo/1", "--prefix", "outputs/").status == 0
    assert (folder / "outputs" / "model.txt").exists()


def test_download_replaces_files_only_when_told_to(call: Call, logged: Run, folder: Path) -> None:
    mine = folder / "model.txt"
    mine.write_text("mine")
    words = ("run", "download", "demo/1", "outputs/model.txt")
    assert call(*words).status == 4
    assert mine.read_text() == "mine"
    assert call(*words, "--overwrite").status == 0
    assert mine.stat().st_size == 2000


def test_tags_are_set_and_taken_off(call: Call, logged: Run) -> None:
    words = ("demo/1", "data=1997", "url=a=b", "checked")
    assert call("run", "tag", *words, "-o", "json").json["tags"] == {
        "best": None,
        "checked": None,
        "data": "1997",
        "url": "a=b",
    }
    rest = call("run", "untag", "demo/1", "best", "url", "-o", "json").json["tags"]
    assert rest == {"checked": None, "data": "1997"}


def test_untag_of_a_tag_that_is_not_there_changes_nothing(call: Call, logged: Run) -> None:
    assert call("run", "untag", "demo/1", "best", "worst").status == 3
    assert "best" in logged.tags


def test_update_changes_names_for_people(call: Call, logged: Run) -> None:
    words = ("--display-name", "glm", "--description", "all years")
    assert call("run", "update", "demo/1", *words).status == 0
    details = call("run", "show", "demo/1", "-o", "json").json
    assert (details["display_name"], details["description"]) == ("glm", "all years")


def test_delete_removes_runs_and_their_files(
    call: Call, several: list[str], lab: Workspace
) -> None:
    answer = call("run", "delete", "demo/2", "other/1", "--yes", "-o", "json")
    assert [row["run"] for row in answer.json] == ["demo/2", "other/1"]
    assert [row["run"] for row in call("run", "list", "-o", "json").json] == ["demo/1"]
    assert not (lab.path / "runs" / several[1]).exists()


def test_delete_finds_all_runs_before_it_deletes_one(call: Call, several: list[str]) -> None:
    assert call("run", "delete", "demo/2", "demo/99", "--yes").status == 3
    assert call("run", "show", "demo/2").status == 0


def test_wait_tells_of_a_failure_by_its_exit_status(call: Call, lab: Workspace) -> None:
    lab.experiment("demo").start_logging().fail("no data")
    answer = call("run", "wait", "demo/1", "-o", "json")
    assert (answer.status, answer.error["code"]) == (6, "run_failed")
    assert answer.json[0]["status"] == "Failed"


def test_wait_gives_up_after_its_time(call: Call, lab: Workspace) -> None:
    lab.experiment("demo").create_run(type="interactive")
    answer = call("run", "wait", "demo/1", "--timeout", "0.1s", "-o", "json")
    assert (answer.status, answer.error["code"]) == (5, "invalid_state")


def test_cancel_of_an_interactive_run_ends_it(call: Call, lab: Workspace) -> None:
    run = lab.experiment("demo").create_run(type="interactive")
    assert call("run", "cancel", "demo/1", "-o", "json").json[0]["status"] == "Canceled"
    assert run.status is RunStatus.CANCELED


def test_run_that_was_not_submitted_has_no_log(call: Call, logged: Run) -> None:
    answer = call("run", "logs", "demo/1")
    assert (answer.status, answer.out) == (0, "")
    assert "was not submitted" in answer.err


def test_list_filters_sorts_and_pages(workspace: Workspace, call: Callable[..., Answer]) -> None:
    for depth in (1, 2, 3):
        with workspace.experiment("search").start_logging() as run:
            run.log_params({"depth": depth, "model": "glm"})
            run.log("auc", depth / 10)

    def depths(*words: str) -> list[int]:
        answer = call("run", "list", "-w", workspace.path, "-o", "json", *words)
        return [row["params"]["depth"] for row in answer.json]

    assert depths("--filter", "metrics.auc > 0.15 and params.model = 'glm'") == [3, 2]
    assert depths("--sort", "params.depth", "--last", "1", "--skip", "1") == [2]
    refused = call("run", "list", "-w", workspace.path, "--filter", "metrics.auc >")
    assert refused.status == 2
    assert "character 14" in refused.err and "              ^" in refused.err


def test_a_long_history_is_sampled(call: Call, lab: Workspace) -> None:
    run = lab.experiment("long").create_run(type="interactive")
    run.log_list("loss", [1.0, 9.0, *[2.0] * 500, -9.0, 1.5])
    command = ("run", "metrics", "long/1", "--max-points", "6")
    points = call(*command, "--name", "loss", "-o", "json").json
    assert [point["value"] for point in points] == [1.0, 9.0, 2.0, 2.0, -9.0, 1.5]
    assert call(*command).status == 2


def test_runs_are_compared(call: Call, lab: Workspace) -> None:
    for depth in (3, 4):
        with lab.experiment("demo").start_logging() as run:
            run.log_param("depth", depth)
            run.log("auc", float("nan"))
    answer = call("run", "compare", "demo/1", "demo/2")
    assert "demo/1 → demo/2" in answer.out and "  depth  3  4  +1\n" in answer.out
    assert answer.err.endswith("tandemlab run show demo/2\n")
    found = call("run", "compare", "demo/1", "demo/2", "-o", "json").json
    values = {(value["group"], value["name"]): value for value in found["values"]}
    assert values["metrics", "auc"] == {
        "group": "metrics",
        "name": "auc",
        "left": "NaN",
        "right": "NaN",
        "differs": False,
    }
    heading, *lines = call("run", "compare", "demo/1", "demo/2", "-o", "tsv").lines
    assert heading == ["group", "name", "left", "right", "differs"]
    assert ["params", "depth", "3", "4", "true"] in lines


def test_lineage_is_a_tree_or_a_chart(call: Call, several: list[str]) -> None:
    first, *_, child = several
    answer = call("run", "lineage", "demo/1")
    assert answer.out.splitlines()[1] == "└─ children" and "run demo/3" in answer.out
    assert call("run", "lineage", first, "--mermaid").out.startswith("flowchart LR\n")
    found = call("run", "lineage", "demo/3", "-o", "json").json
    assert found["run"]["id"] == child
    assert call("run", "lineage", "demo/3", "-o", "tsv").lines[1] == [
        "run",
        first,
        "parent",
        "run",
        child,
    ]
