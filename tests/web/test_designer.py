"""The designer: pipelines that people draw, run and look into."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from plugins.servers import Server
from tandemlab import LocalWebservice, Workspace
from tandemlab.designer import Draft, check_pipeline
from tandemlab.designer.registry import list_components
from tandemlab.designer.samples import samples
from tandemlab.pipelines import PipelineRun, PublishedPipeline
from tandemlab.server.settings import make_state_folder
from tandemlab.server.tokens import Role, Tokens

pytestmark = pytest.mark.services
Check = Callable[[Page], None]
_numbers = count(1)


def component(name: str, inputs: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
    """A step that runs a component."""
    return {"component": {"name": name, "parameters": parameters}, "inputs": inputs or {}}


def source(step: str, output: str) -> dict[str, str]:
    return {"step": step, "output": output}


def address(studio: str) -> str:
    """Where the interface has the drafts of a workspace."""
    root, _, name = studio.partition("/studio/")
    return f"{root}/api/v1/workspaces/{name}/designer/drafts"


def make_draft(studio: str, **steps: dict[str, Any]) -> str:
    """Keep a draft with these steps, and give its name."""
    name = f"draft_{next(_numbers)}"
    body = {"name": name, "pipeline": {"steps": steps}}
    httpx.post(address(studio), json=body).raise_for_status()
    return name


def kept_steps(studio: str, name: str) -> dict[str, Any]:
    """The steps of a draft's newest version."""
    return dict(httpx.get(f"{address(studio)}/{name}").json()["pipeline"]["steps"])


def open_draft(page: Page, studio: str, name: str) -> None:
    page.goto(f"{studio}/designer/{name}")
    expect(page.get_by_test_id("canvas")).to_be_visible()


def drag(page: Page, title: str, x: int, y: int) -> None:
    """Drag a component onto a place of the canvas."""
    palette = page.get_by_role("region", name="Components")
    palette.get_by_role("button", name=title, exact=True).drag_to(
        page.get_by_test_id("canvas"), target_position={"x": x, "y": y}
    )


def draw(page: Page, output: str, input: str, *, release: bool = True) -> None:
    """Draw a connection from ``step.output`` to ``step.input``."""
    for place, kind in ((output, "source"), (input, "target")):
        step, _, port = place.partition(".")
        handle = page.locator(f".{kind}[data-nodeid={step}][data-handleid={port}]")
        box = handle.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=8)
        if kind == "source":
            page.mouse.down()
    if release:
        page.mouse.up()


def expect_saved(
    page: Page, studio: str, name: str, holds: Callable[[dict[str, Any]], bool]
) -> None:
    """Wait until what is on the canvas is kept."""
    expect(page.get_by_text("Saved as version")).to_be_visible()
    assert holds(kept_steps(studio, name))


def test_a_draft_is_begun_and_drawn(page: Page, studio: str, check_access: Check) -> None:
    page.goto(f"{studio}/designer")
    begin = page.get_by_role("button", name="New draft")
    begin.press("Enter")
    page.get_by_label("Name").press("Escape")
    expect(begin).to_be_focused()
    begin.press("Enter")
    page.get_by_label("Name").fill("first")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Drag components here")).to_be_visible()
    drag(page, "Linear regression", 150, 100)
    drag(page, "Split data", 450, 100)
    page.get_by_label("Find a component").fill("train")
    drag(page, "Train model", 300, 320)
    problems = page.get_by_role("region", name="Problems")
    expect(problems).to_contain_text("Train model needs a learner there")
    draw(page, "split_data.second", "train_model.learner", release=False)
    why = page.get_by_role("status").filter(has_text="This input takes: untrained model")
    expect(why).to_have_text("This input takes: untrained model. The output gives: table.")
    page.mouse.up()
    draw(page, "linear_regression.learner", "train_model.learner")
    draw(page, "split_data.first", "train_model.data")
    expect(page.locator(".react-flow__edge")).to_have_count(2)
    expect(problems).not_to_contain_text("Train model needs")
    expect_saved(
        page,
        studio,
        "first",
        lambda steps: (
            steps["train_model"]["inputs"]
            == {
                "learner": source("linear_regression", "learner"),
                "data": source("split_data", "first"),
            }
        ),
    )
    check_access(page)


def test_a_pipeline_is_drawn_by_keyboard_alone(page: Page, studio: str) -> None:
    name = make_draft(studio)
    open_draft(page, studio, name)
    search = page.get_by_label("Find a component")
    for wanted in ("linear regression", "train model"):
        search.fill(wanted)
        search.press("Enter")
    step = page.get_by_role("group", name="train_model")
    learner = page.get_by_role("combobox", name="learner (untrained model)")
    learner.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        learner.press(key)
    expect(page.locator(".react-flow__edge")).to_have_count(1)
    step.focus()
    before = step.bounding_box()
    step.press("ArrowRight")
    page.keyboard.press("Control+z")
    assert step.bounding_box() == before
    step.press("Delete")
    expect(step).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(step).to_have_count(1)
    expect(page.locator(".react-flow__edge")).to_have_count(1)
    page.keyboard.press("Control+Shift+z")
    expect(step).to_have_count(0)


