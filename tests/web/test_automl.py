"""The page of an automated run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from tandemlab import LocalWebservice, Workspace
from tandemlab.automl import AutoMLConfig

pytestmark = pytest.mark.services
Check = Callable[[Page], None]


def survivors() -> pd.DataFrame:
    """Rows whose class depends on two columns, one of which is text."""
    source = np.random.default_rng(7)
    speed = source.normal(size=90)
    road = source.choice(["dry", "wet", "icy"], 90)
    kind = np.where(speed + (road == "icy") + source.normal(scale=0.4, size=90) > 0.3, "no", "yes")
    return pd.DataFrame({"speed": speed, "road": road, "alive": kind})


def test_the_leaderboard_of_an_automated_run_is_followed_to_its_model(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    config = AutoMLConfig(
        "classification",
        training_data=survivors(),
        label_column_name="alive",
        iterations=2,
        allowed_models=["LightGBM", "Linear"],
        n_cross_validations=3,
    )
    run = lab.experiment("search").submit(config)
    page.goto(f"{studio}/runs/{run.id}")
    page.get_by_role("tab", name="Leaderboard").click()
    card = page.frame_locator("iframe[title='Model card']")
    expect(card.get_by_role("heading", name="What the model relies on")).to_be_visible(
        timeout=90_000
    )
    rows = page.get_by_role("table", name="Leaderboard").get_by_role("row")
    expected = run.leaderboard_rows()
    expect(rows).to_have_count(len(expected) + 1)
    best = rows.nth(1)
    expect(best).to_contain_text(expected[0]["algorithm"])
    expect(best).to_contain_text("Best")
    expect(rows.filter(has_text="Best")).to_have_count(1)
    expect(page.get_by_role("img", name=re.compile(r"\(log_loss, Trial\)"))).to_be_visible()
    relied = page.get_by_role("table", name="What the model relies on")
    expect(relied.get_by_role("rowheader").first).to_have_text("speed")
    checks = page.get_by_role("table", name="Guardrails")
    expect(checks.get_by_role("row").filter(has_text="missing values")).to_contain_text("Passed")
    frame = page.locator("iframe[title='Model card']")
    expect(frame).to_have_attribute("sandbox", "")
    check_access(page)
    best.get_by_role("link").click()
    page.get_by_role("tab", name="Metrics").click()
    expect(page.get_by_role("table", name="confusion_matrix")).to_be_visible()


def test_only_automated_runs_have_a_leaderboard(page: Page, studio: str, lab: Workspace) -> None:
    run = lab.experiment("search").start_logging()
    run.complete()
    server = studio.partition("/studio/")[0]
    answer = httpx.get(f"{server}/api/v1/workspaces/{lab.name}/runs/{run.id}/leaderboard")
    assert answer.status_code == 400
    assert "not of automated ML" in answer.text
    page.goto(f"{studio}/runs/{run.id}/leaderboard")
    expect(page.get_by_role("tab", name="Metrics")).to_be_visible()
    expect(page.get_by_role("tab", name="Leaderboard")).to_have_count(0)


def test_a_model_is_found_without_code_from_a_file_to_an_answer(
    page: Page, studio: str, lab: Workspace, tmp_path: Path, check_access: Check
) -> None:
    table = tmp_path / "Crash survivors.csv"
    survivors().to_csv(table, index=False)
    page.goto(f"{studio}/datasets")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a table").click()
    chooser.value.set_files(table)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_have_value("Crash-survivors")
    check_access(page)
    dialog.get_by_role("button", name="Upload a table").click()
    page.wait_for_url("**/datasets/Crash-survivors")
    expect(page.get_by_role("table", name="First rows").get_by_role("row")).to_have_count(51)
    page.get_by_role("button", name="Find the best model").click()
    dialog.get_by_label("Column to predict").click()
    page.get_by_role("option", name="alive").click()
    dialog.get_by_label("Time").click()
    page.get_by_role("option", name="20 s").click()
    check_access(page)
    dialog.get_by_role("button", name="Find the best model").click()
    page.wait_for_url("**/leaderboard")
    page.get_by_role("button", name="Register the best").click(timeout=120_000)
    dialog.get_by_role("button", name="Register the best").click()
    page.wait_for_url("**/models/Crash-survivors")
    page.get_by_role("button", name="Deploy as a service").click()
    dialog.get_by_role("button", name="Deploy as a service").click()
    page.wait_for_url("**/services/Crash-survivors", timeout=60_000)
    service = LocalWebservice(lab, "Crash-survivors")
    service.wait_for_deployment(timeout=120)
    page.get_by_label("speed").fill("5.5")
    page.get_by_label("road").fill("icy")
    check_access(page)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Answer")).to_contain_text("false")
    page.get_by_role("tab", name="As JSON").click()
    request = page.get_by_label("Request as JSON")
    expect(request).to_have_value(re.compile(r'"speed": 5.5,\s+"road": "icy"'))
    request.fill('[{"speed": -5.0, "road": "dry"}, {"speed": 5.0, "road": "icy"}]')
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Answer")).to_contain_text("true")
    page.get_by_role("tab", name="Form").click()
    expect(page.get_by_text("The form is for one row.")).to_be_visible()
    answer = service.run([{"speed": -5.0, "road": "dry"}, {"speed": 5.0, "road": "icy"}])
    assert answer == {"predictions": [True, False]}


def choose(page: Page, studio: str, file: Path, content: bytes) -> Locator:
    """Choose a file to upload, and give the dialog that asks about it."""
    file.write_bytes(content)
    page.goto(f"{studio}/datasets")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a table").click()
    chooser.value.set_files(file)
    return page.get_by_role("dialog")


def test_files_that_are_no_tables_are_refused(
    page: Page, studio: str, lab: Workspace, tmp_path: Path
) -> None:
    late = "".join(f"{row},2\n" for row in range(3000))
    refused = {
        "names.csv": (b"a,b\n", "has no rows"),
        "lines.csv": (f"a,b\n{late}1,2,3\n".encode(), "The upload, line 3002: 3 values"),
        "picture.csv": (b"PK\x03\x04\x00\xff", "The upload, line 1: this is no text"),
    }
    for name, (content, why) in refused.items():
        dialog = choose(page, studio, tmp_path / name, content)
        dialog.get_by_role("button", name="Upload a table").click()
        expect(page.get_by_role("alert")).to_contain_text(why)
    dialog.get_by_label("Name").fill("a/b")
    expect(dialog.get_by_text("A name has no slashes")).to_be_visible()
    dialog.get_by_role("button", name="Upload a table").click()
    expect(dialog.get_by_label("Name")).to_be_focused()
    kept = {each.name for each in lab.store.list_assets("dataset")}
    assert not kept & {"names", "lines", "picture"}


def test_how_a_file_is_written_is_found_out(
    page: Page, studio: str, lab: Workspace, tmp_path: Path
) -> None:
    content = "preço;condição\n10,5;boa\n20;má\n".encode("latin-1")
    dialog = choose(page, studio, tmp_path / "carros.csv", content)
    expect(dialog.get_by_role("combobox", name="Separator")).to_have_value("Semicolon (;)")
    expect(dialog.get_by_role("combobox", name="Encoding")).to_have_value("Latin-1")
    expect(dialog.get_by_role("combobox", name="Numbers")).to_have_value("Comma (1,5)")
    dialog.get_by_role("button", name="Upload a table").click()
    rows = page.get_by_role("table", name="First rows").get_by_role("row")
    expect(rows.nth(0)).to_contain_text("condição")
    expect(rows.nth(1)).to_have_text("10.5boa")
    expect(rows.nth(2)).to_have_text("20má")
