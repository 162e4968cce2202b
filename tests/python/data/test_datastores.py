"""Datastores: files go in and come out whole, once, from the place that was registered."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from plugins.datastores import SECRET, behind_ssh, in_s3
from plugins.s3 import S3
from plugins.ssh import Sshd, make_key
from tandemlab import Dataset, Datastore, ScriptRunConfig, Workspace
from tandemlab.data import OutputFileDatasetConfig
from tandemlab.data.datastores import parts
from tandemlab.data.datastores.transfer import Progress
from tandemlab.domain import (
    AlreadyExists,
    InvalidInput,
    InvalidState,
    NotAllowed,
    NotFound,
    StorageError,
    Unavailable,
)

pytest.importorskip("duckdb")
services = pytest.mark.services
pytestmark = pytest.mark.timeout(300)  # services of their own, on a busy machine


@pytest.fixture
def cars(tmp_path: Path) -> Path:
    folder = tmp_path / "cars"
    (folder / "2026").mkdir(parents=True)
    (folder / "all.csv").write_text("speed,dist\n4,2\n")
    (folder / "2026" / "Ü b?[x]*.csv").write_text("speed,dist\n7,4\n")
    (folder / "2026" / "big.bin").write_bytes(os.urandom(5_000_000))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def names(datastore: Datastore, prefix: str = "") -> list[str]:
    return [file.name for file in datastore.files_below(prefix)]


# Files go in and come out


def test_a_folder_goes_in_and_comes_out(datastore: Datastore, cars: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    done = datastore.upload(cars, "data/cars", watch=told.append)
    expected = ["data/cars/2026/Ü b?[x]*.csv", "data/cars/2026/big.bin", "data/cars/all.csv"]
    assert sorted(done.copied) == names(datastore) == sorted(expected)
    last = told[-1]
    assert (last.files, last.bytes) == (3, last.all_bytes) == (3, done.bytes)
    datastore.download(tmp_path / "out")
    assert content(tmp_path / "out" / "data" / "cars") == content(cars)
    datastore.download(tmp_path / "some", "data/cars/2026/b")
    assert list(content(tmp_path / "some")) == ["data/cars/2026/big.bin"]


def test_what_is_there_unchanged_is_left_alone(
    datastore: Datastore, cars: Path, tmp_path: Path
) -> None:
    datastore.upload(cars)
    again = datastore.upload(cars)
    assert again.copied == () and len(again.unchanged) == 3
    datastore.download(tmp_path / "out")
    again = datastore.download(tmp_path / "out")
    assert again.copied == () and len(again.unchanged) == 3
    for path in (cars / "all.csv", tmp_path / "out" / "all.csv"):
        os.utime(path, (1, 1))  # another time, and the same content
    assert datastore.upload(cars).copied == datastore.download(tmp_path / "out").copied == ()


def test_another_content_is_replaced_only_if_asked(
    datastore: Datastore, cars: Path, tmp_path: Path
) -> None:
    datastore.upload(cars)
    datastore.download(tmp_path / "out")
    (cars / "all.csv").write_text("speed,dist\n9,9\n")  # of the same size
    (cars / "new.csv").write_text("x")
    with pytest.raises(AlreadyExists, match=r"all\.csv"):
        datastore.upload(cars)
    assert "new.csv" not in names(datastore)
    assert sorted(datastore.upload(cars, overwrite=True).copied) == ["all.csv", "new.csv"]
    with pytest.raises(AlreadyExists, match=r"all\.csv"):
        datastore.download(tmp_path / "out")
    assert not (tmp_path / "out" / "new.csv").exists()
    datastore.download(tmp_path / "out", overwrite=True)
    assert content(tmp_path / "out") == content(cars)


def test_single_files_keep_their_names_or_their_paths(datastore: Datastore, cars: Path) -> None:
    files = [cars / "all.csv", cars / "2026" / "big.bin"]
    datastore.upload_files(files, target_path="flat")
    datastore.upload_files(files, relative_root=cars, target_path="deep/")
    expected = ["deep/2026/big.bin", "deep/all.csv", "flat/all.csv", "flat/big.bin"]
    assert names(datastore) == expected
    with pytest.raises(InvalidInput, match="not below relative_root"):
        datastore.upload_files(files, relative_root=cars / "2026")
    (cars / "2026" / "all.csv").write_text("x")
    with pytest.raises(InvalidInput, match="both become"):
        datastore.upload_files([cars / "all.csv", cars / "2026" / "all.csv"])
    with pytest.raises(NotFound, match="no file"):
        datastore.upload_files([cars / "none.csv"])
    assert names(datastore) == expected


def test_many_files_and_a_list_of_several_pages(datastore: Datastore, tmp_path: Path) -> None:
    source = tmp_path / "many"
    for number in range(60):
        (source / str(number % 7)).mkdir(parents=True, exist_ok=True)
        (source / str(number % 7) / f"{number}.txt").write_text(str(number))
    datastore.upload(source)
    assert len(names(datastore)) == 60 and len(names(datastore, "3/")) == 9
    assert datastore.upload(source).copied == ()


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../b", "a//b", "a\0b", "a\\b", "./a"])
def test_no_path_leads_out(path: str, workspace: Workspace, cars: Path, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    datastore = Datastore.register_folder(workspace, "place", tmp_path / "place")
    before = content(tmp_path)
    for attempt in (
        lambda: datastore.upload(cars, path),
        lambda: datastore.upload_files([cars / "all.csv"], target_path=path),
        lambda: datastore.download(tmp_path / "out", path),
        lambda: datastore.path(path),
        lambda: datastore.files_below(path),
        lambda: Dataset.File.from_files((datastore, path)),
    ):
        with pytest.raises(InvalidInput, match="cannot be a"):
            attempt()
    assert content(tmp_path) == before


@services
def test_names_in_a_bucket_that_lead_out_are_refused(
    s3: S3, workspace: Workspace, tmp_path: Path
) -> None:
    datastore = in_s3(s3, workspace)
    bucket = datastore.settings["bucket"]
    for key in ("fine.txt", "../outside.txt"):
        s3.files().call_s3("put_object", Bucket=bucket, Key=key, Body=b"x")
    with pytest.raises(InvalidInput, match="outside"):
        datastore.download(tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "outside.txt").exists()
    datastore.download(tmp_path / "out", "fine")


# Interruptions

_COPY = """
import os, sys
from tandemlab import Datastore, Workspace
datastore = Datastore.get(Workspace.open(sys.argv[1]), "place")
def watch(progress):
    if progress.bytes >= int(sys.argv[4]):
        os.kill(os.getpid(), 9)
