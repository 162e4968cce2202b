"""Search for the learning rate, the size and the penalty of a small network; from Python.

python examples/sweep/submit.py

The workspace is the folder `lab` in the working directory.
"""

from __future__ import annotations

from pathlib import Path

from tandemlab import ScriptRunConfig, Workspace
from tandemlab.sweeps import (
    BayesianParameterSampling,
    HyperDriveConfig,
    MedianStoppingPolicy,
    choice,
    loguniform,
)

config = HyperDriveConfig(
    run_config=ScriptRunConfig(Path(__file__).parent, "train.R", arguments={"epochs": 60}),
    hyperparameter_sampling=BayesianParameterSampling(
        {
            "rate": loguniform(0.001, 1),
            "units": choice(2, 4, 8, 16),
            "penalty": loguniform(1e-5, 0.1),
        },
        seed=1,
    ),
    policy=MedianStoppingPolicy(delay_evaluation=3),
    primary_metric_name="log_loss",
    primary_metric_goal="minimize",
    max_total_runs=12,
)
run = Workspace.create("lab", exist_ok=True).experiment("iris").submit(config)
run.wait_for_completion(show_output=True)
for each in run.get_children_sorted_by_primary_metric(top=5):
    print(f"{each['best_primary_metric']:.4f}", each["status"], each["hyperparameters"])
