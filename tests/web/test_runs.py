"""The table of runs, a run's page and the comparison of runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from plugins.servers import Server
from plugins.waiting import wait_until
from tandemlab import Workspace
from tandemlab.domain import RunQuery, RunStatus
from tandemlab.server.settings import make_state_folder
from tandemlab.server.tokens import Role, Tokens
from web.lab import submit_script, submit_sweep

pytestmark = pytest.mark.services
Check = Callable[[Page], None]


def run_id(lab: Workspace, name: str) -> str:
    records = lab.store.find_runs(RunQuery(include_children=True))
    return next(record.id for record in records if record.display_name == name)


def first(lab: Workspace, experiment: str, status: RunStatus) -> str:
    query = RunQuery(experiment=experiment, status=frozenset({status}), oldest_first=True)
    return lab.store.find_runs(query)[0].id


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_runs_are_filtered_sorted_and_chosen_and_all_is_in_the_address(
    page: Page, studio: str, check_access: Check
) -> None:
    page.goto(f"{studio}/runs?experiment=accidents")
    names = page.get_by_role("link", name=re.compile("training_"))
    expect(names).to_have_count(6)
    page.get_by_label("Filter").fill("params.depth >= 4 and params.method = 'adam'")
    page.get_by_label("Filter").press("Enter")
    expect(names).to_have_text(["training_6", "training_4"])
    page.get_by_role("button", name="depth").click()
    page.get_by_role("button", name="depth").click()
    expect(names).to_have_text(["training_4", "training_6"])
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("language").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("cell", name="Python", exact=True)).to_have_count(2)
    page.get_by_role("combobox", name="Curve").click()
    page.get_by_role("option", name="loss").click()
    expect(page.get_by_role("img", name="loss")).to_have_count(2)
    query = query_of(page)
    assert query["order"] == ["params.depth asc"] and query["metric"] == ["loss"]
    page.reload()
    expect(names).to_have_text(["training_4", "training_6"])
    expect(page.get_by_role("cell", name="Python", exact=True)).to_have_count(2)
    check_access(page)


def test_a_filter_that_cannot_be_read_says_where_and_leaves_the_page(
    page: Page, studio: str
) -> None:
    page.goto(f"{studio}/runs")
    page.get_by_label("Filter").fill("metrics.loss <")
    page.get_by_label("Filter").press("Enter")
    expect(page.get_by_label("Filter")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Filter").fill("")
    page.get_by_label("Filter").press("Enter")
    expect(page.get_by_role("link", name="training_1")).to_be_visible()


def test_a_view_is_saved_for_all_and_opened_again(page: Page, studio: str) -> None:
    page.goto(f"{studio}/runs?filter=params.depth+%3D+3")
    page.get_by_role("button", name="Save view").click()
    page.get_by_label("Name of the view").fill("threes")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"{studio}/runs")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("menuitem", name="threes").click()
    expect(page.get_by_role("link", name=re.compile("training_"))).to_have_text(["training_3"])


def test_a_thousand_runs_are_drawn_as_they_come_into_sight(
    page: Page, server: Server, workspace: Workspace
) -> None:
    for _ in range(1000):
        workspace.experiment("many").start_logging().complete()
    page.goto(f"{server.url}/studio/{workspace.name}/runs?order=number+asc&columns=fields.status")
    table = page.get_by_role("table", name="Runs")
    expect(table).to_have_attribute("aria-rowcount", "1001")
    assert page.get_by_role("row").count() < 100
    table.evaluate("table => { table.scrollTop = table.scrollHeight }")
    last = page.locator('[role=row][aria-rowindex="1001"]')
    expect(last).to_be_visible()
    assert page.get_by_role("row").count() < 100


def test_runs_are_deleted_after_a_while_unless_that_is_undone(
    page: Page, studio: str, lab: Workspace
) -> None:
    for name in ("kept_one", "gone_one"):
        lab.experiment("deletions").start_logging(display_name=name).complete()
    kept, gone = run_id(lab, "kept_one"), run_id(lab, "gone_one")
    page.goto(f"{studio}/runs?experiment=deletions")
    page.get_by_label("Select kept_one").check()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="kept_one")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="kept_one")).to_be_visible()
    page.get_by_label("Select gone_one").check()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="gone_one")).to_have_count(0)
    assert lab.store.get_run(gone) is not None
    page.close(run_before_unload=True)
    wait_until(lambda: lab.store.get_run(gone) is None)
    assert lab.store.get_run(kept) is not None


def test_a_run_is_followed_while_it_runs_and_is_canceled(
    page: Page, studio: str, lab: Workspace, tmp_path: Path, check_access: Check
) -> None:
    run = submit_script(lab, tmp_path / "source", gate=tmp_path / "gate")
    page.goto(f"{studio}/runs/{run.id}/log")
    log = page.get_by_role("log")
    expect(log).to_contain_text("step 19", timeout=30_000)
    page.get_by_role("tab", name="Metrics").click()
    expect(page.get_by_role("img", name=re.compile(r"loss \(step\)"))).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Canceled", exact=True)).to_be_visible(timeout=30_000)
    assert run.record.status is RunStatus.CANCELED
    check_access(page)


def test_a_run_is_renamed_tagged_and_described_and_that_is_undone(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    run = lab.experiment("changes").start_logging(display_name="before", tags={"kept": "yes"})
    run.complete()
    page.goto(f"{studio}/runs/{run.id}")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New name of the run").fill("after")
    page.get_by_label("New name of the run").press("Enter")
    expect(page.get_by_role("heading", name="after")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="before")).to_be_visible()
    page.get_by_label("New tag").fill("stage: test")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("stage: test")).to_be_visible()
    page.get_by_role("button", name="Remove the tag kept").click()
    expect(page.get_by_text("kept: yes")).to_have_count(0)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Description").last.fill("The second <i>try</i>.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The second <i>try</i>.")).to_be_visible()
    record = lab.get_record(run.id)
    assert (record.display_name, record.tags) == ("before", {"stage": "test"})
    assert record.description == "The second <i>try</i>."
    check_access(page)


def test_what_a_run_logged_is_shown(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    page.goto(f"{studio}/runs/{run_id(lab, 'training_6')}/metrics")
    expect(page.get_by_role("img", name=re.compile(r"loss \(step\)"))).to_be_visible()
    confusion = page.get_by_role("table", name="confusion")
    expect(confusion.get_by_role("cell")).to_have_text(["31", "6", "4", "159"])
    expect(page.get_by_role("img", name=re.compile("^residuals"))).to_be_visible()
    picture = page.get_by_role("img", name="curve")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 0
    table = page.get_by_role("table", name="by speed")
    expect(table.get_by_role("row").last).to_have_text("707wet")
    page.get_by_label("Logarithmic scale").click()
    expect(page).to_have_url(re.compile("scale=log"))
    check_access(page)


def test_files_of_scripts_are_shown_and_never_run(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    run = first(lab, "scripts", RunStatus.COMPLETED)
    page.goto(f"{studio}/runs/{run}/files?file=outputs/report.html")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Report")).to_be_visible()
    body = frame.locator("body")
    assert body.get_attribute("data-ran") is None
    assert "taken" not in page.title()
    page.get_by_role("button", name="outputs/notes.txt").click()
    expect(page.get_by_text("all well <b>here</b>")).to_be_visible()
    check_access(page)
    root, _, name = studio.partition("/studio/")
    answer = httpx.get(f"{root}/api/v1/workspaces/{name}/runs/{run}/page/outputs/report.html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'") and "allow" not in policy
    wrong = f"{root}/api/v1/workspaces/{name}/runs/{run}/page/outputs/notes.txt"
    assert httpx.get(wrong).status_code == 400


def test_the_source_environment_and_lineage_of_a_run_are_shown(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    run = first(lab, "scripts", RunStatus.COMPLETED)
    page.goto(f"{studio}/runs/{run}/source")
    expect(page.get_by_role("region", name="train.py")).to_contain_text("run = Run.get_context()")
    page.get_by_role("button", name="helper.py").click()
    expect(page.get_by_role("region", name="helper.py")).to_contain_text("ANSWER = 42")
    page.get_by_role("tab", name="Environment").click()
    page.get_by_label("Find a package").fill("numpy")
    expect(page.get_by_role("cell", name="numpy", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Lineage").click()
    expect(page.get_by_role("group", name="Lineage")).to_contain_text("outputs/report.html")
    check_access(page)


def test_a_failed_run_says_why_and_home_leads_to_it(page: Page, studio: str) -> None:
    page.goto(f"{studio}/")
    failed = page.get_by_role("table", name="Failed lately")
    failed.get_by_role("link").first.click()
    expect(page.get_by_role("alert")).to_contain_text("the data is bad")


def test_a_pipelines_steps_are_shown_with_how_they_are(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    page.goto(f"{studio}/runs/{first(lab, 'study', RunStatus.COMPLETED)}/steps")
    graph = page.get_by_role("group", name="Steps")
    expect(graph.get_by_role("link")).to_have_count(3)
    page.get_by_role("button", name="Why? fit").click()
    expect(page.get_by_role("region", name="Why? fit")).to_contain_text("The step 'fit' was run")
    check_access(page)
    page.get_by_role("tab", name="Child runs").click()
    expect(page.get_by_role("table", name="Child runs").get_by_role("link")).to_have_count(3)


def test_a_sweeps_trials_are_followed_while_it_runs(
    page: Page, studio: str, lab: Workspace, tmp_path: Path, check_access: Check
) -> None:
    gate = tmp_path / "gate"
    sweep = submit_sweep(lab, tmp_path / "sweep", gate=gate)
    page.goto(f"{studio}/runs/{sweep.id}")
    page.get_by_role("tab", name="Trials").click()
    table = page.get_by_role("table", name="Trials")
    first = table.get_by_role("row").filter(has_text="#1")
    expect(first).to_contain_text("Completed", timeout=30_000)
    expect(table).not_to_contain_text("#3")
    gate.touch()
    stopped = table.get_by_role("row").filter(has_text="Stopped")
    expect(stopped).to_contain_text("#3", timeout=30_000)
    expect(table.get_by_role("row")).to_have_count(5, timeout=30_000)
    expect(page.get_by_text("Completed", exact=True)).to_have_count(4, timeout=30_000)
    best = table.get_by_role("row").nth(1)
    expect(best.get_by_role("cell")).to_contain_text(["#2", "0.9", "0.3", "adam", "Completed"])
    expect(
        page.get_by_role("img", name=re.compile(r"History \(accuracy, Trial\).*Best so far: 0.9"))
    ).to_be_visible()
    expect(page.get_by_role("img", name="Hyper-parameters: rate, method, accuracy")).to_be_visible()
    importance = page.get_by_role("table", name="Importance")
    expect(importance.get_by_role("row")).to_have_count(2, timeout=30_000)
    check_access(page)
    stopped.get_by_role("link", name="#3").click()
    expect(page.get_by_role("link", name="Parent run")).to_be_visible()


def test_long_names_of_columns_have_room_and_the_table_says_that_it_goes_on(
    page: Page, studio: str, lab: Workspace
) -> None:
    name = "AUC_weighted_over_all_classes_and_folds"
    with lab.experiment("wide").start_logging() as run:
        run.log("AUC_weighted", 0.5)
        run.log(name, 0.5)
    page.set_viewport_size({"width": 700, "height": 600})
    page.goto(f"{studio}/runs?experiment=wide")
    short = page.get_by_role("button", name="AUC_weighted", exact=True)
    is_whole = "button => button.firstChild.scrollWidth <= button.firstChild.clientWidth"
    assert short.evaluate(is_whole)
    long = page.get_by_role("button", name=name)
    assert not long.evaluate(is_whole)
    expect(long).to_have_attribute("title", name)
    table = page.get_by_role("table", name="Runs")
    expect(table).to_have_class(re.compile("grid-cut"))
    table.evaluate("table => { table.scrollLeft = table.scrollWidth }")
    expect(table).not_to_have_class(re.compile("grid-cut"))


def test_runs_are_compared(page: Page, studio: str, lab: Workspace, check_access: Check) -> None:
    page.goto(f"{studio}/runs?experiment=accidents")
    for number in (1, 2):
        page.get_by_label(f"Select training_{number}").check()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 runs compared")
    row = page.get_by_role("row").filter(has_text="method")
    expect(row.get_by_role("cell").nth(1)).to_have_text(re.compile("sgd|adam"))
    page.get_by_role("tab", name="Curves").click()
    expect(page.get_by_role("img", name=re.compile(r"loss \(Step\).*training_1"))).to_be_visible()
    page.get_by_role("tab", name="Parallel coordinates").click()
    expect(page.get_by_role("img", name=re.compile("depth, method, rate"))).to_be_visible()
    check_access(page)


def test_the_sources_of_two_runs_are_compared(page: Page, studio: str, lab: Workspace) -> None:
    failed = first(lab, "scripts", RunStatus.FAILED)
    done = first(lab, "scripts", RunStatus.COMPLETED)
    page.goto(f"{studio}/compare?runs={done},{failed}&tab=code")
    diff = page.get_by_role("region", name="train.py").last
    expect(diff).to_contain_text("+raise ValueError('the data is bad')")


def test_readers_see_runs_and_are_offered_no_changes(
    page: Page, server: Server, workspace: Workspace
) -> None:
    run = workspace.experiment("theirs").start_logging(display_name="theirs_1")
    run.complete()
    tokens = Tokens(make_state_folder(workspace.path))
    _, secret = tokens.create("rita", Role.READER)
    page.goto(f"{server.url}/studio/{workspace.name}/runs/{run.id}")
    page.get_by_label("Your token for this server").fill(secret)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="theirs_1")).to_be_visible()
    for name in ("Rename", "Edit", "More"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    path = f"{server.url}/api/v1/workspaces/{workspace.name}/runs/{run.id}"
    shown = {"Authorization": f"Bearer {secret}"}
    assert httpx.patch(path, json={"display_name": "mine"}, headers=shown).status_code == 403
    assert httpx.post(f"{path}/cancel", headers=shown).status_code == 403
