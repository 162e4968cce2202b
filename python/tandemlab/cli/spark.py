"""Options about Spark, by the names that ``spark-submit`` has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from tandemlab.cli.commands import Function, all_of, variables

if TYPE_CHECKING:
    from tandemlab.domain.spark import SparkConfiguration

_MODES = ("client", "cluster")


def _words(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in (text or "").split(","))))


def size_options() -> Callable[[Function], Function]:
    """What both a target may say for all its runs, and a run for itself."""
    count = click.IntRange(min=1)
    return all_of(
        [
            click.option("--driver-memory", metavar="SIZE", help="Spark: the driver's memory."),
            click.option("--executor-memory", metavar="SIZE", help="Spark: of each executor."),
            click.option("--executor-cores", type=count, help="Spark: of each executor."),
            click.option("--num-executors", type=count, help="Spark: how many executors."),
            click.option(
                "--deploy-mode", type=click.Choice(_MODES), help="Spark: where the driver runs."
            ),
            click.option(
                "--conf",
                multiple=True,
                metavar="NAME=VALUE",
                callback=variables,
                help="Spark: a property. May be given several times.",
            ),
        ]
    )


def file_options() -> Callable[[Function], Function]:
    """What only a run says."""
    helps = {
        "py_files": "Spark: modules for driver and executors, with commas between them.",
        "jars": "Spark: jars for their class paths, likewise.",
        "files": "Spark: files for each executor's working directory, likewise.",
        "archives": "Spark: archives that are unpacked there, FILE or FILE#FOLDER, likewise.",
        "packages": "Spark: GROUP:ARTIFACT:VERSION of Maven, likewise.",
        "repositories": "Spark: URLs where these are looked for, too, likewise.",
    }
    return all_of(
        [
            click.option(f"--{name.replace('_', '-')}", metavar="LIST", callback=_words, help=text)
            for name, text in helps.items()
        ]
    )


def with_options(base: SparkConfiguration, options: Mapping[str, Any]) -> SparkConfiguration:
    """A configuration with what the options of `size_options` and `file_options` say."""
    from dataclasses import replace

    given = {name: value for name, value in options.items() if value}
    properties = {**base.configuration, **given.pop("conf", {})}
    return replace(base, configuration=properties, **given)
