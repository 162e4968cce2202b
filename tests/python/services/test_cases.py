"""The cases of tests/conformance/services: requests to scripts of Python and of R."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.waiting import wait_until
from tandemlab import Workspace
from tandemlab.domain import ServiceFailed, TandemlabError, Unavailable
from tandemlab.services import InferenceConfig, LocalWebservice, deploy_model

FILE = Path(__file__).parents[2] / "conformance" / "services" / "requests.yaml"
CASES = yaml.safe_load(FILE.read_text(encoding="utf-8"))
LANGUAGES = ["py", pytest.param("R", marks=pytest.mark.full)]


@pytest.mark.parametrize("suffix", LANGUAGES)
def test_requests_are_answered_alike(
    services: Workspace, scripts: Callable[..., Path], suffix: str
) -> None:
    name = f"score.{suffix}"
    config = InferenceConfig(scripts(CASES["scripts"][name], name))
    settings = LocalWebservice.deploy_configuration(timeout_seconds=CASES["timeout_seconds"])
    service = deploy_model(services, "demo", [], config, settings)
    service.wait_for_deployment()
    for case in CASES["requests"]:
        check(service, case)
    assert "ready in" in service.get_logs()
    for case in CASES["broken"]:
        scripts(case[name], name)
        with pytest.raises(ServiceFailed, match=case["says"]):
            service.reload()
    check(service, CASES["requests"][-1])


def ask(service: LocalWebservice, request: str) -> Any:
    """What the service answers, once a replica that has ended is replaced."""
    while True:
        with suppress(Unavailable):
            return service.run(request)


def check(service: LocalWebservice, case: dict[str, Any]) -> None:
    """Send a request, and look at what comes of it."""
    if "error" in case:
        with pytest.raises(TandemlabError, match=case["says"]) as caught:
            ask(service, case["request"])
        assert (caught.value.code, "secret" in str(caught.value)) == (case["error"], False)
    else:
        assert ask(service, case["request"]) == case["answer"]
    if "log" in case:
        wait_until(lambda: case["log"] in service.get_logs())
