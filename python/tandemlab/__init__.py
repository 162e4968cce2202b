"""One lab for R and Python: workspaces, experiments, runs and what trains in them.

Names are loaded when they are first used, so that ``import tandemlab`` costs next to nothing.

>>> import tandemlab
>>> tandemlab.RunStatus.COMPLETED.is_terminal
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.lazy import loader
from tandemlab.version import __version__

if TYPE_CHECKING:
    from tandemlab.compute import (
        ComputeTarget,
        LocalTarget,
        RayCompute,
        RemoteCompute,
        SlurmCompute,
        SparkCompute,
    )
    from tandemlab.data import Dataset, Datastore
    from tandemlab.domain import RunStatus, TandemlabError
    from tandemlab.environments import Environment
    from tandemlab.models import Model
    from tandemlab.server.opening import open_studio
    from tandemlab.services import InferenceConfig, LocalWebservice, deploy_model
    from tandemlab.tracking import (
        Experiment,
        Keyvault,
        Run,
        Workspace,
        compare_runs,
        get_current_run,
    )
    from tandemlab.training import (
        Chainer,
        Estimator,
        PyTorch,
        RunConfiguration,
        ScriptRunConfig,
        SKLearn,
        SparkConfiguration,
        TensorFlow,
    )

_HOMES = {
    "Chainer": "tandemlab.training",
    "ComputeTarget": "tandemlab.compute",
    "Dataset": "tandemlab.data",
    "Datastore": "tandemlab.data",
    "Environment": "tandemlab.environments",
    "Estimator": "tandemlab.training",
    "Experiment": "tandemlab.tracking",
    "InferenceConfig": "tandemlab.services",
    "Keyvault": "tandemlab.tracking",
    "LocalTarget": "tandemlab.compute",
    "LocalWebservice": "tandemlab.services",
    "Model": "tandemlab.models",
    "PyTorch": "tandemlab.training",
    "RayCompute": "tandemlab.compute",
    "RemoteCompute": "tandemlab.compute",
    "Run": "tandemlab.tracking",
    "RunConfiguration": "tandemlab.training",
    "RunStatus": "tandemlab.domain",
    "SKLearn": "tandemlab.training",
    "ScriptRunConfig": "tandemlab.training",
    "SlurmCompute": "tandemlab.compute",
    "SparkCompute": "tandemlab.compute",
    "SparkConfiguration": "tandemlab.training",
    "TandemlabError": "tandemlab.domain",
    "TensorFlow": "tandemlab.training",
    "Workspace": "tandemlab.tracking",
    "compare_runs": "tandemlab.tracking",
    "deploy_model": "tandemlab.services",
    "get_current_run": "tandemlab.tracking",
    "open_studio": "tandemlab.server.opening",
}

__all__ = [
    "Chainer",
    "ComputeTarget",
    "Dataset",
    "Datastore",
    "Environment",
    "Estimator",
    "Experiment",
    "InferenceConfig",
    "Keyvault",
    "LocalTarget",
    "LocalWebservice",
    "Model",
    "PyTorch",
    "RayCompute",
    "RemoteCompute",
    "Run",
    "RunConfiguration",
    "RunStatus",
    "SKLearn",
    "ScriptRunConfig",
    "SlurmCompute",
    "SparkCompute",
    "SparkConfiguration",
    "TandemlabError",
    "TensorFlow",
    "Workspace",
    "__version__",
    "compare_runs",
    "deploy_model",
    "get_current_run",
    "open_studio",
]

__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
