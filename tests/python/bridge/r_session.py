"""An R process that crosses frames for the tests, hundreds a second."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[2]
LIBRARY = TESTS.parent / ".rlib"


class RSession:
    """One Rscript with reticulate, started once; its Python is the one of the tests."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="frames-"))
        self.frame = self.folder / "frame.pickle"
        pipe = self.folder / "replies"
        os.mkfifo(pipe)
        self._output = (self.folder / "output").open("wb+")
        # Opened for both, a pipe does not wait for R to open the other end.
        self._replies = os.fdopen(os.open(pipe, os.O_RDWR), "rb", buffering=0)
        libraries = [str(LIBRARY), *filter(None, [os.environ.get("R_LIBS")])]
        self._process = subprocess.Popen(
            ["Rscript", "--no-init-file", TESTS / "python/bridge/r_session.R", TESTS, pipe],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "R_LIBS": ":".join(libraries), "TZ": "America/New_York"},
        )

    def ask(self, operation: str, **request: Any) -> dict[str, Any]:
        """The answer to one request; frames are exchanged in the file ``frame``."""
        line = json.dumps({"operation": operation, "path": str(self.frame), **request})
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        answer = dict(json.loads(self._reply()))
        assert "broken" not in answer, answer["broken"]
        return answer

    def _reply(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._replies], [], [], 0.1)
            if ready:
                line += self._replies.read(65536)
            elif self._process.poll() is not None:
                self._output.seek(0)
                raise AssertionError(f"R ended: {self._output.read()[-4000:].decode()}")
        return line

    def close(self) -> None:
        """Ends R."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._replies.close()
        self._output.close()
        shutil.rmtree(self.folder, ignore_errors=True)
