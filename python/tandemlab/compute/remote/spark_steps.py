"""What a machine needs to submit to Spark, and how it is looked at."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tandemlab.compute.remote.probing import Step

_HERE = Path(__file__).parent
_PROBE = (_HERE / "spark_probe.sh").read_text(encoding="utf-8")
MASTER_CODE = (_HERE / "spark_master.py").read_text(encoding="utf-8")
_OLDEST_JAVA = {4: 17, 3: 8}  # by Spark's first number


def probe_spark(settings: Mapping[str, Any]) -> str:
    """Shell that looks for Spark on a machine."""
    asked = (settings.get(name) or "" for name in ("spark_home", "java_home", "hadoop_conf"))
    words = ["probe_spark", *asked, settings["master"], settings["ui"]]
    return f"spark_code={shlex.quote(MASTER_CODE)}\n{_PROBE}\n{shlex.join(words)}"


def spark_steps(found: Mapping[str, str], settings: Mapping[str, Any]) -> list[Step]:
    """What is right and wrong for Spark, in the order in which it is repaired."""
    master = str(settings["master"])
    steps = [_home(found, settings), _java(found)]
    if master == "yarn":
        return [*steps, _yarn(found)]
    if not master.startswith("local"):
        steps += [_master(found, master), _ui(found, master, str(settings["ui"]))]
    return steps


def _home(found: Mapping[str, str], settings: Mapping[str, Any]) -> Step:
    if "spark_home" in found:
        return Step("Spark", f"{found['spark_home']} ({found['spark_version']})")
    asked = settings.get("spark_home")
    where = f"in {asked}" if asked else "by SPARK_HOME, by pyspark of the Python, or on the path"
    return Step(
        "Spark",
        problem=f"There is no bin/spark-submit with its jars {where}.",
        repair="Give spark_home, the folder of a Spark or of an installed pyspark "
        "(pip install pyspark).",
        is_needed=True,
    )


def _java(found: Mapping[str, str]) -> Step:
    version = found.get("java_version", "")
    numbers = [int(each) for each in version.removeprefix("1.").split(".")[:1] if each.isdecimal()]
    major = numbers[0] if numbers else 0
    spark = found.get("spark_version", "").partition(".")[0]
    oldest = _OLDEST_JAVA.get(int(spark) if spark.isdecimal() else 0, 17)
    if major >= oldest:
        return Step("Java", f"{found['java']} ({version})")
    there = f"The Java there is {version}" if version else "No Java works there"
    return Step(
        "Java",
        problem=f"{there}; Spark {found.get('spark_version', '')} needs {oldest} or newer.",
        repair="Install one, or give java_home.",
        is_needed=True,
    )


def _yarn(found: Mapping[str, str]) -> Step:
    if "hadoop_conf" in found:
        return Step("YARN", found["hadoop_conf"])
    return Step(
        "YARN",
        problem="Nothing says where the cluster is: HADOOP_CONF_DIR and YARN_CONF_DIR are not set.",
        repair="Give hadoop_conf, the folder with yarn-site.xml.",
        is_needed=True,
    )


def _master(found: Mapping[str, str], master: str) -> Step:
    if "master_answers" in found:
        return Step("master", master)
    return Step(
        "master",
        problem=f"The master {master} does not answer.",
        repair="Start it, or attach the target again with its address.",
        is_needed=True,
        is_away=True,
    )


def _ui(found: Mapping[str, str], master: str, uis: str) -> Step:
    if "master_ui" not in found:
        problem = f"The master's web interface does not answer at {uis}."
    elif not set(_hosts(found["master_url"])) & set(_hosts(master)):
        problem = f"{found['master_ui']} belongs to another master, {found['master_url']}."
    elif found["workers"] == "0":
        return Step(
            "workers",
            problem=f"{master} has no workers: applications wait until there are some.",
            repair=f"Start one: spark-class org.apache.spark.deploy.worker.Worker {master}",
        )
    else:
        memory = int(found["worker_memory"]) / 1024
        size = f"{found['workers']} with {found['worker_cores']} cores and {memory:.1f} GB"
        return Step("workers", size)
    return Step(
        "workers",
        problem=f"{problem} It says what machines there are, and what is too large for them.",
        repair="Attach the target again with ui, the address of that master's web interface.",
    )


def _hosts(master: str) -> list[str]:
    return master.removeprefix("spark://").split(",")
