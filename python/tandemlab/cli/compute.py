"""``tandemlab compute``: where runs run: this machine, machines behind SSH, clusters."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.addresses import ask_secret, ssh_host
from tandemlab.cli.commands import (
    Noun,
    all_of,
    complete_compute,
    output_option,
    pass_session,
    seconds,
    tag_option,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.copies import unused_days_option
from tandemlab.cli.forms import counted, size
from tandemlab.cli.session import Session
from tandemlab.cli.spark import size_options
from tandemlab.cli.tables import Column
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    from tandemlab.compute import ComputeTarget
    from tandemlab.compute.ray.cluster import RayCluster

compute = Noun("compute")

_TARGETS = (
    Column("name", whole=True),
    Column("kind"),
    Column("location"),
    Column("slots", right=True),
    Column("active_runs", right=True),
    Column("python", rank=2),
    Column("rscript", rank=2),
    Column("directory", rank=2),
    Column("provisioning_state", rank=4),
    Column("provisioning_error", rank=5),
    Column("min_nodes", right=True, rank=4),
    Column("max_nodes", right=True, rank=4),
    Column("idle_seconds_before_scaledown", right=True, rank=4),
    Column("version", right=True, rank=3),
    Column("created", rank=3),
    Column("description", rank=1),
    Column("tags", rank=3),
)
_OF_CREATED = (*("provisioning_state", "min_nodes", "max_nodes", "idle_seconds_before_scaledown"),)
_NODES = (
    Column("name", whole=True),
    Column("state"),
    Column("cpus", right=True),
    Column("memory", right=True, form=size),
    Column("gpus", right=True),
)
_REMOVED = (Column("kind"), Column("name", whole=True), Column("size", right=True, form=size))
_STEPS = (
    Column("step", whole=True),
    Column("ok", colours={"yes": "green", "no": "red"}),
    Column("found"),
    Column("repair", whole=True),
)

_CLUSTER = (Column("file", whole=True), Column("name"))

_count = click.IntRange(min=0)
_wait_option = click.option(
    "--wait/--no-wait", default=False, help="Wait until it is there; or return at once, as usual."
)
_name_argument = click.argument("name", shell_complete=complete_compute)

_SIZE = (
    click.option("--min-nodes", type=_count, help="Nodes beside the head that are there always."),
    click.option("--max-nodes", type=_count, help="There at most; by default all workers."),
    click.option(
        *("--idle-seconds-before-scaledown", "--idle"),
        type=click.FloatRange(min=0, min_open=True),
        help="After which a node goes; 1800 if nothing is said.",
    ),
)
_MACHINES = (
    click.option("--head", metavar="HOST", help="Machine that is the head."),
    click.option(
        "--worker", "workers", metavar="HOST", multiple=True, help="Machine that is a node."
    ),
    *_SIZE,
    click.option("--cpus", type=_count, help="Of a node; needed if workers come and go."),
    click.option("--memory", metavar="SIZE", help="Of a node."),
    click.option("--gpus", type=_count, help="Of a node."),
    click.option("--username", metavar="NAME", help="Of the machines."),
    click.option(
        *("--private-key", "private_key_file"),
        metavar="FILE",
        type=click.Path(),
        help="Private key.",
    ),
    click.option(
        "--sections",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="YAML with provider, node_config, head_node_config and further sections of Ray's "
        "file.",
    ),
)


def _row(found: ComputeTarget) -> dict[str, Any]:
    capacity, status = found.capacity(), found.get_status()
    return {
        "name": found.name,
        "kind": found.kind,
        "location": found.location,
        "slots": capacity.slots,
        "active_runs": capacity.used,
        **{each: found.settings.get(each) for each in ("python", "rscript", "directory")},
        "provisioning_state": status.provisioning_state,
        "provisioning_error": status.error,
        **{each: getattr(found, each) for each in _OF_CREATED},
        "version": found.version,
        "created": found.created_time,
        "description": found.description,
        "tags": found.tags,
    }


def _found(session: Session, name: str) -> ComputeTarget:
    from tandemlab.compute import ComputeTarget

    return ComputeTarget.get(session.workspace(), name)


@verb("list", "tandemlab compute list", "tandemlab compute list -o json")
@workspace_option
@output_option
@pass_session
def list_(session: Session) -> None:
    """List the targets that runs can run on."""
    from tandemlab.compute import ComputeTarget

    found = ComputeTarget.list(session.workspace())
    session.screen.rows(_TARGETS, [_row(each) for each in found])
    session.suggest("run submit SCRIPT --target", found[-1].name)


@verb("show", "tandemlab compute show vm")
@_name_argument
@workspace_option
@output_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show a target. Credentials are never shown."""
    session.screen.record(_TARGETS, _row(_found(session, name)))


