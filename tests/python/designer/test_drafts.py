"""Drafts: kept in versions, never written over one another, run whole or in part, over REST too."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from plugins.servers import Server
from tandemlab import Workspace
from tandemlab.designer import ComponentStep, Draft, check_pipeline
from tandemlab.designer import drafts as drafts_module
from tandemlab.designer.samples import samples
from tandemlab.domain import AlreadyExists, Conflict, InvalidInput, NotFound
from tandemlab.pipelines import Pipeline

SECONDS = 180
TEXT = "town,people\nAma,12\nBo,\nCui,40\n"


def drawn(text: str = TEXT, mode: str = "mean") -> Pipeline:
    rows = ComponentStep("rows", "enter_data_manually", {"text": text})
    clean = ComponentStep(
        "clean",
        "clean_missing_data",
        {"columns": ["people"], "mode": mode},
        inputs={"data": rows.output()},
    )
    report = ComponentStep("sums", "summarize_data", inputs={"data": clean.output("data")})
    return Pipeline([report], name="towns")


def test_a_draft_keeps_what_is_drawn_and_where(workspace: Workspace) -> None:
    first = Draft.create(workspace, "towns")
    assert (first.version, first.pipeline.graph.steps) == (1, {})
    layout = {
        "positions": {"rows": {"x": 1, "y": 2}, "gone": {"x": 0, "y": 0}},
        "comments": [{"id": "c1", "text": "Where from?", "x": 5, "y": 5}],
        "groups": [{"id": "g1", "title": "Data", "steps": ["rows", "gone"]}],
    }
    second = first.save(drawn(), layout)
    found = Draft.get(workspace, "towns")
    assert found.version == second.version == 2 and found.pipeline.graph == drawn().graph
    assert found.layout["positions"] == {"rows": {"x": 1, "y": 2}}
    assert found.layout["groups"][0]["steps"] == ["rows"]
    assert found.save(drawn(), layout).version == 2, "the same is no new version"
    assert Draft.get(workspace, "towns", 1).pipeline.graph.steps == {}
    assert [each.version for each in found.versions()] == [2, 1]
    copied = Draft.from_dict(workspace, json.loads(json.dumps(found.to_dict())), "copy")
    assert (copied.pipeline.graph, copied.layout) == (found.pipeline.graph, found.layout)
    assert [each.name for each in Draft.list(workspace)] == ["copy", "towns"]
    copied.delete()
    with pytest.raises(NotFound):
        Draft.get(workspace, "copy")
    with pytest.raises(AlreadyExists):
        Draft.create(workspace, "towns")
    with pytest.raises(InvalidInput, match=r"layout cannot be used: comments\.0\.text"):
        found.save(drawn(), {"comments": [{"id": "c"}]})
    with pytest.raises(InvalidInput, match="no exported draft"):
        Draft.from_dict(workspace, {"steps": {}})


@pytest.mark.parametrize("place", ["workspace", "remote"])
def test_of_those_who_save_at_once_one_does_and_the_others_hear_of_it(
    place: str, request: pytest.FixtureRequest
) -> None:
    lab: Workspace = request.getfixturevalue(place)
    base = Draft.create(lab, "towns", drawn())

    def save(number: int) -> int | Conflict:
        try:
            return base.save(drawn(TEXT + f"Du,{number}\n")).asset.version
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(6) as people:
        found = list(people.map(save, range(6)))
    assert [each for each in found if isinstance(each, int)] == [2]
    conflicts = [each for each in found if isinstance(each, Conflict)]
    assert len(conflicts) == 5
    assert all(each.details["version"] == 2 for each in conflicts)
    assert "has version 2 now" in str(conflicts[0])
    base.delete()
    with pytest.raises(NotFound, match="not there any more"):
        base.save(drawn())


def test_old_versions_go(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts_module, "KEPT_VERSIONS", 5)
    draft = Draft.create(workspace, "towns", drawn())
    for number in range(19):
        draft = draft.save(drawn(TEXT + f"Du,{number}\n"))
    assert [each.version for each in draft.versions()] == [20, 19, 18, 17, 16]


def test_what_is_wrong_is_told_with_its_place_and_columns_follow() -> None:
    found = check_pipeline(drawn())
    assert not found.problems
    assert found.columns["clean"]["data"] == {"town": "str", "people": "Int64"}
    document = drawn().to_dict()
    clean = document["steps"]["clean"]
    clean["component"]["parameters"] = {"columns": ["poeple"]}
    problem = check_pipeline(Pipeline.from_dict(document)).problems[0]
    assert (problem.step, problem.parameter) == ("clean", "columns")
    assert problem.message == "data has no column 'poeple'; did you mean 'people'?"
    clean["component"]["parameters"] = {"mode": "guess"}
    problem = check_pipeline(Pipeline.from_dict(document)).problems[0]
    assert (problem.step, problem.parameter) == ("clean", "mode")
    together = {"name": "select_columns", "parameters": {}}
    document["steps"]["clean"]["component"], kept = together, clean["component"]
    problem = check_pipeline(Pipeline.from_dict(document)).problems[0]
    assert problem.message == "choose columns, types or a pattern"
    clean["component"] = kept
    del clean["inputs"]["data"]
    clean["component"]["parameters"] = {}
    problem = check_pipeline(Pipeline.from_dict(document)).problems[0]
    assert (problem.step, problem.input) == ("clean", "data")
    document["steps"]["clean"]["inputs"] = {"data": {"step": "sums", "output": "summary"}}
    circle = check_pipeline(Pipeline.from_dict(document))
    assert circle.problems[-1].step is None and "circle" in circle.problems[-1].message
    assert [each.step for each in check_pipeline(Pipeline([])).problems] == [None]


class Client:
    """Asks a workspace's routes of the designer."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/designer"

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and content of an answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["error"]


