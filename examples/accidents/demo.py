"""What `make demo` shows: R and Python train on real data in one experiment.

.venv/bin/python examples/accidents/demo.py
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from prepare import prepare

from tandemlab import Run, ScriptRunConfig, TandemlabError, Workspace

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
METRICS = {"accuracy": "accuracy", "log-loss": "log_loss", "AUC": "auc"}


def main() -> None:
    """Prepare, submit, wait, compare, and say how to go on."""
    say("People in car crashes in the US, 1997-2002: who died? (nassCDS.csv)")
    prepare()

    say("One experiment, one configuration for each language, on this machine")
    workspace = Workspace.ensure(ROOT / "lab")
    config = ScriptRunConfig(
        HERE, "accidents.R", arguments={"data": "accidents.csv"}, compute_target="local"
    )
    experiment = workspace.experiment("accidents")
    runs = [experiment.submit(config), experiment.submit(config.replace(script="accidents.py"))]
    for run in runs:
        print(f"submitted {run.record.definition['script']:12} as {run.id}")

    for run in runs:
        say(f"What {run.record.definition['script']} prints")
        run.wait_for_completion(show_output=True)

    say("The same model twice: R's glm and scikit-learn's LogisticRegression")
    print_table([comparison(run) for run in runs])
    in_r, in_python = (run.get_metrics("log_loss")["log_loss"] for run in runs)
    print(f"The two log-losses differ by {abs(in_r - in_python):.0e}.")

    print(f"\nEverything is in {workspace.path}; each run's files are in runs/ID/files.")
    say("To try next")
    if Path.cwd() != ROOT:
        print(f"cd {shlex.quote(str(ROOT))}")
    for command, meaning in next_commands(runs):
        print(f"{command}\n    # {meaning}")


def comparison(run: Run) -> dict[str, str]:
    """One row of the table."""
    record, metrics = run.record, run.get_metrics()
    return {
        "run": short_name(run),
        "language": str(record.tags["language"]),
        **{title: f"{metrics[name]:.6f}" for title, name in METRICS.items()},
        "seconds": f"{record.duration:.1f}",
    }


def short_name(run: Run) -> str:
    """What the command line calls a run."""
    return f"{run.record.experiment}/{run.record.number}"


def print_table(rows: Sequence[dict[str, str]]) -> None:
    """Print rows under their names: text to the left, numbers to the right."""
    names = list(rows[0])
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    for row in [
        {name: name for name in names},
        {name: "-" * widths[name] for name in names},
        *rows,
    ]:
        cells = (
            f"{row[name]:<{widths[name]}}" if place < 2 else f"{row[name]:>{widths[name]}}"
            for place, name in enumerate(names)
        )
        print("  ".join(cells).rstrip())


def next_commands(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Commands for a shell in the checkout, with what they do."""
    programs = Path(sys.prefix)
    if programs.is_relative_to(ROOT):
        programs = programs.relative_to(ROOT)
    tandemlab = shlex.quote(str(programs / "bin" / "tandemlab"))
    python = shlex.quote(str(programs / "bin" / "python"))
    run = f"{short_name(runs[0])} --workspace ./lab"
    return [
        (f"{tandemlab} run list --metrics --workspace ./lab", "every run, newest first"),
        (f"{tandemlab} run show {run}", "all that is known about a run"),
        (f"{tandemlab} run files {run}", "its model, plot and output"),
        ("Rscript examples/accidents/submit.R", "the same from R; or open it in RStudio"),
        (f"{python} examples/accidents/submit.py", "the same from Python"),
    ]


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except TandemlabError as error:
        sys.exit(f"\nThe demo stopped: {error}\n`tools/bootstrap demo` sets up R and Python.")
    except KeyboardInterrupt:
        sys.exit(130)
