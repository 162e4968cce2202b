"""What all commands have in common: examples in their help, and the options that many share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tandemlab.cli.session import Session

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

Function = TypeVar("Function", bound=Callable[..., Any])
Complete = Callable[[click.Context, click.Parameter, str], "list[str]"]

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

NOUNS = {
    "workspace": "Make, find, check and delete workspaces.",
    "experiment": "Make, list and archive experiments.",
    "run": "Submit scripts, and see what became of them.",
    "sweep": "Search for hyper-parameters, and see which are best.",
    "pipeline": "Check, run and publish pipelines, and see what became of them.",
    "component": "See what the designer's components do, which are steps of pipelines.",
    "draft": "Keep, run and publish pipelines as the designer draws them.",
    "automl": "Look for the best model of a table.",
    "schedule": "Have scripts and pipelines run by themselves.",
    "notification": "Have somebody told of what has ended.",
    "agent": "Have what runs scripts and schedules stay on this machine.",
    "config": "Show and check how scripts run, as kept in files.",
    "environment": "Build what scripts run with, once for all runs.",
    "model": "Keep models by name and version, and get them back.",
    "compute": "Attach machines and clusters that scripts run on.",
    "data": "Look into tables, convert them, and keep datasets.",
    "datastore": "Register places for data, and copy files into and out of them.",
    "service": "Deploy models as services on this machine, and ask them.",
    "keyvault": "Keep passwords and tokens for scripts.",
    "studio": "Open the workspace in the browser.",
    "server": "Serve workspaces to others, and log in to servers.",
    "sync": "Send to servers what was logged while they were away.",
    "doctor": "Say what Python and R are used, and what is to be repaired.",
    "completion": "Print what makes a shell complete commands.",
}

CONTEXT = {"help_option_names": ["-h", "--help"]}


class Verb(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, name: str | None, *, examples: Sequence[str] = (), **options: Any) -> None:
        options["context_settings"] = CONTEXT
        super().__init__(name, **options)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        write_examples(formatter, self.examples)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    """Write examples as they are: a command is not wrapped."""
    formatter.write_paragraph()
    formatter.write("Examples:\n")
    for example in examples:
        formatter.write(f"  {example}\n")


class ScriptVerb(Verb):
    """A command whose first argument is a script: all that comes behind it is for the script."""

    allow_interspersed_args = False


class Noun(click.Group):
    """A group of verbs; by itself it shows its help."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(
            name,
            help=options.pop("help", None) or NOUNS[name],
            callback=show_help,
            invoke_without_command=True,
            subcommand_metavar="COMMAND ...",
            context_settings=CONTEXT,
            **options,
        )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order in which they are usually needed."""
        return list(self.commands)


@click.pass_context
def show_help(context: click.Context) -> None:
    """Print a group's help where no verb was given."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def verb(name: str, *examples: str, cls: type[Verb] = Verb) -> Callable[[Callable[..., Any]], Verb]:
    """Make a function a verb; its docstring is the help text.

    Args:
        examples: command lines to end the help with.
    """
    return click.command(name, cls=cls, examples=examples)


pass_session = click.make_pass_decorator(Session)


def output_option(function: Function) -> Function:
    """``--output`` for commands that have a result."""
    return click.option(
        "--output",
        "-o",
        type=click.Choice(["table", "json", "tsv"]),
        default="table",
        is_eager=True,
        expose_value=False,
        callback=_set_format,
        help="How to print the result: a table for people, or JSON or tab-separated values for "
        "programs.  [default: table]",
    )(function)


def _set_format(context: click.Context, option: click.Parameter, value: str) -> None:
    context.ensure_object(Session).screen.format = value


def workspace_option(function: Function) -> Function:
    """``--workspace`` for commands that work in one."""
    return click.option(
        "--workspace",
        "-w",
        metavar="NAME|PATH|URL",
        envvar="TANDEMLAB_WORKSPACE",
        is_eager=True,
        expose_value=False,
        callback=_set_workspace,
        shell_complete=complete_workspace,
        help="The workspace to work in. Without it, TANDEMLAB_WORKSPACE says which, or else the "
        "working directory and the folders above it are searched.",
    )(function)


def _set_workspace(context: click.Context, option: click.Parameter, value: str | None) -> None:
    session = context.ensure_object(Session)
    session.workspace_name = value
    source = context.get_parameter_source("workspace")
    session.is_workspace_typed = source is click.core.ParameterSource.COMMANDLINE


