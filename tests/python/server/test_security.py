"""What somebody may try at a server, and what comes of it."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from plugins.servers import Server
from plugins.waiting import wait_until
from tandemlab import Workspace
from tandemlab.domain import NotAllowed
from tandemlab.server import process
from tandemlab.server.guard import Failures
from tandemlab.server.settings import ServerSettings, make_state_folder
from tandemlab.server.tokens import Role, Tokens

ATTEMPTS = yaml.safe_load((Path(__file__).parent / "attempts.yaml").read_text())


def ask(port: int, head: str, body: bytes = b"") -> tuple[int, bytes]:
    """The answer to a request whose every byte is ours."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode("latin-1") + b"\r\n\r\n" + body)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    top, _, content = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), content


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of one workspace, which no attempt changes: all of them share it."""
    root = tmp_path_factory.mktemp("attacked") / "labs"
    root.mkdir()
    Workspace.create(root / "lab")
    server = Server(root)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def words(attacked: Server) -> dict[str, str]:
    """What stands in braces in the file of attempts."""
    lab = Workspace(attacked.root / "lab")
    run = lab.experiment("demo").create_run(type="interactive", run_id="demo_1")
    known = lab.folder.blobs.put_bytes(b"content")
    entry = {"path": "../../stolen", "digest": known, "size": 7}
    snapshot = lab.folder.blobs.put_bytes(json.dumps([entry]).encode())
    logs = run.directory / "files" / "user_logs"
    logs.mkdir(parents=True)
    (logs / "link").symlink_to(lab.path / "workspace.json")
    (logs / "folder").symlink_to(lab.path)
    base = "/api/v1/workspaces/lab"
    assert httpx.get(f"{attacked.url}{base}/runs").status_code == 200  # it is open from now on
    return {
        "ws": base,
        "run": f"{base}/runs/{run.id}",
        "mlflow": "/lab/api/2.0/mlflow",
        "artifacts": "/lab/api/2.0/mlflow-artifacts/artifacts",
        "port": str(attacked.port),
        "long": "a" * 5000,
        "zeros": "0" * 64,
        "digits": "9" * 1000,
        "known": known,
        "evil_snapshot": snapshot,
    }


def fill(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(f"{{{word}}}", text)
        return value
    if isinstance(value, dict):
        return {key: fill(item, words) for key, item in value.items()}
    return [fill(item, words) for item in value] if isinstance(value, list) else value


def body_of(case: dict[str, Any], words: dict[str, str]) -> bytes:
    if "raw" in case:
        return fill(case["raw"], words).encode()  # type: ignore[no-any-return]
    if "run" in case:
        run = {"experiment": "demo", "type": "interactive", "display_name": "x"}
        run |= {"created": "2026-01-01T00:00:00Z", **fill(case["run"], words)}
        return json.dumps(run).encode()
    return json.dumps(fill(case["json"], words)).encode() if "json" in case else b""


def tree(folder: Path) -> set[str]:
    """All that is there, but for what the database and the log write by themselves."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.name.startswith(("store.db", "server.log"))
    }


