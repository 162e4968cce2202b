"""Where runs come from and what came of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from plugins.servers import Server
from tandemlab import Environment, Run, ScriptRunConfig, Workspace
from tandemlab.environments import register_environment


def family(workspace: Workspace, folder: Path) -> tuple[Run, Run, Run]:
    """A run with source, outputs, a parent and a child."""
    source = folder / "source"
    source.mkdir()
    (source / "train.py").write_text("1\n")
    experiment = workspace.experiment("demo")
    top = experiment.create_run(type="interactive", display_name="top")
    from tandemlab.store.snapshots import take_snapshot

    snapshot, _ = take_snapshot(source, workspace.place.blobs)
    middle = experiment.create_run(
        type="child", parent=top.id, display_name="middle", snapshot=snapshot
    )
    for name in ("outputs/model.txt", "extra.csv", "logs/a.log", "system/x.json"):
        middle.upload_file(name, io.BytesIO(name.encode()))
    leaf = middle.child_run('leaf "<1>"')
    return top, middle, leaf


def links(lineage: Any) -> list[tuple[str, str, str]]:
    table = lineage.to_table()
    return list(zip(table["source"], table["relation"], table["target"], strict=True))


def test_a_run_has_parents_inputs_outputs_and_children(
    workspace: Workspace, tmp_path: Path
) -> None:
    top, middle, leaf = family(workspace, tmp_path)
    found = middle.get_lineage()
    digest = middle.record.snapshot
    assert links(found) == [
        (top.id, "parent", middle.id),
        (digest, "input", middle.id),
        (middle.id, "output", f"{middle.id}/extra.csv"),
        (middle.id, "output", f"{middle.id}/outputs/model.txt"),
        (middle.id, "parent", leaf.id),
    ]
    assert [node.id for node in found.ancestors] == [top.id]
    assert [node.details["files"] for node in found.inputs] == [["train.py"]]
    assert [node.details["size"] for node in found.outputs] == [9, 17]
    assert str(found).splitlines() == [
        "run demo/2 middle, Running",
        "├─ parents",
        "│  └─ run demo/1 top, Running",
        "├─ inputs",
        f"│  └─ snapshot {str(digest)[:12]} (1 file)",
        "├─ outputs",
        "│  ├─ file extra.csv",
        "│  └─ file outputs/model.txt",
        "└─ children",
        '   └─ run demo/3 leaf "<1>", Running',
    ]
    assert [node.id for node in leaf.get_lineage().ancestors] == [middle.id, top.id]


def test_a_flow_chart_names_each_thing_once_and_escapes(
    workspace: Workspace, tmp_path: Path
) -> None:
    _, middle, _ = family(workspace, tmp_path)
    lines = middle.get_lineage().to_mermaid().splitlines()
    assert lines[0] == "flowchart LR"
    assert lines[1] == '  n0(["run demo/2 middle, Running"])'
    assert '(["run demo/3 leaf #quot;#lt;1#gt;#quot;, Running"])' in "\n".join(lines)
    assert len([line for line in lines if "-->" in line]) == 5
    assert len([line for line in lines if "-->" not in line]) == 6 + 2


@pytest.mark.parametrize("is_remote", [False, True])
def test_assets_lead_from_one_run_to_another(
    is_remote: bool, request: pytest.FixtureRequest
) -> None:
    lab = request.getfixturevalue("remote" if is_remote else "workspace")
    experiment = lab.experiment("demo")
    first = experiment.create_run(type="interactive", display_name="first")
    data = lab.assets.register("dataset", "accidents", {"rows": 3})
    store = lab.assets.register("datastore", "bucket", {})
    lab.assets.add_usage(first.id, data, "input", "train")
    lab.assets.add_usage(first.id, store, "input")
    model = lab.assets.register("model", "churn", {"n": 1}, run_id=first.id)
    second = experiment.create_run(type="interactive", display_name="second")
    lab.assets.add_usage(second.id, model, "input", "start")
    lab.assets.add_usage(second.id, model, "output", "best")
    found = first.get_lineage()
    assert links(found) == [
        ("datastore/bucket:1", "input", first.id),
        ("accidents:1", "input", first.id),
        (first.id, "output", "churn:1"),
    ]
    assert str(found).splitlines()[1:] == [
        "├─ inputs",
        "│  ├─ asset datastore bucket:1",
        "│  └─ dataset train: accidents:1",
        "└─ outputs",
        "   └─ model churn:1",
    ]
    assert 'n3{{"model churn:1"}}' in found.to_mermaid()
    other = second.get_lineage()
    assert [node.id for node in (*other.inputs, *other.outputs)] == ["churn:1", "churn:1"]
    assert other.inputs[0].kind is found.outputs[0].kind
    lab.assets.delete(model)
    assert links(second.get_lineage()) == links(other)
    assert [usage.run_id for usage in lab.assets.usages(model)] == 2 * [second.id]


def test_the_environment_of_a_run_is_named_with_its_version(
    workspace: Workspace, source: Path
) -> None:
    environment = Environment("study", variables={"A": "1"})
    for _ in range(2):
        register_environment(workspace, environment)
        environment = environment.replace(variables={"A": "2"})
    config = ScriptRunConfig(source, "train.py", environment="study:1")
    run = workspace.experiment("demo").submit(config)
    assert [node.label for node in run.get_lineage().inputs][-1].startswith("study:1")
    (usage,) = workspace.assets.usages(run_id=run.id)
    assert (usage.name, usage.version, usage.role) == ("study", 1, "input")
    run.wait_for_completion()
    label = run.get_lineage().inputs[-1].label
    assert label.startswith("study:1 python 3.") and label.endswith(" packages")


def test_what_one_run_writes_and_another_reads_is_one_thing(workspace: Workspace) -> None:
    experiment = workspace.experiment("demo")
    writer = experiment.create_run(
        type="interactive", definition={"outputs": {"clean": "/srv/clean", "own": None}}
    )
    reader = experiment.create_run(
        type="interactive", definition={"inputs": {"data": {"path": "/srv/clean", "mode": "mount"}}}
    )
    (written,) = writer.get_lineage().outputs
    (read,) = reader.get_lineage().inputs
    assert (written.kind, written.id) == (read.kind, read.id)
    assert (written.label, read.label) == ("clean: /srv/clean", "data: /srv/clean")


def test_a_deleted_parent_ends_the_line(workspace: Workspace) -> None:
    child = workspace.experiment("demo").create_run(type="child", parent="demo_gone")
    assert child.get_lineage().links == []


@pytest.mark.full
def test_a_script_comes_from_its_source_and_environment(
    workspace: Workspace, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    code = (
        "import os\nos.makedirs('outputs', exist_ok=True)\nopen('outputs/m.txt', 'w').write('x')\n"
    )
    (source / "train.py").write_text(code)
    runs = [
        workspace.experiment("demo").submit(ScriptRunConfig(source, "train.py")) for _ in range(2)
    ]
    for run in runs:
        run.wait_for_completion(timeout_seconds=100)
    first, second = (run.get_lineage() for run in runs)
    assert [node.kind.value for node in first.inputs] == ["snapshot", "environment"]
    assert [node.id for node in first.inputs] == [node.id for node in second.inputs]
    assert first.inputs[1].label.startswith("python 3.")
    assert [node.label for node in first.outputs] == ["outputs/m.txt"]


def test_lineage_at_a_server_is_the_same_there_and_here(
    remote: Workspace, shared_server: Server, tmp_path: Path
) -> None:
    top, middle, leaf = family(remote, tmp_path)
    found = middle.get_lineage()
    assert [node.id for node in found.ancestors] == [top.id]
    assert [node.id for node in found.children] == [leaf.id]
    path = f"/workspaces/{remote.name}/runs/{middle.id}/lineage"
    answer = remote.place.client.request("GET", path).json()  # type: ignore[attr-defined]
    assert [link["relation"] for link in answer["links"]] == [
        link.relation.value for link in found.links
    ]
