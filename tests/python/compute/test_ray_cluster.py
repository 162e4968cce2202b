"""Clusters of Ray that are to be made: Ray takes the file, and keeps to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.ray import Ray, attach_ray
from plugins.waiting import wait_until
from tandemlab import RayCompute, ScriptRunConfig, Workspace
from tandemlab.domain import InvalidInput, MissingDependency
from tandemlab.domain.jobs import Resources

AWS = {"type": "aws", "region": "eu-central-1"}
cluster = RayCompute.provisioning_configuration


@pytest.mark.full
def test_ray_takes_the_files(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    key = tmp_path / "key"
    key.touch()
    hosts = ["10.0.0.2", "10.0.0.3"]
    own = cluster(
        "own",
        head="10.0.0.1",
        workers=hosts,
        max_nodes=1,
        idle_seconds_before_scaledown=90,
        cpus=2,
        gpus=1,
        username="ana",
        sections={"setup_commands": ["true"]},
        private_key_file=key,
    )
    written = yaml.safe_load(own.write(tmp_path / "own.yaml").read_text())
    assert written["provider"] == {"type": "local", "head_ip": "10.0.0.1", "worker_ips": hosts}
    assert written["auth"] == {"ssh_user": "ana", "ssh_private_key": str(key)}
    assert (written["max_workers"], written["idle_timeout_minutes"]) == (1, 1.5)
    (node,) = written["available_node_types"].values()
    assert (node["min_workers"], node["max_workers"]) == (0, 1)
    assert node["resources"] == {"CPU": 2, "GPU": 1}
    assert written["head_setup_commands"] == written["worker_setup_commands"] == ["true"]
    made = cluster(
        "made",
        provider=AWS,
        min_nodes=1,
        max_nodes=4,
        cpus=2,
        memory="8GB",
        node_config={"InstanceType": "m5.large"},
        sections={"setup_commands": ["pip install 'ray[default]'"]},
    )
    written = yaml.safe_load(made.write(tmp_path / "made.yaml").read_text())
    assert written["provider"] == AWS
    node = written["available_node_types"]["ray.worker.default"]
    assert (node["min_workers"], node["max_workers"]) == (1, 4)
    assert node["resources"] == {"CPU": 2, "memory": 8_000_000_000}
    assert written["setup_commands"] == ["pip install 'ray[default]'"]


@pytest.mark.services
@pytest.mark.timeout(300)
def test_a_node_comes_for_a_run_and_goes_when_it_was_idle(
    growing_ray: Ray, workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    target = attach_ray(workspace, growing_ray)

    def sizes() -> list[int]:
        return sorted(node.cpus or 0 for node in target.nodes())

    wait_until(lambda: sizes() == [0], 120)  # gone after the job by which the target was looked at
    go = tmp_path / "go"
    code = (
        "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.1)"
    )
    (source / "waits.py").write_text(code)
    config = ScriptRunConfig(
        source, "waits.py", [str(go)], compute_target="ray", resources=Resources(cpus=2)
    )
    run = workspace.experiment("growing").submit(config)
    wait_until(lambda: sizes() == [0, 2], 120)
    go.touch()
    run.wait_for_completion(timeout_seconds=120)
    wait_until(lambda: sizes() == [0], 120)


@pytest.mark.full
def test_what_ray_does_not_take_is_not_written(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    file = tmp_path / "cluster.yaml"
    file.write_text("as it was")
    with pytest.raises(InvalidInput, match="'setup' was unexpected"):
        cluster("c", provider=AWS, max_nodes=1, sections={"setup": []}).write(file)
    with pytest.raises(InvalidInput, match="Unsupported node provider: nowhere"):
        cluster("c", provider={"type": "nowhere"}, max_nodes=1).write(file)
    assert file.read_text() == "as it was"
    assert [each.name for each in tmp_path.iterdir()] == ["cluster.yaml"]


def test_without_ray_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match="Python package ray"):
        cluster("c", head="10.0.0.1").write(tmp_path / "cluster.yaml")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "either a head with workers, or a provider"),
        ({"head": "a", "provider": AWS}, "either a head with workers, or a provider"),
        ({"head": "a", "workers": ["b"], "max_nodes": 2}, "max_nodes is 2, and there is 1 worker"),
        ({"head": "a", "workers": ["b"]}, "knows what a worker has"),
        ({"head": "a", "node_config": {}}, "for a provider"),
        ({"head": "a", "workers": ["b", "b"]}, "twice"),
        ({"head": "a", "workers": ["a"]}, "twice"),
        ({"provider": AWS}, "needs max_nodes"),
        ({"provider": AWS, "max_nodes": 1, "min_nodes": 2}, "min_nodes is 2, and max_nodes is 1"),
        ({"provider": AWS, "max_nodes": True}, "max_nodes must be a whole number"),
        ({"provider": AWS, "max_nodes": -1}, "max_nodes must be a whole number"),
        ({"provider": AWS, "max_nodes": 1, "memory": "much"}, "'much' is no memory"),
        ({"provider": AWS, "max_nodes": 1, "workers": ["b"]}, "workers go with head"),
        ({"provider": {"region": "r"}, "max_nodes": 1}, "has no type"),
        ({"head": "a", "idle_seconds_before_scaledown": 0}, "greater than 0"),
        ({"head": "a", "private_key_file": "/nowhere/key"}, "no private key"),
        ({"head": "a", "sections": {"max_workers": 3}}, "'max_workers' is made of"),
    ],
)
def test_what_cannot_be_is_refused_before_ray_is_asked(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        cluster("c", **settings)
    with pytest.raises(InvalidInput, match="no name"):
        cluster("a b", head="a")
