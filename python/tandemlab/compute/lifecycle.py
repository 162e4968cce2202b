"""The two ends of a job, the same for every target: making it ready, and taking in what it left."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from tandemlab.compute.outputs import STAGED, keep_outputs
from tandemlab.compute.targets import LOCAL, EnvironmentBuilder, Target
from tandemlab.compute.work_folders import COLLECTED, SPARE, clear_work, lay_out_work, remove
from tandemlab.domain import (
    AlreadyExists,
    FileRecord,
    InvalidInput,
    InvalidState,
    NewRun,
    NotFound,
    RunError,
    RunRecord,
    RunStatus,
    TandemlabError,
)
from tandemlab.domain.asset_names import AssetReference, check_version
from tandemlab.domain.assets import AssetRole, AssetUsage
from tandemlab.domain.environments import Environment
from tandemlab.domain.jobs import (
    Input,
    InputMode,
    Job,
    JobContainer,
    JobSettings,
    JobState,
    Resources,
    exit_error,
    fill_output,
    fill_places,
    place_variable,
)
from tandemlab.domain.names import check_file_name
from tandemlab.domain.sweeps import TRIAL
from tandemlab.environments import BuiltEnvironment
from tandemlab.store.blobs import BlobStore
from tandemlab.store.durable import link_or_copy, storage_errors, write_file, write_json
from tandemlab.store.folder import WorkspaceFolder
from tandemlab.store.run_files import (
    INPUTS_FILE,
    LOG_FILE,
    STOP_FILE,
    file_sizes,
    folder_files,
    place_file,
)
from tandemlab.store.snapshots import SnapshotFile, read_manifest
from tandemlab.store.spool import settle
from tandemlab.tracking.logs import TAIL_BYTES, last_lines, telling_line

_log = logging.getLogger("tandemlab.agent")
_COPIED = ("stored_outputs", "registered_outputs")
_FEW_FILES, _FEW_BYTES = 100, 16 << 20
BUILD_LOG = "system/environment_build.log"


def job_of(folder: WorkspaceFolder, record: RunRecord, target: Target) -> Job:
    """The job of a submitted run, with its paths as they are at its target."""
    definition = record.definition
    place = target.place_of(record.id)
    settings = _settings_of(record, target)
    places = places_of(settings, place)
    command, variables = in_environment(
        [fill_places(word, places) for word in definition["command"]],
        {
            **_of_session(record, target),
            **_threads(settings.resources),
            **definition.get("environment_variables", {}),
        },
        definition,
        target.environments,
    )
    distribution = settings.distribution
    return Job(
        run_id=record.id,
        directory=folder.run_directory(record.id),
        place=place,
        command=command,
        environment={
            **variables,
            **{place_variable(*place): path for place, path in places.items()},
            "PYTHONUNBUFFERED": "1",
            "TANDEMLAB_RUN_ID": record.id,
            "TANDEMLAB_RUN_DIR": place,
            "TANDEMLAB_WORKSPACE": os.path.dirname(os.path.dirname(place)),
            "TANDEMLAB_EXPERIMENT": record.experiment,
        },
        max_seconds=definition.get("max_run_duration_seconds"),
        max_memory=settings.resources.memory_bytes,
        processes=distribution.process_count_per_node if distribution else None,
        nodes=distribution.node_count if distribution else 1,
        gpus=settings.resources.gpus,
        container=_container_of(folder, definition, settings, places),
        snapshot=record.snapshot,
        language=definition["language"],
        cpus=settings.resources.cpus,
        inputs=settings.inputs,
        output_folders=output_folders(settings, place),
        packages=Environment.from_dict(found) if (found := definition.get("environment")) else None,
        spark=settings.spark,
        max_concurrent_runs=definition.get("max_concurrent_runs"),
        cpus_per_worker=definition.get("cpus_per_worker"),
        warm=definition.get("warm"),
        sharing=_sharing(folder, record, settings.resources),
        sweep=record.parent if TRIAL in record.properties else None,
    )


def _sharing(folder: WorkspaceFolder, record: RunRecord, resources: Resources) -> str | None:
    """What jobs of a pipeline's run share a process for; memory is measured by process."""
    spare = _spare_of(folder, record)
    return None if spare is None or resources.memory_bytes is not None else str(spare)


