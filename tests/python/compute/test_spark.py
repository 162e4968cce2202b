"""Spark: what its cluster runs, refuses and forgets, and what a run hears of it."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.spark import Spark, attach_spark
from plugins.ssh import Sshd, reached_by
from plugins.waiting import wait_until
from tandemlab import Run, ScriptRunConfig, SparkCompute, SparkConfiguration, Workspace
from tandemlab.compute.processes import start_time
from tandemlab.compute.remote.launchers import FUNCTIONS
from tandemlab.compute.remote.spark import refuse_cluster_mode
from tandemlab.compute.remote.spark_submit import Spark as SparkJobs
from tandemlab.domain import InvalidInput, MissingDependency, RunFailed, RunStatus, Unavailable
from tandemlab.domain.jobs import Job

SECONDS = 180

SESSION = """
import os, sys, time
from pyspark.sql import SparkSession
from tandemlab import Run
import scale
run = Run.get_context()
context = SparkSession.builder.appName("mine").getOrCreate().sparkContext
run.log("total", context.parallelize(range(100), 1).map(scale.twice).sum())
run.log("memory", context.getConf().get("spark.executor.memory"))
def sent(_): return open("words.txt").read() + open("more/words.txt").read()
run.log("sent", context.parallelize([0], 1).map(sent).first())
loader = context._jvm.Thread.currentThread().getContextClassLoader()
run.log("jar", loader.getResource("in_jar.txt") is not None)
while not os.path.exists(sys.argv[1]): time.sleep(0.02)
run.log("again", context.parallelize(range(10), 1).count())
"""


@pytest.fixture
def submit(workspace: Workspace, tmp_path: Path) -> Callable[..., Run]:
    source = tmp_path / "source"
    source.mkdir()

    def submit_script(code: str, suffix: str = "py", **options: Any) -> Run:
        name = f"script_{len(list(source.iterdir()))}.{suffix}"
        (source / name).write_text(code)
        (source / "scale.py").write_text("def twice(x): return 2 * x\n")
        config = ScriptRunConfig(source, name, compute_target="spark", **options)
        return workspace.experiment("jobs").submit(config)

    return submit_script


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_script_has_the_cluster_and_its_run_names_the_application(
    workspace: Workspace, spark: Spark, submit: Callable[..., Run], tmp_path: Path
) -> None:
    attach_spark(workspace, spark)
    gate = tmp_path / "gate"
    (tmp_path / "source" / "words.txt").write_text("a file, ")
    for name in ("more.zip", "classes.jar"):
        with zipfile.ZipFile(tmp_path / "source" / name, "w") as packed:
            packed.writestr("words.txt", "an archive")
            packed.writestr("in_jar.txt", "a resource")
    asked = SparkConfiguration(
        executor_memory="600 MB",
        py_files=["scale.py"],
        files=["words.txt"],
        archives=["more.zip#more"],
        jars=["classes.jar"],
    )
    run = submit(SESSION, arguments=[str(gate)], spark=asked)
    found = {"total": 9900, "memory": "600m", "sent": "a file, an archive", "jar": True}
    wait_until(lambda: run.get_metrics() == found or run.status.is_terminal, SECONDS)
    assert run.get_metrics() == found
    (application,) = spark.state()["activeapps"]
    assert application["name"] == "mine" and application["memoryperexecutor"] == 600
    wait_until(lambda: "spark.url" in run.get_properties(), SECONDS)
    found = run.get_properties()
    assert found["spark.application_id"] == application["id"]
    assert found["spark.url"] == f"{spark.ui}/app/?appId={application['id']}"
    spark.kill("master")
    other = submit("print('later')")
    gate.touch()
    wait_until(lambda: run.get_metrics().get("again") == 10, SECONDS)
    assert other.status in (RunStatus.QUEUED, RunStatus.PREPARING, RunStatus.RUNNING)
    spark.start_master()
    for each in (run, other):
        each.wait_for_completion(timeout_seconds=SECONDS)
    assert other.read_log()[0] == "later\n"
    assert b"app ID" in run.read_file("system/spark.log")


def executors_of(application: str) -> list[int]:
    """Pids of the executors of an application on this machine."""
    words = ["pgrep", "-f", f"CoarseGrainedExecutorBackend.*{application}"]
    found = subprocess.run(words, capture_output=True, check=False)
    return [int(word) for word in found.stdout.split()]


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_canceled_run_leaves_no_driver_executors_or_application(
    workspace: Workspace, spark: Spark, ssh: Sshd, submit: Callable[..., Run]
) -> None:
    target = attach_spark(workspace, spark, **reached_by(ssh))
    assert [step.name for step in target.check() if step.problem] == []
    assert target.location == f"{spark.master} from ssh://{ssh.user}@127.0.0.1:{ssh.port}"
    run = submit(
        "import time\nfrom pyspark import SparkContext\n"
        "SparkContext.getOrCreate().parallelize([1]).foreach(lambda _: time.sleep(600))"
    )
    wait_until(lambda: "spark.application_id" in run.get_properties(), SECONDS)
    application = run.get_properties()["spark.application_id"]
    wait_until(lambda: executors_of(application), SECONDS)
    pids = executors_of(application)
    run.cancel()
    run.wait_for_completion(raise_on_error=False, timeout_seconds=SECONDS)
    assert run.status is RunStatus.CANCELED
    wait_until(lambda: not any(start_time(pid) for pid in pids), SECONDS)
    wait_until(lambda: not spark.state()["activeapps"], SECONDS)
    assert application in [each["id"] for each in spark.state()["completedapps"]]


@pytest.mark.services
@pytest.mark.timeout(600)
def test_what_spark_refuses_fails_with_its_own_words(
    workspace: Workspace, spark: Spark, submit: Callable[..., Run], tmp_path: Path
) -> None:
    target = attach_spark(workspace, spark)
    assert [(node.name, node.state, node.cpus, node.memory) for node in target.nodes()] == [
        ("127.0.0.1", "alive", 2, 2 << 30)
    ]
    assert [step.name for step in target.check() if step.problem] == []
    assert target.location == f"{spark.master} from this machine"
    refused = {
        r"2 cores and 2048 MB\. Spark would wait: Initial job has not accepted any resources": {
            "executor_memory": "64g"
        },
        r"Could not reserve enough space": {"driver_memory": "900t"},
        r"unresolved dependency: no\.such#thing;1\.0: not found": {
            "packages": ["no.such:thing:1.0"],
            "configuration": {"spark.jars.ivySettings": str(tmp_path / "nowhere.xml")},
        },
    }
    (tmp_path / "nowhere.xml").write_text(
        '<ivysettings><settings defaultResolver="none"/><resolvers>'
        f'<filesystem name="none"><artifact pattern="{tmp_path}/[artifact].jar"/></filesystem>'
        "</resolvers></ivysettings>"
    )
    runs = [submit("print(1)", spark=SparkConfiguration(**each)) for each in refused.values()]
    told = ScriptRunConfig(tmp_path, command="command -v spark-submit; echo $PYSPARK_SUBMIT_ARGS")
    command = workspace.experiment("jobs").submit(told.replace(compute_target="spark"))
    command.wait_for_completion(timeout_seconds=SECONDS)
    program, options = command.read_log()[0].splitlines()
    assert program == f"{spark.home}/bin/spark-submit"
    assert options.startswith(f"--master {spark.master} --deploy-mode client")
    for words, run in zip(refused, runs, strict=True):
        with pytest.raises(RunFailed, match=words):
            run.wait_for_completion(timeout_seconds=SECONDS)
    with pytest.raises(InvalidInput, match="currently not supported"):
        submit("print(1)", spark=SparkConfiguration(deploy_mode="cluster"))
    with pytest.raises(InvalidInput, match=r"is not in .*source"):
        submit("print(1)", spark=SparkConfiguration(jars=["no.jar"]))


@pytest.mark.services
def test_the_words_on_cluster_mode_are_those_of_this_spark(spark: Spark) -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_cluster_mode(spark.master, "cluster", "r")
    submit = [spark.home / "bin" / "spark-submit", "--master", spark.master]
    done = subprocess.run(
        [*submit, "--deploy-mode", "cluster", "x.R"], capture_output=True, text=True, check=False
    )
    words = refused.value.message.partition(": ")[2]
    assert done.returncode == 1 and words.startswith("Cluster") and words in done.stderr


@pytest.mark.services
def test_what_is_missing_is_told_when_it_is_attached(workspace: Workspace, spark: Spark) -> None:
    away = "spark://127.0.0.1:1"
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (MissingDependency, "no bin/spark-submit with its jars in /tmp", {"spark_home": "/tmp"}),
        (MissingDependency, "No Java works there", {"java_home": "/nowhere"}),
        (MissingDependency, "HADOOP_CONF_DIR", {"master": "yarn"}),
        (Unavailable, f"{away} does not answer", {"master": away}),
    ]
    for error, words, options in cases:
        with pytest.raises(error, match=words):
            attach_spark(workspace, spark, **options)
    problems = [
        each.problem for each in attach_spark(workspace, spark, ui="http://127.0.0.1:1").check()
    ]
    assert any("web interface does not answer" in each for each in problems)


def test_what_cannot_be_an_option_is_refused() -> None:
    for options in (
        {"master": "http://127.0.0.1"},
        {"master": "local[*]", "deploy_mode": "cluster"},
        {"master": "yarn", "ui": "rm:8088"},
        {"master": "yarn", "slots": 0},
        {"master": "yarn", "configuration": {"sql.x": "1"}},
    ):
        with pytest.raises(InvalidInput):
            SparkCompute.attach_configuration(**options)  # type: ignore[arg-type]
    for asked in ({"executor_memory": "much"}, {"num_executors": 0}, {"packages": ["a:b"]}):
        with pytest.raises(InvalidInput):
            SparkConfiguration(**asked)  # type: ignore[arg-type]


YARN = {
    "client": "--deploy-mode client --name r1 --driver-memory 1g --executor-memory 4g"
    " --executor-cores 2 --num-executors 3 --py-files a.py,b.zip --queue prod"
    " --conf spark.pyspark.driver.python=/usr/bin/python3 --conf spark.ui.enabled=false"
    " job.py --n 3",
    "cluster": "--deploy-mode cluster --name r1 --driver-memory 1g --executor-memory 4g"
    " --executor-cores 2 --num-executors 3 --py-files a.py,b.zip --queue prod"
    " --conf spark.yarn.appMasterEnv.HADOOP_CONF_DIR=/etc/hadoop"
    " --conf spark.yarn.appMasterEnv.PYSPARK_PYTHON=/usr/bin/python3"
    " --conf spark.yarn.appMasterEnv.TANDEMLAB_RUN_ID=r1 --conf spark.ui.enabled=false"
    " job.py --n 3",
}


@pytest.mark.parametrize("mode", ["client", "cluster"])
def test_what_yarn_would_be_asked_for(tmp_path: Path, mode: str) -> None:
    settings = {
        **SparkCompute.attach_configuration(
            "yarn", driver_memory="1g", executor_memory="2g", executor_cores=2
        ).settings,
        "spark_home": "/opt/spark",
        "java": "/opt/java/bin/java",
        "python": "/usr/bin/python3",
        "hadoop_conf": "/etc/hadoop",
    }
    asked = SparkConfiguration(
        configuration={"spark.ui.enabled": "false"},
        executor_memory="4g",
        num_executors=3,
        py_files=["a.py", "b.zip"],
        queue="prod",
        deploy_mode=mode,
    )
    words = ["/usr/bin/python3", "job.py", "--n", "3"]
    known = {"TANDEMLAB_RUN_ID": "r1"}
    job = Job("r1", tmp_path, "/srv/runs/r1", words, known, language="python", spark=asked)
    job = SparkJobs(settings).there(job)
    variables = job.environment
    assert job.command[4:] == [
        "/opt/spark/bin/spark-submit",
        "--master",
        "yarn",
        *YARN[mode].split(),
    ]
    assert variables["JAVA_HOME"] == "/opt/java" and variables["HADOOP_CONF_DIR"] == "/etc/hadoop"


def test_an_application_of_yarn_is_named_and_ended_by_its_id(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "r1"
    for folder in ("job", "spool", "files/system"):
        (run / folder).mkdir(parents=True)
    (run / "job" / "exit").write_text("0\n")
    (run / "files" / "system" / "spark.log").write_text(
        "INFO Client: Application report for application_1795760000000_0007 (state: ACCEPTED)\n"
        "\t tracking URL: http://rm:8088/proxy/application_1795760000000_0007/\n"
    )
    (tmp_path / "yarn").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (tmp_path / "yarn").chmod(0o755)
    settings = {**SparkCompute.attach_configuration("yarn").settings, "python": "python3"}
    functions = f"root={tmp_path}\n{FUNCTIONS}\n{SparkJobs(settings).functions}"
    script = f"{functions}\n(follow r1 0 0)\n(follow r1 0 0)\nend r1 handle TERM"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, check=True)
    assert done.stdout.startswith(b"state r1 ended 0\n")
    (spool,) = (run / "spool").iterdir()
    events = [json.loads(line) for line in spool.read_text().splitlines()]
    assert [(event["seq"], event["name"], event["value"]) for event in events] == [
        (1, "spark.application_id", "application_1795760000000_0007"),
        (2, "spark.url", "http://rm:8088/proxy/application_1795760000000_0007/"),
    ]
    asked = (tmp_path / "asked").read_text()
    assert asked == "application -kill application_1795760000000_0007\n"
