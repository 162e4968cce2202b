"""Jobs: what a compute target is asked to run, and how it goes."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from tandemlab.domain.asset_names import check_asset_name
from tandemlab.domain.environments import ContainerSection, Environment
from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.records import RunError
from tandemlab.domain.schemas import nearest
from tandemlab.domain.sizes import size_of
from tandemlab.domain.spark import USUAL_SPARK, SparkConfiguration

WORKERS_VARIABLE = "TANDEMLAB_WORKERS"
"""Names the engine, such as ``ray``, that a job may have start workers on other machines."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = re.compile(r"\$\{(inputs|outputs)\.([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Resources:
    """What a job needs of its machine, and may not exceed.

    Attributes:
        cpus: processors; as many slots of the machine are taken, and libraries for numbers
            (OpenMP, BLAS) start as many threads. None: one slot, and as many threads as they like.
        memory: most that all of its processes together may use, such as ``"4GB"``; more ends the
            job, and the run fails. None: no limit.
        gpus: GPUs that it sees; 0 hides all. None: all of them.

    Raises:
        InvalidInput: a number below its least, or a memory that is no size.

    >>> Resources(cpus=2, memory="1.5 GB").memory_bytes
    1500000000
    """

    cpus: int | None = None
    memory: str | None = None
    gpus: int | None = None

    def __post_init__(self) -> None:
        _check_count(self.cpus, "cpus", 1)
        _check_count(self.gpus, "gpus", 0)
        if not self.memory_bytes and self.memory is not None:
            raise InvalidInput(
                f"{self.memory!r} is no size of memory.", hint='Write one such as "4GB".'
            )

    @property
    def memory_bytes(self) -> int | None:
        """The memory in bytes; ``kB`` is 1000, ``KiB`` 1024."""
        return size_of(str(self.memory))


@dataclass(frozen=True, slots=True)
class Distribution:
    """Several processes of one script, which find each other as those of torchrun, MPI and TF do.

    Each has ``RANK``, ``LOCAL_RANK``, ``WORLD_SIZE``, ``LOCAL_WORLD_SIZE``, ``NODE_RANK``,
    ``MASTER_ADDR``, ``MASTER_PORT``, ``TF_CONFIG`` and ``OMPI_COMM_WORLD_RANK``, ``…_SIZE``,
    ``…_LOCAL_RANK``, ``…_LOCAL_SIZE``. When one fails the others are ended. All of them log to
    the one run: what all would log alike, log in the one of rank 0.

    Attributes:
        process_count_per_node: processes on each machine.
        node_count: machines; the targets ``local`` and those of SSH are one.

    Raises:
        InvalidInput: a count below 1.
    """

    process_count_per_node: int = 1
    node_count: int = 1

    def __post_init__(self) -> None:
        _check_count(self.process_count_per_node, "process_count_per_node", 1)
        _check_count(self.node_count, "node_count", 1)


class InputMode(str, Enum):
    """How an input reaches a job."""

    DIRECT = "direct"
    DOWNLOAD = "download"
    MOUNT = "mount"


@dataclass(frozen=True, slots=True)
class Input:
    """A file, a folder or a dataset that a script reads.

    Attributes:
        path: where it is, on the machine of the target; relative to the source directory.
        mode: ``direct``: the script gets this very path; ``mount``: a link to it in the run's
            directory; ``download``: a copy there, which the script may change. A dataset of files
            becomes a folder of links or copies; one of a table an Arrow file, whatever the mode.
        dataset: instead of a path: a registered dataset, ``NAME`` or ``NAME:VERSION``, or the
            definition of one, as JSON or (in a run's record) as plain data.
        is_sent: whether the path is on the machine of the workspace, whatever the target: then its
            files are sent to where the job runs. Outputs of other steps are.

    Raises:
        InvalidInput: another mode, or not one of path and dataset.
    """

    path: str = ""
    mode: str = InputMode.DIRECT.value
    dataset: str | Mapping[str, Any] | None = None
    is_sent: bool = False

    def __post_init__(self) -> None:
        modes = [mode.value for mode in InputMode]
        if self.mode not in modes:
            raise InvalidInput(f"An input is {', '.join(modes)}, not {self.mode!r}.")
        if bool(self.path) is (self.dataset is not None):
            raise InvalidInput("An input has a path or a dataset, and not both.")

    @property
    def is_table(self) -> bool:
        """Whether it is a dataset of a table, in a run's record."""
        return isinstance(self.dataset, Mapping) and self.dataset.get("kind") == "tabular"


class OutputMode(str, Enum):
    """How an output gets to its datastore."""

    MOUNT = "mount"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Output:
    """A folder that a script writes.

    Attributes:
        path: where it is, on the machine of the target, or in the datastore, with ``{run-id}`` and
            ``{output-name}`` for these; None for a folder whose files the run keeps, and in a
            datastore for ``dataset/{run-id}/{output-name}``.
        datastore: name of the datastore that the path is in; None for none.
        mode: ``mount``: the script writes to the datastore itself, where that is a folder of its
            machine; ``upload``, and for other datastores: its files are copied there when it has
            ended well.
        overwrite: whether files that are copied may replace others in the datastore.
        register_as: name of the dataset that its files become when the run completes, its next
            version; None for none.
        description: of that dataset.
        tags: of that dataset.
        table: how the files are read where that dataset is a table: ``format`` (``delimited``,
            ``parquet``, ``json_lines``, ``arrow``) and the arguments of such a dataset; None for a
            dataset of files.

    Raises:
        InvalidInput: another mode, a name that no dataset can have, or a description or tags
            without one.

    >>> Output(register_as="clean").path is None
    True
    """

    path: str | os.PathLike[str] | None = None
    register_as: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    datastore: str | None = None
    mode: str = OutputMode.MOUNT.value
    overwrite: bool = False
    table: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        modes = [mode.value for mode in OutputMode]
        if self.mode not in modes:
            raise InvalidInput(f"An output is {' or '.join(modes)}, not {self.mode!r}.")
        if self.register_as is not None:
            check_asset_name(self.register_as, kind="dataset")
        elif self.description or self.tags:
            raise InvalidInput(
                "An output that is not registered has no description and no tags.",
                hint="Give register_as, the name of the dataset.",
            )


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """The place of an output in a datastore, in a run's record.

    Attributes:
        is_copied: whether its files are copied there at the end, since the script cannot write
            there.
        is_kept: whether the run keeps its files, too.
    """

    datastore: str
    path: str
    is_copied: bool
    overwrite: bool = False
    is_kept: bool = False


def fill_output(path: str, run_id: str, name: str) -> str:
    """The path of a run's output.

    >>> fill_output("clean/{run-id}/{output-name}", "study_01", "rows")
    'clean/study_01/rows'
    """
    return path.replace("{run-id}", run_id).replace("{output-name}", name)


def _check_count(value: object, name: str, least: int) -> None:
    if value is not None and (
        not isinstance(value, int) or isinstance(value, bool) or value < least
    ):
        raise InvalidInput(f"{name} must be a whole number from {least} on, not {value!r}.")


def place_variable(kind: str, name: str) -> str:
    """The environment variable that holds the path of an input or output.

    >>> place_variable("inputs", "data")
    'TANDEMLAB_INPUT_data'
    """
    return f"TANDEMLAB_{kind.removesuffix('s').upper()}_{name}"


def by_output(value: Any, names: Sequence[str], maker: str, hint: str = "") -> Mapping[str, Any]:
    """What was made for each output: the value itself for one, and a mapping for several.

    Args:
        maker: what has made it, at the beginning of a sentence.

    Raises:
        InvalidInput: several are wanted, and it is no mapping of just these.

    >>> by_output(3, ["total"], "add()")
    {'total': 3}
    """
    if len(names) <= 1:
        return dict.fromkeys(names, value)
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise InvalidInput(f"{maker} must return a dict of {', '.join(names)}.", hint=hint)
    return value


def fill_places(text: str, places: Mapping[tuple[str, str], str]) -> str:
    """A text with the paths for ``${inputs.NAME}`` and ``${outputs.NAME}``.

    >>> fill_places("${inputs.data}/x.csv", {("inputs", "data"): "/srv"})
    '/srv/x.csv'
    """
    return _PLACE.sub(lambda found: places.get((found[1], found[2]), found[0]), text)


def check_places(texts: Iterable[str], known: Iterable[tuple[str, str]]) -> None:
    """Refuse texts that name an input or output that there is not.

    Raises:
        InvalidInput: one of them does.
    """
    there = list(known)
    for kind, name in (found for text in texts for found in _PLACE.findall(text)):
        if (kind, name) not in there:
            meant = nearest(name, [known for of, known in there if of == kind])
            raise InvalidInput(
                f"${{{kind}.{name}}} stands there, and the configuration has no such one.",
                hint=f"Did you mean ${{{kind}.{meant}}}?" if meant else f"Add {name} to {kind}.",
                details={"name": name},
            )


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What a run's definition says of its places and its machine.

    Attributes:
        outputs: by name; None for a folder of the run.
        required: the outputs that have to be there in the end, by name: the file in the folder,
            which is then the output's path, or an empty text for the folder itself.
        stored: the places in datastores of those outputs that have one.
        columns: those that tables have to have, by output: name and type of each.
    """

    inputs: Mapping[str, Input]
    outputs: Mapping[str, str | None]
    required: Mapping[str, str]
    stored: Mapping[str, StoredOutput]
    resources: Resources
    distribution: Distribution | None
    spark: SparkConfiguration
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def is_staged(self, output: str) -> bool:
        """Whether an output's files are the run's only until they are in a datastore."""
        return output in self.stored and not self.stored[output].is_kept

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> JobSettings:
        """Those of a definition.

        Raises:
            InvalidInput: they are of no such form.
        """
        distribution, spark = definition.get("distribution"), definition.get("spark")
        resources = definition.get("resources")
        outputs, stored = definition.get("outputs") or {}, definition.get("stored_outputs")
        try:
            found = cls(
                {key: Input(**each) for key, each in (definition.get("inputs") or {}).items()},
                dict(outputs),
                dict(definition.get("required_outputs") or {}),
                {key: StoredOutput(**each) for key, each in (stored or {}).items()},
                Resources(**resources) if resources else USUAL_RESOURCES,
                Distribution(**distribution) if distribution else None,
                SparkConfiguration(**spark) if spark else USUAL_SPARK,
                dict(definition.get("declared_columns") or {}),
            )
        except (TypeError, ValueError, AttributeError) as problem:
            raise InvalidInput(f"The run's settings are of no known form: {problem}.") from None
        texts: list[Any] = [each.path for each in found.inputs.values()]
        texts += [path for path in found.outputs.values() if path is not None]
        texts += found.required.values()
        if not all(isinstance(text, str) and "\0" not in text for text in texts):
            raise InvalidInput("The run's inputs and outputs have paths that are no texts.")
        for name in (*found.inputs, *found.outputs):
            if not _NAME.fullmatch(name):
                raise InvalidInput(
                    f"{name!r} cannot be the name of an input or output.",
                    hint="Use letters, digits and '_'.",
                )
        return found


@dataclass(frozen=True, slots=True)
class JobContainer:
    """The container that a job runs in.

    Attributes:
        mounts: folders and files of the machine that it sees, and whether it may write there.
    """

    section: ContainerSection
    mounts: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run for a run.

    Attributes:
        directory: the directory that the run owns; the command runs in ``work/`` below it.
        place: path of that directory where the job runs.
        command: program and arguments.
        environment: variables beyond those that the target has anyway.
        max_seconds: time limit; None for none.
        max_memory: most bytes that its processes may use together; None for no limit.
        processes: how many processes of the command run on each machine, told apart by ``RANK``;
            None for one that is told nothing.
        nodes: machines.
        gpus: how many GPUs it sees; None for all.
        container: what the command runs in; None for the machine itself.
        snapshot: digest of the source's manifest; None for a job without files.
        language: of the script; None for a command.
        cpus: processors that it asks for; None if it does not say.
        inputs: by name; where they are for it stands in `environment`.
        output_folders: paths of the folders that it writes into.
        packages: the environment that it runs in; None for none.
        spark: what it asks of Spark, on a target of Spark.
        max_concurrent_runs: how many jobs of its array run at once, at most; None for no limit.
        cpus_per_worker: processors of each of its workers, where these may be on other machines of
            the target; `cpus` are then those of all. None for a job that is on one machine.
        warm: modules that are loaded before the job begins, where a process that has done so can be
            forked for it; None for a job that has to have a process of its own.
        sharing: the folder for what the jobs pass on that may be run by the same fork, one after
            the other, and have it in common; None for one that has a fork for itself.
        sweep: id of the run whose trial it is: all of them differ in their arguments alone. None
            for a job that is no trial.
    """

    run_id: str
    directory: Path
    place: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    max_seconds: float | None = None
    max_memory: int | None = None
    processes: int | None = None
    nodes: int = 1
    gpus: int | None = None
    container: JobContainer | None = None
    snapshot: str | None = None
    language: str | None = None
    cpus: int | None = None
    inputs: Mapping[str, Input] = field(default_factory=dict)
    output_folders: Sequence[str] = ()
    packages: Environment | None = None
    spark: SparkConfiguration = field(default_factory=SparkConfiguration)
    max_concurrent_runs: int | None = None
    cpus_per_worker: int | None = None
    warm: Sequence[str] | None = None
    sharing: str | None = None
    sweep: str | None = None


@dataclass(frozen=True, slots=True)
class StartedJob:
    """A job that a target has started, and what the target knows it by."""

    job: Job
    handle: str


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job is doing.

    Attributes:
        is_running: whether any part of it may still run, or will.
        exit_code: process exit status, negative for a signal; None while it runs, or when the
            process went away without leaving one.
        memory: bytes that its processes use together, if the job has a limit and the target knows.
        is_waiting: whether the target's own queue still has it.
        problem: why the target ended it, or never started it, in the target's own words.
    """

    is_running: bool
    exit_code: int | None = None
    memory: int | None = None
    is_waiting: bool = False
    problem: RunError | None = None


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much a target runs.

    Attributes:
        slots: how many processors' jobs run at once; None for a target with a queue of its own,
            which may be given any number.
        used: how many of its jobs run or wait now.
    """

    slots: int | None
    used: int


@dataclass(frozen=True, slots=True)
class ComputeStatus:
    """How far a target is that was asked for.

    Attributes:
        provisioning_state: ``Creating``, ``Updating``, ``Succeeded`` or ``Failed``.
        error: why it has failed; None if it has not.
    """

    provisioning_state: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a target.

    Attributes:
        state: as the target calls it, such as ``"idle"``.
        cpus: processors.
        memory: in bytes; None if it is not known.
        gpus: GPUs.
    """

    name: str
    state: str
    cpus: int
    memory: int | None = None
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that a target keeps for jobs to come.

    Attributes:
        kind: ``snapshots``, ``blobs``, ``environments``; ``core`` and ``r`` are tandemlab itself.
        name: its digest; the number of files for ``blobs``.
        size: in bytes; contents that others share are counted with each.
    """

    kind: str
    name: str
    size: int


def exit_code_of(status: int) -> int:
    """The exit code behind a shell's exit status: 128 + n stands for signal n.

    >>> exit_code_of(3), exit_code_of(137)
    (3, -9)
    """
    return 128 - status if 128 < status < 128 + signal.NSIG else status


def exit_error(exit_code: int | None, last_line: str = "") -> RunError | None:
    """Why a job with that exit code failed; None if it did not.

    Args:
        last_line: the last thing that it printed.

    >>> exit_error(0) is None, exit_error(-9).code
    (True, 'signal')
    """
    ending = f" Last output: {last_line}" if last_line else ""
    if exit_code == 0:
        return None
    if exit_code is None:
        return RunError(
            "The process went away without leaving an exit status: it was killed with all its "
            f"group, or the machine was restarted.{ending}",
            "lost",
        )
    if exit_code < 0:
        cause = " The system may have run out of memory." if exit_code == -signal.SIGKILL else ""
        name = _signal_name(-exit_code)
        return RunError(f"The script was killed by signal {name}.{cause}{ending}", "signal")
    return RunError(f"The script ended with exit code {exit_code}.{ending}", "exit")


def _signal_name(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)


USUAL_RESOURCES = Resources()
"""Those of what asks for nothing."""
