"""Services: models that answer requests over HTTP on this machine, by scripts of Python and R."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.services.deployment import (
        Deployment,
        InferenceConfig,
        LocalWebserviceDeploymentConfiguration,
        ServedModel,
    )
    from tandemlab.services.folder import ServiceState
    from tandemlab.services.keys import ServiceAccessToken
    from tandemlab.services.packaging import ModelPackage, package_model
    from tandemlab.services.webservice import LocalWebservice, deploy_model

_HOMES = {
    "Deployment": "tandemlab.services.deployment",
    "InferenceConfig": "tandemlab.services.deployment",
    "LocalWebservice": "tandemlab.services.webservice",
    "LocalWebserviceDeploymentConfiguration": "tandemlab.services.deployment",
    "ModelPackage": "tandemlab.services.packaging",
    "ServedModel": "tandemlab.services.deployment",
    "ServiceAccessToken": "tandemlab.services.keys",
    "ServiceState": "tandemlab.services.folder",
    "deploy_model": "tandemlab.services.webservice",
    "package_model": "tandemlab.services.packaging",
}

__all__ = [
    "Deployment",
    "InferenceConfig",
    "LocalWebservice",
    "LocalWebserviceDeploymentConfiguration",
    "ModelPackage",
    "ServedModel",
    "ServiceAccessToken",
    "ServiceState",
    "deploy_model",
    "package_model",
]

__getattr__ = loader(__name__, _HOMES)
