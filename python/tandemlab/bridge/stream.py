"""Streams of the Arrow C interface by their addresses, without any library."""

from __future__ import annotations

import ctypes
from typing import Any, Protocol

from tandemlab.domain.errors import InvalidInput

_NAME = b"arrow_array_stream"  # must live as long as every capsule
_POINTER = ctypes.sizeof(ctypes.c_void_p)
# struct ArrowArrayStream: get_schema, get_next, get_last_error, release, private_data
_SIZE, _RELEASE = 5 * _POINTER, 3 * _POINTER

_new_capsule = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
)(("PyCapsule_New", ctypes.pythonapi))
_pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


class ArrowStreamable(Protocol):
    """Anything that offers its data as an Arrow stream."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        """A capsule named ``arrow_array_stream``."""


class ReceivedStream:
    """A stream that R has made; every library that reads Arrow streams can read it, once.

    The stream's structure belongs to R and lives as long as the call that hands it over.
    """

    def __init__(self, address: str) -> None:
        self._address = int(address)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return _new_capsule(self._address, _NAME, None)


class OpenStream:
    """The stream of a source, which is one and was not read before.

    Raises:
        InvalidInput: it is not, or it was.
    """

    def __init__(self, source: ArrowStreamable) -> None:
        self._capsule = source.__arrow_c_stream__()
        try:
            self.pointer: int = _pointer_of(self._capsule, _NAME)
        except ValueError:
            raise InvalidInput(
                f"What __arrow_c_stream__() of {type(source).__qualname__} gives is no stream.",
                hint="Is the library that it comes from up to date?",
            ) from None
        if ctypes.c_void_p.from_address(self.pointer + _RELEASE).value is None:
            raise InvalidInput(
                "The stream is not open: it was read already.",
                hint="A stream is read once; keep what it gives as a table.",
            )

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return self._capsule


def move(source: ArrowStreamable, address: str) -> None:
    """Moves a stream into the empty structure at an address of R's; R releases it from now on."""
    stream = OpenStream(source)
    pointer = stream.pointer
    ctypes.memmove(int(address), pointer, _SIZE)
    ctypes.memset(pointer + _RELEASE, 0, _POINTER)
