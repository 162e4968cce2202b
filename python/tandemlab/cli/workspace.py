"""``tandemlab workspace``: make, find and delete workspaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    Noun,
    complete_workspace,
    output_option,
    pass_session,
    seconds,
    tag_option,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.forms import counted, tag_text
from tandemlab.cli.session import Session, find_workspace
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.domain.findings import Finding
    from tandemlab.tracking import Workspace

workspace = Noun("workspace")

_STORAGE = 7

_CONFIG_FILES = (".tandemlab/config.json", ".azureml/config.json", "aml_config/config.json")

_LIST = (
    Column("name", whole=True),
    Column("path", whole=True),
    Column("current"),
)
_FINDINGS = (
    Column("code", whole=True),
    Column("state", colours={"open": "red", "repaired": "green"}),
    Column("where", whole=True),
    Column("problem"),
    Column("repair"),
)
_GARBAGE = (
    Column("contents"),
    Column("bytes"),
    Column("young"),
    Column("kept"),
    Column("dry_run"),
)
_DETAILS = (
    Column("name"),
    Column("path"),
    Column("id"),
    Column("friendly_name"),
    Column("description"),
    Column("tags", form=tag_text),
    Column("created"),
    Column("store"),
    Column("artifacts"),
    Column("experiments"),
    Column("runs"),
)


def _details(found: Workspace) -> dict[str, Any]:
    from datetime import datetime

    details = found.get_details()
    created = datetime.fromisoformat(str(details["created"]).replace("Z", "+00:00"))
    return {**{column.name: details.get(column.name) for column in _DETAILS}, "created": created}


@verb(
    "create",
    "tandemlab workspace create lab",
    "tandemlab workspace create ~/labs/crashes --tag team=safety --exist-ok",
    "tandemlab workspace create team --store postgresql://ana@db.example.org/lab --exist-ok",
    "tandemlab workspace create big --artifacts s3://bucket/big",
)
@click.argument("name_or_path")
@click.option("--friendly-name", metavar="TEXT", help="A longer name to show to people.")
@click.option("--description", metavar="TEXT", help="What the workspace is for.")
@tag_option("A label of the workspace. May be given several times.", needs_value=True)
@click.option(
    "--store",
    metavar="URL",
    help="A PostgreSQL database for runs and metrics, such as postgresql://ana@host/lab; its "
    "password comes from PGPASSWORD or ~/.pgpass. Without it they are in the folder.",
)
@click.option(
    "--artifacts",
    metavar="URL",
    help="Where the contents of files are kept, such as s3://bucket/prefix or another folder; keys "
    "come from AWS_ACCESS_KEY_ID and so on. Without it they are in the folder.",
)
@click.option(
    "--exist-ok",
    is_flag=True,
    help="Take a workspace that is there already, and join a database that holds one.",
)
@click.option(
    "--no-config",
    is_flag=True,
    help="Do not write .tandemlab/config.json into the working directory.",
)
@output_option
@pass_session
def create(
    session: Session,
    name_or_path: str,
    friendly_name: str | None,
    description: str | None,
    labels: Mapping[str, str | None],
    store: str | None,
    artifacts: str | None,
    exist_ok: bool,
    no_config: bool,
) -> None:
    """Make a workspace, and have commands in this folder use it.

    NAME_OR_PATH is the folder to make; its last part is the workspace's name. A file
    .tandemlab/config.json in the working directory then leads commands that run there, or
    anywhere below, to the workspace. A file of that kind that is there already stays as it is.
    """
    from tandemlab.tracking import Workspace

    here = Path.cwd()
    found = Workspace.create(
        name_or_path,
        friendly_name=friendly_name,
        description=description,
        tags={name: value or "" for name, value in labels.items()},
        store=store,
        artifacts=artifacts,
        exist_ok=exist_ok,
    )
    if not no_config:
        _point_to(found, here, session)
    session.screen.record(_DETAILS, _details(found))
    session.screen.suggest("run submit train.py")


def _point_to(found: Workspace, here: Path, session: Session) -> None:
    """Write a config.json unless there is one, or the folder is the workspace itself."""
    from tandemlab.domain import StorageError

    present = [here / name for name in _CONFIG_FILES if (here / name).exists()]
    if found.address == str(here):
        return
    if present:
        if not _leads_to(present[0], found):
            session.screen.warn(
                f"{present[0]} leads to another workspace and stays as it is; "
                f"reach this one with `--workspace {found.address}`."
            )
        return
    try:
        file = found.write_config(here)
    except StorageError as error:
        session.screen.warn(f"{error.message} Commands here need --workspace {found.address}.")
    else:
        session.screen.note(f"Wrote {file}: commands in this folder use the workspace.")


def _leads_to(file: Path, found: Workspace) -> bool:
    from tandemlab.domain import TandemlabError
    from tandemlab.tracking import Workspace

    try:
        return Workspace.from_config(file).address == found.address
    except TandemlabError:
        return False


@verb("list", "tandemlab workspace list", "tandemlab workspace list -o json")
@output_option
@pass_session
def list_(session: Session) -> None:
    """List the workspaces that you have used on this machine.

    The current one is the workspace that commands without --workspace would use here.
    """
    from tandemlab.domain import TandemlabError
    from tandemlab.tracking.known import known_workspaces

    try:
        current = session.workspace().address
    except TandemlabError:
        current = None
    rows = [
        {"name": name, "path": path, "current": path == current}
        for path, name in sorted(known_workspaces().items())
    ]
    session.screen.rows(_LIST, rows, empty="No workspaces are known.")
    session.screen.suggest("workspace show" if rows else "workspace create lab")


@verb("show", "tandemlab workspace show", "tandemlab workspace show lab -o json")
@click.argument("name_or_path", required=False, shell_complete=complete_workspace)
@workspace_option
@output_option
@pass_session
def show(session: Session, name_or_path: str | None) -> None:
    """Show what a workspace is and how much it holds.

    NAME_OR_PATH says which; without it, it is the one that commands use here.
    """
    found = session.workspace() if name_or_path is None else find_workspace(name_or_path)
    session.screen.record(_DETAILS, _details(found))
    _goes_on_in(session, name_or_path)
    session.suggest("experiment list")


@verb(
    "check",
    "tandemlab workspace check",
    "tandemlab workspace check lab --repair",
    "tandemlab workspace check --deep -o json",
)
@click.argument("name_or_path", required=False, shell_complete=complete_workspace)
@click.option("--repair", is_flag=True, help="Repair what can be without losing anything.")
@click.option("--deep", is_flag=True, help="Read all contents, to compare them with their digests.")
@workspace_option
@output_option
@pass_session
def check(session: Session, name_or_path: str | None, repair: bool, deep: bool) -> None:
    """Look for damage in a workspace, and repair it.

    NAME_OR_PATH says which; without it, it is the one that commands use here. The database, the
    directories of the runs, their event files and the contents of their files are compared with
    each other.

    `state` is open, repaired or note; a note does no harm. What a repair replaces is kept beside,
    with `damaged` in its name. The exit status is 7 if anything stays open.
    """
    found = session.workspace() if name_or_path is None else find_workspace(name_or_path)
    findings = found.check(repair=repair, deep=deep)
    rows = [_finding_row(finding) for finding in findings]
    session.screen.rows(_FINDINGS, rows, empty="Everything is as it should be.")
    if any(finding.is_open for finding in findings):
        can_repair = any(finding.is_open and finding.can_repair for finding in findings)
        if can_repair and not repair:
            session.suggest("workspace check --repair", *([name_or_path] if name_or_path else []))
        raise click.exceptions.Exit(_STORAGE)
    _goes_on_in(session, name_or_path)
    session.suggest("run list")


def _goes_on_in(session: Session, name_or_path: str | None) -> None:
    """Have suggestions be for the workspace that was typed as an argument."""
    if name_or_path is not None:
        session.workspace_name, session.is_workspace_typed = name_or_path, True


def _finding_row(finding: Finding) -> dict[str, str]:
    state = "note" if finding.is_note else "repaired" if finding.repaired else "open"
    return {
        "code": finding.code,
        "state": state,
        "where": finding.where,
        "problem": finding.problem,
        "repair": finding.repair,
    }


@verb(
    "gc",
    "tandemlab workspace gc --dry-run",
    "tandemlab workspace gc lab --older-than 7d",
)
@click.argument("name_or_path", required=False, shell_complete=complete_workspace)
@click.option(
    "--older-than",
    metavar="TIME",
    default="1d",
    show_default=True,
    callback=seconds,
    help="Only what nobody has put for so long, such as 12h or 7d; at least 1h.",
)
@click.option("--dry-run", is_flag=True, help="Count what would go, and remove nothing.")
@click.option(
    "--take-over",
    is_flag=True,
    help="Contents in S3 or another folder were those of a workspace folder that is gone, and "
    "that this one takes the place of: a restored backup, for instance.",
)
@workspace_option
@output_option
@pass_session
def gc(
    session: Session,
    name_or_path: str | None,
    older_than: float,
    dry_run: bool,
    take_over: bool,
) -> None:
    """Remove contents that no run and no asset needs any more.

    NAME_OR_PATH says which; without it, it is the one that commands use here. Deleting a run
    leaves its contents, since others may have the same. What is needed is never removed, and
    others may go on working meanwhile. `young` ones stay for now: they may belong to a run that is
    just being made.
    """
    found = session.workspace() if name_or_path is None else find_workspace(name_or_path)
    garbage = found.gc(older_than, dry_run, take_over=take_over)
    session.screen.record(_GARBAGE, asdict(garbage))
    if dry_run and garbage.contents:
        words = ["--take-over"] if take_over else []
        session.suggest("workspace gc", *words, *([name_or_path] if name_or_path else []))


@verb("delete", "tandemlab workspace delete lab", "tandemlab workspace delete ~/labs/old --yes")
@click.argument("name_or_path", shell_complete=complete_workspace)
@yes_option
@output_option
@pass_session
def delete(session: Session, name_or_path: str, yes: bool) -> None:
    """Delete a workspace with all its experiments, runs and files.

    NAME_OR_PATH says which. There is no way back, so this asks first. A workspace with jobs
    that are queued or running is not deleted. The result is the workspace as it was.
    """
    found = find_workspace(name_or_path)
    details = _details(found)
    question = (
        f"Delete the workspace {details['name']!r} at {found.address} with "
        f"{counted(details['runs'], 'run')} in {counted(details['experiments'], 'experiment')}?"
    )
    if session.screen.confirm(question, yes=yes):
        found.delete()
        session.screen.record(_DETAILS, details)
        session.screen.note(f"Deleted {found.address}.")
        if details["store"] is not None:
            session.screen.note(f"The database {details['store']} stays as it is.")
        if details["artifacts"] is not None:
            session.screen.note(f"The contents at {details['artifacts']} stay as they are.")
        session.screen.suggest("workspace list")


for command in (create, list_, show, check, gc, delete):
    workspace.add_command(command)