@verb(
    "attach",
    "tandemlab compute attach vm ssh://ana@vm.example.org --private-key ~/.ssh/id_ed25519",
    "tandemlab compute attach vm ssh://ana@10.0.0.7:2222 --jump ana@gate.example.org",
    "tandemlab compute attach cluster slurm+ssh://ana@login.example.org --partition short",
    "tandemlab compute attach spark spark://10.0.0.7:7077 --executor-memory 4g",
    "tandemlab compute attach ray http://head.example.org:8265",
)
@click.argument("name")
@click.argument("address")
@click.option("--private-key", metavar="FILE", type=click.Path(), help="Private key.")
@click.option("--host-key", metavar="KEY", help="Host key, such as 'ssh-ed25519 AAAA…'.")
@click.option("--jump", metavar="USER@HOST:PORT", help="Machine through which it is reached.")
@click.option("--jump-host-key", metavar="KEY", help="Host key of that machine.")
@click.option(
    "--secret", is_flag=True, help="Ask for the password or token, or that of the private key."
)
@click.option("--directory", metavar="PATH", help="Folder there for all that runs.")
@click.option("--slots", type=click.IntRange(min=1), help="Processors' runs that run at once.")
@click.option("--partition", metavar="NAME", help="Partition of Slurm.")
@click.option("--account", metavar="NAME", help="Whom Slurm charges.")
@click.option("--qos", metavar="NAME", help="Slurm's quality of service.")
@click.option("--memory", metavar="SIZE", help="Memory of a run that does not say, in Slurm.")
@click.option("--option", "options", multiple=True, metavar="OPTION", help="Option of sbatch.")
@click.option("--master", metavar="MASTER", help="Spark's master, as seen from that machine.")
@click.option("--ui", metavar="URL", help="Web interface of Spark's master, or of YARN.")
@click.option("--spark-home", metavar="PATH", help="Folder of Spark, or of an installed pyspark.")
@click.option("--java-home", metavar="PATH", help="Folder of Java, for Spark.")
@click.option("--hadoop-conf", metavar="PATH", help="Folder with yarn-site.xml, for Spark on YARN.")
@size_options()
@click.option("--python", metavar="PATH", help="Program there that runs scripts of Python.")
@click.option("--rscript", metavar="PATH", help="Program there that runs scripts of R.")
@click.option("--description", help="What it is for.")
@tag_option("A label.", needs_value=True)
@workspace_option
@output_option
@pass_session
def attach(session: Session, /, name: str, address: str, **options: Any) -> None:
    """Attach a machine or a cluster that runs scripts.

    ADDRESS is ssh://USER@HOST:PORT for a machine, slurm+ssh://USER@HOST:PORT for a cluster of
    Slurm with that login node, slurm where sbatch is on this machine, and http://HOST:8265 for a
    cluster of Ray, by its dashboard. For Spark it is the master, spark://HOST:PORT, yarn or
    'local[*]', where spark-submit is on this machine, and spark+ssh://USER@HOST:PORT with
    --master where it is on another one. It needs a POSIX shell,
    and Python or R for the scripts; it is looked at first. A name that is there gets its next
    version.

    Secrets are asked for without showing them; where the input is not a terminal, the secret is
    read from there. They go to the workspace's keyvault, and are no arguments: other users could
    see those in the list of processes.
    """
    from tandemlab.compute import ComputeTarget
    from tandemlab.compute.registrations import check_target_name

    check_target_name(name)
    tags = {label: value or "" for label, value in options.pop("labels").items()}
    description = options.pop("description")
    found = ComputeTarget.attach(
        session.workspace(),
        name,
        _configuration(address, options),
        description=description,
        tags=tags,
    )
    session.screen.record(_TARGETS, _row(found))
    session.suggest("compute doctor", name)


