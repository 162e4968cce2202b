"""``tandemlab keyvault``, as people and as scripts use it."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from python.cli.conftest import PROGRAM, Answer
from tandemlab import Workspace

Call = Callable[..., Answer]
VALUE = "tiger-7f3a-plain"


@pytest.fixture
def put(lab: Workspace) -> Callable[..., Answer]:
    """`keyvault set` with a value on standard input."""

    def run(name: str, value: bytes, *options: str) -> Answer:
        done = subprocess.run(
            [*PROGRAM, "keyvault", "set", name, *options],
            input=value,
            capture_output=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def test_a_secret_comes_back_as_it_was_piped_in(put: Call, call: Call) -> None:
    answer = put("db", f"{VALUE}\n".encode())
    assert answer.status == 0 and VALUE not in answer.out + answer.err
    assert call("keyvault", "get", "db").out == f"{VALUE}\n"
    assert call("keyvault", "get", "db", "-o", "json").json == {"name": "db", "value": VALUE}


def test_only_the_last_line_end_is_not_part_of_the_value(put: Call, call: Call) -> None:
    put("key", b"line 1\nline 2\n\n")
    assert call("keyvault", "get", "key").out == "line 1\nline 2\n\n"
    put("key", b"  spaces \r\n")
    assert call("keyvault", "get", "key").out == "  spaces \n"


@pytest.mark.parametrize("value", [b"", b"\n", b"\xff\xfe"])
def test_a_value_that_cannot_be_one_is_wrong_input(put: Call, call: Call, value: bytes) -> None:
    assert put("db", value).status == 2
    assert call("keyvault", "get", "db").status == 3


def test_list_shows_names_alone(put: Call, call: Call, lab: Workspace) -> None:
    assert "no secrets" in call("keyvault", "list").err
    lab.get_default_keyvault().set_secrets({"b": VALUE, "a": VALUE})
    answer = call("keyvault", "list", "-o", "json")
    assert answer.json == [{"name": "a"}, {"name": "b"}]
    assert VALUE not in call("keyvault", "list").out


def test_delete_asks_and_is_all_or_nothing(call: Call, program: Call, lab: Workspace) -> None:
    vault = lab.get_default_keyvault()
    vault.set_secrets({"a": "1", "b": "2"})
    assert program("keyvault", "delete", "a").status == 2
    assert call("keyvault", "delete", "a", "absent", "--yes").status == 3
    assert vault.list_secrets() == ["a", "b"]
    assert call("keyvault", "delete", "a", "b", "--yes").status == 0
    assert vault.list_secrets() == []


def test_a_person_types_the_value_twice_and_does_not_see_it(lab: Workspace) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "keyvault", "set", "db"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # else the value would be asked for on the tests' own terminal
    )
    os.close(theirs)
    screen = _until(ours, b"Value of db")
    os.write(ours, f"{VALUE}\n".encode())
    screen += _until(ours, b"The same again")
    os.write(ours, f"{VALUE}\n".encode())
    screen += _until(ours, b"Next:")
    assert process.wait() == 0
    os.close(ours)
    assert VALUE.encode() not in screen
    assert lab.get_default_keyvault().get_secret("db") == VALUE


def _until(descriptor: int, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        seen += os.read(descriptor, 1024)
    return seen


def test_names_of_secrets_complete(lab: Workspace, program: Call, folder: Path) -> None:
    lab.get_default_keyvault().set_secrets({"db-user": "1", "db-password": "2", "token": "3"})
    answer = program(
        _TANDEMLAB_COMPLETE="bash_complete", COMP_WORDS="tandemlab keyvault get db", COMP_CWORD="3"
    )
    assert answer.out.split() == ["plain,db-password", "plain,db-user"]