@pytest.mark.parametrize("case", ATTEMPTS, ids=lambda case: case["name"])
def test_an_attempt_is_refused(
    case: dict[str, Any], words: dict[str, str], attacked: Server
) -> None:
    before = tree(attacked.root.parent)
    body = body_of(case, words)
    headers = {
        "Host": f"127.0.0.1:{attacked.port}",
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **fill(case.get("headers", {}), words),
    }
    lines = [f"{case.get('method', 'GET')} {fill(case['path'], words)} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    status, content = ask(attacked.port, "\r\n".join(lines), body)
    due = case["status"] if isinstance(case["status"], list) else [case["status"]]
    assert status in due, content[:500]
    assert b"root:" not in content and b'"format"' not in content
    if content.startswith(b"{"):
        told = json.loads(content)
        if case["path"].startswith(("{mlflow}", "{artifacts}")):
            assert set(told) == {"error_code", "message"}
        else:
            assert set(told["error"]) >= {"code", "message", "hint", "request_id"}
    assert tree(attacked.root.parent) == before


def test_a_file_in_a_browser_is_neither_guessed_nor_run(
    remote: Workspace, shared_server: Server, tmp_path: Path
) -> None:
    run = remote.experiment("demo").create_run(type="interactive")
    for name in ("page.html", "image.svg", "plot.png", 'a"b;c\u202e.html'):
        (tmp_path / "file").write_text("<script>alert(1)</script>")
        run.upload_file(f"out/{name}", tmp_path / "file")
    remote.place.catch_up(run.id)
    base = f"{shared_server.url}/api/v1/workspaces/{remote.name}/runs/{run.id}/content/out"
    for name in ("page.html", "image.svg", "plot.png", 'a"b;c\u202e.html'):
        for inline in ("", "?inline=true"):
            answer = httpx.get(f"{base}/{name}{inline}")
            assert answer.status_code == 200
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-security-policy"].startswith("sandbox;")
            disposition = answer.headers["content-disposition"]
            assert disposition.count('"') == 0 and "\u202e" not in disposition
            if name == "plot.png" and inline:
                assert answer.headers["content-type"] == "image/png"
                assert disposition.startswith("inline;")
            else:
                assert answer.headers["content-type"] == "application/octet-stream"
                assert disposition.startswith("attachment;")


# Tokens and sessions


@pytest.fixture
def tokens(server: Server) -> Tokens:
    return Tokens(make_state_folder(server.root))


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_roles_expiry_and_revocation_hold_from_one_request_to_the_next(
    client: httpx.Client, tokens: Tokens, server: Server
) -> None:
    base = "/api/v1/workspaces/lab"
    assert client.get(base).status_code == 200  # no token was made yet
    texts = {role: tokens.create(role.value, role) for role in Role}
    assert client.get(base).status_code == 401
    assert client.get("/healthz").status_code == 200

    def status(role: Role, method: str, path: str, **options: Any) -> int:
        headers = bearer(texts[role][1])
        return client.request(method, path, headers=headers, **options).status_code

    assert status(Role.READER, "GET", base) == 200
    assert status(Role.READER, "POST", f"{base}/runs/search", json={}) == 200
    assert status(Role.READER, "POST", f"{base}/experiments", json={"name": "a"}) == 403
    assert status(Role.READER, "GET", "/metrics") == 200
    assert status(Role.CONTRIBUTOR, "POST", f"{base}/experiments", json={"name": "a"}) == 200
    assert status(Role.READER, "POST", f"{base}/runs/demo_1/events", content=b"{}") == 403
    secrets = {"url": f"{base}/secrets", "json": {"secrets": {"a": "1"}}}
    names = {"url": f"{base}/secrets/values", "json": {"names": ["a"]}}
    for role, due in ((Role.READER, [403, 403, 403]), (Role.CONTRIBUTOR, [200, 204, 200])):
        found = [
            client.get(f"{base}/secrets", headers=bearer(texts[role][1])),
            client.post(**secrets, headers=bearer(texts[role][1])),  # type: ignore[arg-type]
            client.post(**names, headers=bearer(texts[role][1])),  # type: ignore[arg-type]
        ]
        assert [answer.status_code for answer in found] == due
    asset = {"kind": "model", "name": "churn"}
    assert status(Role.READER, "POST", f"{base}/assets", json=asset) == 403
    assert status(Role.CONTRIBUTOR, "POST", f"{base}/assets", json=asset) == 200
    assert status(Role.READER, "GET", f"{base}/assets/model/churn?version=1") == 200
    assert status(Role.READER, "GET", f"{base}/assets") == 200
    assert status(Role.READER, "PATCH", f"{base}/assets/model/churn/1", json={}) == 403
    assert status(Role.READER, "DELETE", f"{base}/assets/model/churn/1") == 403
    assert status(Role.READER, "POST", f"{base}/usages", json={}) == 403
    assert status(Role.READER, "POST", f"{base}/check", json={}) == 403
    assert status(Role.CONTRIBUTOR, "POST", f"{base}/check", json={"deep": True}) == 200
    assert status(Role.CONTRIBUTOR, "POST", f"{base}/check", json={"repair": True}) == 403
    assert status(Role.OWNER, "POST", f"{base}/check", json={"repair": True}) == 200
    assert status(Role.CONTRIBUTOR, "DELETE", base) == 403
    assert status(Role.OWNER, "POST", "/api/v1/workspaces", json={"name": "b"}) == 409
    tokens.revoke(texts[Role.READER][0].id)
    assert status(Role.READER, "GET", base) == 401
    _, brief = tokens.create("brief", Role.READER, days=1e-7)
    wait_until(lambda: client.get(base, headers=bearer(brief)).status_code == 401)
    for revoked in (Role.CONTRIBUTOR, Role.OWNER):
        tokens.revoke(texts[revoked][0].id)
    assert client.get(base).status_code == 401  # no token is left, and nobody is let in


READ_BY_POST = {  # since what they ask for is too long for a URL
    "searchRuns",
    "tableRuns",
    "getStatuses",
    "getNewestCompleted",
    "getFilesOf",
    "getPositions",
    "getLatestValues",
    "findMissing",
    "getSeries",
    "getMetricsOf",
    "listNextTimes",
}


def test_readers_read_all_and_change_nothing_and_nobody_else_does_either(
    client: httpx.Client, tokens: Tokens, workspace: Workspace
) -> None:
    _, text = tokens.create("ana", Role.READER)
    described = client.get("/api/v1/openapi.json", headers=bearer(text)).json()["paths"]
    names = {"workspace": "lab", "version": "1", "kind": "model", "digest": "0" * 64}
    tried = 0
    for path, operations in described.items():
        if path in ("/healthz", "/readyz", "/logout"):  # which are for all
            continue
        filled = re.sub(r"{(\w+)}", lambda found: names.get(found[1], "none"), path)
        for method, operation in operations.items():
            statuses = []
            for headers in ({}, bearer(text)):
                with client.stream(method, filled, headers=headers, json={}) as answer:
                    statuses.append(answer.status_code)
            changes = method != "get" and operation["operationId"] not in READ_BY_POST
            may = statuses[1] not in (401, 403)
            keeps = changes or operation["operationId"] in ("listSecrets", "listTokens")
            assert statuses[0] == 401 and may is not keeps, (method, path, statuses)
            tried += 1
    assert tried > 60
    assert workspace.experiments == {}


def test_secrets_are_kept_as_hashes_in_a_file_of_the_owner_alone(
    tokens: Tokens, server: Server
) -> None:
    _, text = tokens.create("ana", Role.OWNER)
    folder = make_state_folder(server.root)
    secret = text.rpartition("_")[2]
    for file in folder.iterdir():
        if file.is_file():
            assert secret.encode() not in file.read_bytes()
    for name in ("tokens.json", "secret"):
        assert os.stat(folder / name).st_mode & 0o077 == 0
    assert tokens.check(text) is not None
    for wrong in (text[:-1], text + "a", "tandem__", "", text.removeprefix("tandem_"), "x" * 9999):
        assert tokens.check(wrong) is None


def test_failures_are_limited_and_valid_tokens_go_through(
    client: httpx.Client, tokens: Tokens
) -> None:
    _, text = tokens.create("ana", Role.READER)
    answers = [client.get("/api/v1/session", headers=bearer("tandem_0_wrong")) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert client.get("/api/v1/session", headers=bearer(text)).json()["role"] == "reader"


def test_failures_are_forgotten_after_a_while() -> None:
    now = 0.0
    failures = Failures(limit=2, seconds=60, clock=lambda: now)
    assert [failures.add("a") for _ in range(3)] == [0, 0, 60]
    assert failures.add("b") == 0
    now = 61.0
    assert failures.add("a") == 0


def log_in(client: httpx.Client, text: str, **changes: str) -> httpx.Response:
    page = client.get("/login").text
    form = page.split('name="form" value="')[1].split('"')[0]
    fields = {"form": form, "token": text, "next": "/api/v1/session", **changes}
    return client.post("/login", data=fields)


def test_a_browser_logs_in_and_needs_more_than_its_cookie_to_change_something(
    client: httpx.Client, tokens: Tokens
) -> None:
    token, text = tokens.create("ana", Role.CONTRIBUTOR)
    answer = log_in(client, text)
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/v1/session")
    cookie = next(c for c in answer.headers.get_list("set-cookie") if "tandemlab_session=" in c)
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and text not in cookie
    session = client.get("/api/v1/session").json()
    assert (session["user"], session["role"]) == ("ana", "contributor")
    change = {"url": "/api/v1/workspaces/lab/experiments", "json": {"name": "a"}}
    assert client.post(**change).status_code == 403  # type: ignore[arg-type]
    wrong = {"X-CSRF-Token": "wrong"}
    assert client.post(**change, headers=wrong).status_code == 403  # type: ignore[arg-type]
    right = {"X-CSRF-Token": session["csrf"]}
    assert client.post(**change, headers=right).status_code == 200  # type: ignore[arg-type]
    tokens.revoke(token.id)
    assert client.get("/api/v1/session").status_code == 401


def test_a_log_in_leads_nowhere_else_and_needs_its_own_page(
    client: httpx.Client, tokens: Tokens
) -> None:
    _, text = tokens.create("ana", Role.READER)
    for target in (
        "http://evil.example.org",
        "//evil.example.org",
        "/\\evil",
        "javascript:alert(1)",
    ):
        assert log_in(client, text, next=target).headers["location"] == "/"
        client.cookies.clear()
    assert log_in(client, text, form="forged").status_code == 403
    assert log_in(client, "tandem_0_wrong").status_code == 401
    page = client.get("/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script>" not in page.text and "script" not in page.headers["content-security-policy"]


def test_a_cookie_that_was_changed_is_none(client: httpx.Client, tokens: Tokens) -> None:
    _, text = tokens.create("ana", Role.READER)
    log_in(client, text)
    cookie = client.cookies["tandemlab_session"]
    token_id, ends, rest = cookie.split(".", 2)
    client.cookies.clear()
    for forged in (f"{token_id}.{int(ends) + 1}.{rest}", cookie[:-2], "a.b.c.d", "..."):
        answer = client.get("/api/v1/session", headers={"Cookie": f"tandemlab_session={forged}"})
        assert answer.status_code in (401, 429)


def test_another_address_needs_a_token(workspace: Workspace) -> None:
    settings = ServerSettings(workspace.path, host="0.0.0.0", port=0)
    with pytest.raises(NotAllowed, match="can be reached by others"):
        process.start(settings)
    assert process.find_running(workspace.path) is None


def test_uploads_are_limited(workspace: Workspace, local_data: Path) -> None:
    settings = ServerSettings(workspace.path, port=0, max_upload_bytes=1000)
    running = process.start(settings)
    url = f"{running.url}/api/v1/workspaces/lab/blobs/{'0' * 64}"
    try:
        assert httpx.put(url, content=b"x" * 1001).status_code == 413
        chunks = (b"x" * 100 for _ in range(11))  # a length that is not told
        assert httpx.put(url, content=chunks).status_code == 413
        assert list((workspace.path / "tmp").iterdir()) == []
    finally:
        process.stop(workspace.path)
