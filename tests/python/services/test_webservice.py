"""Services as their users see them: real processes on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from plugins.services import SUM
from plugins.waiting import wait_until
from tandemlab import Workspace
from tandemlab.compute.processes import is_alive
from tandemlab.domain import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    NotAllowed,
    NotFound,
    ServiceFailed,
)
from tandemlab.environments import (
    ContainerSection,
    Environment,
    PythonSection,
    register_environment,
)
from tandemlab.models import Model
from tandemlab.services import InferenceConfig, LocalWebservice, ServiceState, deploy_model

Scripts = Callable[..., Path]


def deploy(lab: Workspace, script: Path, *models: Path, **options: Any) -> LocalWebservice:
    """A service of the script's folder that is ready."""
    config = InferenceConfig(script.name, source_directory=script.parent)
    settings = LocalWebservice.deploy_configuration(**options)
    found = deploy_model(lab, "demo", models, config, settings)
    found.wait_for_deployment()
    return found


def ask(
    service: LocalWebservice, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """Status, JSON and headers of a raw request."""
    url = urlsplit(service.scoring_uri)
    connection = HTTPConnection(url.hostname or "", url.port, timeout=30)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, names)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    is_json = answer.headers["content-type"] == "application/json"
    return answer.status, json.loads(content) if is_json else content.decode(), dict(answer.headers)


def test_a_model_is_deployed_asked_and_deleted(
    services: Workspace, scripts: Scripts, offset: Path
) -> None:
    script = scripts(SUM)
    before = sorted(path.name for path in script.parent.iterdir())
    service = deploy(services, script, offset)
    assert service.state is ServiceState.RUNNING
    assert service.run([1, 2]) == service.run("[1, 2]") == {"sum": 6}
    assert "ready to add" in service.get_logs()
    assert LocalWebservice(services, "demo").run([1]) == {"sum": 4}
    assert [each.name for each in LocalWebservice.list(services)] == ["demo"]
    assert sorted(path.name for path in script.parent.iterdir()) == before
    with pytest.raises(AlreadyExists):
        deploy(services, script, offset)
    status = service.status
    assert status is not None
    service.delete()
    assert not any(is_alive(each.pid, each.started) for each in (status, *status.replicas))
    assert not (services.path / "services" / "demo").exists()
    with pytest.raises(NotFound):
        LocalWebservice(services, "demo")


def test_a_service_is_stopped_and_started_at_the_same_address(
    services: Workspace, scripts: Scripts, offset: Path
) -> None:
    service = deploy(services, scripts(SUM), offset)
    uri = service.scoring_uri
    service.stop()
    assert service.state is ServiceState.STOPPED
    with pytest.raises(InvalidState):
        service.run([1])
    service.start()
    assert (service.scoring_uri, service.run([1])) == (uri, {"sum": 4})


def test_what_changes_is_ready_before_what_was_goes(
    services: Workspace, scripts: Scripts, offset: Path, tmp_path: Path
) -> None:
    service = deploy(services, scripts(SUM), offset)
    uri = service.scoring_uri
    scripts(SUM.replace('"sum"', '"total"'))
    assert service.run([1]) == {"sum": 4}  # a copy answers
    service.reload()
    assert service.run([1]) == {"total": 4}
    other = tmp_path / "other" / "offset.json"
    other.parent.mkdir()
    other.write_text("100")
    service.update([other])
    assert service.run([1]) == {"total": 101}
    service.scale(3)
    assert [each.ready for each in service.status.replicas] == [True] * 3  # type: ignore[union-attr]
    service.scale(1)
    assert len(service.status.replicas) == 1  # type: ignore[union-attr]
    scripts("def init():\n    raise ValueError('no such weights')\ndef run(data): pass")
    with pytest.raises(ServiceFailed, match="no such weights"):
        service.reload()
    assert (service.run([1]), service.scoring_uri) == ({"total": 101}, uri)
    revisions = services.path / "services" / "demo" / "revisions"
    wait_until(lambda: len(list(revisions.iterdir())) == 1)


def test_a_script_that_does_not_start_leaves_nothing_running(
    services: Workspace, scripts: Scripts, offset: Path
) -> None:
    config = InferenceConfig("score.py", source_directory=scripts(SUM).parent)
    service = deploy_model(services, "demo", [], config)  # without the model that init() reads
    with pytest.raises(ServiceFailed, match=r"offset\.json"):
        service.wait_for_deployment()
    assert (service.state, service.status) == (ServiceState.FAILED, None)
    again = deploy_model(services, "demo", [offset], config)  # takes the place of one that failed
    again.wait_for_deployment()
    assert again.run([1]) == {"sum": 4}