def _spare_of(folder: WorkspaceFolder, record: RunRecord) -> Path | None:
    """Where a job that shares a process leaves what the next one may have; None for all others."""
    if record.parent is None or not record.definition.get("shares_process"):
        return None
    return folder.run_directory(record.parent) / SPARE


def _settings_of(record: RunRecord, target: Target) -> JobSettings:
    """A run's settings; elsewhere the files of a dataset, and what is sent, are always copies."""
    settings = JobSettings.of(record.definition)
    if target.is_here:
        return settings
    inputs = {
        name: replace(found, mode=InputMode.DOWNLOAD.value)
        if found.is_sent or found.dataset is not None
        else found
        for name, found in settings.inputs.items()
    }
    return replace(settings, inputs=inputs)


def _of_session(record: RunRecord, target: Target) -> Mapping[str, str]:
    """Variables of the submitting session; those that name places mean nothing elsewhere."""
    found: Mapping[str, str] = record.context.get("environment", {})
    if target.is_here and "container" not in record.definition.get("environment", {}):
        return found
    return {name: value for name, value in found.items() if name == "TZ"}


def _container_of(
    folder: WorkspaceFolder,
    definition: Mapping[str, Any],
    settings: JobSettings,
    places: Mapping[tuple[str, str], str],
) -> JobContainer | None:
    """A run's container: it sees the workspace, and inputs and outputs that are elsewhere."""
    if "container" not in definition.get("environment", {}):
        return None
    section = Environment.from_dict(definition["environment"]).container
    assert section is not None
    mounts = {found.path: False for found in settings.inputs.values()}
    mounts |= {
        places["outputs", name]: True for name, path in settings.outputs.items() if path is not None
    }
    return JobContainer(section, {str(folder.path): True, **mounts})


def slots_of(record: RunRecord) -> int:
    """How many slots of its machine a run takes: one for each processor that it asks for."""
    return JobSettings.of(record.definition).resources.cpus or 1


def _threads(resources: Resources) -> dict[str, str]:
    """How libraries for numbers learn how many threads to start."""
    if resources.cpus is None:
        return {}
    names = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMEXPR_NUM", "POLARS_MAX", "RAYON_NUM")
    return {f"{name}_THREADS": str(resources.cpus) for name in names}


def places_of(settings: JobSettings, directory: str) -> dict[tuple[str, str], str]:
    """Where a run's inputs and outputs are, by kind and name, below its directory or elsewhere."""
    places = {}
    for name, found in settings.inputs.items():
        places["inputs", name] = _place_of(name, found, f"{directory}/inputs/{name}")
    for name, path in settings.outputs.items():
        whole = _output_place(name, path, settings, directory)
        places["outputs", name] = os.path.join(whole, settings.required.get(name, "")).rstrip("/")
    return places


def output_folders(settings: JobSettings, directory: str) -> list[str]:
    """The folders that a run writes into: an output that must be there is a file in one."""
    places = places_of(settings, directory)
    found = [(places["outputs", name], settings.required.get(name)) for name in settings.outputs]
    return [os.path.dirname(place) if file else place for place, file in found]


def _output_place(name: str, path: str | None, settings: JobSettings, directory: str) -> str:
    if path is not None:
        return fill_output(path, os.path.basename(directory), name)
    return f"{directory}/{STAGED if settings.is_staged(name) else 'work/outputs'}/{name}"


def _place_of(name: str, found: Input, folder: str) -> str:
    if found.is_table:
        return f"{folder}/{name}.arrow"
    is_direct = found.mode == InputMode.DIRECT.value
    if isinstance(found.dataset, Mapping):
        return str(found.dataset["definition"]["source"]["paths"][0] if is_direct else folder)
    return found.path if is_direct else f"{folder}/{os.path.basename(found.path.rstrip('/'))}"


