"""``tandemlab run submit``."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import (
    ScriptVerb,
    complete_config,
    experiment_option,
    output_option,
    pass_session,
    seconds,
    tag_option,
    variables,
    verb,
    workspace_option,
)
from tandemlab.cli.places import dataset_name, datastore_path
from tandemlab.cli.run.rows import run_row, show_run, show_runs
from tandemlab.cli.session import Session
from tandemlab.cli.spark import file_options, size_options, with_options

if TYPE_CHECKING:
    from tandemlab.domain.jobs import Input
    from tandemlab.environments import Environment
    from tandemlab.tracking import Run, Workspace
    from tandemlab.training import RunConfiguration, ScriptRunConfig
    from tandemlab.training.extra_packages import ExtraPackages


def read_inputs(
    context: click.Context, option: click.Parameter, words: tuple[str, ...]
) -> dict[str, Input]:
    """The inputs of several options ``NAME[:MODE]=WHAT``."""
    from tandemlab.domain.jobs import Input

    found = {}
    for word in words:
        names, equals, what = word.partition("=")
        name, _, mode = names.partition(":")
        if not (name and equals and what):
            raise click.BadParameter(f"{word!r} is not NAME[:MODE]=WHAT.")
        if dataset := dataset_name(what):
            found[name] = Input(mode=mode or "direct", dataset=dataset)
        elif place := datastore_path(what):
            files = place.to_input()
            found[name] = replace(files, mode=mode) if mode else files
        else:
            found[name] = Input(os.path.abspath(os.path.expanduser(what)), mode or "direct")
    return found


def _argument_sets(file: IO[str]) -> list[list[str]]:
    """The arguments of each run: a line of the file is one, in the words of a shell."""
    found = []
    for number, line in enumerate(file, 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as problem:
            raise click.UsageError(f"{file.name}, line {number}: {problem}.") from None
        if words:
            found.append(words)
    if not found:
        raise click.UsageError(f"{file.name} has no line with arguments.")
    return found


@verb(
    "submit",
    "tandemlab run submit train.py --epochs 10",
    "tandemlab run submit --wait --tag data=2002 accidents.R --data accidents.csv",
    "tandemlab run submit -e accidents --source . scripts/train.py",
    "tandemlab run submit --environment pytorch-2.13 --processes 2 train.py --epochs 10",
    "tandemlab run submit --target spark --executor-memory 4g --py-files tools.py train.py",
    "tandemlab run submit --config cpu",
    "tandemlab run submit --arguments-from - --max-concurrent 4 train.py --epochs 10",
    "tandemlab run submit --input cars=datastore:lake/2026 train.py '${inputs.cars}'",
    cls=ScriptVerb,
)
@click.argument("script", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@experiment_option("The experiment of the run. Without it, the script's name without extension.")
@click.option(
    "--config",
    "configuration",
    metavar="NAME|FILE",
    shell_complete=complete_config,
    help="How to run it: .tandemlab/NAME.yml in the source directory, or in the working directory, "
    "or the path of a file; .runconfig files of SDK v1 load, too. What is given here comes before "
    "what it says. It may name the script, or a command instead.",
)
@click.option(
    "--source-directory",
    "--source",
    metavar="DIR",
    help="The folder that is kept with the run and copied to where it runs; SCRIPT is inside it. "
    "Without it, the folder beside which the configuration is, or else that of the script.",
)
@click.option(
    "--target",
    metavar="NAME",
    help="The compute target to run on; local is this machine, and usual.",
)
@click.option(
    "--env",
    "environment_variables",
    multiple=True,
    metavar="NAME=VALUE",
    callback=variables,
    help="An environment variable of the script. May be given several times.",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME[:MODE]=WHAT",
    callback=read_inputs,
    help="A file or folder, dataset:NAME[:VERSION], or datastore:NAME/PATH, that the script reads; "
    "MODE is direct (usual), mount (usual for datastores) or download. ${inputs.NAME} in the "
    "arguments is the path. May be given several times.",
)
@click.option(
    "--environment",
    "environment_file",
    metavar="FILE|NAME",
    help="What the script needs: a requirements.txt, a conda file, an renv.lock or a file of "
    "tandemlab's own (.yml), or a registered or curated environment (NAME or NAME:VERSION). It is "
    "built before the script starts, once for all runs.",
)
@click.option(
    "--pip-package",
    "pip_packages",
    multiple=True,
    metavar="REQUIREMENT",
    help="What pip would be asked for, such as pandas>=2, beside the packages of the environment. "
    "May be given several times.",
)
@click.option(
    "--cran-package",
    "cran_packages",
    multiple=True,
    metavar="NAME",
    help="A package of R, likewise; one that this machine has is used from there.",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Run so many processes of the script, which find each other as those of torchrun, MPI and "
    "TensorFlow do. They log to the one run.",
)
@size_options()
@file_options()
@click.option(
    "--interpreter",
    metavar="PROGRAM",
    help="The program that runs the script. Without it, this Python for .py and Rscript for .R.",
)
@click.option(
    "--max-duration",
    metavar="TIME",
    callback=seconds,
    help="Stop the script after so long, such as 90s, 15m or 2h; the run has failed then.",
)
@click.option(
    "--arguments-from",
    metavar="FILE",
    type=click.File(encoding="utf-8", lazy=True),
    help="Submit a run for each line of the file (- is standard input), whose words come behind "
    "the script's arguments. What is quoted is one word; # begins a comment. Slurm is given them "
    "as job arrays.",
)
@click.option(
    "--max-concurrent",
    "max_concurrent_runs",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --arguments-from: how many of the runs run at once, at most.",
)
@click.option("--display-name", metavar="TEXT", help="A name for people; made up without it.")
@tag_option("A tag of the run. May be given several times.")
@click.option(
    "--wait/--no-wait",
    default=False,
    help="Print what the script prints, as it does, until it ends; or return at once, as is usual.",
)
@workspace_option
@output_option
@pass_session
def submit(
    session: Session,
    /,
    script: str | None,
    arguments: Sequence[str],
    experiment: str | None,
    configuration: str | None,
    source_directory: str | None,
    target: str | None,
    environment_variables: Mapping[str, str],
    inputs: Mapping[str, Input],
    environment_file: str | None,
    pip_packages: tuple[str, ...],
    cran_packages: tuple[str, ...],
    processes: int | None,
    interpreter: str | None,
    max_duration: float | None,
    arguments_from: IO[str] | None,
    max_concurrent_runs: int | None,
    display_name: str | None,
    labels: Mapping[str, str | None],
    wait: bool,
    **of_spark: Any,
) -> None:
    """Run a script of Python or R as a run of an experiment.

    SCRIPT is the path of a .py or .R file; with --config it may stand there. Everything behind it
    is handed to the script; options of this command come before it.

    With --wait the command ends when the run does, with status 6 if the run failed or was
    canceled. What the script prints goes to standard output, but with `-o json` and `-o tsv` to
    standard error, so that standard output holds the run alone. With --arguments-from it ends when
    all runs have, and prints them alone.
    """
    from tandemlab.domain.jobs import Distribution
    from tandemlab.environments.files import environment_of
    from tandemlab.training import RunConfiguration, ScriptRunConfig
    from tandemlab.training.extra_packages import ExtraPackages, r_packages
    from tandemlab.training.places import named_inputs

    if max_concurrent_runs is not None and arguments_from is None:
        raise click.UsageError("--max-concurrent goes with --arguments-from.")
    base = RunConfiguration()
    if configuration is not None:
        base, home = _load(configuration, source_directory)
        source_directory = source_directory or home
    elif script is None:
        raise click.UsageError("Missing argument 'SCRIPT', or an option '--config'.")
    source, name = locate(script, source_directory) if script else (source_directory, None)
    workspace = session.workspace()
    packages = ExtraPackages(pip_packages, cran=r_packages(cran_packages))
    config = ScriptRunConfig(
        source or ".",
        name,
        arguments=list(arguments) or None,
        compute_target=target,
        environment_variables={**base.environment_variables, **environment_variables},
        inputs={**named_inputs(base.inputs), **inputs},
        interpreter=interpreter,
        max_run_duration_seconds=max_duration,
        environment=_with_packages(
            packages, environment_of(environment_file) or base.environment, workspace
        ),
        distribution=None if processes is None else Distribution(processes),
        spark=with_options(base.spark, of_spark),
        run_config=base.replace(command=None) if script else base,
    )
    config.check(workspace)  # before the experiment is made
    found = workspace.experiment(experiment or Path(config.script or configuration or "").stem)
    if arguments_from is not None:
        configs = [_with_arguments(config, words) for words in _argument_sets(arguments_from)]
        runs = found.submit_all(configs, labels, max_concurrent_runs=max_concurrent_runs)
        _show_all(session, runs, display_name, wait=wait)
        return
    run = found.submit(config, tags=labels)
    if display_name is not None:
        run.display_name = display_name
    if wait:
        wait_until_ended(session, run)
    else:
        session.suggest("run logs --follow", show_run(session, run))


def _with_arguments(config: ScriptRunConfig, more: Sequence[str]) -> ScriptRunConfig:
    """A configuration with more arguments behind its own.

    Raises:
        UsageError: it runs a command, which has none.
    """
    from tandemlab.training.languages import Language, format_arguments

    if config.script is None:
        raise click.UsageError("--arguments-from is for a script, and not for a command.")
    own = format_arguments(config.arguments, Language.of(config.script))
    return config.replace(arguments=[*own, *more])


def _show_all(session: Session, runs: list[Run], display_name: str | None, *, wait: bool) -> None:
    """Print runs that were submitted together, at once or when all have ended.

    Raises:
        RunFailed: they were waited for, and one did not complete.
    """
    from tandemlab.domain import RunFailed, RunStatus

    for run in runs:
        if display_name is not None:
            run.display_name = display_name
        if wait:
            run.wait_for_completion(raise_on_error=False)
    first = show_runs(session, runs)
    wrong = [run for run in runs if run.status is not RunStatus.COMPLETED] if wait else []
    if wrong:
        reference = run_row(wrong[0].record)["run"]
        raise RunFailed(
            f"{len(wrong)} of {len(runs)} runs did not complete.",
            hint=f"`tandemlab run show {reference}` tells more of the first.",
        )
    session.suggest("run metrics" if wait else "run logs --follow", first)


def _with_packages(
    packages: ExtraPackages, environment: Environment | str | None, workspace: Workspace
) -> Environment | str | None:
    """The environment with packages beside its own; one that has a name is looked up for that."""
    from tandemlab.environments import Environment, get_environment

    if not packages:
        return environment
    if isinstance(environment, str):
        environment = get_environment(workspace, environment).environment
    return packages.added_to(environment or Environment("packages"), Path())


def _load(configuration: str, source: str | None) -> tuple[RunConfiguration, str]:
    """A configuration by name or path, and the folder beside which it is."""
    from tandemlab.training import RunConfiguration
    from tandemlab.training.configuration_files import find_run_configuration, source_directory

    path = Path(configuration).expanduser()
    file = find_run_configuration(path) if path.is_file() else None
    file = file or find_run_configuration(source or ".", configuration)
    return RunConfiguration.load(file), os.path.abspath(source_directory(file))


def locate(script: str, source: str | None) -> tuple[str, str]:
    """The source directory, and the script's path inside it.

    A script is first looked for in the source directory that was given, then from the working
    directory.

    >>> locate("/home/ana/train.py", None), locate("scripts/train.py", "/home/ana")
    (('/home/ana', 'train.py'), ('/home/ana', 'scripts/train.py'))
    """
    path = Path(os.path.abspath(Path(script).expanduser()))
    if source is None:
        return str(path.parent), path.name
    folder = Path(os.path.abspath(Path(source).expanduser()))
    is_named_from_here = Path(script).is_absolute() or not (folder / script).is_file()
    if is_named_from_here and path.is_file() and path.is_relative_to(folder):
        return str(folder), path.relative_to(folder).as_posix()
    return str(folder), script


def wait_until_ended(session: Session, run: Run, *, next_verb: str = "run metrics") -> None:
    """Print what a run prints until it has ended.

    Raises:
        RunFailed: it did not complete.
    """
    from tandemlab.domain import RunFailed

    reference = run_row(run.record)["run"]
    session.screen.note(f"Run {reference} ({run.id})")
    failure = None
    try:
        if session.screen.is_for_people:
            run.wait_for_completion(show_output=True)
        else:
            with redirect_stdout(sys.stderr):
                run.wait_for_completion(show_output=True)
    except RunFailed as error:
        failure = error
    if not session.screen.is_for_people:
        show_run(session, run)
    if failure is not None:
        # What the script printed is on the screen already.
        message = failure.message.splitlines()[0]
        raise RunFailed(
            message, hint=f"`tandemlab run show {reference}` tells more.", details=failure.details
        ) from failure
    session.screen.note(f"Run {reference} is {run.status}.")
    session.suggest(next_verb, reference)
