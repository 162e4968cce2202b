"""The pages of what a workspace keeps and runs by itself: data, models, services, schedules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import filterfalse
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from plugins.servers import Server
from tandemlab import LocalWebservice, Model, Workspace
from tandemlab.designer import Draft
from tandemlab.domain import RunQuery
from tandemlab.notifications import Notification, Webhook
from tandemlab.pipelines import PublishedPipeline
from tandemlab.schedules import Schedule
from tandemlab.server.opening import open_studio
from tandemlab.server.settings import make_state_folder
from tandemlab.server.tokens import Role, Tokens

pytestmark = pytest.mark.services
Check = Callable[[Page], None]


def test_datasets_are_shown_with_rows_and_what_their_columns_hold(
    page: Page, studio: str, check_access: Check
) -> None:
    page.goto(f"{studio}/datasets")
    page.get_by_role("link", name="cars").click()
    rows = page.get_by_role("table", name="First rows")
    expect(rows.get_by_role("row").nth(1)).to_have_text("40.8dry")
    speed = page.get_by_role("region", name="speed", exact=True)
    expect(speed).to_contain_text("4 – 25")
    expect(page.get_by_role("img", name=re.compile("^speed: 4"))).to_be_visible()
    expect(page.get_by_role("region", name="road", exact=True)).to_contain_text("dry")
    check_access(page)


def test_versions_of_models_are_shown_and_changed_and_that_is_undone(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    page.goto(f"{studio}/models")
    expect(page.get_by_role("cell", name="production")).to_be_visible()
    page.get_by_role("link", name="adding").click()
    takes = page.get_by_role("table", name="What it takes")
    expect(takes.get_by_role("cell", name="double")).to_be_visible()
    page.get_by_role("combobox", name="Version").click()
    page.get_by_role("option", name="Version 1").click()
    expect(page).to_have_url(re.compile("version=1"))
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_text("archived", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Archive")).to_be_visible()
    assert Model(lab, "adding", version=1).version == 1
    page.get_by_label("New alias").fill("production")
    page.get_by_label("New alias").press("Enter")
    expect(page.get_by_role("button", name="Remove the alias production")).to_be_visible()
    assert Model(lab, "adding", version="production").version == 1
    page.get_by_role("button", name="Undo").last.click()
    expect(page.get_by_role("button", name="Remove the alias production")).to_have_count(0)
    assert Model(lab, "adding", version="production").version == 2
    page.get_by_label("New tag").fill("road: wet")
    page.get_by_label("New tag").press("Enter")
    page.get_by_role("region", name="Description").get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Description").fill("Adds three")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Description")).to_contain_text("Adds three")
    kept = Model(lab, "adding", version=1)
    assert (kept.tags, kept.description) == ({"road": "wet"}, "Adds three")
    check_access(page)


def test_a_service_is_tried_and_its_refusals_are_told(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    LocalWebservice(lab, "adder").wait_for_deployment()
    page.goto(f"{studio}/services")
    expect(page.get_by_role("row").filter(has_text="adder")).to_contain_text("Running")
    page.get_by_role("link", name="adder").click()
    request = page.get_by_label("Request as JSON")
    request.fill("[1, 2, 3")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    request.fill("[1, 2, 3]")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Answer")).to_contain_text('"sum": 9')
    request.fill('{"x": "y"}')
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check_access(page)


def test_targets_are_shown_with_their_machines(
    page: Page, studio: str, check_access: Check
) -> None:
    page.goto(f"{studio}/compute")
    page.get_by_role("button", name="Machines: local").click()
    machines = page.get_by_role("table", name="Machines: local")
    expect(machines.get_by_role("row")).to_have_count(2)
    check_access(page)


def test_a_published_pipeline_is_disabled_enabled_and_run_with_its_parameters(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    page.goto(f"{studio}/pipelines")
    page.get_by_role("button", name="study", exact=True).click()
    expect(page.get_by_role("group", name=re.compile("^study"))).to_contain_text("report")
    check_access(page)
    page.get_by_role("button", name="Make default: study 1").click()
    expect(page.get_by_role("cell", name="1 (default)")).to_be_visible()
    page.get_by_role("button", name="Disable: study 1").click()
    expect(page.get_by_role("button", name="Run: study 1")).to_have_count(0)
    assert PublishedPipeline.get(lab, "study", 1).status == "Disabled"
    page.get_by_role("switch", name="Show disabled").click()
    page.get_by_role("button", name="Enable: study 1").click()
    page.get_by_role("button", name="Run: study 1").click()
    page.get_by_label("day").fill("2026-11-27")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("group", name="Steps").get_by_text("reused")).to_have_count(
        3, timeout=30_000
    )
    run = page.url.split("/")[-2]
    assert lab.get_record(run).properties["published_pipeline"].startswith("study")


def test_schedules_are_made_say_when_next_and_run_now(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    page.goto(f"{studio}/schedules")
    expect(page.get_by_role("cell", name=re.compile("Jan.*2028"))).to_be_visible()
    nightly = page.get_by_role("row").filter(has_text="nightly")
    expect(nightly).to_contain_text("Every 12 months from 1 Jan 2027, 03:00 (UTC)")
    page.get_by_role("button", name="Pause: nightly").click()
    expect(nightly).to_contain_text("Paused")
    expect(page.get_by_role("button", name="Resume: nightly")).to_be_visible()
    assert Schedule.get(lab, "nightly").status.lower() == "paused"
    page.get_by_role("button", name="Resume: nightly").click()
    expect(page.get_by_role("button", name="Pause: nightly")).to_be_visible()
    page.get_by_role("button", name="Run now: nightly").click()
    history = page.get_by_role("table", name="History")
    expect(history.get_by_role("link")).to_have_count(1, timeout=30_000)
    check_access(page)
    page.get_by_role("button", name="New schedule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("mornings")
    dialog.get_by_role("combobox", name="Pipeline").click()
    page.get_by_role("option", name="study", exact=True).click()
    dialog.get_by_role("combobox", name="Every").click()
    page.get_by_role("option", name="as cron says").click()
    dialog.get_by_label("Cron expression").fill("61 6 * * MON")
    expect(dialog.get_by_role("status")).to_contain_text("cron")
    dialog.get_by_label("Cron expression").fill("30 6 1 1 *")
    expect(dialog.get_by_role("status").get_by_text("1 January")).to_have_count(3)
    zone = dialog.get_by_role("combobox", name="Time zone")
    zone.fill("UTC")
    page.get_by_role("option", name="UTC", exact=True).click()
    dialog.get_by_text("More settings").click()
    dialog.get_by_label("Not before").fill("2030-01-01T06:31")
    expect(dialog.get_by_role("status").get_by_text("2031")).to_have_count(1)
    dialog.get_by_label("Not after").fill("2032-06-01T00:00")
    expect(dialog.get_by_role("status").get_by_text("1 January")).to_have_count(2)
    dialog.get_by_role("combobox", name="While an earlier run goes on").click()
    page.get_by_role("option", name="wait for its end").click()
    dialog.get_by_role("combobox", name="Of times that were missed").click()
    page.get_by_role("option", name="run none").click()
    dialog.get_by_label("day", exact=True).fill("${slot.date}")
    check_access(page)
    dialog.get_by_role("button", name="New schedule").click()
    row = page.get_by_role("row").filter(has_text="mornings")
    for term in ("Not after: 1 Jun 2032", "goes on: wait for its end", "missed: run none"):
        expect(row).to_contain_text(term)
    made = Schedule.get(lab, "mornings").definition.to_dict()
    assert made["trigger"]["cron"] == "30 6 1 1 *"
    assert made["action"]["parameters"] == {"day": "${slot.date}"}
    assert (made["overlap"], made["catch_up"]) == ("queue", "skip")
    assert made["start"] == "2030-01-01T06:31:00+00:00"
    assert made["end"] == "2032-06-01T00:00:00+00:00"
    page.get_by_role("button", name="Delete: mornings").click()
    page.get_by_role("button", name="Yes, Delete: mornings").click()
    expect(page.get_by_role("button", name="Pause: mornings")).to_have_count(0)


def test_notifications_are_made_tested_paused_and_deleted(
    page: Page, studio: str, lab: Workspace, tmp_path: Path, check_access: Check
) -> None:
    page.goto(f"{studio}/notifications")
    expect(page.get_by_text("tandemlab notification create")).to_be_visible()
    page.get_by_role("button", name="New notification").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("failures")
    dialog.get_by_label("Canceled").check()
    dialog.get_by_label("The address itself is a secret").check()
    dialog.get_by_role("combobox", name="Secret that is the address").click()
    page.get_by_role("option", name="payroll-db").click()
    check_access(page)
    dialog.get_by_role("button", name="New notification").click()
    expect(page.get_by_role("cell", name="Webhook: the secret payroll-db")).to_be_visible()
    channel = Notification.get(lab, "failures").definition.to_dict()["channel"]
    assert (channel.get("url"), channel["url_secret"]) == (None, "payroll-db")
    page.get_by_role("button", name="Delete: failures").click()
    page.get_by_role("button", name="Yes, Delete: failures").click()
    page.get_by_role("button", name="New notification").click()
    dialog.get_by_label("Name").fill("failures")
    dialog.get_by_label("Canceled").check()
    dialog.get_by_text("Command", exact=True).click()
    told = tmp_path / "told.json"
    dialog.get_by_label("Command of the server's machine").fill(f"cat > {told}")
    check_access(page)
    dialog.get_by_role("button", name="New notification").click()
    expect(page.get_by_role("cell", name="Failed, Canceled")).to_be_visible()
    page.get_by_role("button", name="Test: failures").click()
    expect(page.get_by_text("The test of failures has arrived.")).to_be_visible()
    assert "event" in json.loads(told.read_text())
    page.get_by_role("button", name="Pause: failures").click()
    expect(page.get_by_role("button", name="Resume: failures")).to_be_visible()
    assert Notification.get(lab, "failures").status == "Paused"
    page.get_by_role("button", name="History: failures").click()
    expect(page.get_by_text("It had nothing to tell yet.")).to_be_visible()
    check_access(page)
    page.get_by_role("button", name="Delete: failures").click()
    page.get_by_role("button", name="Yes, Delete: failures").click()
    expect(page.get_by_text("tandemlab notification create")).to_be_visible()
    assert Notification.list(lab) == []


def test_secrets_are_kept_and_deleted_and_their_values_never_shown(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    page.goto(f"{studio}/settings")
    expect(page.get_by_role("cell", name="payroll-db", exact=True)).to_be_visible()
    assert "hunter2" not in page.content()
    page.get_by_label("Name of the secret").fill("api")
    page.get_by_label("Value").fill("s3cret")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("cell", name="api", exact=True)).to_be_visible()
    assert str(lab.get_default_keyvault().get_secret("api")) == "s3cret"
    page.get_by_role("button", name="Delete: api").click()
    expect(page.get_by_role("button", name="Yes, Delete: api")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete: api", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Yes, Delete: api").click()
    expect(page.get_by_role("cell", name="api", exact=True)).to_have_count(0)
    expect(page.get_by_text("tandemlab server token create NAME")).to_be_visible()
    check_access(page)


def test_owners_make_and_revoke_tokens_but_not_their_last(
    page: Page, server: Server, workspace: Workspace, check_access: Check
) -> None:
    Tokens(make_state_folder(workspace.path)).create("ana", Role.READER)
    page.goto(open_studio(workspace, browse=False).link)
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Whose token").fill("robot")
    page.get_by_role("button", name="Make a token").click()
    made = page.get_by_role("alert").get_by_role("region").inner_text()
    session = httpx.get(
        f"{server.url}/api/v1/session", headers={"Authorization": f"Bearer {made.strip()}"}
    )
    assert session.json()["role"] == "contributor"
    check_access(page)
    page.get_by_role("button", name="Revoke: ana").click()
    page.get_by_role("button", name="Yes, Revoke: ana").click()
    expect(page.get_by_role("cell", name="ana", exact=True)).to_have_count(0)
    own = page.get_by_role("button", name=re.compile("^Revoke: studio of"))
    own.click()
    page.get_by_role("button", name=re.compile("^Yes, Revoke: studio of")).click()
    expect(page.get_by_text("This is the last token of an owner.")).to_be_visible()


# What readers may press: it shows more, or takes what is shown elsewhere.
_HARMLESS = re.compile(
    r".*: (Copy|Views|Columns|History: .*|Machines: .*|.*\d k?B)"
    "|designer/.*: (Runs|More|Zoom in|Zoom out|Show everything)"
)
_BUTTONS = """() => [...document.querySelectorAll('main :is(button, [role=button])')]
  .filter(each => !each.matches('[role=tab], [role=columnheader] *'))
  .map(each => (each.getAttribute('aria-label') ?? each.textContent).trim())"""


def test_readers_are_offered_nothing_that_the_server_refuses(
    page: Page, lab: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "2")
    root = lab.path.parent
    _, secret = Tokens(make_state_folder(root)).create("rita", Role.READER)
    told = Notification.create(lab, "of readers", Webhook("https://example.org/hook"))
    Draft.create(lab, "of_readers", {"steps": {"parts": {"component": {"name": "split_data"}}}})
    done = lab.store.find_runs(RunQuery(experiment="scripts"))[0].id
    server = Server(root)
    try:
        with lab.experiment("goes on").start_logging() as run:
            pages = _sections()
            pages += [f"runs/{run.id}", f"runs/{done}", f"compare?runs={run.id},{done}"]
            tabs = ("metrics", "log", "files", "source", "environment", "lineage", "children")
            pages += [f"runs/{done}/{tab}" for tab in tabs]
            pages += ["datasets/cars", "models/adding", "services/adder", "designer/of_readers"]
            page.goto(f"{server.url}/studio/{lab.name}/")
            page.get_by_label("Your token for this server").fill(secret)
            page.get_by_role("button", name="Log in").click()
            offered = {
                path: _offered(page, f"{server.url}/studio/{lab.name}/{path}") for path in pages
            }
    finally:
        server.kill()
        told.delete()
    buttons = [f"{path}: {name}" for path, names in offered.items() for name in names]
    shown = {f"pipelines: {each.name}" for each in PublishedPipeline.list(lab, active_only=False)}
    refused = {*filterfalse(_HARMLESS.fullmatch, buttons)} - shown
    assert not refused, "\n".join(refused)
    assert "notifications: History: of readers" in buttons


def _offered(page: Page, address: str) -> list[str]:
    """The buttons of a page, once it has all that it shows."""
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    if address.endswith("/runs"):
        page.get_by_role("checkbox", name=re.compile("^Select ")).first.check()
    if address.endswith("/pipelines"):
        page.get_by_role("button", name="study", exact=True).first.click()
        expect(page.get_by_role("group", name=re.compile("^study"))).to_be_visible()
    return list(page.evaluate(_BUTTONS))


def _sections() -> list[str]:
    """The parts of the navigation, as the studio has them."""
    file = Path(__file__).parents[2] / "web/src/shell/sections.ts"
    found: list[str] = re.findall(r'path: "(\w*)"', file.read_text())
    assert len(found) > 10
    return found


@pytest.mark.parametrize(
    "section", ["datasets", "models", "services", "pipelines", "schedules", "experiments", "runs"]
)
def test_empty_pages_say_what_to_do(
    page: Page, server: Server, workspace: Workspace, section: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{server.url}/studio/{workspace.name}/{section}")
    expect(page.get_by_role("region").get_by_text("tandemlab").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