def lay_out_places(
    settings: JobSettings, directory: Path, *, is_here: bool
) -> dict[str, dict[str, Any]]:
    """Link or copy the inputs of a run, and make the folders of its outputs.

    Args:
        is_here: whether the job will find them here; if not, its target lays out what has a path.

    Returns:
        What each of the datasets among the inputs is now.

    Raises:
        InvalidInput: an input is not there.
    """
    remove(directory / "inputs")
    places = places_of(settings, str(directory))
    datasets = {}
    for name, found in settings.inputs.items():
        target = Path(places["inputs", name])
        if found.dataset is not None:
            datasets[name] = _delivered(name, found, target)
        elif found.is_sent and not is_here:
            _lay_out(name, found, target, _link)
        elif is_here:
            _lay_out(name, found, target)
    for folder in map(Path, output_folders(settings, str(directory)) if is_here else ()):
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    return datasets


def _delivered(name: str, found: Input, target: Path) -> dict[str, Any]:
    from tandemlab.data.delivery import deliver

    try:
        return deliver(found, target)
    except TandemlabError as error:
        raise type(error)(
            f"The input {name!r} cannot be read. {error.message}",
            hint=error.hint,
            details=error.details,
        ) from error


def _record_inputs(
    folder: WorkspaceFolder, record: RunRecord, datasets: Mapping[str, Mapping[str, Any]]
) -> None:
    """Keep what a run's datasets are as it begins: a file of the run, and what uses them."""
    if not datasets:
        return
    file = folder.run_directory(record.id) / "files" / INPUTS_FILE
    with storage_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, datasets)
    for name, found in datasets.items():
        if found["id"] is not None:
            reference = AssetReference.of(found["id"], kind="dataset")
            with suppress(NotFound):  # it was unregistered since
                folder.add_usage(
                    AssetUsage(
                        run_id=record.id,
                        role=AssetRole.INPUT,
                        label=name,
                        kind="dataset",
                        name=reference.name,
                        version=check_version(reference.version),
                    )
                )


def _link(source: str | Path, target: str | Path) -> None:
    """The same file: it goes elsewhere, and nobody changes it here."""
    link_or_copy(Path(source), Path(target))


def _lay_out(
    name: str, found: Input, target: Path, copy: Callable[..., object] = shutil.copy2
) -> None:
    source = Path(found.path)
    if not source.exists():
        raise InvalidInput(f"The input {name!r} is not there: {source}.")
    if found.mode == InputMode.DIRECT.value:
        return
    with storage_errors(target):
        target.parent.mkdir(parents=True)
        if found.mode == InputMode.MOUNT.value:
            target.symlink_to(source)
        elif source.is_dir():
            shutil.copytree(source, target, copy_function=copy)
        else:
            copy(source, target)


def in_environment(
    command: Sequence[str],
    variables: Mapping[str, str],
    definition: Mapping[str, Any],
    environments: EnvironmentBuilder,
) -> tuple[Sequence[str], Mapping[str, str]]:
    """A run's command and variables with the programs and libraries of its environment."""
    if "environment" not in definition:
        return command, variables
    place = environments.locate(Environment.from_dict(definition["environment"]))
    language = definition["language"]
    if place.container is not None:
        program = {"python": place.python, "r": place.rscript}.get(language)
        return [program or command[0], *command[1:]], {**place.variables, **variables}
    libraries = [*place.r_libraries, variables.get("R_LIBS", "")]
    added = {"R_LIBS": os.pathsep.join(filter(None, libraries))} if place.r_libraries else {}
    if language != "r" and place.python is not None:
        added["PYTHONPATH"] = ""  # what the submitting session adds is not of this environment
    program = {"python": place.python, "r": place.rscript}.get(language)
    folders = [os.path.dirname(path) for path in _found_by_name(place, language) if path]
    if folders:
        added["PATH"] = os.pathsep.join([*folders, variables.get("PATH", os.defpath)])
    return [program or command[0], *command[1:]], {**place.variables, **variables, **added}


