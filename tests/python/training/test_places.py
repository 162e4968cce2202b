"""Inputs, outputs, resources and several processes, in real jobs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from plugins.jobs import Submit
from plugins.waiting import wait_until
from tandemlab import ScriptRunConfig, Workspace
from tandemlab.compute.gpus import gpu_count
from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import Distribution, Input, Resources


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "x y.csv").write_text("a,b\n1,2\n")
    return folder


SHOW = "import sys; p = sys.argv[1]; print(open(p).read()); print(p)"


@pytest.mark.parametrize("mode", ["direct", "mount", "download"])
def test_a_file_reaches_the_script(submit: Submit, source: Path, mode: str) -> None:
    inputs = {"data": Input("data/x y.csv", mode)}
    run = submit(SHOW, ["${inputs.data}"], inputs=inputs)
    *content, path = run.read_log()[0].splitlines()
    assert content[:2] == ["a,b", "1,2"]
    where = source / "data" if mode == "direct" else run.directory / "inputs" / "data"
    assert path == str(where / "x y.csv")
    wait_until(lambda: not (run.directory / "inputs").exists())
    assert (source / "data" / "x y.csv").exists()
    assert run.get_details()["runDefinition"]["inputs"]["data"]["mode"] == mode


def test_a_downloaded_folder_can_be_changed_and_the_original_stays(
    submit: Submit, source: Path
) -> None:
    code = (
        "import os, pathlib; p = pathlib.Path(os.environ['TANDEMLAB_INPUT_data'])\n"
        "(p / 'x y.csv').write_text('new')"
    )
    run = submit(code, inputs={"data": Input("data", "download")})
    assert run.get_status() == "Completed"
    assert (source / "data" / "x y.csv").read_text() == "a,b\n1,2\n"


def test_outputs_are_files_of_the_run_or_go_where_they_are_wanted(
    submit: Submit, tmp_path: Path
) -> None:
    code = "import sys\nfor p in sys.argv[1:]: open(p + '/out.txt', 'w').write('1')"
    wanted = tmp_path / "somewhere" / "else"
    outputs = {"model": None, "plots": wanted}
    run = submit(code, ["${outputs.model}", "${outputs.plots}"], outputs=outputs)
    assert "outputs/model/out.txt" in run.get_file_names()
    assert (wanted / "out.txt").read_text() == "1"


def test_a_command_for_the_shell_has_paths_with_spaces(workspace: Workspace, source: Path) -> None:
    config = ScriptRunConfig(
        source,
        command='wc -l < "${inputs.data}" && echo done > ${outputs.model}/x',
        inputs={"data": "data/x y.csv"},
        outputs={"model": None},
    )
    run = workspace.experiment("jobs").submit(config)
    run.wait_for_completion(timeout_seconds=120)
    assert run.read_log()[0].strip() == "2"
    assert "outputs/model/x" in run.get_file_names()


def test_an_input_that_went_away_fails_the_run_by_its_name(
    workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "job.py").write_text("print('started')")
    config = ScriptRunConfig(source, "job.py", inputs={"data": "data/x y.csv"})
    experiment = workspace.experiment("jobs")
    monkeypatch.setattr(Workspace, "attend", lambda self: None)
    run = experiment.submit(config)
    (source / "data" / "x y.csv").unlink()
    monkeypatch.undo()
    workspace.attend()
    run.wait_for_completion(raise_on_error=False, timeout_seconds=120)
    assert run.get_status() == "Failed"
    assert "The input 'data' is not there" in run.get_details()["error"]["message"]
    assert run.read_log()[0] == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": {"data": "data/none.csv"}}, "'data' is not there"),
        ({"inputs": {"a b": "data"}}, "'a b' cannot be the name"),
        ({"arguments": ["${inputs.dat}"]}, r"inputs\.dat.*\n.*Did you mean \$\{inputs\.data\}"),
        ({"arguments": ["${outputs.model}"]}, r"Add model to outputs"),
        ({"script": None, "command": "ls ${inputs.x}"}, "has no such one"),
        ({"outputs": {"model": "here"}}, "no absolute path"),
        ({"distribution": Distribution(2, node_count=2)}, "is one machine, not 2"),
        ({"resources": Resources(cpus=10_000)}, "10000 processors; this machine has"),
        ({"resources": Resources(memory="9000TB")}, "bytes of memory; this machine has"),
        ({"resources": Resources(gpus=1000)}, "1000 GPUs; this machine has"),
    ],
)
def test_what_the_machine_or_the_source_lacks_is_refused(
    workspace: Workspace, source: Path, changes: Mapping[str, Any], words: str
) -> None:
    (source / "job.py").touch()
    config = ScriptRunConfig(source, "job.py", inputs={"data": "data"}).replace(**changes)
    with pytest.raises(InvalidInput, match=words):
        workspace.experiment("jobs").submit(config)
    assert workspace.runs_table()["run_id"] == []


def test_a_run_that_uses_too_much_memory_is_ended(submit: Submit) -> None:
    code = "import time\nkept = bytearray(400_000_000)\nprint('has it', flush=True)\ntime.sleep(90)"
    run = submit(code, resources=Resources(memory="200MB"))
    assert run.get_status() == "Failed"
    error = run.get_details()["error"]
    assert error["code"] == "memory_limit"
    assert "of 200 MB of memory" in error["message"]


def test_threads_and_gpus_are_those_that_were_asked_for(submit: Submit) -> None:
    code = (
        "import os; print(os.environ['OMP_NUM_THREADS'], repr(os.environ['CUDA_VISIBLE_DEVICES']))"
    )
    run = submit(code, resources=Resources(cpus=1, gpus=0))
    assert run.read_log()[0] == "1 ''\n"
    variables = {"OMP_NUM_THREADS": "7"}
    run = submit(code, resources=Resources(cpus=1, gpus=0), environment_variables=variables)
    assert run.read_log()[0] == "7 ''\n"


@pytest.mark.skipif(gpu_count() == 0, reason="this machine has no GPU")
def test_a_gpu_is_seen(submit: Submit) -> None:
    run = submit(
        "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])", resources=Resources(gpus=1)
    )
    assert run.read_log()[0] == "0\n"


MEET = """
import os, socket, sys
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
assert os.environ["OMPI_COMM_WORLD_RANK"] == os.environ["LOCAL_RANK"] == str(rank)
if rank == 0:
    with socket.create_server(place) as server:
        server.settimeout(100)
        said = []
        for _ in range(size - 1):
            with server.accept()[0] as other:
                said.append(other.recv(10).decode())
    print(sorted(said))
