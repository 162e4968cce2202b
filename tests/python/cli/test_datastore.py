"""``tandemlab datastore``, over real files."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.datastores import behind_ssh, in_s3
from plugins.s3 import S3
from plugins.ssh import Sshd
from python.cli.conftest import Answer
from tandemlab import Datastore, Workspace

Call = Callable[..., Answer]
SECRET = "tiger-7f3a-plain"
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def cars(folder: Path) -> Path:
    (folder / "cars" / "2026").mkdir(parents=True)
    (folder / "cars" / "2026" / "a.csv").write_text("speed,dist\n4,2\n")
    (folder / "cars" / "b.csv").write_text("speed,dist\n7,4\n")
    return folder / "cars"


def test_files_go_to_the_default_datastore_and_back(
    call: Call, lab: Workspace, cars: Path, folder: Path
) -> None:
    answer = call("datastore", "upload", "cars", "--to", "in", "-o", "json")
    assert answer.json == {
        "datastore": "workspaceblobstore",
        "copied": 2,
        "unchanged": 0,
        "bytes": 30,
    }
    assert call("datastore", "upload", "cars", "--to", "in", "-o", "json").json["unchanged"] == 2
    rows = call("datastore", "files", "in/2026", "-o", "json").json
    assert [(row["name"], row["size"]) for row in rows] == [("in/2026/a.csv", 15)]
    assert call("datastore", "download", "out", "--prefix", "in/b").status == 0
    assert [path.name for path in (folder / "out").rglob("*.csv")] == ["b.csv"]
    (cars / "b.csv").write_text("other")
    again = call("datastore", "upload", "cars/b.csv", "--to", "in")
    assert again.status == 4 and "in/b.csv" in again.err
    assert call("datastore", "upload", "cars/b.csv", "--to", "in", "--overwrite").status == 0
    assert "in/b.csv" in call("datastore", "files").out
    assert call("datastore", "download", "out", "--prefix", "none").status == 3
    assert call("datastore", "upload", "cars", "--to", "../out").status == 2


def test_a_folder_is_registered_made_the_default_and_removed(
    call: Call, lab: Workspace, cars: Path
) -> None:
    answer = call("datastore", "register", "cars", "cars", "--tag", "a=b", "-o", "json")
    assert (answer.json["kind"], answer.json["location"]) == ("folder", str(cars))
    assert answer.json["tags"] == {"a": "b"}
    rows = call("datastore", "list", "-o", "json").json
    assert [(row["name"], row["default"]) for row in rows] == [
        ("workspaceblobstore", True),
        ("cars", False),
    ]
    assert call("datastore", "default", "cars").status == 0
    assert call("datastore", "default", "-o", "json").json == {"name": "cars"}
    assert call("datastore", "show", "-o", "json").json["default"] is True
    assert call("datastore", "remove", "cars", "--yes").status == 5
    call("datastore", "default", "workspaceblobstore")
    assert call("datastore", "remove", "cars").status == 2  # nobody to ask
    assert call("datastore", "remove", "cars", "--yes").status == 0
    missing = call("datastore", "show", "cars", "-o", "json")
    assert (missing.status, missing.error["code"]) == (3, "not_found")


def test_a_secret_is_read_from_the_input_and_never_shown(
    call: Call, lab: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{SECRET}\n"))
    address = "postgresql://ana@127.0.0.1:1/crm"
    words = ("datastore", "register", "crm", address, "--secret", "--skip-validation")
    answer = call(*words, "-o", "json")
    assert answer.json["credentials"] is True and SECRET not in answer.out + answer.err
    assert SECRET not in call("datastore", "show", "crm", "-o", "json").out
    assert Datastore.get(lab, "crm").database.password == SECRET
    wrong = call("datastore", "register", "crm", address, "--region", "x")
    assert wrong.status == 2 and "--region is for addresses of s3" in wrong.err
    shown = call("datastore", "register", "lake", f"sftp://ana:{SECRET}@host/data")
    assert shown.status == 2 and SECRET not in shown.err


@pytest.mark.services
def test_buckets_and_hosts_are_registered_by_address(
    call: Call,
    lab: Workspace,
    cars: Path,
    s3: S3,
    ssh: Sshd,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
) -> None:
    bucket = s3.new_bucket().split("?")[0]
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{SECRET}\n"))
    options = ("--endpoint", s3.url, "--access-key-id", "AKIA")
    answer = call("datastore", "register", "sales", bucket, *options, "-o", "json")
    assert answer.json["location"] == f"{bucket} at {s3.url}"
    host = f"sftp://{ssh.user}@127.0.0.1:{ssh.port}{ssh.new_folder()}"
    options = ("--private-key", str(ssh.folder / "client"), "--host-key", ssh.host_key)
    assert call("datastore", "register", "lake", host, *options).status == 0
    for name in ("sales", "lake"):
        assert call("datastore", "upload", "cars", "-d", name, "-o", "json").json["copied"] == 2
        assert call("datastore", "download", f"from-{name}", "-d", name).status == 0
        assert (folder / f"from-{name}" / "2026" / "a.csv").read_text() == "speed,dist\n4,2\n"


@pytest.mark.services
def test_files_in_buckets_and_behind_hosts_are_inputs_of_runs(
    call: Call, lab: Workspace, cars: Path, s3: S3, ssh: Sshd, folder: Path
) -> None:
    for store in (in_s3(s3, lab, name="lake"), behind_ssh(ssh, lab)):
        store.upload(cars, show_progress=False)
        word = f"datastore:{store.name}/2026"
        call("data", "register", f"{word}/a.csv", "--name", store.name)
        script = folder / "read.py"
        script.write_text(
            "import pathlib, sys; from tandemlab.bridge import read_frame\n"
            "*folders, table = sys.argv[1:]\n"
            "texts = {pathlib.Path(each, 'a.csv').read_text() for each in folders}\n"
            "print(texts == {'speed,dist\\n4,2\\n'}, read_frame(table).num_rows, 'read')"
        )
        inputs = (
            *("--input", f"linked={word}", "--input", f"copied:download={word}"),
            *("--input", f"table=dataset:{store.name}"),
        )
        words = ("${inputs.linked}", "${inputs.copied}", "${inputs.table}")
        done = call("run", "submit", "--wait", *inputs, script, *words)
        assert "True 1 read" in done.out, done.err
        wrong = call("run", "submit", "--input", f"x=datastore:{store.name}/none", script)
        assert wrong.status == 3 and f"No file: {store.name}:none" in wrong.err
