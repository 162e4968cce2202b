"""Secrets: kept, found again, and never shown."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import keyring
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import PasswordSetError

from tandemlab import Keyvault, Run, ScriptRunConfig, Workspace
from tandemlab.domain import InvalidInput, NotFound, StorageError, TandemlabError, VersionMismatch
from tandemlab.domain.secrets import Secret
from tandemlab.tracking import context

VALUE = "tiger-7f3a-plain"


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("TANDEMLAB_CONFIG_DIR", str(folder))
    return folder


@pytest.fixture
def vault(workspace: Workspace) -> Keyvault:
    return workspace.get_default_keyvault()


def key_file(workspace: Workspace, configuration: Path) -> Path:
    return configuration / "keys" / f"{workspace.id}.key"


def everything_below(*folders: Path) -> Iterator[bytes]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield path.read_bytes()


# Keeping and finding


def test_secrets_are_kept_replaced_listed_and_deleted(workspace: Workspace) -> None:
    vault = workspace.get_default_keyvault()
    vault.set_secrets({"b": "2", "a": "1"})
    vault.set_secret("b", "two")
    again = Workspace(workspace.path).get_default_keyvault()
    assert again.list_secrets() == ["a", "b"]
    assert again.get_secrets(["b", "absent", "a"]) == {"b": "two", "absent": None, "a": "1"}
    again.delete_secret("a")
    assert vault.list_secrets() == ["b"]


def test_an_absent_secret_is_not_found(vault: Keyvault) -> None:
    with pytest.raises(NotFound, match="no secret 'db'"):
        vault.get_secret("db")
    vault.set_secret("db", VALUE)
    with pytest.raises(NotFound, match="no secret 'other'"):
        vault.delete_secrets(["db", "other"])
    assert vault.list_secrets() == ["db"]


@pytest.mark.parametrize(
    "name", ["", ".hidden", "a b", "a/b", "ü", "x" * 128, "a\n", 3, Secret("x")]
)
def test_a_name_that_cannot_be_one_is_refused(vault: Keyvault, name: Any) -> None:
    with pytest.raises(InvalidInput):
        vault.set_secret(name, VALUE)
    assert vault.list_secrets() == []


@pytest.mark.parametrize(
    "value", ["", None, 5, b"bytes", "nul\0in" + VALUE, "lone\ud800" + VALUE, VALUE * 5000]
)
def test_a_value_that_cannot_be_one_is_refused_without_being_shown(
    vault: Keyvault, value: Any
) -> None:
    with pytest.raises(InvalidInput) as caught:
        vault.set_secrets({"good": "1", "bad": value})
    assert "'bad'" in str(caught.value)
    assert VALUE not in str(caught.value) and VALUE not in repr(caught.value.details)
    assert vault.list_secrets() == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
        max_size=5,
    )
)
def test_any_text_comes_back(vault: Keyvault, secrets: dict[str, str]) -> None:
    vault.set_secrets(secrets)
    assert vault.get_secrets(list(secrets)) == secrets


# Not showing


def test_neither_values_nor_names_are_on_the_disk(
    workspace: Workspace, vault: Keyvault, configuration: Path
) -> None:
    vault.set_secret("tell-tale-name", VALUE)
    found = list(everything_below(workspace.path, configuration))
    assert len(found) > 3
    assert not any(VALUE.encode() in content or b"tell-tale" in content for content in found)


def test_equal_secrets_look_different_each_time(workspace: Workspace, vault: Keyvault) -> None:
    seen = set()
    for _ in range(5):
        vault.set_secret("a", VALUE)
        content = json.loads((workspace.path / "secrets.json").read_text())
        seen.add((content["nonce"], content["data"]))
    assert len({nonce for nonce, _ in seen}) == len({data for _, data in seen}) == 5


def test_files_are_for_their_user_alone(
    workspace: Workspace, vault: Keyvault, configuration: Path
) -> None:
    vault.set_secret("a", VALUE)
    key = key_file(workspace, configuration)
    for path in (key, workspace.path / "secrets.json"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


def test_a_secret_is_text_that_does_not_show_itself() -> None:
    secret = Secret(VALUE)
    assert f"{secret}" == secret + "" == VALUE and secret.encode() == VALUE.encode()
    shown = [repr(secret), repr([secret]), f"{secret!r}", str({"password": secret}), ascii(secret)]
    assert not any(VALUE in text for text in shown)
    assert copy.deepcopy({"a": secret}) == {"a": VALUE}
    assert "…" in repr(copy.copy(secret))


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps({"a": Secret(VALUE)})


def test_a_run_records_no_secret(workspace: Workspace, vault: Keyvault, tmp_path: Path) -> None:
    vault.set_secret("db", VALUE)
    secret = vault.get_secret("db")
    (tmp_path / "train.py").write_text("")
    experiment = workspace.experiment("demo")
    run = experiment.start_logging()

    def describe(name: str) -> None:
        setattr(run, name, secret)

    attempts: list[Callable[[], object]] = [
        lambda: run.log("a", secret),
        lambda: run.log_list("a", [secret]),
        lambda: run.log_row("a", column=secret),
        lambda: run.log_table("a", {"column": [secret]}),
        lambda: run.tag("a", secret),
        lambda: run.add_properties({"a": secret}),
        lambda: describe("display_name"),
        lambda: describe("description"),
        lambda: experiment.start_logging(tags={"a": secret}),
        lambda: experiment.submit(ScriptRunConfig(tmp_path, "train.py", [secret])),
        lambda: experiment.submit(ScriptRunConfig(tmp_path, "train.py", {"password": secret})),
        lambda: experiment.submit(
            ScriptRunConfig(tmp_path, "train.py", environment_variables={"PASSWORD": secret})
        ),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidInput, match="secret"):
            attempt()
    run.complete()
    assert not any(VALUE.encode() in content for content in everything_below(workspace.path))


def test_tracebacks_and_logs_do_not_show_secrets(
    workspace: Workspace, vault: Keyvault, configuration: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vault.set_secret("old", VALUE)
    key = key_file(workspace, configuration).read_text().strip()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))  # as if the disk were full
    try:
        with pytest.raises(StorageError) as caught:
            vault.set_secret("new", "other" + VALUE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    # The frames of this test and of set_secret hold what the user gave; those below do not.
    frames = [frame for frame in trace.stack if "keyvault.py" not in frame.filename]
    assert len(frames) > 4
    shown = [f"{frame.locals}" for frame in frames] + list(trace.format_exception_only())
    shown += [caplog.text, repr(vault), repr(vault.get_secrets(["old"]))]
    assert not any(VALUE in text or key in text for text in shown)


# Trouble


def test_a_wrong_key_is_told_from_a_damaged_file(
    workspace: Workspace, vault: Keyvault, configuration: Path, tmp_path: Path
) -> None:
    vault.set_secret("a", VALUE)
    other = Workspace.create(tmp_path / "other")
    other.get_default_keyvault().set_secret("b", "2")
    key = key_file(workspace, configuration)
    right = key.read_bytes()
    key.write_bytes(key_file(other, configuration).read_bytes())
    before = (workspace.path / "secrets.json").read_bytes()
    for attempt in (vault.list_secrets, lambda: vault.set_secret("c", "3")):
        with pytest.raises(StorageError, match="not the one") as caught:
            attempt()
        assert caught.value.details["reason"] == "wrong_key"
    assert (workspace.path / "secrets.json").read_bytes() == before
    key.write_bytes(right)
    assert vault.get_secret("a") == VALUE


def test_a_missing_key_is_never_replaced(
    workspace: Workspace, vault: Keyvault, configuration: Path
) -> None:
    vault.set_secret("a", VALUE)
    key_file(workspace, configuration).unlink()
    for attempt in (lambda: vault.get_secrets(["a"]), lambda: vault.set_secret("c", "3")):
        with pytest.raises(StorageError, match="is not here") as caught:
            attempt()
        assert caught.value.details["reason"] == "no_key"
    assert not key_file(workspace, configuration).exists()


@pytest.mark.parametrize("content", [b"", b"short", b"!" * 44])
def test_a_damaged_key_is_reported(
    workspace: Workspace, vault: Keyvault, configuration: Path, content: bytes
) -> None:
    vault.set_secret("a", VALUE)
    key_file(workspace, configuration).write_bytes(content)
    with pytest.raises(StorageError, match="does not hold a key"):
        vault.list_secrets()


def test_a_key_that_others_may_read_is_refused(
    workspace: Workspace, vault: Keyvault, configuration: Path
) -> None:
    vault.set_secret("a", VALUE)
    key_file(workspace, configuration).chmod(0o640)
    with pytest.raises(StorageError, match="chmod 600"):
        vault.list_secrets()


def test_a_change_anywhere_in_the_file_is_noticed(workspace: Workspace, vault: Keyvault) -> None:
    vault.set_secret("a", VALUE)
    path = workspace.path / "secrets.json"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            found = vault.get_secrets(["a"])["a"]
        except TandemlabError as error:
            assert error.code in ("storage_error", "version_mismatch")
        else:
            assert found == VALUE, at  # white space
    for end in range(len(whole) - 2):
        path.write_bytes(whole[:end])
        with pytest.raises(StorageError, match="damaged"):
            vault.list_secrets()


def test_a_file_of_another_workspace_is_refused(
    workspace: Workspace, configuration: Path, tmp_path: Path
) -> None:
    workspace.get_default_keyvault().set_secret("a", VALUE)
    other = Workspace.create(tmp_path / "other")
    other.get_default_keyvault().set_secret("b", "2")
    (other.path / "secrets.json").write_bytes((workspace.path / "secrets.json").read_bytes())
    key_file(other, configuration).write_bytes(key_file(workspace, configuration).read_bytes())
    with pytest.raises(StorageError, match="another workspace"):
        other.get_default_keyvault().list_secrets()


def test_a_newer_format_is_refused(workspace: Workspace, vault: Keyvault) -> None:
    vault.set_secret("a", VALUE)
    path = workspace.path / "secrets.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(VersionMismatch, match="Upgrade"):
        vault.list_secrets()


def test_a_moved_workspace_keeps_its_secrets(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "here")
    workspace.get_default_keyvault().set_secret("a", VALUE)
    workspace.path.rename(tmp_path / "moved")
    assert Workspace(tmp_path / "moved").get_default_keyvault().get_secret("a") == VALUE


# Several processes

_WRITER = """
import sys
from tandemlab import Workspace
vault = Workspace(sys.argv[1]).get_default_keyvault()
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    vault.set_secret(f"{sys.argv[2]}-{number}", f"value {number}")
    print(number, flush=True)