_OF_SLURM = ("partition", "account", "qos", "memory", "options")
_OF_SPARK = (
    *("ui", "spark_home", "java_home", "hadoop_conf", "deploy_mode", "conf"),
    *("driver_memory", "executor_memory", "executor_cores", "num_executors"),
)
_OF_SSH = ("private_key", "host_key", "jump", "jump_host_key")
_KEPT = ("directory", "python", "rscript")


def _configuration(address: str, options: dict[str, Any]) -> Any:
    from tandemlab.compute import RayCompute, RemoteCompute, SlurmCompute, SparkCompute

    scheme = address.partition("://")[0]
    is_spark = scheme in ("spark", "spark+ssh", "yarn") or scheme.startswith("local")
    is_ray = scheme in ("http", "https")
    if scheme not in ("ssh", "slurm", "slurm+ssh") and not (is_spark or is_ray):
        raise click.UsageError(
            f"{address!r} is no address such as ssh://USER@HOST:PORT, slurm+ssh://USER@HOST, "
            "slurm, spark://HOST:PORT, spark+ssh://USER@HOST, yarn, 'local[*]', http://HOST:8265."
        )
    of_slurm, of_spark = _given(options, _OF_SLURM), _given(options, _OF_SPARK)
    if not scheme.startswith("slurm"):
        _refuse(of_slurm, "is for clusters of Slurm.")
    if not is_spark:
        _refuse({**of_spark, "master": options["master"]}, "is for Spark.")
    if scheme in ("ssh", "slurm+ssh", "spark+ssh"):
        kept = _machine(address, options)
    else:
        of_ssh = _OF_SSH if is_ray else (*_OF_SSH, "secret")
        _refuse(_given(options, of_ssh), "is for what is reached by SSH.")
        kept = {each: options[each] for each in _KEPT}
    if is_ray or scheme.startswith("slurm"):
        _refuse({"slots": options["slots"]}, "is for machines; a cluster has a queue.")
    if is_ray:
        token = ask_secret("Token") if options["secret"] else None
        return RayCompute.attach_configuration(address, token=token, **kept)
    if scheme.startswith("slurm"):
        return SlurmCompute.attach_configuration(**kept, **of_slurm)
    kept["slots"] = options["slots"]
    if is_spark:
        properties = of_spark.pop("conf", {})
        return SparkCompute.attach_configuration(
            _master(address, options), configuration=properties, **kept, **of_spark
        )
    return RemoteCompute.attach_configuration(**kept)


