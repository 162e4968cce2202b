"""Slurm: jobs go to its queue by ``sbatch``, from this machine or from a login node."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from tandemlab.compute.remote.attaching import AttachConfiguration, Login, given
from tandemlab.compute.remote.probing import Step, queue_step, slurm_step
from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import Job, JobSettings, Resources, StartedJob

_WORD = re.compile(r"[A-Za-z0-9_.,:=/@%+-]+")
_QUESTION = """\
if command -v sbatch > /dev/null; then
  if said=$({command} 2>&1); then echo "queue takes jobs"
  else echo "queue_problem $(echo "$said" | tr '\\n' ' ')"; fi
fi"""


class SlurmCompute:
    """A cluster of Slurm: its own queue decides when a run begins.

    The folder of the target must be seen by the cluster's machines.

    >>> SlurmCompute.attach_configuration(partition="short").settings["partition"]
    'short'
    """

    @staticmethod
    def attach_configuration(
        address: str | None = None,
        *,
        username: str | None = None,
        ssh_port: int = 22,
        password: str | None = None,
        private_key_file: str | os.PathLike[str] | None = None,
        private_key_passphrase: str | None = None,
        host_key: str | None = None,
        jump: str | None = None,
        jump_host_key: str | None = None,
        directory: str | None = None,
        python: str | None = None,
        rscript: str | None = None,
        partition: str | None = None,
        account: str | None = None,
        qos: str | None = None,
        memory: str = "2GB",
        options: Sequence[str] = (),
    ) -> AttachConfiguration:
        """What `ComputeTarget.attach` takes.

        Args:
            address: of the login node; None if ``sbatch`` is on this machine.
            username: there; this and what belongs to SSH as for
                `RemoteCompute.attach_configuration`.
            ssh_port: of its SSH server.
            password: goes to the keyvault, as the next two do.
            private_key_file: path of the private key, or its text.
            private_key_passphrase: of that key.
            host_key: type and key of the login node.
            jump: machine through which it is reached.
            jump_host_key: of that machine.
            directory: folder for all that runs, which the cluster's machines see.
            python: program that runs scripts of Python.
            rscript: program that runs scripts of R.
            partition: where jobs go; Slurm's default if None.
            account: whom they are charged to.
            qos: quality of service.
            memory: of a run that does not say how much it needs.
            options: further options of ``sbatch``, such as ``"--constraint=avx2"``.

        Raises:
            InvalidInput: a value that cannot be one.
        """
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
        for option in options:
            if not option.startswith("--") or not _WORD.fullmatch(option):
                raise InvalidInput(
                    f"{option!r} is no option of sbatch.", hint='For example "--constraint=avx2".'
                )
        named = {"partition": partition, "account": account, "qos": qos}
        for name, value in named.items():
            if value is not None and not _WORD.fullmatch(value):
                raise InvalidInput(f"{value!r} cannot be the {name}.")
        Resources(memory=memory)
        found = given({"directory": directory, "python": python, "rscript": rscript, **named})
        own = {"memory": memory, "options": list(options)}
        return AttachConfiguration("slurm", {**settings, **found, **own}, credentials)


class Slurm:
    """Jobs are those of Slurm.

    Args:
        settings: ``partition``, ``account``, ``qos``, ``memory`` and ``options``.
    """

    functions = (Path(__file__).parent / "slurm.sh").read_text(encoding="utf-8")
    has_queue = True

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings

    @staticmethod
    def question(settings: Mapping[str, Any]) -> str:
        """What Slurm says of a job that asks for nothing of its own."""
        memory = _megabytes(Resources(memory=settings["memory"]).memory_bytes)
        options = ["--test-only", f"--mem={memory}M", *_own_options(settings), "--wrap", "true"]
        return _QUESTION.format(command=shlex.join(["sbatch", *options]))

    @staticmethod
    def steps(found: Mapping[str, str], settings: Mapping[str, Any]) -> list[Step]:
        """What submits jobs, and what takes them."""
        return [slurm_step(found), *([queue_step(found)] if "sbatch" in found else [])]

    def check(self, name: str, settings: JobSettings) -> None:
        """Slurm says itself what it does not have."""

    def command(self, job: Job, command: Sequence[str]) -> list[str]:
        """On several machines, one task on each; when one fails the others are ended."""
        if job.nodes == 1:
            return list(command)
        options = [f"--nodes={job.nodes}", f"--ntasks={job.nodes}", "--ntasks-per-node=1"]
        options += [f"--cpus-per-task={_cpus(job)}", "--kill-on-bad-exit=1"]
        each = ["/bin/sh", "-c", 'NODE_RANK=$SLURM_NODEID exec "$@"', "sh"]
        return ["srun", *options, *each, *command]

    def script(self, job: Job, script: str) -> str:
        """The script with what it asks for as lines of ``#SBATCH``."""
        return _headed(
            [
                f"--job-name=tandemlab-{job.run_id}",
                f"--output={job.place}/job/slurm.out",
                *self._asked(job),
            ],
            script,
        )

    def arrays(self, jobs: Sequence[Job], root: str) -> list[tuple[Sequence[Job], str]]:
        """One array for all that ask for the same."""
        groups: dict[tuple[str, ...], list[Job]] = {}
        for job in jobs:
            groups.setdefault(tuple(self._asked(job)), []).append(job)
        limits = _shares(jobs[0].max_concurrent_runs, [len(group) for group in groups.values()])
        return [
            (group, _array(group, asked, limit, root))
            for (asked, group), limit in zip(groups.items(), limits, strict=True)
        ]

    def _asked(self, job: Job) -> list[str]:
        """What a job asks for, as options of ``sbatch``."""
        default = Resources(memory=self._settings["memory"]).memory_bytes
        memory = _megabytes(job.max_memory or default)
        options = [
            "--no-requeue",
            *([f"--nodes={job.nodes}"] if job.nodes > 1 else []),
            f"--ntasks={job.nodes}",
            *(["--ntasks-per-node=1"] if job.nodes > 1 else []),
            f"--cpus-per-task={_cpus(job)}",
            f"--mem={memory}M",
        ]
        if job.max_seconds is not None:
            options.append(f"--time={math.ceil(job.max_seconds / 60) + 1}")
        if job.gpus:
            options.append(f"--gres=gpu:{job.gpus}")
        return [*options, *_own_options(self._settings)]

    def there(self, job: Job) -> Job:
        """The job as it is."""
        return job

    def before(self, jobs: Sequence[StartedJob]) -> str:
        """One look at the queue for all of them."""
        return "look"


