"""The file by which ``ray up`` makes a cluster that grows and shrinks with its work."""

from __future__ import annotations

import getpass
import io
import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from tandemlab.bridge.libraries import need
from tandemlab.domain import InvalidInput, MissingDependency
from tandemlab.domain.sizes import size_of
from tandemlab.store.durable import write_file

DASHBOARD_PORT = 8265
# Ray's newer autoscaler starts no worker of a head's: it asks again and again for the same one.
_START_HEAD = (
    "ray stop",
    "ulimit -c unlimited; RAY_enable_autoscaler_v2=0 ray start --head --port=6379 "
    "--autoscaling-config=~/ray_bootstrap_config.yaml",
)
HEAD, NODE = "ray.head.default", "ray.worker.default"
_OURS = (
    *("cluster_name", "provider", "min_workers", "max_workers", "idle_timeout_minutes"),
    *("available_node_types", "head_node_type"),
)


@dataclass(frozen=True, slots=True)
class RayCluster:
    """A cluster of Ray that is to be made: a head, and nodes that come and go with the work.

    Its machines are either there, a head and workers that are reached by SSH, or made by a
    provider. Ray starts its processes on a node when a run asks for what the others have not
    left, and stops them (and gives the machine back, with a provider) when it was idle for long.

    `ComputeTarget.create` makes it, and needs its head's host key; `write` writes the file by which
    ``ray up`` makes it.

    Attributes:
        name: letters, digits, ``-`` and ``_``; that of the target that is created if None.
        head: address of the machine that is the head; it runs jobs, too.
        workers: addresses of the machines that become nodes.
        provider: instead of head and workers, Ray's section of that name, such as ``{"type":
            "aws", "region": "eu-central-1"}``.
        min_nodes: nodes beside the head that are there always.
        max_nodes: nodes beside the head that are there at most; None for all workers.
        idle_seconds_before_scaledown: after which a node goes.
        cpus: processors of a node, by which Ray knows that a run would find room on one more. They
            are needed where workers come and go; None for what a provider says, as for the next.
        memory: of a node, such as ``"16GB"``.
        gpus: of a node.
        node_config: what the provider makes, in its words, such as ``{"InstanceType":
            "m5.large"}``.
        head_node_config: the same of the head; `node_config` if None.
        username: of the machines; with head and workers this user's name if None, with a provider
            Ray's usual one.
        private_key_file: path of the key by which they are reached.
        sections: further sections of Ray's cluster file, such as ``{"setup_commands": [...]}``.
        host_key: type and key of the head, such as ``"ssh-ed25519 AAAA…"``; if None, the one that
            this user's ``~/.ssh/known_hosts`` has, or that a machine shows which a provider has
            made. This and the next three are for a target that is created.
        directory: folder for all that runs, on each machine; ``/tmp/tandemlab/WORKSPACE_ID`` if
            None.
        python: program there that runs scripts of Python; the search path's if None.
        rscript: program there that runs scripts of R; the search path's if None.

    Raises:
        InvalidInput: a value that cannot be one, or ones that do not go together.

    >>> cluster = RayCluster("lab", head="10.0.0.1", workers=["10.0.0.2", "10.0.0.3"], cpus=8)
    >>> cluster.definition["max_workers"], cluster.definition["idle_timeout_minutes"]
    (2, 30.0)
    """

    name: str | None = None
    _: KW_ONLY
    head: str | None = None
    workers: Sequence[str] = ()
    provider: Mapping[str, Any] | None = None
    min_nodes: int = 0
    max_nodes: int | None = None
    idle_seconds_before_scaledown: float = 1800
    cpus: int | None = None
    memory: str | None = None
    gpus: int | None = None
    node_config: Mapping[str, Any] | None = None
    head_node_config: Mapping[str, Any] | None = None
    username: str | None = None
    private_key_file: str | os.PathLike[str] | None = None
    sections: Mapping[str, Any] | None = None
    host_key: str | None = None
    directory: str | None = None
    python: str | None = None
    rscript: str | None = None

    def __post_init__(self) -> None:
        letters = "ab" if self.name is None else self.name
        if not letters or not all(each.isalnum() or each in "-_" for each in letters):
            raise InvalidInput(
                f"{self.name!r} is no name of a cluster.", hint="Use letters, digits, '-' and '_'."
            )
        if (self.head is None) == (self.provider is None):
            raise InvalidInput(
                "A cluster has either a head with workers, or a provider that makes its machines.",
                hint="Give head and workers, or provider, such as {'type': 'aws', 'region': …}.",
            )
        if taken := sorted(set(self.sections or {}) & set(_OURS)):
            raise InvalidInput(
                f"The section {taken[0]!r} is made of the other arguments.",
                hint=f"Leave {taken[0]!r} out of the sections.",
            )
        if not self.idle_seconds_before_scaledown > 0:
            raise InvalidInput(
                "idle_seconds_before_scaledown must be greater than 0, not "
                f"{self.idle_seconds_before_scaledown!r}."
            )
        for name in ("min_nodes", "max_nodes", "cpus", "gpus"):
            _check_count(name, getattr(self, name))
        self._check_machines()
        if self.min_nodes > self.most_nodes:
            raise InvalidInput(
                f"min_nodes is {self.min_nodes}, and max_nodes is {self.most_nodes}."
            )
        key = self.private_key_file
        if key is not None and not Path(key).expanduser().is_file():
            raise InvalidInput(
                f"There is no private key {str(key)!r}.", hint="Give the path of its file."
            )

    def _check_machines(self) -> None:
        if self.memory is not None and not size_of(self.memory):
            raise InvalidInput(f"{self.memory!r} is no memory.", hint="Write one such as '8GB'.")
        if self.provider is not None:
            if self.workers:
                raise InvalidInput("workers go with head; a provider makes its machines.")
            if self.provider.get("type") in (None, "local"):
                raise InvalidInput(
                    "The provider has no type, such as 'aws', 'gcp' or 'azure'.",
                    hint="For machines that are there already, give head and workers.",
                )
            if self.max_nodes is None:
                raise InvalidInput("A cluster whose provider makes machines needs max_nodes.")
            return
        if self.node_config is not None or self.head_node_config is not None:
            raise InvalidInput("node_config and head_node_config are for a provider.")
        machines = [self.head, *self.workers]
        if len(set(machines)) < len(machines):
            raise InvalidInput("The head or a worker is named twice.")
        if self.most_nodes > len(self.workers):
            count = len(self.workers)
            there = "there is 1 worker" if count == 1 else f"there are {count} workers"
            raise InvalidInput(f"max_nodes is {self.most_nodes}, and {there}.")
        if self.cpus is None and self.min_nodes < self.most_nodes:
            raise InvalidInput(
                "Ray starts workers for runs when it knows what a worker has.",
                hint="Give cpus (and memory and gpus) of a worker, or have min_nodes be max_nodes.",
            )

        if self.directory is not None and not self.directory.startswith("/"):
            raise InvalidInput(
                f"{self.directory!r} is no whole path.", hint="Write one such as '/scratch/ana'."
            )

    @property
    def settings(self) -> dict[str, Any]:
        """What was given, as plain data, which makes the same again."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        if self.private_key_file is not None:
            found["private_key_file"] = str(Path(self.private_key_file).expanduser().absolute())
        found["workers"] = list(self.workers)
        return {name: value for name, value in found.items() if value not in (None, [])}

    @property
    def login_name(self) -> str | None:
        """Who logs in to its machines; None for Ray's usual name."""
        if self.username is not None or self.head is None:
            return self.username
        return getpass.getuser()

    @property
    def most_nodes(self) -> int:
        """Nodes beside the head that are there at most."""
        return len(self.workers) if self.max_nodes is None else self.max_nodes

    @property
    def definition(self) -> dict[str, Any]:
        """What is said to Ray, which has usual values for the rest."""
        common = {
            "cluster_name": self.name,
            "max_workers": self.most_nodes,
            "idle_timeout_minutes": self.idle_seconds_before_scaledown / 60,
        }
        sections = dict(self.sections or {})
        auth = {**self._auth(), **sections.pop("auth", {})}
        logins = {"auth": auth} if auth else {}
        return {**common, **self._machines(), **logins, **sections}

    def _machines(self) -> dict[str, Any]:
        if self.provider is None:
            addresses = {"head_ip": self.head, "worker_ips": list(self.workers)}
            return {
                "min_workers": self.min_nodes,
                "provider": {"type": "local", **addresses},
                "head_start_ray_commands": list(_START_HEAD),
            }
        node = dict(self.node_config or {})
        head = node if self.head_node_config is None else dict(self.head_node_config)
        counts = {"min_workers": self.min_nodes, "max_workers": self.most_nodes}
        none = {"min_workers": 0, "max_workers": 0}
        return {
            "provider": dict(self.provider),
            "head_node_type": HEAD,
            "available_node_types": {
                HEAD: {"node_config": head, "resources": {}, **none},
                NODE: {"node_config": dict(node), "resources": self._resources, **counts},
            },
        }

    @property
    def _resources(self) -> dict[str, int]:
        memory = None if self.memory is None else size_of(self.memory)
        asked = {"CPU": self.cpus, "GPU": self.gpus, "memory": memory}
        return {name: value for name, value in asked.items() if value is not None}

    def _auth(self) -> dict[str, str]:
        found = {}
        if self.login_name is not None:
            found["ssh_user"] = self.login_name
        if self.private_key_file is not None:
            found["ssh_private_key"] = str(Path(self.private_key_file).expanduser().absolute())
        return found

    def check(self) -> dict[str, Any]:
        """Have the Ray that is installed here say whether it takes it. Nothing else is asked.

        Returns:
            The content of the file that it takes.

        Raises:
            InvalidInput: it does not, with its own words; or it has no name.
            MissingDependency: Ray is not installed here.
        """
        if self.name is None:
            raise InvalidInput("The cluster has no name.", hint="Give one, such as 'lab'.")
        need("ray", "Clusters of Ray that are to be made", None)
        jsonschema = need("jsonschema", "Clusters of Ray that are to be made", None)
        said = io.StringIO()
        refusals = (jsonschema.ValidationError, KeyError, NotImplementedError, ValueError)
        try:
            with redirect_stdout(said):
                return self._checked()
        except refusals as problem:
            text = getattr(problem, "message", "") or str(problem)
            raise InvalidInput(
                f"Ray does not take this cluster: {text}",
                hint="Its sections are told at https://docs.ray.io/en/latest/cluster/vms/"
                "references/ray-cluster-configuration.html.",
            ) from problem

    def _checked(self) -> dict[str, Any]:
        try:
            from ray.autoscaler._private.util import prepare_config, validate_config
        except ImportError as problem:
            raise MissingDependency(
                f"This Ray has no validator of cluster files where it is looked for: {problem}.",
                hint="pip install 'ray[default]>=2.40'",
            ) from problem
        definition = self.definition
        try:
            whole = prepare_config(definition)
        except FileNotFoundError:  # Ray ships no usual values for the providers of its own tests
            whole = definition
        if self.head is not None:  # only in the whole file may be said what a worker has
            whole["available_node_types"][whole["head_node_type"]]["resources"] = self._resources
            definition = whole
        validate_config(whole)
        return definition

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the file that ``ray up`` takes, after Ray has checked it.

        Args:
            path: of the file; one that is there is replaced, as a whole.

        Returns:
            The path.

        Raises:
            InvalidInput: Ray does not take it.
            MissingDependency: Ray is not installed here.
            StorageError: it cannot be written.
        """
        content = self.check()
        file = Path(path).expanduser()
        write_file(file, yaml.safe_dump(content, sort_keys=False).encode())
        return file


def _check_count(name: str, value: object) -> None:
    if value is not None and (type(value) is not int or value < 0):
        raise InvalidInput(f"{name} must be a whole number from 0 on, not {value!r}.")