def _given(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {each: options[each] for each in names if options[each]}


def _master(address: str, options: dict[str, Any]) -> str:
    """Spark's master, which is the address itself unless that is the machine that submits."""
    if not address.startswith("spark+ssh://"):
        _refuse({"master": options["master"]}, "is for spark+ssh://USER@HOST.")
        return address
    if not options["master"]:
        raise click.UsageError(f"{address} submits to a master: give it by --master.")
    return str(options["master"])


def _refuse(options: dict[str, Any], why: str) -> None:
    for option, value in options.items():
        if value:
            raise click.UsageError(f"--{option.replace('_', '-').removesuffix('s')} {why}")


def _machine(address: str, options: dict[str, Any]) -> dict[str, Any]:
    """Arguments of an attach configuration for what is reached by SSH."""
    host = ssh_host(
        address,
        private_key=options["private_key"],
        host_key=options["host_key"],
        asks_secret=options["secret"],
    )
    kept = ("jump", "jump_host_key", *_KEPT)
    return {
        "username": host["username"],
        "address": host["host"],
        "ssh_port": host["port"],
        "password": host.get("password"),
        "private_key_file": host["private_key"],
        "private_key_passphrase": host.get("passphrase"),
        "host_key": host["host_key"],
        **{each: options[each] for each in kept},
    }


@verb(
    "write-ray-cluster",
    "tandemlab compute write-ray-cluster cluster.yaml --head HOST1 --worker HOST2 --cpus 8",
    "tandemlab compute write-ray-cluster cluster.yaml --sections aws.yaml --max-nodes 8",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", metavar="NAME", help="The cluster's; the file's name without its ending.")
@all_of(_MACHINES)
@output_option
@pass_session
def write_ray_cluster(
    session: Session, /, file: Path, name: str | None, sections: Path | None, **options: Any
) -> None:
    """Write the file by which Ray makes a cluster that grows with work.

    Its machines are either there, --head and --worker by SSH, or made by a provider, such as
    {provider: {type: aws, region: eu-central-1}, node_config: {InstanceType: m5.large}} in the
    file of --sections. Nodes come beside the head, which runs jobs too. The Ray that is installed
    here checks the file before it is written; no machine is asked.

    Then 'ray up FILE' makes the cluster, 'ray dashboard FILE' brings its dashboard to this machine,
    and 'ray down FILE' ends the cluster.
    """
    name = name or file.stem
    cluster = _cluster(name, sections, options)
    written = {"file": str(cluster.write(file)), "name": name}
    session.screen.record(_CLUSTER, written)
    session.screen.note(f"Then: ray up {file}; ray dashboard {file}")
    session.suggest("compute attach", name, "http://127.0.0.1:8265")


def _cluster(name: str, sections: Path | None, options: dict[str, Any]) -> RayCluster:
    from tandemlab.compute import RayCompute

    further = _sections(sections) if sections else {}
    made = {
        each: further.pop(each, None) for each in ("provider", "node_config", "head_node_config")
    }
    said = {each: value for each, value in options.items() if value is not None}
    return RayCompute.provisioning_configuration(name, **said, **made, sections=further)


@verb(
    "create",
    "tandemlab compute create lab --head HOST1 --worker HOST2 --cpus 8 --username ana --wait",
    "tandemlab compute create lab --sections aws.yaml --max-nodes 8 --username ubuntu "
    "--private-key lab.pem",
)
@click.argument("name")
@all_of(_MACHINES)
@click.option("--host-key", metavar="KEY", help="Host key of the head.")
@click.option("--directory", metavar="PATH", help="Folder for all that runs, on each machine.")
@click.option("--python", metavar="PATH", help="Program there that runs scripts of Python.")
@click.option("--rscript", metavar="PATH", help="Program there that runs scripts of R.")
@click.option("--description", help="What it is for.")
@tag_option("A label.", needs_value=True)
@_wait_option
@workspace_option
@output_option
@pass_session
def create(
    session: Session,
    /,
    name: str,
    sections: Path | None,
    description: str | None,
    labels: dict[str, str | None],
    wait: bool,
    **options: Any,
) -> None:
    """Make a cluster of Ray that grows and shrinks with its work.

    It becomes a target. Its machines are those that 'compute write-ray-cluster' has. Ray's
    launcher, which is installed on this machine, makes it ('ray up'), in the background unless
    --wait is given. The head is reached by SSH, and needs no open port beside. 'compute delete'
    ends the cluster.
    """
    from tandemlab.compute import ComputeTarget

    made = ComputeTarget.create(
        session.workspace(),
        name,
        _cluster(name, sections, options),
        description=description,
        tags={label: value or "" for label, value in labels.items()},
    )
    _show_made(session, made, wait=wait)


@verb("update", "tandemlab compute update lab --min-nodes 1 --idle 600")
@_name_argument
@all_of(_SIZE)
@_wait_option
@workspace_option
@output_option
@pass_session
def update(session: Session, /, name: str, wait: bool, **options: Any) -> None:
    """Change how a cluster that was created grows and shrinks. Runs go on."""
    found = _found(session, name)
    found.update(**options)
    _show_made(session, found, wait=wait)


@verb("wait", "tandemlab compute wait lab", "tandemlab compute wait lab --min-nodes 2")
@_name_argument
@click.option("--min-nodes", type=_count, help="Wait for so many nodes beside the head as well.")
@click.option(
    "--timeout", metavar="TIME", callback=seconds, default="25m", help="How long; 25m if not said."
)
@workspace_option
@output_option
@pass_session
def wait_(session: Session, /, name: str, min_nodes: int | None, timeout: float) -> None:
    """Wait until a target has been created or updated.

    What Ray's launcher says goes to standard error.
    """
    found = _found(session, name)
    with redirect_stdout(sys.stderr):
        found.wait_for_completion(True, min_nodes, timeout / 60)
    session.screen.record(_TARGETS, _row(found))
    session.suggest("run submit SCRIPT --target", name)


def _show_made(session: Session, made: ComputeTarget, *, wait: bool) -> None:
    if wait:
        with redirect_stdout(sys.stderr):
            made.wait_for_completion(show_output=True)
    session.screen.record(_TARGETS, _row(made))
    session.suggest("run submit SCRIPT --target" if wait else "compute wait", made.name)


@verb("delete", "tandemlab compute delete lab")
@_name_argument
@yes_option
@workspace_option
@output_option
@pass_session
def delete(session: Session, name: str, yes: bool) -> None:
    """End a cluster that was created, and forget the target.

    A target that was attached is only forgotten, as by detach.
    """
    found = _found(session, name)
    if session.screen.confirm(f"End the target {name}, and forget it?", yes=yes):
        found.delete()
        session.screen.record(_TARGETS[:1], {"name": name})
        session.suggest("compute list")


def _sections(path: Path) -> dict[str, Any]:
    from tandemlab.domain.documents import read_document
    from tandemlab.store.durable import storage_errors

    with storage_errors(path):
        text = path.read_text("utf-8")
    value = read_document(text, str(path)).value
    if not isinstance(value, dict):
        raise InvalidInput(f"{path} holds no sections.", hint="Write some as NAME: VALUE.")
    return value


@verb("detach", "tandemlab compute detach vm")
@_name_argument
@yes_option
@workspace_option
@output_option
@pass_session
def detach(session: Session, name: str, yes: bool) -> None:
    """Have the workspace forget a target, with its credentials. What is there stays there."""
    found = _found(session, name)
    if session.screen.confirm(f"Forget the target {name}, with its credentials?", yes=yes):
        found.detach()
        session.screen.record(_TARGETS[:1], {"name": name})
        session.suggest("compute list")


@verb("nodes", "tandemlab compute nodes local", "tandemlab compute nodes vm -o json")
@_name_argument
@workspace_option
@output_option
@pass_session
def nodes(session: Session, name: str) -> None:
    """List the machines of a target."""
    found = _found(session, name).nodes()
    rows = [{each.name: getattr(node, each.name) for each in _NODES} for node in found]
    session.screen.rows(_NODES, rows)


@verb("clean", "tandemlab compute clean vm", "tandemlab compute clean vm --unused-days 7")
@_name_argument
@unused_days_option("Remove what was not used for so many days.")
@workspace_option
@output_option
@pass_session
def clean(session: Session, name: str, unused_days: float) -> None:
    """Remove what a target keeps and no run has used for long.

    These are sources, environments and earlier versions of tandemlab; what is needed again is sent
    or built again. What runs need that have not ended stays, and so does what was used within the
    last hour.
    """
    removed = _found(session, name).clean(unused_days=unused_days)
    rows = [{each.name: getattr(kept, each.name) for each in _REMOVED} for kept in removed]
    session.screen.rows(_REMOVED, rows, empty="Nothing to remove.")


@verb("doctor", "tandemlab compute doctor vm")
@_name_argument
@workspace_option
@output_option
@pass_session
def doctor(session: Session, name: str) -> None:
    """Look at a target step by step, and say what to repair.

    The exit status is 1 if something is wrong.
    """
    steps = _found(session, name).check()
    rows = [
        {"step": each.name, "ok": not each.problem, "found": each.problem or each.found}
        | {"repair": each.repair}
        for each in steps
    ]
    session.screen.rows(_STEPS, rows, empty="Nothing to look at: `tandemlab doctor` does that.")
    wrong = sum(bool(each.problem) for each in steps)
    if wrong:
        session.screen.note(f"{counted(wrong, 'thing')} to repair.")
        click.get_current_context().exit(1)
    session.suggest("run submit SCRIPT --target", name)


for command in (list_, show, attach, create, update, wait_, write_ray_cluster):
    compute.add_command(command)
for command in (nodes, doctor, clean, detach, delete):
    compute.add_command(command)
