"""Attaching Spark: a master, and the machine from which scripts are submitted to it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tandemlab.compute.remote.attaching import AttachConfiguration, Login, given
from tandemlab.domain import InvalidInput
from tandemlab.domain.spark import SparkConfiguration

STANDALONE = "spark://"
_MASTER = re.compile(r"spark://[^\s/,]+:\d+(,[^\s/,]+:\d+)*|yarn|local(\[(\*|[1-9]\d*)\])?")
# Spark's own words (SparkSubmit.scala), by the master that says them.
_NO_CLUSTER_MODE = {
    "spark": "Cluster deploy mode is currently not supported for {} applications on standalone "
    "clusters.",
    "local": 'Cluster deploy mode is not compatible with master "local"',
}


class SparkCompute:
    """A cluster of Spark, or Spark on one machine.

    >>> found = SparkCompute.attach_configuration("spark://10.0.0.7:7077", executor_memory="4g")
    >>> found.settings["ui"]
    'http://10.0.0.7:8080'
    """

    @staticmethod
    def attach_configuration(
        master: str,
        address: str | None = None,
        *,
        ui: str | None = None,
        spark_home: str | None = None,
        java_home: str | None = None,
        hadoop_conf: str | None = None,
        deploy_mode: str = "client",
        driver_memory: str | None = None,
        executor_memory: str | None = None,
        executor_cores: int | None = None,
        num_executors: int | None = None,
        configuration: Mapping[str, str] | None = None,
        username: str | None = None,
        ssh_port: int = 22,
        password: str | None = None,
        private_key_file: str | os.PathLike[str] | None = None,
        private_key_passphrase: str | None = None,
        host_key: str | None = None,
        jump: str | None = None,
        jump_host_key: str | None = None,
        directory: str | None = None,
        slots: int | None = None,
        python: str | None = None,
        rscript: str | None = None,
    ) -> AttachConfiguration:
        """What `ComputeTarget.attach` takes.

        Args:
            master: ``spark://HOST:PORT`` (several ``HOST:PORT`` with commas where one stands by),
                ``yarn``, or ``local[*]`` for the submitting machine alone.
            address: of the machine that submits, where the drivers run; None for this one.
            ui: address of the master's web interface, ``http://HOST:8080`` if None; of YARN's
                resource manager, such as ``http://HOST:8088``. It says what machines there are.
            spark_home: folder of a Spark, or of an installed pyspark; if None, ``SPARK_HOME`` of
                that machine, the pyspark of its Python, or the spark-submit on its search path.
            java_home: of Java; ``JAVA_HOME``, or the one on the search path if None.
            hadoop_conf: folder with ``yarn-site.xml``; ``HADOOP_CONF_DIR`` of that machine if None.
            deploy_mode: ``client`` or ``cluster`` (YARN alone), of runs that do not say.
            driver_memory: this and the next four of runs that do not say: see
                `SparkConfiguration`.
            executor_memory: likewise.
            executor_cores: likewise.
            num_executors: likewise.
            configuration: properties of Spark for all runs.
            username: there; this and what belongs to SSH as for
                `RemoteCompute.attach_configuration`.
            ssh_port: of its SSH server.
            password: goes to the keyvault, as the next two do.
            private_key_file: path of the private key, or its text.
            private_key_passphrase: of that key.
            host_key: type and key of that machine.
            jump: machine through which it is reached.
            jump_host_key: of that machine.
            directory: folder there for all that runs.
            slots: how many drivers run at once; as many as that machine has processors if None.
            python: program that runs scripts of Python, and Spark's workers.
            rscript: program that runs scripts of R.

        Raises:
            InvalidInput: a value that cannot be one, or a mode that the master does not have.
        """
        if not _MASTER.fullmatch(master):
            raise InvalidInput(
                f"{master!r} is no master of Spark.",
                hint="Write spark://HOST:PORT, yarn, local[*] or local[4].",
            )
        settings: dict[str, Any] = {}
        credentials: dict[str, str] = {}
        if address is not None:
            login = Login(
                address=address,
                port=ssh_port,
                username=username,
                password=password,
                private_key=private_key_file,
                passphrase=private_key_passphrase,
                host_key=host_key,
                jump=jump,
                jump_host_key=jump_host_key,
            )
            settings, credentials = login.described()
        if slots is not None and (type(slots) is not int or slots < 1):
            raise InvalidInput(f"slots must be a whole number from 1 on, not {slots!r}.")
        usual = SparkConfiguration(
            configuration=configuration or {},
            driver_memory=driver_memory,
            executor_memory=executor_memory,
            executor_cores=executor_cores,
            num_executors=num_executors,
            deploy_mode=deploy_mode,
        )
        refuse_cluster_mode(master, deploy_mode, "python")
        names = ("driver_memory", "executor_memory", "executor_cores", "num_executors")
        sizes = given({name: getattr(usual, name) for name in names})
        named = {
            "directory": directory,
            "slots": slots,
            "python": python,
            "rscript": rscript,
            "spark_home": spark_home,
            "java_home": java_home,
            "hadoop_conf": hadoop_conf,
        }
        own = {
            "master": master,
            "ui": _checked_ui(ui) if ui is not None else _usual_ui(master),
            "spark": {"deploy_mode": deploy_mode, "configuration": usual.configuration, **sizes},
        }
        return AttachConfiguration("spark", {**settings, **given(named), **own}, credentials)


def _usual_ui(master: str) -> str:
    """Where the web interfaces of masters are if nothing else is said."""
    if not master.startswith(STANDALONE):
        return ""
    hosts = (each.rpartition(":")[0] for each in master.removeprefix(STANDALONE).split(","))
    return ",".join(f"http://{host}:8080" for host in hosts)


def _checked_ui(ui: str) -> str:
    for each in ui.split(","):
        found = urlsplit(each)
        if found.scheme not in ("http", "https") or not found.hostname or found.password:
            raise InvalidInput(
                f"{each!r} is no address of a web interface.", hint="Write http://HOST:8080."
            )
    return ",".join(each.rstrip("/") for each in ui.split(","))


def refuse_cluster_mode(master: str, deploy_mode: str, language: str) -> None:
    """Refuse drivers in the cluster where Spark does.

    Raises:
        InvalidInput: it does; the message has its words.
    """
    kind = re.split(r"\W", master)[0]
    if deploy_mode == "cluster" and kind in _NO_CLUSTER_MODE:
        words = _NO_CLUSTER_MODE[kind].format(
            {"python": "python", "r": "R"}.get(language, language)
        )
        raise InvalidInput(
            f"Spark says of {master}: {words}",
            hint="Leave out deploy_mode: the driver then runs where the target submits.",
        )
