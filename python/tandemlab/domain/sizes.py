"""Sizes in bytes, as people write them."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kKMGT]?)(i?)B?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def size_of(text: str) -> int | None:
    """The bytes that a text stands for, None if for none; ``kB`` is 1000, ``KiB`` 1024.

    >>> size_of("1.5 GB"), size_of("2KiB"), size_of("much")
    (1500000000, 2048, None)
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    return int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2]])
