"""``.runconfig`` files of SDK v1: what they say in our words, and what has no meaning here.

Such files are YAML with keys in camelCase, most of them whole dumps of a ``RunConfiguration``. A
setting is passed over in silence only where it is empty or as SDK v1 wrote it by itself.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.domain.documents import Document
from tandemlab.domain.environments import (
    ContainerSection,
    Environment,
    PythonSection,
    RPackage,
    RSection,
)
from tandemlab.domain.jobs import Distribution, Input, InputMode
from tandemlab.domain.schemas import Mistake, conform, key_of, nearest
from tandemlab.domain.spark import SparkConfiguration
from tandemlab.domain.warnings import ConfigurationWarning
from tandemlab.environments.files import conda_environment, from_conda_specification
from tandemlab.training.run_configuration import RunConfiguration

_OWN_IMAGES = "mcr.microsoft.com/azureml/"
_REFERENCE = re.compile(r"\$\{?AZUREML_DATAREFERENCE_(\w+?)\}?")
_TEXT = {"type": ["string", "number", "null"]}
_TEXTS = {"type": ["array", "null"], "items": {"type": ["string", "number"]}}
_COUNT = {"type": ["integer", "null"], "minimum": 1}
_FLAG = {"type": ["boolean", "null"]}
_VARIABLES = {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number"]}}
_PROPERTIES = {
    "type": ["object", "null"],
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
_USUAL_PROPERTIES = {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": "1"}


def _section(**properties: Any) -> dict[str, Any]:
    return {"type": ["object", "null"], "properties": properties}


_DATASET = _section(name=_TEXT, version=_TEXT, id=_TEXT)
_DATA_PATH = _section(datastoreName=_TEXT, relativePath=_TEXT)


def _named(**properties: Any) -> dict[str, Any]:
    return {"type": ["object", "null"], "additionalProperties": _section(**properties)}


# What is read, with its type. Everything else is compared with _USUAL.
_SCHEMA = _section(
    framework=_TEXT,
    communicator=_TEXT,
    script=_TEXT,
    command={"anyOf": [_TEXT, _TEXTS]},
    arguments=_TEXTS,
    target=_TEXT,
    maxRunDurationSeconds={"type": ["number", "null"], "exclusiveMinimum": 0},
    environmentVariables=_VARIABLES,
    spark=_section(configuration=_PROPERTIES),
    dataReferences=_named(dataStoreName=_TEXT, pathOnDataStore=_TEXT, mode=_TEXT),
    data=_named(
        dataLocation=_section(dataset=_DATASET, dataPath=_DATA_PATH),
        mechanism=_TEXT,
    ),
    nodeCount=_COUNT,
    mpi=_section(processCountPerNode=_COUNT, nodeCount=_COUNT),
    pytorch=_section(processCount=_COUNT, nodeCount=_COUNT),
    docker=_section(useDocker=_FLAG, shmSize=_TEXT, arguments=_TEXTS),
    environment=_section(
        name=_TEXT,
        environmentVariables=_VARIABLES,
        docker=_section(
            enabled=_FLAG,
            baseImage=_TEXT,
            shmSize=_TEXT,
            arguments=_TEXTS,
            baseImageRegistry=_section(address=_TEXT),
        ),
        python=_section(
            userManagedDependencies=_FLAG,
            interpreterPath=_TEXT,
            condaDependenciesFile=_TEXT,
            condaDependencies={"type": ["object", "null"]},
        ),
        spark=_section(
            repositories=_TEXTS,
            packages={
                "type": ["array", "null"],
                "items": _section(group=_TEXT, artifact=_TEXT, version=_TEXT),
            },
        ),
        r=_section(
            rscriptPath=_TEXT,
            rVersion=_TEXT,
            customUrlPackages=_TEXTS,
            githubPackages={
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "required": ["repository"],
                    "properties": {"repository": {"type": "string"}, "authToken": _TEXT},
                },
            },
            cranPackages={
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": _TEXT, "version": _TEXT, "repository": _TEXT},
                },
            },
        ),
    ),
)

_MPI = ("OpenMpi", "IntelMpi", "Mpi")
_USUAL: dict[str, Any] = {
    "framework": ("Python", "R", "PyTorch", "TensorFlow"),
    "communicator": ("None", *_MPI),
    "autoPrepareEnvironment": True,
    "priority": None,
    "credentialPassthrough": False,
    "identity": None,
    "environment": {
        "version": ...,
        "assetId": ...,
        "autoRebuild": True,
        "inferencingStackVersion": None,
        "python": {"baseCondaEnvironment": None},
        "docker": {
            "baseDockerfile": None,
            "buildContext": None,
            "sharedVolumes": True,
            "baseImageRegistry": {
                "username": None,
                "password": None,
                "registryIdentity": None,
            },
            "platform": {"os": "Linux", "architecture": "amd64"},
        },
        "spark": {"repositories": ..., "packages": ..., "precachePackages": True},
        "databricks": {
            "mavenLibraries": None,
            "pypiLibraries": None,
            "rcranLibraries": None,
            "jarLibraries": None,
            "eggLibraries": None,
        },
        "r": {
            "userManaged": False,
            "snapshotDate": None,
            "bioconductorPackages": None,
        },
    },
    "history": {
        "outputCollection": True,
        "snapshotProject": True,
        "directoriesToWatch": (["logs"], ["outputs", "logs"]),
    },
    "spark": {"configuration": ...},
    "docker": {"sharedVolumes": True},
    "hdi": {"yarnDeployMode": ...},
    "tensorflow": {"workerCount": 1, "parameterServerCount": (0, 1)},
    "mpi": {},
    "pytorch": {"communicationBackend": ...},
    "paralleltask": {
        "maxRetriesPerWorker": 0,
        "workerCountPerNode": 1,
        "terminalExitCodes": None,
        "configuration": None,
    },
    "inputs": None,
    "outputData": None,
    "datacaches": None,
    "sourceDirectoryDataStore": None,
    "amlcompute": {
        "vmSize": None,
        "vmPriority": None,
        "location": None,
        "retainCluster": False,
        "name": None,
        "clusterMaxNodeCount": (None, 1),
    },
    "kubernetescompute": {"instanceType": None},
    "autoClusterComputeSpecification": None,
    "applicationEndpoints": None,
}
_REASONS = {
    "framework": "scripts run by the interpreter of their language",
    "environment.docker.baseDockerfile": "build it by podman or docker, and give the image",
    "environment.docker.buildContext": "build it by podman or docker, and give the image",
    "environment.docker.baseImageRegistry": "log in to the registry by podman or docker",
    "environment.python.baseCondaEnvironment": "environments are made anew",
    "environment.r.snapshotDate": "give a repository of that date instead",
    "environment.r.bioconductorPackages": "give Bioconductor's repository instead",
    "amlcompute": "the compute target says what machines there are",
    "outputData": "what the script writes to outputs/ is kept; give others in outputs",
}


def read_runconfig(document: Document, home: Path) -> RunConfiguration:
    """The configuration that a ``.runconfig`` file describes.

    Args:
        home: the source directory, beside which its files are.

    Raises:
        InvalidInput: a value of another type than SDK v1 would write, with its line and key.

    Warns:
        ConfigurationWarning: settings that have no meaning here, with lines and keys.
    """
    value = document.value if document.value is not None else {}
    read, mistakes = conform(value, _SCHEMA, document.written)
    if mistakes:
        raise document.error(mistakes)
    notices = [*_left_over(value, _SCHEMA, _USUAL, ())]
    environment = _environment(document, read.get("environment") or {}, home, notices)
    environment = _in_container(read, environment, notices)
    section = (read.get("environment") or {}).get("python") or {}
    variables = {
        **((read.get("environment") or {}).get("environmentVariables") or {}),
        **(read.get("environmentVariables") or {}),
    }
    interpreter = section.get("interpreterPath") if section.get("userManagedDependencies") else None
    if environment is not None and environment.container is not None:
        interpreter = None  # it is a program in the image
    script, command = read.get("script") or None, read.get("command") or None
    inputs, given = _inputs(read, notices), read.get("arguments") or ()
    configuration = RunConfiguration(
        script=None if command else script,
        command=command,
        arguments=None if command else [_in_places(each, inputs) for each in given] or None,
        compute_target=read.get("target") or "local",
        environment_variables=variables,
        interpreter=None if interpreter in (None, "", "python") else interpreter,
        max_run_duration_seconds=read.get("maxRunDurationSeconds"),
        environment=environment,
        inputs=inputs,
        distribution=_distribution(read, notices),
        spark=_spark(read),
    )
    if notices:
        told = [f"{document.place(each.path)}: {each.message}" for each in notices]
        text = f"{document.source} has settings without a meaning here:\n  " + "\n  ".join(told)
        warnings.warn(text, ConfigurationWarning, stacklevel=5)
    return configuration


def _inputs(read: Mapping[str, Any], notices: list[Mistake]) -> dict[str, Input]:
    """Data references and datasets, whose datastores are those of the workspace."""
    found: dict[str, Input] = {}
    for name, each in (read.get("dataReferences") or {}).items():
        where = (each.get("dataStoreName"), each.get("pathOnDataStore"))
        found |= _input(name, ("dataReferences", name), where, each.get("mode"), notices)
    for name, each in (read.get("data") or {}).items():
        location, mode = each.get("dataLocation") or {}, each.get("mechanism")
        dataset, path = location.get("dataset") or {}, location.get("dataPath") or {}
        if dataset.get("name"):
            reference = ":".join(filter(None, (dataset["name"], dataset.get("version"))))
            found[name] = Input(mode=_mode(mode), dataset=reference)
        else:
            where = (path.get("datastoreName"), path.get("relativePath"))
            found |= _input(name, ("data", name), where, mode, notices)
    return found


def _input(
    name: str,
    key: tuple[str, str],
    where: tuple[str | None, str | None],
    mode: str | None,
    notices: list[Mistake],
) -> dict[str, Input]:
    from tandemlab.data import DataPath

    datastore, path = where
    if not datastore or (mode or "").lower() == "upload":
        told = "left out; give its path in outputs" if datastore else "left out; it names no data"
        notices.append(Mistake(key, told))
        return {}
    named = DataPath(datastore, (path or "").strip("/")).as_named_input(name)
    download = _mode(mode) == InputMode.DOWNLOAD.value
    return {name: (named.as_download() if download else named.as_mount()).to_input()}


def _mode(told: str | None) -> str:
    known = [each.value for each in InputMode]
    return told.lower() if told and told.lower() in known else InputMode.MOUNT.value


def _in_places(argument: Any, inputs: Mapping[str, Input]) -> Any:
    """An argument with the places of inputs for the variables that SDK v1 writes for them."""
    found = _REFERENCE.fullmatch(argument) if isinstance(argument, str) else None
    return f"${{inputs.{found[1]}}}" if found and found[1] in inputs else argument


def _distribution(read: Mapping[str, Any], notices: list[Mistake]) -> Distribution | None:
    """MPI has processes for each node, PyTorch a number of all of them."""
    nodes = read.get("nodeCount") or 1
    mpi, pytorch = read.get("mpi") or {}, read.get("pytorch") or {}
    if read.get("communicator") in _MPI:
        nodes = max(nodes, mpi.get("nodeCount") or 1)
        return Distribution(mpi.get("processCountPerNode") or 1, nodes)
    if read.get("framework") == "PyTorch" and pytorch.get("processCount"):
        nodes = max(nodes, pytorch.get("nodeCount") or 1)
        return Distribution(-(-pytorch["processCount"] // nodes), nodes)
    if nodes > 1:
        message = "left out; neither MPI nor PyTorch says how its nodes find each other"
        notices.append(Mistake(("nodeCount",), message))
    return None


def _spark(read: Mapping[str, Any]) -> SparkConfiguration:
    """Properties beyond those that SDK v1 writes by itself, and packages of the environment."""
    written = (read.get("spark") or {}).get("configuration") or {}
    section = (read.get("environment") or {}).get("spark") or {}
    packages = [
        ":".join(str(each.get(part) or "") for part in ("group", "artifact", "version"))
        for each in section.get("packages") or ()
    ]
    return SparkConfiguration(
        {name: item for name, item in written.items() if str(item) != _USUAL_PROPERTIES.get(name)},
        packages=packages,
        repositories=[str(each) for each in section.get("repositories") or ()],
    )


def _left_over(
    value: Mapping[str, Any], schema: Mapping[str, Any], usual: Mapping[str, Any], path: Any
) -> Any:
    """What was neither read nor is as usual."""
    properties = schema.get("properties", {})
    for key, item in value.items():
        here = (*path, key)
        if key not in properties and key not in usual:
            meant = nearest(key, [*properties, *usual])
            ending = f"; did you mean {meant!r}?" if meant else ""
            yield Mistake(here, f"no such key{ending}")
        elif isinstance(item, Mapping) and isinstance(usual.get(key), Mapping):
            yield from _left_over(item, properties.get(key, {}), usual[key], here)
        elif key in usual and not _is_usual(item, usual[key]):
            yield Mistake(here, _reason(here))


def _is_usual(value: Any, usual: Any) -> bool:
    if usual is ... or value in (None, "", [], {}):
        return True
    if isinstance(value, Mapping):
        return all(_is_usual(item, None) for item in value.values())
    return bool(value in usual if isinstance(usual, tuple) else value == usual)


def _reason(path: tuple[str | int, ...]) -> str:
    for end in range(len(path), 0, -1):
        if reason := _REASONS.get(key_of(path[:end])):
            return f"left out; {reason}"
    return "left out"


def _environment(
    document: Document, content: Mapping[str, Any], home: Path, notices: list[Mistake]
) -> Environment | None:
    python, r = content.get("python") or {}, content.get("r") or {}
    name = content.get("name") or "environment"
    made = Environment(name)
    if not python.get("userManagedDependencies"):
        made = _conda(document, python, home, made)
    kept = [each for each in made.python.requirements if not _is_of_azure(each)]
    dropped = [each for each in made.python.requirements if _is_of_azure(each)]
    if dropped:
        path = ("environment", "python")
        message = f"packages of Azure ML are left out: {', '.join(dropped)}"
        notices.append(Mistake(path, message))
    packages = _r_packages(document, r)
    if any(each.get("authToken") for each in r.get("githubPackages") or ()):
        told = "tokens are left out; packages come without signing in"
        notices.append(Mistake(("environment", "r", "githubPackages"), told))
    rscript = r.get("rscriptPath") or None
    made = made.replace(
        python=PythonSection(
            tuple(kept), made.python.version, None, made.python.conda, made.python.channels
        ),
        r=RSection(
            packages,
            rscript=None if rscript == "Rscript" else rscript,
            version=r.get("rVersion") or None,
        ),
    )
    return made if made.to_dict().keys() - {"name"} else None


def _in_container(
    read: Mapping[str, Any], environment: Environment | None, notices: list[Mistake]
) -> Environment | None:
    """The environment in the image that SDK v1 would have run it in, if it is one of the user's."""
    section, more = read.get("environment") or {}, read.get("docker") or {}
    docker, python = section.get("docker") or {}, section.get("python") or {}
    image = docker.get("baseImage")
    if not image or image.startswith(_OWN_IMAGES):
        return environment
    reason = None
    if not docker.get("enabled") and not more.get("useDocker"):
        reason = "docker is not enabled beside it"
    elif environment is not None and environment.has_packages:
        reason = "packages are installed on the machine, not into an image; give one that has them"
    if reason is not None:
        notices.append(Mistake(("environment", "docker", "baseImage"), f"left out; {reason}"))
        return environment
    registry = (docker.get("baseImageRegistry") or {}).get("address")
    made = environment or Environment(section.get("name") or "environment")
    interpreter = python.get("interpreterPath")
    return made.replace(
        python=PythonSection(interpreter=None if interpreter in ("", "python") else interpreter),
        container=ContainerSection(
            f"{registry}/{image}" if registry else image,
            shm_size=more.get("shmSize") or docker.get("shmSize") or None,
            arguments=tuple(more.get("arguments") or docker.get("arguments") or ()),
        ),
    )