_IS_MAP_FREE = """() => {
    const map = document.querySelector(".react-flow__minimap").getBoundingClientRect()
    const steps = [...document.querySelectorAll("[data-testid^='step ']")]
    return steps.length === 4 && steps.every((step) => {
        const { right, bottom } = step.getBoundingClientRect()
        return right < map.left || bottom < map.top
    })
}"""


def test_steps_are_copied_grouped_arranged_and_commented(
    page: Page, studio: str, check_access: Check
) -> None:
    name = make_draft(
        studio,
        parts=component("split_data"),
        again=component("split_data", {"data": source("parts", "first")}),
    )
    open_draft(page, studio, name)
    page.get_by_test_id("step parts").click()
    page.get_by_test_id("step again").click(modifiers=["Control"])
    page.keyboard.press("Control+c")
    page.keyboard.press("Control+v")
    expect(page.get_by_test_id("step again_2")).to_be_visible()
    page.get_by_role("button", name="Group", exact=True).click()
    page.set_viewport_size({"width": 1100, "height": 560})
    page.get_by_role("button", name="Arrange").click()
    page.wait_for_function(_IS_MAP_FREE)
    page.get_by_role("button", name="Add a comment").click()
    page.get_by_role("textbox", name="Comment").fill("Twice")
    expect_saved(
        page,
        studio,
        name,
        lambda steps: steps["again_2"]["inputs"] == {"data": source("parts_2", "first")},
    )
    layout = httpx.get(f"{address(studio)}/{name}").json()["layout"]
    assert [each["text"] for each in layout["comments"]] == ["Twice"]
    assert [set(each["steps"]) for each in layout["groups"]] == [{"parts_2", "again_2"}]
    check_access(page)


def test_each_component_has_a_form(page: Page, studio: str) -> None:
    steps = {name: component(name) for name in list_components()}
    name = make_draft(studio, **steps)
    open_draft(page, studio, name)
    settings = page.get_by_role("region", name="Settings")
    for step, kind in list_components().items():
        page.evaluate("id => document.querySelector(`[data-id=${id}]`).focus()", step)
        page.keyboard.press("Enter")
        expect(settings.get_by_label("Name of the step")).to_have_value(step)
        shown = settings.text_content() or ""
        labels = [field.replace("_", " ").capitalize() for field in kind.Parameters.model_fields]
        assert [label for label in labels if label not in shown] == []
        page.keyboard.press("Escape")


def test_two_people_see_what_the_other_has_changed(
    page: Page, studio: str, check_access: Check
) -> None:
    name = make_draft(studio, parts=component("split_data", fraction=0.7))
    other = page.context.new_page()
    for each in (page, other):
        open_draft(each, studio, name)
        each.get_by_test_id("step parts").click()
    other.get_by_role("textbox", name="Fraction").fill("0.5")
    drag(other, "Linear regression", 150, 300)
    expect_saved(other, studio, name, lambda steps: "linear_regression" in steps)
    page.get_by_role("textbox", name="Fraction").fill("0.9")
    conflict = page.get_by_role("dialog", name="Somebody else has changed this draft")
    rows = conflict.get_by_role("row")
    expect(rows.nth(1)).to_have_text("partschangedchanged")
    expect(rows.nth(2)).to_have_text("fraction0.90.5")
    expect(rows.nth(3)).to_have_text("linear_regressionas beforeadded")
    check_access(page)
    assert kept_steps(studio, name)["parts"]["component"]["parameters"] == {"fraction": 0.5}
    conflict.get_by_role("button", name="Save mine as a copy").click()
    page.get_by_role("dialog").get_by_label("Name").fill(f"{name}_mine")
    page.get_by_role("button", name="Save a copy").click()
    expect(page.get_by_role("heading", name=f"{name}_mine")).to_be_visible()
    mine = kept_steps(studio, f"{name}_mine")
    assert mine["parts"]["component"]["parameters"] == {"fraction": 0.9}
    assert kept_steps(studio, name)["parts"]["component"]["parameters"] == {"fraction": 0.5}


