"""``tandemlab service``: deploy models as services on this machine, and ask them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Function,
    Noun,
    complete_names,
    output_option,
    pass_session,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.services import LocalWebservice
    from tandemlab.tracking import Workspace

service = Noun("service")

_COLOURS = {"running": "green", "failed": "red", "unhealthy": "red", "deploying": "yellow"}
_LIST = (
    Column("name", whole=True),
    Column("state", colours=_COLOURS),
    Column("ready", right=True),
    Column("models"),
    Column("url", whole=True),
)
_SHOWN = (
    *_LIST[:4],
    Column("replicas", right=True),
    Column("restarts", right=True),
    Column("scoring_uri", whole=True),
    Column("swagger_uri", whole=True),
    Column("language"),
    Column("entry_script"),
    Column("source_directory"),
    Column("needs_key"),
    Column("generation", right=True),
    Column("pid", right=True),
    Column("log", whole=True),
)
_PACKAGE = (Column("name"), Column("folder", whole=True), Column("image", whole=True))
_KEYS = (Column("key"), Column("value", whole=True))
_TOKEN = (
    Column("access_token", whole=True),
    Column("token_type"),
    Column("refresh_after"),
    Column("expiry_on"),
)


def _names(workspace: Workspace) -> list[str]:
    from tandemlab.services import LocalWebservice

    return [each.name for each in LocalWebservice.list(workspace)]


_complete = complete_names(_names)


def _name_argument(function: Function) -> Function:
    return click.argument("name", shell_complete=_complete)(function)


def _find(session: Session, name: str) -> LocalWebservice:
    from tandemlab.services import LocalWebservice

    return LocalWebservice(session.workspace(), name)


def show_service(session: Session, found: LocalWebservice, *next_command: str) -> None:
    """Print a service, and suggest the next command."""
    session.screen.record(_SHOWN, found.get_details())
    session.suggest(*next_command or ("service run", found.name))


_script_option = click.option(
    "--script",
    metavar="FILE",
    help="The entry script, .py or .R, in the source. Without it the model's predict() answers.",
)
_source_option = click.option(
    "--source", metavar="DIR", help="Folder of the script; without it the script alone."
)
_environment_option = click.option(
    "--environment",
    metavar="NAME|FILE",
    help="Packages that are needed: a registered environment, or a file.",
)


@verb(
    "deploy",
    "tandemlab service deploy accidents --script score.py --model model.joblib",
    "tandemlab service deploy accidents --script score.R --source scoring --model accidents:3 "
    "--replicas 2",
)
@click.argument("name")
@_script_option
@_source_option
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    help="A registered model (NAME or NAME:VERSION), or the path of a file or folder. May be given "
    "several times.",
)
@_environment_option
@click.option("--port", type=click.IntRange(0, 65535), help="The port; without it any free one.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen at. At another than this machine's own, requests need a key.",
)
@click.option(
    "--replicas",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes of the script answer, each one request at a time.",
)
@click.option("--auth", is_flag=True, help="Ask for a key on this machine, too.")
@click.option(
    "--timeout",
    type=float,
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="For one request; a script that takes longer is ended.",
)
@click.option("--overwrite", is_flag=True, help="Replace a service of that name.")
@workspace_option
@output_option
@pass_session
def deploy(
    session: Session,
    name: str,
    script: str | None,
    source: str | None,
    models: Sequence[str],
    environment: str | None,
    port: int | None,
    host: str,
    replicas: int,
    auth: bool,
    timeout: float,
    overwrite: bool,
) -> None:
    """Deploy models as the service NAME, and wait until it answers.

    A Python script has init() and run(data), which gets the text of a request and gives the
    answer. An R script has init(), which gives the function that answers. The variable
    AZUREML_MODEL_DIR names the folder of the model. The service goes on when this session ends.
    """
    from tandemlab.services import InferenceConfig, LocalWebservice, deploy_model

    found = deploy_model(
        session.workspace(),
        name,
        models,
        InferenceConfig(script, _environment(environment), source),
        LocalWebservice.deploy_configuration(
            port,
            host=host,
            replicas=replicas,
            auth_enabled=True if auth else None,
            timeout_seconds=timeout,
        ),
        overwrite=overwrite,
    )
    found.wait_for_deployment()
    show_service(session, found)


def _environment(given: str | None) -> Any:
    from tandemlab.environments.files import environment_of

    return environment_of(given)


@verb("list", "tandemlab service list", "tandemlab service list -o json")
@workspace_option
@output_option
@pass_session
def list_(session: Session) -> None:
    """List the services of the workspace."""
    from tandemlab.services import LocalWebservice

    rows = LocalWebservice.list_details(session.workspace())
    session.screen.rows(_LIST, rows, empty="No services yet.")


@verb("show", "tandemlab service show accidents")
@_name_argument
@workspace_option
@output_option
@pass_session
def show(session: Session, name: str) -> None:
    """Show what the service NAME is, and how it is."""
    show_service(session, _find(session, name))


@verb(
    "run",
    "tandemlab service run accidents '[{\"age\": 22}]'",
    "tandemlab service run accidents < request.json",
)
@_name_argument
@click.argument("request", required=False)
@workspace_option
@output_option
@pass_session
def run(session: Session, name: str, request: str | None) -> None:
    """Have the service NAME score a request.

    REQUEST is JSON; without it, it is read from standard input. The answer is JSON.
    """
    text = sys.stdin.read() if request is None else request
    click.echo(_find(session, name).score(text.encode()))


@verb("logs", "tandemlab service logs accidents", "tandemlab service logs accidents --lines 20")
@_name_argument
@click.option(
    "--lines", type=click.IntRange(1), default=5000, show_default=True, help="How many lines."
)
@workspace_option
@pass_session
def logs(session: Session, name: str, lines: int) -> None:
    """Print what the service NAME said and its script printed."""
    click.echo(_find(session, name).get_logs(lines), nl=False)


@verb("keys", "tandemlab service keys accidents", "tandemlab service keys accidents --new primary")
@_name_argument
@click.option(
    "--new",
    type=click.Choice(["primary", "secondary"]),
    help="Make this key anew; whoever shows the old one is refused from now on.",
)
@workspace_option
@output_option
@pass_session
def keys(session: Session, name: str, new: str | None) -> None:
    """Show the keys of the service NAME; requests may show either."""
    found = _find(session, name)
    if new is not None:
        found.regen_key(new)
    pairs = zip(("primary", "secondary"), found.get_keys(), strict=True)
    session.screen.rows(_KEYS, [{"key": key, "value": value} for key, value in pairs])


@verb("token", "tandemlab service token accidents", "tandemlab service token accidents --minutes 5")
@_name_argument
@click.option(
    "--minutes",
    type=click.FloatRange(0, 43200, min_open=True),
    default=60,
    show_default=True,
    help="For how long it is valid, 30 days at most.",
)
@workspace_option
@output_option
@pass_session
def token(session: Session, name: str, minutes: float) -> None:
    """Make a token for requests to the service NAME.

    Requests show it instead of a key, as "Authorization: Bearer TOKEN". It ends by itself, and when
    the primary key is made anew.
    """
    found = _find(session, name).get_access_token(60 * minutes)
    session.screen.record(_TOKEN, asdict(found))


@verb(
    "reload",
    "tandemlab service reload accidents",
    "tandemlab service reload accidents --model accidents:4",
)
@_name_argument
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    help="A model instead of those that it has. May be given several times.",
)
@workspace_option
@output_option
@pass_session
def reload(session: Session, name: str, models: Sequence[str]) -> None:
    """Have the service NAME take its source again, and other models.

    It does not stop: requests are answered throughout. If the new script does not start, the old
    one stays.
    """
    found = _find(session, name)
    if models:
        found.update(models)
    else:
        found.reload()
    show_service(session, found)


@verb("scale", "tandemlab service scale accidents 4")
@_name_argument
@click.argument("replicas", type=click.IntRange(1, 64))
@workspace_option
@output_option
@pass_session
def scale(session: Session, name: str, replicas: int) -> None:
    """Have the service NAME answer by so many REPLICAS.

    Each is a process of its script. Those that go answer what they have begun.
    """
    found = _find(session, name)
    found.scale(replicas)
    show_service(session, found)


@verb("start", "tandemlab service start accidents")
@_name_argument
@workspace_option
@output_option
@pass_session
def start(session: Session, name: str) -> None:
    """Start the service NAME, which has ended.

    It was stopped, or killed, or the machine was restarted.
    """
    found = _find(session, name)
    found.start()
    show_service(session, found)


@verb("stop", "tandemlab service stop accidents")
@_name_argument
@workspace_option
@output_option
@pass_session
def stop(session: Session, name: str) -> None:
    """End the service NAME; `service start` starts it again.

    What it has begun to answer is answered first.
    """
    found = _find(session, name)
    found.stop()
    show_service(session, found, "service start", name)


@verb("remove", "tandemlab service remove accidents --yes")
@_name_argument
@yes_option
@workspace_option
@output_option
@pass_session
def remove(session: Session, name: str, yes: bool) -> None:
    """Stop the service NAME, and remove it with its files."""
    found = _find(session, name)
    row = found.get_details()
    if session.screen.confirm(f"Remove the service {name!r}?", yes=yes):
        found.delete()
        session.screen.record(_LIST, {**row, "state": "removed", "ready": 0, "url": None})
        session.suggest("service list")


@verb(
    "serve",
    "tandemlab model serve accidents:3",
    "tandemlab model serve accidents@production --name scoring --replicas 2",
)
@click.argument("reference", metavar="NAME[:VERSION]")
@click.option("--name", metavar="NAME", help="Of the service; without it that of the model.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; without it any free one.")
@click.option(
    "--replicas",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes answer, each one request at a time.",
)
@_environment_option
@workspace_option
@output_option
@pass_session
def serve(
    session: Session,
    reference: str,
    name: str | None,
    port: int | None,
    replicas: int,
    environment: str | None,
) -> None:
    """Serve a model: its own predict() answers requests.

    Its signature, if it has one, checks them. A service of that name gets the model in the place
    of its own, without stopping. `tandemlab service` asks, stops and removes it.
    """
    from tandemlab.models import Model
    from tandemlab.services import InferenceConfig, LocalWebservice, deploy_model

    lab = session.workspace()
    model = Model(lab, reference)
    name = name or model.name
    config = InferenceConfig(environment=_environment(environment))
    settings = LocalWebservice.deploy_configuration(port, replicas=replicas)
    if name in [each.name for each in LocalWebservice.list(lab)]:
        found = LocalWebservice(lab, name)
        found.update([model], config, settings)
        found.start()
    else:
        found = deploy_model(lab, name, [model], config, settings)
        found.wait_for_deployment()
    show_service(session, found)


@verb(
    "package",
    "tandemlab model package accidents:3 --to accidents-service",
    "tandemlab model package accidents --script score.R --source scoring --environment renv.lock "
    "--to accidents-service --image accidents:3",
)
@click.argument("models", metavar="MODEL...", nargs=-1)
@click.option("--to", "folder", metavar="DIR", required=True, help="The folder, which is made.")
@_script_option
@_source_option
@_environment_option
@click.option("--name", metavar="NAME", help="Of the service; without it that of the first model.")
@click.option("--image", metavar="IMAGE", help="Have podman or docker build this image, too.")
@click.option(
    "--base-image",
    metavar="IMAGE",
    help="What images start from; without it Python's own, or for R this machine's Debian or "
    "Ubuntu.",
)
@workspace_option
@output_option
@pass_session
def package(
    session: Session,
    models: Sequence[str],
    folder: str,
    script: str | None,
    source: str | None,
    environment: str | None,
    name: str | None,
    image: str | None,
    base_image: str | None,
) -> None:
    """Write a service of models into a folder that needs no workspace.

    MODEL is a registered model, or the path of a file or folder. "sh DIR/run.sh" starts the
    service, and DIR/Dockerfile makes an image of it.
    """
    from tandemlab.services import InferenceConfig, package_model

    made = package_model(
        session.workspace(),
        models,
        InferenceConfig(script, _environment(environment), source),
        generate_dockerfile=image is None,
        output_directory=folder,
        name=name,
        image=image,
        base_image=base_image,
    )
    row = {"name": made.name, "folder": str(made.folder), "image": made.location}
    session.screen.record(_PACKAGE, row)


for command in (deploy, list_, show, run, logs, keys, token, reload, scale, start, stop, remove):
    service.add_command(command)
