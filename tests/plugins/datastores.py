"""Datastores of each kind that holds files: in a folder, in S3 and behind SFTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from plugins.s3 import S3
from plugins.ssh import Sshd
from tandemlab import Datastore, Workspace

SECRET = "tiger-7f3a-plain"
KINDS = (
    "folder",
    pytest.param("s3", marks=pytest.mark.services),
    pytest.param("sftp", marks=pytest.mark.services),
)


@pytest.fixture(params=KINDS)
def datastore(request: pytest.FixtureRequest, workspace: Workspace, tmp_path: Path) -> Datastore:
    """A datastore of each kind that holds files, empty."""
    if request.param == "folder":
        (tmp_path / "place").mkdir()
        return Datastore.register_folder(workspace, "place", tmp_path / "place")
    if request.param == "s3":
        return in_s3(request.getfixturevalue("s3"), workspace, "sub/folder")
    return behind_ssh(request.getfixturevalue("ssh"), workspace)


def in_s3(s3: S3, workspace: Workspace, prefix: str = "", name: str = "place") -> Datastore:
    bucket = urlsplit(s3.new_bucket()).hostname
    assert bucket
    return Datastore.register_s3(
        workspace,
        name,
        bucket,
        prefix=prefix,
        endpoint=s3.url,
        region="us-east-1",
        access_key_id="tester",
        secret_access_key=SECRET,
    )


def behind_ssh(ssh: Sshd, workspace: Workspace, **options: Any) -> Datastore:
    settings = {
        "port": ssh.port,
        "username": ssh.user,
        "private_key": ssh.client_key,
        "host_key": ssh.host_key,
        **options,
    }
    path = settings.pop("path", str(ssh.new_folder()))
    return Datastore.register_sftp(workspace, "place", "127.0.0.1", path, **settings)