else:
    for _ in range(1000):
        try:
            with socket.create_connection(place, timeout=100) as other:
                other.sendall(f"rank {rank}".encode())
            break
        except ConnectionRefusedError:
            import time
            time.sleep(0.1)
"""


def test_processes_find_each_other(submit: Submit) -> None:
    run = submit(MEET, distribution=Distribution(3))
    assert run.get_status() == "Completed", run.read_log()[0]
    assert run.read_log()[0] == "['rank 1', 'rank 2']\n"


def test_when_one_process_fails_the_others_are_ended(submit: Submit) -> None:
    code = (
        "import os, sys, time\n"
        "if os.environ['RANK'] == '1': sys.exit(3)\n"
        "time.sleep(100)\nprint('went on')"
    )
    run = submit(code, distribution=Distribution(2))
    assert run.get_details()["exitCode"] == 3
    assert "The process of rank 1 ended with 3" in run.read_log()[0]
    assert "went on" not in run.read_log()[0]


def test_canceling_ends_all_processes(workspace: Workspace, source: Path, tmp_path: Path) -> None:
    marks = [tmp_path / "0", tmp_path / "1"]
    (source / "job.py").write_text(
        "import os, pathlib, sys, time\n"
        f"(pathlib.Path({str(tmp_path)!r}) / os.environ['RANK']).write_text(str(os.getpid()))\n"
        "time.sleep(100)"
    )
    config = ScriptRunConfig(source, "job.py", distribution=Distribution(2))
    run = workspace.experiment("jobs").submit(config)
    wait_until(lambda: all(mark.exists() and mark.read_text() for mark in marks))
    run.cancel()
    run.wait_for_completion(raise_on_error=False, timeout_seconds=120)
    assert run.get_status() == "Canceled"
    assert [Path("/proc", mark.read_text(), "cmdline").exists() for mark in marks] == [False, False]


def test_a_run_takes_as_many_slots_as_processors(
    workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one processor")
    monkeypatch.setenv("TANDEMLAB_SLOTS", "2")
    (source / "job.py").write_text(
        "import os, pathlib, sys\n"
        "mark = pathlib.Path(sys.argv[1])\n"
        "os.mkdir(mark)\n"  # fails where another runs beside it
        "import time; time.sleep(0.3)\n"
        "os.rmdir(mark)"
    )
    mark = str(source.parent / "mark")
    config = ScriptRunConfig(source, "job.py", [mark], resources=Resources(cpus=2))
    runs = [workspace.experiment("jobs").submit(config) for _ in range(3)]
    for run in runs:
        run.wait_for_completion(timeout_seconds=120)
    assert [run.get_status() for run in runs] == ["Completed"] * 3
    assert sys.executable in run.get_details()["runDefinition"]["command"]
