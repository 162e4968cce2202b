"""The designer: components with typed ports, which steps of pipelines run."""

from typing import TYPE_CHECKING

from tandemlab.lazy import loader

if TYPE_CHECKING:
    from tandemlab.designer.checking import check_pipeline
    from tandemlab.designer.component import (
        Component,
        ComponentParameters,
        Port,
        code_in,
        column_of,
    )
    from tandemlab.designer.drafts import Draft
    from tandemlab.designer.inference import create_batch_draft, deploy_pipeline_run
    from tandemlab.designer.registry import find_component, list_components
    from tandemlab.designer.steps import ComponentStep

_COMPONENT = "tandemlab.designer.component"
_REGISTRY = "tandemlab.designer.registry"
_HOMES = {
    "Component": _COMPONENT,
    "ComponentStep": "tandemlab.designer.steps",
    "ComponentParameters": _COMPONENT,
    "Draft": "tandemlab.designer.drafts",
    "Port": _COMPONENT,
    "check_pipeline": "tandemlab.designer.checking",
    "code_in": _COMPONENT,
    "column_of": _COMPONENT,
    "create_batch_draft": "tandemlab.designer.inference",
    "deploy_pipeline_run": "tandemlab.designer.inference",
    "find_component": _REGISTRY,
    "list_components": _REGISTRY,
}

__all__ = [
    "Component",
    "ComponentParameters",
    "ComponentStep",
    "Draft",
    "Port",
    "check_pipeline",
    "code_in",
    "column_of",
    "create_batch_draft",
    "deploy_pipeline_run",
    "find_component",
    "list_components",
]

__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
