"""Drafts on the command line, from a sample to a service."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.mark.usefixtures("lab")
def test_drafts_are_made_shown_exported_and_deleted(call: Call, tmp_path: Path) -> None:
    listed = call("draft", "list", "--samples", "-o", "json").json
    assert "review-moods" in [each["sample"] for each in listed]
    made = call("draft", "import", "--sample", "review-moods", "--name", "moods", "-o", "json")
    assert (made.json["draft"], made.json["steps"]) == ("moods:1", 9)
    shown = call("draft", "show", "moods")
    assert "clean" in shown.out and shown.err == ""
    content = call("draft", "export", "moods").out
    broken = json.loads(content)
    broken["pipeline"]["steps"]["clean"]["component"]["parameters"] = {"column": "revue"}
    file = tmp_path / "moods.json"
    file.write_text(json.dumps(broken))
    assert call("draft", "import", str(file)).status == 4
    assert call("draft", "import", str(file), "--name", "broken").status == 0
    assert "clean.column: data has no column 'revue'; did you mean 'review'?" in (
        call("draft", "show", "broken").err
    )
    assert call("draft", "delete", "broken", "--yes").status == 0
    assert [each["name"] for each in call("draft", "list", "-o", "json").json] == ["moods"]
    yaml = tmp_path / "hello.yml"
    yaml.write_text("steps:\n  hello:\n    command: echo hello\n")
    assert call("draft", "import", str(yaml), "-o", "json").json["draft"] == "hello:1"
    for words, status in (
        (["show", "nope"], 3),
        (["import"], 2),
        (["import", "--sample", "nope"], 3),
        (["import", str(tmp_path / "nope.json")], 3),
        (["show", "moods", "--version", "7"], 3),
        (["run", "moods", "--until", "nope"], 2),
        (["delete", "moods"], 2),
    ):
        assert call("draft", *words).status == status, words
    file.write_text("[1]")
    assert "no exported draft" in call("draft", "import", str(file)).err


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("lab")
def test_a_draft_is_run_published_and_answers(call: Call, tmp_path: Path) -> None:
    call("draft", "import", "--sample", "review-moods", "--name", "moods")
    part = call("draft", "run", "moods", "--until", "clean", "--wait", "-o", "json")
    assert part.status == 0, part.err
    whole = call("draft", "run", "moods", "--wait", "-o", "json")
    assert whole.status == 0, whole.err
    published = call("draft", "publish", "moods", "--name", "score-moods", "-o", "json")
    assert published.json["pipeline"] == "score-moods:1"
    deployed = call("draft", "deploy", whole.json["id"], "--name", "moods", "-o", "json")
    assert deployed.status == 0, deployed.err
    try:
        answer = call("service", "run", "moods", '[{"review": "Staff was rude, soup was cold."}]')
        assert json.loads(answer.out)["predictions"][0]["scored_label"] == "bad"
        words = ["--name", "score-new", "--dataset", "new", "--register-as", "scored"]
        assert call("draft", "batch", whole.json["id"], *words).status == 3
        (tmp_path / "new.csv").write_text("review\nStaff was rude.\n")
        assert call("data", "register", str(tmp_path / "new.csv"), "--name", "new").status == 0
        batch = call("draft", "batch", whole.json["id"], *words, "-o", "json")
        assert (batch.json["draft"], batch.json["steps"]) == ("score-new:1", 3), batch.err
        refused = call("draft", "deploy", part.json["id"], "--name", "other")
        assert refused.status == 2 and "No step scores" in refused.err
    finally:
        call("service", "remove", "moods", "--yes")
