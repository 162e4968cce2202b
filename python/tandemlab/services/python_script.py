"""The process behind a replica that runs a Python script; `tandemlab.services.replica` starts it.

``python python_script.py CHANNEL SCRIPT``. It runs in the environment of the script, so it needs
nothing but Python's standard library. Texts go through one socket, each as its length in four
bytes, lowest first, and its bytes; so what the script prints stays the log's. The first byte of
what goes out is ``=`` (it went well) or ``!`` (``{"message", "traceback"}``). The first text tells
how ``init()`` went; each text that comes in is the argument of one call of ``run()``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

_GRACE_SECONDS = 2


def main() -> None:
    """Answer until the service closes the channel."""
    channel, script = int(sys.argv[1]), os.path.abspath(sys.argv[2])
    os.set_inheritable(channel, False)
    threading.Thread(target=_end_with_service, args=(channel,), daemon=True).start()
    connection = socket.socket(fileno=channel)
    try:
        run = _load(script)
    except BaseException as problem:
        _send(connection, b"!", _described(problem))
        sys.exit(1)
    _send(connection, b"=", b"{}")
    _serve(connection, run)


def _serve(connection: socket.socket, run: Callable[[str], Any]) -> None:
    stream = connection.makefile("rb")
    while True:
        head = stream.read(4)
        if len(head) < 4:
            return
        text = stream.read(int.from_bytes(head, "little")).decode("utf-8")
        try:
            status, answer = b"=", _as_text(run(text))
        except Exception as problem:
            status, answer = b"!", _described(problem)
        sys.stdout.flush()
        _send(connection, status, answer)


def _load(script: str) -> Callable[[str], Any]:
    """The script's ``run``, after its ``init()``."""
    sys.argv[:] = [script]
    sys.path[0] = os.path.dirname(script)
    name = os.path.splitext(os.path.basename(script))[0]
    if name in sys.modules:
        name = "entry_" + name
    spec = importlib.util.spec_from_file_location(name, script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, "run", None)):
        raise TypeError("The script has no function run(data), which answers requests.")
    if hasattr(module, "init"):
        module.init()
    run: Callable[[str], Any] = module.run
    return run


def _send(connection: socket.socket, status: bytes, text: bytes) -> None:
    connection.sendall((len(text) + 1).to_bytes(4, "little") + status + text)


def _as_text(value: Any) -> bytes:
    """A text or bytes as they are, anything else as JSON."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8")
    try:
        text = json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def _plain(value: Any) -> Any:
    """What JSON can hold, for values of numpy, pandas and polars."""
    if hasattr(value, "to_dicts"):
        return value.to_dicts()
    if hasattr(value, "columns") and hasattr(value, "to_dict"):
        return value.to_dict(orient="records")
    for name in ("tolist", "to_list", "isoformat"):
        if hasattr(value, name):
            return getattr(value, name)()
    raise TypeError(
        f"run() gave a value of the type {type(value).__name__}, which JSON cannot hold."
    )


def _finite(value: Any) -> Any:
    """A value with null for the numbers that JSON does not have."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return _finite(_plain(value))


def _described(problem: BaseException) -> bytes:
    """The error, without the calls of this program."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame[0]]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(own)]
    said = traceback.format_exception_only(type(problem), problem)
    message = {"message": said[-1].strip(), "traceback": "".join([*lines, *said])}
    return json.dumps(message).encode("utf-8")


def _end_with_service(channel: int) -> None:
    """End this process and its children once the service is gone, though the script hang."""
    poll = select.poll()
    poll.register(channel, 0)
    poll.poll()
    time.sleep(_GRACE_SECONDS)
    os.kill(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