def test_mine_becomes_a_new_version_and_the_other_can_be_restored(page: Page, studio: str) -> None:
    name = make_draft(studio, parts=component("split_data", fraction=0.7))
    open_draft(page, studio, name)
    kept = httpx.get(f"{address(studio)}/{name}").json()
    kept["pipeline"]["steps"]["parts"]["component"]["parameters"] = {"fraction": 0.5}
    body = {"pipeline": kept["pipeline"], "layout": kept["layout"], "based_on": kept["version"]}
    httpx.put(f"{address(studio)}/{name}", json=body).raise_for_status()
    page.get_by_test_id("step parts").click()
    fraction = page.get_by_role("textbox", name="Fraction")
    fraction.fill("0.9")
    page.get_by_role("button", name="Keep mine as a new version").click()
    expect_saved(
        page,
        studio,
        name,
        lambda steps: steps["parts"]["component"]["parameters"] == {"fraction": 0.9},
    )
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Versions").click()
    page.get_by_role("button", name=f"Restore: {kept['version'] + 1}").click()
    expect(fraction).to_have_value("0.5")


def test_a_draft_is_exported_and_imported(page: Page, studio: str, tmp_path: Path) -> None:
    name = make_draft(studio, parts=component("split_data", fraction=0.25))
    open_draft(page, studio, name)
    page.get_by_role("button", name="More", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Export JSON").click()
    file = tmp_path / "taken.json"
    waiting.value.save_as(file)
    assert json.loads(file.read_text())["pipeline"]["steps"] == kept_steps(studio, name)
    page.goto(f"{studio}/designer")
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Import JSON").click()
    choosing.value.set_files(file)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_test_id("step parts")).to_be_visible()
    assert kept_steps(studio, "taken") == kept_steps(studio, name)


def test_a_pipeline_is_run_to_a_step_and_looked_into(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    lines = [f"{each},{'dry' if each % 2 else 'wet'}" for each in range(20)]
    text = "\n".join(["speed,road", *lines])
    name = make_draft(studio, rows=component("enter_data_manually", text=text))
    open_draft(page, studio, name)
    drag(page, "Split data", 400, 560)
    draw(page, "rows.data", "split_data.data")
    page.get_by_role("combobox", name="Stratify by").click()
    page.get_by_role("option", name="road").click()
    drag(page, "Train model", 600, 120)
    expect(page.get_by_role("region", name="Problems")).to_contain_text("Train model needs")
    page.get_by_test_id("step split_data").click(position={"x": 20, "y": 25})
    page.get_by_role("button", name="Run", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="Run to the step")).to_have_value("split_data")
    dialog.get_by_role("button", name="Run", exact=True).click()
    split = page.get_by_test_id("step split_data")
    expect(split).to_contain_text("Completed", timeout=60_000)
    page.get_by_role("tab", name="Run").click()
    expect(page.get_by_text("The step 'split_data' was run")).to_be_visible()
    split.get_by_role("button", name="Show what came out by first").click()
    shown = page.get_by_role("dialog", name="split_data · first")
    expect(shown).to_contain_text("14 rows")
    expect(shown.get_by_role("region", name="speed")).to_contain_text("Missing0 (0 %)")
    expect(shown.get_by_role("img", name=re.compile("^speed"))).to_be_visible()
    check_access(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Leave the run").click()
    page.get_by_role("button", name="Runs", exact=True).click()
    page.get_by_role("menuitem").first.click()
    expect(split).to_contain_text("Completed")
    run = lab.get_run(page.url.rpartition("run=")[2])
    assert run.record.params == {} and run.record.tags["draft"].startswith(f"{name}:")


def test_a_trained_pipeline_answers_requests_and_scores_datasets(
    page: Page, studio: str, lab: Workspace, check_access: Check
) -> None:
    text = "\n".join(["x,y", *(f"{x},{2 * x}" for x in range(20))])
    steps = {
        "rows": component("enter_data_manually", text=text),
        "linear": component("linear_regression"),
        "fit": component(
            "train_model",
            {"learner": source("linear", "learner"), "data": source("rows", "data")},
            label="y",
        ),
        "score": component(
            "score_model", {"model": source("fit", "model"), "data": source("rows", "data")}
        ),
    }
    name = make_draft(studio, **steps)
    run = httpx.post(f"{address(studio)}/{name}/runs", json={}).raise_for_status().json()["id"]
    lab.get_run(run).wait_for_completion(timeout_seconds=120)
    page.goto(f"{studio}/designer/{name}?run={run}")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Deploy as a service").click()
    dialog = page.get_by_role("dialog")
    check_access(page)
    dialog.get_by_role("button", name="Deploy as a service").click()
    page.wait_for_url(f"**/services/{name}", timeout=60_000)
    service = LocalWebservice(lab, name)
    service.wait_for_deployment(timeout=120)
    answer = service.run([{"x": 50}])["predictions"]
    assert answer[0]["scored_label"] == pytest.approx(100)
    page.goto(f"{studio}/designer/{name}?run={run}")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Draw a batch pipeline").click()
    dialog.get_by_label("Dataset to score").click()
    page.get_by_role("option", name="cars").click()
    dialog.get_by_role("button", name="Draw a batch pipeline").click()
    page.wait_for_url(f"**/designer/{name}-batch", timeout=60_000)
    expect(page.get_by_test_id("step keep")).to_be_visible()
    assert list(kept_steps(studio, f"{name}-batch")) == ["rows", "score", "keep"]


def test_a_draft_is_published_and_shown_as_a_script(
    page: Page, studio: str, lab: Workspace
) -> None:
    rows = component("enter_data_manually", text="x\n1\n2\n")
    steps = {"rows": rows, "parts": component("split_data", {"data": source("rows", "data")})}
    name = make_draft(studio, **steps)
    open_draft(page, studio, name)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Publish").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text(f"{name} is published as version 1.")).to_be_visible()
    assert PublishedPipeline.get(lab, name).pipeline.graph.order == ["rows", "parts"]
    page.get_by_role("button", name="Schedule it").click()
    dialog = page.get_by_role("dialog", name="New schedule")
    expect(dialog.get_by_label("Name")).to_have_value(f"{name}-schedule")
    expect(dialog.get_by_role("combobox", name="Pipeline")).to_have_value(name)
    expect(dialog.get_by_role("status")).to_contain_text("Next")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Show as a script").click()
    script = page.get_by_role("textbox", name="Show as a script")
    expect(script).to_contain_text('ComponentStep("parts"')
    page.get_by_role("dialog").get_by_text("R", exact=True).click()
    expect(script).to_contain_text('component_step("parts"')


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", samples())
def test_a_sample_is_opened_and_runs_to_its_evaluation(
    page: Page, server: Server, workspace: Workspace, name: str
) -> None:
    assert samples()[name].description.endswith(("generated.", "System)."))
    page.goto(f"{server.url}/studio/{workspace.name}/designer")
    page.get_by_role("button", name="From a sample").click()
    page.get_by_label(name).check()
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Run", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Run {name}")
    dialog.get_by_role("button", name="Run", exact=True).click()
    evaluate = page.get_by_test_id("step evaluate")
    expect(evaluate).to_contain_text("Completed", timeout=240_000)
    run = PipelineRun.get(workspace, page.url.rpartition("run=")[2])
    values = run.get_output("evaluate")["blocks"][0]["values"]
    evaluate.get_by_role("button", name="Show what came out").click()
    shown = page.get_by_role("dialog", name="evaluate · evaluation")
    for metric in values:
        expect(shown.get_by_text(metric, exact=True)).to_be_visible()
    logged = run.find_step_run("evaluate")[0].get_metrics()
    assert {metric: logged[metric] for metric in values} == pytest.approx(values)
    assert values.get("accuracy", values.get("first_r2_score", 0)) > 0.7
    found = check_pipeline(Draft.get(workspace, name).pipeline, workspace, run)
    scored = next(step for step in found.columns if step.startswith("score"))
    assert not found.problems and "scored_label" in (found.columns[scored]["scored"] or {})


