"""Outputs of earlier runs that serve a step: looked for by all that its result depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tandemlab.compute.targets import LOCAL
from tandemlab.data.locations import DataFile, content_of, digest_of, expand
from tandemlab.domain import NotFound, RunQuery, RunStatus, StorageError
from tandemlab.domain.pipeline_plans import PlannedStep, Unit
from tandemlab.domain.pipelines import Step, StepOutput
from tandemlab.domain.reuse import Parts, Reason, reuse_key
from tandemlab.store.folder import WorkspaceFolder

KEY = "reuse_key"
_VOLATILE = {"name", "description"}  # of an environment: what is installed does not depend on them


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a step has to run.

    Attributes:
        run: the earlier run whose outputs serve, or those that would have are damaged, or the one
            that is compared with.
        parts: what the result depends on.
    """

    reason: Reason
    run: str | None
    parts: Parts


class Reuse:
    """Decides for the steps of one pipeline's run.

    Args:
        experiment: of the pipeline's run.
        forced: the steps that run whatever there is.
    """

    def __init__(self, folder: WorkspaceFolder, experiment: str, forced: Collection[str]) -> None:
        self._folder = folder
        self._experiment = experiment
        self._forced = forced
        self._outputs: dict[str, dict[str, str]] = {}

    def decide(
        self,
        unit: Unit,
        step: Step,
        planned: PlannedStep,
        upstream: Mapping[str, str],
        items: Sequence[Any] | None = None,
    ) -> Decision:
        """Whether a step has to run.

        Args:
            upstream: the runs of the steps whose outputs it reads, by step.
            items: the list, for all of a step that runs for each of one.
        """
        parts = self._parts(step, planned, upstream)
        if items is not None:
            parts = {**parts, "items": list(items)}
        if unit.step in self._forced:
            return Decision(Reason.FORCED, None, parts)
        if not step.allow_reuse:
            return Decision(Reason.NOT_ALLOWED, None, parts)
        if not step.outputs:
            return Decision(Reason.NO_OUTPUTS, None, parts)
        if None in parts["inputs"].values():
            return Decision(Reason.UNKNOWN_INPUTS, None, parts)
        equal = self._find({KEY: reuse_key(parts)})
        if equal is not None:
            damaged = self._damaged(equal, step)
            for digest in damaged:  # else what is made anew would become a link to it
                self._folder.blobs.drop_damaged(digest)
            return Decision(Reason.DAMAGED if damaged else Reason.REUSED, equal, parts)
        earlier = self._find(unit.properties, self._experiment)
        return Decision(Reason.CHANGED if earlier else Reason.FIRST, earlier, parts)

    def _parts(self, step: Step, planned: PlannedStep, upstream: Mapping[str, str]) -> Parts:
        definition = planned.definition
        environment = definition.get("environment", {})
        return {
            "source": planned.snapshot,
            "command": list(definition["command"]),
            "environment": {
                key: value for key, value in environment.items() if key not in _VOLATILE
            },
            "variables": dict(definition.get("environment_variables", {})),
            "inputs": {
                **{
                    name: _digest_of_given(given, planned.target)
                    for name, given in definition.get("inputs", {}).items()
                },
                **{
                    name: self._digest_of_output(upstream[str(link.step)], str(link.output))
                    for name, link in step.links.items()
                },
            },
            "parameters": dict(planned.params),
            "outputs": {name: _declared(each) for name, each in step.outputs.items()},
        }

    def _find(self, properties: Mapping[str, str], experiment: str | None = None) -> str | None:
        """The newest run that has completed with these properties, in this folder."""
        found = self._folder.store.find_runs(
            RunQuery(
                experiment=experiment,
                status=frozenset({RunStatus.COMPLETED}),
                properties=properties,
                include_children=True,
                limit=1,
            )
        )
        return next((each.id for each in found if self._folder.owns_run(each.id)), None)

    def _digest_of_output(self, run_id: str, output: str) -> str:
        prefix = f"outputs/{output}/"
        whole = hashlib.sha256()
        for name, digest in self._files(run_id).items():
            if name.startswith(prefix):
                whole.update(f"{digest} {name}\n".encode())
        return whole.hexdigest()

    def _files(self, run_id: str) -> dict[str, str]:
        """The files of a run's outputs, with their digests."""
        if run_id not in self._outputs:
            found = self._folder.store.list_files(run_id)
            self._outputs[run_id] = {
                each.name: each.digest for each in found if each.name.startswith("outputs/")
            }
        return self._outputs[run_id]

    def _damaged(self, run_id: str, step: Step) -> list[str]:
        """The digests of what a run has written and is not there as it was written."""
        files = self._folder.run_directory(run_id) / "files"
        prefixes = tuple(f"outputs/{name}/" for name in step.outputs)
        return [
            digest
            for name, digest in self._files(run_id).items()
            if name.startswith(prefixes) and not _content_is(files / name, digest)
        ]


def _declared(output: StepOutput) -> list[Any]:
    """What an output was said to be, as far as it has to come out the same."""
    stored = [output.datastore, output.path] if output.datastore is not None else []
    columns = [dict(output.columns)] if output.columns else []
    return [output.type, output.file, *stored, *columns]


def _content_is(path: Path, digest: str) -> bool:
    try:
        status = path.stat()
        file = DataFile(str(path), path.name, status.st_size, status.st_mtime_ns)
        return content_of(file) == digest
    except (OSError, StorageError):
        return False


def _digest_of_given(given: Mapping[str, Any], target: str) -> str | None:
    """What an input that is no step's output holds now; None if that cannot be told from here."""
    try:
        if given.get("dataset") is None:
            is_here = target == LOCAL or given.get("is_sent")
            return digest_of(expand([given["path"]])) if is_here else None
        return _digest_of_dataset(given["dataset"]["definition"])
    except NotFound:
        return None


def _digest_of_dataset(definition: Mapping[str, Any]) -> str:
    from tandemlab.data import Dataset

    return reuse_key({"definition": definition, "data": Dataset.from_dict(definition).digest()})