def _found_by_name(place: BuiltEnvironment, language: str | None) -> list[str | None]:
    """Programs of an environment that scripts and commands find on the search path."""
    return {"python": [place.python], "r": []}.get(language or "", [place.python, place.rscript])


def build_environment(
    folder: WorkspaceFolder, record: RunRecord, environments: EnvironmentBuilder
) -> None:
    """Build what a run needs unless it is there; the output becomes a file of the run.

    Raises:
        MissingDependency: a package cannot be had; the message names it.
        InvalidState: the run was canceled meanwhile.
    """
    if "environment" not in record.definition:
        return
    environment = Environment.from_dict(record.definition["environment"])
    was_built = environments.is_built(environment)
    try:
        environments.build(
            environment, stopped=lambda: not _still(folder, record, RunStatus.PREPARING)
        )
    finally:
        log = environments.log_path(environment)
        if not was_built and log.exists():
            target = folder.run_directory(record.id) / "files" / BUILD_LOG
            target.parent.mkdir(parents=True, exist_ok=True)
            write_file(target, log.read_bytes())


def prepare(folder: WorkspaceFolder, record: RunRecord, target: Target) -> bool:
    """Lay out the working copy of a queued run; False if it was canceled meanwhile.

    The run is Running before its process starts: if the agent dies in between, the next one
    finds no sign of a start and starts it.
    """
    work = folder.run_directory(record.id) / "work"
    source = _source_of(record.snapshot if target.is_here else None, folder.blobs)
    if target.slots is None or _takes_time(record, source):
        try:
            folder.store.move_run(record.id, RunStatus.PREPARING)
        except InvalidState:
            if not _still(folder, record, RunStatus.RUNNING):
                return False
    target.check(record.definition)
    build_environment(folder, record, target.environments)
    lay_out_work(work, source, folder.blobs, _spare_of(folder, record))
    settings = _settings_of(record, target)
    datasets = lay_out_places(settings, work.parent, is_here=target.is_here)
    _record_inputs(folder, record, datasets)
    with storage_errors(work):
        (work.parent / "job").mkdir(exist_ok=True)
    if target.slots is None:  # it is Running once its target has begun to run it
        return _still(folder, record, RunStatus.PREPARING)
    if record.status is not RunStatus.RUNNING:
        try:
            folder.store.move_run(record.id, RunStatus.RUNNING)
        except InvalidState:
            return False
    return True


@lru_cache(16)
def _source_of(snapshot: str | None, blobs: BlobStore) -> Sequence[SnapshotFile]:
    """The files of a source, which one start asks for several times."""
    return () if snapshot is None else tuple(read_manifest(snapshot, blobs))


def _takes_time(record: RunRecord, source: Sequence[SnapshotFile]) -> bool:
    """Whether a run is worth being seen as Preparing: that is a transaction of its own."""
    inputs = record.definition.get("inputs", {}).values()
    return (
        "environment" in record.definition
        or any(each.get("mode") != InputMode.DIRECT.value for each in inputs)
        or _is_much([file.size for file in source])
    )


def may_begin(run: NewRun) -> bool:
    """Whether a run needs so little that it may be made as one that is Running."""
    definition = run.definition
    plain = not {"environment", "resources", "distribution", "array"} & definition.keys()
    inputs = definition.get("inputs", {}).values()
    return (
        plain
        and run.target == LOCAL
        and definition.get("warm") is not None
        and all(each.get("mode") == InputMode.DIRECT.value for each in inputs)
        and not any("dataset" in each for each in inputs)
    )


def is_laid_out_quickly(folder: WorkspaceFolder, record: RunRecord) -> bool:
    """Whether a run of this machine is ready to start in no time."""
    inputs = record.definition.get("inputs", {}).values()
    if any("dataset" in each for each in inputs):
        return False
    return not _takes_time(record, _source_of(record.snapshot, folder.blobs))


