"""Clusters of Ray that a workspace makes by Ray's launcher, on machines of a network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from plugins.machines import Machine, Network
from plugins.waiting import wait_until
from tandemlab import ComputeTarget, RayCompute, ScriptRunConfig, Workspace
from tandemlab.cli import main
from tandemlab.domain import AlreadyExists, InvalidInput, InvalidState, NotFound
from tandemlab.domain.jobs import Resources

SECONDS = 180
_SMALL = "--object-store-memory=80000000 --disable-usage-stats"
_HEAD = f"RAY_enable_autoscaler_v2=0 ray start --head --port=6379 --num-cpus=0 {_SMALL}"
_SECTIONS = {
    "head_start_ray_commands": [
        "ray stop",
        f"AUTOSCALER_UPDATE_INTERVAL_S=1 {_HEAD} --autoscaling-config=~/ray_bootstrap_config.yaml",
    ],
    "worker_start_ray_commands": ["ray stop", f"ray start --address=$RAY_HEAD_IP:6379 {_SMALL}"],
}


def cluster_of(network: Network, head: Machine, *workers: Machine, **options: Any) -> Any:
    return RayCompute.provisioning_configuration(
        **{
            "head": head.address,
            "workers": [each.address for each in workers],
            "username": "root",
            "private_key_file": network.client_key,
            "host_key": head.host_key,
            "cpus": 2,
            "idle_seconds_before_scaledown": 600,
            "python": sys.executable,
            "sections": _SECTIONS,
            **options,
        }
    )


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_cluster_is_made_grows_and_shrinks_is_changed_and_ended(
    workspace: Workspace, network: Network, source: Path
) -> None:
    pytest.importorskip("ray")
    head, worker = network.add(), network.add()
    configuration = cluster_of(network, head, worker)
    target = ComputeTarget.create(workspace, "pool", configuration, description="two machines")
    config = ScriptRunConfig(source, "train.py", compute_target="pool", resources=Resources(cpus=2))
    assert target.provisioning_state == "Creating"
    with pytest.raises(InvalidState, match="has not been made yet"):
        workspace.experiment("pool").submit(config)
    with pytest.raises(InvalidState, match="is being made"):
        ComputeTarget.create(workspace, "pool", configuration)
    target.wait_for_completion(show_output=True)
    assert target.provisioning_state == "Succeeded" and target.description == "two machines"
    assert (target.min_nodes, target.max_nodes) == (0, 1)
    assert target.location == f"Ray at {head.address}"
    with pytest.raises(AlreadyExists):
        ComputeTarget.create(workspace, "pool", configuration)

    def sizes() -> list[int]:
        return sorted(node.cpus for node in target.nodes())

    run = workspace.experiment("pool").submit(config)
    run.wait_for_completion(timeout_seconds=SECONDS)
    assert run.read_log()[0] == "1\n"
    target.wait_for_completion(min_node_count=1)
    assert sizes() == [0, 2]
    in_shell = ("-w", str(workspace.path))
    assert main(["compute", "update", "pool", "--idle", "1", "--wait", *in_shell]) == 0
    wait_until(lambda: sizes() == [0], SECONDS)
    with pytest.raises(InvalidInput, match="min_nodes is 2, and max_nodes is 1"):
        target.update(min_nodes=2)
    again = ComputeTarget.get(workspace, "pool")
    assert again.idle_seconds_before_scaledown == 1
    assert main(["compute", "delete", "pool", "--yes", *in_shell]) == 0
    with pytest.raises(NotFound):
        ComputeTarget.get(workspace, "pool")


@pytest.mark.services
@pytest.mark.timeout(300)
def test_a_cluster_that_cannot_be_made_says_why_and_may_be_asked_for_again(
    workspace: Workspace, network: Network
) -> None:
    pytest.importorskip("ray")
    head = network.add()
    strange = cluster_of(network, head, host_key=network.strange_key)
    target = ComputeTarget.create(workspace, "pool", strange)
    with pytest.raises(InvalidState, match="another host key"):
        target.wait_for_completion()
    assert target.get_status().provisioning_state == "Failed"
    broken = {"head_start_ray_commands": ["echo no such program; exit 3"]}
    target = ComputeTarget.create(workspace, "pool", cluster_of(network, head, sections=broken))
    with pytest.raises(InvalidState, match="`ray up` has failed"):
        target.wait_for_completion()
    assert "no such program" in (workspace.path / "compute" / "pool" / "log").read_text()
    with pytest.raises(InvalidState, match="has not been made yet"):
        target.update(min_nodes=1)
    target.detach()
    assert [each.name for each in ComputeTarget.list(workspace)] == ["local"]
