"""What a table in a file is written in, by the ending of its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        ".csv": "delimited",
        ".tsv": "delimited",
        ".txt": "delimited",
        ".parquet": "parquet",
        ".arrow": "arrow",
        ".feather": "arrow",
        ".jsonl": "json_lines",
        ".ndjson": "json_lines",
    }
)
"""Formats as `Dataset.Tabular` has them, ``from_FORMAT_files()``, by ending."""


def usual_separator(ending: str) -> str:
    r"""What is between the values in delimited text of that ending, unless another is told.

    >>> usual_separator(".tsv"), usual_separator(".csv")
    ('\t', ',')
    """
    return "\t" if ending == ".tsv" else ","
