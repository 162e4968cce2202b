"""A server behind a reverse proxy: nginx, which takes HTTPS and asks the server by HTTP."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from plugins.certificates import Files, certify
from plugins.waiting import wait_until
from tandemlab import Workspace
from tandemlab.domain import InvalidInput, NotAllowed
from tandemlab.server import process
from tandemlab.server.settings import ServerSettings, make_state_folder
from tandemlab.server.tokens import Role, Tokens
from tandemlab.web.addresses import network, public_origin

pytestmark = pytest.mark.services

# The part within `server` is what the README shows.
_NGINX = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {files.certificate};
    ssl_certificate_key {files.key};
    location / {{
      proxy_pass http://127.0.0.1:{behind};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
      client_max_body_size 0;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Proxied:
    """A server of one workspace, and the proxy before it.

    Attributes:
        url: the public one.
        behind: port of the server itself.
    """

    url: str
    behind: int
    workspace: Workspace
    files: Files

    def client(self, address: str = "127.0.0.1") -> httpx.Client:
        """A client whose connections come from that address of this machine."""
        trust = ssl.create_default_context(cafile=str(self.files.certificate))
        transport = httpx.HTTPTransport(verify=trust, local_address=address)
        return httpx.Client(base_url=self.url, transport=transport)

    def token(self, role: Role) -> dict[str, str]:
        """A header with a new token."""
        _, text = Tokens(make_state_folder(self.workspace.path)).create("ana", role)
        return {"Authorization": f"Bearer {text}"}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if nginx is None:
        pytest.skip("nginx is not installed; tools/bootstrap dev does that")
    folder = tmp_path_factory.mktemp("proxy")
    files = certify(folder / "certificate")
    port, behind = _free_ports(2)
    workspace = Workspace.create(folder / "lab")
    found = Proxied(f"https://localhost:{port}", behind, workspace, files)
    found.token(Role.OWNER)
    settings = ServerSettings(
        workspace.path, port=behind, public_url=found.url, proxies=(network("127.0.0.1"),)
    )
    assert process.start(settings).url == found.url
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, behind=behind, files=files))
    proxy = subprocess.Popen([nginx, "-c", config, "-p", folder])
    try:
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield found
    finally:
        proxy.terminate()
        proxy.wait()
        process.stop(workspace.path)


def test_a_workspace_is_used_through_the_proxy(
    proxied: Proxied, local_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_CA_FILE", str(proxied.files.certificate))
    token = proxied.token(Role.CONTRIBUTOR)["Authorization"].removeprefix("Bearer ")
    monkeypatch.setenv("TANDEMLAB_TOKEN", token)
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * (3 << 20))  # above what nginx takes by itself
    with Workspace(f"{proxied.url}/lab").experiment("demo").start_logging() as run:
        run.log("x", 0.5)
        run.upload_file("large.bin", large)
    assert run.read_file("large.bin") == large.read_bytes()
    assert proxied.workspace.get_run(run.id).get_metrics() == {"x": 0.5}
    run.workspace.store.close()


def test_a_stream_comes_as_it_happens(proxied: Proxied) -> None:
    with proxied.workspace.experiment("demo").start_logging() as run:
        path = f"/api/v1/workspaces/lab/runs/{run.id}/stream"
        headers = proxied.token(Role.READER)
        with proxied.client() as client, client.stream("GET", path, headers=headers) as answer:
            lines = answer.iter_lines()
            assert any(line.startswith("data:") for line in lines)
            run.log("late", 1)
            assert any("late" in line for line in lines)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "{url}"}, 200),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "http://localhost:{port}"}, 403),
        ({"Origin": "https://evil.example.org"}, 403),
        ({"Host": "evil.example.org"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_host_and_origin_are_those_of_the_public_url(
    proxied: Proxied, headers: dict[str, str], status: int
) -> None:
    words = {"url": proxied.url, "port": proxied.url.rpartition(":")[2]}
    shown = {name: value.format(**words) for name, value in headers.items()}
    with proxied.client() as client:
        answer = client.get("/api/v1/session", headers={**proxied.token(Role.READER), **shown})
    assert answer.status_code == status


def test_cookies_are_for_https_alone(proxied: Proxied) -> None:
    token = proxied.token(Role.READER)["Authorization"].removeprefix("Bearer ")
    with proxied.client() as client:
        form = client.get("/login").text.split('name="form" value="')[1].split('"')[0]
        answer = client.post(
            "/login", data={"form": form, "token": token}, headers={"Origin": proxied.url}
        )
        cookies = answer.headers.get_list("set-cookie")
        assert answer.status_code == 303 and any("tandemlab_session=" in text for text in cookies)
        assert all("Secure" in text for text in cookies if "Max-Age=0" not in text)
        assert client.get("/api/v1/session").json()["user"] == "ana"


def test_failures_count_for_whom_the_proxy_asks(proxied: Proxied) -> None:
    def fail(client: httpx.Client, says: str) -> int:
        headers = {"Authorization": "Bearer tandem_0_wrong", "X-Forwarded-For": says}
        return client.get("/api/v1/session", headers=headers).status_code

    with proxied.client("127.0.0.2") as client, proxied.client("127.0.0.3") as other:
        statuses = [fail(client, f"10.0.0.{number}") for number in range(11)]
        assert statuses == [401] * 10 + [429]
        assert fail(other, "127.0.0.2") == 401


def test_only_the_proxy_is_believed_whom_it_asks_for(proxied: Proxied) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.0.4")
    with httpx.Client(base_url=f"http://127.0.0.1:{proxied.behind}", transport=transport) as client:
        statuses = [
            client.get(
                "/api/v1/session",
                headers={
                    "Authorization": "Bearer tandem_0_wrong",
                    "X-Forwarded-For": f"10.0.1.{number}",
                },
            ).status_code
            for number in range(11)
        ]
    assert statuses == [401] * 10 + [429]


def test_a_public_url_needs_a_token_first(workspace: Workspace) -> None:
    with pytest.raises(NotAllowed, match=r"lab\.example\.org can be reached by others"):
        process.start(ServerSettings(workspace.path, public_url="https://lab.example.org"))


@pytest.mark.parametrize(
    "url",
    [
        "lab.example.org",
        "ftp://lab.example.org",
        "https://",
        "https://lab.example.org/lab",
        "https://ana@lab.example.org",
        "https://lab.example.org:x",
        "https://läb.example.org",
        "https://lab.example.org/?a",
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        public_origin(url)


@pytest.mark.parametrize("address", ["*", "lab.example.org", "10.0.0.0/33", ""])
def test_what_is_no_address_of_a_proxy_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        network(address)
