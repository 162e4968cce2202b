"""Train in R and in Python as runs of one experiment, and compare them; from Python.

    .venv/bin/python examples/accidents/submit.py

The workspace is the folder `lab` in the working directory.
"""

from __future__ import annotations

from pathlib import Path

from prepare import prepare

from tandemlab import ScriptRunConfig, Workspace

HERE = Path(__file__).resolve().parent
COLUMNS = {
    "number": "run",
    "tags.language": "language",
    "metrics.accuracy": "accuracy",
    "metrics.log_loss": "log_loss",
    "metrics.auc": "auc",
    "duration": "seconds",
}

prepare()
workspace = Workspace.ensure("lab")
experiment = workspace.experiment("accidents")

config = ScriptRunConfig(
    HERE, "accidents.py", arguments={"data": "accidents.csv"}, compute_target="local"
)
runs = [experiment.submit(config), experiment.submit(config.replace(script="accidents.R"))]
for run in runs:
    print(f"\n{run.id}")
    run.wait_for_completion(show_output=True)

table = experiment.to_frame().set_index("run_id").loc[[run.id for run in runs]]
print(f"\n{table[list(COLUMNS)].rename(columns=COLUMNS).to_string(index=False)}")
