"""``tandemlab compute``, with this machine behind a real SSH server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from plugins.ray import Ray
from plugins.spark import Spark
from plugins.ssh import Sshd
from python.cli.conftest import Answer
from tandemlab import Workspace

Call = Callable[..., Answer]


def test_this_machine_is_a_target_from_the_start(call: Call, lab: Workspace) -> None:
    (row,) = call("compute", "list", "-o", "json").json
    assert (row["name"], row["kind"], row["active_runs"]) == ("local", "local", 0)
    (node,) = call("compute", "nodes", "local", "-o", "json").json
    assert node["cpus"] >= 1 and node["memory"] > 0
    assert call("compute", "show", "locl").status == 3
    assert call("compute", "detach", "local", "--yes").status == 5
    assert call("compute", "clean", "local").status == 5
    for address in ("vm.example.org", "ssh://ana:pw@vm.example.org"):
        assert call("compute", "attach", "vm", address).status == 2
    assert call("compute", "attach", "local", "ssh://ana@vm").status == 2
    assert call("compute", "attach", "c", "slurm", "--slots", "3").status == 2
    assert call("compute", "attach", "c", "slurm", "--jump", "ana@gate").status == 2
    assert call("compute", "attach", "c", "ssh://ana@vm", "--partition", "main").status == 2
    assert call("compute", "attach", "c", "ssh://ana@vm", "--num-executors", "2").status == 2
    assert call("compute", "attach", "c", "spark://m:7077", "--master", "yarn").status == 2
    assert call("compute", "attach", "c", "spark+ssh://ana@vm").status == 2
    assert call("compute", "attach", "c", "local[*]", "--deploy-mode", "cluster").status == 2
    answer = call("compute", "attach", "c", "yarn", "--spark-home", "/nowhere")
    assert answer.status == 9 and "no bin/spark-submit" in answer.err
    assert call("compute", "attach", "c", "http://head", "--jump", "ana@gate").status == 2
    assert call("compute", "attach", "c", "http://head", "--slots", "3").status == 2
    assert call("compute", "attach", "c", "http://127.0.0.1:1").status == 10
    answer = call("compute", "attach", "vm", "ssh://ana@127.0.0.1:1")
    assert answer.status == 10 and "cannot be reached" in answer.err


@pytest.mark.services
@pytest.mark.timeout(300)
def test_a_machine_is_attached_examined_used_and_forgotten(
    call: Call, lab: Workspace, ssh: Sshd, folder: Path
) -> None:
    answer = call(
        *("compute", "attach", "vm", f"ssh://{ssh.user}@127.0.0.1:{ssh.port}", "-o", "json"),
        *("--private-key", str(ssh.folder / "client"), "--host-key", ssh.host_key),
        *("--directory", str(ssh.new_folder()), "--python", sys.executable, "--slots", "3"),
    )
    assert (answer.json["kind"], answer.json["slots"]) == ("ssh", 3)
    steps = call("compute", "doctor", "vm", "-o", "json").json
    assert {"connection", "folder", "tools", "Python"} <= {step["step"] for step in steps}
    (folder / "hi.py").write_text("print('hello from there')")
    answer = call("run", "submit", "--target", "vm", "--wait", "hi.py")
    assert call("compute", "clean", "vm", "--unused-days", "0", "-o", "json").json == []
    assert answer.status == 0
    assert "hello from there" in call("run", "logs", "latest").out
    assert call("compute", "detach", "vm", "--yes").status == 0
    assert [row["name"] for row in call("compute", "list", "-o", "json").json] == ["local"]


@pytest.mark.services
@pytest.mark.timeout(300)
def test_a_script_is_given_to_spark(call: Call, lab: Workspace, spark: Spark, folder: Path) -> None:
    answer = call(
        *("compute", "attach", "spark", spark.master, "--ui", spark.ui, "-o", "json"),
        *("--spark-home", str(spark.home), "--python", sys.executable, "--slots", "1"),
        *("--directory", str(spark.new_folder()), "--executor-memory", "64g"),
    )
    assert (answer.json["kind"], answer.json["slots"]) == ("spark", 1)
    steps = call("compute", "doctor", "spark", "-o", "json").json
    assert {"Spark", "Java", "master", "workers"} <= {step["step"] for step in steps}
    (folder / "hi.py").write_text("print('hello from the driver')")
    submit = ("run", "submit", "--target", "spark", "--wait")
    answer = call(*submit, "hi.py")
    assert answer.status == 6 and "Initial job has not accepted any resources" in answer.err
    answer = call(*submit, "--executor-memory", "512m", "--conf", "spark.x=1", "hi.py")
    assert answer.status == 0 and "hello from the driver" in answer.out


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_cluster_is_attached_and_examined_in_the_shell(
    call: Call, lab: Workspace, ray: Ray, folder: Path
) -> None:
    answer = call(
        *("compute", "attach", "ray", ray.address, "-o", "json", "--python", sys.executable),
        *("--directory", str(ray.new_folder())),
    )
    assert (answer.json["kind"], answer.json["slots"]) == ("ray", None)
    steps = call("compute", "doctor", "ray", "-o", "json").json
    assert {"connection", "machines", "job", "Python"} <= {step["step"] for step in steps}
    (node,) = call("compute", "nodes", "ray", "-o", "json").json
    assert node["cpus"] == 4
    (folder / "hi.py").write_text("print('hello from there')")
    assert call("run", "submit", "--target", "ray", "--wait", "hi.py").status == 0
    assert "hello from there" in call("run", "logs", "latest").out


@pytest.mark.full
def test_the_file_of_a_cluster_of_ray_is_written(call: Call, folder: Path) -> None:
    pytest.importorskip("ray")
    write = ("compute", "write-ray-cluster", "lab.yaml")
    hosts = ("--head", "10.0.0.1", "--worker", "10.0.0.2", "--worker", "10.0.0.3", "--cpus", "8")
    answer = call(*write, *hosts, "--max-nodes", "1", "--idle", "600", "-o", "json")
    assert answer.json == {"file": "lab.yaml", "name": "lab"}
    written = yaml.safe_load((folder / "lab.yaml").read_text())
    (node,) = written["available_node_types"].values()
    assert (node["min_workers"], node["max_workers"], node["resources"]) == (0, 1, {"CPU": 8})
    assert (written["cluster_name"], written["idle_timeout_minutes"]) == ("lab", 10)
    assert written["provider"]["worker_ips"] == ["10.0.0.2", "10.0.0.3"]
    (folder / "aws.yaml").write_text(
        "provider: {type: aws, region: eu-central-1}\nnode_config: {InstanceType: m5.large}\n"
        "setup_commands: [pip install ray]\n"
    )
    cloud = ("--sections", "aws.yaml", "--max-nodes", "3", "--cpus", "2", "--name", "made")
    assert call(*write, *cloud).status == 0
    written = yaml.safe_load((folder / "lab.yaml").read_text())
    node = written["available_node_types"]["ray.worker.default"]
    assert (node["max_workers"], node["resources"]) == (3, {"CPU": 2})
    assert node["node_config"] == {"InstanceType": "m5.large"}
    assert written["setup_commands"] == ["pip install ray"]
    assert call(*write).status == 2
    assert call(*write, *hosts, "--max-nodes", "3").status == 2
    assert call(*write, "--sections", "nowhere.yaml").status != 0
    (folder / "aws.yaml").write_text("- provider")
    answer = call(*write, "--sections", "aws.yaml")
    assert answer.status == 2 and "no sections" in answer.err
    assert yaml.safe_load((folder / "lab.yaml").read_text()) == written
