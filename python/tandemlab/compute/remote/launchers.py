"""How a target starts jobs, and what it knows of them: shell functions, and the words they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tandemlab.compute.remote.probing import Step
from tandemlab.domain import InvalidInput
from tandemlab.domain.jobs import Job, JobSettings, Node, StartedJob

_HERE = Path(__file__).parent
FUNCTIONS = (_HERE / "remote.sh").read_text(encoding="utf-8")


class Launcher(Protocol):
    """What distinguishes targets that are reached by a shell.

    Attributes:
        functions: of shell: ``start``, ``state``, ``handle``, ``end`` and ``nodes``.
        has_queue: whether it may be given any number of jobs.
    """

    functions: str
    has_queue: bool

    @staticmethod
    def question(settings: Mapping[str, Any]) -> str:
        """Shell that looks for what it needs, behind `probing.question`."""

    @staticmethod
    def steps(found: Mapping[str, str], settings: Mapping[str, Any]) -> list[Step]:
        """What is right and wrong with that."""

    def check(self, name: str, settings: JobSettings) -> None:
        """Refuse what it does not offer.

        Raises:
            InvalidInput: a run asks for it.
        """

    def command(self, job: Job, command: Sequence[str]) -> list[str]:
        """What runs a job's command on each of its machines."""

    def script(self, job: Job, script: str) -> str:
        """The script of a job with what the launcher wants to stand at its head."""

    def there(self, job: Job) -> Job:
        """A job as it runs there."""

    def arrays(self, jobs: Sequence[Job], root: str) -> list[tuple[Sequence[Job], str]]:
        """Jobs as the arrays that its queue takes, each with the script that starts it.

        Args:
            root: the target's folder.
        """

    def before(self, jobs: Sequence[StartedJob]) -> str:
        """Shell that comes before all questions after jobs."""


class Processes:
    """Jobs are processes of the machine."""

    functions = (_HERE / "process.sh").read_text(encoding="utf-8")
    has_queue = False

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """No settings matter."""

    @staticmethod
    def question(settings: Mapping[str, Any]) -> str:
        """Nothing."""
        return ""

    @staticmethod
    def steps(found: Mapping[str, str], settings: Mapping[str, Any]) -> list[Step]:
        """Nothing."""
        return []

    def check(self, name: str, settings: JobSettings) -> None:
        """One machine, whose GPUs nobody deals out."""
        distribution = settings.distribution
        if distribution is not None and distribution.node_count > 1:
            raise InvalidInput(
                f"The target {name!r} is one machine, not {distribution.node_count}.",
                hint="Set node_count to 1, or choose a target that has several.",
            )
        if settings.resources.gpus:
            raise InvalidInput(
                f"The target {name!r} does not deal out GPUs: each run sees all of them.",
                hint="Leave out gpus, or set CUDA_VISIBLE_DEVICES for the run.",
            )

    def command(self, job: Job, command: Sequence[str]) -> list[str]:
        """There is one."""
        return list(command)

    def script(self, job: Job, script: str) -> str:
        """The script as it is."""
        return script

    def there(self, job: Job) -> Job:
        """The job as it is."""
        return job

    def arrays(self, jobs: Sequence[Job], root: str) -> list[tuple[Sequence[Job], str]]:
        """There is no queue."""
        return []

    def before(self, jobs: Sequence[StartedJob]) -> str:
        """Nothing."""
        return ""


def nodes_of(answer: bytes) -> list[Node]:
    r"""Lines of name, state, processors, kB of memory and GPUs as nodes.

    >>> nodes_of(b"vm up 4 8000 0\n")[0].memory
    8192000
    """
    found = []
    for line in answer.decode("utf-8", "replace").splitlines():
        name, state, cpus, memory, gpus = line.split()
        found.append(Node(name, state, int(cpus), int(memory) * 1024 or None, int(gpus)))
    return found


def described(settings: Mapping[str, Any]) -> str:
    """Where a target is, for people; without any secret."""
    place = "this machine"
    if "host" in settings:
        user = f"{settings['username']}@" if "username" in settings else ""
        place = f"ssh://{user}{settings['host']}:{settings['port']}"
    return f"{settings['master']} from {place}" if "master" in settings else place
