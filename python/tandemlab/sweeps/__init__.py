"""Sweeps: runs of a script with different hyper-parameters, and which of them are best."""

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.domain.early_termination import (
        ASHAPolicy,
        BanditPolicy,
        MedianStoppingPolicy,
        NoTerminationPolicy,
        PrimaryMetricGoal,
        TruncationSelectionPolicy,
    )
    from tandemlab.domain.search_spaces import (
        choice,
        lognormal,
        loguniform,
        normal,
        qlognormal,
        qloguniform,
        qnormal,
        quniform,
        randint,
        uniform,
    )
    from tandemlab.domain.sweeps import (
        BayesianParameterSampling,
        GridParameterSampling,
        RandomParameterSampling,
        SobolParameterSampling,
    )
    from tandemlab.sweeps.config import HyperDriveConfig
    from tandemlab.sweeps.sweep_run import HyperDriveRun, TrialState

_POLICIES = "tandemlab.domain.early_termination"
_SPACES = "tandemlab.domain.search_spaces"
_SWEEPS = "tandemlab.domain.sweeps"
_HOMES = {
    "ASHAPolicy": _POLICIES,
    "BanditPolicy": _POLICIES,
    "BayesianParameterSampling": _SWEEPS,
    "GridParameterSampling": _SWEEPS,
    "HyperDriveConfig": "tandemlab.sweeps.config",
    "HyperDriveRun": "tandemlab.sweeps.sweep_run",
    "MedianStoppingPolicy": _POLICIES,
    "NoTerminationPolicy": _POLICIES,
    "PrimaryMetricGoal": _POLICIES,
    "RandomParameterSampling": _SWEEPS,
    "SobolParameterSampling": _SWEEPS,
    "TrialState": "tandemlab.sweeps.sweep_run",
    "TruncationSelectionPolicy": _POLICIES,
    "choice": _SPACES,
    "lognormal": _SPACES,
    "loguniform": _SPACES,
    "normal": _SPACES,
    "qlognormal": _SPACES,
    "qloguniform": _SPACES,
    "qnormal": _SPACES,
    "quniform": _SPACES,
    "randint": _SPACES,
    "uniform": _SPACES,
}

__all__ = [
    "ASHAPolicy",
    "BanditPolicy",
    "BayesianParameterSampling",
    "GridParameterSampling",
    "HyperDriveConfig",
    "HyperDriveRun",
    "MedianStoppingPolicy",
    "NoTerminationPolicy",
    "PrimaryMetricGoal",
    "RandomParameterSampling",
    "SobolParameterSampling",
    "TrialState",
    "TruncationSelectionPolicy",
    "choice",
    "lognormal",
    "loguniform",
    "normal",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "uniform",
]

__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
