"""``tandemlab run cancel``, ``wait``, ``tag``, ``untag``, ``update`` and ``delete``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from tandemlab.cli.commands import (
    output_option,
    pass_session,
    run_argument,
    seconds,
    tags,
    verb,
    workspace_option,
    yes_option,
)
from tandemlab.cli.run.rows import RUN, run_row, show_run, show_runs
from tandemlab.cli.session import Session

if TYPE_CHECKING:
    from tandemlab.tracking import Run


def _find(session: Session, references: Sequence[str]) -> list[Run]:
    """The runs, all of them found before anything is done to one."""
    from tandemlab.cli.references import find_run

    workspace = session.workspace()
    return list(dict.fromkeys(find_run(workspace, reference) for reference in references))


@verb("cancel", "tandemlab run cancel accidents/3", "tandemlab run cancel accidents/3 accidents/4")
@run_argument(several=True)
@workspace_option
@output_option
@pass_session
def cancel(session: Session, references: Sequence[str]) -> None:
    """Cancel runs that have not ended.

    A script and all processes that it started are asked to end, and ended when they do not. What
    they logged stays. The command does not wait for that.
    """
    runs = _find(session, references)
    for run in runs:
        run.cancel()
    session.suggest("run wait", show_runs(session, runs))


@verb("wait", "tandemlab run wait accidents/3", "tandemlab run wait latest --timeout 15m -o json")
@run_argument(several=True)
@click.option(
    "--timeout",
    metavar="TIME",
    callback=seconds,
    help="Give up after so long, such as 90s, 15m or 2h; the runs go on.",
)
@workspace_option
@output_option
@pass_session
def wait(session: Session, references: Sequence[str], timeout: float | None) -> None:
    """Wait until runs have ended.

    The exit status is 6 if one of them failed or was canceled, and 5 if the time was not enough.
    `tandemlab run logs --follow` shows the output meanwhile.
    """
    import time

    from tandemlab.domain import RunFailed

    runs = _find(session, references)
    start = time.monotonic()
    failures = []
    for run in runs:
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - start))
        try:
            run.wait_for_completion(timeout_seconds=left)
        except RunFailed as error:
            failures.append(error)
    first = show_runs(session, runs)
    if failures:
        raise failures[0]
    session.suggest("run metrics", first)


@verb("tag", "tandemlab run tag accidents/3 data=2002 best")
@run_argument()
@click.argument("labels", metavar="NAME[=VALUE]...", nargs=-1, required=True, callback=tags)
@workspace_option
@output_option
@pass_session
def tag(session: Session, reference: str, labels: Mapping[str, str | None]) -> None:
    """Mark a run with tags.

    RUN is an id, the start of an id, EXPERIMENT/NUMBER or latest. A tag that the run has already
    gets the new value.
    """
    from tandemlab.tracking.experiment import check_tags

    (run,) = _find(session, [reference])
    run.set_tags(check_tags(labels))
    show_run(session, run)
    name, value = next(iter(labels.items()))
    session.suggest("run list --tag", name if value is None else f"{name}={value}")


@verb("untag", "tandemlab run untag accidents/3 best")
@run_argument()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@workspace_option
@output_option
@pass_session
def untag(session: Session, reference: str, names: Sequence[str]) -> None:
    """Take tags off a run.

    If the run has no such tag, that is an error, and no tag is taken off.
    """
    from tandemlab.domain import NotFound

    (run,) = _find(session, [reference])
    present = run.tags
    for name in names:
        if name not in present:
            raise NotFound(
                f"Run {reference} has no tag {name!r}.",
                hint=f"It has {', '.join(present) or 'no tags'}.",
                details={"name": name},
            )
    run.remove_tags(names)
    session.suggest("run show", show_run(session, run))


@verb(
    "update",
    "tandemlab run update accidents/3 --display-name 'glm on all years'",
    "tandemlab run update latest --description 'with the airbag column'",
)
@run_argument()
@click.option("--display-name", metavar="TEXT", help="A new name for people.")
@click.option("--description", metavar="TEXT", help="What the run is about.")
@workspace_option
@output_option
@pass_session
def update(
    session: Session, reference: str, display_name: str | None, description: str | None
) -> None:
    """Change a run's display name or description."""
    if display_name is None and description is None:
        raise click.UsageError("Give --display-name or --description.")
    (run,) = _find(session, [reference])
    if display_name is not None:
        run.display_name = display_name
    if description is not None:
        run.description = description
    session.suggest("run show", show_run(session, run))


@verb("delete", "tandemlab run delete accidents/3", "tandemlab run delete --yes demo/1 demo/2")
@run_argument(several=True)
@yes_option
@workspace_option
@output_option
@pass_session
def delete(session: Session, references: Sequence[str], yes: bool) -> None:
    """Delete runs that have ended.

    What they logged and their files go too. There is no way back, so this asks first. The result
    are the runs as they were.
    """
    runs = _find(session, references)
    rows = [run_row(run.record) for run in runs]
    names = ", ".join(str(row["run"]) for row in rows)
    if session.screen.confirm(f"Delete {names} for good?", yes=yes):
        for run in runs:
            run.delete()
        session.screen.rows(RUN, rows)
        session.screen.note(f"Deleted {names}.")
        session.suggest("run list")
