"""Jobs that are given to ``spark-submit``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tandemlab.compute.remote.launchers import Processes
from tandemlab.compute.remote.probing import Step
from tandemlab.compute.remote.spark import STANDALONE, refuse_cluster_mode
from tandemlab.compute.remote.spark_steps import MASTER_CODE, probe_spark, spark_steps
from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import Job, JobSettings
from tandemlab.domain.spark import SparkConfiguration, megabytes

_EXECUTOR_MEMORY = 1024  # Spark's default, in MiB
_IN_PATH = "PATH=$SPARK_HOME/bin:$PATH; export PATH\n"
_COMMAND = f'{_IN_PATH}exec "$@"'
# What Spark itself logs goes to a file of its own, and from there its reason to submit nothing.
_SUBMIT = f"""{_IN_PATH}trap : HUP INT TERM
log=../files/system/spark.log
mkdir -p ../files/system
"$@" 2>> "$log"
status=$?
[ "$status" = 0 ] ||
  sed -n 's/^Exception in thread "main" [^:]*: //p; s/^Error: //p' "$log" | head -n 1
exit "$status"
"""
_SUBMIT_TO_CLUSTER = f"""submit=$1
shift
set -- "$submit" --conf "spark.yarn.appMasterEnv.PYTHONPATH=$PYTHONPATH" "$@"
{_SUBMIT}"""


class Spark(Processes):
    """Jobs are processes of the submitting machine that run ``spark-submit``.

    Args:
        settings: ``master``, ``ui``, ``spark_home`` and ``spark``, which all runs have in common.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._master = str(settings["master"])
        self._usual = SparkConfiguration(**settings["spark"])
        variables = {
            "spark_master": self._master,
            "spark_ui": settings["ui"],
            "spark_python": settings["python"],
            "spark_code": MASTER_CODE,
        }
        lines = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
        own = (Path(__file__).parent / "spark.sh").read_text(encoding="utf-8")
        self.functions = "\n".join([*lines, Processes.functions, own])

    @staticmethod
    def question(settings: Mapping[str, Any]) -> str:
        """Spark, Java and the master."""
        return probe_spark(settings)

    @staticmethod
    def steps(found: Mapping[str, str], settings: Mapping[str, Any]) -> list[Step]:
        """What is right and wrong with these."""
        return spark_steps(found, settings)

    def check(self, name: str, settings: JobSettings) -> None:
        """Spark itself makes the processes of a run; and cluster mode is not everywhere."""
        if settings.distribution is not None:
            raise InvalidInput(
                f"Runs on {name!r} are spread by Spark, and not by `distribution`.",
                hint="Set num_executors and executor_cores in `spark`.",
            )
        super().check(name, settings)
        self._mode_of(settings.spark, "python")

    def _mode_of(self, spark: SparkConfiguration, language: str) -> str:
        mode = spark.deploy_mode or self._usual.deploy_mode or "client"
        refuse_cluster_mode(self._master, mode, language)
        return mode

    def script(self, job: Job, script: str) -> str:
        """The script with the size of an executor, which the master is asked for first."""
        if job.language is None or not self._master.startswith(STANDALONE):
            return script
        memory, cores = self._executor(job.spark)
        first, _, rest = script.partition("\n")
        return "\n".join([first, f"# executor: {cores} {memory}", rest])

    def _executor(self, spark: SparkConfiguration) -> tuple[int, int]:
        """Memory in MiB and processors."""
        properties = {**self._usual.configuration, **spark.configuration}
        memory = spark.executor_memory or self._usual.executor_memory
        cores = spark.executor_cores or self._usual.executor_cores
        with_unit = memory or properties.get("spark.executor.memory", f"{_EXECUTOR_MEMORY}m")
        as_size = SparkConfiguration(executor_memory=with_unit).executor_memory
        return megabytes(as_size or ""), cores or int(properties.get("spark.executor.cores", 1))

    def there(self, job: Job) -> Job:
        """``spark-submit`` for a script; what a command starts finds the master by itself."""
        settings = self._settings
        own = {
            "SPARK_HOME": str(settings["spark_home"]),
            "JAVA_HOME": str(Path(settings["java"]).parent.parent),
        }
        if "hadoop_conf" in settings:
            own["HADOOP_CONF_DIR"] = str(settings["hadoop_conf"])
        program = job.command[0] if job.language == "python" else str(settings["python"])
        variables = {**own, "PYSPARK_PYTHON": program, **job.environment}
        mode = self._mode_of(job.spark, job.language or "python")
        options = ["--master", self._master, *self._options(job, mode, variables)]
        if job.language is None:
            submit = shlex.join([*options, "pyspark-shell"])
            variables = {"MASTER": self._master, "PYSPARK_SUBMIT_ARGS": submit, **variables}
            command = ["/bin/sh", "-c", _COMMAND, "command", *job.command]
        else:
            submit = f"{settings['spark_home']}/bin/spark-submit"
            script = _SUBMIT_TO_CLUSTER if mode == "cluster" else _SUBMIT
            words = [submit, *options, *job.command[1:]]
            command = ["/bin/sh", "-c", script, "submit", *words]
        return replace(job, command=command, environment=variables)

    def _options(self, job: Job, mode: str, variables: Mapping[str, str]) -> Iterator[str]:
        """Options of ``spark-submit``: those of all runs, then those of this one."""
        spark, usual = job.spark, self._usual
        yield from ("--deploy-mode", mode, "--name", job.run_id)
        sizes = ("driver_memory", "driver_cores", "executor_memory", "executor_cores")
        for name in sizes:
            value = getattr(spark, name) or getattr(usual, name)
            if value is not None:
                yield from (f"--{name.replace('_', '-')}", str(value))
        yield from self._count(spark)
        for name in ("py_files", "jars", "files", "archives", "packages", "repositories"):
            if words := getattr(spark, name):
                yield from (f"--{name.replace('_', '-')}", ",".join(words))
        if spark.queue:
            yield from ("--queue", spark.queue)
        properties = {
            **self._programs(job, mode, variables),
            **usual.configuration,
            **spark.configuration,
        }
        for name, value in properties.items():
            yield from ("--conf", f"{name}={value}")

    def _count(self, spark: SparkConfiguration) -> Sequence[str]:
        """A standalone cluster counts processors instead of executors."""
        count = spark.num_executors or self._usual.num_executors
        if count is None:
            return ()
        if not self._master.startswith(STANDALONE):
            return ("--num-executors", str(count))
        cores = spark.executor_cores or self._usual.executor_cores
        alone = () if cores else ("--executor-cores", "1")
        return (*alone, "--total-executor-cores", str(count * (cores or 1)))

    def _programs(self, job: Job, mode: str, variables: Mapping[str, str]) -> dict[str, str]:
        """Properties that say what runs the script: on this machine, or in YARN's cluster."""
        if mode == "cluster":
            own = ("SPARK_HOME", "JAVA_HOME", "PYTHONPATH")
            names = (name for name in variables if name not in own)
            return {f"spark.yarn.appMasterEnv.{name}": variables[name] for name in names}
        if job.language == "r":
            return {"spark.r.driver.command": job.command[0]}
        program = job.command[0] if job.language == "python" else self._settings["python"]
        return {"spark.pyspark.driver.python": program}