def ends_quickly(folder: WorkspaceFolder, record: RunRecord) -> bool:
    """Whether what a job of this machine has left is taken in in no time."""
    if any(record.definition.get(each) for each in (*_COPIED, "declared_columns")):
        return False
    directory = folder.run_directory(record.id)
    places = [directory / "files", *(directory / "work" / part for part in COLLECTED)]
    return not _is_much([size for place in places for size in file_sizes(place)])


def _is_much(sizes: Sequence[int]) -> bool:
    """Whether it takes longer to write, or to read, files than to say so."""
    return len(sizes) > _FEW_FILES or sum(sizes) > _FEW_BYTES


def begin(folder: WorkspaceFolder, run_id: str) -> None:
    """Have a run be Running, and its time begin, unless they have."""
    if folder.store.known_runs([run_id]).get(run_id) is RunStatus.PREPARING:
        with suppress(InvalidState):  # it was canceled meanwhile
            folder.store.move_run(run_id, RunStatus.RUNNING)


def _still(folder: WorkspaceFolder, record: RunRecord, status: RunStatus) -> bool:
    return folder.store.known_runs([record.id]).get(record.id) is status


def age(job: Job) -> float:
    """Seconds since a job was started, by this machine's clock; 0 if it was not."""
    try:
        return time.time() - (job.directory / "job" / "claim").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def ask_to_stop(directory: Path, reason: str, grace_seconds: float) -> None:
    """Have a run's job know that it is to end by itself; after the time of grace it is ended.

    Args:
        directory: that the run owns. Doing it again changes nothing.
    """
    if not (directory / STOP_FILE).exists():
        (directory / STOP_FILE).parent.mkdir(parents=True, exist_ok=True)
        write_json(directory / STOP_FILE, {"reason": reason, "grace_seconds": grace_seconds})


def seconds_to_stop(job: Job) -> float | None:
    """Seconds that a job has left to end by itself; None if it need not."""
    file = job.directory / STOP_FILE
    try:
        grace = json.loads(file.read_text(encoding="utf-8"))["grace_seconds"]
        return float(grace) - (time.time() - file.stat().st_mtime)
    except FileNotFoundError:
        return None


def note_time_limit(job: Job) -> None:
    """Say that a job is ended for its time, for whoever finalizes it."""
    _note_limit(job, f"it took longer than {job.max_seconds:g} seconds", "time_limit")


def note_memory_limit(job: Job, used: int) -> None:
    """Say that a job is ended for its memory, for whoever finalizes it."""
    limit = (job.max_memory or 0) / 1e6
    _note_limit(job, f"it used {used / 1e6:.0f} of {limit:.0f} MB of memory", "memory_limit")


def _note_limit(job: Job, reason: str, code: str) -> None:
    note = job.directory / "job" / "stopped.json"
    if not note.exists():
        message = {"message": f"The run was stopped: {reason}.", "code": code}
        write_file(note, json.dumps(message).encode())


def finalize(folder: WorkspaceFolder, record: RunRecord, state: JobState) -> RunStatus:
    """Take in logs, files and the outcome of a job that has ended. May be repeated.

    Args:
        state: how the job ended; no exit code if it left none, or was never started.
    """
    directory, spare = folder.run_directory(record.id), _spare_of(folder, record)
    folder.catch_up(record.id)
    if spare is not None:
        _see_to_log(directory, folder.blobs)
    names = _collect(directory)
    sizes = [(directory / "files" / name).stat().st_size for name in names]
    if any(record.definition.get(each) for each in _COPIED) or _is_much(sizes):
        with suppress(InvalidState):  # a canceled run stays CancelRequested until it is Canceled
            folder.store.move_run(record.id, RunStatus.FINALIZING)
    files = [FileRecord(name, *folder.blobs.adopt(directory / "files" / name)) for name in names]
    status = _complete(folder, record, state, files) or _conclude(folder, record, state, files)
    folder.blobs.commit([file.digest for file in files])
    if status is RunStatus.COMPLETED:
        if spare is None:
            remove(directory / "work")
        else:
            clear_work(directory / "work", _source_of(record.snapshot, folder.blobs), spare)
        for name in ("inputs", STAGED):
            remove(directory / name)
    settle(directory)
    return status


