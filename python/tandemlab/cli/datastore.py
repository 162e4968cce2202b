"""``tandemlab datastore``: places for data, and copying files into and out of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.addresses import ask_secret, ssh_host
from tandemlab.cli.commands import (
    Noun,
    complete_datastore,
    output_option,
    pass_session,
    tag_option,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.forms import counted, size
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

if TYPE_CHECKING:
    from tandemlab.data import Datastore
    from tandemlab.data.datastores.transfer import Transfer

datastore = Noun("datastore")

_STORES = (
    Column("name", whole=True),
    Column("kind"),
    Column("location"),
    Column("default"),
    Column("credentials", rank=1),
    Column("version", right=True, rank=2),
    Column("created", rank=2),
    Column("description", rank=1),
    Column("tags", rank=3),
)
_FILES = (Column("name", whole=True), Column("size", right=True, form=size), Column("modified"))
_COPIED = (
    Column("datastore"),
    Column("copied", right=True),
    Column("unchanged", right=True),
    Column("bytes", right=True, form=size),
)

_name_argument = click.argument("name", shell_complete=complete_datastore)
_datastore_option = click.option(
    "--datastore",
    "-d",
    "name",
    metavar="NAME",
    shell_complete=complete_datastore,
    help="The datastore; without it, the default one.",
)
_overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace files that have another content."
)


def _row(found: Datastore, default: str) -> dict[str, Any]:
    return {
        "name": found.name,
        "kind": found.kind,
        "location": found.location,
        "default": found.name == default,
        "credentials": found.has_credentials,
        "version": found.version,
        "created": found.created_time,
        "description": found.description,
        "tags": found.tags,
    }


def _found(session: Session, name: str | None) -> Datastore:
    from tandemlab.data import Datastore

    workspace = session.workspace()
    return Datastore.get_default(workspace) if name is None else Datastore.get(workspace, name)


def _show(session: Session, found: Datastore) -> None:
    from tandemlab.data import Datastore

    default = Datastore.get_default(found.workspace).name
    session.screen.record(_STORES, _row(found, default))


@verb("list", "tandemlab datastore list", "tandemlab datastore list -o json")
@workspace_option
@output_option
@pass_session
def list_(session: Session) -> None:
    """List the datastores of the workspace."""
    from tandemlab.data import Datastore

    workspace = session.workspace()
    default = Datastore.get_default(workspace).name
    session.screen.rows(_STORES, [_row(each, default) for each in Datastore.list(workspace)])
    session.suggest("datastore files --datastore", default)


@verb("show", "tandemlab datastore show", "tandemlab datastore show sales")
@click.argument("name", required=False, shell_complete=complete_datastore)
@workspace_option
@output_option
@pass_session
def show(session: Session, name: str | None) -> None:
    """Show a datastore; without NAME, the default one. Credentials are never shown."""
    _show(session, _found(session, name))


@verb(
    "register",
    "tandemlab datastore register scans /mnt/scans",
    "tandemlab datastore register sales s3://sales/2026 --access-key-id AKIA… < secret.txt",
    "tandemlab datastore register lake sftp://ana@host/data --private-key ~/.ssh/id_ed25519",
    "tandemlab datastore register crm postgresql://ana@host/crm --secret",
)
@click.argument("name")
@click.argument("address")
@click.option("--endpoint", metavar="URL", help="Server of a bucket that is not Amazon's.")
@click.option("--region", help="Region of a bucket.")
@click.option("--profile", help="Profile of your AWS settings.")
@click.option("--access-key-id", metavar="ID", help="Access key of a bucket; asks for its secret.")
@click.option("--private-key", metavar="FILE", type=click.Path(), help="Private key for SFTP.")
@click.option("--host-key", metavar="KEY", help="Host key for SFTP, such as 'ssh-ed25519 AAAA…'.")
@click.option("--secret", is_flag=True, help="Ask for the password, or that of the private key.")
@click.option("--description", help="What it is for.")
@tag_option("A label.", needs_value=True)
@click.option("--create", is_flag=True, help="Make the folder or bucket if it is not there.")
@click.option("--skip-validation", is_flag=True, help="Do not look whether it can be used.")
@workspace_option
@output_option
@pass_session
def register(session: Session, /, name: str, address: str, **options: Any) -> None:
    """Register a place for data as a datastore.

    ADDRESS says what kind it is: the path of a folder, s3://BUCKET/PREFIX,
    sftp://USER@HOST:PORT/PATH, or SQLAlchemy's address of a database, such as
    postgresql://USER@HOST/DATABASE. A name that is there gets its next version.

    Secrets are asked for without showing them; where the input is not a terminal, the secret is
    read from there. They go to the workspace's keyvault, and are no arguments: other users could
    see those in the list of processes.
    """
    found = _registered(session, name, address, options)
    _show(session, found)
    session.suggest(
        "datastore files --datastore" if found.kind != "sql" else "datastore show", name
    )


def _registered(session: Session, name: str, address: str, options: dict[str, Any]) -> Datastore:
    from tandemlab.data import Datastore
    from tandemlab.data.datastores.registrations import check_datastore_name

    workspace = session.workspace()
    check_datastore_name(name)
    common = {
        "description": options["description"],
        "tags": {label: value or "" for label, value in options["labels"].items()},
        "skip_validation": options["skip_validation"],
    }
    scheme, _, rest = address.partition("://")
    kind = scheme if rest and scheme in _PLACES else "sql" if rest else "folder"
    _refuse_others(options, kind)
    if kind != "sql":
        common["create_if_not_exists"] = options["create"]
    if kind == "folder":
        return Datastore.register_folder(workspace, name, address, **common)
    if kind == "s3":
        return Datastore.register_s3(workspace, name, **_bucket(rest, options), **common)
    if kind == "sftp":
        host = ssh_host(
            address,
            private_key=options["private_key"],
            host_key=options["host_key"],
            asks_secret=options["secret"],
        )
        return Datastore.register_sftp(workspace, name, **host, **common)
    password = ask_secret("Password") if options["secret"] else None
    return Datastore.register_sql(workspace, name, address, password=password, **common)


_PLACES = ("s3", "sftp")
_FOR = {
    "endpoint": ("s3",),
    "region": ("s3",),
    "profile": ("s3",),
    "access_key_id": ("s3",),
    "private_key": ("sftp",),
    "host_key": ("sftp",),
    "secret": ("sftp", "sql"),
    "create": ("folder", "s3", "sftp"),
}


def _refuse_others(options: dict[str, Any], kind: str) -> None:
    for option, kinds in _FOR.items():
        if options[option] and kind not in kinds:
            raise click.UsageError(
                f"--{option.replace('_', '-')} is for addresses of {' and '.join(kinds)}, "
                f"and this one is of {kind}."
            )


def _bucket(rest: str, options: dict[str, Any]) -> dict[str, Any]:
    bucket, _, prefix = rest.partition("/")
    found = {each: options[each] for each in ("endpoint", "region", "profile", "access_key_id")}
    if options["access_key_id"]:
        found["secret_access_key"] = ask_secret("Secret access key")
    return {"bucket": bucket, "prefix": prefix, **found}


@verb("remove", "tandemlab datastore remove sales")
@_name_argument
@yes_option
@workspace_option
@output_option
@pass_session
def remove(session: Session, name: str, yes: bool) -> None:
    """Have the workspace forget a datastore, with its credentials. What it holds stays."""
    found = _found(session, name)
    if session.screen.confirm(f"Forget the datastore {name}, with its credentials?", yes=yes):
        found.unregister()
        session.screen.record(_STORES[:1], {"name": name})
        session.suggest("datastore list")


@verb("default", "tandemlab datastore default", "tandemlab datastore default sales")
@click.argument("name", required=False, shell_complete=complete_datastore)
@workspace_option
@output_option
@pass_session
def default(session: Session, name: str | None) -> None:
    """Show which datastore is the default one, or make NAME it."""
    found = _found(session, name)
    if name is not None:
        found.set_as_default()
    session.screen.record(_STORES[:1], {"name": found.name})


@verb(
    "upload",
    "tandemlab datastore upload cars/",
    "tandemlab datastore upload jan.csv feb.csv --to 2026 --datastore sales",
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option("--to", "target", metavar="FOLDER", help="Folder in the datastore; else its root.")
@_datastore_option
@_overwrite_option
@workspace_option
@output_option
@pass_session
def upload(
    session: Session, paths: tuple[str, ...], target: str | None, name: str | None, overwrite: bool
) -> None:
    """Copy files, and what is in folders, into a datastore.

    What is there already with the same content is not copied again, and what an interrupted copy
    has sent of a large file is used. A file has its name once all of it is there.
    """
    found = _found(session, name)
    folders = [path for path in paths if Path(path).is_dir()]
    files = [path for path in paths if path not in folders]
    done = [found.upload(folder, target, overwrite=overwrite) for folder in folders]
    if files:
        done.append(found.upload_files(files, target_path=target, overwrite=overwrite))
    _tell(session, found, done)
    session.suggest("datastore files --datastore", found.name, *([target] if target else []))


def _tell(session: Session, found: Datastore, done: list[Transfer]) -> None:
    copied = sum(len(each.copied) for each in done)
    unchanged = sum(len(each.unchanged) for each in done)
    total = sum(each.bytes for each in done)
    session.screen.record(
        _COPIED,
        {"datastore": found.name, "copied": copied, "unchanged": unchanged, "bytes": total},
    )


@verb(
    "download",
    "tandemlab datastore download copies/",
    "tandemlab datastore download copies/ --prefix 2026/ --datastore sales",
)
@click.argument("folder", type=click.Path())
@click.option("--prefix", metavar="TEXT", help="Only files whose names begin with this.")
@_datastore_option
@_overwrite_option
@workspace_option
@output_option
@pass_session
def download(
    session: Session, folder: str, prefix: str | None, name: str | None, overwrite: bool
) -> None:
    """Copy files of a datastore into a folder.

    They have their names below FOLDER, which is made if it is not there.
    """
    found = _found(session, name)
    _tell(session, found, [found.download(folder, prefix, overwrite=overwrite)])


@verb("files", "tandemlab datastore files", "tandemlab datastore files 2026/ --datastore sales")
@click.argument("prefix", default="")
@_datastore_option
@workspace_option
@output_option
@pass_session
def files(session: Session, prefix: str, name: str | None) -> None:
    """List the files of a datastore.

    Those whose names begin with PREFIX, or all.
    """
    found = _found(session, name)
    rows = [
        {"name": each.name, "size": each.size, "modified": each.time}
        for each in found.files_below(prefix)
    ]
    session.screen.rows(_FILES, rows, empty="No files.")
    session.screen.note(counted(len(rows), "file") if len(rows) > 1 else "")


for command in (list_, show, register, remove, default, upload, download, files):
    datastore.add_command(command)