def _megabytes(size: int | None) -> int:
    return math.ceil((size or 0) / (1 << 20))


def _own_options(settings: Mapping[str, Any]) -> list[str]:
    """Options of ``sbatch`` that a target has for all its jobs."""
    named = (name for name in ("partition", "account", "qos") if name in settings)
    return [*(f"--{name}={settings[name]}" for name in named), *settings["options"]]


def _cpus(job: Job) -> int:
    """Processors on each machine."""
    return job.cpus or job.processes or 1


def _headed(options: Sequence[str], script: str) -> str:
    first, _, rest = script.partition("\n")
    return "\n".join([first, *(f"#SBATCH {option}" for option in options), rest])


def _shares(limit: int | None, sizes: Sequence[int]) -> list[int | None]:
    """How many jobs of each array run at once: Slurm's limit is one of an array.

    Raises:
        InvalidInput: there are more arrays than jobs that may run at once.

    >>> _shares(5, [2, 6]), _shares(None, [2, 6])
    ([1, 4], [None, None])
    """
    if limit is None:
        return [None] * len(sizes)
    more = limit - len(sizes)
    if more < 0:
        raise InvalidInput(
            f"The runs ask Slurm for {len(sizes)} different things, each an array of its own, and "
            f"only {limit} may run at once.",
            hint="Submit those that ask for the same together, or let more run at once.",
        )
    ends = [more * before // sum(sizes) for before in accumulate(sizes, initial=0)]
    return [1 + end - begin for begin, end in pairwise(ends)]


def _array(jobs: Sequence[Job], asked: Sequence[str], limit: int | None, root: str) -> str:
    """The script of an array, whose jobs are those of the runs in the file ``runs`` beside it."""
    name = jobs[0].run_id
    folder = f"{root}/arrays/{name}"
    options = [
        f"--job-name=tandemlab-{name}",
        f"--output={folder}/%a.out",
        f"--array=0-{len(jobs) - 1}" + (f"%{limit}" if limit else ""),
        *asked,
    ]
    script = f"""\
#!/bin/sh
run=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {shlex.quote(folder)}/runs)
exec /bin/sh {shlex.quote(root)}/runs/"$run"/job/job.sh
"""
    return _headed(options, script)
