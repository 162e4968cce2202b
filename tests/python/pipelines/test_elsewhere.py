"""Pipelines whose steps run on several machines, and read what steps on others have written."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

from plugins.ray import attach_ray
from plugins.slurm import Slurm, attach_slurm
from plugins.spark import attach_spark
from plugins.ssh import Sshd, attach_ssh
from tandemlab import Workspace
from tandemlab.bridge import write_frame
from tandemlab.pipelines import (
    CommandStep,
    ParallelRunConfig,
    ParallelRunStep,
    Pipeline,
    PythonScriptStep,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


def test_data_goes_from_machine_to_machine_and_each_content_once(
    workspace: Workspace, ssh: Sshd, slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = attach_ssh(workspace, ssh).settings["directory"]
    attach_slurm(workspace, slurm)
    write_frame(pandas.DataFrame({"x": range(3)}), Path("rows.arrow"))
    fetch = CommandStep(
        "cp ${inputs.raw} ${outputs.rows}; mkdir ${outputs.all}/sub; "
        "echo hello > ${outputs.all}/sub/word",
        "fetch",
        inputs={"raw": "rows.arrow"},
        outputs={"rows": "table", "all": "folder"},
    )
    Path("double.py").write_text(
        "import sys\nfrom tandemlab.bridge import read_frame, write_frame\n"
        "rows = read_frame(sys.argv[1], 'pandas')\n"
        "write_frame(rows.assign(x=2 * rows.x), sys.argv[2])\n"
    )
    double = PythonScriptStep(
        "double.py",
        arguments=[fetch.output("rows"), "${outputs.rows}"],
        outputs={"rows": "table"},
        compute_target="ssh",
    )
    read = CommandStep(
        "cat ${inputs.all}/sub/word; wc -c < ${inputs.rows}",
        "read",
        inputs={"all": fetch.output("all"), "rows": double.output()},
        compute_target="slurm",
    )
    again = CommandStep(
        "cat ${inputs.all}/sub/word; ! echo x >> ${inputs.all}/sub/word || [ $(id -u) = 0 ]",
        "again",
        inputs=[fetch.output("all")],
        compute_target="ssh",
    )
    run = workspace.experiment("study").submit(Pipeline([read, again]))
    run.wait_for_completion(timeout_seconds=120)
    assert run.get_output("double")["x"].tolist() == [0, 2, 4]
    size = run.find_output("double")[1].stat().st_size
    assert run.find_step_run("read")[0].read_log()[0].split() == ["hello", str(size)]
    kept = [each.name for each in Path(place, "blobs").rglob("*r") if each.is_file()]
    assert len(kept) == 2


@pytest.mark.parametrize("cluster", ["ray", "spark"])
def test_steps_of_a_cluster_read_what_others_have_written(
    workspace: Workspace,
    cluster: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    attach = {"ray": attach_ray, "spark": attach_spark}[cluster]
    attach(workspace, request.getfixturevalue(cluster))
    write_frame(pandas.DataFrame({"x": range(3)}), Path("rows.arrow"))
    fetch = CommandStep(
        "cp ${inputs.raw} ${outputs.rows}; mkdir -p ${outputs.all}/sub; "
        "echo hello > ${outputs.all}/sub/word",
        "fetch",
        inputs={"raw": "rows.arrow"},
        outputs={"rows": "table", "all": "folder"},
    )
    Path("double.py").write_text(
        "import sys\nfrom pathlib import Path\n"
        "from tandemlab.bridge import read_frame, write_frame\n"
        "rows = read_frame(sys.argv[1], 'pandas')\n"
        "write_frame(rows.assign(x=2 * rows.x), sys.argv[3])\n"
        "Path(sys.argv[4]).mkdir()\n"
        "Path(sys.argv[4], 'word').write_text(Path(sys.argv[2], 'sub/word').read_text() * 2)\n"
    )
    outputs = ["${outputs.rows}", "${outputs.all}/sub"]
    double = PythonScriptStep(
        "double.py",
        arguments=[fetch.output("rows"), fetch.output("all"), *outputs],
        outputs={"rows": "table", "all": "folder"},
        compute_target=cluster,
    )
    read = CommandStep("cat ${inputs.all}/sub/word", "read", inputs={"all": double.output("all")})
    run = workspace.experiment("study").submit(Pipeline([read]))
    run.wait_for_completion(timeout_seconds=300)
    assert run.get_output("double", "rows")["x"].tolist() == [0, 2, 4]
    assert run.find_step_run("read")[0].read_log()[0] == "hello\n" * 2


@pytest.mark.parametrize("target", ["ssh", "slurm"])
def test_finished_mini_batches_follow_a_step_to_its_machine(
    workspace: Workspace,
    target: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    attach = {"ssh": attach_ssh, "slurm": attach_slurm}[target]
    attach(workspace, request.getfixturevalue(target))
    write_frame(pandas.DataFrame({"x": range(3)}), Path("rows.arrow"))
    fetch = CommandStep(
        "cp ${inputs.raw} ${outputs.rows}",
        "fetch",
        inputs={"raw": "rows.arrow"},
        outputs={"rows": "table"},
    )
    log, gate = tmp_path / "log", tmp_path / "gate"
    Path("work.py").write_text(
        "import os\n"
        "def run(rows):\n"
        f"    open({str(log)!r}, 'a').write(f'{{rows.x.min()}}\\n')\n"
        f"    if rows.x.min() == 1 and not os.path.exists({str(gate)!r}):\n"
        "        raise ValueError('not yet')\n"
        "    return rows\n"
    )
    work = ParallelRunStep(
        "work",
        ParallelRunConfig("work.py", 1, process_count_per_node=1, run_max_try=1),
        inputs=[fetch.output()],
        outputs={"all": "table"},
        compute_target=target,
    )
    run = workspace.experiment("study").submit(Pipeline([work]))
    run.wait_for_completion(timeout_seconds=120, raise_on_error=False)
    gate.touch()
    again = run.resume()
    again.wait_for_completion(timeout_seconds=120)
    assert log.read_text().split() == ["0", "1", "1", "2"]
    assert again.get_output("work")["x"].tolist() == [0, 1, 2]
