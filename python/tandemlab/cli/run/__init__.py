"""``tandemlab run``: submit scripts, and see what became of them."""

from tandemlab.cli.commands import Noun
from tandemlab.cli.pictures import plot_run
from tandemlab.cli.run.browse import list_, show
from tandemlab.cli.run.change import cancel, delete, tag, untag, update, wait
from tandemlab.cli.run.relate import compare, lineage
from tandemlab.cli.run.results import download, files, logs, metrics, snapshot
from tandemlab.cli.run.submit import submit

run = Noun("run")

for command in (
    submit,
    list_,
    show,
    logs,
    wait,
    cancel,
    metrics,
    plot_run,
    files,
    download,
    snapshot,
    compare,
    lineage,
):
    run.add_command(command)
for command in (tag, untag, update, delete):
    run.add_command(command)

__all__ = ["run"]
