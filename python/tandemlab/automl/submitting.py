"""Submitting: a configuration becomes a job whose process searches, with its data as inputs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tandemlab.automl.automl_config import AutoMLConfig
from tandemlab.automl.frames import as_frame, dataset_of, is_frame, with_dates
from tandemlab.bridge import write_frame
from tandemlab.domain import InvalidInput, InvalidState, RunStatus
from tandemlab.domain.jobs import Input, Resources
from tandemlab.domain.schemas import nearest
from tandemlab.store.durable import write_json
from tandemlab.training.languages import session_environment
from tandemlab.training.script_run_config import ScriptRunConfig

if TYPE_CHECKING:
    from tandemlab.automl.automl_run import AutoMLRun
    from tandemlab.tracking import Experiment, Workspace

TYPE = "automl"
SCRIPT = "automl.py"
CONFIG_FILE = "automl.json"
TRIALS = "logs/trials"
CODE = '''"""Looks for the best model of the data that the run was given."""

from tandemlab.automl.job import main

if __name__ == "__main__":
    main()
'''


def submit(
    config: AutoMLConfig,
    experiment: Experiment,
    tags: Mapping[str, str | None],
    *,
    parent: str | None,
    run_id: str | None,
    properties: Mapping[str, str] | None,
) -> AutoMLRun:
    """See `AutoMLConfig.submit_to`."""
    from tandemlab.automl.automl_run import AutoMLRun

    with prepared(config, experiment.workspace) as script:
        run = script.queue(
            experiment,
            tags,
            parent=parent,
            run_id=run_id,
            properties=properties,
            type=TYPE,
            settings={
                "automl": config.to_dict(),
                "cpus_per_worker": config.max_cores_per_iteration,
            },
        )
    experiment.workspace.attend()
    return AutoMLRun(experiment.workspace, run.id, experiment=experiment.name)


@contextmanager
def prepared(config: AutoMLConfig, workspace: Workspace) -> Iterator[ScriptRunConfig]:
    """A script, with the data as its inputs, that does what the configuration says.

    Data in memory become a file of the source, so that the run keeps what it was trained on.

    Raises:
        InvalidInput: the data lack the label, or are none.
    """
    config.refuse_places()
    if config.training_data is None:
        raise InvalidInput("There are no data to learn from.", hint="Give training_data.")
    with tempfile.TemporaryDirectory(prefix="tandemlab-automl-") as folder:
        source = Path(folder)
        inputs: dict[str, Any] = {}
        for name in ("training_data", "validation_data"):
            data = getattr(config, name)
            if data is None:
                continue
            if is_frame(data):
                frame = as_frame(data)
                check_label(config, list(frame.columns))
                write_frame(with_dates(frame), source / f"{name}.arrow")
                continue
            dataset = _dataset(data, workspace)
            check_label(config, list(getattr(dataset, "columns", None) or ()))
            inputs[name] = dataset
        (source / SCRIPT).write_text(CODE, encoding="utf-8")
        write_json(source / CONFIG_FILE, config.to_dict(), flush=False)
        yield ScriptRunConfig(
            source,
            SCRIPT,
            inputs=inputs,
            compute_target=config.compute_target,
            environment=config.environment,
            resources=Resources(cpus=cpus_of(config), memory=config.memory),
        )


def cpus_of(config: AutoMLConfig) -> int | None:
    """Processors that its job takes; None where that is not said."""
    processes = config.max_concurrent_iterations
    return None if processes is None else processes * config.max_cores_per_iteration


def _dataset(data: Any, workspace: Workspace) -> Any:
    """A dataset, whatever names it."""
    from tandemlab.data import Dataset

    if isinstance(data, Mapping) and set(data) == {"dataset"}:
        return Dataset.get_by_name(workspace, data["dataset"])
    return dataset_of(data) if isinstance(data, (str, os.PathLike)) else data


def check_label(config: AutoMLConfig, columns: list[str]) -> None:
    """Refuse data without the label, as far as the columns are known.

    Raises:
        InvalidInput: they lack it, or no label is named.
    """
    label = config.label_column_name
    if label is None:
        raise InvalidInput(
            "The configuration does not say what is to be predicted.",
            hint="Give label_column_name.",
        )
    if columns and label not in columns:
        meant = nearest(label, columns)
        raise InvalidInput(
            f"The data have no column {label!r}, which is the label that was asked for.",
            hint=f"Did you mean {meant!r}?" if meant else f"There are {', '.join(columns[:10])}.",
            details={"column": label},
        )


def resume(run: AutoMLRun, tags: Mapping[str, str | None]) -> AutoMLRun:
    """See `AutoMLRun.resume`."""
    from tandemlab.automl.automl_run import AutoMLRun

    record = run.record
    if not record.status.is_terminal:
        raise InvalidState(
            f"Run {run.id} is {record.status}; only one that has ended can be resumed.",
            hint="Wait for it, or cancel it.",
        )
    trials = run.directory / "files" / TRIALS
    if not trials.is_dir():
        raise InvalidState(
            f"Run {run.id} has left no trials on this machine to go on from.",
            hint="Submit its configuration again: `experiment.submit(run.config)`.",
        )
    given = Input(str(trials), is_sent=True)
    inputs = {
        **(record.definition.get("inputs") or {}),
        "trials": {"path": given.path, "mode": given.mode, "is_sent": True},
    }
    new = run.experiment.create_run(
        type=TYPE,
        status=RunStatus.QUEUED,
        parent=record.parent,
        target=record.target,
        snapshot=record.snapshot,
        definition={**record.definition, "inputs": inputs},
        environment=session_environment(),
        tags=tags,
        properties={"resumes": run.id},
    )
    run.workspace.attend()
    return AutoMLRun(run.workspace, new.id, experiment=new.experiment.name)
