"""``tandemlab environment``: build, list and remove environments of scripts."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import Noun, output_option, pass_session, verb, workspace_option
from tandemlab.cli.copies import unused_days_option
from tandemlab.cli.forms import size
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.environments import CachedEnvironment, RegisteredEnvironment

environment = Noun("environment")

_LIST = (
    Column("name", whole=True),
    Column("used"),
    Column("size", right=True, form=size),
    Column("key", rank=1),
)
_BUILT = (
    Column("name"),
    Column("python"),
    Column("rscript"),
    Column("r_libraries"),
    Column("log"),
)
_LOCKED = (
    Column("name"),
    Column("file"),
    Column("python_packages", right=True),
    Column("r_packages", right=True),
)
_REGISTERED = (
    Column("name", whole=True),
    Column("version", right=True),
    Column("created"),
)


def _registered_row(found: RegisteredEnvironment) -> dict[str, Any]:
    return {"name": found.name, "version": found.version, "created": found.created}


def _row(found: CachedEnvironment) -> dict[str, Any]:
    used = datetime.fromtimestamp(found.used, timezone.utc)
    return {"name": found.name, "used": used, "size": found.size, "key": found.key}


@verb(
    "build",
    "tandemlab environment build requirements.txt",
    "tandemlab environment build renv.lock --rebuild",
    "tandemlab environment build study:3",
)
@click.argument("given", metavar="FILE|NAME")
@click.option("--rebuild", is_flag=True, help="Build it even if it is there.")
@workspace_option
@output_option
@pass_session
def build(session: Session, given: str, rebuild: bool) -> None:
    """Build the environment of FILE, or the one named NAME.

    FILE is a requirements.txt of pip, a conda file, an renv.lock or a file of tandemlab's own
    (.yml); NAME, or NAME:VERSION, a registered or curated environment. Environments are kept on
    this machine, once for all workspaces; a run that needs one that is not there builds it first,
    and starts sooner where it is there already.
    """
    from tandemlab.environments import EnvironmentCache, get_environment, read_environment
    from tandemlab.environments.files import ENVIRONMENT_SUFFIXES

    path = Path(given)
    if path.suffix in ENVIRONMENT_SUFFIXES or path.is_file():
        found = read_environment(given)
    else:
        found = get_environment(session.workspace(), given).environment
    cache = EnvironmentCache()
    built = cache.build(found, rebuild=rebuild)
    session.screen.record(
        _BUILT,
        {
            "name": found.name,
            "python": built.python,
            "rscript": built.rscript,
            "r_libraries": list(built.r_libraries),
            "log": str(cache.log_path(found)),
        },
    )
    session.screen.suggest(f"run submit --environment {given} train.py")


@verb(
    "lock",
    "tandemlab environment lock requirements.txt",
    "tandemlab environment lock study.yml --to study.lock.yml",
)
@click.argument("file", type=click.Path())
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where the lock is written; FILE itself if it is tandemlab's own, or else NAME.lock.yml.",
)
@output_option
@pass_session
def lock(session: Session, file: str, to: Path | None) -> None:
    """Find the exact packages that FILE comes to now, and keep them.

    FILE is a requirements.txt of pip, an renv.lock or a file of tandemlab's own (.yml). What is
    written is a file of tandemlab's own with a lock: builds install exactly what it lists, packages
    of Python only with the hashes in it. A lock that is there is renewed.
    """
    from tandemlab.environments import (
        is_own_file,
        lock_environment,
        read_environment,
        save_environment,
    )
    from tandemlab.environments.files import check_own_name

    given = Path(file)
    path = to or (given if is_own_file(given) else given.with_name(f"{given.stem}.lock.yml"))
    check_own_name(path)
    locked = lock_environment(read_environment(given))
    save_environment(locked, path)
    python, r = locked.python.lock, locked.r.lock
    session.screen.record(
        _LOCKED,
        {
            "name": locked.name,
            "file": str(path),
            "python_packages": len(python.packages) if python else 0,
            "r_packages": len(r.packages) if r else 0,
        },
    )
    session.screen.suggest(f"environment build {path}")


@verb(
    "list",
    "tandemlab environment list",
    "tandemlab environment list --registered",
)
@click.option(
    "--registered",
    is_flag=True,
    help="Those that the workspace keeps by name, and the curated ones, instead.",
)
@workspace_option
@output_option
@pass_session
def list_(session: Session, registered: bool) -> None:
    """List the environments on this machine, the last used first."""
    from tandemlab.environments import EnvironmentCache, list_environments

    if registered:
        rows = [_registered_row(each) for each in list_environments(session.workspace())]
        session.screen.rows(_REGISTERED, rows)
        return
    found = [_row(each) for each in EnvironmentCache().built()]
    session.screen.rows(_LIST, found, empty="No environments yet.")


@verb(
    "register",
    "tandemlab environment register requirements.txt --name study",
    "tandemlab environment register renv.lock",
)
@click.argument("file", type=click.Path())
@click.option("--name", metavar="NAME", help="Its name; without it, that in FILE or of FILE.")
@workspace_option
@output_option
@pass_session
def register(session: Session, file: str, name: str | None) -> None:
    """Keep the environment that FILE describes in the workspace.

    It gets the next version of its name. Scripts then ask for it as NAME or NAME:VERSION. One that
    is the same as the newest version is that version.
    """
    from tandemlab.environments import read_environment, register_environment

    found = register_environment(session.workspace(), read_environment(file, name))
    session.screen.record(_REGISTERED, _registered_row(found))
    session.suggest(f"run submit --environment {found.name}:{found.version} train.py")


@verb("show", "tandemlab environment show sklearn", "tandemlab environment show study:3")
@click.argument("name", metavar="NAME[:VERSION]")
@workspace_option
@output_option
@pass_session
def show(session: Session, name: str) -> None:
    """Print a registered or curated environment, as a file has it."""
    import json

    from tandemlab.domain.documents import write_document
    from tandemlab.environments import get_environment

    content = get_environment(session.workspace(), name).environment.to_dict()
    if session.screen.format == "json":
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        click.echo(write_document(content), nl=False)


@verb("prune", "tandemlab environment prune --unused-days 90")
@unused_days_option("Remove what no run has asked for in so many days.")
@output_option
@pass_session
def prune(session: Session, unused_days: float) -> None:
    """Remove environments that have not been used for long.

    What interrupted builds left goes, too. What a job or a service uses now stays, and what was
    asked for within the hour, since a run may be about to start with it. A run that needs one of
    those removed builds it again.
    """
    from tandemlab.environments import EnvironmentCache

    removed = EnvironmentCache().prune(unused_days=unused_days)
    session.screen.rows(_LIST, [_row(each) for each in removed], empty="Nothing to remove.")


for command in (build, lock, list_, register, show, prune):
    environment.add_command(command)
