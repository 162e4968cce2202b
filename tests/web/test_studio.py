"""The studio as people meet it: how they get in, what the browser may do, and the first pages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from plugins.servers import Server
from tandemlab import Workspace
from tandemlab.server.opening import open_studio
from tandemlab.server.settings import make_state_folder
from tandemlab.server.studio import built_folder
from tandemlab.server.tokens import Role, Tokens

pytestmark = pytest.mark.services
Check = Callable[[Page], None]


def test_first_load_is_at_most_300_kilobytes_of_script() -> None:
    parts = json.loads((built_folder() / "manifest.json").read_text())

    def needed(name: str) -> set[str]:
        part = parts[name]
        return {part["file"]}.union(*(needed(each) for each in part.get("imports", [])))

    first = needed("index.html") | needed("src/home/home.tsx")
    sizes = [len(gzip.compress((built_folder() / name).read_bytes(), 9)) for name in first]
    assert sum(sizes) <= 300_000


def test_pages_have_a_policy_and_scripts_are_kept_by_the_browser(studio: str) -> None:
    answer = httpx.get(studio)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
    nonces = {httpx.get(studio).headers["content-security-policy"] for _ in range(2)}
    assert len(nonces) == 2
    root = f"{urlsplit(studio).scheme}://{urlsplit(studio).netloc}"
    script = answer.text.partition('src="')[2].partition('"')[0]
    asset = httpx.get(root + script)
    assert asset.headers["content-encoding"] == "gzip"
    assert "immutable" in asset.headers["cache-control"]
    for wrong in ("/studio/assets/..%2f..%2fapp.py", "/studio/assets/index.html"):
        assert httpx.get(root + wrong).status_code == 404


def test_home_shows_the_newest_runs_as_they_come(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    lab.experiment("live").start_logging(display_name="newest").complete()
    page.goto(urlsplit(studio)._replace(path="/").geturl())
    expect(page).to_have_url(f"{studio}/")
    recent = page.get_by_role("table", name="Recent runs")
    expect(recent.get_by_role("link", name="newest")).to_be_visible()
    check_access(page)
    with lab.experiment("live").start_logging(display_name="just_begun"):
        running = page.get_by_role("table", name="Running")
        expect(running.get_by_role("link", name="just_begun")).to_be_visible()
    expect(page.get_by_text("Nothing runs now.")).to_be_visible()


def test_experiments_are_archived_and_this_is_undone(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    lab.experiment("passing").start_logging().complete()
    page.goto(f"{studio}/experiments")
    page.get_by_role("button", name="Archive: passing").click()
    row = page.get_by_role("row").filter(has_text="passing")
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_have_count(1)
    check_access(page)


def test_a_page_that_does_not_arrive_says_so_and_others_can_be_gone_to(
    page: Page, studio: str
) -> None:
    page.goto(f"{studio}/experiments")
    expect(page.get_by_role("link", name="accidents")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("link", name="Services").click()
    expect(page.get_by_role("alert")).to_contain_text("That did not work")
    page.get_by_role("link", name="Experiments").click()
    expect(page.get_by_role("link", name="accidents")).to_be_visible()
    page.go_back()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="adder")).to_be_visible()


def test_the_language_and_the_colours_are_chosen_and_kept(page: Page, studio: str) -> None:
    page.goto(f"{studio}/experiments")
    page.get_by_role("button", name="Language: English").click()
    page.get_by_role("menuitem", name="Português").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Experiências")
    page.get_by_role("button", name="Usar cores escuras").click()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Experiências")
    assert page.evaluate("document.documentElement.lang") == "pt"
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == "dark"


def test_an_empty_workspace_says_how_to_begin_and_shows_the_tour_once(
    page: Page, server: Server, workspace: Workspace, check_access: Check
) -> None:
    page.goto(f"{server.url}/studio/")
    expect(page.get_by_text("Nothing has run here yet")).to_be_visible()
    page.get_by_text("R", exact=True).click()
    expect(page.get_by_role("region", name="R", exact=True)).to_contain_text("library(tandemlab)")
    check_access(page)
    tour = page.get_by_role("dialog")
    expect(tour).to_have_accessible_name("Welcome to tandemlab")
    tour.get_by_role("button", name="Next").press("Enter")
    expect(page).to_have_url(f"{server.url}/studio/{workspace.name}/runs")
    expect(tour).to_contain_text("Stop 2 of 6")
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)
    page.goto(f"{server.url}/studio/{workspace.name}/")
    expect(page.get_by_text("Nothing has run here yet")).to_be_visible()
    expect(tour).to_have_count(0)
    page.get_by_role("button", name="Help").click()
    page.get_by_role("menuitem", name="Take the tour").click()
    expect(tour.get_by_role("button", name="Next")).to_be_focused()


def test_a_link_lets_one_browser_in_once(page: Page, server: Server, workspace: Workspace) -> None:
    Tokens(make_state_folder(workspace.path)).create("ana", Role.OWNER)
    opened = open_studio(workspace, browse=False)
    assert not opened.was_started and opened.link.startswith(f"{server.url}/login?ticket=")
    page.goto(opened.link)
    expect(page).to_have_url(opened.url)
    expect(page.get_by_role("button", name="Logged in as studio of")).to_be_visible()
    again = httpx.get(opened.link)
    assert again.status_code == 403 and "used" in again.text
    assert httpx.get(opened.link.replace("ticket=", "ticket=x")).status_code == 403
    assert httpx.get(f"{server.url}/api/v1/session").status_code == 401
    names = [token.name for token in Tokens(make_state_folder(workspace.path)).list()]
    open_studio(workspace, browse=False)
    assert len(names) == 2
    assert names == [token.name for token in Tokens(make_state_folder(workspace.path)).list()]


def test_who_has_a_token_logs_in_and_sees_only_what_the_role_allows(
    page: Page, server: Server, workspace: Workspace
) -> None:
    workspace.experiment("theirs").start_logging().complete()
    _, secret = Tokens(make_state_folder(workspace.path)).create("rita", Role.READER)
    page.goto(f"{server.url}/studio/{workspace.name}/experiments?archived=")
    page.get_by_label("Your token for this server").fill(secret)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name="theirs")).to_be_visible()
    expect(page).to_have_url(f"{server.url}/studio/{workspace.name}/experiments?archived=")
    expect(page.get_by_role("button", name="Archive")).to_have_count(0)
    page.get_by_role("button", name="Logged in as rita").click()
    page.get_by_role("menuitem", name="Log out").click()
    expect(page.get_by_label("Your token for this server")).to_be_visible()