def _see_to_log(directory: Path, blobs: BlobStore) -> None:
    """Have a run have a log, though the process that it shared has kept none that is empty."""
    log = directory / "files" / LOG_FILE
    if not log.exists():
        with storage_errors(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(blobs.path(blobs.put_bytes(b"")), log)


def _complete(
    folder: WorkspaceFolder, record: RunRecord, state: JobState, files: Sequence[FileRecord]
) -> RunStatus | None:
    """End a run whose job ended well, and left all in its place: with one question to the store.

    None if there is more to it.
    """
    directory = folder.run_directory(record.id)
    notes = (directory / "job" / "stopped.json", directory / STOP_FILE)
    is_plain = state.exit_code == 0 and state.problem is None
    if not is_plain or any(map(os.path.exists, notes)) or any(map(record.definition.get, _COPIED)):
        return None
    try:
        keep_outputs(folder, record)
    except TandemlabError:
        return None
    return RunStatus.COMPLETED if folder.store.complete_run(record.id, files) else None


def _conclude(
    folder: WorkspaceFolder, record: RunRecord, state: JobState, files: Sequence[FileRecord]
) -> RunStatus:
    """End a run as its job ended, or as it said itself, or was asked to."""
    status, error = _outcome(folder, record.id, state)
    if status is RunStatus.COMPLETED:
        try:
            keep_outputs(folder, record)
        except TandemlabError as problem:
            status, error = RunStatus.FAILED, RunError(str(problem), "output")
    folder.store.end_run(record.id, status, files, error=error, exit_code=state.exit_code)
    return status


def fail(folder: WorkspaceFolder, run_id: str, problem: BaseException) -> None:
    """End a run that could not be started."""
    with suppress(InvalidState):
        folder.store.move_run(
            run_id,
            RunStatus.FAILED,
            error=RunError(f"The run could not be started: {problem}", "start"),
        )
    settle(folder.run_directory(run_id))


def _outcome(
    folder: WorkspaceFolder, run_id: str, state: JobState
) -> tuple[RunStatus, RunError | None]:
    """How a job ended. What it said itself counts more than a friendly exit code."""
    current = folder.store.get_outcome(run_id)
    assert current is not None
    known_status, known_error = current
    directory = folder.run_directory(run_id)
    if known_status is RunStatus.CANCEL_REQUESTED:
        return RunStatus.CANCELED, None
    with suppress(FileNotFoundError):
        note = json.loads((directory / "job" / "stopped.json").read_text(encoding="utf-8"))
        return RunStatus.FAILED, RunError(**note)
    if (directory / STOP_FILE).exists():
        return (RunStatus.COMPLETED if state.exit_code == 0 else RunStatus.CANCELED), None
    if known_error is not None:
        return RunStatus.FAILED, None
    if state.problem is not None:
        return RunStatus.FAILED, state.problem
    if state.exit_code == 0:
        return RunStatus.COMPLETED, None
    lines = last_lines(folder.read_file(run_id, LOG_FILE, -TAIL_BYTES), 100)
    return RunStatus.FAILED, exit_error(state.exit_code, telling_line(lines)[:300])


def _collect(directory: Path) -> list[str]:
    """Move what the job left in ``outputs/`` and ``logs/`` to the run's files; names of all."""
    for part in COLLECTED:
        source = directory / "work" / part
        for name in folder_files(source) if source.is_dir() else []:
            _move(source / name, directory / "files", f"{part}/{name}")
    files = directory / "files"
    return folder_files(files) if files.is_dir() else []


def _move(source: Path, files: Path, name: str) -> None:
    """A name that the script has used for an upload keeps what was uploaded."""
    try:
        check_file_name(name)
    except InvalidInput as error:
        _log.warning("%s stays in %s: %s", name, source.parent, error.message)
        return
    target = files / name
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(AlreadyExists):
            place_file(source.resolve() if source.is_symlink() else source, target, name)
            source.unlink()
