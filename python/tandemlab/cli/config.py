"""``tandemlab config``: run configurations in files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from tandemlab.cli.commands import Noun, complete_config, output_option, pass_session, verb
from tandemlab.cli.session import Session
from tandemlab.cli.tables import Column

config = Noun("config")

_LIST = (
    Column("name", whole=True),
    Column("file"),
)

_source_option = click.option(
    "--source-directory",
    "--source",
    metavar="DIR",
    default=".",
    help="The folder beside whose scripts they are. Without it, the working directory.",
)


@verb("list", "tandemlab config list")
@_source_option
@output_option
@pass_session
def list_(session: Session, source_directory: str) -> None:
    """List the run configurations beside a source.

    They are .tandemlab/NAME.yml, and SDK v1's .azureml/NAME.runconfig and
    aml_config/NAME.runconfig.
    """
    from tandemlab.training.configuration_files import configurations

    found = configurations(Path(source_directory))
    rows = [{"name": name, "file": str(file)} for name, file in sorted(found.items())]
    session.screen.rows(_LIST, rows, empty="No run configurations here.")


@verb(
    "show",
    "tandemlab config show cpu",
    "tandemlab config show .azureml/cpu.runconfig > .tandemlab/cpu.yml",
)
@click.argument("name", metavar="NAME|FILE", shell_complete=complete_config)
@_source_option
@output_option
@pass_session
def show(session: Session, name: str, source_directory: str) -> None:
    """Check a run configuration, and print what it comes to.

    Mistakes are told with file, line and key. A .runconfig file of SDK v1 is printed in
    tandemlab's own form; what has no meaning here is named in a warning.
    """
    from tandemlab.domain.documents import write_document
    from tandemlab.training import RunConfiguration

    is_file = Path(name).is_file()
    found = (
        RunConfiguration.load(name) if is_file else RunConfiguration.load(source_directory, name)
    )
    content = found.to_dict()
    if session.screen.format == "json":
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        sys.stdout.write(write_document(content) if content else "{}\n")


@verb("schema", "tandemlab config schema > .tandemlab/schema.json")
def schema() -> None:
    """Print the JSON Schema of run configurations.

    Editors complete and check files by it: with the YAML language server (VS Code, Neovim,
    Emacs) the first line of a file says so: "# yaml-language-server: $schema=schema.json". Files
    that tandemlab writes have that line, and the schema beside them.
    """
    from tandemlab.training.configuration_files import run_configuration_schema

    click.echo(json.dumps(run_configuration_schema(), indent=2))


for command in (list_, show, schema):
    config.add_command(command)
