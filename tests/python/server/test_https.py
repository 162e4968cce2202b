"""Servers with a certificate, and whose certificates are believed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from plugins.certificates import Files, certify
from tandemlab import Workspace
from tandemlab.domain import InvalidInput, Unavailable
from tandemlab.server import process
from tandemlab.server.settings import ServerSettings, make_state_folder
from tandemlab.server.tokens import Role, Tokens


@pytest.fixture
def ours(tmp_path: Path) -> Files:
    return certify(tmp_path / "ours")


@pytest.fixture
def url(workspace: Workspace, local_data: Path, ours: Files) -> Iterator[str]:
    """A server of the workspace `lab` with a certificate."""
    settings = ServerSettings(workspace.path, port=0, certificate=ours.certificate, key=ours.key)
    yield process.start(settings).url
    process.stop(workspace.path)


def test_a_workspace_is_used_over_https(
    url: str, ours: Files, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert url.startswith("https://127.0.0.1:")
    monkeypatch.setenv("TANDEMLAB_CA_FILE", str(ours.certificate))
    with Workspace(f"{url}/lab").experiment("demo").start_logging() as run:
        run.log("x", 0.5)
    assert workspace.get_run(run.id).get_metrics() == {"x": 0.5}
    run.workspace.store.close()


def test_a_certificate_that_is_not_known_is_not_believed(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "3600")  # trying again would not help
    for authorities in ("", str(certify(tmp_path / "others").certificate)):
        monkeypatch.setenv("TANDEMLAB_CA_FILE", authorities)
        with pytest.raises(Unavailable, match="certificate") as caught:
            Workspace(f"{url}/lab").store.list_experiments()
        assert "TANDEMLAB_CA_FILE" in caught.value.hint
    monkeypatch.setenv("TANDEMLAB_CA_FILE", str(tmp_path / "absent.pem"))
    with pytest.raises(InvalidInput, match="TANDEMLAB_CA_FILE"):
        Workspace(f"{url}/lab").store.list_experiments()
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "0")
    with pytest.raises(Unavailable):
        Workspace(f"{url.replace('https', 'http')}/lab").store.list_experiments()


def test_a_session_s_cookie_goes_over_https_alone(
    url: str, ours: Files, workspace: Workspace
) -> None:
    _, token = Tokens(make_state_folder(workspace.path)).create("ana", Role.READER)
    trust = ssl.create_default_context(cafile=ours.certificate)
    with httpx.Client(base_url=url, verify=trust) as client:
        page = client.get("/login").text
        form = page.split('name="form" value="')[1].split('"')[0]
        fields = {"form": form, "token": token, "next": "/"}
        answer = client.post("/login", data=fields, headers={"Origin": url})
        session = next(c for c in answer.headers.get_list("set-cookie") if "_session=" in c)
        assert "Secure" in session and "HttpOnly" in session


def test_what_cannot_be_a_certificate_is_refused_before_the_server_starts(
    workspace: Workspace, ours: Files, tmp_path: Path
) -> None:
    other = certify(tmp_path / "other")
    for certificate, key in (
        (tmp_path / "absent.pem", ours.key),
        (ours.certificate, other.key),
        (ours.key, ours.key),
    ):
        settings = ServerSettings(workspace.path, port=0, certificate=certificate, key=key)
        with pytest.raises(InvalidInput, match="cannot be used"):
            process.start(settings)
    assert process.find_running(workspace.path) is None
