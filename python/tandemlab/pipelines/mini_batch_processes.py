"""Processes that run mini-batches: one of a parallel run's side, and the Python ones' own.

They are told and tell JSON through two pipes, each text as its length in four bytes, lowest first,
and its bytes (as the workers of `tandemlab.bridge`). Those of R are in ``R/mini-batches.R``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tandemlab.domain import InvalidInput
from tandemlab.training.languages import Language

_R = "tandemlab:::run_mini_batches()"
CALL = "TANDEMLAB_PARALLEL_CALL"


class MiniBatchProcess:
    """A process that has loaded the script; the parallel run's side.

    Args:
        call: what the parallel run was told.
        words: arguments of the script.

    Attributes:
        end_note: how it ended, once a call was not answered.
    """

    def __init__(self, call: Mapping[str, Any], words: list[str]) -> None:
        self._timeout = call["run_invocation_timeout"]
        self._has_begun = False
        self.end_note = ""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        told = {**call, "in": theirs_in, "out": theirs_out, "parent": os.getpid()}
        try:
            self._process = subprocess.Popen(
                [*_program(call), *words],
                pass_fds=(theirs_in, theirs_out),
                env={**os.environ, CALL: json.dumps(told)},
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)

    def run(self, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """What it answers; None if it did not: it has ended, or was too slow."""
        if not self._has_begun:
            begun = self._receive(None)
            if begun is None or "error" in begun:
                return begun
            self._has_begun = True
        try:
            send_text(self._out, json.dumps(request))
        except BrokenPipeError:
            return self._receive(None)
        return self._receive(self._timeout)

    def _receive(self, seconds: float | None) -> dict[str, Any] | None:
        ready, _, _ = select.select([self._in], [], [], seconds)
        if not ready:
            self.end_note = f"It took longer than {seconds:g} seconds."
            return None
        text = receive_text(self._in)
        if text is None:
            code = self._process.wait()
            ending = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            self.end_note = f"Its process ended {ending}."
            return None
        answer: dict[str, Any] = json.loads(text)
        return answer

    def close(self) -> None:
        """End it: in order if it waits for a call, and else at once."""
        with suppress(BrokenPipeError):
            send_text(self._out, "null")
        try:
            self._process.wait(0 if self.end_note else 5)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._in)
        os.close(self._out)


def _program(call: Mapping[str, Any]) -> list[str]:
    if Language.of(call["script"]) is Language.PYTHON:
        return [sys.executable, "-m", "tandemlab.pipelines.mini_batch_processes"]
    from tandemlab.bridge.rscript import find_r

    return [find_r(call["interpreter"]).rscript, "-e", _R]


def send_text(descriptor: int, text: str) -> None:
    """Write one text."""
    data = text.encode()
    data = struct.pack("<I", len(data)) + data
    while data:
        data = data[os.write(descriptor, data) :]


def receive_text(descriptor: int) -> str | None:
    """Read one text; None at the end."""
    head = _read(descriptor, 4)
    data = None if head is None else _read(descriptor, struct.unpack("<I", head)[0])
    return None if data is None else data.decode()


def _read(descriptor: int, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        piece = os.read(descriptor, size - len(data))
        if not piece:
            return None
        data += piece
    return data


# The side of a process of Python


def main() -> None:
    """Run the mini-batches that come in, until there are none or the parent is gone."""
    call = json.loads(os.environ.pop(CALL))
    threading.Thread(target=_end_with, args=(call["parent"],), daemon=True).start()
    try:
        script = _load(call["script"])
        getattr(script, "init", lambda: None)()
    except (Exception, SystemExit) as error:
        send_text(call["out"], json.dumps({"error": _told(error), "is_init": True}))
        return
    send_text(call["out"], "{}")
    while (text := receive_text(call["in"])) not in (None, "null"):
        answer = _answer(script, json.loads(str(text)), call["output_type"])
        send_text(call["out"], json.dumps(answer))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)


def _load(name: str) -> Any:
    path = Path(name).absolute()
    sys.argv[0] = str(path)
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, "run", None)):
        raise InvalidInput(
            f"{name} has no function run.", hint="Define run(mini_batch), which gives its results."
        )
    return module


def _answer(script: Any, request: Mapping[str, Any], type: str | None) -> dict[str, Any]:
    try:
        _keep(script.run(_mini_batch(request)), Path(request["result"]), type)
    except Exception as error:
        return {"error": _told(error)}
    finally:
        sys.stdout.flush()
    return {}


def _told(error: BaseException) -> str:
    """An error in one line, and where it came from below."""
    trace = "".join(traceback.format_tb(error.__traceback__, limit=-3))
    return f"{error.__class__.__name__}: {error}\n{trace}"


def _mini_batch(request: Mapping[str, Any]) -> Any:
    if "rows" not in request:
        return request.get("items", request.get("paths"))
    from tandemlab.bridge import read_frame
    from tandemlab.bridge.crossing import as_library

    start, end = request["rows"]
    return as_library(read_frame(request["input"]).slice(start, end - start), "pandas")


def _keep(value: Any, result: Path, type: str | None) -> None:
    part = result.with_name(f".{os.getpid()}-{result.name}")
    if type == "table":
        from tandemlab.bridge import write_frame

        write_frame(value, part)
    else:
        rows = value if isinstance(value, (list, tuple)) else [value]
        part.write_text("" if type is None else _as_json(rows, type), encoding="utf-8")
    part.replace(result)


def _as_json(rows: Any, type: str) -> str:
    return json.dumps([str(each) for each in rows] if type == "file" else rows, ensure_ascii=False)


if __name__ == "__main__":
    main()
