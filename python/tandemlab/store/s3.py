"""The file system of an S3-like server, over s3fs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from tandemlab.domain import MissingDependency


def open_s3(
    what: str,
    options: Mapping[str, str],
    keys: Mapping[str, str],
    *,
    seconds: float,
    answer_seconds: float,
    tries: int,
    retries: int,
) -> Any:
    """A file system of s3fs, the same for the same settings; nothing is asked of the server yet.

    Args:
        what: what needs it, for the error where s3fs is not installed.
        options: ``endpoint`` (a URL), ``region`` and ``profile`` (of the AWS settings), as given.
        keys: ``key``, ``secret`` and perhaps ``token``; what the environment offers if empty.
        seconds: how long the server may take to be reached.
        answer_seconds: how long it may take to answer.
        tries: how often botocore asks it.
        retries: how often s3fs has it do that.

    Raises:
        MissingDependency: s3fs is not installed.
    """
    need_for_s3("s3fs", what)
    surroundings = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    settings = (tuple(sorted(each.items())) for each in (surroundings, options, keys))
    return _opened(os.getpid(), *settings, seconds, answer_seconds, tries, retries)


_Pairs = tuple[tuple[str, str], ...]


@lru_cache(maxsize=8)
def _opened(
    process: int,  # a fork cannot use what its parent has opened
    surroundings: _Pairs,
    options: _Pairs,
    keys: _Pairs,
    seconds: float,
    answer_seconds: float,
    tries: int,
    retries: int,
) -> Any:
    given = dict(options)
    files = import_module("s3fs").S3FileSystem(
        **dict(keys),
        endpoint_url=given.get("endpoint"),
        profile=given.get("profile"),
        client_kwargs={"region_name": given["region"]} if "region" in given else {},
        config_kwargs={
            "connect_timeout": seconds,
            "read_timeout": answer_seconds,
            "retries": {"total_max_attempts": tries, "mode": "standard"},
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    files.retries = retries
    return files


def need_for_s3(library: str, what: str) -> Any:
    """A library of the extra ``s3``, imported now; raises as `open_s3` does."""
    try:
        return import_module(library)
    except ImportError as error:
        raise MissingDependency(
            f"{what} need {error.name}, which is not installed.",
            hint="Install it with `pip install 'tandemlab[s3]'`.",
        ) from error