getattr(datastore, sys.argv[2])(sys.argv[3], watch=watch)
"""


def killed(workspace: Workspace, verb: str, folder: Path, after: int) -> None:
    command = [sys.executable, "-c", _COPY, workspace.address, verb, folder, str(after)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def test_a_killed_upload_goes_on_where_it_was(datastore: Datastore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "big.bin").write_bytes(os.urandom(36 << 20))
    killed(datastore.workspace, "upload", source, 25 << 20)
    assert names(datastore) == []
    told: list[Progress] = []
    datastore.upload(source, watch=told.append)
    assert told[0].bytes >= 16 << 20  # were there already
    datastore.download(tmp_path / "out")
    assert content(tmp_path / "out") == content(source)
    if datastore.kind == "folder":
        assert list(content(Path(datastore.location))) == ["big.bin"]


def test_a_killed_download_goes_on_where_it_was(datastore: Datastore, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    (source / "big.bin").write_bytes(os.urandom(14 << 20))
    datastore.upload(source)
    killed(datastore.workspace, "download", out, 9 << 20)
    assert not (out / "big.bin").exists()
    told: list[Progress] = []
    datastore.download(out, watch=told.append)
    assert told[0].bytes >= 4 << 20
    assert content(out) == content(source)


def test_what_was_begun_of_another_version_is_not_used(
    datastore: Datastore, tmp_path: Path
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    (source / "big.bin").write_bytes(os.urandom(14 << 20))
    datastore.upload(source)
    killed(datastore.workspace, "download", out, 9 << 20)
    (source / "big.bin").write_bytes(os.urandom(14 << 20))
    datastore.upload(source, overwrite=True)
    datastore.download(out)
    assert content(out) == content(source)


def test_an_unfinished_copy_has_a_name_that_fits_everywhere() -> None:
    assert len(parts.part_name("ü" * 120, "0" * 12)) < 60
    assert parts.is_part(parts.part_name("a/b.csv", "0" * 12))
    assert not parts.is_part("a/.b.part")


def test_a_folder_for_reading_only_says_so(
    workspace: Workspace, cars: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.write_text("a file")
    with pytest.raises(NotFound, match="no folder"):
        Datastore.register_folder(workspace, "place", place)
    place.unlink()
    datastore = Datastore.register_folder(workspace, "place", place, create_if_not_exists=True)
    (place / "2026").write_text("in the way")
    with pytest.raises(StorageError, match="place"):
        datastore.upload(cars)
    if os.getuid() != 0:
        (place / "2026").unlink()
        place.chmod(0o555)
        with pytest.raises(StorageError, match="read-only"):
            datastore.upload(cars)


# Registrations


def test_every_workspace_has_a_folder_of_its_own(workspace: Workspace, cars: Path) -> None:
    own = workspace.get_default_datastore()
    assert (own.name, own.kind, own.is_default) == ("workspaceblobstore", "folder", True)
    own.upload(cars)
    assert (workspace.path / "datastore" / "all.csv").exists()
    assert workspace.check() == []
    with pytest.raises(InvalidState, match="stays"):
        own.unregister()
    with pytest.raises(InvalidInput, match="own folder"):
        Datastore.register_folder(workspace, own.name, cars)


def test_a_datastore_is_found_listed_replaced_and_forgotten(
    workspace: Workspace, cars: Path, tmp_path: Path
) -> None:
    first = Datastore.register_folder(workspace, "cars", cars, description="Old", tags={"a": "b"})
    again = Datastore.register_folder(workspace, "cars", cars, description="Cars")
    assert (first.version, again.version, again.description) == (1, 1, "Cars")
    newer = Datastore.register_folder(workspace, "cars", tmp_path)
    assert newer.version == 2 and Datastore.get(workspace, "cars").location == str(tmp_path)
    assert list(workspace.datastores) == ["workspaceblobstore", "cars"]
    workspace.set_default_datastore("cars")
    assert workspace.get_default_datastore().name == "cars"
    with pytest.raises(InvalidState, match="is the default"):
        newer.unregister()
    Datastore.set_default(workspace, "workspaceblobstore")
    newer.unregister()
    assert list(workspace.datastores) == ["workspaceblobstore"] and (cars / "all.csv").exists()
    with pytest.raises(NotFound, match="no datastore 'cars'"):
        Datastore.get(workspace, "cars")
    with pytest.raises(NotFound, match="no datastore 'cars'"):
        newer.unregister()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".x", "x" * 81, "a:1", "ünlich", 3])
def test_names_that_cannot_be_are_refused(name: Any, workspace: Workspace, cars: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name"):
        Datastore.register_folder(workspace, name, cars)
    with pytest.raises(InvalidInput, match="cannot be the name"):
        Datastore.get(workspace, name)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "no address"),
        (f"postgresql://ana@host/crm?password={SECRET}", "option 'password'"),
        (f"postgresql://ana:{SECRET}@host:port/crm", "no address"),
        ("sqlite://", "needs a file"),
    ],
)
def test_addresses_of_databases_are_checked(url: str, message: str, workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match=message) as error:
        Datastore.register_sql(workspace, "crm", url)
    assert SECRET not in str(error.value)


def test_credentials_are_in_the_vault_and_nowhere_else(
    workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    key = make_key(tmp_path / "key")
    (tmp_path / "key").unlink()
    unseen = {"skip_validation": True}
    Datastore.register_sql(workspace, "crm", f"postgresql://ana:{SECRET}@127.0.0.1:1/c", **unseen)
    keys = {"access_key_id": "AKIA", "secret_access_key": SECRET}
    Datastore.register_s3(workspace, "s3", "bucket", **keys, **unseen)
    Datastore.register_sftp(workspace, "lake", "h", "/d", private_key=key, **unseen)
    Datastore.register_sftp(workspace, "pond", "h", "/d", password=SECRET, **unseen)
    shown = [repr(each) + json.dumps(each.settings) for each in Datastore.list(workspace)]
    with pytest.raises(Unavailable) as error:
        Datastore.get(workspace, "crm").database.check()
    told = "".join([*shown, str(error.value), repr(error.value.details), caplog.text])
    everything = b"".join(content(tmp_path).values()) + told.encode()
    for secret in (SECRET, key.splitlines()[1]):
        assert secret.encode() not in everything
    vault = workspace.get_default_keyvault()
    assert vault.list_secrets() == [f"datastore.{name}" for name in ("crm", "lake", "pond", "s3")]
    Datastore.get(workspace, "s3").unregister()
    Datastore.register_sql(workspace, "crm", "postgresql://ana@127.0.0.1:1/c", **unseen)
    assert vault.list_secrets() == ["datastore.lake", "datastore.pond"]
    vault.delete_secret("datastore.lake")
    with pytest.raises(NotFound, match="are not in the workspace's keyvault"):
        Datastore.get(workspace, "lake").files_below()


# Places that do not let us in


@services
def test_a_bucket_that_is_missing_or_shut_says_so(
    s3: S3, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"endpoint": s3.url, "access_key_id": "AKIA", "secret_access_key": SECRET}
    with pytest.raises(StorageError, match="bucket does not exist"):
        Datastore.register_s3(workspace, "b", "no-such-bucket", **place)
    assert list(workspace.datastores) == ["workspaceblobstore"]
    assert workspace.get_default_keyvault().list_secrets() == []
    Datastore.register_s3(workspace, "b", "new-bucket", create_if_not_exists=True, **place)
    own = S3(tmp_path)  # its own, since it lets nobody in any more
    own.start()
    try:
        shut = in_s3(own, workspace, name="shut")
        own.refuse_all()
        with pytest.raises(NotAllowed, match="does not let you in") as error:
            shut.files_below()
        assert SECRET not in str(error.value)
    finally:
        own.kill()
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "1")
    with pytest.raises(Unavailable, match="cannot be reached"):
        Datastore.get(workspace, "shut").files_below()


@services
def test_only_the_registered_host_is_trusted(
    ssh: Sshd, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NotAllowed, match="not known on this machine"):
        behind_ssh(ssh, workspace, host_key=None)
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{ssh.port} {ssh.host_key}\n")
    datastore = behind_ssh(ssh, workspace, host_key=None)
    (tmp_path / ".ssh" / "known_hosts").unlink()
    assert datastore.settings["host_key"] == ssh.host_key
    assert Datastore.get(workspace, "place").files_below() == []
    ssh.stop()
    ssh.change_host_key()
    ssh.start()
    with pytest.raises(NotAllowed, match="another host key"):
        Datastore.get(workspace, "place").files_below()


@services
def test_ssh_that_refuses_or_is_away_says_so(
    ssh: Sshd, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for credentials in (
        {"private_key": make_key(tmp_path / "other")},
        {"private_key": None, "password": SECRET},
    ):
        with pytest.raises(NotAllowed, match="does not let you in") as error:
            behind_ssh(ssh, workspace, **credentials)
        assert SECRET not in str(error.value)
    with pytest.raises(NotFound, match="no folder"):
        behind_ssh(ssh, workspace, path="/no/such/folder")
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "1")
    with pytest.raises(Unavailable, match="cannot be reached"):
        behind_ssh(ssh, workspace, port=1)


@services
@pytest.mark.parametrize("kind", ["s3", "sftp"])
def test_a_host_that_never_answers_is_given_up(
    kind: str, workspace: Workspace, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEMLAB_PATIENCE_SECONDS", "1")
    with pytest.raises(Unavailable, match="cannot be reached"):
        if kind == "s3":
            keys = {"access_key_id": "AKIA", "secret_access_key": SECRET}
            url = f"http://127.0.0.1:{silent}"
            Datastore.register_s3(workspace, "b", "bucket", endpoint=url, **keys)
        else:
            Datastore.register_sftp(
                workspace, "b", "127.0.0.1", "/", port=silent, username="ana", password=SECRET
            )


@pytest.fixture
def silent() -> Any:
    """A port that takes connections and says nothing."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