def _r_packages(document: Document, r: Mapping[str, Any]) -> tuple[RPackage, ...]:
    cran = [
        RPackage(each["name"], each.get("version") or None, each.get("repository") or None)
        for each in r.get("cranPackages") or ()
    ]
    key = "githubPackages"
    try:
        github = [RPackage.from_github(each["repository"]) for each in r.get(key) or ()]
        key = "customUrlPackages"
        return (*cran, *github, *map(RPackage.from_url, r.get(key) or ()))
    except InvalidInput as problem:
        mistake = Mistake(("environment", "r", key), problem.message.rstrip("."))
        raise document.error([mistake], problem.hint) from None


def _conda(
    document: Document, python: Mapping[str, Any], home: Path, made: Environment
) -> Environment:
    inline, file = python.get("condaDependencies"), python.get("condaDependenciesFile")
    try:
        if inline:
            return conda_environment(made.name, inline)
        if file:
            found = [folder for folder in (home, home / ".azureml") if (folder / file).is_file()]
            return from_conda_specification(made.name, (found or [home])[0] / file)
    except InvalidInput as problem:
        path = ("environment", "python", "condaDependenciesFile")
        raise document.error([Mistake(path, problem.message.rstrip("."))]) from None
    return made


def _is_of_azure(requirement: str) -> bool:
    return bool(re.match(r"azureml[-_]", requirement, re.IGNORECASE))
