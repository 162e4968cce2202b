"""Notifications with a real agent, a real mail server and a real web server."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from plugins.certificates import Files, certify
from plugins.servers import Server, behind
from plugins.waiting import wait_until
from tandemlab import Run, ScriptRunConfig, Workspace
from tandemlab.domain import AlreadyExists, InvalidInput, Unavailable
from tandemlab.notifications import Command, Email, Notification, Webhook
from tandemlab.notifications.channels import signature
from tandemlab.pipelines import CommandStep, Pipeline
from tandemlab.schedules import Schedule, ScheduleRecurrence


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)


def submit(workspace: Workspace, command: str, experiment: str = "demo") -> Run:
    return workspace.experiment(experiment).submit(ScriptRunConfig(".", command=command))


class Hook:
    """A web server that keeps what it is sent, and refuses the first requests."""

    def __init__(self, refused: int = 0) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(503 if len(hook.requests) <= refused else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook(refused=2)
    yield made
    made.server.shutdown()


class Mails:
    """What a mail server has taken."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append(envelope)
        return "250 OK"


@contextmanager
def mail_server(
    certificate: Files | None = None, security: str = "none"
) -> Iterator[tuple[Mails, int]]:
    """A mail server, with what it has taken and its port."""
    kept = Mails()

    def authenticate(server: Any, session: Any, envelope: Any, way: str, data: Any) -> AuthResult:
        is_known = (data.login, data.password) == (b"lab", b"s3cr3t")
        return AuthResult(success=is_known, handled=False)

    options: dict[str, Any] = {"auth_require_tls": security == "starttls"}
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.certificate, certificate.key)
        if security == "tls":
            options["ssl_context"] = context
        else:
            options |= {"tls_context": context, "require_starttls": True}
    controller = Controller(kept, "127.0.0.1", _free_port(), authenticator=authenticate, **options)
    controller.start()
    try:
        yield kept, controller.port
    finally:
        controller.stop()


@pytest.fixture
def mails() -> Iterator[tuple[Mails, int]]:
    with mail_server() as found:
        yield found


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.mark.full
def test_a_signed_webhook_is_told_until_it_arrives_and_of_nothing_else(
    workspace: Workspace, hook: Hook
) -> None:
    workspace.get_default_keyvault().set_secrets({"key": "whsec_c2VjcmV0", "url": hook.url})
    before = submit(workspace, "false")
    before.wait_for_completion(raise_on_error=False)
    made = Notification.create(
        workspace, "failures", Webhook(url_secret="url", secret="key"), experiment="demo"
    )
    submit(workspace, "true").wait_for_completion()
    submit(workspace, "false", "other").wait_for_completion(raise_on_error=False)
    failed = submit(workspace, "exit 3")
    failed.wait_for_completion(raise_on_error=False)
    wait_until(lambda: [e.state.value for e in made.get_deliveries()] == ["ended"])
    assert len(hook.requests) == 3  # refused twice
    headers, body = hook.requests[-1]
    assert len({each["webhook-id"] for each, _ in hook.requests}) == 1
    signed = signature(
        "whsec_c2VjcmV0", headers["webhook-id"], int(headers["webhook-timestamp"]), body
    )
    assert headers["webhook-signature"] == signed
    event = json.loads(body)
    assert (event["event"], event["run"]["id"]) == ("run.failed", failed.id)
    assert "exit" in event["text"].lower() or "3" in event["text"]
    assert "secret" not in str(workspace.assets.get("notification", "failures").definition["on"])


