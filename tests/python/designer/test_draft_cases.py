"""The cases of tests/conformance/designer: drafts from their first version to what they score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tandemlab import Dataset, LocalWebservice, Workspace
from tandemlab.data import TabularDataset
from tandemlab.designer import (
    Draft,
    check_pipeline,
    create_batch_draft,
    deploy_pipeline_run,
)
from tandemlab.designer.samples import find_sample
from tandemlab.domain import TandemlabError
from tandemlab.pipelines import PipelineRun, PublishedPipeline

FILE = Path(__file__).parents[2] / "conformance" / "designer" / "drafts.yaml"
CASES = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SECONDS = 180


@dataclass
class Desk:
    """What a case has in hand."""

    workspace: Workspace
    folder: Path
    draft: Draft | None = None
    before: Draft | None = None
    run: PipelineRun | None = None
    service: LocalWebservice | None = None

    def do(self, step: dict[str, Any]) -> None:
        """Do a step; what it has in hand changes once it was done."""
        verb, given = next(iter(step.items()))
        getattr(self, verb)(self.before if step.get("stale") else self.draft, **given)

    def create(self, _: Draft, name: str, pipeline: str = "", sample: str = "") -> None:
        found = find_sample(sample).pipeline if sample else CASES["pipelines"][pipeline]
        self.draft = Draft.create(self.workspace, name, found)

    def get(self, _: Draft, name: str, version: int | None = None) -> None:
        self.draft = Draft.get(self.workspace, name, version)

    def save(self, draft: Draft, pipeline: str) -> None:
        self.draft, self.before = draft.save(CASES["pipelines"][pipeline]), draft

    def export(self, draft: Draft, file: str) -> None:
        (self.folder / file).write_text(draft.to_json(), encoding="utf-8")

    def import_(self, _: Draft, file: str, name: str | None = None) -> None:
        self.draft = Draft.from_file(self.workspace, self.folder / file, name)

    def delete(self, draft: Draft) -> None:
        draft.delete()

    def publish(self, draft: Draft, name: str) -> None:
        draft.pipeline.publish(self.workspace, name)

    def submit(self, draft: Draft, until: str | None = None) -> None:
        self.run = draft.submit(until=until)
        self.run.wait_for_completion(timeout_seconds=SECONDS)

    def deploy(self, _: Draft, name: str, step: str | None = None) -> None:
        assert self.run is not None
        self.service = deploy_pipeline_run(self.run, name, step)

    def batch(self, _: Draft, **given: str) -> None:
        assert self.run is not None
        self.draft = create_batch_draft(self.run, **given)


setattr(Desk, "import", Desk.import_)


@pytest.fixture
def desk(workspace: Workspace, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(workspace, tmp_path)
    for name, text in CASES["datasets"].items():
        file = tmp_path / f"{name}.csv"
        file.write_text(text)
        Dataset.Tabular.from_delimited_files(file).register(workspace, name)
    yield desk
    if desk.service is not None:
        desk.service.delete()


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=case["name"], marks=getattr(pytest.mark, case["tier"]))
        if "tier" in case
        else pytest.param(case, id=case["name"])
        for case in CASES["cases"]
    ]


@pytest.mark.parametrize("case", _cases())
def test_drafts_are_as_in_r(case: dict[str, Any], desk: Desk) -> None:
    for step in case["do"]:
        if "error" not in step:
            desk.do(step)
            continue
        with pytest.raises(TandemlabError) as caught:
            desk.do(step)
        assert caught.value.code == step["error"], step
        assert all(words in caught.value.message for words in step.get("says", [])), step
    then = case["then"]
    found = {key: LOOK[key](desk, then) for key in then if key != "request"}
    assert found == {key: value for key, value in then.items() if key != "request"}


def _steps(desk: Desk, _: dict[str, Any]) -> list[str]:
    assert desk.draft is not None
    return list(desk.draft.pipeline.graph.steps)


def _problems(desk: Desk, _: dict[str, Any]) -> list[str]:
    assert desk.draft is not None
    found = check_pipeline(desk.draft.pipeline, desk.workspace).problems
    return [each.message for each in found]


def _answer(desk: Desk, then: dict[str, Any]) -> Any:
    assert desk.service is not None
    desk.service.wait_for_deployment()
    answer = desk.service.run(then["request"])["predictions"][0]["scored_label"]
    return pytest.approx(answer)


def _rows(desk: Desk, then: dict[str, Any]) -> dict[str, int]:
    found = {name: Dataset.get_by_name(desk.workspace, name) for name in then["rows"]}
    return {name: len(each) for name, each in found.items() if isinstance(each, TabularDataset)}


LOOK: dict[str, Callable[[Desk, dict[str, Any]], Any]] = {
    "drafts": lambda desk, _: [each.asset.reference for each in Draft.list(desk.workspace)],
    "steps": _steps,
    "problems": _problems,
    "runs": lambda desk, _: len(desk.workspace.get_runs()),
    "status": lambda desk, _: desk.run and desk.run.status.value,
    "tag": lambda desk, _: desk.run and desk.run.record.tags["draft"],
    "ran": lambda desk, _: desk.run and [each.name for each in desk.run.get_steps()],
    "published": lambda desk, _: [each.id for each in PublishedPipeline.list(desk.workspace)],
    "answers": _answer,
    "rows": _rows,
}