def test_a_pipeline_made_in_code_is_opened_and_changed(page: Page, studio: str) -> None:
    page.goto(f"{studio}/designer")
    page.get_by_role("button", name="From a published pipeline").click()
    page.get_by_role("combobox", name="Pipelines").click()
    page.get_by_role("option", name="study", exact=True).click()
    page.get_by_role("button", name="Create").click()
    page.get_by_test_id("step fit").click(position={"x": 20, "y": 25})
    expect(page.get_by_role("region", name="Settings")).to_contain_text("fit.py")
    given = page.get_by_role("textbox", name="Arguments")
    given.fill("--depth\n3")
    given.blur()
    expect_saved(page, studio, "study", lambda steps: steps["fit"]["arguments"] == ["--depth", "3"])
    page.set_viewport_size({"width": 390, "height": 800})
    expect(given).not_to_be_editable()


def test_readers_look_at_drafts_and_change_nothing(
    page: Page, server: Server, workspace: Workspace
) -> None:
    studio = f"{server.url}/studio/{workspace.name}"
    name = make_draft(studio, parts=component("split_data"))
    _, secret = Tokens(make_state_folder(workspace.path)).create("rita", Role.READER)
    page.goto(f"{studio}/designer/{name}")
    page.get_by_label("Your token for this server").fill(secret)
    page.get_by_role("button", name="Log in").click()
    page.get_by_test_id("step parts").click()
    expect(page.get_by_role("textbox", name="Fraction")).not_to_be_editable()
    page.get_by_role("button", name="Read more").click()
    expect(page.get_by_role("region", name="Split data")).to_contain_text("SplitData(")
    expect(page.get_by_role("button", name="Run", exact=True)).to_have_count(0)
    expect(page.get_by_role("region", name="Components")).to_have_count(0)
    page.get_by_test_id("step parts").press("Delete")
    expect(page.get_by_test_id("step parts")).to_be_visible()