@pytest.mark.full
def test_a_mail_is_sent_of_a_pipeline_and_of_a_schedule_that_cannot_run(
    workspace: Workspace, mails: tuple[Mails, int]
) -> None:
    kept, port = mails
    workspace.get_default_keyvault().set_secret("password", "s3cr3t")
    channel = Email(
        ("ana@example.org", "bo@example.org"),
        "lab@example.org",
        "127.0.0.1",
        port,
        "none",
        "lab",
        "password",
    )
    pipeline = Pipeline([CommandStep("true", "only")]).publish(workspace, "score")
    Notification.create(workspace, "done", channel, "Completed", pipeline="score")
    never = ScheduleRecurrence(cron="@yearly")
    schedule = Schedule.create(workspace, "nightly", "score", recurrence=never)
    Notification.create(workspace, "lost", channel, schedule="nightly")
    run = pipeline.submit()
    wait_until(lambda: len(kept.taken) == 1)
    (mail,) = kept.taken
    assert mail.rcpt_tos == ["ana@example.org", "bo@example.org"]
    assert run.id in mail.content.decode() and b"completed" in mail.content
    pipeline.disable()
    schedule.run_now()
    wait_until(lambda: len(kept.taken) == 2)
    assert b"nightly" in kept.taken[1].content and b"disabled" in kept.taken[1].content


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_mail_is_encrypted_for_a_server_whose_certificate_is_believed(
    workspace: Workspace, tmp_path: Path, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certify(tmp_path / "ours")
    workspace.get_default_keyvault().set_secret("password", "s3cr3t")
    address = ("ana@example.org",)
    with mail_server(files, security) as (kept, port):
        channel = Email(address, "l@example.org", "localhost", port, security, "lab", "password")
        made = Notification.create(workspace, "mail", channel)
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            made.test()
        assert kept.taken == []
        monkeypatch.setenv("TANDEMLAB_CA_FILE", str(files.certificate))
        made.test()
        assert [each.rcpt_tos for each in kept.taken] == [["ana@example.org"]]
    with mail_server() as (kept, port):  # one that offers no encryption gets no password
        channel = Email(address, "l@example.org", "localhost", port, security, "lab", "password")
        with pytest.raises(Unavailable, match="did not take the mail"):
            Notification.create(workspace, "other", channel).test()
        assert kept.taken == []


@pytest.mark.full
def test_a_notification_of_a_workspace_at_a_server(
    remote: Workspace, shared_server: Server, hook: Hook
) -> None:
    remote.get_default_keyvault().set_secret("url", hook.url)
    base = f"{shared_server.url}/api/v1/workspaces/{remote.name}/notifications"
    channel = {"kind": "webhook", "url_secret": "url"}
    body = {"name": "ended", "channel": channel, "on": ["completed"], "experiment": "demo"}
    made = httpx.post(base, json=body)
    assert (made.status_code, made.json()["on"]) == (201, ["Completed"])
    assert httpx.post(base, json=body).status_code == 409
    assert httpx.post(base, json={**body, "exist_ok": True, "description": "!"}).status_code == 201
    for wrong in ({"channel": {"kind": "pigeon"}}, {"on": ["started"]}, {"name": "a/b"}):
        assert httpx.post(base, json={**body, **wrong}).status_code == 400
    found = Notification.get(remote, "ended")
    for _ in range(2):  # the first two requests are refused
        with pytest.raises(Unavailable, match="status 503"):
            found.test()
    found.test()
    assert [json.loads(sent)["event"] for _, sent in hook.requests] == ["test"] * 3
    assert httpx.post(f"{base}/ended/pause", json={}).json()["status"] == "Paused"
    assert httpx.post(f"{base}/ended/resume", json={}).json()["status"] == "Active"
    run = submit(remote, "true")
    wait_until(lambda: [e.state.value for e in found.get_deliveries()] == ["ended"])
    assert json.loads(hook.requests[-1][1])["run"]["id"] == run.id
    (told,) = httpx.get(f"{base}/ended/deliveries").json()
    assert (told["slot"], told["state"]) == (f"run {run.id}", "ended")
    assert [each["name"] for each in httpx.get(base).json()] == ["ended"]
    assert httpx.delete(f"{base}/ended").status_code == 204
    for path, method in (("", "GET"), ("/test", "POST"), ("/deliveries", "GET"), ("", "DELETE")):
        answer = httpx.request(method, f"{base}/ended{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert Notification.list(behind(remote, shared_server)) == []


@pytest.mark.full
def test_a_command_reads_the_event_and_a_slow_one_keeps_no_run_waiting(
    workspace: Workspace, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    Notification.create(workspace, "slow", Command("sleep 20"), ["Completed"])
    Notification.create(workspace, "tell", Command(f"cat >> '{out}'"), ["Completed"])
    for _ in range(2):
        submit(workspace, "true").wait_for_completion(timeout_seconds=15)


def test_a_channel_is_tried_at_once_and_says_why_it_fails(
    workspace: Workspace, tmp_path: Path, mails: tuple[Mails, int]
) -> None:
    out = tmp_path / "out"
    good = Notification.create(
        workspace, "good", Command(f'echo "$TANDEMLAB_EVENT" > "{out}"; cat >> "{out}"')
    )
    good.test()
    name, event, end = out.read_text().split("\n")
    assert (name, json.loads(event)["event"], end) == ("test", "test", "")
    _, port = mails
    workspace.get_default_keyvault().set_secret("password", "wrong")
    address = ("ana@example.org",)
    for name, channel, words in [
        ("command", Command("echo no >&2; exit 3"), "status 3. no"),
        ("closed", Webhook(f"http://127.0.0.1:{_free_port()}/"), "cannot be reached"),
        ("secret", Webhook("http://127.0.0.1/", secret="nothing"), "nothing"),
        ("plain", Email(address, "l@example.org", "127.0.0.1", port), "did not take the mail"),
        (
            "login",
            Email(address, "l@example.org", "127.0.0.1", port, "none", "lab", "password"),
            "SMTPAuthenticationError",
        ),
    ]:
        made = Notification.create(workspace, name, channel)
        with pytest.raises(Unavailable, match=words):
            made.test()


def test_what_cannot_be_a_notification_is_refused(workspace: Workspace) -> None:
    for make in (
        lambda: Webhook(),
        lambda: Webhook("ftp://example.org"),
        lambda: Webhook("http://a", url_secret="b"),
        lambda: Email((), "a@b", "host"),
        lambda: Email(("a@b\r\nBcc: c@d",), "a@b", "host"),
        lambda: Email(("a@b",), "a@b", "host", security="ssl"),
        lambda: Email(("a@b",), "a@b", "host", user="u"),
        lambda: Command(" "),
        lambda: Notification.create(workspace, "x", Command("true"), ()),
        lambda: Notification.create(workspace, "x", Command("true"), "Started"),
        lambda: Notification.create(workspace, "a/b", Command("true")),
    ):
        with pytest.raises(InvalidInput):
            make()
    Notification.create(workspace, "x", Command("true"))
    with pytest.raises(AlreadyExists):
        Notification.create(workspace, "x", Command("false"))
    changed = Notification.create(workspace, "x", Command("false"), exist_ok=True)
    assert changed.pause().resume().status == "Active"
    changed.delete()
    assert Notification.list(workspace) == []