# Datasets


def test_datasets_of_every_kind_of_datastore_are_the_same(
    datastore: Datastore, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    for name, lines in {
        "2026/01/a.csv": "x,y\n1,a\n",
        "2026/02/b.csv": "x,y\n2,b\n",
        "c.csv": "x,y\n3,c\n",
        "2026/.hidden.csv": "no,table\n",
        "d.txt": "x,y\n4,d\n",
    }.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(lines)
    datastore.upload(source)
    for pattern in ("**/*.csv", "2026/*/*.csv", "*.csv", "2026", "c.csv", "2026/0[2-9]/?.csv", ""):
        there = Dataset.File.from_files((datastore, pattern))
        here = Dataset.File.from_files(source / pattern)
        assert (there.to_path(), there.digest()) == (here.to_path(), here.digest()), pattern
    table = Dataset.Tabular.from_delimited_files(
        datastore.path("2026/*/*.csv"), partition_format="/{month}/*.csv", include_path=True
    )
    rows = table.to_arrow().to_pylist()
    assert [(row["x"], row["y"], row["month"]) for row in rows] == [(1, "a", "01"), (2, "b", "02")]
    assert all(row["Path"].endswith(f"2026/{row['month']}/{row['y']}.csv") for row in rows)
    again = Dataset.from_dict(json.loads(json.dumps(table.definition.to_dict())))
    before = table.digest()
    assert again.digest() == before
    assert Dataset.File.from_files((datastore, "2026")).download(tmp_path / "out")
    assert (tmp_path / "out" / "01" / "a.csv").read_text() == "x,y\n1,a\n"
    (source / "2026" / "01" / "a.csv").write_text("x,y\n9,z\n")
    datastore.upload(source, overwrite=True)
    assert table.to_arrow()["x"].to_pylist() == [9, 2] and table.digest() != before
    with pytest.raises(NotFound, match="No file"):
        Dataset.File.from_files((datastore, "none/*"))


def test_a_registered_dataset_finds_its_datastore_wherever_the_workspace_is(
    workspace: Workspace, cars: Path
) -> None:
    own = workspace.get_default_datastore()
    own.upload(cars, "cars")
    table = Dataset.Tabular.from_delimited_files((own, "cars/all.csv"))
    table.register(workspace, "cars")
    kept = workspace.assets.get("dataset", "cars").definition
    assert workspace.address not in json.dumps(kept)
    moved = workspace.path.with_name("moved")
    workspace.store.close()
    workspace.path.rename(moved)
    found = Dataset.get_by_name(Workspace.open(moved), "cars")
    assert found.to_arrow().to_pylist() == [{"speed": 4, "dist": 2}] and not found.has_changed()


def test_jobs_read_from_datastores(workspace: Workspace, cars: Path, tmp_path: Path) -> None:
    Datastore.register_folder(workspace, "cars", cars)
    script = tmp_path / "job" / "train.py"
    script.parent.mkdir()
    script.write_text(
        "from tandemlab import Dataset, Run\n"
        "run = Run.get_context()\n"
        "cars = run.experiment.workspace.datastores['cars']\n"
        "run.log('rows', len(Dataset.Tabular.from_delimited_files((cars, 'all.csv'))))\n"
    )
    config = ScriptRunConfig(script.parent, "train.py")
    run = workspace.experiment("demo").submit(config)
    run.wait_for_completion()
    assert run.get_metrics() == {"rows": 1}


def test_files_and_tables_of_each_kind_are_inputs_in_each_way(
    datastore: Datastore, workspace: Workspace, cars: Path, tmp_path: Path
) -> None:
    datastore.upload(cars)
    files = Dataset.File.from_files((datastore, "2026/*.csv"))
    table = Dataset.Tabular.from_delimited_files((datastore, "all.csv"))
    named = files.as_named_input("linked").as_mount()
    copied = files.as_named_input("copied").as_download()
    script = tmp_path / "job" / "read.py"
    script.parent.mkdir()
    script.write_text(
        "import pathlib, sys\n"
        "from tandemlab import Run\n"
        "run = Run.get_context()\n"
        "for name, folder in zip(('given', 'linked', 'copied', 'place'), sys.argv[1:]):\n"
        "    (file,) = pathlib.Path(folder).glob('*.csv')\n"
        "    run.log(name, f'{file.is_symlink()} {file.read_text().split()[1]}')\n"
        "run.log('rows', len(run.input_datasets['cars']))\n"
    )
    given = files.as_named_input("given")
    place = datastore.path("", name="place")
    arguments = [given, named, copied, place]
    config = ScriptRunConfig(script.parent, "read.py", arguments, inputs={"cars": table})
    run = workspace.experiment("demo").submit(config)
    run.wait_for_completion()
    metrics = run.get_metrics()
    assert metrics.pop("rows") == 1
    assert metrics == {
        **dict.fromkeys(("given", "linked"), "True 7,4"),
        "copied": "False 7,4",
        "place": "True 4,2",
    }


# Databases


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=services)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database with a table of 25,000 rows, and an empty one."""
    if request.param == "sqlite":
        found = f"sqlite:///{tmp_path / 'a.db'}"
    else:
        found = str(request.getfixturevalue("database"))
    engine = create_engine(found.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE trips (id integer, km numeric, town text, day date, note text)"
        )
        connection.exec_driver_sql("CREATE TABLE none (id integer, km double precision)")
        rows = [{"id": n, "km": n / 2, "town": f"t{n % 3}"} for n in range(25_000)]
        statement = "INSERT INTO trips VALUES (:id, :km, :town, '2026-01-31', NULL)"
        connection.execute(text(statement), rows)
    engine.dispose()
    return found


def test_a_query_is_a_table(address: str, workspace: Workspace) -> None:
    datastore = Datastore.register_sql(workspace, "crm", address)
    query = "SELECT id, km, town, day, note FROM trips WHERE town LIKE 't%' ORDER BY id"
    table = Dataset.Tabular.from_sql_query(datastore, query, set_column_types={"day": "date"})
    assert table.columns == {
        "id": "BIGINT",
        "km": "DOUBLE",
        "town": "VARCHAR",
        "day": "DATE",
        "note": "VARCHAR",
    }
    assert len(table) == 25_000
    last = table.filter("id >= 24999").keep_columns(["id", "km", "town"]).to_arrow().to_pylist()
    assert last == [{"id": 24_999, "km": 12_499.5, "town": "t0"}]
    parts = table.random_split(0.3, seed=1)
    assert len(parts[0]) + len(parts[1]) == 25_000
    table.register(workspace, "trips")
    assert not Dataset.get_by_name(workspace, "trips").has_changed()
    assert Dataset.Tabular.from_sql_query(datastore, "SELECT * FROM none").to_arrow().num_rows == 0


def test_a_query_is_an_input_of_a_run(address: str, workspace: Workspace, tmp_path: Path) -> None:
    datastore = Datastore.register_sql(workspace, "crm", address)
    table = Dataset.Tabular.from_sql_query(datastore, "SELECT id, km FROM trips ORDER BY id")
    trips = table.register(workspace, "trips")
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "train.py").write_text(
        "from tandemlab import Run\n"
        "run = Run.get_context()\n"
        "run.log('km', float(run.input_datasets['trips'].to_arrow()['km'].to_numpy().sum()))\n"
    )
    config = ScriptRunConfig(tmp_path / "job", "train.py", inputs={"trips": trips})
    run = workspace.experiment("demo").submit(config)
    run.wait_for_completion()
    assert run.get_metrics() == {"km": sum(n / 2 for n in range(25_000))}
    assert [each.id for each in trips.get_runs()] == [run.id]
    engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE trips RENAME COLUMN km TO miles")
    engine.dispose()
    with pytest.raises(InvalidInput, match="km"):
        table.to_arrow()


def test_a_query_changes_nothing(address: str, workspace: Workspace) -> None:
    datastore = Datastore.register_sql(workspace, "crm", address)
    for query in ("DELETE FROM trips", "DROP TABLE trips", "SELECT * FROM absent", "nonsense"):
        with pytest.raises(InvalidInput, match="refuses the query"):
            Dataset.Tabular.from_sql_query(datastore, query)
    assert len(Dataset.Tabular.from_sql_query(datastore, "SELECT id FROM trips")) == 25_000


def test_a_query_that_takes_too_long_is_given_up(address: str, workspace: Workspace) -> None:
    datastore = Datastore.register_sql(workspace, "crm", address)
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"
    with pytest.raises(Unavailable, match=r"more than 0\.5 seconds"):
        Dataset.Tabular.from_sql_query(datastore, endless, query_timeout=0.5)


def test_a_value_that_does_not_fit_gives_no_part(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(20_000)])
        connection.execute("INSERT INTO t VALUES ('x')")
    datastore = Datastore.register_sql(workspace, "crm", f"sqlite:///{path}")
    table = Dataset.Tabular.from_sql_query(datastore, "SELECT a FROM t")
    with pytest.raises(InvalidInput, match="Row 20001: column 'a': 'x'"):
        table.to_arrow()
    assert table.to_arrow(on_error="null")["a"].null_count == 1


def test_a_workspace_by_url_knows_its_datastores(
    remote: Workspace, tmp_path: Path, cars: Path
) -> None:
    Datastore.register_folder(remote, "cars", cars)
    assert Datastore.get(Workspace(remote.address), "cars").files_below("all")
    Datastore.register_sql(remote, "crm", f"postgresql://ana:{SECRET}@h/c", skip_validation=True)
    assert Datastore.get(remote, "crm").database.password == SECRET
    with pytest.raises(InvalidState, match="at a server"):
        remote.get_default_datastore().files_below()


def test_runs_at_a_server_read_from_datastores_and_write_to_them(
    remote: Workspace, tmp_path: Path, cars: Path
) -> None:
    lake = Datastore.register_folder(remote, "lake", cars)
    table = Dataset.Tabular.from_delimited_files((lake, "all.csv")).register(remote, "rows")
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "train.py").write_text(
        "import pathlib, sys\n"
        "from tandemlab import Run\n"
        "run = Run.get_context()\n"
        "run.log('rows', len(run.input_datasets['rows'].to_arrow()))\n"
        "run.log('there', pathlib.Path(sys.argv[1], 'all.csv').exists())\n"
        "pathlib.Path(sys.argv[2], 'made.csv').write_text('x\\n1\\n')\n"
    )
    made = OutputFileDatasetConfig("made", (lake, "made")).as_upload()
    arguments = [lake.path(), made.register_on_complete("made").read_delimited_files()]
    inputs = [table.as_named_input("rows")]
    config = ScriptRunConfig(tmp_path / "job", "train.py", arguments, inputs=inputs)
    run = remote.experiment("demo").submit(config)
    run.wait_for_completion()
    assert run.get_metrics() == {"rows": 1, "there": True}
    assert remote.datasets["made"].to_arrow().to_pylist() == [{"x": 1}]