def experiment_option(help: str) -> Callable[[Function], Function]:
    """``--experiment``, whose names the shell can complete."""
    return click.option(
        "--experiment", "-e", metavar="NAME", shell_complete=complete_experiment, help=help
    )


def run_argument(*, several: bool = False) -> Callable[[Function], Function]:
    """``RUN``: a reference to one run, or to several."""
    return click.argument(
        "references" if several else "reference",
        metavar="RUN..." if several else "RUN",
        nargs=-1 if several else 1,
        required=True,
        shell_complete=complete_run,
    )


def limit_option(function: Function) -> Function:
    """Adds ``--limit``: how many rows there are at the most."""
    return click.option(
        "--limit",
        "-n",
        type=click.IntRange(min=1),
        default=20,
        show_default=True,
        help="At most that many.",
    )(function)


def yes_option(function: Function) -> Function:
    """``--yes`` for what destroys something."""
    return click.option("--yes", "-y", is_flag=True, help="Go ahead without asking.")(function)


# Values of options


def tags(
    context: click.Context, option: click.Parameter, words: Iterable[str]
) -> dict[str, str | None]:
    """``NAME=VALUE`` or ``NAME``, given several times."""
    pairs = [word.partition("=") for word in words]
    return {name: value if equals else None for name, equals, value in pairs}


def tag_option(help: str, *, needs_value: bool = False) -> Callable[[Function], Function]:
    """The option ``--tag``, which gives the argument ``labels``."""
    metavar = "NAME=VALUE" if needs_value else "NAME[=VALUE]"
    return click.option("--tag", "labels", multiple=True, metavar=metavar, callback=tags, help=help)


def variables(
    context: click.Context, option: click.Parameter, words: Iterable[str]
) -> dict[str, str]:
    """``NAME=VALUE``, given several times."""
    for word in words:
        if not word.partition("=")[0] or "=" not in word:
            raise click.BadParameter(f"{word!r} is not of the form NAME=VALUE.", context, option)
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def seconds(context: click.Context, option: click.Parameter, word: str | None) -> float | None:
    """A length of time such as ``90``, ``30s``, ``15m``, ``1.5h`` or ``2d``."""
    if word is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", word)
    if found is None:
        raise click.BadParameter(
            f"{word!r} is not a length of time such as 90, 30s, 15m, 1.5h or 2d.", context, option
        )
    return float(found[1]) * _SECONDS[found[2]]


def all_of(
    options: Sequence[Callable[[Function], Function]],
) -> Callable[[Function], Function]:
    """What gives a command several options, in their order."""

    def added(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return added


# Completion


def complete_workspace(context: click.Context, option: click.Parameter, start: str) -> list[str]:
    """Names of known workspaces."""
    from tandemlab.tracking.known import known_workspaces

    return sorted(name for name in set(known_workspaces().values()) if name.startswith(start))


def complete_config(context: click.Context, option: click.Parameter, start: str) -> list[str]:
    """Names of run configurations beside the working directory."""
    from pathlib import Path

    from tandemlab.training.configuration_files import configurations

    return [name for name in configurations(Path()) if name.startswith(start)]


def complete_names(names: Callable[[Workspace], Iterable[str]]) -> Complete:
    """What offers names of a workspace; none where there is no workspace."""

    def complete(context: click.Context, option: click.Parameter, start: str) -> list[str]:
        return context.ensure_object(Session).complete(
            lambda workspace: [name for name in names(workspace) if name.startswith(start)]
        )

    return complete


def _runs(workspace: Workspace) -> Iterable[str]:
    from tandemlab.cli.references import newest_references

    return newest_references(workspace)


def _datastores(workspace: Workspace) -> Iterable[str]:
    from tandemlab.data import Datastore

    return [each.name for each in Datastore.list(workspace)]


def _compute_targets(workspace: Workspace) -> Iterable[str]:
    from tandemlab.compute import ComputeTarget

    return [each.name for each in ComputeTarget.list(workspace)]


complete_experiment = complete_names(lambda workspace: workspace.experiments)
complete_run = complete_names(_runs)
complete_secret = complete_names(lambda workspace: workspace.get_default_keyvault().list_secrets())
complete_datastore = complete_names(_datastores)
complete_compute = complete_names(_compute_targets)