"""


def writer(workspace: Workspace, name: str, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(workspace.path), name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_processes_that_write_at_once_lose_nothing(workspace: Workspace) -> None:
    writers = [writer(workspace, name, 10) for name in "abc"]
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in writers:
        assert process.communicate()[0].split() == [str(number) for number in range(10)]
    found = workspace.get_default_keyvault().list_secrets()
    assert found == sorted(f"{name}-{number}" for name in "abc" for number in range(10))


def test_a_writer_that_is_killed_leaves_what_it_had_said(workspace: Workspace) -> None:
    process = writer(workspace, "a", 1000)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    while process.stdout.readline() != "5\n":
        pass
    process.send_signal(signal.SIGKILL)
    said = [5, *map(int, process.stdout.read().split())]
    process.wait()
    vault = workspace.get_default_keyvault()
    assert {f"a-{number}" for number in range(said[-1] + 1)} <= {*vault.list_secrets()}
    vault.set_secret("b", VALUE)
    assert vault.get_secret("b") == VALUE


# The system keyring


class DesktopKeyring(KeyringBackend):
    """A keyring as a desktop has one, in memory."""

    priority: ClassVar[float] = 5  # type: ignore[assignment]
    is_locked = False

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.is_locked:
            raise PasswordSetError("locked")
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def desktop() -> Iterator[DesktopKeyring]:
    before, ours = keyring.get_keyring(), DesktopKeyring()
    keyring.set_keyring(ours)
    yield ours
    keyring.set_keyring(before)


def test_a_keyring_that_works_keeps_the_key(
    workspace: Workspace, vault: Keyvault, configuration: Path, desktop: DesktopKeyring
) -> None:
    vault.set_secret("a", VALUE)
    assert list(desktop.kept) == [("tandemlab", workspace.id)]
    assert not key_file(workspace, configuration).exists()
    assert vault.get_secret("a") == VALUE
    desktop.kept.clear()
    with pytest.raises(StorageError, match="system keyring"):
        vault.get_secret("a")


def test_a_keyring_that_is_locked_leaves_it_to_the_file(
    workspace: Workspace, vault: Keyvault, configuration: Path, desktop: DesktopKeyring
) -> None:
    desktop.is_locked = True
    vault.set_secret("a", VALUE)
    assert key_file(workspace, configuration).exists()
    assert vault.get_secret("a") == VALUE


# In runs


def test_a_run_reads_the_secrets_of_its_workspace(workspace: Workspace, vault: Keyvault) -> None:
    vault.set_secret("a", VALUE)
    with workspace.experiment("demo").start_logging():
        assert Run.get_context().get_secret("a") == VALUE
        assert Run.get_context().get_secrets(["a", "b"]) == {"a": VALUE, "b": None}


def test_an_offline_run_reads_the_secrets_of_the_nearest_workspace(
    workspace: Workspace, vault: Keyvault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.set_secret("a", VALUE)
    project = tmp_path / "project"
    project.mkdir()
    workspace.write_config(project)
    monkeypatch.chdir(project)
    monkeypatch.setattr(context, "_offline", None)
    with pytest.warns(UserWarning, match="off-line run"):
        run = Run.get_context()
    assert run.get_secret("a") == VALUE
    run.complete()


@pytest.mark.full
def test_a_job_reads_a_secret_and_nothing_keeps_it(
    workspace: Workspace, vault: Keyvault, configuration: Path, tmp_path: Path
) -> None:
    vault.set_secret("a", VALUE)
    source = tmp_path / "source"
    source.mkdir()
    (source / "job.py").write_text(
        "from tandemlab import Run\n"
        "secret = Run.get_context().get_secret('a')\n"
        "print(len(secret), [secret])\n"
    )
    run = workspace.experiment("demo").submit(ScriptRunConfig(source, "job.py"))
    run.wait_for_completion(timeout_seconds=60)
    assert run.read_log()[0] == f"{len(VALUE)} [Secret('…')]\n"
    assert not any(
        VALUE.encode() in content for content in everything_below(workspace.path, configuration)
    )
