"""Train one of the examples as a run of an experiment.

    python examples/estimators/submit.py digits
    python examples/estimators/submit.py pytorch --processes 2

The workspace is the folder `lab` in the working directory.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tandemlab import Chainer, PyTorch, SKLearn, TensorFlow, Workspace

HERE = Path(__file__).resolve().parent
SCRIPTS = {
    "digits": (SKLearn, "digits.py", "1.9"),
    "pytorch": (PyTorch, "pytorch_shapes.py", "2.13"),
    "tensorflow": (TensorFlow, "tensorflow_shapes.py", "2.21"),
    "chainer": (Chainer, "chainer_shapes.py", "7.8"),
}

parser = argparse.ArgumentParser()
parser.add_argument("example", choices=SCRIPTS)
parser.add_argument("--processes", type=int, default=1)
arguments = parser.parse_args()

framework, script, version = SCRIPTS[arguments.example]
estimator = framework(
    HERE,
    entry_script=script,
    framework_version=version,
    process_count_per_node=arguments.processes,
)
run = Workspace.ensure("lab").experiment("estimators").submit(estimator)
run.wait_for_completion(show_output=True)
print(run.get_metrics())
