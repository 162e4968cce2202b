"""What the R package calls: one function, text in and text out.

R sends ``{"call": "run.tags", "arguments": …}`` and gets ``{"value": …, "warnings": […]}`` or
``{"error": {"code": …, "message": …, "hint": …, "details": …}}``. Text alone crosses, so nothing
depends on how reticulate converts values. Arguments, values and details are in the form of
`tandemlab.bridge.values`; each argument is a scalar, a list or a dict by declaration. A warning is
``{"code": …, "message": …}``.
"""

from __future__ import annotations

import json
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from tandemlab.bridge import values
from tandemlab.domain import TandemlabError
from tandemlab.r_interface import (
    automl,
    components,
    computes,
    configurations,
    datasets,
    datastores,
    drafts,
    environments,
    experiments,
    forecasts,
    keyvaults,
    models,
    notifications,
    pipelines,
    published,
    runs,
    schedules,
    servers,
    services,
    sweeps,
    workspaces,
)
from tandemlab.version import __version__

__all__ = ["call"]


def _examine_by_doctor(workspace: str | None) -> object:
    from tandemlab.r_interface.doctor import examined

    return examined(workspace)


CALLS: dict[str, Callable[..., object]] = {
    "version": lambda: __version__,
    "doctor.examine": _examine_by_doctor,
    **workspaces.CALLS,
    **drafts.CALLS,
    **experiments.CALLS,
    **runs.CALLS,
    **keyvaults.CALLS,
    **servers.CALLS,
    **services.CALLS,
    **sweeps.CALLS,
    **environments.CALLS,
    **datasets.CALLS,
    **models.CALLS,
    **pipelines.CALLS,
    **automl.CALLS,
    **forecasts.CALLS,
    **notifications.CALLS,
    **published.CALLS,
    **components.CALLS,
    **schedules.CALLS,
    **datastores.CALLS,
    **computes.CALLS,
    **configurations.CALLS,
}

# What the core has kept may hold anything; reading it must not fail for that.
_encode = partial(values.encode, other=str, repair=True)


# What Python itself does not show either: it may come of whatever is cleared away meanwhile.
_FOR_DEVELOPERS = (
    DeprecationWarning,
    PendingDeprecationWarning,
    ImportWarning,
    ResourceWarning,
)


def call(request: str) -> str:
    """Answer one request of the R package; see the module's text for the forms.

    >>> call('{"call": "version", "arguments": {"$map": []}}')
    '{"value":"0.1.0","warnings":[]}'
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for kind in _FOR_DEVELOPERS:
            warnings.simplefilter("ignore", kind)
        try:
            content = json.loads(request)
            value = _encode(CALLS[content["call"]](**values.read(content["arguments"])))
            notices = [
                {"code": getattr(warning.message, "code", "core"), "message": str(warning.message)}
                for warning in caught
            ]
            return f'{{"value":{value},"warnings":{json.dumps(notices)}}}'
        except TandemlabError as error:
            return _error(error.code, error.message, error.hint, error.details)
        except Exception as error:  # R would see the text of it and no more
            return _error(
                "internal",
                f"{type(error).__name__}: {error}",
                "This is a mistake in tandemlab; details$traceback has the place.",
                {"traceback": traceback.format_exc()},
            )


def _error(code: str, message: str, hint: str, details: dict[str, Any]) -> str:
    said = {"code": code, "message": message, "hint": hint}
    return f'{{"error":{{{json.dumps(said)[1:-1]},"details":{_encode(details)}}}}}'