def test_what_is_not_there_is_refused_before_anything_is_made(
    services: Workspace, scripts: Scripts, tmp_path: Path
) -> None:
    script = scripts(SUM)
    folder = script.parent
    for config, models, said in (
        (InferenceConfig("nope.py", source_directory=folder), [], "nope.py"),
        (InferenceConfig("../score.py", source_directory=folder), [], "no entry script"),
        (InferenceConfig("score.sh", source_directory=folder), [], "no entry script"),
        (InferenceConfig(script, source_directory=None), [tmp_path / "gone.pkl"], "no model"),
        (InferenceConfig(script, environment="no such"), [], "no such"),
    ):
        with pytest.raises((InvalidInput, NotFound), match=said):
            deploy_model(services, "demo", models, config)
    for name in ("", "a/b", "..", "x\n"):
        with pytest.raises(InvalidInput):
            deploy_model(services, name, [], InferenceConfig(script))
    assert LocalWebservice.list(services) == []


def test_a_script_runs_in_its_environment(services: Workspace, scripts: Scripts) -> None:
    """With a Python that has nothing, not even tandemlab; then with a registered environment."""
    code = "import os, sys\ndef run(data): return [sys.prefix, os.environ.get('WHO')]"
    bare = Environment(
        "bare", PythonSection(interpreter=sys._base_executable), variables={"WHO": "me"}
    )
    config = InferenceConfig(scripts(code), environment=bare)
    service = deploy_model(services, "demo", [], config)
    service.wait_for_deployment()
    assert service.run("0") == [sys.base_prefix, "me"]
    register_environment(services, replace(bare, name="own", python=PythonSection()))
    service.update(inference_config=replace(config, environment="own"))
    assert service.run("0") == [sys.prefix, "me"]
    boxed = Environment("boxed", container=ContainerSection("python:3.12"))
    with pytest.raises(InvalidInput, match="container"):
        service.update(inference_config=replace(config, environment=boxed))
    assert service.run("0") == [sys.prefix, "me"]


@pytest.mark.services
def test_a_service_of_a_workspace_at_a_server_is_on_this_machine(
    remote: Workspace, scripts: Scripts, offset: Path
) -> None:
    """Its models come from the server, which does not let them go while it is there."""
    Model.register(remote, offset, "offset")
    offset.unlink()
    service = deploy_model(remote, "demo", ["offset"], InferenceConfig(scripts(SUM)))
    try:
        service.wait_for_deployment()
        assert service.run([1, 2]) == {"sum": 6}
        assert [each.name for each in LocalWebservice.list(Workspace(remote.address))] == ["demo"]
        with pytest.raises(InvalidState, match="service 'demo'"):
            Model(remote, "offset").delete()
    finally:
        service.delete()
    Model(remote, "offset").delete()


def test_a_port_that_is_taken_is_an_error(services: Workspace, scripts: Scripts) -> None:
    script = scripts("def run(data): return 1")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AlreadyExists, match=str(port)):
            deploy(services, script, port=port)
    service = deploy(services, script, port=port)
    assert service.port == port


BAD = """
import json, os, sys, time

def run(data):
    what = json.loads(data)
    print("a line of the script")
    if what == "raise":
        raise ValueError("a secret of the script")
    if what == "hang":
        time.sleep(600)
    if what == "die":
        os._exit(7)
    if what == "leave":
        sys.exit(1)
    if what == "flood":
        os.write(1, b"x" * 1_000_000)
    if what == "object":
        return object()
    if what == "text":
        return "plain text"
    if what == "numbers":
        return {"nan": float("nan"), "list": [1.5, float("inf")]}
    return {"pid": os.getpid()}
"""


def test_scripts_that_misbehave_break_nothing_but_their_request(
    services: Workspace, scripts: Scripts
) -> None:
    service = deploy(services, scripts(BAD), replicas=2, timeout_seconds=1)
    for what, status in (
        ("raise", 500),
        ("object", 500),
        ("die", 500),
        ("leave", 500),
        ("hang", 504),
    ):
        found, content, headers = ask(service, "POST", "/score", json.dumps(what).encode())
        error = content["error"]
        assert (found, error["code"]) == (status, "service_failed")
        assert "secret" not in json.dumps(content)
        assert error["request_id"] == headers["x-request-id"]
        wait_until(lambda ident=error["request_id"]: ident in service.get_logs())
        wait_until(lambda: [each.ready for each in service.status.replicas] == [True, True])  # type: ignore[union-attr]
    assert "a secret of the script" in service.get_logs()
    assert "pid" in service.run('"flood"')
    assert service.run('"text"') == "plain text"
    assert service.run('"numbers"') == {"nan": None, "list": [1.5, None]}
    # Another replica is asked where one ends, not where it takes too long.
    assert sum(each.restarts for each in service.status.replicas) == 5  # type: ignore[union-attr]


