"""S3 for tests: moto's server, a process of its own, whose clock a test may move.

``s3`` is the server, shared by all tests of a process; ``bucket`` is a new bucket of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
_NOBODY = {
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": "us-east-1",
}
# The port is chosen by the kernel and told in the first line. What moto calls now is shifted by
# the seconds that a file holds; nothing else of moto is changed.
_SERVER = """
import datetime, pathlib, sys
import moto.s3.models as models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
clock, plain = pathlib.Path(sys.argv[1]), models.utcnow
models.utcnow = lambda: plain() + datetime.timedelta(seconds=float(clock.read_text()))
application = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", int(sys.argv[2]), application, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""


@dataclass
class S3:
    """A server that may be killed, frozen and started again at its port; it forgets all then."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[str] | None = None
    _names: Iterator[int] = field(default_factory=count)

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        self.move_clock(0)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, self.folder / "clock", str(self.port)],
            stdout=subprocess.PIPE,
            stderr=(self.folder / "log").open("a"),
            text=True,
            env={
                **os.environ,
                **_NOBODY,
                **KEYS,
                "MOTO_RECORDER_FILEPATH": str(self.folder / "asked"),
            },
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (self.folder / "log").read_text()
        self.port = int(line)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def move_clock(self, seconds: float) -> None:
        """Have it be so much later there."""
        (self.folder / "clock.new").write_text(str(seconds))
        (self.folder / "clock.new").replace(self.folder / "clock")

    def new_bucket(self) -> str:
        """Address of a prefix in an empty bucket."""
        name = f"bucket-{next(self._names)}"
        self.files().mkdir(name)
        return f"s3://{name}/lab?endpoint={self.url}"

    def files(self) -> Any:
        """The file system, as an administrator sees it."""
        import s3fs

        return s3fs.S3FileSystem(
            key=KEYS["AWS_ACCESS_KEY_ID"],
            secret=KEYS["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=self.url,
            use_listings_cache=False,
            skip_instance_cache=True,
        )

    def requests(self, method: str | None = None) -> list[str]:
        """What was asked of it since the last `forget`, as ``METHOD PATH``."""
        with urlopen(f"{self.url}/moto-api/recorder/download-recording") as answer:
            lines = [json.loads(line) for line in answer.read().decode().splitlines()]
        found = [f"{line['method']} {line['url'].partition(str(self.port))[2]}" for line in lines]
        return [line for line in found if method in (None, line.partition(" ")[0])]

    def refuse_all(self) -> None:
        """Let nobody do anything from now on."""
        plain = {"Content-Type": "text/plain"}
        url = f"{self.url}/moto-api/reset-auth"
        urlopen(Request(url, method="POST", data=b"0", headers=plain)).close()

    def record(self) -> None:
        """Begin to remember what is asked of it, from nothing."""
        for verb in ("reset-recording", "start-recording"):
            urlopen(Request(f"{self.url}/moto-api/recorder/{verb}", method="POST")).close()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A running server."""
    server = S3(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of the test, and nothing of the user's."""
    for name, value in {**_NOBODY, **KEYS}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bucket(s3: S3, aws: None) -> Iterator[str]:
    """Address of a place in an empty bucket, at the right time."""
    s3.move_clock(0)
    yield s3.new_bucket()
    s3.move_clock(0)
