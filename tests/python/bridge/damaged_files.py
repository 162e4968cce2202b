"""Files of frames to be damaged: small, and of every type."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tandemlab.bridge import write_frame

pa = pytest.importorskip("pyarrow")


def good_files(folder: Path) -> None:
    """Small files that hold every type between them, in both forms and with each codec."""
    numbers = {
        **{str(kind): pa.array([1, None, 3], kind()) for kind in (pa.int8, pa.uint16, pa.int64)},
        "half": pa.array([1.5, None, 2], pa.float16()),
        "double": pa.array([1.5, None, 2]),
        "flag": pa.array([True, None, False]),
        "decimal": pa.array([Decimal("1.25"), None, Decimal(2)]),
        "nothing": pa.nulls(3),
    }
    texts = {
        "text": pa.array(["a", None, "bcd"]),
        "large": pa.array(["a", None, "bcd"], pa.large_string()),
        "view": pa.array(["a", None, "longer than twelve bytes"], pa.string_view()),
        "bytes": pa.array([b"a", None, b""], pa.binary()),
        "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
        "coded": pa.array(["x", None, "y"]).dictionary_encode(),
    }
    times = {
        "day": pa.array([dt.date(2026, 1, 1), None, dt.date(1970, 1, 1)]),
        "instant": pa.array([1, None, 3], pa.timestamp("ns", "Europe/Berlin")),
        "time": pa.array([1, None, 3], pa.time32("s")),
        "span": pa.array([1, None, 3], pa.duration("ms")),
    }
    trees = {
        "list": pa.array([[1, 2], None, []]),
        "large": pa.array([["a"], None, ["b", None]], pa.large_list(pa.string())),
        "pair": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int32(), 2)),
        "frame": pa.array([{"a": 1, "b": "u"}, {"a": None, "b": None}, {"a": 2, "b": "v"}]),
        "map": pa.array([[("k", 1.5)], [], None], pa.map_(pa.string(), pa.float64())),
        "deep": pa.array([[[["x"]]], None, []]).cast(pa.list_(pa.list_(pa.list_(pa.string())))),
    }
    long = {"text": pa.array([f"text number {i}" for i in range(1500)])}
    codecs: list[Any] = [None, "lz4", "zstd"]
    for i, columns in enumerate([numbers, texts, times, trees, long]):
        table = pa.table(columns).replace_schema_metadata({"tandemlab:r": '{"kind": "frame"}'})
        write_frame(table, folder / f"{i}.arrow")
        write_frame(table, folder / f"{i}-packed.arrow", compression=codecs[1 + i % 2])
        write_frame(table, folder / f"{i}.arrows", compression=codecs[i % 3])
    schema = pa.schema([("coded", pa.dictionary(pa.int32(), pa.string()))])
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(folder / "deltas.arrows", schema, options=options) as writer:
        for values in (["a", "b"], ["a", "b", "c"]):
            codes = pa.array(range(len(values)), pa.int32())
            writer.write(pa.record_batch([pa.DictionaryArray.from_arrays(codes, values)], schema))
