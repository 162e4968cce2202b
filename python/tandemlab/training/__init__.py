"""What to run: configurations that become runs."""

from tandemlab.domain.spark import SparkConfiguration
from tandemlab.training.estimators import Chainer, Estimator, PyTorch, SKLearn, TensorFlow
from tandemlab.training.run_configuration import RunConfiguration
from tandemlab.training.script_run_config import ScriptRunConfig

__all__ = [
    "Chainer",
    "Estimator",
    "PyTorch",
    "RunConfiguration",
    "SKLearn",
    "ScriptRunConfig",
    "SparkConfiguration",
    "TensorFlow",
]
