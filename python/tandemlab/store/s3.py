"""The file system of an S3-like server, over s3fs."""

from __future__ import annotations

from collections.abc import Mapping
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
) -> Any:
    """A file system of s3fs that nobody else uses; nothing is asked of the server yet.

    Args:
        what: what needs it, for the error where s3fs is not installed.
        options: ``endpoint`` (a URL), ``region`` and ``profile`` (of the AWS settings), as given.
        keys: ``key``, ``secret`` and perhaps ``token``; what the environment offers if empty.
        seconds: how long the server may take to be reached.
        answer_seconds: how long it may take to answer.
        tries: how often botocore asks it; s3fs tries again, too.

    Raises:
        MissingDependency: s3fs is not installed.
    """
    return need_for_s3("s3fs", what).S3FileSystem(
        **keys,
        endpoint_url=options.get("endpoint"),
        profile=options.get("profile"),
        client_kwargs={"region_name": options["region"]} if "region" in options else {},
        config_kwargs={
            "connect_timeout": seconds,
            "read_timeout": answer_seconds,
            "retries": {"total_max_attempts": tries, "mode": "standard"},
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )


def need_for_s3(library: str, what: str) -> Any:
    """A library of the extra ``s3``, imported now; raises as `open_s3` does."""
    try:
        return import_module(library)
    except ImportError as error:
        raise MissingDependency(
            f"{what} need {error.name}, which is not installed.",
            hint="Install it with `pip install 'tandemlab[s3]'`.",
        ) from error