@pytest.fixture
def ask(remote: Workspace, shared_server: Server) -> Client:
    return Client(f"{shared_server.url}/api/v1/workspaces/{remote.name}")


@pytest.mark.full
@pytest.mark.timeout(600)
def test_all_of_it_goes_over_rest(ask: Client, remote: Workspace) -> None:
    status, found = ask("GET", "/components")
    split = next(each for each in found if each["name"] == "split_data")
    assert status == 200 and split["inputs"][0]["kind"] == "table"
    assert split["schema"]["properties"]["stratify_by"]["x-column-of"] == "data"
    assert split["description"].startswith("Splits the rows")
    assert {each["name"] for each in ask("GET", "/samples")[1]} == set(samples())
    assert ask("POST", "/drafts", {"name": "towns"})[0] == 201
    document = drawn().to_dict()
    status, saved = ask("PUT", "/drafts/towns", {"based_on": 1, "pipeline": document})
    assert (status, saved["version"], saved["steps"]) == (200, 2, 3)
    status, conflict = ask("PUT", "/drafts/towns", {"based_on": 1, "pipeline": {"steps": {}}})
    assert (status, conflict["code"], conflict["details"]["version"]) == (409, "conflict", 2)
    assert ask("GET", "/drafts/towns?version=1")[1]["steps"] == 0
    assert [each["version"] for each in ask("GET", "/drafts/towns/versions")[1]] == [2, 1]
    status, run = ask("POST", "/drafts/towns/runs", {"until": "clean"})
    assert status == 201
    remote.get_run(run["id"]).wait_for_completion(timeout_seconds=SECONDS)
    place = f"/runs/{run['id']}/steps"
    status, preview = ask("GET", f"{place}/clean/outputs/data?limit=2")
    assert (preview["type"], preview["rows"], len(preview["sample"]["rows"])) == ("table", 3, 2)
    assert preview["profile"][1]["missing"] == 0
    assert ask("GET", f"{place}/sums/outputs/summary")[0] == 404
    checked = ask("POST", "/check", {"pipeline": document, "run": run["id"]})[1]
    assert checked["problems"] == [] and "people" in checked["columns"]["clean"]["data"]
    for language, word in (("python", "ComponentStep("), ("r", "component_step(")):
        status, script = ask("POST", "/export", {"pipeline": document, "language": language})
        assert status == 200 and word in script["text"]
    assert ask("POST", "/drafts/towns/publish", {})[1] == {"name": "towns", "version": 1}
    for source in ({"run": run["id"]}, {"published": "towns"}, {"draft": "towns"}):
        name = next(iter(source))
        status, made = ask("POST", "/drafts", {"name": f"of-{name}", "source": source})
        assert status == 201 and set(made["pipeline"]["steps"]) <= set(document["steps"])
    assert ask("POST", "/drafts", {"name": "none", "source": {"sample": "nope"}})[0] == 404
    assert ask("POST", "/drafts", {"name": "none", "source": {}})[0] == 400
    assert ask("POST", "/check", {"pipeline": {"steps": {"x": {"nope": 1}}}})[0] == 400
    assert ask("DELETE", "/drafts/towns")[0] == 204
    assert ask("GET", "/drafts/towns")[0] == 404