def test_replicas_that_are_killed_are_replaced_and_a_killed_service_can_be_started(
    services: Workspace, scripts: Scripts
) -> None:
    service = deploy(services, scripts(BAD))
    pid = service.run("1")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: service.status.replicas[0].restarts == 1)  # type: ignore[union-attr]
    wait_until(lambda: service.state is ServiceState.RUNNING)
    assert service.run("1")["pid"] != pid
    status = service.status
    assert status is not None
    os.kill(status.pid, signal.SIGKILL)
    wait_until(lambda: service.state is ServiceState.STOPPED)
    wait_until(lambda: not any(is_alive(each.pid, each.started) for each in status.replicas))
    service.start()
    assert service.run("1")["pid"] != pid


def test_requests_are_checked_before_the_script_sees_them(
    services: Workspace, scripts: Scripts
) -> None:
    service = deploy(services, scripts(BAD), max_request_bytes=1000, auth_enabled=True)
    primary, secondary = service.get_keys()
    key = f"Bearer {primary}"
    score = ("POST", "/score", b"1")
    assert ask(service, *score)[0] == 401
    assert ask(service, *score, Authorization="Bearer nonsense")[0] == 401
    assert ask(service, *score, Authorization=key)[0] == 200
    assert ask(service, *score, Authorization=key, Host="evil.example")[0] == 403
    assert ask(service, *score, Authorization=key, Origin="http://evil.example")[0] == 403
    assert ask(service, *score, Authorization=key, Sec_Fetch_Site="cross-site")[0] == 403
    assert ask(service, "POST", "/score", b"{", Authorization=key)[0] == 400
    assert ask(service, "POST", "/score", b"\xff", Authorization=key)[0] == 400
    assert ask(service, "POST", "/score", b"1" * 1001, Authorization=key)[0] == 413
    assert ask(service, "GET", "/score", Authorization=key)[0] == 405
    assert ask(service, "GET", "/nothing")[0] == 404
    assert ask(service, "GET", "/healthz")[1]["status"] == "ok"
    assert ask(service, "GET", "/readyz")[0] == 200
    assert ask(service, "GET", "/metrics")[0] == 401
    counts = ask(service, "GET", "/metrics", Authorization=key)[1]
    assert 'tandemlab_requests_total{operation="score",status="200"} 1' in counts
    described = ask(service, "GET", "/openapi.json")[1]
    assert described["paths"]["/score"]["post"]["security"] == [{"key": []}]
    assert service.run("1")["pid"] > 0
    renewed = service.regen_key("Primary")
    assert service.get_keys() == (renewed, secondary)
    assert ask(service, *score, Authorization=key)[0] == 401
    assert ask(service, *score, Authorization=f"Bearer {secondary}")[0] == 200
    assert (services.path / "services/demo/keys.json").stat().st_mode & 0o777 == 0o600


def test_a_token_lets_in_for_a_while_and_as_long_as_the_primary_key_stays(
    services: Workspace, scripts: Scripts
) -> None:
    service = deploy(services, scripts(BAD), auth_enabled=True)

    def status_for(text: str) -> int:
        return ask(service, "POST", "/score", b"1", Authorization=f"Bearer {text}")[0]

    token = service.get_access_token(60)
    kind, expiry, signature = token.access_token.split(".")
    assert token.refresh_after < token.expiry_on and token.access_token not in repr(token)
    assert status_for(token.access_token) == 200
    for forged in (f"{kind}.{int(expiry) + 60}.{signature}", f"{kind}.{expiry}.", f"{kind}.x.y"):
        assert status_for(forged) == 401
    brief, _ = service.get_token(1)
    wait_until(lambda: status_for(brief) == 401)
    assert status_for(token.access_token) == 200
    service.regen_key("Secondary")
    assert status_for(token.access_token) == 200
    service.regen_key("Primary")
    assert status_for(token.access_token) == 401
    for wrong in (0, -1, 31 * 86400, float("nan")):
        with pytest.raises(InvalidInput, match="1 second to 30 days"):
            service.get_access_token(wrong)


def test_nobody_elsewhere_is_served_without_a_key() -> None:
    with pytest.raises(NotAllowed):
        LocalWebservice.deploy_configuration(host="0.0.0.0", auth_enabled=False)
    assert LocalWebservice.deploy_configuration(host="0.0.0.0").needs_key
    for options in ({"port": 70000}, {"replicas": 0}, {"timeout_seconds": 0}):
        with pytest.raises(InvalidInput):
            LocalWebservice.deploy_configuration(**options)
